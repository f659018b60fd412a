//! An object that was used up, kept for the next one with the same keys.

use std::cell::Cell;

use serde_json::{Map, Value};

/// Objects of more keys are not kept.
const MOST: usize = 32;

thread_local! {
    static SPARE: Cell<Option<Map<String, Value>>> = const { Cell::new(None) };
}

/// For steps that have read what they need of a value: where it is an object, its keys are kept for the next object that
/// a parallel makes on this thread. To make and to drop them would be a third of what the joint costs.
#[doc(hidden)]
pub fn used_up(value: Value) {
    if let Value::Object(mut object) = value {
        if object.len() <= MOST {
            object.values_mut().for_each(|value| *value = Value::Null);
            let _ = SPARE.try_with(|spare| spare.set(Some(object)));
        }
    }
}

/// An object with the keys of this one.
pub(crate) fn like(object: &Map<String, Value>) -> Map<String, Value> {
    match SPARE.try_with(Cell::take) {
        Ok(Some(spare)) if spare.keys().eq(object.keys()) => spare,
        _ => object.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn nothing_of_an_object_is_kept_but_its_keys() {
        let wanted = object(json!({"a": null, "b": null}));
        used_up(json!({"a": "secret", "b": [1, 2]}));
        assert_eq!(like(&wanted), wanted);
        assert_eq!(like(&wanted), wanted, "without one that is spare");
    }

    #[test]
    fn an_object_of_other_keys_or_of_another_order_is_none_of_these() {
        let wanted = object(json!({"a": null, "b": null}));
        for other in [json!({"a": 1}), json!({"b": 1, "a": 2}), json!({"a": 1, "b": 2, "c": 3}), json!({}), json!("a")]
        {
            used_up(other.clone());
            let made = like(&wanted);
            assert!(made.iter().eq(wanted.iter()), "{made:?} after {other}");
        }
    }
}
