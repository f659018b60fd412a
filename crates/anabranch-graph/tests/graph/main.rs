//! The neutral cases of `../shared/graph`, or of the folder in `ANABRANCH_GRAPH_CASES`: each graph is built by the public
//! API, run on a paused clock, and compared with what is expected of it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod build;
mod case;
mod expression;

use std::path::PathBuf;

use serde_json::Value;

/// Cases that want what is not there yet, each with what that is.
const NOT_YET: &[(&str, &str)] = &[("failure_in_a_loop_then_resume", "a run that is resumed from its log")];

/// The cases, or `None` where there are none.
fn cases() -> Option<Vec<Value>> {
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/graph");
    let folder = std::env::var_os("ANABRANCH_GRAPH_CASES").map_or_else(beside, PathBuf::from);
    let Ok(text) = std::fs::read_to_string(folder.join("cases.json")) else {
        eprintln!("skipped: there are no cases in {}", folder.display());
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

#[test]
fn every_case() {
    let Some(cases) = cases() else { return };
    assert!(!cases.is_empty());
    let mut failed = Vec::new();
    for case in &cases {
        let name = case["name"].as_str().unwrap();
        if let Some((_, wanted)) = NOT_YET.iter().find(|(known, _)| *known == name) {
            println!("{name}: skipped, it needs {wanted}");
            continue;
        }
        let case = case.clone();
        // A case that panics does not hide the others.
        let ran = std::thread::spawn(move || case::check(&case)).join();
        match ran {
            Ok(wrong) if wrong.is_empty() => {}
            Ok(wrong) => failed.push(format!("{name}:\n    {}", wrong.join("\n    "))),
            Err(_) => failed.push(format!("{name}: panicked")),
        }
    }
    println!("{} cases, {} of them wrong", cases.len(), failed.len());
    assert!(failed.is_empty(), "\n{}", failed.join("\n"));
}
