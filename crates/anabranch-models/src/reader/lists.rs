//! [`Lists`]: what comes in pieces and is given out once, such as log-probabilities.

use serde_json::{Map, Value};

use super::{Assembly, weight_apart};
use crate::answer::Warning;

/// What comes in pieces and is given out once. The pieces stay the text they are until then, because taken apart they
/// are many times as large.
#[derive(Default)]
pub(crate) struct Lists {
    /// By name: its pieces one after the other. `None` where there was too much of it.
    kept: Vec<(&'static str, Option<String>)>,
    bytes: usize,
    /// How many they will be when they are taken apart.
    bytes_apart: usize,
}

impl Lists {
    /// Keeps a piece, a JSON document. One that holds nothing is none. A list that is too large is dropped, and a warning
    /// says so.
    pub(crate) fn keep(&mut self, name: &'static str, piece: &str, out: &mut Assembly) {
        if ["null", "[]", "{}", "\"\""].contains(&piece) {
            return;
        }
        let place = self.kept.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.kept.push((name, Some(String::new())));
            self.kept.len() - 1
        });
        let Some((_, Some(pieces))) = self.kept.get_mut(place) else { return };
        out.progress();
        let (line, apart) = (piece.len() + 1, weight_apart(piece));
        if self.bytes + line > out.room_for_lists() || self.bytes_apart + apart > out.room_for_lists_apart() {
            self.bytes -= pieces.len();
            self.bytes_apart -= weight_apart(pieces).min(self.bytes_apart);
            self.kept[place].1 = None;
            out.warn(Warning::new(name, out.too_many()));
        } else {
            self.bytes += line;
            self.bytes_apart += apart;
            pieces.push_str(piece);
            pieces.push('\n');
        }
    }

    /// Keeps a document in the place of what was kept under the name.
    pub(crate) fn replace(&mut self, name: &'static str, document: &str, out: &mut Assembly) {
        if let Some(place) = self.kept.iter().position(|(known, _)| *known == name) {
            // The same once more is no news.
            if self.kept[place].1.as_deref().and_then(|before| before.strip_suffix('\n')) == Some(document) {
                return;
            }
            let (_, before) = self.kept.remove(place);
            let before = before.unwrap_or_default();
            self.bytes -= before.len();
            self.bytes_apart -= weight_apart(&before).min(self.bytes_apart);
        }
        self.keep(name, document, out);
    }

    /// Everything, each list whole: elements one after the other, those of one `index` or `id` joined.
    pub(crate) fn into_metadata(self) -> Map<String, Value> {
        let whole = |pieces: String| {
            let pieces = serde_json::Deserializer::from_str(&pieces).into_iter::<Value>().map_while(Result::ok);
            pieces.reduce(joined)
        };
        self.kept.into_iter().filter_map(|(name, pieces)| Some((name.to_string(), whole(pieces?)?))).collect()
    }
}

/// Two pieces of a list, or of an object of lists.
fn joined(whole: Value, piece: Value) -> Value {
    match (whole, piece) {
        (Value::Array(mut list), Value::Array(more)) => {
            more.into_iter().for_each(|element| join_element(&mut list, element));
            list.into()
        }
        (Value::Object(mut lists), Value::Object(more)) => {
            for (key, more) in more {
                match (lists.get_mut(&key), more) {
                    (Some(there @ Value::Array(_)), more @ Value::Array(_)) => *there = joined(there.take(), more),
                    (Some(_), Value::Null) => {}
                    (_, more) => _ = lists.insert(key, more),
                }
            }
            lists.into()
        }
        (whole, Value::Null) => whole,
        (_, piece) => piece,
    }
}

/// An element goes to the one it continues: the last one, if both have the same type, index and id, as far as they say
/// it, and at least an index or an id. Thoughts come like that.
fn join_element(list: &mut Vec<Value>, element: Value) {
    let continues = |last: &Value| {
        let same = |key: &str| match (last.get(key), element.get(key)) {
            (Some(Value::Null) | None, _) | (_, Some(Value::Null) | None) => None,
            (Some(one), Some(other)) => Some(one == other),
        };
        let marks = [same("type"), same("index"), same("id")];
        !marks.contains(&Some(false)) && marks[0].is_some() && marks[1..].contains(&Some(true))
    };
    match (list.last_mut().filter(|last| continues(last)), element) {
        (Some(Value::Object(last)), Value::Object(more)) => {
            for (key, more) in more {
                match (last.get_mut(&key), more) {
                    (Some(Value::String(text)), Value::String(more))
                        if ["text", "summary", "data"].contains(&key.as_str()) =>
                    {
                        text.push_str(&more);
                    }
                    (Some(_), Value::Null) => {}
                    (_, more) => _ = last.insert(key, more),
                }
            }
        }
        (_, element) => list.push(element),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::transport::{ErrorTable, Errors};

    fn out(limit: usize) -> Assembly {
        const TABLE: ErrorTable = ErrorTable { words: &[], sentences: &[], statuses: &[] };
        Assembly::in_chunks(Errors::for_tests(&TABLE), limit)
    }

    #[test]
    fn thoughts_are_joined_by_index_and_id() {
        let (mut lists, mut out) = (Lists::default(), out(1 << 20));
        for piece in [
            json!([{"type": "reasoning.text", "text": "I th", "index": 0, "format": null}]),
            json!([{"type": "reasoning.text", "text": "ink", "index": 0, "format": "f"}]),
            json!([]),
            json!([{"type": "reasoning.text", "signature": "s", "index": 0}]),
            json!([{"type": "reasoning.encrypted", "data": "x", "id": "e", "index": 1}]),
            json!([{"type": "reasoning.encrypted", "data": "y", "id": "e", "index": 1}]),
            json!([{"type": "reasoning.text", "text": "no index"}]),
            json!([{"type": "reasoning.text", "text": "another"}]),
        ] {
            lists.keep("reasoning_details", &piece.to_string(), &mut out);
        }
        let expected = json!([
            {"type": "reasoning.text", "text": "I think", "index": 0, "format": "f", "signature": "s"},
            {"type": "reasoning.encrypted", "data": "xy", "id": "e", "index": 1},
            {"type": "reasoning.text", "text": "no index"},
            {"type": "reasoning.text", "text": "another"},
        ]);
        assert_eq!(lists.into_metadata()["reasoning_details"], expected);
    }

    #[test]
    fn objects_of_lists_grow_and_documents_are_replaced() {
        let (mut lists, mut out) = (Lists::default(), out(1 << 20));
        lists.keep("logprobs", r#"{"content": [1], "refusal": null}"#, &mut out);
        lists.keep("logprobs", "null", &mut out);
        lists.keep("logprobs", r#"{"content": [2, 3], "refusal": []}"#, &mut out);
        lists.replace("citations", "[1]", &mut out);
        lists.replace("citations", "[2]", &mut out);
        assert!(out.take_progress());
        lists.replace("citations", "[2]", &mut out);
        assert!(!out.take_progress());
        let metadata = lists.into_metadata();
        assert_eq!(metadata["logprobs"], json!({"content": [1, 2, 3], "refusal": []}));
        assert_eq!(metadata["citations"], json!([2]));
    }

    #[test]
    fn a_list_without_end_is_left_out_and_told() {
        let (mut lists, mut out) = (Lists::default(), out(4000));
        for _ in 0..1000 {
            lists.keep("logprobs", r#"{"content": [{}, {}, {}, {}]}"#, &mut out);
        }
        lists.keep("annotations", "[1]", &mut out);
        assert!(lists.bytes < 10);
        assert_eq!(lists.into_metadata().keys().collect::<Vec<_>>(), ["annotations"]);
        assert_eq!(out.take_warnings()[0].subject(), "logprobs");
    }
}
