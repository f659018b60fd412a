//! [`Values`]: what the variables of a prompt stand for in one run, and [`Names`]: which there are.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use anabranch_core::__private::{did_you_mean, listed, listed_or};
use anabranch_core::describe::Needs;
use anabranch_core::{Error, Result};
use serde_json::{Map, Value};

use crate::template::Language;

/// The variables of a prompt.
#[derive(Clone, Default, Debug)]
pub(crate) struct Names {
    /// Those that must be given, in order of first appearance.
    pub(crate) wanted: Vec<String>,
    /// Those that may be given.
    pub(crate) optional: Vec<String>,
}

impl Names {
    /// Finds them by a function that calls another one with each of them, and whether it may be missing there.
    pub(crate) fn find(partials: &Partials, each: impl FnOnce(&mut dyn FnMut(&str, bool))) -> Self {
        let mut order: Vec<(String, bool)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        each(&mut |name, may_miss| {
            let may_miss = may_miss || partials.has(name);
            match places.get(name) {
                // What one message must have, another one's placeholder cannot do without.
                Some(&place) => order[place].1 &= may_miss,
                None => {
                    places.insert(name.to_string(), order.len());
                    order.push((name.to_string(), may_miss));
                }
            }
        });
        let mut names = Self::default();
        for (name, may_miss) in order {
            if may_miss { &mut names.optional } else { &mut names.wanted }.push(name);
        }
        names
    }

    /// What the check of a chain is told.
    pub(crate) fn needs(&self) -> Needs {
        match self.wanted.len() {
            0 if self.optional.is_empty() => Needs::Object,
            count => Needs::Keys { keys: self.wanted.clone(), optional: self.optional.clone(), or_bare: count == 1 },
        }
    }
}

type Function = Arc<dyn Fn() -> Value + Send + Sync>;

/// Values that are there beforehand, and functions that give one for each rendering.
#[derive(Clone, Default)]
pub(crate) struct Partials {
    values: Map<String, Value>,
    functions: BTreeMap<String, Function>,
}

impl Partials {
    pub(crate) fn set(&mut self, name: String, value: Value) {
        self.functions.remove(&name);
        self.values.insert(name, value);
    }

    pub(crate) fn set_function(&mut self, name: String, function: Function) {
        self.values.shift_remove(&name);
        self.functions.insert(name, function);
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name) || self.functions.contains_key(name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str).chain(self.functions.keys().map(String::as_str))
    }

    /// Takes over what another prompt has beforehand.
    pub(crate) fn join(&mut self, other: Self) -> Result<()> {
        let both: Vec<_> = other
            .names()
            .filter(|name| {
                self.has(name)
                    && (self.values.get(*name).is_none() || self.values.get(*name) != other.values.get(*name))
            })
            .collect();
        if !both.is_empty() {
            let message = format!("both prompts have a partial for {}: give it to one of them", listed(&both));
            return Err(Error::new(anabranch_core::ErrorKind::InvalidChain, message));
        }
        self.values.extend(other.values);
        self.functions.extend(other.functions);
        Ok(())
    }
}

impl fmt::Debug for Partials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.names()).finish()
    }
}

/// What the variables of a prompt stand for in one run: the input, and the partials where the input has none.
pub(crate) struct Values<'a> {
    input: Input<'a>,
    /// The input as it came.
    given: &'a Value,
    partials: &'a Partials,
    /// What functions gave for this run.
    computed: BTreeMap<String, Value>,
    /// Whether a variable that is missing is no error, but shown as it is written.
    shows_missing: bool,
}

enum Input<'a> {
    Object(&'a Map<String, Value>),
    /// The value of the one variable.
    Bare(&'a str, &'a Value),
}

impl<'a> Values<'a> {
    /// Takes an object, or any other value where exactly one variable is wanted. Calls the functions of the partials
    /// that the input has nothing in place of.
    pub(crate) fn new(input: &'a Value, names: &'a Names, partials: &'a Partials) -> Result<Self> {
        let given = input;
        let input = match (input, names.wanted.as_slice()) {
            (Value::Object(object), _) => Input::Object(object),
            (bare, [name]) => Input::Bare(name, bare),
            (bare, wanted) => return Err(not_an_object(bare, wanted)),
        };
        let mut values = Self { input, given, partials, computed: BTreeMap::new(), shows_missing: false };
        for (name, function) in &partials.functions {
            if values.get(name).is_none() {
                values.computed.insert(name.clone(), function());
            }
        }
        Ok(values)
    }

    /// Variables that are missing are shown as they are written, each template in its own language.
    pub(crate) fn show_missing(&mut self) {
        self.shows_missing = true;
    }

    pub(crate) fn shows_missing(&self) -> bool {
        self.shows_missing
    }

    #[inline]
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        let given = match self.input {
            // Looking through a few keys is quicker than hashing one.
            Input::Object(object) if object.len() <= 8 => {
                object.iter().find(|(key, _)| *key == name).map(|(_, value)| value)
            }
            Input::Object(object) => object.get(name),
            Input::Bare(wanted, value) => (wanted == name).then_some(value),
        };
        given.or_else(|| self.beforehand(name))
    }

    #[inline(never)]
    fn beforehand(&self, name: &str) -> Option<&Value> {
        self.computed.get(name).or_else(|| self.partials.values.get(name))
    }

    /// The input as it came.
    pub(crate) fn given(&self) -> &'a Value {
        self.given
    }

    /// The whole input, where it is an object.
    pub(crate) fn whole(&self) -> Option<&'a Map<String, Value>> {
        match self.input {
            Input::Object(object) => Some(object),
            Input::Bare(..) => None,
        }
    }

    /// Says which variables are missing and which keys there are; of values it says nothing.
    #[cold]
    pub(crate) fn missing(&self, wanted: &[String], language: Language) -> Error {
        let missing: Vec<_> = wanted.iter().filter(|name| self.get(name).is_none()).collect();
        let mut there: Vec<&str> = match self.input {
            Input::Object(object) => object.keys().map(String::as_str).collect(),
            Input::Bare(name, _) => vec![name],
        };
        there.extend(self.partials.names());
        let mut message = format!("missing {}; ", listed(&missing));
        match there.is_empty() {
            true => message += "the input has no keys",
            false => message += &format!("there is {}", listed_or(&there, "nothing")),
        }
        if let Some(meant) = did_you_mean(&missing, &there) {
            message += "; ";
            message += &meant;
        }
        message += "; ";
        message += language.hint();
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
        [] => format!(
            "the prompt has no variables that must be given, but was given {given}: give an object, `json!({{}})`"
        ),
        _ => format!(
            "the prompt was given {given}, which can stand for one variable only: give an object with {}",
            listed(wanted)
        ),
    })
}
