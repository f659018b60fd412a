//! The neutral cases of `../shared/graph`, or of the folder in `ANABRANCH_GRAPH_CASES`: each graph is built by the public
//! API, run on a paused clock, with a store and without, and compared with what is expected of it; then it goes on from
//! the prefixes of its log.
#![allow(clippy::unwrap_used, clippy::panic)]

mod build;
mod case;
mod expression;
mod logged;

use std::path::PathBuf;

use serde_json::Value;

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
