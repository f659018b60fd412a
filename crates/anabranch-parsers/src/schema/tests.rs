use serde_json::json;

use super::*;
use crate::schema::scalar::{number_in, truth_in};

fn lenient(value: &Value, schema: Value) -> Result<(Value, Vec<RepairKind>), String> {
    let (value, repairs) = Schema::new(schema).align(value, true, false).map_err(|misfit| misfit.message)?;
    Ok((value, repairs.into_iter().map(|repair| repair.kind).collect()))
}

#[test]
fn what_fits_stays_as_it_is() {
    let schema = json!({
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 1}, "l": {"type": "array", "items": {"$ref": "#/$defs/E"}}},
        "required": ["n"],
        "additionalProperties": false,
        "$defs": {"E": {"enum": ["A", "B"]}},
    });
    let schema = Schema::new(schema);
    let good = json!({"n": 2, "l": ["A", "B"]});
    for is_lenient in [false, true] {
        assert_eq!(schema.align(&good, is_lenient, false).unwrap(), (good.clone(), vec![]));
    }
    for (bad, path) in [
        (json!({"n": "2"}), "n"),
        (json!({"n": 0}), "n"),
        (json!({"n": 1.5}), "n"),
        (json!({"n": 1, "l": ["A", "secret"]}), "l[1]"),
        (json!({"n": 1, "secret": 1}), ""),
        (json!({}), "n"),
        (json!([]), ""),
    ] {
        let misfit = schema.align(&bad, false, false).unwrap_err();
        assert_eq!(misfit.path, path, "{misfit:?}");
        assert!(!misfit.message.contains("secret"));
    }
}

#[test]
fn values_are_brought_into_shape_and_told() {
    use RepairKind::*;
    let number = || json!({"type": "integer"});
    for (value, schema, expected, kinds) in [
        (json!("42"), number(), json!(42), vec![NumberFromText]),
        (json!("about 42 km."), number(), json!(42), vec![NumberFromText]),
        (json!(42.0), number(), json!(42), vec![WholeNumber]),
        (json!(7), json!({"type": "string"}), json!("7"), vec![TextFromValue]),
        (json!("Yes."), json!({"type": "boolean"}), json!(true), vec![BoolFromValue]),
        (json!(0), json!({"type": "boolean"}), json!(false), vec![BoolFromValue]),
        (json!(3), json!({"type": "array", "items": number()}), json!([3]), vec![ListFromOne]),
        (json!([3]), number(), json!(3), vec![OneFromList]),
        (json!("it is red!"), json!({"enum": ["RED", "BLUE"]}), json!("RED"), vec![Choice]),
        (
            json!({"Full-Name": "a"}),
            json!({"type": "object", "properties": {"full_name": {}}}),
            json!({"full_name": "a"}),
            vec![Key],
        ),
        (json!("[1]"), json!({"type": "array", "items": number()}), json!([1]), vec![JsonInText]),
        (json!("x"), json!({"anyOf": [number(), {"type": "string"}]}), json!("x"), vec![]),
        (json!("5"), json!({"type": ["integer", "null"]}), json!(5), vec![NumberFromText]),
    ] {
        assert_eq!(lenient(&value, schema), Ok((expected, kinds)), "{value}");
    }
}

#[test]
fn nothing_is_invented() {
    for (value, schema) in [
        (json!("no number"), json!({"type": "integer"})),
        (json!("1 or 2"), json!({"type": "integer"})),
        (json!("1,234"), json!({"type": "integer"})),
        (json!(""), json!({"type": "integer"})),
        (json!(null), json!({"type": "string"})),
        (json!(null), json!({"type": "array"})),
        (json!("red or blue"), json!({"enum": ["RED", "BLUE"]})),
        (json!(["a", "b"]), json!({"enum": ["a", "b"]})),
        (json!("yes and no"), json!({"type": "boolean"})),
        (json!({"a": 1, "A": 2}), json!({"type": "object", "properties": {"a-": {}}, "additionalProperties": false})),
        (json!(1e300), json!({"type": "integer"})),
        (json!({}), json!({"$ref": "#/nowhere"})),
        (json!({}), json!({"$ref": "#"})),
    ] {
        assert!(lenient(&value, schema.clone()).is_err(), "{value} {schema}");
    }
}

#[test]
fn numbers_and_truth_in_texts() {
    for (text, number) in
        [("12.11.", Some(json!(12.11))), ("$5", Some(json!(5))), ("-3°", Some(json!(-3))), ("1/5", None)]
    {
        assert_eq!(number_in(text).map(Value::Number), number, "{text}");
    }
    assert_eq!(
        [truth_in("Not relevant (NO)"), truth_in("NOW this is relevant (YES)"), truth_in("YES NO")],
        [Some(false), Some(true), None]
    );
}

/// A union says where the branch that was meant does not fit, if one surely was.
#[test]
fn a_misfit_in_a_union_has_its_place() {
    let branch = |tag: &str, field: &str| {
        json!({"type": "object", "required": ["type", field],
               "properties": {"type": {"const": tag}, field: {"type": "integer"}}})
    };
    let schema = Schema::new(json!({"type": "array", "items": {"anyOf": [
        {"type": "null"}, branch("river", "length_km"), branch("lake", "depth_m"),
    ]}}));
    let path = |value: Value| schema.align(&value, false, false).unwrap_err().path;
    assert_eq!(path(json!([{"type": "lake", "depth_m": "deep"}])), "[0].depth_m");
    assert_eq!(path(json!([null, {"type": "river"}])), "[1].length_km");
    // Nobody knows which.
    assert_eq!(path(json!([{"type": "sea", "depth_m": "deep"}])), "[0]");
    assert_eq!(path(json!([7])), "[0]");

    let optional = Schema::new(json!({"oneOf": [branch("river", "length_km"), {"type": "null"}]}));
    assert_eq!(optional.align(&json!({"type": "x", "length_km": 1}), false, false).unwrap_err().path, "type");
    assert!(optional.align(&json!(null), false, false).is_ok());
    // Of several that all refer on and on, each is tried once.
    let deep = (0..12)
        .fold(json!({"type": "integer"}), |inner, _| json!({"anyOf": [inner, {"type": "array", "items": false}]}));
    assert!(Schema::new(deep).align(&json!("x"), true, false).is_err());
}
