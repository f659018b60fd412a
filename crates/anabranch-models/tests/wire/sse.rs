//! The decoder of server-sent events, case by case.

use anabranch_models::testing::server_sent_events;
use serde_json::Value;

use crate::{fixture, say};

type Events = Vec<(String, String)>;

#[test]
fn the_cases_at_every_split() {
    let Some(folder) = fixture::folder() else { return };
    let Ok(cases) = std::fs::read(folder.join("../sse_cases.json")) else {
        return say("wire: SKIPPED: there is no sse_cases.json beside the recorded traffic");
    };
    let cases: Value = serde_json::from_slice(&cases).unwrap();
    let events = |value: &Value| -> Events {
        let text = |event: &Value, key: &str| event[key].as_str().unwrap().to_string();
        value.as_array().unwrap().iter().map(|event| (text(event, "event"), text(event, "data"))).collect()
    };
    let mut count = 0;
    for case in cases["cases"].as_array().unwrap() {
        let chunks = case["chunks"].as_array().unwrap().iter().map(|chunk| base64(chunk.as_str().unwrap()));
        let chunks: Vec<Vec<u8>> = chunks.collect();
        let strict = events(&case["events"]);
        let lenient = case.get("lenient_events").map_or(strict.clone(), events);
        let expected = (strict, lenient);
        let name = case["name"].as_str().unwrap();
        assert_eq!(server_sent_events(chunks.iter().map(Vec::as_slice)), expected, "{name}");
        let whole = chunks.concat();
        let whole = whole.as_slice();
        for size in [1, 2, 3, 7, 1024, whole.len().max(1)] {
            assert_eq!(server_sent_events(whole.chunks(size)), expected, "{name} in pieces of {size}");
        }
        for at in 0..whole.len() {
            let (left, right) = whole.split_at(at);
            assert_eq!(server_sent_events([left, right].into_iter()), expected, "{name} split at {at}");
        }
        count += 1;
    }
    say(&format!("wire: {count} cases of event streams"));
}

fn base64(text: &str) -> Vec<u8> {
    let value = |byte| match byte {
        b'A'..=b'Z' => u32::from(byte - b'A'),
        b'a'..=b'z' => u32::from(byte - b'a') + 26,
        b'0'..=b'9' => u32::from(byte - b'0') + 52,
        b'+' => 62,
        _ => 63,
    };
    let text = text.trim_end_matches('=').as_bytes();
    text.chunks(4)
        .flat_map(|four| {
            let bits = four.iter().fold(0, |bits, byte| bits << 6 | value(*byte)) << (6 * (4 - four.len()));
            bits.to_be_bytes()[1..four.len()].to_vec()
        })
        .collect()
}
