//! [`Reducer`]: how the writes of a field that is declared by value add up.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::dynamic::FieldType;
use crate::reduce;

/// How several writes of a field add up: the reducers of [`reduce`], on JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Reducer {
    /// The elements of a list come behind those that are there.
    Append,
    /// Numbers are added: whole ones as such as long as the sum has 64 bits, and otherwise as a float, which stops at
    /// the largest there is.
    Add,
    /// The larger of two numbers or texts stays.
    Max,
    /// The smaller of two numbers or texts stays.
    Min,
    /// Lists are sorted sets: null, false, true, numbers, texts, lists, objects. Of objects, the new entries replace
    /// those of the same key.
    Union,
    /// As [`Append`](Self::Append), but an element replaces the one of the same `id`.
    Messages,
}

impl Reducer {
    /// As a declaration names it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Append => "append",
            Self::Add => "add",
            Self::Max => "max",
            Self::Min => "min",
            Self::Union => "union",
            Self::Messages => "messages",
        }
    }

    /// The types of fields it works on.
    pub(super) fn types(self) -> &'static [FieldType] {
        match self {
            Self::Append | Self::Messages => &[FieldType::List],
            Self::Add => &[FieldType::Number],
            Self::Max | Self::Min => &[FieldType::Number, FieldType::Text],
            Self::Union => &[FieldType::List, FieldType::Object],
        }
    }

    /// Reduces `new` into `current`. Of values it does not work on, as only a log can hold them that was changed by hand,
    /// the new one stays.
    pub(super) fn apply(self, current: &mut Value, new: &Value) {
        match (self, &mut *current, new) {
            (Self::Append, Value::Array(current), Value::Array(new)) => reduce::append(current, new),
            (Self::Messages, Value::Array(current), Value::Array(new)) => reduce::messages(current, new),
            (Self::Union, Value::Array(current), Value::Array(new)) => {
                current.extend_from_slice(new);
                sorted_set(current);
            }
            (Self::Union, Value::Object(current), Value::Object(new)) => reduce::union(current, new),
            (Self::Add, Value::Number(current), Value::Number(new)) => *current = sum(current, new),
            (Self::Max, Value::Number(_), Value::Number(_)) | (Self::Max, Value::String(_), Value::String(_)) => {
                if order(new, current).is_gt() {
                    current.clone_from(new);
                }
            }
            (Self::Min, Value::Number(_), Value::Number(_)) | (Self::Min, Value::String(_), Value::String(_)) => {
                if order(new, current).is_lt() {
                    current.clone_from(new);
                }
            }
            // An empty list takes out what the write itself has twice.
            (Self::Messages, Value::Null, Value::Array(new)) => {
                let mut list = Vec::new();
                reduce::messages(&mut list, new);
                *current = Value::Array(list);
            }
            (_, _, new) => *current = self.tidy(new.clone()),
        }
    }

    /// A value in the form in which this reducer keeps it.
    pub(super) fn tidy(self, mut value: Value) -> Value {
        if let (Self::Union, Value::Array(list)) = (self, &mut value) {
            sorted_set(list);
        }
        value
    }
}

impl fmt::Display for Reducer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Of those that are equal, as 1 and 1.0 are, the first stays.
fn sorted_set(list: &mut Vec<Value>) {
    list.sort_by(order);
    list.dedup_by(|later, earlier| order(later, earlier).is_eq());
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

fn sum(a: &Number, b: &Number) -> Number {
    let whole_sum = whole(a).zip(whole(b)).and_then(|(a, b)| Number::from_i128(a + b));
    let float = || {
        let sum = a.as_f64().unwrap_or_default() + b.as_f64().unwrap_or_default();
        Number::from_f64(sum.clamp(f64::MIN, f64::MAX))
    };
    whole_sum.or_else(float).unwrap_or_else(|| a.clone())
}

/// A total order of JSON: by type, then by value; of numbers by their size, whole or not.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    let rank = |value: &Value| match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    };
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Number(a), Value::Number(b)) => order_of_numbers(a, b),
        (Value::String(a), Value::String(b)) => a.cmp(b),
        (Value::Array(a), Value::Array(b)) => {
            let first = a.iter().zip(b).map(|(a, b)| order(a, b)).find(|order| order.is_ne());
            first.unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        (Value::Object(a), Value::Object(b)) => {
            let sorted = |object: &serde_json::Map<String, Value>| {
                let mut entries: Vec<_> = object.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
                entries.sort_by(|(a, _), (b, _)| a.cmp(b));
                entries
            };
            let (a, b) = (sorted(a), sorted(b));
            let entries = a.iter().zip(&b).map(|(a, b)| a.0.cmp(&b.0).then_with(|| order(&a.1, &b.1)));
            entries.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| a.len().cmp(&b.len()))
        }
        _ => rank(a).cmp(&rank(b)),
    }
}

/// By size, and exactly: a whole number of 64 bits and a float may be nearer to each other than floats can tell.
fn order_of_numbers(a: &Number, b: &Number) -> Ordering {
    /// Of a whole number of 64 bits with a finite float.
    fn mixed(whole: i128, float: f64) -> Ordering {
        // Beyond 65 bits the cast saturates, far from any number of 64 bits.
        whole.cmp(&(float.floor() as i128)).then(if float.fract() == 0.0 { Ordering::Equal } else { Ordering::Less })
    }
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        (Some(a), None) => mixed(a, b.as_f64().unwrap_or_default()),
        (None, Some(b)) => mixed(b, a.as_f64().unwrap_or_default()).reverse(),
        (None, None) => {
            a.as_f64().unwrap_or_default().partial_cmp(&b.as_f64().unwrap_or_default()).unwrap_or(Ordering::Equal)
        }
    }
}
