//! [`Growing`]: JSON as far as it came.

use serde_json::{Map, Value};

/// How deep a document may nest; `serde_json` allows as much.
const DEPTH: usize = 127;

/// Reads a streamed answer once, character by character, and knows the value as far as it came.
///
/// Numbers, `true`, `false`, `null` and keys are there when they are complete, texts grow. It follows a document that
/// the answer begins with, or the first one in a `json` fence, and gives up where it meets something odd: what is
/// there at the end is decided by the whole answer.
pub(crate) struct Growing {
    state: State,
    /// The lists and objects that are open, outermost first.
    open: Vec<Open>,
    root: Option<Value>,
    /// The key, text, number or word under way.
    token: String,
    /// The first half of a character that is escaped in two.
    high: Option<u32>,
    changed: bool,
}

enum Open {
    List(Vec<Value>),
    /// The key belongs to the value under way.
    Object(Map<String, Value>, Option<String>),
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Nothing but white space yet.
    Start,
    /// Between words; so many characters of the mark of a fence were met.
    Words(usize),
    /// After the mark of a fence.
    Fence,
    /// A value must follow, or, in a new list, may.
    Value {
        or_end: bool,
    },
    /// A key must follow, or, in a new object, may.
    Key {
        or_end: bool,
    },
    Colon,
    Text {
        is_key: bool,
        escape: Escape,
    },
    /// In a number or a word.
    Scalar,
    AfterValue,
    /// The document is complete, or not to be followed.
    Over,
}

#[derive(Clone, Copy, PartialEq)]
enum Escape {
    No,
    Begun,
    /// So many digits, which make up this.
    Code(u8, u32),
}

const FENCE: &[u8] = b"```json";

impl Growing {
    pub(crate) fn new() -> Self {
        Self { state: State::Start, open: Vec::new(), root: None, token: String::new(), high: None, changed: false }
    }

    pub(crate) fn push(&mut self, piece: &str) {
        for c in piece.chars() {
            if self.state == State::Over {
                return;
            }
            self.state = match self.next(c) {
                Some(state) => state,
                None => {
                    // Half of what it was, perhaps, and certainly no more than it was.
                    self.changed = false;
                    State::Over
                }
            };
        }
    }

    /// The value as far as it came, if that is more than it was.
    pub(crate) fn snapshot(&mut self) -> Option<Value> {
        if !std::mem::take(&mut self.changed) {
            return None;
        }
        let mut value = match self.state {
            State::Text { is_key: false, .. } => Some(Value::String(self.token.clone())),
            _ => self.root.clone(),
        };
        for open in self.open.iter().rev() {
            value = Some(match open {
                Open::List(list) => list.iter().cloned().chain(value).collect(),
                Open::Object(object, key) => {
                    let mut object = object.clone();
                    if let (Some(key), Some(value)) = (key, value) {
                        object.insert(key.clone(), value);
                    }
                    Value::Object(object)
                }
            });
        }
        value
    }

    /// The state after a character; `None` where it cannot stand.
    fn next(&mut self, c: char) -> Option<State> {
        let is_space = matches!(c, ' ' | '\t' | '\n' | '\r');
        Some(match self.state {
            State::Start if c.is_whitespace() || c == '\u{feff}' => State::Start,
            State::Start if matches!(c, '{' | '[') => self.begin(c)?,
            State::Start => words(0, c),
            State::Words(met) => words(met, c),
            State::Fence if is_space => State::Fence,
            State::Fence if matches!(c, '{' | '[') => self.begin(c)?,
            State::Fence => words(0, c),
            state @ (State::Value { .. } | State::Key { .. } | State::Colon | State::AfterValue) if is_space => state,
            State::Value { or_end: true } if c == ']' => self.end(c)?,
            State::Value { .. } => self.begin(c)?,
            State::Key { or_end: true } if c == '}' => self.end(c)?,
            State::Key { .. } if c == '"' => self.begin_text(true),
            State::Key { .. } => return None,
            State::Colon if c == ':' => State::Value { or_end: false },
            State::Colon => return None,
            State::Text { is_key, escape } => self.text(c, is_key, escape)?,
            State::Scalar if is_space || matches!(c, ',' | ']' | '}') => {
                let scalar = serde_json::from_str(&self.token).ok()?;
                self.state = self.complete(scalar);
                if is_space { self.state } else { self.next(c)? }
            }
            State::Scalar => {
                self.token.push(c);
                State::Scalar
            }
            State::AfterValue => match (c, self.open.last()?) {
                (',', Open::List(_)) => State::Value { or_end: false },
                (',', Open::Object(..)) => State::Key { or_end: false },
                _ => self.end(c)?,
            },
            State::Over => State::Over,
        })
    }

    /// At the first character of a value.
    fn begin(&mut self, c: char) -> Option<State> {
        match c {
            '{' | '[' if self.open.len() >= DEPTH => None,
            '{' => {
                self.changed = true;
                self.open.push(Open::Object(Map::new(), None));
                Some(State::Key { or_end: true })
            }
            '[' => {
                self.changed = true;
                self.open.push(Open::List(Vec::new()));
                Some(State::Value { or_end: true })
            }
            '"' => {
                self.changed = true;
                Some(self.begin_text(false))
            }
            '-' | '0'..='9' | 't' | 'f' | 'n' => {
                self.token.clear();
                self.token.push(c);
                Some(State::Scalar)
            }
            _ => None,
        }
    }

    fn begin_text(&mut self, is_key: bool) -> State {
        self.token.clear();
        State::Text { is_key, escape: Escape::No }
    }

    fn text(&mut self, c: char, is_key: bool, escape: Escape) -> Option<State> {
        let escape = match (escape, c) {
            (Escape::No, '\\') => Escape::Begun,
            (Escape::Begun, 'u') => Escape::Code(0, 0),
            (Escape::Code(digits, code), _) => {
                let code = code * 16 + c.to_digit(16)?;
                if digits < 3 {
                    Escape::Code(digits + 1, code)
                } else {
                    self.escaped(code)?;
                    Escape::No
                }
            }
            // Only its other half may follow the first half of a character.
            _ if self.high.is_some() => return None,
            (Escape::No, '"') => {
                let text = std::mem::take(&mut self.token);
                if !is_key {
                    return Some(self.complete(Value::String(text)));
                }
                if let Some(Open::Object(_, key)) = self.open.last_mut() {
                    *key = Some(text);
                }
                return Some(State::Colon);
            }
            (Escape::No, c) if c.is_ascii_control() && c != '\u{7f}' => return None,
            (Escape::No, c) => {
                self.token.push(c);
                Escape::No
            }
            (Escape::Begun, c) => {
                self.token.push(match c {
                    '"' | '\\' | '/' => c,
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    _ => return None,
                });
                Escape::No
            }
        };
        self.changed |= !is_key && escape == Escape::No && self.high.is_none();
        Some(State::Text { is_key, escape })
    }

    fn escaped(&mut self, code: u32) -> Option<()> {
        match (self.high.take(), code) {
            (None, 0xD800..=0xDBFF) => self.high = Some(code),
            (None, _) => self.token.push(char::from_u32(code)?),
            (Some(high), 0xDC00..=0xDFFF) => {
                self.token.push(char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (code - 0xDC00))?);
            }
            (Some(_), _) => return None,
        }
        Some(())
    }

    /// At the bracket that ends the innermost list or object.
    fn end(&mut self, c: char) -> Option<State> {
        let value = match (c, self.open.pop()?) {
            (']', Open::List(list)) => Value::Array(list),
            ('}', Open::Object(object, _)) => Value::Object(object),
            _ => return None,
        };
        // Which changes nothing of what there is.
        let changed = self.changed;
        let state = self.complete(value);
        self.changed = changed;
        Some(state)
    }

    fn complete(&mut self, value: Value) -> State {
        // A text has grown to what it is already.
        self.changed |= !value.is_string();
        match self.open.last_mut() {
            None => {
                self.root = Some(value);
                return State::Over;
            }
            Some(Open::List(list)) => list.push(value),
            Some(Open::Object(object, key)) => {
                object.insert(key.take().unwrap_or_default(), value);
            }
        }
        State::AfterValue
    }
}

fn words(met: usize, c: char) -> State {
    let is = |met: usize| FENCE.get(met).is_some_and(|mark| c.eq_ignore_ascii_case(&char::from(*mark)));
    match met {
        _ if is(met) && met + 1 == FENCE.len() => State::Fence,
        _ if is(met) => State::Words(met + 1),
        // A fence of four is a fence.
        3 if c == '`' => State::Words(3),
        _ if is(0) => State::Words(1),
        _ => State::Words(0),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn snapshots(pieces: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<Value> {
        let mut growing = Growing::new();
        let grown = |piece| {
            growing.push(AsRef::<str>::as_ref(&piece));
            growing.snapshot()
        };
        pieces.into_iter().filter_map(grown).collect()
    }

    fn by_character(text: &str) -> Vec<Value> {
        snapshots(text.chars().map(|c| c.to_string()))
    }

    #[test]
    fn texts_grow_and_all_else_is_there_when_it_is_complete() {
        assert_eq!(
            by_character(r#" {"ab": "xy", "n": -12.5, "t": true, "l": [1, [], null]}"#),
            [
                json!({}),
                json!({"ab": ""}),
                json!({"ab": "x"}),
                json!({"ab": "xy"}),
                json!({"ab": "xy", "n": -12.5}),
                json!({"ab": "xy", "n": -12.5, "t": true}),
                json!({"ab": "xy", "n": -12.5, "t": true, "l": []}),
                json!({"ab": "xy", "n": -12.5, "t": true, "l": [1]}),
                json!({"ab": "xy", "n": -12.5, "t": true, "l": [1, []]}),
                json!({"ab": "xy", "n": -12.5, "t": true, "l": [1, [], null]}),
            ]
        );
    }

    #[test]
    fn escapes_are_there_when_they_are_complete() {
        let grown = by_character(r#"["\n\u00e9\ud83d\ude00"]"#);
        assert_eq!(grown, [json!([]), json!([""]), json!(["\n"]), json!(["\né"]), json!(["\né😀"])]);
    }

    #[test]
    fn a_fence_begins_a_document() {
        let grown = by_character("So [1] {x}: ```json\n{\"a\": 67391582}\n```\n{\"b\": 1}");
        assert_eq!(grown, [json!({}), json!({"a": 67_391_582})]);
        assert_eq!(by_character("no {\"a\": 1}"), [] as [Value; 0]);
    }

    #[test]
    fn what_is_odd_is_not_followed() {
        for odd in ["{a", "{\"a\": x", "[1,]", "{\"a\" 1}", "[\"\n\"]", "[\"\\x\"]", "[\"\\ud83dx\"]", "[1}", "[01]"] {
            let mut growing = Growing::new();
            growing.push(odd);
            assert!(growing.state == State::Over && growing.root.is_none(), "{odd}");
        }
        assert_eq!(snapshots(["[\"ab", "c\\", "x"]), [json!(["ab"]), json!(["abc"])]);
        assert_eq!(snapshots(["[\"ab", "c\\x"]), [json!(["ab"])]);
        let mut growing = Growing::new();
        growing.push(&"[".repeat(100_000));
        assert!(growing.state == State::Over && growing.open.len() == DEPTH);
    }
}
