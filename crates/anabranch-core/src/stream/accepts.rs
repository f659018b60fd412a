//! [`Accepts`]: what may stand at a joint of two steps.

/// A step that takes `Self` can follow a step that gives `Given`: true for every `Self: From<Given>`.
///
/// It exists so that the compiler says at a `|` what does not fit; implement [`From`] to make two types fit.
#[diagnostic::on_unimplemented(
    message = "a step that takes `{Self}` cannot follow a step that gives `{Given}`",
    label = "the step on the right takes `{Self}`, the one on the left gives `{Given}`",
    note = "put a step in between that turns one into the other, for instance `.pipe(async |value: {Given}| ...)`",
    note = "JSON (`Value`) becomes a type of yours with `from_json::<...>()` in between"
)]
pub trait Accepts<Given>: Sized {
    /// Converts what the step before gave.
    fn accept(given: Given) -> Self;
}

#[diagnostic::do_not_recommend]
impl<Given, T: From<Given>> Accepts<Given> for T {
    #[inline]
    fn accept(given: Given) -> Self {
        T::from(given)
    }
}
