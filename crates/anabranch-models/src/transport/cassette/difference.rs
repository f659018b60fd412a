//! In what a request differs from one that was recorded.

use serde_json::Value;

use super::tape::RecordedRequest;

/// The most differences that are shown, and the most of a value.
const MOST: usize = 5;
const LENGTH: usize = 80;

/// Each difference in words: where, what was recorded, what was asked.
pub(super) fn between(recorded: &RecordedRequest, asked: &RecordedRequest) -> Vec<String> {
    let mut found = Vec::new();
    for (what, recorded, asked) in [("method", &recorded.method, &asked.method), ("url", &recorded.url, &asked.url)] {
        if recorded != asked {
            found.push(format!("{what}: recorded `{recorded}`, asked `{asked}`"));
        }
    }
    values(Some(&recorded.body), Some(&asked.body), &mut "body".to_string(), &mut found);
    found
}

pub(super) fn shown(differences: &[String]) -> String {
    let mut shown = differences.iter().take(MOST).cloned().collect::<Vec<_>>().join("; ");
    if differences.len() > MOST {
        shown.push_str(&format!("; and in {} more", differences.len() - MOST));
    }
    shown
}

fn values(recorded: Option<&Value>, asked: Option<&Value>, path: &mut String, found: &mut Vec<String>) {
    let mut inside = |step: String, recorded: Option<&Value>, asked: Option<&Value>| {
        let length = path.len();
        path.push_str(&step);
        values(recorded, asked, path, found);
        path.truncate(length);
    };
    match (recorded, asked) {
        (recorded, asked) if recorded == asked => {}
        (Some(Value::Object(recorded)), Some(Value::Object(asked))) => {
            let added = asked.keys().filter(|key| !recorded.contains_key(*key));
            for key in recorded.keys().chain(added) {
                inside(format!(".{key}"), recorded.get(key), asked.get(key));
            }
        }
        (Some(Value::Array(recorded)), Some(Value::Array(asked))) => {
            for place in 0..recorded.len().max(asked.len()) {
                inside(format!("[{place}]"), recorded.get(place), asked.get(place));
            }
        }
        (recorded, asked) => {
            found.push(format!("{path}: recorded {}, asked {}", short(recorded), short(asked)));
        }
    }
}

fn short(value: Option<&Value>) -> String {
    let Some(value) = value else { return "nothing".into() };
    let text = value.to_string();
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("`{}…`", &text[..end]),
        None => format!("`{text}`"),
    }
}
