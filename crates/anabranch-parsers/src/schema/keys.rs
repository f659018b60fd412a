//! Keys, which a model may write in its own way.

use serde_json::{Map, Value};

use super::Walk;
use crate::schema::words::plain_key;

impl<'s> Walk<'s> {
    /// The property that a key stands for, and whether it is written as it should be. A key that is like a property is
    /// none where that property is there, too.
    pub(super) fn property(
        &self,
        key: &str,
        object: &Map<String, Value>,
        properties: &'s Map<String, Value>,
    ) -> Option<(&'s str, &'s Value, bool)> {
        if let Some((name, schema)) = properties.get_key_value(key) {
            return Some((name, schema, true));
        }
        if !self.is_lenient {
            return None;
        }
        let alias = |schema: &'s Value| schema.get("x-alias").and_then(Value::as_str);
        if let Some((name, schema)) = properties.iter().find(|(_, schema)| alias(schema) == Some(key)) {
            return Some((name, schema, false));
        }
        let wanted = plain_key(key);
        let is_like = |(name, schema): &(&'s String, &'s Value)| {
            plain_key(name) == wanted || alias(schema).is_some_and(|alias| plain_key(alias) == wanted)
        };
        let mut like = properties.iter().filter(is_like).filter(|(name, _)| !object.contains_key(*name));
        let (name, schema) = like.next()?;
        like.next().is_none().then_some((name.as_str(), schema, false))
    }
}
