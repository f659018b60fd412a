//! What stands on the wire.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::reader::{Bounded, Text};

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

/// A block of the content, whole or as it begins.
#[derive(Deserialize)]
pub(in super::super) struct Block<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(in super::super) type_: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) text: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) thinking: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) signature: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) data: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) name: Text<'a>,
    #[serde(borrow)]
    pub(in super::super) input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(in super::super) citations: Bounded<&'a RawValue, MANY>,
}

/// What is added to a block; or to the message, at its end.
#[derive(Deserialize)]
pub(in super::super) struct Delta<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(in super::super) type_: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) text: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) thinking: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) signature: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) partial_json: Text<'a>,
    #[serde(borrow)]
    pub(in super::super) citation: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(in super::super) stop_reason: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) stop_sequence: Text<'a>,
    #[serde(borrow)]
    pub(in super::super) stop_details: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(in super::super) container: Option<&'a RawValue>,
}
