use proptest::prelude::*;
use serde_json::json;

use super::reducer::order;
use super::*;

fn reduced(reducer: Reducer, current: Value, new: Value) -> Value {
    let mut value = current;
    reducer.apply(&mut value, &new);
    value
}

#[test]
fn sums_are_exact_as_long_as_they_have_64_bits() {
    let sum = |a, b| reduced(Reducer::Add, a, b);
    assert_eq!(sum(json!(2), json!(-3)), json!(-1));
    assert_eq!(sum(json!(0.5), json!(1)), json!(1.5));
    assert_eq!(sum(json!(i64::MAX), json!(1)), json!(i64::MAX as u64 + 1));
    assert_eq!(sum(json!(u64::MAX), json!(i64::MIN)), json!(i64::MAX));
    assert_eq!(sum(json!(u64::MAX), json!(u64::MAX)), json!(u64::MAX as f64 * 2.0));
    assert_eq!(sum(json!(f64::MAX), json!(f64::MAX)), json!(f64::MAX));
    assert_eq!(sum(json!(f64::MIN), json!(f64::MIN)), json!(f64::MIN));
}

#[test]
fn the_larger_and_the_smaller() {
    assert_eq!(reduced(Reducer::Max, json!(2), json!(10)), json!(10));
    assert_eq!(reduced(Reducer::Max, json!("10"), json!("2")), json!("2"), "texts are compared as such");
    assert_eq!(reduced(Reducer::Min, json!(2), json!(1.5)), json!(1.5));
    assert_eq!(reduced(Reducer::Min, json!("b"), json!("c")), json!("b"));
    assert_eq!(
        reduced(Reducer::Max, json!(9007199254740993_u64), json!(9007199254740992.0)),
        json!(9007199254740993_u64)
    );
}

#[test]
fn lists_unite_to_a_sorted_set_and_objects_by_key() {
    let united = reduced(Reducer::Union, json!([3, "b", 1]), json!(["a", 1, 1.0, null, {"k": 1}, [2], true]));
    assert_eq!(united, json!([null, true, 1, 3, "a", "b", [2], {"k": 1}]));
    assert_eq!(reduced(Reducer::Union, json!({"a": 1, "b": 2}), json!({"b": 3})), json!({"a": 1, "b": 3}));
}

#[test]
fn json_has_one_order() {
    let sorted = [
        json!(null),
        json!(false),
        json!(true),
        json!(f64::MIN),
        json!(i64::MIN),
        json!(-1.5),
        json!(-1),
        json!(0),
        json!(0.25),
        json!(1),
        json!(i64::MAX),
        json!(9223372036854775808.0),
        json!(u64::MAX),
        json!(f64::MAX),
        json!(""),
        json!("a"),
        json!([]),
        json!([1]),
        json!([1, 0]),
        json!([2]),
        json!({}),
        json!({"a": 1}),
        json!({"b": 0, "a": 2}),
        json!({"b": 0}),
    ];
    for (i, a) in sorted.iter().enumerate() {
        for (j, b) in sorted.iter().enumerate() {
            assert_eq!(order(a, b), i.cmp(&j), "{a} and {b}");
        }
    }
    assert!(order(&json!({"a": 1, "b": 2}), &json!({"b": 2, "a": 1})).is_eq());
}

/// Near to each other, and of all kinds.
fn any_json() -> impl Strategy<Value = Value> {
    let near =
        prop::sample::select(vec![0_i128, 1 << 53, i128::from(i64::MAX), i128::from(u64::MAX), i128::from(i64::MIN)]);
    let number = (near, -2_i128..=2, any::<bool>()).prop_map(|(near, more, is_float)| {
        let whole = near + more;
        match (i64::try_from(whole), u64::try_from(whole)) {
            (Ok(whole), _) if !is_float => json!(whole),
            (_, Ok(whole)) if !is_float => json!(whole),
            _ => json!(whole as f64 + 0.5),
        }
    });
    let float = prop_oneof![-2.0..2.0, any::<f64>().prop_filter("JSON has no other", |float| float.is_finite())];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        float.prop_map(Value::from),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map("[ab]", inner, 0..3).prop_map(|object| json!(object)),
        ]
    })
}

proptest! {
    /// Otherwise a sort may panic, and what it gives depends on what there was before.
    #[test]
    fn the_order_of_json_is_total((a, b, c) in (any_json(), any_json(), any_json())) {
        prop_assert!(order(&a, &a).is_eq());
        prop_assert_eq!(order(&a, &b), order(&b, &a).reverse());
        if order(&a, &b).is_le() && order(&b, &c).is_le() {
            prop_assert!(order(&a, &c).is_le(), "{a}, {b}, {c}");
        }
    }

    #[test]
    fn a_union_is_a_sorted_set_whatever_came_first(lists in prop::collection::vec(prop::collection::vec(any_json(), 0..5), 1..5)) {
        let united = |lists: &mut dyn Iterator<Item = &Vec<Value>>| {
            lists.fold(json!([]), |so_far, list| reduced(Reducer::Union, so_far, json!(list)))
        };
        let one = united(&mut lists.iter());
        let elements = one.as_array().unwrap();
        prop_assert!(elements.windows(2).all(|pair| order(&pair[0], &pair[1]).is_lt()));
        prop_assert!(order(&one, &united(&mut lists.iter().rev())).is_eq());
        prop_assert_eq!(reduced(Reducer::Union, one.clone(), one.clone()), one);
    }

    #[test]
    fn what_is_more_or_less_is_of_no_order(numbers in prop::collection::vec(any_json(), 1..6)) {
        let mut numbers: Vec<_> = numbers.into_iter().filter(Value::is_number).collect();
        for reducer in [Reducer::Max, Reducer::Min] {
            let folded = |numbers: &[Value]| numbers.iter().cloned().reduce(|one, other| reduced(reducer, one, other));
            let one = folded(&numbers);
            numbers.reverse();
            let other = folded(&numbers);
            prop_assert!(one.zip(other).is_none_or(|(one, other)| order(&one, &other).is_eq()));
        }
    }
}

#[test]
fn a_field_without_a_value_takes_the_first() {
    for (reducer, new, expected) in [
        (Reducer::Append, json!([1, 1]), json!([1, 1])),
        (Reducer::Add, json!(2), json!(2)),
        (Reducer::Min, json!(2), json!(2)),
        (Reducer::Union, json!([2, 1, 2]), json!([1, 2])),
        (Reducer::Messages, json!([{"id": 1}, {"id": 1, "v": 2}]), json!([{"id": 1, "v": 2}])),
    ] {
        assert_eq!(reduced(reducer, Value::Null, new), expected, "{reducer}");
    }
    let mut state = DynamicState::default();
    state.apply(&DynamicWrite::new("a", 1));
    assert_eq!(state.get("a"), Some(&json!(1)));
}

#[test]
fn what_a_changed_log_holds_is_no_panic() {
    let kinds = [json!(null), json!(true), json!(1), json!("a"), json!([1]), json!({"a": 1})];
    let reducers = ["append", "add", "max", "min", "union", "messages"];
    for reducer in reducers {
        for (current, new) in kinds.iter().flat_map(|current| kinds.iter().map(move |new| (current, new))) {
            let write: DynamicWrite =
                serde_json::from_value(json!({"field": "a", "value": new, "reduce": reducer})).unwrap();
            let mut state = DynamicState::from_iter([("a", current.clone())]);
            state.apply(&write);
            if std::mem::discriminant(current) != std::mem::discriminant(new) {
                assert_eq!(state.get("a"), Some(new), "{reducer}");
            }
        }
    }
}

fn fields() -> DynamicFields {
    let declared = json!({
        "count": {"type": "int", "reduce": "add"},
        "text": {"type": "text"},
        "tags": {"type": "list", "reduce": "union"},
        "done": {"type": "bool"},
        "more": {"type": "object"},
        "any": {"type": "any"},
    });
    serde_json::from_value(declared).unwrap()
}

#[test]
fn missing_fields_get_their_default() {
    let mut state = DynamicState::from_iter([("tags", json!(["b", "a", "b"]))]);
    fields().complete(&mut state).unwrap();
    let expected = json!({"count": 0, "text": "", "tags": ["a", "b"], "done": false, "more": {}, "any": null});
    assert_eq!(json!(state), expected);
    let names: Vec<_> = fields().to_vec().into_iter().map(|field| (field.name, field.reducer)).collect();
    assert_eq!(names[0], ("count".into(), Some("add".into())), "in declared order");
    assert_eq!(names[1], ("text".into(), None));
    assert_eq!(fields().position("tags"), Some(2));
}

#[test]
fn what_does_not_fit_is_said_before_it_is_applied() {
    let message = |write| fields().check(write).unwrap_err().message().to_string();
    assert_eq!(message(DynamicWrite::new("tags", 1)), "the field `tags` is a list, and a number was to be written");
    let overwrite = DynamicWrite::new("count", "secret").overwrite();
    assert_eq!(message(overwrite), "the field `count` is a number, and a text was to be written");
    assert_eq!(
        message(DynamicWrite::new("done", Value::Null)),
        "the field `done` is true or false, and null was to be written"
    );
    assert_eq!(
        message(DynamicWrite::new("tag", 1)),
        "there is no field `tag` in the state: declared are `count`, `text`, `tags`, `done`, `more`, `any`"
    );
    let write = fields().check(DynamicWrite::new("any", json!([1]))).unwrap();
    assert_eq!(format!("{write:?}"), r#"Write { field: "any", .. }"#);

    let completed = |state: Value| {
        let mut state: DynamicState = serde_json::from_value(state).unwrap();
        fields().complete(&mut state).unwrap_err().message().to_string()
    };
    assert_eq!(completed(json!({"text": []})), "the field `text` is a text, and the state has a list there");
    assert!(completed(json!({"texts": ""})).starts_with("there is no field `texts`"));
}

#[test]
fn declarations_that_are_wrong() {
    let error = |declared: &str| serde_json::from_str::<DynamicFields>(declared).unwrap_err().to_string();
    let message = error(r#"{"a": {"type": "number", "reduce": "union"}}"#);
    assert!(message.contains("`union` works on a list or an object, and the field `a` is a number"), "{message}");
    let message = error(r#"{"a": {"type": "text"}, "a": {"type": "text"}}"#);
    assert!(message.contains("the field `a` is declared twice"), "{message}");
    let message = error(r#"{"a": {"type": "list", "reduce": "apend"}}"#);
    assert!(message.contains("unknown variant `apend`, expected one of `append`, `add`"), "{message}");
    assert!(message.contains("of the field `a`: "), "{message}");
    let message = error(r#"{"b": {"type": "list"}, "a": {"reduce": "append"}}"#);
    assert_eq!(message, "of the field `a`: missing field `type` at line 1 column 49");
    let message = error(r#"{"a": {"type": "list", "type": "text"}}"#);
    assert!(message.starts_with("of the field `a`: duplicate field `type`"), "{message}");
    let message = error(r#"{"a": {"type": "list", "default": []}}"#);
    assert!(message.starts_with("of the field `a`: unknown field `default`, expected `type` or `reduce`"), "{message}");
    let message = error("[]");
    assert!(message.contains("expected fields by name, as {\"notes\""), "{message}");

    let full =
        (0..128).try_fold(DynamicFields::new(), |fields, place| fields.field(format!("f{place}"), FieldType::Any));
    let message = full.unwrap().field("more", FieldType::Any).unwrap_err().message().to_string();
    assert_eq!(message, "`more` is one field too many: there is room for 128, and an object is one");
}
