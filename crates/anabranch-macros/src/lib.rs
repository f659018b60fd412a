//! Derives of anabranch. Programs use them through the crate `anabranch`; each stands beside the trait of its name.

use proc_macro::TokenStream;

mod field;
mod reducer;
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
/// | a field | takes |
/// |---|---|
/// | text: `String`, `Box<str>`, `Arc<str>`, `Cow<'static, str>` | what is `Into` its type |
/// | a list with `append`: `Vec<T>`, `VecDeque<T>`, `LinkedList<T>`; with `messages`: `Vec<T>` | what can be iterated, its items `Into<T>`; where `T` is a number, `T` |
/// | any other, and any whose type has another name by `type` | its own type |
///
/// Where a function that takes more than one type is handed on and nothing says what it will be given, as with the answer
/// to a question, say it: `Analysis::document::<String>`. `.overwrite()` is there for fields with a reducer.
///
/// A state is a struct with named fields, at most 128 of them, and without generic parameters.
///
/// # Of a field
///
/// `#[reduce(…)]` says how several writes of the field add up; without it, the last one counts.
///
/// | | with a write |
/// |---|---|
/// | `append` | its elements come behind those that are there: `Vec`, `VecDeque` and whatever extends as they do |
/// | `add` | it is added with `+=`; a whole number that does not fit its type is an error of the run, also in a release build |
/// | `max`, `min` | the larger or the smaller of the two stays; an `Option` that is `None` stands for no value |
/// | `union` | sets: of both; maps: its entries replace those of the same key |
/// | `messages` | as `append`, but an element replaces the one of the same id |
/// | `with = path` | `path` is a function `fn(T, T) -> T` of the value so far and the new one |
///
/// In the log a write has the name that the field has in Rust: serde's `rename`, `flatten`, `default` and
/// `skip_serializing_if` are for the state alone. `with`, `serialize_with` and `deserialize_with` hold for the writes, too.
/// `skip` is refused, since the state is kept in the log. The state that a run begins with is kept as serde writes it: what
/// `skip_serializing_if` leaves out has to be what `default` puts there.
///
/// What is `#[deprecated]` is so as a function, and what is allowed at the struct or at a field (`#[allow(…)]`,
/// `#[expect(…)]`) is allowed in the code.
///
/// # Of the struct
///
/// `#[state(crate = "…")]` says where the module is of which the code is to speak; without it, that is
/// `::anabranch::graph`.
#[proc_macro_derive(State, attributes(state, reduce))]
pub fn derive_state(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    state::derive(&input).into()
}
