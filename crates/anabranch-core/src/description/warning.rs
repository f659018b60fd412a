//! [`Warning`]: what may go wrong in a chain, and need not.

use std::fmt;

/// What the check of a chain found in a part that need not run, or may fail without failing the whole.
///
/// `Display` is one line, the steps outermost first:
///
/// ```text
/// settled > legal > ChatPromptTemplate: needs `topics`, but `parallel` gives `topic`; did you mean `topic` for `topics`?
/// ```
///
/// As an error it holds no prompt, no answer and no key of an object that is not a short name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Outermost first.
    path: Vec<String>,
    message: String,
}

impl Warning {
    pub(super) fn new(path: Vec<String>, message: String) -> Self {
        Self { path, message }
    }

    /// The steps it was found in, outermost first; the last is the one that is told of.
    pub fn path(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.path.iter().map(String::as_str)
    }

    /// What was found, without the path.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.join(" > "), self.message)
    }
}
