//! The laws of reducers and of updates, for any values.
#![allow(clippy::float_cmp, reason = "what is compared is one of the values")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use anabranch_graph::{State, Update, reduce};
use proptest::collection::{btree_map, btree_set, hash_map, vec};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn folded<T: Clone>(reducer: impl Fn(&mut T, &T), first: &T, others: &[T]) -> T {
    let mut value = first.clone();
    others.iter().for_each(|other| reducer(&mut value, other));
    value
}

/// A number, or none.
fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(0.0), -3.0..3.0, any::<f64>()]
}

/// Of floats, `NaN` is itself.
fn same<T: PartialEq + std::fmt::Debug>(one: &T, other: &T) -> bool {
    one == other || format!("{one:?}") == format!("{other:?}")
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u8>,
    text: u16,
}

fn any_notes() -> impl Strategy<Value = Vec<Note>> {
    vec((proptest::option::of(0_u8..6), any::<u16>()).prop_map(|(id, text)| Note { id, text }), 0..8)
}

/// LangGraph's `add_messages`, which gives what has no id one of its own.
fn add_messages(left: &[Note], right: &[Note]) -> Vec<Note> {
    let mut merged = left.to_vec();
    let mut by_id: HashMap<u8, usize> =
        left.iter().enumerate().filter_map(|(place, note)| Some((note.id?, place))).collect();
    for note in right {
        match note.id.and_then(|id| by_id.get(&id).copied()) {
            Some(place) => merged[place] = note.clone(),
            None => {
                by_id.extend(note.id.map(|id| (id, merged.len())));
                merged.push(note.clone());
            }
        }
    }
    merged
}

proptest! {
    #[test]
    fn the_order_of_writes_is_nothing_to_max_and_min(floats in vec(any_float(), 1..8), cut in 0_usize..8) {
        let mut turned = floats.clone();
        turned.rotate_left(cut % floats.len());
        turned.reverse();
        for reducer in [reduce::max::<f64>, reduce::min::<f64>] {
            let one = folded(reducer, &floats[0], &floats[1..]);
            let other = folded(reducer, &turned[0], &turned[1..]);
            prop_assert!(same(&one, &other), "{one} and {other} of {floats:?}");
            // In any groups.
            let (left, right) = floats.split_at(cut % floats.len());
            if let [first, rest @ ..] = left {
                let mut grouped = folded(reducer, first, rest);
                reducer(&mut grouped, &folded(reducer, &right[0], &right[1..]));
                prop_assert!(same(&one, &grouped), "{one} and {grouped} of {floats:?}");
            }
        }
        let numbers = || floats.iter().copied().filter(|float| !float.is_nan());
        let most = folded(reduce::max, &floats[0], &floats[1..]);
        prop_assert!(same(&most, &numbers().reduce(f64::max).unwrap_or(f64::NAN)));
    }

    #[test]
    fn nor_to_those_of_options(floats in vec(proptest::option::of(any_float()), 1..8), cut in 0_usize..8) {
        let mut turned = floats.clone();
        turned.rotate_left(cut % floats.len());
        turned.reverse();
        for reducer in [reduce::max::<Option<f64>>, reduce::min_option::<f64>] {
            let one = folded(reducer, &floats[0], &floats[1..]);
            let other = folded(reducer, &turned[0], &turned[1..]);
            prop_assert!(same(&one, &other), "{one:?} and {other:?} of {floats:?}");
        }
    }

    #[test]
    fn append_keeps_all(lists in vec(vec(any::<u8>(), 0..4), 1..6), cut in 0_usize..6) {
        let all = folded(reduce::append, &lists[0], &lists[1..]);
        prop_assert_eq!(&all, &lists.concat());
        let (left, right) = lists.split_at(cut % lists.len());
        let groups = [left.concat(), right.concat()];
        prop_assert_eq!(all, folded(reduce::append, &groups[0], &groups[1..]));
    }

    #[test]
    fn union_of_sets_is_of_no_order(sets in vec(btree_set(0_u8..9, 0..5), 1..6)) {
        let union = folded(reduce::union, &sets[0], &sets[1..]);
        let turned: Vec<_> = sets.iter().rev().cloned().collect();
        prop_assert_eq!(&union, &folded(reduce::union, &turned[0], &turned[1..]));
        prop_assert_eq!(&union, &folded(reduce::union, &union, &sets), "once more changes nothing");
        prop_assert_eq!(union, sets.concat_all());
    }

    #[test]
    fn in_a_union_of_maps_the_last_of_a_key_counts(maps in vec(btree_map(0_u8..5, any::<u8>(), 0..4), 1..6)) {
        let union = folded(reduce::union, &maps[0], &maps[1..]);
        let mut last = BTreeMap::new();
        for (key, value) in maps.iter().flatten() {
            last.insert(*key, *value);
        }
        prop_assert_eq!(union, last);
    }

    #[test]
    fn a_sum_is_right_or_a_panic(numbers in vec(any::<i16>(), 1..6)) {
        let sum: i32 = numbers.iter().copied().map(i32::from).sum();
        let mut so_far = 0_i32;
        let stays = numbers.iter().all(|number| {
            so_far += i32::from(*number);
            i16::try_from(so_far).is_ok()
        });
        let added = catch_unwind(AssertUnwindSafe(|| folded(reduce::add, &numbers[0], &numbers[1..])));
        prop_assert_eq!(added.ok().map(i32::from), stays.then_some(sum));
    }

    /// Whatever a run begins with: even with ids that are there twice.
    #[test]
    fn messages_are_as_those_of_langgraph(initial in any_notes(), lists in vec(any_notes(), 1..5)) {
        let (mut ours, mut theirs) = (initial.clone(), initial);
        for list in &lists {
            reduce::messages(&mut ours, list);
            theirs = add_messages(&theirs, list);
            prop_assert_eq!(&ours, &theirs);
        }
    }

    #[test]
    fn no_message_is_there_twice(lists in vec(any_notes(), 1..5)) {
        let mut all = Vec::new();
        lists.iter().for_each(|list| reduce::messages(&mut all, list));
        let ids: Vec<_> = all.iter().filter_map(|note| note.id).collect();
        prop_assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len());
        if all.iter().all(|note| note.id.is_some()) {
            let again = all.clone();
            reduce::messages(&mut all, &again);
            prop_assert_eq!(all, again, "the same once more changes nothing");
        }
    }
}

trait ConcatAll<T> {
    fn concat_all(&self) -> BTreeSet<T>;
}

impl<T: Ord + Clone> ConcatAll<T> for Vec<BTreeSet<T>> {
    fn concat_all(&self) -> BTreeSet<T> {
        self.iter().flatten().cloned().collect()
    }
}

/// In a release build, too.
#[test]
fn a_sum_that_does_not_fit_says_what_to_do() {
    let panic = catch_unwind(|| reduce::add(&mut 200_u8, &100)).unwrap_err();
    let text = panic.downcast_ref::<String>().expect("it is formatted");
    let expected = "the sum of the field's writes does not fit in `u8`: give the field a larger type, or stop at the \
                    largest by `#[reduce(with = u8::saturating_add)]`";
    assert_eq!(text, expected);
    let mut least = i64::MIN;
    assert!(catch_unwind(AssertUnwindSafe(|| reduce::add(&mut least, &-1))).is_err());
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
enum Kind {
    #[default]
    Unit,
    Newtype(u8),
    Tuple(u8, String),
    Struct {
        a: Option<bool>,
    },
}

/// A field of each kind that JSON has, and some that it has not.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Kinds {
    #[reduce(append)]
    texts: Vec<String>,
    #[reduce(add)]
    count: u64,
    #[reduce(max)]
    most: i64,
    #[reduce(min)]
    least: Option<f32>,
    #[reduce(union)]
    by_number: HashMap<i32, Vec<u8>>,
    #[reduce(union)]
    set: BTreeSet<char>,
    #[reduce(messages)]
    notes: Vec<Note>,
    #[reduce(with = Option::or)]
    first: Option<(u8, f64)>,
    wide: i128,
    kind: Kind,
    unit: (),
    time: Duration,
    json: Option<Vec<bool>>,
}

#[derive(Debug, Clone)]
enum Written {
    Texts(Vec<String>),
    Count(u64),
    Most(i64),
    Least(Option<f32>),
    ByNumber(HashMap<i32, Vec<u8>>),
    Set(BTreeSet<char>),
    Notes(Vec<Note>),
    First(Option<(u8, f64)>),
    Wide(i128),
    Kind(Kind),
    Unit,
    Time(Duration),
    Json(Option<Vec<bool>>),
}

fn any_written() -> impl Strategy<Value = (Written, bool)> {
    let finite = proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO;
    let finite_f32 = proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL | proptest::num::f32::ZERO;
    let kind = prop_oneof![
        Just(Kind::Unit),
        any::<u8>().prop_map(Kind::Newtype),
        (any::<u8>(), ".*").prop_map(|(number, text)| Kind::Tuple(number, text)),
        any::<Option<bool>>().prop_map(|a| Kind::Struct { a }),
    ];
    let written = prop_oneof![
        vec(".*", 0..3).prop_map(Written::Texts),
        (0..u64::MAX / 64).prop_map(Written::Count),
        any::<i64>().prop_map(Written::Most),
        proptest::option::of(finite_f32).prop_map(Written::Least),
        hash_map(any::<i32>(), vec(any::<u8>(), 0..3), 0..3).prop_map(Written::ByNumber),
        btree_set(any::<char>(), 0..3).prop_map(Written::Set),
        any_notes().prop_map(Written::Notes),
        proptest::option::of((any::<u8>(), finite)).prop_map(Written::First),
        (i128::from(i64::MIN)..=i128::from(u64::MAX)).prop_map(Written::Wide),
        kind.prop_map(Written::Kind),
        Just(Written::Unit),
        any::<Duration>().prop_map(Written::Time),
        any::<Option<Vec<bool>>>().prop_map(Written::Json),
    ];
    (written, proptest::bool::weighted(0.2))
}

fn writes(of: impl Update<Kinds>) -> Vec<<Kinds as State>::Write> {
    let mut writes = Vec::new();
    of.into_writes(&mut writes);
    writes
}

fn write((written, overwrite): (Written, bool)) -> <Kinds as State>::Write {
    macro_rules! reduced {
        ($write:expr) => {{
            let write = $write;
            if overwrite { writes(write.overwrite()) } else { writes(write) }
        }};
    }
    let mut writes = match written {
        Written::Texts(value) => reduced!(Kinds::texts(value)),
        Written::Count(value) => reduced!(Kinds::count(value)),
        Written::Most(value) => reduced!(Kinds::most(value)),
        Written::Least(value) => reduced!(Kinds::least(value)),
        Written::ByNumber(value) => reduced!(Kinds::by_number(value)),
        Written::Set(value) => reduced!(Kinds::set(value)),
        Written::Notes(value) => reduced!(Kinds::notes(value)),
        Written::First(value) => reduced!(Kinds::first(value)),
        Written::Wide(value) => writes(Kinds::wide(value)),
        Written::Kind(value) => writes(Kinds::kind(value)),
        Written::Unit => writes(Kinds::unit(())),
        Written::Time(value) => writes(Kinds::time(value)),
        Written::Json(value) => writes(Kinds::json(value)),
    };
    writes.pop().expect("one write")
}

fn applied(writes: &[<Kinds as State>::Write]) -> Kinds {
    let mut state = Kinds::default();
    writes.iter().for_each(|write| state.apply(write));
    state
}

proptest! {
    /// A run that is resumed has the state that it had, or it would end with another one.
    #[test]
    fn what_the_log_keeps_is_what_was_written(written in vec(any_written(), 0..24)) {
        let writes: Vec<_> = written.into_iter().map(write).collect();
        let text = serde_json::to_string(&writes).unwrap();
        let read: Vec<<Kinds as State>::Write> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&applied(&read), &applied(&writes));
        prop_assert_eq!(json!(read), json!(writes));
        // By way of a `Value`, as the engine reads it.
        let values: Vec<Value> = serde_json::from_str(&text).unwrap();
        let read: Vec<_> = values.into_iter().map(|value| serde_json::from_value(value).unwrap()).collect();
        prop_assert_eq!(&applied(&read), &applied(&writes));
        // And the state itself, which a nested graph begins with.
        let state = applied(&writes);
        let read: Kinds = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        prop_assert_eq!(read, state);
    }

    /// One update of several writes is the same as several updates of one.
    #[test]
    fn an_update_is_its_writes_in_their_order(
        texts in vec(vec("[a-c]", 0..3), 3),
        counts in vec(0_u64..9, 3),
        is_there in any::<bool>(),
        kinds in vec(any::<u8>(), 0..4),
    ) {
        let mut parts = Vec::new();
        let together = (
            Kinds::texts(&texts[0]),
            is_there.then(|| (Kinds::count(counts[0]), Kinds::texts(&texts[1]).overwrite())),
            kinds.iter().map(|kind| (Kinds::kind(Kind::Newtype(*kind)), Kinds::count(1))).collect::<Vec<_>>(),
            [Kinds::count(counts[1]), Kinds::count(counts[2])],
            (),
            (Kinds::texts(&texts[2]),),
        );
        parts.extend(writes(Kinds::texts(&texts[0])));
        if is_there {
            parts.extend(writes(Kinds::count(counts[0])));
            parts.extend(writes(Kinds::texts(&texts[1]).overwrite()));
        }
        for kind in kinds {
            parts.extend(writes(Kinds::kind(Kind::Newtype(kind))));
            parts.extend(writes(Kinds::count(1)));
        }
        parts.extend(writes([Kinds::count(counts[1]), Kinds::count(counts[2])]));
        parts.extend(writes(Kinds::texts(&texts[2])));
        let together = writes(together);
        prop_assert_eq!(json!(together), json!(parts));
        let expected = if is_there { [&texts[1][..], &texts[2][..]].concat() } else { [&texts[0][..], &texts[2][..]].concat() };
        prop_assert_eq!(applied(&together).texts, expected);
    }
}
