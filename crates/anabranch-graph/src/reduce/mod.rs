//! Reducers: how several writes of one field add up. `#[reduce(append)]` at a field names one of these functions; each
//! takes the value so far and the one that is written.
//!
//! A function of your own is named by `#[reduce(with = path)]` and has the form `fn(T, T) -> T`, again of the value so
//! far and the new one. Many of the standard library have it:
//!
//! ```
//! use anabranch_graph::State;
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Clone, Default, Serialize, Deserialize, State)]
//! # #[state(crate = "anabranch_graph")]
//! struct Search {
//!     /// The first answer counts.
//!     #[reduce(with = Option::or)]
//!     answer: Option<String>,
//!     #[reduce(with = u64::saturating_add)]
//!     tokens: u64,
//!     #[reduce(with = longest)]
//!     summary: String,
//! }
//!
//! fn longest(current: String, new: String) -> String {
//!     if new.len() > current.len() { new } else { current }
//! }
//! ```
//!
//! A reducer must be a pure function: the state is computed again from the log. The field's type is `Default`, which is
//! what stands in the field while the function has the value.
//!
//! In which order writes are reduced is laid down by the graph, not by which node was first, so a reducer need not be
//! commutative.

use std::any::{Any, type_name};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};
use std::ops::{AddAssign, DerefMut};

use serde::Serialize;

pub(crate) mod derived;
mod id;
#[cfg(test)]
mod tests;

/// `append`: the elements come behind those that are there.
///
/// ```
/// let mut notes = vec!["a"];
/// anabranch_graph::reduce::append(&mut notes, &vec!["b", "a"]);
/// assert_eq!(notes, ["a", "b", "a"]);
/// ```
pub fn append<C: Append>(current: &mut C, new: &C) {
    current.append_all(new);
}

/// `add`: the sum, as `+=` makes it.
///
/// ```
/// let mut tokens = 40;
/// anabranch_graph::reduce::add(&mut tokens, &2);
/// assert_eq!(tokens, 42);
/// ```
///
/// # Panics
///
/// If both are whole numbers and the sum does not fit their type: in every build, since a counter that begins anew is no
/// sum. With `#[reduce(with = u64::saturating_add)]` it stops at the largest. Of a type of your own, `+=` decides. In the
/// run of a graph such a panic is an error that names the node and the field.
pub fn add<T: Add>(current: &mut T, new: &T) {
    if !add_whole(current, new) {
        *current += new.clone();
    }
}

/// Whether they are whole numbers, which are added then.
fn add_whole<T: Any>(current: &mut T, new: &T) -> bool {
    let (current, new): (&mut dyn Any, &dyn Any) = (current, new);
    // One of these branches is left when it is compiled.
    macro_rules! whole {
        ($($number:ty),*) => {
            $(if let (Some(current), Some(new)) = (current.downcast_mut::<$number>(), new.downcast_ref()) {
                *current = current.checked_add(*new).unwrap_or_else(|| does_not_fit(type_name::<$number>()));
                return true;
            })*
        };
    }
    whole!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);
    false
}

#[cold]
#[expect(clippy::panic, reason = "as `+=` has it where it is checked: a sum that is wrong must not go on")]
fn does_not_fit(number: &str) -> ! {
    panic!(
        "the sum of the field's writes does not fit in `{number}`: give the field a larger type, or stop at the largest by \
         `#[reduce(with = {number}::saturating_add)]`"
    )
}

/// `max`: the larger of the two; of an `Option`, `None` is less than all. A float that is no number ([`f64::NAN`]) is
/// as nothing: it replaces no other value, and any other replaces it. What else cannot be compared changes nothing.
///
/// ```
/// let mut best = 0.5;
/// anabranch_graph::reduce::max(&mut best, &0.75);
/// assert_eq!(best, 0.75);
/// ```
pub fn max<T: PartialOrd + Clone>(current: &mut T, new: &T) {
    if is_better(current, new, *new > *current) {
        current.clone_from(new);
    }
}

/// `min`: the smaller of the two. What is no number, or cannot be compared, is as with [`max`].
///
/// Of a number that begins as 0, by default, nothing above it is ever the smallest: begin with another, or make the field
/// an `Option`, of which `None` stands for no value yet ([`min_option`]).
///
/// ```
/// let mut price = 12;
/// anabranch_graph::reduce::min(&mut price, &7);
/// assert_eq!(price, 7);
/// ```
pub fn min<T: PartialOrd + Clone>(current: &mut T, new: &T) {
    if is_better(current, new, *new < *current) {
        current.clone_from(new);
    }
}

/// A NaN cannot even be compared with itself. If it stayed where it is the first, and only there, what comes of several
/// writes would depend on their order.
fn is_better<T: PartialOrd>(current: &T, new: &T, is_beyond: bool) -> bool {
    let is_value = |value: &T| value.partial_cmp(value).is_some();
    is_value(new) && (is_beyond || !is_value(current))
}

/// `min` of an `Option`: `None` stands for no value, so any value is less.
///
/// ```
/// let mut price = None;
/// anabranch_graph::reduce::min_option(&mut price, &Some(7));
/// anabranch_graph::reduce::min_option(&mut price, &None);
/// assert_eq!(price, Some(7));
/// ```
pub fn min_option<T: PartialOrd + Clone>(current: &mut Option<T>, new: &Option<T>) {
    match (&mut *current, new) {
        (Some(current), Some(new)) => min(current, new),
        (None, Some(_)) => current.clone_from(new),
        (_, None) => {}
    }
}

/// `union`: sets hold what either held; in maps the new entries replace those of the same key.
///
/// ```
/// use std::collections::BTreeMap;
///
/// let mut prices = BTreeMap::from([("ebb", 1), ("flood", 2)]);
/// anabranch_graph::reduce::union(&mut prices, &BTreeMap::from([("flood", 3)]));
/// assert_eq!(prices, BTreeMap::from([("ebb", 1), ("flood", 3)]));
/// ```
pub fn union<C: Union>(current: &mut C, new: &C) {
    current.union_with(new);
}

/// `messages`: as [`append`], but an element replaces, at its place, the one that has the same id.
///
/// The id of an element is what it calls `id` when it is serialized, a text or a number, or what it calls so in its
/// `metadata`, where messages keep the ids that other libraries gave them. A blank one is none. Elements without an id
/// are always new. None is taken out by a write: to forget some, write what stays with `.overwrite()`.
///
/// ```
/// use serde::Serialize;
///
/// #[derive(Clone, Serialize)]
/// struct Note { id: u32, text: &'static str }
///
/// let mut notes = vec![Note { id: 1, text: "begun" }, Note { id: 2, text: "open" }];
/// anabranch_graph::reduce::messages(&mut notes, &vec![Note { id: 1, text: "done" }, Note { id: 3, text: "new" }]);
/// assert_eq!(notes.iter().map(|note| note.text).collect::<Vec<_>>(), ["done", "open", "new"]);
/// ```
pub fn messages<C: Messages>(current: &mut C, new: &C) {
    current.put_by_id(new);
}

fn put_by_id<C, T>(current: &mut C, new: &C)
where
    C: DerefMut<Target = [T]> + Extend<T>,
    T: Clone + Serialize,
{
    let mut fresh: Vec<Option<T>> = Vec::with_capacity(new.len());
    let mut places = HashMap::new();
    for element in new.iter() {
        match id::of(element) {
            Some(id) => {
                let place = *places.entry(id).or_insert(fresh.len());
                match fresh.get_mut(place) {
                    Some(earlier) => *earlier = Some(element.clone()),
                    None => fresh.push(Some(element.clone())),
                }
            }
            None => fresh.push(Some(element.clone())),
        }
    }
    if !places.is_empty() {
        // Of several that were the same before the last counts, as for LangGraph.
        for old in current.iter_mut().rev() {
            let place = id::of(old).and_then(|id| places.get(&id).copied());
            if let Some(element) = place.and_then(|place| fresh[place].take()) {
                *old = element;
            }
        }
    }
    current.extend(fresh.into_iter().flatten());
}

/// What the reducer `append` works on: every collection that can be iterated and extended.
#[diagnostic::on_unimplemented(
    message = "`append` does not work on `{Self}`",
    label = "expected a list",
    note = "numbers are added by `add`, sets and maps by `union`; `with = path::to::function` is for a function of your own"
)]
pub trait Append {
    /// Adds what `new` holds at the end.
    fn append_all(&mut self, new: &Self);
}

#[diagnostic::do_not_recommend]
impl<C> Append for C
where
    C: IntoIterator<Item: Clone> + Extend<C::Item>,
    for<'a> &'a C: IntoIterator<Item = &'a C::Item>,
{
    fn append_all(&mut self, new: &Self) {
        self.extend(new.into_iter().cloned());
    }
}

/// What the reducer `add` works on: everything that has `+=` for its own kind.
#[diagnostic::on_unimplemented(
    message = "`add` does not work on `{Self}`",
    label = "expected a number, or what has `+=` for its own kind",
    note = "lists are put together by `append`, sets and maps by `union`; `with = path::to::function` is for a function of \
            your own, as for texts"
)]
pub trait Add: AddAssign + Clone + 'static {}

#[diagnostic::do_not_recommend]
impl<T: AddAssign + Clone + 'static> Add for T {}

/// What the reducer `messages` works on: lists that are a slice and can be extended, of elements that can be serialized.
#[diagnostic::on_unimplemented(
    message = "`messages` does not work on `{Self}`",
    label = "expected a list as `Vec` is one",
    note = "`append` works on other lists, and `union` on maps, which have a value for each key; \
            `with = path::to::function` is for a function of your own"
)]
pub trait Messages {
    /// Adds what `new` holds at the end, but for what replaces an element of the same id.
    fn put_by_id(&mut self, new: &Self);
}

#[diagnostic::do_not_recommend]
impl<C, T> Messages for C
where
    C: DerefMut<Target = [T]> + Extend<T>,
    T: Clone + Serialize,
{
    fn put_by_id(&mut self, new: &Self) {
        put_by_id(self, new);
    }
}

/// What the reducer `union` works on.
#[diagnostic::on_unimplemented(
    message = "`union` does not work on `{Self}`",
    label = "expected a set or a map",
    note = "for a list, `append` keeps everything and `messages` goes by ids; `with = path::to::function` is for a function \
            of your own"
)]
pub trait Union {
    /// Adds what `new` holds.
    fn union_with(&mut self, new: &Self);
}

impl<T: Ord + Clone> Union for BTreeSet<T> {
    fn union_with(&mut self, new: &Self) {
        self.extend(new.iter().cloned());
    }
}

impl<T: Eq + Hash + Clone, H: BuildHasher> Union for HashSet<T, H> {
    fn union_with(&mut self, new: &Self) {
        self.extend(new.iter().cloned());
    }
}

impl<K: Ord + Clone, V: Clone> Union for BTreeMap<K, V> {
    fn union_with(&mut self, new: &Self) {
        self.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

impl<K: Eq + Hash + Clone, V: Clone, H: BuildHasher> Union for HashMap<K, V, H> {
    fn union_with(&mut self, new: &Self) {
        self.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

impl Union for serde_json::Map<String, serde_json::Value> {
    fn union_with(&mut self, new: &Self) {
        self.extend(new.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}
