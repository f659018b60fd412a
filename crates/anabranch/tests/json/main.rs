//! Answers of models in the suites of other libraries: BAML's schema-aligned parsing, json_repair, the partial readers of
//! Vercel, LangChain, jiter and partial-json, and JSONTestSuite.
//!
//! The cases are not in this repository. They are read from the folder that `ANABRANCH_JSON_CASES` names, else from
//! `../shared/json` beside the workspace; where neither is there, each test says so and shows nothing.
//!
//! Every case passes that is not marked as dubious, or stands in `exceptions.rs` with the reason why this project differs.
//! One that is listed and passes after all fails the test, so that the list stays true.

#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)]

mod case;
mod exceptions;

use anabranch::parsers::JsonOutputParser;
use serde_json::Value;

use case::{Case, Wanted};

/// Runs each case of a file, and compares what is found with the exceptions.
fn run(file: &str, exceptions: &[(&str, &str)], check: impl Fn(&Case) -> Result<(), String>) {
    let Some(cases) = case::read(file) else { return };
    let (mut passed, mut dubious, mut wrong, mut stale) = (0, 0, Vec::new(), Vec::new());
    for case in &cases {
        let differs = check(case).err();
        let listed = exceptions.iter().find(|(id, _)| *id == case.id);
        match (differs, listed) {
            (None, None) => passed += 1,
            _ if case.is_dubious => dubious += 1,
            (None, Some(_)) => stale.push(case.id.clone()),
            (Some(_), Some(_)) => {}
            (Some(differs), None) => wrong.push(format!("{}: {differs}\n    {}", case.id, case.shown())),
        }
    }
    let listed = exceptions.iter().filter(|(id, _)| cases.iter().any(|case| case.id == *id)).count();
    println!("{file}: {} cases, {passed} as wanted, {listed} listed, {dubious} dubious and different", cases.len());
    assert!(wrong.is_empty(), "{} not as wanted:\n{}", wrong.len(), wrong.join("\n"));
    assert!(stale.is_empty(), "listed, but as wanted: {stale:?}");
}

/// Whether what came is what is wanted.
fn compare(case: &Case, found: Result<Value, String>) -> Result<(), String> {
    match (&case.wanted, found) {
        (Wanted::Anything, _) | (Wanted::Error, Err(_)) => Ok(()),
        (Wanted::Error, Ok(value)) => Err(format!("found {value}, and wanted an error")),
        (Wanted::Value(wanted), Err(error)) => Err(format!("{error}, and wanted {}", wanted[0])),
        (Wanted::Value(wanted), Ok(value)) if wanted.iter().any(|wanted| case::same(wanted, &value)) => Ok(()),
        (Wanted::Value(wanted), Ok(value)) => Err(format!("found {value}, and wanted {}", wanted[0])),
        (Wanted::Sequence(_), _) => Err("a sequence".to_string()),
    }
}

fn parse(parser: &JsonOutputParser, text: &str) -> Result<Value, String> {
    parser.parse(text).map_err(|error| error.message().to_string())
}

#[test]
fn answers_by_a_schema() {
    run("typed_cases.json", exceptions::TYPED, |case| {
        let schema = case.schema.clone().unwrap();
        let parser = JsonOutputParser::with_schema(schema).lenient();
        let text = case.text()?;
        let found = if case.is_partial {
            // Where nothing is complete, nothing is there yet.
            Ok(parser.parse_so_far(&text).unwrap_or(Value::Null))
        } else {
            parse(&parser, &text)
        };
        compare(case, found)
    });
}

#[test]
fn damaged_and_valid_answers() {
    let exact = JsonOutputParser::new().exact();
    run("repair_cases.json", exceptions::REPAIR, |case| {
        // What is no text is no answer.
        let Ok(text) = case.text() else { return compare(case, Err("no UTF-8".to_string())) };
        let lenient = parse(&JsonOutputParser::new().lenient(), &text);
        let strict = parse(&JsonOutputParser::new(), &text);
        match case.kinds[0].as_str() {
            "strict_accept" => {
                compare(case, strict)?;
                compare(case, parse(&exact, &text))?;
                compare(case, lenient)
            }
            "strict_reject" => compare(case, parse(&exact, &text)),
            _ if matches!(case.mode.as_deref(), Some("strict" | "catch_duplicate_keys")) => compare(case, strict),
            _ => compare(case, lenient),
        }
    });
}

#[test]
fn prefixes_of_answers() {
    run("partial_cases.json", exceptions::PARTIAL, |case| {
        if let Wanted::Sequence(wanted) = &case.wanted {
            let found = case.sequence();
            return if found == *wanted { Ok(()) } else { Err(format!("found {found:?}")) };
        }
        let text = case.text_so_far()?;
        let found = match case.mode.as_deref() {
            // Readers that take nothing but what is whole.
            Some("off") => parse(&JsonOutputParser::new(), &text),
            _ => JsonOutputParser::new().parse_so_far(&text).ok_or_else(|| "nothing yet".to_string()),
        };
        compare(case, found)
    });
}
