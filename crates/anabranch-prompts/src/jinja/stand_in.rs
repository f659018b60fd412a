//! [`StandIn`]: what stands for a variable that is missing, where a prompt is only looked at.

use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};

use crate::template::Language;

/// Says what would be here: `{{ user.name }}`. What is looked up in it is one, too, and it is a list with one element.
#[derive(Clone, Debug)]
pub(super) struct StandIn {
    expression: String,
    /// How many lists it is in, which has an end: lists are compared element by element.
    depth: usize,
}

/// How many loops go on inside of each other.
const DEPTH: usize = 8;

impl StandIn {
    pub(super) fn value(expression: impl Into<String>) -> Value {
        Value::from_object(Self { expression: expression.into(), depth: 0 })
    }

    pub(super) fn into_value(self) -> Value {
        Value::from_object(self)
    }

    fn inside(expression: String, depth: usize) -> Value {
        Value::from_object(Self { expression, depth })
    }

    pub(super) fn of(value: &Value) -> Option<&Self> {
        value.downcast_object_ref()
    }

    /// What it would be behind a filter.
    pub(super) fn filtered(&self, filter: &str) -> Value {
        Self::inside(format!("{}|{filter}", self.expression), self.depth)
    }
}

impl fmt::Display for StandIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&Language::Jinja.variable(&self.expression))
    }
}

impl Object for StandIn {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Iterable
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let expression = match key.as_str() {
            Some(name) => format!("{}.{name}", self.expression),
            None => format!("{}[{key}]", self.expression),
        };
        Some(Self::inside(expression, self.depth))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        if self.depth == DEPTH {
            return Enumerator::Empty;
        }
        Enumerator::Values(vec![Self::inside(format!("{}[0]", self.expression), self.depth + 1)])
    }

    fn is_true(self: &Arc<Self>) -> bool {
        true
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
