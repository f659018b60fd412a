//! A state that is declared by value reduces as one that is declared by type.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anabranch_graph::dynamic::{DynamicFields, DynamicState, DynamicWrite};
use anabranch_graph::{BuildErrorKind, BuildErrors, START, State, StateGraph, Update};
use proptest::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Note {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u8>,
    text: u8,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Typed {
    text: String,
    #[reduce(append)]
    list: Vec<u8>,
    #[reduce(add)]
    count: i64,
    #[reduce(add)]
    float: f64,
    #[reduce(max)]
    best: f64,
    #[reduce(max)]
    last: String,
    #[reduce(min)]
    least: i64,
    #[reduce(union)]
    tags: BTreeSet<i64>,
    #[reduce(union)]
    by_name: BTreeMap<String, u8>,
    #[reduce(messages)]
    talk: Vec<Note>,
}

fn declared() -> DynamicFields {
    let fields = json!({
        "text": {"type": "text"},
        "list": {"type": "list", "reduce": "append"},
        "count": {"type": "int", "reduce": "add"},
        "float": {"type": "float", "reduce": "add"},
        "best": {"type": "number", "reduce": "max"},
        "last": {"type": "string", "reduce": "max"},
        "least": {"type": "int", "reduce": "min"},
        "tags": {"type": "list", "reduce": "union"},
        "by_name": {"type": "object", "reduce": "union"},
        "talk": {"type": "list", "reduce": "messages"},
    });
    serde_json::from_value(fields).expect("the declaration is right")
}

#[derive(Debug, Clone)]
enum Written {
    Text(String),
    List(Vec<u8>),
    Count(i64),
    Float(f64),
    Best(f64),
    Last(String),
    Least(i64),
    Tags(BTreeSet<i64>),
    ByName(BTreeMap<String, u8>),
    Talk(Vec<Note>),
}

/// The typed writes of it, the field, and the value.
fn write(written: Written, overwrite: bool) -> (Vec<<Typed as State>::Write>, &'static str, Value) {
    macro_rules! write {
        ($field:ident, $value:expr) => {{
            let (value, mut writes) = ($value, Vec::new());
            match overwrite {
                true => Typed::$field(value.clone()).overwrite().into_writes(&mut writes),
                false => Typed::$field(value.clone()).into_writes(&mut writes),
            }
            (writes, stringify!($field), json!(value))
        }};
    }
    match written {
        Written::Text(text) => {
            let mut writes = Vec::new();
            Typed::text(&text).into_writes(&mut writes);
            (writes, "text", json!(text))
        }
        Written::List(value) => write!(list, value),
        Written::Count(value) => write!(count, value),
        Written::Float(value) => write!(float, value),
        Written::Best(value) => write!(best, value),
        Written::Last(value) => write!(last, value),
        Written::Least(value) => write!(least, value),
        Written::Tags(value) => write!(tags, value),
        Written::ByName(value) => write!(by_name, value),
        Written::Talk(value) => write!(talk, value),
    }
}

fn any_write() -> impl Strategy<Value = (Written, bool)> {
    let note = (proptest::option::of(0_u8..5), any::<u8>()).prop_map(|(id, text)| Note { id, text });
    let finite = || proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO;
    let written = prop_oneof![
        ".{0,3}".prop_map(Written::Text),
        proptest::collection::vec(0_u8..5, 0..4).prop_map(Written::List),
        (-(1_i64 << 57)..1 << 57).prop_map(Written::Count),
        (-1e300..1e300).prop_map(Written::Float),
        finite().prop_map(Written::Best),
        ".{0,3}".prop_map(Written::Last),
        any::<i64>().prop_map(Written::Least),
        proptest::collection::btree_set(-9_i64..9, 0..4).prop_map(Written::Tags),
        proptest::collection::btree_map("[a-c]|.", any::<u8>(), 0..3).prop_map(Written::ByName),
        proptest::collection::vec(note, 0..5).prop_map(Written::Talk),
    ];
    (written, proptest::bool::weighted(0.2))
}

proptest! {
    #[test]
    fn both_reduce_alike(writes in proptest::collection::vec(any_write(), 0..24)) {
        let fields = declared();
        let (mut typed, mut dynamic) = (Typed::default(), DynamicState::default());
        fields.complete(&mut dynamic).unwrap();
        prop_assert_eq!(json!(dynamic)["list"].clone(), json!(typed)["list"].clone());
        for (written, overwrite) in writes {
            let (typed_writes, field, value) = write(written, overwrite);
            // Both by way of the log.
            let text = serde_json::to_string(&typed_writes).unwrap();
            let read: Vec<<Typed as State>::Write> = serde_json::from_str(&text).unwrap();
            read.iter().for_each(|write| typed.apply(write));

            let write = DynamicWrite::new(field, value);
            let write = fields.check(if overwrite { write.overwrite() } else { write }).unwrap();
            let text = serde_json::to_string(&write).unwrap();
            dynamic.apply(&serde_json::from_str(&text).unwrap());

            let read: Typed = serde_json::from_value(dynamic.clone().into()).unwrap();
            prop_assert_eq!(&read, &typed, "after a write of {}", field);
        }
    }
}

/// All at once, and with what else is wrong.
#[test]
fn writes_of_unknown_fields_and_nodes_are_build_errors() {
    let nothing = async |_: Arc<DynamicState>| Ok(Vec::<DynamicWrite>::new());
    let graph = StateGraph::dynamic(declared())
        .writes("before", ["count", "coutn"])
        .node("before", nothing)
        .writes("before", ["nothing"])
        .overwrites("nobody", ["list"])
        .edge(START, "before")
        .compile();
    let error = graph.unwrap_err();
    let errors = error.downcast_ref::<BuildErrors>().expect("what is wrong");
    let found: Vec<_> = errors.iter().map(|error| (error.kind(), &*error.nodes()[0], error.field())).collect();
    let expected = [
        (BuildErrorKind::UnknownField, "before", Some("coutn")),
        (BuildErrorKind::UnknownField, "before", Some("nothing")),
        (BuildErrorKind::UnknownNode, "nobody", None),
        (BuildErrorKind::NoWayToEnd, "before", None),
    ];
    assert_eq!(found, expected, "{error}");
}
