//! Where the frames of a stream end, and with which of them the answer is complete, found in a way that has nothing to
//! do with the reader under test.

use serde_json::Value;

use crate::fixture::Fixture;

pub(crate) struct Frames {
    /// Where each of them ends.
    pub(crate) ends: Vec<usize>,
    /// Whether all of them are what the provider documents, so that the next is known exactly.
    pub(crate) is_regular: bool,
    /// From where on the answer is complete: the last byte of the document that says so.
    pub(crate) complete: Option<usize>,
    /// Where the end mark is whole.
    mark: Option<usize>,
}

impl Frames {
    /// Whether the end mark is there.
    pub(crate) fn marked(&self, at: usize) -> bool {
        self.mark.is_some_and(|mark| at >= mark)
    }
}

pub(crate) fn frames(fixture: &Fixture) -> Frames {
    let body = &fixture.body;
    let is_lines = fixture.api == "ollama.chat";
    let mut found = Frames { ends: Vec::new(), is_regular: true, complete: None, mark: None };
    let (mut data, mut data_end, mut at) = (Vec::new(), 0, 0);
    // The data of an event that lacks its blank line counts, too.
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        let value = text.strip_prefix(b"data:").or(is_lines.then_some(text));
        match value {
            Some(value) if !value.is_empty() => {
                data.extend_from_slice(value);
                data_end = at + text.len();
            }
            _ if text.is_empty()
                || text.starts_with(b"event:")
                || text.starts_with(b":")
                || text.starts_with(b"id:") => {}
            Some(_) => {}
            // A bare document, a byte order mark, other line ends.
            None => found.is_regular = false,
        }
        at += line.len();
        if is_lines || text.is_empty() || at == body.len() {
            found.ends.push(at);
            found.enter(&fixture.api, &data, data_end);
            data.clear();
        }
    }
    found
}

impl Frames {
    fn enter(&mut self, api: &str, data: &[u8], end: usize) {
        let data = data.trim_ascii();
        if data.is_empty() {
            return;
        }
        if data == b"[DONE]" {
            self.mark.get_or_insert(end);
            if api == "openai.chat" {
                self.complete.get_or_insert(end);
            }
            return;
        }
        match serde_json::from_slice::<Value>(data) {
            Ok(event) if event.get("error").is_none_or(Value::is_null) && event["type"] != "error" => {
                if completes(api, &event) {
                    self.complete.get_or_insert(end);
                }
                if event["type"] == "message_stop" {
                    self.mark.get_or_insert(end);
                }
            }
            _ => self.is_regular = false,
        }
    }
}

/// Whether an answer may end with this.
fn completes(api: &str, event: &Value) -> bool {
    let says = |value: &Value| value.as_str().is_some_and(|word| !word.is_empty());
    match api {
        // Of the first choice: no more are asked for.
        "openai.chat" => {
            let choices = event["choices"].as_array().into_iter().flatten();
            let mut first = choices.filter(|choice| choice["index"].as_u64().is_none_or(|index| index == 0));
            first.next().is_some_and(|choice| says(&choice["finish_reason"]))
        }
        "openai.responses" => ["response.completed", "response.incomplete"].iter().any(|ends| event["type"] == *ends),
        "anthropic.messages" => says(&event["delta"]["stop_reason"]) || event["type"] == "message_stop",
        "gemini.generate" => {
            says(&event["candidates"][0]["finishReason"]) || says(&event["promptFeedback"]["blockReason"])
        }
        _ => event["done"] == true,
    }
}
