//! JSON Schema, as far as Gemini takes it.
//!
//! <https://ai.google.dev/api/generate-content#generationconfig> (`responseJsonSchema`) lists the keywords that count.
//! What else stands in a schema is looked over by the provider, but for three things: a constant, which would be lost; a
//! reference with something beside it, which is an error; and definitions under their old name.

use serde_json::{Map, Value, json};

/// Keywords that narrow what is valid, and that nobody looks at.
const LOOKED_OVER: &[&str] = &[
    "pattern",
    "minLength",
    "maxLength",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "uniqueItems",
    "contains",
    "minProperties",
    "maxProperties",
    "patternProperties",
    "propertyNames",
    "dependentRequired",
    "dependentSchemas",
    "allOf",
    "not",
    "if",
];

/// The schema as Gemini wants it, and whether it says more than Gemini looks at.
pub(super) fn adapted(schema: &Value) -> (Value, bool) {
    let mut has_more = false;
    (adapt(schema, &mut has_more), has_more)
}

fn adapt(schema: &Value, has_more: &mut bool) -> Value {
    let Value::Object(members) = schema else { return schema.clone() };
    let mut adapted = Map::new();
    for (name, value) in members {
        if LOOKED_OVER.contains(&name.as_str()) {
            *has_more = true;
        }
        let (name, value) = match (name.as_str(), value) {
            ("$schema", _) => continue,
            ("const", Value::String(_) | Value::Number(_)) => ("enum", json!([value])),
            ("const", _) => {
                *has_more = true;
                continue;
            }
            ("$ref", Value::String(to)) => match to.strip_prefix("#/definitions/") {
                Some(name) => ("$ref", format!("#/$defs/{name}").into()),
                None => ("$ref", value.clone()),
            },
            ("properties" | "$defs", Value::Object(named)) => (name.as_str(), each(named, has_more)),
            ("definitions", Value::Object(named)) => ("$defs", each(named, has_more)),
            ("anyOf" | "oneOf" | "allOf" | "prefixItems", Value::Array(list)) => {
                (name.as_str(), list.iter().map(|one| adapt(one, has_more)).collect())
            }
            ("items" | "additionalProperties" | "not", inner) => (name.as_str(), adapt(inner, has_more)),
            (name, value) => (name, value.clone()),
        };
        adapted.insert(name.to_string(), value);
    }
    let stands_beside = adapted.keys().any(|name| !name.starts_with('$'));
    if stands_beside && !adapted.contains_key("anyOf") {
        if let Some(reference) = adapted.shift_remove("$ref") {
            adapted.insert("anyOf".into(), json!([{"$ref": reference}]));
        }
    }
    adapted.into()
}

/// Schemas by names of the user's, which are no keywords.
fn each(named: &Map<String, Value>, has_more: &mut bool) -> Value {
    named.iter().map(|(name, schema)| (name.clone(), adapt(schema, has_more))).collect::<Map<_, _>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gemini_takes_stays_and_the_rest_is_put_in_its_words() {
        let schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": {
                "const": {"type": "integer", "minimum": 1},
                "kind": {"const": "river"},
                "mouth": {"$ref": "#/$defs/Place", "description": "Where it ends."},
                "source": {"$ref": "#/$defs/Place"},
                "arms": {"type": "array", "items": {"$ref": "#/definitions/Arm"}},
            },
            "required": ["kind"],
            "additionalProperties": false,
            "$defs": {"Place": {"type": ["string", "null"]}},
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "const": {"type": "integer", "minimum": 1},
                "kind": {"enum": ["river"]},
                "mouth": {"description": "Where it ends.", "anyOf": [{"$ref": "#/$defs/Place"}]},
                "source": {"$ref": "#/$defs/Place"},
                "arms": {"type": "array", "items": {"$ref": "#/$defs/Arm"}},
            },
            "required": ["kind"],
            "additionalProperties": false,
            "$defs": {"Place": {"type": ["string", "null"]}},
        });
        assert_eq!(adapted(&schema), (expected, false));
    }

    #[test]
    fn what_is_not_looked_at_is_told() {
        for more in [json!({"items": {"pattern": "a"}}), json!({"anyOf": [{"const": true}]}), json!({"not": {}})] {
            assert!(adapted(&more).1, "{more}");
        }
        let property = json!({"properties": {"pattern": {"type": "string"}}});
        assert_eq!(adapted(&property), (property, false));
    }
}
