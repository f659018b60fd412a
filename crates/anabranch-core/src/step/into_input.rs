//! [`IntoInput`]: what a chain may be started with.

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::stream::chunks::Chunks;

/// What [`invoke`](crate::RunnableExt::invoke) and its sisters take for a step whose input is a `T`: everything that is
/// `Into<T>`; and for a step that takes JSON also a reference to anything that is [`Serialize`]: `invoke(&question)`.
///
/// The second parameter only tells the two apart; it is always inferred.
#[diagnostic::on_unimplemented(
    message = "a step that takes `{T}` cannot be started with `{Self}`",
    label = "expected something that becomes `{T}`",
    note = "a step that takes JSON (`Value`) takes what is `serde::Serialize` by reference: `.invoke(&it)`, not `.invoke(it)`",
    note = "for two types of your own, implement `From<{Self}>` for `{T}`"
)]
pub trait IntoInput<T, Marker>: Sized {
    /// The input.
    ///
    /// # Errors
    /// When the value has no JSON form.
    fn into_input(self) -> Result<T>;
}

/// Marks what is `Into` the input.
#[derive(Debug)]
pub struct ByInto;

/// Marks what is serialised.
#[derive(Debug)]
pub struct BySerialize;

#[diagnostic::do_not_recommend]
impl<T, U: Into<T>> IntoInput<T, ByInto> for U {
    #[inline]
    fn into_input(self) -> Result<T> {
        Ok(self.into())
    }
}

#[diagnostic::do_not_recommend]
impl<S: Serialize> IntoInput<Value, BySerialize> for &S {
    fn into_input(self) -> Result<Value> {
        serde_json::to_value(self).map_err(|_| {
            Error::new(ErrorKind::InvalidInput, "the input has no JSON form, such as a map whose keys are no text")
        })
    }
}

/// The input of a step as the only chunk.
pub(crate) fn chunks_of<'a, T, I, Marker>(input: I) -> Chunks<'a, T>
where
    T: Send + 'static,
    I: IntoInput<T, Marker>,
{
    input.into_input().map_or_else(Chunks::failed, Chunks::once)
}
