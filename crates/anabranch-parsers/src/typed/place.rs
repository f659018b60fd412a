//! [`way_to`]: what serde complained of, found again in the value.
//!
//! Types with a tag inside, without one, or with flattened fields are read by way of a buffer, which knows no places; and
//! the keys of a map have none. What the complaint was about is known all the same.

use serde::de::Unexpected;
use serde_json::Value;

use crate::json::path::Segment;

/// What serde complained of.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Thing {
    /// A text, known by where it lies in memory: it is handed through every buffer as it is.
    Text(usize, usize),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Null,
    List,
    Object,
}

impl Thing {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.as_ptr().addr(), text.len())
    }

    pub(super) fn of(what: Unexpected<'_>) -> Option<Self> {
        Some(match what {
            Unexpected::Str(text) => Self::text(text),
            Unexpected::Unsigned(number) => Self::Unsigned(number),
            Unexpected::Signed(number) => Self::Signed(number),
            Unexpected::Float(number) => Self::Float(number),
            Unexpected::Bool(value) => Self::Bool(value),
            Unexpected::Unit => Self::Null,
            Unexpected::Seq => Self::List,
            Unexpected::Map => Self::Object,
            _ => return None,
        })
    }

    fn is(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Text(..), Value::String(text)) => Self::text(text) == *self,
            (Self::Unsigned(wanted), Value::Number(number)) => number.as_u64() == Some(*wanted),
            (Self::Signed(wanted), Value::Number(number)) => number.as_i64() == Some(*wanted),
            (Self::Float(wanted), Value::Number(number)) => number.is_f64() && number.as_f64() == Some(*wanted),
            (Self::Bool(wanted), Value::Bool(value)) => wanted == value,
            (Self::Null, Value::Null) | (Self::List, Value::Array(_)) | (Self::Object, Value::Object(_)) => true,
            _ => false,
        }
    }
}

/// The way from a value to the one thing in it that this is. Nothing where there are several.
pub(super) fn way_to<'v>(thing: &Thing, value: &'v Value) -> Option<Vec<Segment<'v>>> {
    let mut search = Search { thing, way: Vec::new(), found: None, count: 0 };
    search.look(value);
    search.found.filter(|_| search.count == 1)
}

struct Search<'t, 'v> {
    thing: &'t Thing,
    way: Vec<Segment<'v>>,
    found: Option<Vec<Segment<'v>>>,
    count: usize,
}

impl<'v> Search<'_, 'v> {
    fn look(&mut self, value: &'v Value) {
        if self.thing.is(value) {
            self.hit();
        }
        match value {
            Value::Array(list) => list.iter().enumerate().for_each(|(index, element)| {
                self.way.push(Segment::Index(index));
                self.look(element);
                self.way.pop();
            }),
            Value::Object(object) => object.iter().for_each(|(key, value)| {
                self.way.push(Segment::Key(key));
                if *self.thing == Thing::text(key) {
                    self.hit();
                }
                self.look(value);
                self.way.pop();
            }),
            _ => {}
        }
    }

    fn hit(&mut self) {
        self.count += 1;
        self.found.get_or_insert_with(|| self.way.clone());
    }
}
