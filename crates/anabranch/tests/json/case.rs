//! A case of the suites.

use std::path::PathBuf;

use anabranch::messages::AiMessage;
use anabranch::parsers::JsonOutputParser;
use anabranch::prelude::*;
use serde_json::Value;

pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) kinds: Vec<String>,
    pub(crate) mode: Option<String>,
    pub(crate) schema: Option<Value>,
    pub(crate) wanted: Wanted,
    pub(crate) is_partial: bool,
    pub(crate) is_dubious: bool,
    case: Value,
}

pub(crate) enum Wanted {
    /// One of these.
    Value(Vec<Value>),
    Sequence(Vec<Value>),
    Error,
    Anything,
}

/// The cases of a file; nothing where there are none.
pub(crate) fn read(file: &str) -> Option<Vec<Case>> {
    let named = std::env::var_os("ANABRANCH_JSON_CASES").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/json");
    let path = named.unwrap_or_else(beside).join(file);
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: there is no {file} where ANABRANCH_JSON_CASES says, nor in ../shared/json");
        return None;
    };
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    Some(cases.into_iter().map(Case::new).collect())
}

impl Case {
    fn new(case: Value) -> Self {
        let text = |key: &str| case.get(key).and_then(Value::as_str).map(str::to_string);
        let is = |key: &str| case.get(key).and_then(Value::as_bool).unwrap_or(false);
        let kinds = case["kind"].as_array().unwrap().iter().map(|kind| kind.as_str().unwrap().to_string()).collect();
        let wanted = match (case.get("expected"), case.get("expected_sequence")) {
            (Some(value), _) => {
                Wanted::Value(std::iter::once(value).chain(case.get("expected_pruned")).cloned().collect())
            }
            (None, Some(Value::Array(sequence))) => Wanted::Sequence(sequence.clone()),
            _ if is("error") => Wanted::Error,
            _ => Wanted::Anything,
        };
        Self {
            id: text("id").unwrap(),
            kinds,
            mode: text("mode"),
            schema: case.get("schema").cloned(),
            wanted,
            is_partial: is("partial"),
            is_dubious: is("dubious"),
            case,
        }
    }

    /// The answer; an error where it is no UTF-8.
    pub(crate) fn text(&self) -> Result<String, String> {
        String::from_utf8(self.bytes()).map_err(|error| error.to_string())
    }

    /// The answer without a character that is half there.
    pub(crate) fn text_so_far(&self) -> Result<String, String> {
        let bytes = self.bytes();
        match std::str::from_utf8(&bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(error) if error.error_len().is_none() => {
                Ok(String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned())
            }
            Err(error) => match self.wanted {
                // What is no text never comes as far as a parser.
                Wanted::Error => Ok(String::new()),
                _ => Err(error.to_string()),
            },
        }
    }

    fn bytes(&self) -> Vec<u8> {
        if let Some(text) = self.case.get("text").and_then(Value::as_str) {
            return text.into();
        }
        if let Some(text) = self.case.get("text_base64").and_then(Value::as_str) {
            return base64(text);
        }
        let repeat = &self.case["text_repeat"];
        let unit = repeat["unit"].as_str().unwrap().repeat(repeat["times"].as_u64().unwrap() as usize);
        (unit + repeat["suffix"].as_str().unwrap_or_default()).into()
    }

    /// The snapshots of an answer that comes in chunks.
    pub(crate) fn sequence(&self) -> Vec<Value> {
        let pieces: Vec<_> =
            self.case["text"].as_array().unwrap().iter().map(|piece| AiMessage::new(piece.as_str().unwrap())).collect();
        let parser = JsonOutputParser::new();
        futures::executor::block_on(async {
            let mut stream = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
            let mut found = Vec::new();
            while let Some(Ok(value)) = stream.next().await {
                found.push(value);
            }
            found
        })
    }

    /// The begin of the answer.
    pub(crate) fn shown(&self) -> String {
        let text = String::from_utf8_lossy(&self.bytes()).into_owned();
        format!("{:?}", text.chars().take(300).collect::<String>())
    }
}

fn base64(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bits = 0_u32;
    let mut bytes = Vec::new();
    for (place, digit) in text.bytes().filter(|byte| *byte != b'=').enumerate() {
        bits = bits << 6 | DIGITS.iter().position(|byte| *byte == digit).unwrap() as u32;
        if place % 4 > 0 {
            bytes.push((bits >> (6 - 2 * (place % 4))) as u8);
        }
    }
    bytes
}

/// Whether two values are the same, numbers by what they say.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        _ => a == b,
    }
}
