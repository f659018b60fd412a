//! What stands on the wire.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::reader::{self, Bounded, Text, ignore_map, in_place};

/// More blocks, and more citations of one, than any answer has.
pub(in super::super) const MANY: usize = 8193;

/// A whole message, the beginning of one, or its end.
#[derive(Deserialize, Default)]
pub(in super::super) struct Message<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(in super::super) type_: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) model: Text<'a>,
    #[serde(borrow)]
    pub(in super::super) content: Option<Bounded<&'a RawValue, MANY>>,
    #[serde(borrow, default)]
    pub(in super::super) stop_reason: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) stop_sequence: Text<'a>,
    #[serde(borrow)]
    pub(in super::super) stop_details: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) container: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) context_management: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) error: Option<&'a RawValue>,
}

/// More members than any block has.
const MEMBERS: usize = 64;

/// A block of the content, whole or as it begins: its members, each as the text it is.
#[derive(Default)]
pub(in super::super) struct Head<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Head<'a> {
    pub(in super::super) fn take(&mut self, name: &str) -> Option<&'a RawValue> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        Some(self.0.swap_remove(place).1)
    }

    /// A member that is text, and says something.
    pub(in super::super) fn text(&mut self, name: &str) -> Option<String> {
        serde_json::from_str::<Text<'_>>(self.take(name)?.get()).ok()?.into_string()
    }

    /// A member that is a list, however short.
    pub(in super::super) fn list(&mut self, name: &str) -> Option<Vec<&'a RawValue>> {
        let raw = self.take(name).filter(|raw| raw.get().starts_with('['))?;
        serde_json::from_str::<Bounded<&RawValue, MANY>>(raw.get()).ok().map(|list| list.0)
    }

    /// What is left of it and says something.
    pub(in super::super) fn rest(self) -> Map<String, Value> {
        let said = |(name, raw): (Cow<'a, str>, &RawValue)| Some((name.into_owned(), small(raw)?));
        // Calls are the model's own unless it is said that they are not.
        let is_news = |(name, value): &(String, Value)| name != "caller" || value["type"] != "direct";
        self.0.into_iter().filter_map(said).filter(is_news).collect()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Head<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = Head<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a block")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while members.len() < MEMBERS {
                    match map.next_entry::<Text<'de>, &'de RawValue>()? {
                        Some((name, raw)) => members.push((name.0.unwrap_or_default(), raw)),
                        None => return Ok(Head(members)),
                    }
                }
                ignore_map(map)?;
                Ok(Head(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// A value that is taken apart at once, where it is not too large for that. Null is none.
pub(in super::super) fn small(raw: &RawValue) -> Option<Value> {
    reader::value::<Value>(Some(raw.get()).filter(|raw| reader::is_small(raw))?).filter(|value| !value.is_null())
}

in_place! {
    /// What is added to a block; or to the message, at its end.
    pub(in super::super) struct Delta<'a> {
        pub(in super::super) citation: Option<&'a RawValue>,
        pub(in super::super) stop_details: Option<&'a RawValue>,
        pub(in super::super) container: Option<&'a RawValue>,
    } in place {
        pub(in super::super) type_ as "type": Text<'a>,
        pub(in super::super) text: Text<'a>,
        pub(in super::super) thinking: Text<'a>,
        pub(in super::super) signature: Text<'a>,
        pub(in super::super) partial_json: Text<'a>,
        pub(in super::super) stop_reason: Text<'a>,
        pub(in super::super) stop_sequence: Text<'a>,
    }
}
