//! [`Tree`]: a document as far as it came.

use serde_json::map::Entry;
use serde_json::{Map, Value};

use crate::json::event::JsonEvent;
use crate::json::fault::JsonFault;
use crate::json::json_path::JsonPath;
use crate::json::path::Segment;

/// A document as far as it came. Each value is made once, and moved into what it is a part of when it is complete.
#[derive(Default)]
pub(crate) struct Tree {
    /// The lists and objects that are open, outermost first.
    open: Vec<Open>,
    root: Option<Value>,
    /// Whether there is more than the last snapshot had.
    changed: bool,
    /// For somebody who wants to know what happens.
    told: Option<Told>,
}

#[derive(Default)]
struct Told {
    /// What happened since it was last asked for.
    events: Vec<JsonEvent>,
    /// Where the lists and objects are that are open.
    open: Vec<JsonPath>,
    /// Where the value under way is, as soon as something was told of it.
    here: Option<JsonPath>,
}

enum Open {
    List(Vec<Value>),
    /// The key belongs to the value under way.
    Object(Map<String, Value>, Option<String>),
}

impl Tree {
    pub(crate) fn watched() -> Self {
        Self { told: Some(Told::default()), ..Self::default() }
    }

    /// Whether a list or an object was begun.
    pub(crate) fn is_begun(&self) -> bool {
        !self.open.is_empty() || self.root.is_some()
    }

    pub(crate) fn depth(&self) -> usize {
        self.open.len()
    }

    /// Whether the innermost open thing is an object.
    pub(crate) fn in_object(&self) -> Option<bool> {
        self.open.last().map(|open| matches!(open, Open::Object(..)))
    }

    pub(crate) fn begin_object(&mut self) {
        self.begun(|| Value::Object(Map::new()));
        self.open.push(Open::Object(Map::new(), None));
    }

    pub(crate) fn begin_list(&mut self) {
        self.begun(|| Value::Array(Vec::new()));
        self.open.push(Open::List(Vec::new()));
    }

    pub(crate) fn key(&mut self, text: String) {
        if let Some(Open::Object(_, key)) = self.open.last_mut() {
            *key = Some(text);
        }
    }

    /// A text has begun, and may grow.
    pub(crate) fn begin_text(&mut self) {
        self.changed = true;
    }

    /// A text under way is `text`; `told` bytes of it were told before, or nothing that it has begun.
    pub(crate) fn text_grew(&mut self, text: &str, told: Option<usize>) {
        if told != Some(text.len()) {
            self.changed = true;
        }
        match told {
            None => self.tell(|path| JsonEvent::Began { path, value: text.into() }),
            Some(told) if told < text.len() => {
                self.tell(|path| JsonEvent::Text { path, text: text[told..].to_string() });
            }
            Some(_) => {}
        }
    }

    /// A text is complete; what was told of it as in [`text_grew`](Self::text_grew).
    pub(crate) fn end_text(&mut self, text: String, told: Option<usize>) -> Result<(), JsonFault> {
        if told.is_some() {
            self.text_grew(&text, told);
            self.tell(|path| JsonEvent::Completed { path });
        } else {
            self.tell(|path| JsonEvent::Value { path, value: text.as_str().into() });
        }
        self.changed |= told != Some(text.len());
        self.place(Value::String(text))
    }

    /// A number, `true`, `false` or `null`.
    pub(crate) fn scalar(&mut self, value: Value) -> Result<(), JsonFault> {
        self.changed = true;
        self.tell(|path| JsonEvent::Value { path, value: value.clone() });
        self.place(value)
    }

    /// The innermost list or object ends, which changes nothing of what there is.
    pub(crate) fn end(&mut self) -> Result<(), JsonFault> {
        let value = match self.open.pop() {
            Some(Open::List(list)) => Value::Array(list),
            Some(Open::Object(object, _)) => Value::Object(object),
            None => return Ok(()),
        };
        if let Some(told) = &mut self.told {
            told.here = told.open.pop();
        }
        self.tell(|path| JsonEvent::Completed { path });
        self.place(value)
    }

    fn begun(&mut self, empty: fn() -> Value) {
        self.changed = true;
        self.tell(|path| JsonEvent::Began { path, value: empty() });
        if let Some(told) = &mut self.told {
            told.open.extend(told.here.take());
        }
    }

    /// Tells of the value under way, if somebody wants to know.
    fn tell(&mut self, event: impl FnOnce(JsonPath) -> JsonEvent) {
        let Some(told) = &mut self.told else { return };
        let here = told.here.get_or_insert_with(|| match (told.open.last(), self.open.last()) {
            (Some(path), Some(Open::List(list))) => path.index(list.len()),
            (Some(path), Some(Open::Object(_, key))) => path.key(key.as_deref().unwrap_or_default()),
            _ => JsonPath::default(),
        });
        told.events.push(event(here.clone()));
    }

    fn place(&mut self, value: Value) -> Result<(), JsonFault> {
        if let Some(told) = &mut self.told {
            told.here = None;
        }
        match self.open.last_mut() {
            None => self.root = Some(value),
            Some(Open::List(list)) => list.push(value),
            Some(Open::Object(object, key)) => match object.entry(key.take().unwrap_or_default()) {
                Entry::Vacant(place) => drop(place.insert(value)),
                // The same again is nothing new, and nothing is lost.
                Entry::Occupied(there) if *there.get() == value => {}
                Entry::Occupied(there) => {
                    *key = Some(there.key().clone());
                    return Err(JsonFault::DuplicateKey);
                }
            },
        }
        Ok(())
    }

    fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        self.open.iter().map(|open| match open {
            Open::List(list) => Segment::Index(list.len()),
            Open::Object(_, key) => Segment::Key(key.as_deref().unwrap_or_default()),
        })
    }

    /// Where the value under way is, as it may be shown.
    pub(crate) fn shown_path(&self) -> String {
        let inside = self.open.iter().filter(|open| !matches!(open, Open::Object(_, None))).count();
        crate::json::path::shown(self.segments().take(inside))
    }

    /// What happened since this was called last.
    pub(crate) fn take_events(&mut self) -> Vec<JsonEvent> {
        self.told.as_mut().map(|told| std::mem::take(&mut told.events)).unwrap_or_default()
    }

    pub(crate) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }

    pub(crate) fn into_root(self) -> Option<Value> {
        self.root
    }

    /// The document as far as it came: a copy. `text` is the text under way, if a value is.
    pub(crate) fn snapshot(&self, text: Option<&str>) -> Option<Value> {
        let mut value = text.map(Value::from).or_else(|| self.root.clone());
        for open in self.open.iter().rev() {
            value = Some(match open {
                Open::List(list) => {
                    let mut copy = Vec::with_capacity(list.len() + 1);
                    copy.extend(list.iter().cloned().chain(value));
                    Value::Array(copy)
                }
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

    /// The complete elements of the list at a path, if there is one by now.
    pub(crate) fn list_at(&self, path: &[String]) -> Option<&[Value]> {
        let mut path = path.iter();
        for open in &self.open {
            let Some(segment) = path.next() else {
                return match open {
                    Open::List(list) => Some(list),
                    Open::Object(..) => None,
                };
            };
            match open {
                Open::Object(_, Some(key)) if key == segment => {}
                Open::Object(object, _) => return elements(object.get(segment)?, path),
                Open::List(list) => match segment.parse::<usize>().ok()? {
                    index if index == list.len() => {}
                    index => return elements(list.get(index)?, path),
                },
            }
        }
        elements(self.root.as_ref()?, path)
    }
}

/// The elements of the list at a path in a value.
pub(crate) fn elements<'a, 'p>(
    mut value: &'a Value,
    path: impl IntoIterator<Item = &'p String>,
) -> Option<&'a [Value]> {
    for segment in path {
        value = match value {
            Value::Object(object) => object.get(segment)?,
            Value::Array(list) => list.get(segment.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    value.as_array().map(Vec::as_slice)
}
