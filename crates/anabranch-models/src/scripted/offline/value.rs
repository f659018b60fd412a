//! Values made up for a schema.

use serde_json::{Map, Value};

/// Deeper than any schema that ends needs.
const MAX_DEPTH: usize = 16;

/// A value of a JSON schema, whose texts are about a topic. What a schema says that this does not know is not looked at.
pub(super) fn of_schema(schema: &Value, topic: &str) -> Value {
    Making { root: schema, topic }.value(schema, "answer", 0)
}

struct Making<'a> {
    root: &'a Value,
    topic: &'a str,
}

impl Making<'_> {
    fn value(&self, schema: &Value, key: &str, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        let next = depth + 1;
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let found = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
            return found.map_or(Value::Null, |found| self.value(found, key, next));
        }
        if let Some(only) = schema.get("const").or_else(|| schema.get("enum")?.get(0)) {
            return only.clone();
        }
        for union in ["anyOf", "oneOf", "allOf"] {
            let Some(branches) = schema.get(union).and_then(Value::as_array) else { continue };
            // Deep inside, what may be nothing is nothing, so that lists of oneself come to an end.
            let may_be_null = branches.iter().any(|branch| kind(branch) == Some("null"));
            if may_be_null && depth > MAX_DEPTH / 4 {
                return Value::Null;
            }
            let branch = branches.iter().find(|branch| kind(branch) != Some("null"));
            return branch.map_or(Value::Null, |branch| self.value(branch, key, next));
        }
        match kind(schema) {
            Some("object") => {
                let properties = schema.get("properties").and_then(Value::as_object);
                let made = properties.into_iter().flatten().map(|(key, one)| (key.clone(), self.value(one, key, next)));
                made.collect::<Map<_, _>>().into()
            }
            None if schema.get("properties").is_some() => {
                let mut object = schema.clone();
                object["type"] = "object".into();
                self.value(&object, key, depth)
            }
            Some("array") => self.list(schema, key, next),
            Some("string") => text(schema, key, self.topic).into(),
            Some("integer") => whole(schema).into(),
            Some("number") => schema.get("minimum").and_then(Value::as_f64).unwrap_or(0.5).into(),
            Some("boolean") => true.into(),
            Some(_) => Value::Null,
            None => text(schema, key, self.topic).into(),
        }
    }

    fn list(&self, schema: &Value, key: &str, depth: usize) -> Value {
        if let Some(items) = schema.get("prefixItems").and_then(Value::as_array) {
            return items.iter().map(|item| self.value(item, key, depth)).collect();
        }
        let count = |key: &str| schema.get(key).and_then(Value::as_u64).and_then(|count| usize::try_from(count).ok());
        let least = count("minItems").unwrap_or(0).min(64);
        let wanted = if depth > MAX_DEPTH / 4 { 0 } else { 3 };
        let wanted = wanted.clamp(least, count("maxItems").unwrap_or(usize::MAX).max(least));
        let item = schema.get("items").unwrap_or(&Value::Bool(true));
        let one = |number: usize| match self.value(item, key.strip_suffix('s').unwrap_or(key), depth) {
            Value::String(text) if item.get("enum").is_none() && item.get("const").is_none() => {
                format!("{text} {number}").into()
            }
            other => other,
        };
        (1..=wanted).map(one).collect()
    }
}

/// The type of a schema: of several, the first that is something.
fn kind(schema: &Value) -> Option<&str> {
    match schema.get("type")? {
        Value::String(kind) => Some(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null"),
        _ => None,
    }
}

fn whole(schema: &Value) -> i64 {
    let least = schema.get("minimum").and_then(Value::as_i64).unwrap_or(1);
    schema.get("maximum").and_then(Value::as_i64).map_or(least.max(1), |most| least.max(1).min(most))
}

fn text(schema: &Value, key: &str, topic: &str) -> String {
    let known = match schema.get("format").and_then(Value::as_str) {
        Some("date-time") => "2026-01-01T12:00:00Z",
        Some("date") => "2026-01-01",
        Some("time") => "12:00:00Z",
        Some("duration") => "PT1H",
        Some("email") => "somebody@example.com",
        Some("uri" | "url") => "https://example.com/",
        Some("uuid") => "00000000-0000-4000-8000-000000000000",
        Some("ipv4") => "127.0.0.1",
        Some("ipv6") => "::1",
        _ => return format!("made-up {key} for {topic}").replace('_', " "),
    };
    known.to_string()
}
