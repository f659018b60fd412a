//! What a log keeps is read again as it was written, and what it cannot keep is an error.
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind};
use anabranch_graph::{CompiledGraph, END, GraphStore, MemoryStore, Progress, START, State, StateGraph, Thread};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
enum Kind {
    #[default]
    Unit,
    New(f64),
    Tuple(u8, f32),
    Struct {
        inner: Option<f64>,
    },
}

/// Read by way of a buffer, in which the keys of a map are texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type")]
enum Tagged {
    #[default]
    Nothing,
    Map {
        by: BTreeMap<u8, u8>,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Odd {
    float: f64,
    small: f32,
    list: Vec<Option<f64>>,
    large: u64,
    huge: i128,
    huger: u128,
    nested: Option<Option<u8>>,
    unit: Option<()>,
    by_number: BTreeMap<i64, f64>,
    by_char: BTreeMap<char, bool>,
    by_truth: BTreeMap<bool, char>,
    by_pair: BTreeMap<(u8, u8), u8>,
    bytes: Vec<u8>,
    kind: Kind,
    tagged: Tagged,
    value: Option<Value>,
}

impl Odd {
    fn can_be_kept(&self) -> bool {
        let is_number = |value: &f64| value.is_finite();
        let has_64_bits = i64::try_from(self.huge).is_ok() || u64::try_from(self.huge).is_ok();
        is_number(&self.float)
            && self.small.is_finite()
            && self.list.iter().flatten().all(is_number)
            && has_64_bits
            && u64::try_from(self.huger).is_ok()
            && self.nested != Some(None)
            && self.unit.is_none()
            && self.by_number.values().all(is_number)
            && self.by_pair.is_empty()
            && match &self.kind {
                Kind::Unit | Kind::Struct { inner: None } => true,
                Kind::New(value) | Kind::Struct { inner: Some(value) } => value.is_finite(),
                Kind::Tuple(_, value) => value.is_finite(),
            }
            && match &self.tagged {
                Tagged::Nothing => true,
                Tagged::Map { by } => by.is_empty(),
            }
            && self.value != Some(Value::Null)
    }
}

/// A node that writes all of it.
fn graph(odd: &Odd) -> CompiledGraph<Odd> {
    let odd = odd.clone();
    let write = move |_: Arc<Odd>| {
        let odd = odd.clone();
        async move {
            let numbers = (Odd::float(odd.float), Odd::small(odd.small), Odd::list(odd.list), Odd::large(odd.large));
            let huge = (Odd::huge(odd.huge), Odd::huger(odd.huger), Odd::nested(odd.nested), Odd::unit(odd.unit));
            let maps = (
                Odd::by_number(odd.by_number),
                Odd::by_char(odd.by_char),
                Odd::by_truth(odd.by_truth),
                Odd::by_pair(odd.by_pair),
            );
            let others = (Odd::bytes(odd.bytes), Odd::kind(odd.kind), Odd::tagged(odd.tagged), Odd::value(odd.value));
            Ok::<_, Error>((numbers, huge, maps, others))
        }
    };
    StateGraph::new().node("odd", write).edge(START, "odd").edge("odd", END).compile().unwrap()
}

fn any_odd() -> impl Strategy<Value = Odd> {
    type Set = fn(&mut Odd, &Odd);
    let float = || prop_oneof![any::<f64>(), Just(f64::NAN), Just(f64::INFINITY), Just(-0.0)];
    let numbers = (float(), any::<f32>(), prop::collection::vec(prop::option::of(float()), 0..3), any::<u64>());
    let huge = (any::<i128>(), any::<i64>(), any::<u128>(), any::<u64>(), any::<bool>());
    let nested = (prop::option::of(prop::option::of(any::<u8>())), prop::option::of(Just(())));
    let maps = (
        prop::collection::btree_map(any::<i64>(), float(), 0..3),
        prop::collection::btree_map(any::<char>(), any::<bool>(), 0..3),
        prop::collection::btree_map(any::<bool>(), any::<char>(), 0..3),
        prop::collection::btree_map(any::<(u8, u8)>(), any::<u8>(), 0..2),
        prop::collection::vec(any::<u8>(), 0..3),
    );
    let kind = prop_oneof![
        Just(Kind::Unit),
        float().prop_map(Kind::New),
        any::<(u8, f32)>().prop_map(|(one, two)| Kind::Tuple(one, two)),
        prop::option::of(float()).prop_map(|inner| Kind::Struct { inner }),
    ];
    let tagged = prop_oneof![
        Just(Tagged::Nothing),
        prop::collection::btree_map(any::<u8>(), any::<u8>(), 0..2).prop_map(|by| Tagged::Map { by }),
    ];
    let value = prop::option::of(prop_oneof![
        Just(Value::Null),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!({"a": [null, {"b": ""}]})),
    ]);
    let all = (numbers, huge, nested, maps, (kind, tagged, value));
    let all = all.prop_map(|(numbers, huge, nested, maps, (kind, tagged, value))| {
        let (float, small, list, large) = numbers;
        let (by_number, by_char, by_truth, by_pair, bytes) = maps;
        let (nested, unit) = nested;
        let (huge, huger) = if huge.4 { (huge.0, huge.2) } else { (huge.1.into(), huge.3.into()) };
        Odd {
            float,
            small,
            list,
            large,
            huge,
            huger,
            nested,
            unit,
            by_number,
            by_char,
            by_truth,
            by_pair,
            bytes,
            kind,
            tagged,
            value,
        }
    });
    // Of few fields at a time, so that many can be kept.
    let set: [Set; 16] = [
        |odd, all| odd.float = all.float,
        |odd, all| odd.small = all.small,
        |odd, all| odd.list.clone_from(&all.list),
        |odd, all| odd.large = all.large,
        |odd, all| odd.huge = all.huge,
        |odd, all| odd.huger = all.huger,
        |odd, all| odd.nested = all.nested,
        |odd, all| odd.unit = all.unit,
        |odd, all| odd.by_number.clone_from(&all.by_number),
        |odd, all| odd.by_char.clone_from(&all.by_char),
        |odd, all| odd.by_truth.clone_from(&all.by_truth),
        |odd, all| odd.by_pair.clone_from(&all.by_pair),
        |odd, all| odd.bytes.clone_from(&all.bytes),
        |odd, all| odd.kind = all.kind.clone(),
        |odd, all| odd.tagged = all.tagged.clone(),
        |odd, all| odd.value.clone_from(&all.value),
    ];
    (all, prop::collection::vec(0..set.len(), 1..4)).prop_map(move |(all, fields)| {
        let mut odd = Odd::default();
        fields.into_iter().for_each(|field| set[field](&mut odd, &all));
        odd
    })
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn done(thread: &Thread<Odd>) -> Odd {
    let Progress::Done(state) = thread.resume().await.unwrap() else { panic!("it asks nothing") };
    state
}

async fn check<T: GraphStore + Clone + 'static>(odd: &Odd, store: T) {
    let stored = graph(odd).with_store(store.clone());
    let (update, initial) = (stored.thread("update"), stored.thread("initial"));
    let started = update.start(Odd::default()).await;
    let began = initial.start(odd.clone()).await;
    if odd.can_be_kept() {
        for (thread, started) in [(&update, started), (&initial, began)] {
            let Progress::Done(state) = started.unwrap() else { panic!("it asks nothing") };
            assert_eq!(&state, odd);
            assert_eq!(&thread.state().await.unwrap(), odd);
            assert_eq!(&done(thread).await, odd);
        }
        assert_eq!(&initial.state_at(0).await.unwrap(), odd);
    } else {
        let (update_error, error) = (started.unwrap_err(), began.unwrap_err());
        assert_eq!((update_error.kind(), error.kind()), (ErrorKind::InvalidInput, ErrorKind::InvalidInput));
        assert!(update_error.to_string().contains("the update of `odd` cannot be kept: "), "{update_error}");
        assert!(error.to_string().contains("the state that the run begins with cannot be kept: "), "{error}");
        assert_eq!(update.state().await.unwrap(), Odd::default(), "what was done before is kept");
        assert_eq!(initial.state().await.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_is_accepted_is_read_as_it_was_written(odd in any_odd()) {
        block_on(check(&odd, MemoryStore::new()));
    }
}

#[cfg(feature = "sqlite")]
proptest! {
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn what_a_file_accepts_is_read_as_it_was_written(odd in any_odd()) {
        static FILES: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = FILES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("anabranch-kept-{}-{number}.sqlite", std::process::id()));
        block_on(async {
            let store = anabranch_graph::SqliteStore::open(&path).await.unwrap();
            check(&odd, store).await;
        });
        for end in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{end}", path.display()));
        }
    }
}

fn update_error(odd: Odd) -> String {
    block_on(graph(&odd).with_store(MemoryStore::new()).thread("t").start(Odd::default())).unwrap_err().to_string()
}

#[test]
fn an_error_says_of_which_node_and_field() {
    let no_number = "is NaN or infinite, and JSON has no such number: check it first, or make it an `Option`";
    let of = |place: &str, what: &str| format!("the update of `odd` cannot be kept: `{place}` {what}");
    let says = |odd: Odd, expected: String| {
        let error = update_error(odd);
        assert!(error.contains(&expected), "{error}");
    };
    says(Odd { float: f64::NAN, ..Odd::default() }, of("float", no_number));
    says(Odd { list: vec![None, Some(f64::INFINITY)], ..Odd::default() }, of("list[1]", no_number));
    says(Odd { by_number: [(7, f64::NAN)].into(), ..Odd::default() }, of("by_number[…]", no_number));
    says(Odd { kind: Kind::Tuple(1, f32::NAN), ..Odd::default() }, of("kind.Tuple[1]", no_number));
    says(Odd { kind: Kind::Struct { inner: Some(f64::NAN) }, ..Odd::default() }, of("kind.Struct.inner", no_number));
    says(Odd { huge: i128::MAX, ..Odd::default() }, of("huge", "is a number of more than 64 bits: make it a text"));
    let nothing =
        "is `Some` of what is `null` in JSON, which is read as `None`: say it by an enum with a name for each case";
    says(Odd { nested: Some(None), ..Odd::default() }, of("nested", nothing));
    let no_key = "has a key that is no text in JSON: make it a list of pairs";
    says(Odd { by_pair: [((1, 2), 3)].into(), ..Odd::default() }, of("by_pair", no_key));
    let tagged = Tagged::Map { by: [(1, 2)].into() };
    says(
        Odd { tagged, ..Odd::default() },
        "the update of `odd` cannot be kept: `tagged`: its `Deserialize` does".into(),
    );
}

/// Nothing that fails quietly hides it, and nothing goes on from it.
#[tokio::test]
async fn an_update_that_cannot_be_kept_ends_the_run() {
    let nan = async |_: Arc<Odd>| Ok(Odd::float(f64::NAN));
    let after = async |_: Arc<Odd>| -> anabranch_core::Result<()> { panic!("it runs") };
    let quiet = StateGraph::<Odd>::new()
        .node("nan", nan)
        .optional("nan")
        .node("after", after)
        .edge(START, ["nan", "after"])
        .edge("nan", "after")
        .edge("after", END)
        .join_all("after")
        .compile()
        .unwrap();
    let inner = StateGraph::<Odd>::new().node("nan", nan).edge(START, "nan").edge("nan", END).compile().unwrap();
    let nested = StateGraph::<Odd>::new()
        .node("graph", anabranch_graph::step(|odd: &Odd| odd.clone(), inner, |odd: Odd| Odd::large(odd.large)))
        .node("instead", after)
        .fallback("graph", "instead")
        .edge(START, "graph")
        .edge(["graph", "instead"], END)
        .compile()
        .unwrap();
    for (graph, path) in [(quiet, "nan"), (nested, "graph/nan")] {
        let thread = graph.with_store(MemoryStore::new()).thread("t");
        let error = thread.start(Odd::default()).await.unwrap_err();
        assert!(error.to_string().contains(&format!("the update of `{path}` cannot be kept: `float`")), "{error}");
        assert!(thread.history().await.unwrap().is_empty());
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Scores {
    #[reduce(append)]
    all: Vec<f64>,
    best: Option<f64>,
}

#[tokio::test]
async fn items_that_cannot_be_kept_end_the_run() {
    let graph = StateGraph::<Scores>::new()
        .map("score", |_| [1.0, 0.0], async |by: f64| Ok(Scores::all([0.0 / by])))
        .settled("score")
        .edge(START, "score")
        .edge("score", END)
        .compile()
        .unwrap();
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    for error in [thread.start(Scores::default()).await.unwrap_err(), thread.resume().await.unwrap_err()] {
        assert!(error.to_string().contains("the update of `score[1]` cannot be kept: `all[0]` is NaN"), "{error}");
    }
    let history = thread.history().await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.path()).collect::<Vec<_>>(), ["score[0]"]);
}

#[tokio::test]
async fn an_answer_that_cannot_be_kept_changes_nothing() {
    let graph = StateGraph::<Scores>::new()
        .ask("best", |_| "?", Scores::best)
        .edge(START, "best")
        .edge("best", END)
        .compile()
        .unwrap();
    let says = |error: Error| assert!(error.to_string().contains("the answer cannot be kept: it is NaN"), "{error}");
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    let Progress::Asks(questions) = thread.start(Scores::default()).await.unwrap() else { panic!("it asks") };
    says(questions.answer("best", Some(f64::NAN)).await.unwrap_err());
    says(thread.answer("best", f64::INFINITY).await.unwrap_err());
    let Progress::Done(state) = thread.answer("best", 0.5).await.unwrap() else { panic!("it is done") };
    assert_eq!(state.best, Some(0.5));
}

/// JSON that is nested deeper cannot be read.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Deep {
    value: Value,
}

fn lists(deep: usize) -> Value {
    (0..deep).fold(json!("]["), |value, _| json!([value]))
}

#[tokio::test]
async fn what_is_nested_too_deep_to_be_read_again_is_not_written() {
    let deepens = |deep: usize| async move { Ok(Deep::value(lists(deep))) };
    let graph = |deep: usize| {
        let graph = StateGraph::<Deep>::new().node("a", move |_: Arc<Deep>| deepens(deep));
        graph.edge(START, "a").edge("a", END).compile().unwrap().with_store(MemoryStore::new())
    };
    let said = "a record of the log would be nested more than 127 levels deep";
    for (deep, fits) in [(100, true), (122, true), (126, false), (200, false)] {
        let stored = graph(deep);
        let written = stored.thread("update").start(Deep::default()).await;
        let begun = stored.thread("initial").start(Deep { value: lists(deep) }).await;
        for (of, written) in [("update", written), ("initial", begun)] {
            match written {
                Ok(_) => assert!(fits && stored.thread(of).resume().await.is_ok(), "{of} {deep}"),
                Err(error) => assert!(!fits && error.message().starts_with(said), "{of} {deep}: {error}"),
            }
        }
    }
}

fn seven() -> u32 {
    7
}

/// 0 is left out, and 7 is read for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Misread {
    #[serde(default = "seven", skip_serializing_if = "is_zero")]
    count: u32,
}

fn is_zero(count: &u32) -> bool {
    *count == 0
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Left {
    #[serde(default = "seven", skip_serializing_if = "is_zero")]
    count: u32,
    inner: Misread,
    seen: std::collections::HashSet<BTreeMap<String, Vec<u8>>>,
}

#[tokio::test]
async fn what_would_be_read_as_something_else_is_refused() {
    let graph = StateGraph::<Left>::new()
        .node("write", async |left: Arc<Left>| Ok(Left::inner(Misread { count: left.count - 1 })))
        .edge(START, "write")
        .edge("write", END)
        .compile()
        .unwrap()
        .with_store(MemoryStore::new());
    let of = |count, inner| Left { count, inner: Misread { count: inner }, ..Left::default() };
    let error = graph.thread("state").start(of(0, 1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let message = error.to_string();
    assert!(message.contains("`count` would be read as another value; what `skip_serializing_if`"), "{message}");
    let message = graph.thread("nested").start(of(1, 0)).await.unwrap_err().to_string();
    assert!(message.contains("the state that the run begins with cannot be kept: `inner`"), "{message}");
    let message = graph.thread("update").start(of(1, 1)).await.unwrap_err().to_string();
    assert!(message.contains("the update of `write` cannot be kept: `inner`"), "{message}");

    // The order of a set is another each time it is read, and its values the same.
    let map = |key: u8| BTreeMap::from([("a".to_owned(), vec![key, 1]), ("b".to_owned(), vec![2])]);
    let sets = Left { seen: (0..100).map(map).collect(), ..of(2, 7) };
    let Progress::Done(left) = graph.thread("sets").start(sets.clone()).await.unwrap() else { panic!() };
    assert_eq!(graph.thread("sets").state().await.unwrap(), left);
    assert_eq!(left, Left { inner: Misread { count: 1 }, ..sets });
}
