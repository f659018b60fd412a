//! Where in a document a value does not fit its type.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, HashMap};

use anabranch_parsers::{JsonOutputParser, ParseError, ParseErrorKind};
use proptest::prelude::*;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn path<T: DeserializeOwned + Send + 'static>(value: &Value) -> String {
    let error = JsonOutputParser::typed::<T>().parse(&value.to_string()).map(|_| panic!("{value}")).unwrap_err();
    let cause = error.downcast_ref::<ParseError>().unwrap();
    assert_eq!(cause.kind(), ParseErrorKind::Type, "{error}");
    cause.path().to_string()
}

#[derive(Deserialize)]
#[allow(dead_code)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Water {
    River { name: String, length_km: u32, arms: Vec<Arm> },
    Lake { depth_m: f64, salty: bool },
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Arm {
    name: String,
    kind: Kind,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    Natural,
    Dug,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Map {
    title: String,
    #[serde(flatten)]
    scale: Scale,
    #[serde(flatten)]
    counts: HashMap<String, u32>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Scale {
    scale: u32,
}

#[derive(Deserialize)]
#[allow(dead_code)]
#[serde(untagged)]
enum Either {
    Name(String),
    Arm(Arm),
}

#[derive(Deserialize)]
#[allow(dead_code)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Arm(Arm),
}

#[test]
fn types_with_a_tag_inside_have_places() {
    let river = |key: &str, value: Value| {
        let mut river =
            json!({"type": "river", "name": "Weser", "length_km": 452, "arms": [{"name": "a", "kind": "dug"}]});
        river[key] = value;
        json!([{"type": "lake", "depth_m": 1, "salty": false}, river])
    };
    assert_eq!(path::<Vec<Water>>(&river("length_km", json!("long"))), "[1].length_km");
    assert_eq!(path::<Vec<Water>>(&river("length_km", json!(-7))), "[1].length_km");
    assert_eq!(path::<Vec<Water>>(&river("length_km", json!(1.5))), "[1].length_km");
    assert_eq!(path::<Vec<Water>>(&river("name", json!(true))), "[1].name");
    assert_eq!(path::<Vec<Water>>(&river("name", json!(null))), "[1].name");
    assert_eq!(path::<Vec<Water>>(&river("type", json!("sea"))), "[1].type");
    assert_eq!(
        path::<Vec<Water>>(&river("arms", json!([{"name": "a", "kind": "dug"}, {"name": "b", "kind": "x"}]))),
        "[1].arms[1].kind"
    );
    // What lacks has no place but that of what it lacks in.
    assert_eq!(path::<Vec<Water>>(&json!([{"type": "lake", "depth_m": 1}])), "[0]");
    // Of two of the same it is not known which.
    assert_eq!(path::<Vec<Water>>(&json!([{"type": "river", "name": 5, "length_km": 5, "arms": []}])), "[0]");
    assert_eq!(path::<Adjacent>(&json!({"t": "Arm", "c": {"name": "x", "kind": "y"}})), "c.kind");
}

#[test]
fn flattened_fields_and_keys_of_maps_have_places() {
    let map = |more: Value| {
        let mut map = json!({"title": "x", "scale": 5});
        map.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "map": map })
    };
    type Maps = BTreeMap<String, Map>;
    assert_eq!(path::<Maps>(&map(json!({"scale": "large"}))), "map.scale");
    assert_eq!(path::<Maps>(&map(json!({"rivers": "many"}))), "map.rivers");
    assert_eq!(path::<Maps>(&map(json!({"not an identifier": "many"}))), "map.…");
    assert_eq!(path::<Maps>(&map(json!({"title": 5, "scale": 6}))), "map.title");
    assert_eq!(path::<BTreeMap<u32, u32>>(&json!({"1": 2, "x": 3})), "x");
    assert_eq!(path::<BTreeMap<u32, BTreeMap<i8, u8>>>(&json!({"1": {"2": 3}, "4": {"500": 6}})), "4.500");
    assert_eq!(path::<BTreeMap<u32, BTreeMap<u32, u8>>>(&json!({"1": {"2": 300}})), "1.2");
}

#[test]
fn of_a_type_without_a_tag_the_whole_is_named() {
    assert_eq!(path::<Vec<Either>>(&json!(["a", {"name": "b", "kind": "y"}])), "[1]");
    assert_eq!(path::<Either>(&json!(5)), "");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 500, ..ProptestConfig::default() })]

    /// Wherever a text stands where a number must, and whatever stands beside it: it is found.
    #[test]
    fn a_text_in_place_of_a_number_is_found(
        names in prop::collection::vec("[a-z]{0,3}", 1..6),
        wrong in any::<prop::sample::Index>(),
        text in "[a-z]{1,4}",
    ) {
        let place = wrong.index(names.len());
        let rivers = names.iter().enumerate().map(|(index, name)| {
            let length = if index == place { json!(text) } else { json!(index) };
            json!({"type": "river", "name": name, "length_km": length, "arms": []})
        });
        let rivers = Value::from(rivers.collect::<Vec<_>>());
        prop_assert_eq!(path::<Vec<Water>>(&rivers), format!("[{place}].length_km"));
    }
}
