//! `#[derive(State)]` as programs use it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use anabranch_graph::{Field, Overwrite, State, Update, Write};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// That of the acceptance program.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Analysis {
    document: String,
    legal: String,
    technical: String,
    financial: String,
    #[reduce(append)]
    notes: Vec<String>,
    report: String,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Essay {
    topics: Vec<String>,
    #[reduce(append)]
    paragraphs: Vec<String>,
    draft: String,
    rounds: u32,
    approved: bool,
}

fn apply<S: State>(state: &mut S, update: impl Update<S>) {
    let mut writes = Vec::new();
    update.into_writes(&mut writes);
    writes.iter().for_each(|write| state.apply(write));
}

fn applied<S: State>(update: impl Update<S>) -> S {
    let mut state = S::default();
    apply(&mut state, update);
    state
}

fn logged<S: State>(update: impl Update<S>) -> Value {
    let mut writes = Vec::new();
    update.into_writes(&mut writes);
    json!(writes)
}

async fn legal_agent(state: Arc<Analysis>) -> anabranch_core::Result<impl Update<Analysis>> {
    let analysis = format!("Legal analysis of: {}", state.document);
    Ok((Analysis::legal(analysis), Analysis::notes(["the lawyer looked at it"])))
}

/// As a step of a graph takes it.
fn step_writes<O, U: Update<S>, S: State>(output: O, write: impl Fn(O) -> U + Clone + Send + Sync + 'static) -> S {
    applied(write(output))
}

/// As a question takes it: its answer is read from JSON.
fn ask_writes<A: for<'a> Deserialize<'a>, U: Update<S>, S: State>(
    answer: Value,
    write: impl Fn(A) -> U + Clone + Send + Sync + 'static,
) -> S {
    applied(write(serde_json::from_value(answer).expect("the answer of a question is of its type")))
}

#[tokio::test]
async fn a_node_returns_an_update() {
    let document = Arc::new(Analysis { document: "a lease".into(), ..Default::default() });
    let mut state = Analysis::clone(&document);
    apply(&mut state, legal_agent(document).await.unwrap());
    assert_eq!((state.legal.as_str(), state.notes.len()), ("Legal analysis of: a lease", 1));
}

#[test]
fn a_fields_function_is_a_value() {
    assert_eq!(step_writes("sound".to_string(), Analysis::technical).technical, "sound");
    let essay: Essay = step_writes("ebb".to_string(), |text| Essay::paragraphs([text]));
    assert_eq!(essay.paragraphs, ["ebb"]);
    let essay: Essay = step_writes(vec!["ebb".to_string()], Essay::paragraphs);
    assert_eq!(essay.paragraphs, ["ebb"]);
    assert!(ask_writes(json!(true), Essay::approved).approved);
    // Where nothing else says what it takes.
    let essay: Essay = ask_writes(json!("ebb"), Essay::draft::<String>);
    assert_eq!(essay.draft, "ebb");
    let essay: Essay = ask_writes(json!(["ebb", "flood"]), Essay::paragraphs::<Vec<String>>);
    assert_eq!(essay.paragraphs, ["ebb", "flood"]);
    let essay: Essay = ask_writes(json!("ebb"), |text: String| (Essay::draft(text), Essay::rounds(1)));
    assert_eq!((essay.draft.as_str(), essay.rounds), ("ebb", 1));
}

#[test]
fn the_fields_in_declared_order() {
    let fields: Vec<_> =
        Analysis::fields().iter().map(|field| (field.name.to_string(), field.reducer.clone())).collect();
    assert_eq!(fields[0], ("document".to_string(), None));
    assert_eq!(fields[4], ("notes".to_string(), Some("append".into())));
    assert_eq!(fields.len(), 6);
}

mod own {
    pub(crate) fn longest(current: String, new: String) -> String {
        if new.len() > current.len() { new } else { current }
    }
}

mod seconds {
    use super::*;

    pub(super) fn serialize<S: serde::Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_secs())
    }

    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct Note {
    id: u32,
    text: String,
}

impl From<(u32, &str)> for Note {
    fn from((id, text): (u32, &str)) -> Self {
        Self { id, text: text.to_string() }
    }
}

type Lines = VecDeque<String>;

/// Every reducer, and what else fields can be.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct All {
    /// What was found.
    #[reduce(append)]
    pub list: std::vec::Vec<String>,
    #[reduce(append)]
    lines: Lines,
    #[reduce(add)]
    count: u32,
    #[reduce(add)]
    #[serde(with = "seconds")]
    time: Duration,
    #[reduce(max)]
    best: f64,
    #[reduce(min)]
    price: Option<u32>,
    #[reduce(union)]
    tags: BTreeSet<String>,
    #[reduce(union)]
    by_name: BTreeMap<String, u32>,
    #[reduce(messages)]
    talk: Vec<Note>,
    #[reduce(with = own::longest)]
    summary: String,
    #[reduce(with = Option::or)]
    first: Option<String>,
    #[serde(rename = "kind", default, skip_serializing_if = "Option::is_none")]
    r#type: Option<String>,
    // Names that code about states uses.
    write: u32,
    value: Option<Value>,
    fields: Vec<u32>,
    apply: u32,
    complete: bool,
    clone: u32,
}

#[test]
fn each_reducer() {
    let mut all = All::default();
    apply(&mut all, (All::list(["a"]), All::list(Some("b")), All::list(vec!["c".to_string()])));
    apply(&mut all, (All::lines(Lines::from(["x".to_string()])), All::lines(Lines::from(["y".to_string()]))));
    apply(
        &mut all,
        (All::count(1), All::count(2), All::time(Duration::from_secs(1)), All::time(Duration::from_secs(2))),
    );
    apply(&mut all, (All::best(0.5), All::best(0.25), All::price(Some(3)), All::price(Some(2)), All::price(None)));
    apply(&mut all, (All::tags(["b".to_string()].into()), All::tags(["a".to_string()].into())));
    apply(&mut all, [All::by_name([("a".to_string(), 1)].into()), All::by_name([("a".to_string(), 2)].into())]);
    apply(&mut all, (All::talk([(1, "a"), (2, "b")]), All::talk([(1, "c")])));
    apply(&mut all, (All::summary("longest"), All::summary("short")));
    apply(&mut all, (All::first(Some("a".to_string())), All::first(Some("b".to_string()))));
    apply(
        &mut all,
        (All::r#type(Some("t".to_string())), All::write(1), All::value(Some(json!(1))), All::fields(vec![1])),
    );
    apply(&mut all, (All::apply(1), All::complete(true), All::clone(1)));
    let expected = json!({
        "list": ["a", "b", "c"], "lines": ["x", "y"], "count": 3, "time": 3, "best": 0.5, "price": 2,
        "tags": ["a", "b"], "by_name": {"a": 2}, "talk": [{"id": 1, "text": "c"}, {"id": 2, "text": "b"}],
        "summary": "longest", "first": "a", "kind": "t", "write": 1, "value": 1, "fields": [1], "apply": 1,
        "complete": true, "clone": 1,
    });
    assert_eq!(json!(all), expected);

    apply(&mut all, (All::list(["z"]).overwrite(), All::count(7).overwrite(), All::price(None).overwrite()));
    apply(
        &mut all,
        (All::talk([(9, "z")]).overwrite(), All::summary("").overwrite(), All::tags([].into()).overwrite()),
    );
    assert_eq!((all.list, all.count, all.price), (vec!["z".to_string()], 7, None));
    assert_eq!((all.talk, all.summary, all.tags.len()), (vec![(9, "z").into()], String::new(), 0));
}

#[test]
fn a_write_in_the_log_names_its_field() {
    let update = (All::list(["a"]), All::list(["b"]).overwrite(), All::time(Duration::from_secs(2)), All::r#type(None));
    let expected = json!([{"list": ["a"]}, {"list.overwrite": ["b"]}, {"time": 2}, {"type": null}]);
    assert_eq!(logged(update), expected);

    // Nothing that is written looks like an overwrite.
    let map = BTreeMap::from([("overwrite".to_string(), 1)]);
    let update = (All::by_name(map.clone()), All::by_name(map).overwrite());
    let expected = json!([{"by_name": {"overwrite": 1}}, {"by_name.overwrite": {"overwrite": 1}}]);
    assert_eq!(logged(update), expected);
}

#[test]
fn what_the_log_kept_is_applied_as_it_was_written() {
    let update = || {
        let overwrites = (All::count(2).overwrite(), All::talk([(1, "a")]).overwrite(), All::list(["z"]).overwrite());
        (All::list(["a"]), All::count(1), All::time(Duration::from_secs(2)), overwrites, All::value(Some(json!([1]))))
    };
    let text = logged::<All>(update()).to_string();
    let writes: Vec<<All as State>::Write> = serde_json::from_str(&text).unwrap();
    let mut read = All::default();
    writes.iter().for_each(|write| read.apply(write));
    assert_eq!(read, applied(update()));

    let unknown = serde_json::from_value::<<All as State>::Write>(json!({"lost": 1})).unwrap_err();
    assert!(
        unknown.to_string().starts_with("unknown variant `lost`, expected one of `list`, `list.overwrite`"),
        "{unknown}"
    );
}

#[test]
fn nothing_of_a_value_is_shown() {
    let write: Write<Analysis, 4> = Analysis::notes(["secret"]);
    assert_eq!(format!("{write:?}"), r#"Write { field: "notes", .. }"#);
    let overwrite: Overwrite<Analysis, 4> = write.overwrite();
    assert_eq!(format!("{overwrite:?}"), r#"Overwrite { field: "notes", .. }"#);
}

/// A state may be empty, private types may be in it, and it may stand in a function.
#[test]
fn other_states() {
    #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
    #[state(crate = "::anabranch_graph")]
    struct Nothing {}
    assert_eq!(Nothing::fields(), [] as [Field; 0]);
    applied::<Nothing>(());

    // Clippy has nothing against these names.
    #[derive(Clone, Default, Serialize, Deserialize, State)]
    #[state(crate = "anabranch_graph")]
    struct Plan {
        plan: String,
        new: u32,
    }
    let state: Plan = applied((Plan::plan("a"), Plan::new(1)));
    assert_eq!((state.plan.as_str(), state.new), ("a", 1));

    mod inner {
        use super::*;

        #[derive(Debug, Clone, Default, Serialize, Deserialize)]
        struct Hidden;

        #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
        #[state(crate = "anabranch_graph")]
        pub(super) struct Public {
            hidden: Hidden,
            pub(super) shown: u32,
        }

        pub(super) fn update() -> impl Update<Public> {
            (Public::hidden(Hidden), Public::shown(2))
        }
    }
    assert_eq!(applied(inner::update()).shown, 2);
    assert_eq!(applied(inner::Public::shown(3)).shown, 3);
}

proptest::proptest! {
    /// Otherwise a run that is resumed would end with another state than one that was not.
    #[test]
    fn a_number_is_read_from_the_log_exactly(number in proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL) {
        let text = logged::<All>(All::best(number)).to_string();
        let writes: Vec<<All as State>::Write> = serde_json::from_str(&text).unwrap();
        let mut state = All { best: f64::MIN, ..Default::default() };
        writes.iter().for_each(|write| state.apply(write));
        proptest::prop_assert_eq!(state.best, number);
    }
}
