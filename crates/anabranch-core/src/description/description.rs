//! [`Description`]: what is known about a step before it runs.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::description::checked::{Checked, Mark};
use crate::description::kind::Kind;

/// What is known about a step before it runs: what it is, which keys it needs and gives, and what it is made of.
///
/// The check of a chain reads it; so can a program that draws chains. What can be read are the [`Facts`] behind it.
///
/// ```
/// use anabranch_core::describe::{Composed, Description, Gives, Kind};
///
/// let lookup = Description::new(Kind::LAMBDA, "lookup").gives(Gives::Bare);
/// let patient = Description::around(Kind::RETRY, lookup);
/// assert_eq!((patient.kind, patient.name.as_str()), (Kind::RETRY, "lookup"));
/// assert_eq!(patient.children[0].gives, Gives::Bare);
/// ```
///
/// It is one pointer wide: describing a chain of boxed steps is a call inside a call for each of them, and each holds
/// a few.
#[derive(Clone, PartialEq, Eq)]
pub struct Description(Box<Facts>);

/// What a [`Description`] says.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// What kind of step it is.
    pub kind: Kind,
    /// Its name, as it stands in error paths; for a branch its key.
    pub name: String,
    /// What it must find in its input.
    pub needs: Needs,
    /// What is known of its output.
    pub gives: Gives,
    /// How the children make up the step.
    pub composed: Composed,
    /// The steps it is made of. A chain grows at both ends, so it is a deque.
    pub children: VecDeque<Description>,
    /// The steps that are asked on the same input before one of the children is chosen, in this order and no further
    /// than needed: the first is certain to run.
    pub conditions: Vec<Description>,
    keyed: bool,
    transparent: bool,
    marks: Marks,
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
        /// Keys that are there only if the branch behind them came through.
        optional: Vec<String>,
    },
    /// A value that is no object: text, a number, a list of messages.
    Bare,
    /// What its children give, as they are [`Composed`].
    Children,
}

/// How the children of a step make it up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Composed {
    /// One after the other.
    #[default]
    InSequence,
    /// All on the same input, and each must succeed.
    AllOf,
    /// All on the same input, and some of them may fail.
    Enough {
        /// How many must succeed.
        needed: usize,
        /// The names of children that must be among those.
        required: Vec<String>,
    },
    /// One of them: chosen at run time, or the first that succeeds, at once or one after another.
    OneOf,
    /// One child, whose failure is a value.
    MayFail,
    /// On each element of the input.
    PerElement,
    /// A graph: each on what the graph makes of its input, and none is certain to run.
    Graph {
        /// What leads from child to child, in declared order.
        edges: Vec<Edge>,
    },
}

/// An edge of a [graph](Composed::Graph).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edge {
    /// The place of the child that it leaves; `None` is where the graph begins.
    pub from: Option<usize>,
    /// The place of the child that it leads to; `None` is where the graph ends.
    pub to: Option<usize>,
    /// Whether it is taken whenever the child that it leaves is done.
    pub is_certain: bool,
}

impl Edge {
    /// An edge between two children.
    #[must_use]
    pub fn new(from: Option<usize>, to: Option<usize>, is_certain: bool) -> Self {
        Self { from, to, is_certain }
    }
}

impl Description {
    /// A step of which nothing but kind and name is known.
    pub fn new<'a>(kind: Kind, name: impl Into<Cow<'a, str>>) -> Self {
        Self(Box::new(Facts {
            kind,
            name: name.into().into_owned(),
            needs: Needs::Unknown,
            gives: Gives::Unknown,
            composed: Composed::InSequence,
            children: VecDeque::new(),
            conditions: Vec::new(),
            keyed: false,
            transparent: false,
            marks: Marks::default(),
        }))
    }

    /// A step around another, whose name, input and output are the inner one's.
    #[must_use]
    pub fn around(kind: Kind, inner: Description) -> Self {
        Self::new(kind, inner.name.as_str())
            .transparent()
            .gives(Gives::Children)
            .with_children(Composed::InSequence, [inner])
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

    /// Says what it is made of, after what it is made of already.
    #[must_use]
    pub fn with_children(mut self, composed: Composed, children: impl IntoIterator<Item = Description>) -> Self {
        self.composed = composed;
        self.children.extend(children);
        self
    }

    /// Says which [conditions](Facts::conditions) are asked before one of the children is chosen.
    #[must_use]
    pub fn with_conditions(mut self, conditions: impl IntoIterator<Item = Description>) -> Self {
        self.conditions.extend(conditions);
        self
    }

    /// Gives it a name of its own: for a step around another that is more than that.
    #[must_use]
    pub fn named<'a>(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.name = name.into().into_owned();
        self.transparent = false;
        self
    }

    /// Says that the names of its children are the keys of its output, so that none may stand twice.
    #[must_use]
    pub fn keyed(mut self) -> Self {
        self.keyed = true;
        self
    }

    /// Says that it has no name of its own: its children are found in error paths without it.
    #[must_use]
    pub fn transparent(mut self) -> Self {
        self.transparent = true;
        self
    }

    /// What it is made of, to make another step of it.
    pub(crate) fn take_children(mut self) -> VecDeque<Description> {
        std::mem::take(&mut self.children)
    }

    /// Says whose check it is, so that the check of a chain around it stands for its own.
    #[must_use]
    pub(crate) fn with_checked(mut self, checked: &Checked) -> Self {
        self.marks.0.push(checked.mark().clone());
        self
    }

    /// Says that its output is known by its type to be no object, where its description does not say what it is.
    pub(crate) fn set_bare_output(&mut self) {
        let mut step = self;
        // A chain gives what its last step gives.
        while step.gives == Gives::Children && step.composed == Composed::InSequence && !step.children.is_empty() {
            let last = step.children.len() - 1;
            step = &mut step.0.children[last];
        }
        if step.gives == Gives::Unknown {
            step.gives = Gives::Bare;
        }
    }

    /// One step after the other. Sequences inside are taken apart, so that a chain is one flat list.
    ///
    /// The shorter list is moved into the longer one: however the pipes of a chain nest, each step is moved a few times
    /// at most, instead of once for each step behind it.
    pub(crate) fn sequence(first: Description, second: Description) -> Self {
        let (mut first, mut second) = (first.into_sequence(), second.into_sequence());
        let (mut chain, mut rest) = if first.children.len() >= second.children.len() {
            first.children.append(&mut second.children);
            (first, second)
        } else {
            for step in std::mem::take(&mut first.children).into_iter().rev() {
                second.children.push_front(step);
            }
            (second, first)
        };
        chain.marks.append(&mut rest.marks);
        chain
    }

    /// Itself if it is a sequence without a name of its own, or a sequence of nothing but itself.
    fn into_sequence(self) -> Self {
        let is_one = self.kind == Kind::SEQUENCE
            && self.transparent
            && !self.keyed
            && self.composed == Composed::InSequence
            && self.gives == Gives::Children
            && self.needs == Needs::Unknown
            && self.conditions.is_empty();
        if is_one {
            return self;
        }
        Self::new(Kind::SEQUENCE, "sequence")
            .transparent()
            .gives(Gives::Children)
            .with_children(Composed::InSequence, [self])
    }
}

impl Facts {
    /// Whether the names of the children are the keys of the output.
    #[must_use]
    pub fn is_keyed(&self) -> bool {
        self.keyed
    }

    /// Whether it has no name of its own: it bears that of what it is around, or that of its kind.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.transparent
    }

    /// What is to be marked when a check finds the step sound.
    pub(super) fn marks(&self) -> &[Mark] {
        &self.marks.0
    }
}

impl Deref for Description {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl DerefMut for Description {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

impl fmt::Debug for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What there is nothing to say of is left out, so that a whole chain can be read.
impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Description");
        shown.field("kind", &self.kind.as_str()).field("name", &self.name);
        if self.needs != Needs::Unknown {
            shown.field("needs", &self.needs);
        }
        if self.gives != Gives::Unknown {
            shown.field("gives", &self.gives);
        }
        if !self.conditions.is_empty() {
            shown.field("conditions", &self.conditions);
        }
        if !self.children.is_empty() || self.composed != Composed::InSequence {
            shown.field("composed", &self.composed).field("children", &self.children);
        }
        for (flag, set) in [("keyed", self.keyed), ("transparent", self.transparent)] {
            if set {
                shown.field(flag, &set);
            }
        }
        shown.finish_non_exhaustive()
    }
}

/// The marks of the sequences and fan-outs a step is made of. They say nothing about the step: two descriptions that
/// differ in nothing else are equal.
#[derive(Clone, Default)]
struct Marks(Vec<Mark>);

impl Marks {
    /// Their order does not matter, so the fewer are moved to the more.
    fn append(&mut self, more: &mut Self) {
        if self.0.len() < more.0.len() {
            std::mem::swap(self, more);
        }
        self.0.append(&mut more.0);
    }
}

impl PartialEq for Marks {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Marks {}
