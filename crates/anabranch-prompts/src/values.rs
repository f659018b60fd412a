//! [`Values`]: what the variables of a prompt stand for in one run.

use anabranch_core::__private::{closest, listed};
use anabranch_core::{Error, Result};
use serde_json::{Map, Value};

/// What the variables of a prompt stand for in one run: the input, and the partials where the input has none.
pub(crate) struct Values<'a> {
    input: Input<'a>,
    partials: &'a [(String, Value)],
}

enum Input<'a> {
    Object(&'a Map<String, Value>),
    /// The value of the one variable.
    Bare(&'a str, &'a Value),
}

impl<'a> Values<'a> {
    /// Takes an object, or any other value where exactly one variable is wanted.
    pub(crate) fn new(input: &'a Value, wanted: &'a [String], partials: &'a [(String, Value)]) -> Result<Self> {
        let input = match (input, wanted) {
            (Value::Object(object), _) => Input::Object(object),
            (bare, [name]) => Input::Bare(name, bare),
            (bare, _) => return Err(not_an_object(bare, wanted)),
        };
        Ok(Self { input, partials })
    }

    #[cfg(test)]
    pub(crate) fn of(object: &'a Map<String, Value>) -> Self {
        Self { input: Input::Object(object), partials: &[] }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&'a Value> {
        let given = match self.input {
            // Looking through a few keys is quicker than hashing one.
            Input::Object(object) if object.len() <= 8 => {
                object.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
            }
            Input::Object(object) => object.get(name),
            Input::Bare(wanted, value) => (wanted == name).then_some(value),
        };
        given.or_else(|| self.partials.iter().find(|(partial, _)| partial == name).map(|(_, value)| value))
    }

    /// Says which variables are missing and which keys there are; of values it says nothing.
    #[cold]
    pub(crate) fn missing(&self, wanted: &[String]) -> Error {
        let missing: Vec<_> = wanted.iter().filter(|name| self.get(name).is_none()).collect();
        let mut there: Vec<&str> = match self.input {
            Input::Object(object) => object.keys().map(String::as_str).collect(),
            Input::Bare(name, _) => vec![name],
        };
        there.extend(self.partials.iter().map(|(name, _)| name.as_str()));

        let mut message = format!("missing {}; ", listed(&missing));
        const SHOWN: usize = 20;
        match there.len() {
            0 => message += "the input has no keys",
            1..=SHOWN => message += &format!("there is {}", listed(&there)),
            more => message += &format!("there is {} and {} more", listed(&there[..SHOWN]), more - SHOWN),
        }
        let meant: Vec<_> = missing
            .iter()
            .filter_map(|name| closest(name, &there).map(|key| format!("`{key}` for `{name}`")))
            .collect();
        if !meant.is_empty() {
            message += &format!("; did you mean {}?", meant.join(", "));
        }
        message += "; what is text and no variable has its braces doubled: `{{` and `}}`";
        Error::invalid_input(message)
    }
}

#[cold]
fn not_an_object(given: &Value, wanted: &[String]) -> Error {
    let given = match given {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    };
    Error::invalid_input(match wanted {
        [] => format!("the prompt has no variables, but was given {given}: give an empty object, `json!({{}})`"),
        _ => format!(
            "the prompt was given {given}, which can stand for one variable only: give an object with {}",
            listed(wanted)
        ),
    })
}
