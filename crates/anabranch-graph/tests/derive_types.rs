//! What the types of fields can be.

use std::borrow::Cow;
use std::collections::{BTreeMap, LinkedList, VecDeque};
use std::time::Duration;

use anabranch_graph::{State, Update};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn apply<S: State>(state: &mut S, update: impl Update<S>) {
    let mut writes = Vec::new();
    update.into_writes(&mut writes);
    // By way of the log.
    let text = serde_json::to_string(&writes).expect("writes are JSON");
    let writes: Vec<S::Write> = serde_json::from_str(&text).expect("writes are read");
    writes.iter().for_each(|write| state.apply(write));
}

fn applied<S: State>(update: impl Update<S>) -> S {
    let mut state = S::default();
    apply(&mut state, update);
    state
}

/// A state may hold others of its own kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Tree {
    name: String,
    parent: Option<Box<Self>>,
    #[reduce(append)]
    children: Vec<Self>,
    #[reduce(with = later::<Self>)]
    by_name: BTreeMap<String, Self>,
}

fn later<T>(mut current: BTreeMap<String, T>, new: BTreeMap<String, T>) -> BTreeMap<String, T> {
    current.extend(new);
    current
}

#[test]
fn a_state_of_states() {
    let leaf: Tree = applied(Tree::name("leaf"));
    let by_name = BTreeMap::from([("leaf".to_string(), leaf.clone())]);
    let tree: Tree =
        applied((Tree::children([leaf.clone()]), Tree::parent(Some(Box::new(leaf))), Tree::by_name(by_name)));
    assert_eq!((tree.children[0].name.as_str(), tree.parent.unwrap().name.as_str()), ("leaf", "leaf"));
    assert_eq!(tree.by_name["leaf"].name, "leaf");
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Texts {
    plain: std::string::String,
    boxed: Box<str>,
    borrowed: Cow<'static, str>,
    #[reduce(max)]
    last: String,
}

#[test]
fn a_text_is_written_as_a_text() {
    let texts: Texts = applied((Texts::plain("a"), Texts::boxed("b"), Texts::borrowed("c"), Texts::last("e")));
    let expected = json!({"plain": "a", "boxed": "b", "borrowed": "c", "last": "e"});
    assert_eq!(json!(texts), expected);
    let owned: Texts = applied((Texts::boxed(String::from("b")), Texts::borrowed(String::from("c"))));
    assert_eq!((&*owned.boxed, &*owned.borrowed), ("b", "c"));
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Lists {
    #[reduce(append)]
    bytes: Vec<u8>,
    #[reduce(append)]
    sizes: Vec<usize>,
    #[reduce(append)]
    floats: Vec<f32>,
    #[reduce(append)]
    times: Vec<Duration>,
    #[reduce(append)]
    options: Vec<Option<u64>>,
    #[reduce(append)]
    json: Vec<Value>,
    #[reduce(append)]
    pairs: Vec<(u64, String)>,
    #[reduce(append)]
    shared: Vec<Box<str>>,
    #[reduce(append)]
    deque: VecDeque<String>,
    #[reduce(append)]
    linked: LinkedList<u16>,
}

#[test]
fn a_list_is_written_as_one_writes_a_list() {
    let mut lists: Lists = applied((
        (Lists::bytes([1, 2]), Lists::sizes([1]), Lists::sizes(3..5), Lists::floats([0.5])),
        Lists::times([Duration::from_secs(1)]),
        (Lists::options([Some(1), None]), Lists::json([1, 2]), Lists::json(["a"])),
        (Lists::pairs([(1, "a".to_string())]), Lists::shared(["a"])),
        (Lists::deque(["a"]), Lists::deque(["b".to_string()]), Lists::linked([1, 2])),
    ));
    assert_eq!((&*lists.bytes, &*lists.sizes, &*lists.floats), (&[1, 2][..], &[1, 3, 4][..], &[0.5][..]));
    assert_eq!((lists.options, lists.json), (vec![Some(1), None], vec![json!(1), json!(2), json!("a")]));
    assert_eq!((&*lists.shared[0], &lists.deque), ("a", &VecDeque::from(["a".into(), "b".into()])));
    assert_eq!(lists.linked, LinkedList::from([1, 2]));
    lists = applied((Lists::bytes([]), Lists::bytes([9]).overwrite(), Lists::sizes([]).overwrite()));
    assert_eq!(lists.bytes, [9]);
}

type Price = Option<u32>;
type Score = Option<f64>;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Least {
    #[reduce(min)]
    option: std::option::Option<u32>,
    #[reduce(min)]
    alias: Price,
    #[reduce(min)]
    score: Score,
    #[reduce(min)]
    name: String,
    #[reduce(max)]
    most: Price,
}

#[test]
fn none_is_no_value_whatever_the_option_is_called() {
    let least: Least = applied((
        [Least::option(None), Least::option(Some(3)), Least::option(None), Least::option(Some(2))],
        [Least::alias(None), Least::alias(Some(3)), Least::alias(None), Least::alias(Some(2))],
        [Least::score(Some(0.5)), Least::score(None)],
        [Least::most(Some(3)), Least::most(None)],
    ));
    let expected = Least { option: Some(2), alias: Some(2), score: Some(0.5), name: String::new(), most: Some(3) };
    assert_eq!(least, expected);
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    first_name: String,
    #[serde(rename = "kind", alias = "sort")]
    type_of: Option<u32>,
    #[serde(default = "seven", skip_serializing_if = "is_seven")]
    days: u32,
    #[serde(rename(serialize = "unit", deserialize = "unit"))]
    #[reduce(add)]
    unit_count: u32,
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    #[reduce(max)]
    as_text: u64,
}

fn seven() -> u32 {
    7
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_seven(days: &u32) -> bool {
    *days == 7
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn as_text<S: serde::Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(number)
}

fn from_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Flat {
    name: String,
    #[serde(flatten)]
    #[reduce(union)]
    rest: BTreeMap<String, Value>,
}

/// What is written counts, whatever the attributes of the state's own JSON leave out or call otherwise.
#[test]
fn what_serde_is_told_of_fields() {
    let update = || {
        let count = (Named::unit_count(1), Named::unit_count(2), Named::as_text(u64::MAX));
        (Named::first_name("Ada"), Named::type_of(Some(1)), Named::days(7), count)
    };
    let named: Named = applied(update());
    let expected = json!({"firstName": "Ada", "kind": 1, "unit": 3, "asText": u64::MAX.to_string()});
    assert_eq!(json!(named), expected);
    let mut writes = Vec::new();
    update().into_writes(&mut writes);
    assert_eq!(json!(writes[2]), json!({"days": 7}), "though the state leaves it out");
    assert_eq!(serde_json::from_value::<Named>(json!(named)).unwrap(), named);

    let flat: Flat = applied((Flat::name("a"), Flat::rest(BTreeMap::from([("b".to_string(), json!([1]))]))));
    assert_eq!(json!(flat), json!({"name": "a", "b": [1]}));
    assert_eq!(serde_json::from_value::<Flat>(json!(flat)).unwrap(), flat);
}
