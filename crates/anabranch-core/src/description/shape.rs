//! [`Shape`]: what is known of a value on its way through a chain.

use std::collections::HashMap;
use std::rc::Rc;

/// What is known of a value on its way through a chain.
#[derive(Clone)]
pub(super) enum Shape<'a> {
    /// Nothing, or not which keys it has.
    Unknown,
    /// No object. It comes from the step of this name.
    Bare(&'a str),
    /// An object whose keys are known.
    Object(Rc<Object<'a>>),
}

/// An object whose keys are known. It is shared between the branches that take it, and changed in place where nobody
/// else has it: a chain that adds a key at each of its steps costs no more than its steps.
#[derive(Clone)]
pub(super) struct Object<'a> {
    /// The step it comes from.
    pub(super) origin: &'a str,
    /// In the order they came.
    keys: Vec<&'a str>,
    certainty: HashMap<&'a str, Certainty>,
}

/// How certain a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It is there.
    Always,
    /// Some of the alternatives give it, and it is not known which will be taken.
    Sometimes,
    /// It is there if the branch behind it came through. In a run in which it fails, it is missing.
    Perhaps,
}

impl<'a> Object<'a> {
    pub(super) fn new(origin: &'a str) -> Self {
        Self { origin, keys: Vec::new(), certainty: HashMap::new() }
    }

    pub(super) fn set(&mut self, key: &'a str, certainty: Certainty) {
        if self.certainty.insert(key, certainty).is_none() {
            self.keys.push(key);
        }
    }

    pub(super) fn certainty(&self, key: &str) -> Option<Certainty> {
        self.certainty.get(key).copied()
    }

    /// The keys of this certainty, in the order they came.
    pub(super) fn keys(&self, certainty: Certainty) -> Vec<&'a str> {
        self.keys.iter().filter(|key| self.certainty(key) == Some(certainty)).copied().collect()
    }
}

impl<'a> Shape<'a> {
    /// What holds for a value that has one of these shapes, and comes from the step that chose between them.
    pub(super) fn one_of(shapes: Vec<Self>, chooser: &'a str) -> Self {
        let (mut bare, mut objects) = (Vec::new(), Vec::new());
        for shape in shapes {
            match shape {
                Self::Unknown => return Self::Unknown,
                Self::Bare(origin) => bare.push(origin),
                Self::Object(object) => objects.push(object),
            }
        }
        match (bare.is_empty(), objects.is_empty()) {
            (false, true) => Self::Bare(common(&bare).unwrap_or(chooser)),
            (true, false) => Self::Object(Rc::new(merged(&objects, chooser))),
            _ => Self::Unknown,
        }
    }
}

/// Keys that all of them are certain to have are certain; what only some are certain to have depends on the choice.
fn merged<'a>(objects: &[Rc<Object<'a>>], chooser: &'a str) -> Object<'a> {
    let alike = objects.windows(2).all(|pair| pair[0].certainty == pair[1].certainty);
    let origins: Vec<_> = objects.iter().map(|object| object.origin).collect();
    let origin = common(&origins).filter(|_| alike).unwrap_or(chooser);
    let mut always: HashMap<&str, usize> = HashMap::new();
    let mut merged = Object::new(origin);
    for object in objects {
        for key in &object.keys {
            let certainty = match object.certainty(key) {
                Some(Certainty::Always) => {
                    *always.entry(key).or_default() += 1;
                    Certainty::Sometimes
                }
                Some(certainty) => certainty,
                None => continue,
            };
            if merged.certainty(key) != Some(Certainty::Sometimes) {
                merged.set(key, certainty);
            }
        }
    }
    for (key, count) in always {
        if count == objects.len() {
            merged.set(key, Certainty::Always);
        }
    }
    merged
}

fn common<'a>(origins: &[&'a str]) -> Option<&'a str> {
    let (first, rest) = origins.split_first()?;
    rest.iter().all(|origin| origin == first).then_some(*first)
}
