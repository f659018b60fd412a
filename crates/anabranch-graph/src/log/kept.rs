//! [`kept`]: JSON of what is to be read again, and a proof that the same is read.

use std::collections::BTreeMap;

use anabranch_core::{Error, ErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::exact::exact;

/// [`exact`] of `what`, and a proof that the same is read.
///
/// # Errors
/// Where JSON cannot tell it from something else, or another value would be read.
pub(crate) fn kept<T: Serialize + DeserializeOwned>(value: &T, what: impl Fn() -> String) -> Result<Value, Error> {
    let kept = exact(value).map_err(|lossy| lossy.error(&what()))?;
    let read = T::deserialize(&kept).map_err(|error| {
        // A write is an object with its field alone.
        let field = kept.as_object().filter(|fields| fields.len() == 1).and_then(|fields| fields.keys().next());
        let (what, of) = (what(), field.map_or("its".to_owned(), |field| format!("`{field}`: its")));
        let message = format!(
            "{what} cannot be kept: {of} `Deserialize` does not read what its `Serialize` writes; where an enum or a \
             struct of it is `untagged`, `tag`ged or `flatten`ed, keys of maps have to be texts"
        );
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })?;
    let read = exact(&read).map_err(|lossy| lossy.error(&what()))?;
    if let Some(field) = difference(&kept, &read) {
        let message = format!(
            "{} cannot be kept: `{field}` would be read as another value; what `skip_serializing_if` leaves out has to be \
             what `default` puts there, and a `Deserialize` must not change what its `Serialize` writes",
            what()
        );
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(kept)
}

/// The field in which they differ, whatever the order of lists: that of a set is another each time.
fn difference(kept: &Value, read: &Value) -> Option<String> {
    if kept == read {
        return None;
    }
    match (kept, read) {
        (Value::Object(kept), Value::Object(read)) => {
            let differs = |field: &&String| match (kept.get(*field), read.get(*field)) {
                (Some(kept), Some(read)) => difference(kept, read).is_some(),
                _ => true,
            };
            kept.keys().chain(read.keys()).find(differs).cloned()
        }
        (Value::Array(kept), Value::Array(read)) => {
            let sorted = |list: &[Value]| {
                let mut texts: Vec<_> = list.iter().map(|value| ordered(value).to_string()).collect();
                texts.sort_unstable();
                texts
            };
            (sorted(kept) != sorted(read)).then(|| "it".to_owned())
        }
        _ => Some("it".to_owned()),
    }
}

/// In an order of its own: keys and lists by their texts.
fn ordered(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, Value> = fields.iter().map(|(key, value)| (key, ordered(value))).collect();
            sorted.into_iter().map(|(key, value)| (key.clone(), value)).collect()
        }
        Value::Array(list) => {
            let mut sorted: Vec<_> = list.iter().map(ordered).collect();
            sorted.sort_by_cached_key(Value::to_string);
            Value::Array(sorted)
        }
        other => other.clone(),
    }
}
