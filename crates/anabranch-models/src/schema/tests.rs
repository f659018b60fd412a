use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;

#[derive(schemars::JsonSchema)]
#[expect(dead_code)]
struct Tree {
    /// How it is called.
    label: String,
    /// Its first child.
    child: Option<Box<Tree>>,
    kind: Kind,
    /// Another kind.
    other: Kind,
    #[serde(default)]
    tags: BTreeSet<String>,
    count: u32,
}

#[derive(schemars::JsonSchema)]
#[expect(dead_code)]
enum Kind {
    /// With leaves.
    Broad {
        leaves: u8,
    },
    Needle,
}

#[derive(schemars::JsonSchema)]
#[expect(dead_code)]
struct Counts {
    by_name: BTreeMap<String, u32>,
}

#[derive(schemars::JsonSchema)]
#[expect(dead_code)]
struct Pair(u32, String);

/// The rules of OpenAI for strict schemas, checked on every object of it.
fn check(schema: &Value, errors: &mut Vec<String>, path: &str) {
    match schema {
        Value::Object(object) => {
            if object.contains_key("$ref") && object.len() > 1 {
                errors.push(format!("{path}: something beside a reference"));
            }
            for key in ["oneOf", "allOf", "title", "default", "$schema", "uniqueItems"] {
                if object.contains_key(key) && !path.ends_with("properties") {
                    errors.push(format!("{path}: {key}"));
                }
            }
            if let Some(Value::Object(properties)) = object.get("properties").filter(|_| object.contains_key("type")) {
                let keys: Vec<_> = properties.keys().cloned().map(Value::from).collect();
                if object.get("required") != Some(&keys.into()) {
                    errors.push(format!("{path}: not all keys are required"));
                }
                if object.get("additionalProperties") != Some(&false.into()) {
                    errors.push(format!("{path}: it is open"));
                }
            }
            object.iter().for_each(|(key, value)| check(value, errors, &format!("{path}/{key}")));
        }
        Value::Array(list) => list.iter().for_each(|value| check(value, errors, path)),
        _ => {}
    }
}

#[test]
fn types_become_schemas_that_servers_can_hold_an_answer_to() {
    let schema = JsonSchema::of::<Tree>();
    assert!(schema.strict);
    let mut errors = Vec::new();
    check(&schema.schema, &mut errors, "");
    assert!(errors.is_empty(), "{errors:?}\n{:#}", schema.schema);
    // What refers to something else is still said, and so are comments.
    assert_eq!(schema.schema["properties"]["label"]["description"], "How it is called.");
    assert_eq!(schema.schema["properties"]["other"]["description"], "Another kind.");
    assert_eq!(schema.schema["properties"]["count"]["minimum"], 0);
}

#[test]
fn what_cannot_be_closed_is_left_as_it_is() {
    for schema in [JsonSchema::of::<Counts>(), JsonSchema::of::<Value>(), JsonSchema::of::<Pair>()] {
        assert!(!schema.strict, "{:?}", schema.schema);
    }
    let counts = JsonSchema::of::<Counts>().schema;
    assert_eq!(counts["properties"]["by_name"]["additionalProperties"]["minimum"], 0);
    assert_eq!(FunctionTool::of::<Counts>().strict, None);
}

#[test]
fn names_are_those_of_tools() {
    for (name, expected) in [("GetWeather", "get_weather"), ("HTTPGet2Now", "httpget2_now"), ("a b.c", "a_b_c")] {
        assert_eq!(name_of(name), expected);
    }
    assert_eq!(name_of(&"Ä".repeat(100)).len(), 64);
    assert_eq!(JsonSchema::of::<Vec<String>>().name, "array_of_string");
}

#[test]
fn variants_are_tools() {
    let mut tools = FunctionTool::variants_of::<Kind>();
    tools.sort_by(|one, other| one.name.cmp(&other.name));
    assert_eq!(tools.len(), 2);
    assert_eq!((tools[0].name.as_str(), tools[0].description.as_deref()), ("Broad", Some("With leaves.")));
    assert_eq!(tools[0].parameters["required"], json!(["leaves"]));
    assert_eq!(tools[1].name, "Needle");
    assert_eq!(
        tools[1].parameters,
        json!({"type": "object", "properties": {}, "additionalProperties": false, "required": []})
    );
    assert!(FunctionTool::variants_of::<String>().is_empty());
}
