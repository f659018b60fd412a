//! [`Label`]: what a step is called in error paths, events and pictures.

use std::borrow::Cow;

use crate::description::kind::Kind;

/// What a step is called in error paths, events and pictures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label<'a> {
    /// The kind of step.
    pub kind: Kind,
    /// The name as it stands in an error path: `"ChatModel openai:gpt-4o-mini"`.
    pub name: Cow<'a, str>,
}

impl<'a> Label<'a> {
    /// A label.
    pub fn new(kind: Kind, name: impl Into<Cow<'a, str>>) -> Self {
        Self { kind, name: name.into() }
    }

    /// A label with the name of a type, without its modules and parameters.
    #[must_use]
    pub fn of_type<T: ?Sized>(kind: Kind) -> Self {
        Self::new(kind, short_type_name::<T>())
    }
}

/// `my::steps::Splitter<alloc::string::String>` as `Splitter`.
fn short_type_name<T: ?Sized>() -> &'static str {
    let full = std::any::type_name::<T>();
    let path = full.split('<').next().unwrap_or(full);
    path.rsplit("::").next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn type_names_are_short() {
        assert_eq!(short_type_name::<Vec<String>>(), "Vec");
        assert_eq!(Label::of_type::<str>(Kind::STEP), Label::new(Kind::STEP, "str"));
    }
}
