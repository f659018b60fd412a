//! [`Update`]: what a node writes.

use std::fmt;

use crate::shape::FieldWrite;
use crate::state::{Reduced, State};

/// What a node adds to the state: a write of a field (`Analysis::legal("…")`), an overwrite, a tuple of updates (up to
/// twelve, and tuples in tuples), an `Option` of one, a `Vec` or an array of one kind, or `()` for none.
///
/// ```
/// use anabranch_graph::{State, Update};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Essay {
///     draft: String,
///     #[reduce(append)]
///     notes: Vec<String>,
/// }
///
/// fn revised(draft: &str, note: Option<&str>) -> impl Update<Essay> {
///     (Essay::draft(draft), note.map(|note| Essay::notes([note])))
/// }
/// # let mut writes = Vec::new();
/// # revised("…", Some("shorter")).into_writes(&mut writes);
/// # assert_eq!(writes.len(), 2);
/// ```
///
/// Which fields it can write is known from its type, so that a graph finds conflicts when it is built; a write that may
/// be absent counts. So writes of different fields have different types, and `if … { Essay::draft("…") } else {
/// Essay::notes(["…"]) }` does not compile. What is written one way or the other is a tuple of options:
///
/// ```
/// # use anabranch_graph::{State, Update};
/// # use serde::{Deserialize, Serialize};
/// # #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// # struct Essay {
/// #     draft: String,
/// #     #[reduce(append)]
/// #     notes: Vec<String>,
/// # }
/// fn read(answer: Result<String, String>) -> impl Update<Essay> {
///     let (draft, problem) = match answer {
///         Ok(draft) => (Some(Essay::draft(draft)), None),
///         Err(problem) => (None, Some(Essay::notes([problem]))),
///     };
///     (draft, problem)
/// }
/// # let mut writes = Vec::new();
/// # read(Err("too long".to_string())).into_writes(&mut writes);
/// # let mut essay = Essay::default();
/// # essay.apply(&writes[0]);
/// # assert_eq!((essay.notes, writes.len()), (vec!["too long".to_string()], 1));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no update of `{S}`",
    label = "expected writes of fields of `{S}`",
    note = "a node returns what it writes, not the whole state: a field's function makes a write, `{S}::field(value)`; an \
            update is one, a tuple of up to twelve (and of such tuples), an `Option`, a `Vec` or an array of one, or `()`",
    note = "a chain, a model or a graph is a node as `step(read, it, write)`: `write` makes the update of what it gives"
)]
pub trait Update<S: State>: Send + 'static {
    /// The fields it can write. A type of your own names all of them, as of those that it holds:
    /// `A::WRITES.union(B::WRITES)`; a graph has no other way to know.
    const WRITES: WriteSet;

    /// Adds its writes to `out`, in their order.
    fn into_writes(self, out: &mut Vec<S::Write>);
}

/// Fields that an update can write, and those it can overwrite. Fields are named by their place in the declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct WriteSet {
    written: u128,
    overwritten: u128,
}

impl WriteSet {
    /// No field.
    pub const EMPTY: Self = Self { written: 0, overwritten: 0 };

    /// A write of one field.
    ///
    /// # Panics
    ///
    /// If `field` is above 127, the last one there is room for; as a constant, when it is compiled.
    #[must_use]
    pub const fn of(field: usize) -> Self {
        assert!(field < 128, "a state has at most 128 fields");
        Self { written: 1 << field, overwritten: 0 }
    }

    /// An overwrite of one field.
    ///
    /// # Panics
    ///
    /// As [`of`](Self::of).
    #[must_use]
    pub const fn overwriting(field: usize) -> Self {
        Self { written: 0, overwritten: Self::of(field).written }
    }

    /// What either can write.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self { written: self.written | other.written, overwritten: self.overwritten | other.overwritten }
    }

    /// By place of the field, of the same one the write first.
    pub(crate) fn to_vec(self) -> Vec<FieldWrite> {
        let has = |set: u128, field: usize| set >> field & 1 == 1;
        let of = |field| {
            let written = has(self.written, field).then_some(FieldWrite { field, overwrite: false });
            let overwritten = has(self.overwritten, field).then_some(FieldWrite { field, overwrite: true });
            written.into_iter().chain(overwritten)
        };
        (0..128).flat_map(of).collect()
    }
}

/// A write of the field at this place of the state: what the function of the field's name makes.
#[derive(Clone)]
#[must_use = "a write does nothing until a node returns it"]
pub struct Write<S: State, const FIELD: usize>(S::Write);

impl<S: State, const FIELD: usize> Write<S, FIELD> {
    /// Replaces what was there, where a write would be added to it. Only for fields with a reducer.
    ///
    /// ```
    /// # use anabranch_graph::{State, Update};
    /// # use serde::{Deserialize, Serialize};
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     #[reduce(append)]
    ///     notes: Vec<String>,
    /// }
    ///
    /// let forget = Essay::notes(Vec::<String>::new()).overwrite();
    /// # let (mut essay, mut writes) = (Essay { notes: vec!["a".into()] }, Vec::new());
    /// # forget.into_writes(&mut writes);
    /// # essay.apply(&writes[0]);
    /// # assert!(essay.notes.is_empty());
    /// ```
    pub fn overwrite(self) -> Overwrite<S, FIELD>
    where
        S: Reduced<FIELD>,
    {
        Overwrite(S::overwrite(self.0))
    }
}

impl<S: State, const FIELD: usize> fmt::Debug for Write<S, FIELD> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An overwrite of the field at this place of the state: what [`Write::overwrite`] makes.
#[derive(Clone)]
#[must_use = "an overwrite does nothing until a node returns it"]
pub struct Overwrite<S: State, const FIELD: usize>(S::Write);

impl<S: State, const FIELD: usize> fmt::Debug for Overwrite<S, FIELD> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The write of the field at this place: of which field `write` is, only the derive knows.
pub fn write<S: State, const FIELD: usize>(write: S::Write) -> Write<S, FIELD> {
    Write(write)
}

impl<S: State, const FIELD: usize> Update<S> for Write<S, FIELD> {
    const WRITES: WriteSet = WriteSet::of(FIELD);

    fn into_writes(self, out: &mut Vec<S::Write>) {
        out.push(self.0);
    }
}

impl<S: State, const FIELD: usize> Update<S> for Overwrite<S, FIELD> {
    const WRITES: WriteSet = WriteSet::overwriting(FIELD);

    fn into_writes(self, out: &mut Vec<S::Write>) {
        out.push(self.0);
    }
}

impl<S: State> Update<S> for () {
    const WRITES: WriteSet = WriteSet::EMPTY;

    fn into_writes(self, _out: &mut Vec<S::Write>) {}
}

impl<S: State, U: Update<S>> Update<S> for Option<U> {
    const WRITES: WriteSet = U::WRITES;

    fn into_writes(self, out: &mut Vec<S::Write>) {
        if let Some(update) = self {
            update.into_writes(out);
        }
    }
}

impl<S: State, U: Update<S>> Update<S> for Vec<U> {
    const WRITES: WriteSet = U::WRITES;

    fn into_writes(self, out: &mut Vec<S::Write>) {
        self.into_iter().for_each(|update| update.into_writes(out));
    }
}

impl<S: State, U: Update<S>, const N: usize> Update<S> for [U; N] {
    const WRITES: WriteSet = U::WRITES;

    fn into_writes(self, out: &mut Vec<S::Write>) {
        self.into_iter().for_each(|update| update.into_writes(out));
    }
}

macro_rules! tuple {
    ($($update:ident $place:tt),+) => {
        impl<S: State, $($update: Update<S>),+> Update<S> for ($($update,)+) {
            const WRITES: WriteSet = WriteSet::EMPTY$(.union($update::WRITES))+;

            fn into_writes(self, out: &mut Vec<S::Write>) {
                $(self.$place.into_writes(out);)+
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8, J 9, K 10, L 11);

#[cfg(test)]
mod tests {
    use anabranch_macros::State;
    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
    #[state(crate = "crate")]
    struct Counted {
        text: String,
        #[reduce(add)]
        count: u32,
        #[reduce(append)]
        list: Vec<String>,
    }

    fn writes_of<U: Update<Counted>>(_update: &U) -> Vec<(usize, bool)> {
        U::WRITES.to_vec().into_iter().map(|write| (write.field, write.overwrite)).collect()
    }

    #[test]
    fn what_an_update_can_write_is_known_from_its_type() {
        let (one, anew) = (Counted::text("a"), Counted::count(1).overwrite());
        assert_eq!(writes_of(&()), []);
        assert_eq!(writes_of(&one), [(0, false)]);
        assert_eq!(writes_of(&anew), [(1, true)]);
        assert_eq!(writes_of(&(Counted::count(1), anew.clone())), [(1, false), (1, true)]);
        assert_eq!(writes_of(&(Some(anew), (one.clone(), ()))), [(0, false), (1, true)]);
        assert_eq!(writes_of(&None::<Write<Counted, 2>>), [(2, false)], "a write that may be absent counts");
        assert_eq!(writes_of(&(Vec::<Write<Counted, 2>>::new(), [one])), [(0, false), (2, false)]);
        let w = || Counted::count(1);
        assert_eq!(writes_of(&(w(), w(), w(), w(), w(), w(), w(), Counted::text("h"))), [(0, false), (1, false)]);
    }

    #[test]
    fn there_is_room_for_128_fields() {
        let all = WriteSet::of(0).union(WriteSet::overwriting(127)).union(WriteSet::of(64));
        let places: Vec<_> = all.to_vec().into_iter().map(|write| (write.field, write.overwrite)).collect();
        assert_eq!(places, [(0, false), (64, false), (127, true)]);
    }

    #[test]
    #[should_panic(expected = "at most 128 fields")]
    fn there_is_room_for_no_more() {
        let _ = WriteSet::overwriting(128);
    }

    #[test]
    fn writes_are_applied_in_their_order() {
        let mut writes = Vec::new();
        let update = (
            vec![Counted::count(1), Counted::count(2)],
            None::<Write<Counted, 0>>,
            [Counted::text("a"), Counted::text("b")],
            (),
            (Counted::list(["x"]), Counted::list(["y"]).overwrite(), Counted::list(["z"])),
        );
        update.into_writes(&mut writes);
        let mut state = Counted { count: 4, ..Default::default() };
        writes.iter().for_each(|write| state.apply(write));
        assert_eq!(state, Counted { text: "b".into(), count: 7, list: vec!["y".into(), "z".into()] });
    }
}
