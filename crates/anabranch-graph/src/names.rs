//! [`Names`]: one name or several.

/// One name or several: what an edge begins and ends at, and what a route chooses.
///
/// ```
/// use anabranch_graph::Names;
///
/// assert_eq!("write".into_names(), ["write"]);
/// assert_eq!(["legal", "financial"].into_names(), ["legal", "financial"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no name of a node",
    label = "expected the name of a node, or several names",
    note = "a name is a text (`\"write\"`, a `String`); several are an array or a `Vec` of texts",
    note = "a condition gives the name of the node that comes next: `|state| if state.approved {{ END }} else {{ \"write\" }}`"
)]
pub trait Names {
    /// All of them, in order.
    fn into_names(self) -> Vec<String>;
}

impl Names for &str {
    fn into_names(self) -> Vec<String> {
        vec![self.to_string()]
    }
}

impl Names for String {
    fn into_names(self) -> Vec<String> {
        vec![self]
    }
}

impl Names for &String {
    fn into_names(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<T: Into<String>, const N: usize> Names for [T; N] {
    fn into_names(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<T: Into<String>> Names for Vec<T> {
    fn into_names(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl Names for &[&str] {
    fn into_names(self) -> Vec<String> {
        self.iter().map(ToString::to_string).collect()
    }
}
