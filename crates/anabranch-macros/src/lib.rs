//! Derives of anabranch. Programs use them through the crate `anabranch`; each stands beside the trait of its name.

use proc_macro::TokenStream;

mod field;
mod state;
#[cfg(test)]
mod tests;

/// Makes a struct the state of a graph: implements `State`, and gives it a function for each field, of the field's name
/// and visibility, that makes a write of it.
///
/// ```ignore
/// use anabranch::graph::State;
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// struct Analysis {
///     document: String,
///     #[reduce(append)]
///     notes: Vec<String>,
///     rounds: u32,
/// }
///
/// let update = (Analysis::document("A lease."), Analysis::notes(["read"]), Analysis::rounds(1));
/// let anew = Analysis::notes(["begun again"]).overwrite();
/// ```
///
/// A `String` field takes anything that is `Into<String>`; a `Vec<T>` with `append` or `messages` anything that can be
/// iterated and whose items are `Into<T>`; every other field its own type. Where such a function is handed on and nothing
/// says what it will be given, as with the answer to a question, say it: `Analysis::document::<String>`. `.overwrite()` is there for fields with a
/// reducer.
///
/// # Of a field
///
/// `#[reduce(…)]` says how several writes of the field add up; without it, the last one counts.
///
/// | | with a write |
/// |---|---|
/// | `append` | its elements come behind those that are there: `Vec`, `VecDeque` and whatever extends as they do |
/// | `add` | it is added with `+=`, which is checked for overflow or not as any `+=` of the program is |
/// | `max`, `min` | the larger or the smaller of the two stays; an `Option` that is `None` stands for no value |
/// | `union` | sets: of both; maps: its entries replace those of the same key |
/// | `messages` | as `append`, but an element replaces the one of the same id |
/// | `with = path` | `path` is a function `fn(T, T) -> T` of the value so far and the new one |
///
/// Of serde's attributes `with`, `serialize_with` and `deserialize_with` hold for the writes in the log, too. `skip` is
/// refused, since the state is kept in the log.
///
/// # Of the struct
///
/// `#[state(crate = "…")]` says where the module is of which the code is to speak; without it, that is
/// `::anabranch::graph`.
#[proc_macro_derive(State, attributes(state, reduce))]
pub fn derive_state(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    state::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
