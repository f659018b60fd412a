//! [`Description`]: what is known about a chain before it runs.

use std::borrow::Cow;

/// What is known about a step before it runs: what it is, which keys it needs and gives, and what it is made of.
///
/// [`Runnable::check`](crate::Runnable::check) reads it; so can a program that draws chains.
///
/// ```
/// use anabranch_core::{Gives, Runnable, RunnablePassthrough, lambda, parallel};
/// use serde_json::Value;
///
/// let map = parallel! {
///     "topic": RunnablePassthrough,
///     "length": lambda(async |input: Value| Ok(input.to_string().len())),
/// };
/// let description = map.describe();
/// assert_eq!(description.kind, "parallel");
/// assert_eq!(description.gives, Gives::Keys { keys: vec!["topic".into(), "length".into()], optional: vec![] });
/// assert_eq!(description.children[1].name, "length");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Description {
    /// What kind of step it is: `"prompt"`, `"parallel"`, `"chat_model"`.
    pub kind: &'static str,
    /// Its name, as it stands in error paths; for a branch its key.
    pub name: String,
    /// What it must find in its input.
    pub needs: Needs,
    /// What is known of its output.
    pub gives: Gives,
    /// How the children make up the step.
    pub composed: Composed,
    /// The steps it is made of.
    pub children: Vec<Description>,
}

/// What a step must find in its input.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Needs {
    /// Nothing that can be known.
    #[default]
    Unknown,
    /// An object with these keys.
    Keys {
        /// Keys that must be there.
        keys: Vec<String>,
        /// Keys that are used if they are there.
        optional: Vec<String>,
        /// Whether a value that is no object will do as well: it then stands for the one key.
        or_bare: bool,
    },
    /// An object, whatever its keys.
    Object,
}

impl Needs {
    /// An object with these keys.
    #[must_use]
    pub fn keys(keys: Vec<String>) -> Self {
        Self::Keys { keys, optional: Vec::new(), or_bare: false }
    }
}

/// What is known of a step's output.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Gives {
    /// Nothing.
    #[default]
    Unknown,
    /// What it took.
    Input,
    /// The input object and these keys.
    InputAnd(Vec<String>),
    /// An object with exactly these keys.
    Keys {
        /// Keys that are there.
        keys: Vec<String>,
        /// Keys that may be there.
        optional: Vec<String>,
    },
    /// A value that is no object: text, a number, a list of messages.
    Bare,
    /// What its children give, as they are [`Composed`].
    Children,
}

/// How the children of a step make it up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Composed {
    /// One after the other.
    #[default]
    InSequence,
    /// All on the same input.
    SideBySide,
    /// One of them, chosen at run time, or one after another until one succeeds.
    OneOf,
    /// On each element of the input.
    PerElement,
}

impl Description {
    /// A step of which nothing but kind and name is known.
    pub fn new<'a>(kind: &'static str, name: impl Into<Cow<'a, str>>) -> Self {
        Self {
            kind,
            name: name.into().into_owned(),
            needs: Needs::Unknown,
            gives: Gives::Unknown,
            composed: Composed::InSequence,
            children: Vec::new(),
        }
    }

    /// Says what it must find in its input.
    #[must_use]
    pub fn needs(mut self, needs: Needs) -> Self {
        self.needs = needs;
        self
    }

    /// Says what is known of its output.
    #[must_use]
    pub fn gives(mut self, gives: Gives) -> Self {
        self.gives = gives;
        self
    }

    /// Says what it is made of.
    #[must_use]
    pub fn with_children(mut self, composed: Composed, children: impl IntoIterator<Item = Description>) -> Self {
        self.composed = composed;
        self.children.extend(children);
        self
    }

    /// A step around another, whose input and output are the inner one's.
    #[must_use]
    pub fn around(kind: &'static str, inner: Description) -> Self {
        Self::new(kind, inner.name.clone()).gives(Gives::Children).with_children(Composed::InSequence, [inner])
    }

    /// One step after the other; sequences inside are taken apart, so that a chain is one flat list.
    pub(crate) fn sequence(first: Description, second: Description) -> Self {
        let mut steps = Vec::new();
        for part in [first, second] {
            if part.kind == "sequence" && part.name == "sequence" && part.gives == Gives::Children {
                steps.extend(part.children);
            } else {
                steps.push(part);
            }
        }
        Self::new("sequence", "sequence").gives(Gives::Children).with_children(Composed::InSequence, steps)
    }
}
