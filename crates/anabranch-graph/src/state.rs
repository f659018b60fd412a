//! [`State`]: what the nodes of a graph share.

use std::borrow::Cow;
use std::fmt;

use anabranch_core::Result;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamic::DynamicFields;
use crate::shape::Field;

/// What the nodes of a graph share: a struct whose fields they read, and write by an [`Update`](crate::Update).
///
/// It is derived. For every field there is a function of its name then, which makes a write of it:
///
/// ```
/// use anabranch_graph::State;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Analysis {
///     document: String,
///     #[reduce(append)]
///     notes: Vec<String>,
///     rounds: u32,
/// }
///
/// let both = (Analysis::document("A lease."), Analysis::notes(["the lawyer looked at it"]));
/// ```
///
/// A field holds what was last written, unless `#[reduce(…)]` says how several writes add up: see
/// [`reduce`](mod@crate::reduce) for the reducers, and the [derive](derive@crate::State) for everything else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the state of a graph",
    label = "`State` is not implemented for it",
    note = "derive it: `#[derive(Clone, Default, Serialize, Deserialize, State)]`, with `use anabranch::graph::State`"
)]
pub trait State: Clone + Default + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// One write of one field, as the log of a run keeps it. Its `Debug` names the field and nothing of the value.
    type Write: Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static;

    /// The fields, in declared order. A state whose fields are declared by value has none here.
    fn fields() -> Vec<Field>;

    /// Applies one write: sets the field, or reduces the value into it.
    fn apply(&mut self, write: &Self::Write);

    /// Prepares writes for the log, and says what is wrong with them. There is nothing to do where types see to it.
    ///
    /// # Errors
    /// Where a field is none, or its reducer does not take the value.
    #[doc(hidden)]
    fn admit(_writes: &mut [Self::Write], _declared: &DynamicFields) -> Result<()> {
        Ok(())
    }

    /// Whether a node writes only what it declared. There is nothing to do where its type says it.
    #[doc(hidden)]
    fn is_allowed(_write: &Self::Write, _declared: &DynamicFields, _allowed: &[(usize, bool)]) -> bool {
        true
    }

    /// Gives fields that are missing their default. Nothing is missing in a struct.
    ///
    /// # Errors
    /// Where a field is none, or holds a value of another type.
    #[doc(hidden)]
    fn complete(&mut self, _declared: &DynamicFields) -> Result<()> {
        Ok(())
    }
}

/// That the field at this place has a reducer, so that an overwrite of it differs from a write.
#[diagnostic::on_unimplemented(
    message = "this field of `{Self}` has no reducer: a write of it replaces what was there anyway",
    label = "`.overwrite()` is for fields with a reducer",
    note = "leave `.overwrite()` out, or say at the field how writes add up: `#[reduce(append)]`, for instance"
)]
pub trait Reduced<const FIELD: usize>: State {
    /// The same value as an overwrite.
    #[doc(hidden)]
    fn overwrite(write: Self::Write) -> Self::Write;
}

/// A field as the derive describes it.
#[must_use]
pub fn field(name: &'static str, reducer: Option<&'static str>) -> Field {
    Field { name: Cow::Borrowed(name), reducer: reducer.map(Cow::Borrowed) }
}

/// Shows a write without its value.
pub fn show(f: &mut fmt::Formatter<'_>, field: &str, overwrite: bool) -> fmt::Result {
    let name = if overwrite { "Overwrite" } else { "Write" };
    f.debug_struct(name).field("field", &field).finish_non_exhaustive()
}
