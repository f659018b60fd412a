//! [`BuildError`]: what is wrong with a graph, and how to mend it. All of it at once: [`BuildErrors`].

use std::fmt;

use anabranch_core::{Error, ErrorKind};

/// What is wrong with a graph, as a word.
///
/// ```
/// use anabranch_graph::BuildErrorKind;
///
/// assert_eq!(BuildErrorKind::Conflict.to_string(), "Conflict");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BuildErrorKind {
    /// A name that means something else: `START`, `END`, nothing at all, or one with `/`, `#`, `[` or `]` in it.
    ReservedName,
    /// Two nodes of one name.
    DuplicateNode,
    /// A name that no node has.
    UnknownNode,
    /// A name that no field has: of a field that a node is to write, in a graph whose fields are declared by value.
    UnknownField,
    /// An edge that comes from END.
    EdgeFromEnd,
    /// An edge that leads to START.
    EdgeToStart,
    /// Two edges with the same two ends.
    DuplicateEdge,
    /// Two routes of one node.
    DuplicateRoute,
    /// A route without targets.
    EmptyRoute,
    /// No edge leaves START.
    NoEntry,
    /// No way leads from START to the node.
    Unreachable,
    /// No edge leaves the node.
    NoWayToEnd,
    /// A loop that nothing leads out of, or that always goes on.
    LoopWithoutWayOut,
    /// A loop that can be entered at more than one of its nodes.
    LoopWithTwoEntries,
    /// Two nodes that can run at the same time write the same field, and which write counts is left to chance.
    Conflict,
    /// A node waits for edges that can never all be taken.
    JoinAllNeverRuns,
    /// An optional node that every way to END passes.
    OptionalOnOnlyWay,
    /// A question that is optional.
    OptionalAsk,
    /// A question with a fallback: it waits for its answer, and cannot fail.
    FallbackOfAsk,
    /// A node that is its own fallback.
    FallbackToItself,
    /// Two fallbacks of one node.
    DuplicateFallback,
    /// `settled` of a node that is no map, and so has no items.
    SettledNoMap,
    /// Graphs inside of one another, more of them than a thread has a stack for.
    NestedTooDeep,
}

impl BuildErrorKind {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReservedName => "ReservedName",
            Self::DuplicateNode => "DuplicateNode",
            Self::UnknownNode => "UnknownNode",
            Self::UnknownField => "UnknownField",
            Self::EdgeFromEnd => "EdgeFromEnd",
            Self::EdgeToStart => "EdgeToStart",
            Self::DuplicateEdge => "DuplicateEdge",
            Self::DuplicateRoute => "DuplicateRoute",
            Self::EmptyRoute => "EmptyRoute",
            Self::NoEntry => "NoEntry",
            Self::Unreachable => "Unreachable",
            Self::NoWayToEnd => "NoWayToEnd",
            Self::LoopWithoutWayOut => "LoopWithoutWayOut",
            Self::LoopWithTwoEntries => "LoopWithTwoEntries",
            Self::Conflict => "Conflict",
            Self::JoinAllNeverRuns => "JoinAllNeverRuns",
            Self::OptionalOnOnlyWay => "OptionalOnOnlyWay",
            Self::OptionalAsk => "OptionalAsk",
            Self::FallbackOfAsk => "FallbackOfAsk",
            Self::FallbackToItself => "FallbackToItself",
            Self::DuplicateFallback => "DuplicateFallback",
            Self::SettledNoMap => "SettledNoMap",
            Self::NestedTooDeep => "NestedTooDeep",
        }
    }
}

impl fmt::Display for BuildErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One thing that is wrong with a graph. Its text says what, and how to mend it.
///
/// ```
/// use anabranch_graph::{BuildError, BuildErrorKind};
///
/// fn of_two_writers(error: &BuildError) -> Option<(&str, &[String])> {
///     (error.kind() == BuildErrorKind::Conflict).then_some((error.field()?, error.nodes()))
/// }
/// # let _ = of_two_writers;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildError {
    kind: BuildErrorKind,
    nodes: Vec<String>,
    field: Option<String>,
    text: String,
}

impl BuildError {
    pub(crate) fn new(kind: BuildErrorKind, nodes: impl IntoIterator<Item = impl Into<String>>, text: String) -> Self {
        Self { kind, nodes: nodes.into_iter().map(Into::into).collect(), field: None, text }
    }

    pub(crate) fn with_field(self, field: &str) -> Self {
        Self { field: Some(field.to_owned()), ..self }
    }

    /// What is wrong, as a word.
    #[must_use]
    pub fn kind(&self) -> BuildErrorKind {
        self.kind
    }

    /// The nodes it concerns, in declared order. Names that no node has, too.
    #[must_use]
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// The field that a [`Conflict`](BuildErrorKind::Conflict) or an [`UnknownField`](BuildErrorKind::UnknownField) is
    /// about.
    #[must_use]
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for BuildError {}

/// Everything that is wrong with a graph, causes only. Shown as one line each.
///
/// With `?` it becomes an [`Error`] of the kind [`Configuration`](ErrorKind::Configuration) with the same text, in one line.
///
/// ```
/// use anabranch_graph::BuildErrors;
///
/// fn fields_in_conflict(errors: &BuildErrors) -> Vec<&str> {
///     errors.iter().filter_map(|error| error.field()).collect()
/// }
/// # let _ = fields_in_conflict;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildErrors(Vec<BuildError>);

impl BuildErrors {
    /// `Err` if there is any.
    pub(crate) fn of(errors: Vec<BuildError>) -> Result<(), Self> {
        if errors.is_empty() { Ok(()) } else { Err(Self(errors)) }
    }

    /// One after the other. There is at least one.
    pub fn iter(&self) -> std::slice::Iter<'_, BuildError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a BuildErrors {
    type Item = &'a BuildError;
    type IntoIter = std::slice::Iter<'a, BuildError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for BuildErrors {
    type Item = BuildError;
    type IntoIter = std::vec::IntoIter<BuildError>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for BuildErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for BuildErrors {}

impl From<BuildErrors> for Error {
    fn from(errors: BuildErrors) -> Self {
        // An error is shown in one line.
        let text = errors.iter().map(BuildError::to_string).collect::<Vec<_>>().join("; ");
        Self::new(ErrorKind::Configuration, text).with_source(errors)
    }
}
