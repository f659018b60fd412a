//! [`PartialArguments`]: the arguments of a call that come one value at a time, as Vertex AI streams them.

use serde::Deserialize;
use serde_json::{Map, Number, Value};

/// Deeper than any JSON reader goes.
const DEPTH: usize = 128;

/// One value, or a piece of one that is text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PartialArg {
    /// Where it goes: `$.recipe.steps[2]`.
    #[serde(default)]
    json_path: String,
    string_value: Option<String>,
    number_value: Option<Number>,
    bool_value: Option<bool>,
    #[serde(default)]
    will_continue: bool,
}

impl PartialArg {
    /// How many bytes it adds, about.
    pub(super) fn weight(&self) -> usize {
        self.json_path.len() + self.string_value.as_ref().map_or(0, String::len) + 64
    }
}

/// Arguments as far as they came.
#[derive(Default)]
pub(super) struct PartialArguments {
    arguments: Map<String, Value>,
    /// The place of the text that goes on.
    open: Option<String>,
    /// A value had no place.
    broken: bool,
}

enum Step {
    Key(String),
    Index(usize),
}

impl PartialArguments {
    pub(super) fn add(&mut self, piece: PartialArg) {
        let value = match (piece.string_value, piece.number_value, piece.bool_value) {
            (Some(text), ..) => Value::String(text),
            (_, Some(number), _) => Value::Number(number),
            (.., Some(truth)) => Value::Bool(truth),
            // It only says that there will be one.
            _ if piece.will_continue => return,
            // In JSON the member `nullValue` is null itself.
            _ => Value::Null,
        };
        let goes_on = self.open.take().is_some_and(|path| path == piece.json_path);
        let Some(place) = steps(&piece.json_path).and_then(|steps| self.place(steps)) else {
            self.broken = true;
            return;
        };
        match (place, value) {
            (Value::String(text), Value::String(more)) if goes_on => text.push_str(&more),
            (_, Value::Null) if goes_on => {}
            (place, value) => *place = value,
        }
        self.open = piece.will_continue.then_some(piece.json_path);
    }

    /// The value at a place, which is made where there is none. No list gets holes.
    fn place(&mut self, steps: Vec<Step>) -> Option<&mut Value> {
        let mut steps = steps.into_iter();
        let Some(Step::Key(first)) = steps.next() else { return None };
        let mut place = self.arguments.entry(first).or_insert(Value::Null);
        for step in steps {
            if place.is_null() {
                *place = match step {
                    Step::Key(_) => Map::new().into(),
                    Step::Index(_) => Vec::<Value>::new().into(),
                };
            }
            place = match (place, step) {
                (Value::Object(object), Step::Key(key)) => object.entry(key).or_insert(Value::Null),
                (Value::Array(list), Step::Index(index)) => {
                    if index == list.len() {
                        list.push(Value::Null);
                    }
                    list.get_mut(index)?
                }
                _ => return None,
            };
        }
        Some(place)
    }

    /// The object where it is whole; else text that breaks off, which nothing runs.
    pub(super) fn finish(self, is_whole: bool) -> Value {
        if is_whole && !self.broken && self.open.is_none() {
            return Value::Object(self.arguments);
        }
        let mut text = Value::Object(self.arguments).to_string();
        text.pop();
        Value::String(text)
    }
}

/// `$.a.b[0]['c d']`, as far as such paths go: names, places in lists, and names in quotes.
fn steps(path: &str) -> Option<Vec<Step>> {
    let mut rest = path.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if steps.len() == DEPTH {
            return None;
        }
        if let Some(after) = rest.strip_prefix('.') {
            let end = after.find(['.', '[']).unwrap_or(after.len());
            let (name, after) = after.split_at(end);
            steps.push(Step::Key(Some(name).filter(|name| !name.is_empty())?.to_string()));
            rest = after;
            continue;
        }
        let inner = rest.strip_prefix('[')?;
        match inner.strip_prefix(['\'', '"']) {
            Some(quoted) => {
                let quote = inner.chars().next()?;
                let (name, after) = unquoted(quoted, quote)?;
                steps.push(Step::Key(name));
                rest = after.strip_prefix(']')?;
            }
            None => {
                let (index, after) = inner.split_once(']')?;
                steps.push(Step::Index(index.parse().ok()?));
                rest = after;
            }
        }
    }
    Some(steps)
}

/// What stands before the closing quote, and what after it.
fn unquoted(text: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            '\\' => name.push(chars.next()?.1),
            _ if char == quote => return Some((name, &text[at + char.len_utf8()..])),
            _ => name.push(char),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(pieces: &[Value], is_whole: bool) -> Value {
        let mut arguments = PartialArguments::default();
        for piece in pieces {
            arguments.add(serde_json::from_value(piece.clone()).unwrap());
        }
        arguments.finish(is_whole)
    }

    #[test]
    fn values_go_to_their_places() {
        let pieces = [
            json!({"jsonPath": "$.city", "stringValue": "Bre", "willContinue": true}),
            json!({"jsonPath": "$.city", "stringValue": "men", "willContinue": true}),
            json!({"jsonPath": "$.city", "stringValue": ""}),
            json!({"jsonPath": "$.days[0].rain", "boolValue": true}),
            json!({"jsonPath": "$.days[0]['a \\'b\\'']", "numberValue": 9}),
            json!({"jsonPath": "$.days[1]", "nullValue": null}),
            json!({"jsonPath": "$.unit", "willContinue": true}),
        ];
        let whole = json!({"city": "Bremen", "days": [{"rain": true, "a 'b'": 9}, null]});
        assert_eq!(read(&pieces, true), whole);
        let Value::String(text) = read(&pieces, false) else { panic!() };
        assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
        assert_eq!(read(&[], true), json!({}));
        assert_eq!(read(&[], false), json!("{"));
    }

    #[test]
    fn what_has_no_place_breaks_the_call_and_costs_nothing() {
        let deep = format!("${}", ".a".repeat(100_000));
        for path in ["$.a[4294967295]", "$.a[1]", "$", "", "a", "$[0]", "$..a", "$.a[", "$.a['b", "$.a[-1]", &deep] {
            let read = read(&[json!({"jsonPath": path, "numberValue": 1})], true);
            assert!(read.is_string(), "{path:.20}");
        }
        let other_kind = [json!({"jsonPath": "$.a", "numberValue": 1}), json!({"jsonPath": "$.a.b", "numberValue": 1})];
        assert!(read(&other_kind, true).is_string());
        let cut = [json!({"jsonPath": "$.a", "stringValue": "b", "willContinue": true})];
        assert_eq!(read(&cut, true), json!("{\"a\":\"b\""));
    }
}
