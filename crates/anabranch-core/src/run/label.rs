//! [`Label`]: what a step is called in error paths, events and pictures.

use std::borrow::Cow;

use crate::error::Error;
use crate::runnable::Runnable;

/// What a step is called in error paths, events and pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label<'a> {
    /// The kind of step, in lower case with underscores: `"chat_model"`, `"prompt"`, `"lambda"`.
    pub kind: &'static str,
    /// The name as it stands in an error path: `"ChatModel openai:gpt-4o-mini"`.
    pub name: Cow<'a, str>,
}

impl<'a> Label<'a> {
    /// A label.
    pub fn new(kind: &'static str, name: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, name: name.into() }
    }

    /// A label with the name of a type, without its modules and parameters.
    #[must_use]
    pub fn of_type<T: ?Sized>(kind: &'static str) -> Self {
        Self::new(kind, short_type_name::<T>())
    }
}

/// `my::steps::Splitter<alloc::string::String>` as `Splitter`.
pub(crate) fn short_type_name<T: ?Sized>() -> &'static str {
    let full = std::any::type_name::<T>();
    let path = full.split('<').next().unwrap_or(full);
    path.rsplit("::").next().unwrap_or(path)
}

/// The part of a [`Runnable`] that names errors, as a trait object.
pub(crate) trait Labelled: Send + Sync {
    fn name_error(&self, error: Error) -> Error;
}

impl<R: Runnable> Labelled for R {
    #[cold]
    fn name_error(&self, error: Error) -> Error {
        if error.is_passing() {
            return error;
        }
        match self.label() {
            Some(label) => error.at(label.name),
            None => error,
        }
    }
}

/// The label of a step that something happened *to*, from outside: what has none, because it names itself or its
/// parts, is known by its description.
#[cold]
pub(crate) fn label_from_outside<R: Runnable>(step: &R) -> Label<'_> {
    step.label().unwrap_or_else(|| {
        let description = step.describe();
        Label::new(description.kind, description.name)
    })
}

/// Names a step in an error that whoever runs it made, such as a time-out.
#[cold]
pub(crate) fn name_from_outside<R: Runnable>(step: &R, error: Error) -> Error {
    error.at(label_from_outside(step).name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_are_short() {
        assert_eq!(short_type_name::<Vec<String>>(), "Vec");
        assert_eq!(short_type_name::<str>(), "str");
    }
}
