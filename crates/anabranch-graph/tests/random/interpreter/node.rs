//! One activation.

use std::cell::RefCell;

use serde_json::Value;

use super::{Came, Errors, Fields, Told, Write, run};
use crate::build::known;
use crate::expression::{On, eval, is_true};
use crate::generator::answer;

fn written(node: &Value, on: On<'_>) -> Vec<Write> {
    let writes = node["writes"].as_array().unwrap().iter();
    let wanted = writes.filter(|write| write.get("when").is_none_or(|when| is_true(&eval(when, on))));
    let name = |write: &Value| write["field"].as_str().unwrap().to_string();
    wanted.map(|write| (name(write), eval(&write["value"], on), write["op"] == "overwrite")).collect()
}

/// The work of a plain node or an item.
fn work(
    node: &Value,
    on: On<'_>,
    index: Option<usize>,
    path: &str,
    plain: &str,
    came: &RefCell<Came>,
) -> Result<(Vec<Write>, Told), Errors> {
    if let Some(graph) = node.get("graph") {
        let read = node["read"].as_object().unwrap();
        let initial = read.iter().map(|(name, value)| (name.clone(), eval(value, on))).collect();
        let (result, told) = run(graph, &initial, &format!("{path}/"), &format!("{plain}/"), came);
        let state = result?;
        return Ok((written(node, On { state: &state, item: None, answer: None }), told));
    }
    came.borrow_mut().works.insert(path.into(), known(plain, index, on.state));
    let index = index.unwrap_or(0);
    let fails = match node.get("fail") {
        None => false,
        Some(fail) if fail.get("items").is_some() => fail["items"].as_array().unwrap().iter().any(|one| *one == index),
        Some(condition) => is_true(&eval(condition, on)),
    };
    if fails { Err(Errors::from(["Failed"])) } else { Ok((written(node, on), Told::default())) }
}

pub(super) fn activate(
    node: &Value,
    state: &Fields,
    path: &str,
    plain: &str,
    came: &RefCell<Came>,
) -> Result<(Vec<Write>, Told), Errors> {
    let on = On { state, item: None, answer: None };
    if node["kind"] == "ask" {
        return Ok((written(node, On { answer: Some(&answer(path)), ..on }), Told::default()));
    }
    if node["kind"] != "map" {
        return work(node, on, None, path, plain, came);
    }
    let (mut writes, mut told, mut errors) = (Vec::new(), Told::default(), Errors::new());
    for (index, item) in eval(&node["list"], on).as_array().unwrap().iter().enumerate() {
        let path = format!("{path}[{index}]");
        *told.runs.entry(format!("{plain}[]")).or_default() += 1;
        came.borrow_mut().paths.insert(path.clone());
        match work(node, On { item: Some(item), ..on }, Some(index), &path, plain, came) {
            Ok((more, inner)) => {
                writes.extend(more);
                told.add(inner);
            }
            Err(_) if node["settled"] == true => _ = told.failed.insert(path),
            Err(more) => errors.extend(more),
        }
    }
    if errors.is_empty() { Ok((writes, told)) } else { Err(errors) }
}
