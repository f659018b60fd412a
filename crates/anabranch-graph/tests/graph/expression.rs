//! The expressions of the cases.

use serde_json::{Map, Value, json};

/// What an expression is evaluated on.
#[derive(Clone, Copy)]
pub(crate) struct On<'a> {
    pub(crate) state: &'a Map<String, Value>,
    pub(crate) item: Option<&'a Value>,
    pub(crate) answer: Option<&'a Value>,
}

pub(crate) fn eval(expression: &Value, on: On<'_>) -> Value {
    let Value::Object(object) = expression else {
        return match expression {
            Value::Array(list) => list.iter().map(|one| eval(one, on)).collect(),
            other => other.clone(),
        };
    };
    let (operator, operand) = object.iter().next().unwrap();
    let both = || (eval(&operand[0], on), eval(&operand[1], on));
    let number = |value: Value| value.as_i64().unwrap_or_else(|| panic!("no number: {value}"));
    match operator.as_str() {
        "get" => on.state[operand.as_str().unwrap()].clone(),
        "item" => on.item.unwrap().clone(),
        "answer" => on.answer.unwrap().clone(),
        "plus" => {
            let (a, b) = both();
            (number(a) + number(b)).into()
        }
        "sum" => operand.as_array().unwrap().iter().map(|one| number(eval(one, on))).sum::<i64>().into(),
        "mod" => {
            let (a, b) = both();
            number(a).rem_euclid(number(b)).into()
        }
        "lt" => {
            let (a, b) = both();
            (number(a) < number(b)).into()
        }
        "eq" => {
            let (a, b) = both();
            (a == b).into()
        }
        "not" => (!is_true(&eval(operand, on))).into(),
        "len" => match eval(operand, on) {
            Value::Array(list) => list.len().into(),
            Value::String(text) => text.chars().count().into(),
            other => panic!("no length: {other}"),
        },
        "list" => operand.as_array().unwrap().iter().map(|one| eval(one, on)).collect(),
        "range" => (0..number(eval(operand, on))).map(Value::from).collect(),
        "cat" => operand.as_array().unwrap().iter().map(|one| text(&eval(one, on))).collect::<String>().into(),
        "join" => {
            let list = eval(operand, on);
            list.as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(",").into()
        }
        other => panic!("no expression: {other}"),
    }
}

pub(crate) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(value) => *value,
        Value::Null => false,
        Value::Number(number) => *number != json!(0).as_number().unwrap().clone(),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(object) => !object.is_empty(),
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
