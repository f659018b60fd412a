//! From the wire: pieces of an item that is not whole yet.

use std::borrow::Cow;

use anabranch_core::Result;
use anabranch_messages::{AiMessage, ContentPart, Reasoning, TextPart, ToolCallChunk};
use serde_json::value::RawValue;

use crate::providers::openai::responses::no_event;
use crate::providers::openai::responses::response::{Begun, Event, Kind};
use crate::reader::Assembly;

/// An item begins.
pub(super) fn begin(begun: &mut Begun, raw: &RawValue, out: &mut Assembly) -> Result<()> {
    let kind: Kind<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
    begun.id = kind.id.into_string();
    if let Some(place) = begun.part {
        begun.piece = TextPart::default().with_id(begun.key(place));
    }
    out.keep(begun.id.as_ref().map_or(0, String::len))?;
    out.progress();
    let type_ = kind.type_.0.as_deref().unwrap_or_default();
    if !matches!(type_, "function_call" | "custom_tool_call") {
        return Ok(());
    }
    let call_id = kind.call_id.into_string().unwrap_or_default();
    let mut head = ToolCallChunk::new().with_index(begun.place).with_id(call_id.as_str());
    head.name = kind.name.into_string();
    head.item_id.clone_from(&begun.id);
    head.free_form = type_ == "custom_tool_call";
    begun.call_id = Some(call_id);
    out.call(head)
}

/// A piece of a message.
pub(super) fn piece(
    begun: &mut Begun,
    event: &mut Event<'_>,
    part: fn(TextPart) -> ContentPart,
    out: &mut Assembly,
) -> Result<()> {
    let index = event.part_index();
    let Some(delta) = event.delta.0.take().map(Cow::into_owned) else { return Ok(()) };
    if begun.part.is_none() || begun.index != Some(index) {
        let place = begun.part.map_or(0, |place| place + 1);
        (begun.part, begun.index) = (Some(place), Some(index));
        begun.piece = TextPart::default().with_id(begun.key(place));
    }
    let bytes = delta.len();
    out.push_counted(AiMessage::new(part(begun.piece.clone().with_text(delta))), bytes)
}

/// A piece of a thought, or of what it comes to. Where both are told, the first counts.
pub(super) fn thought(begun: &mut Begun, event: &mut Event<'_>, is_raw: bool, out: &mut Assembly) -> Result<()> {
    let paragraph = event.part_index();
    let Some(mut delta) = event.delta.0.take().map(Cow::into_owned) else { return Ok(()) };
    match begun.part {
        None => begun.is_raw_thought = is_raw,
        Some(_) if begun.is_raw_thought != is_raw => return Ok(()),
        Some(last) if last != paragraph => delta.insert_str(0, "\n\n"),
        Some(_) => {}
    }
    let is_first = begun.part.replace(paragraph).is_none();
    let thought = Reasoning::new(delta);
    out.push(AiMessage::new(ContentPart::from(if is_first { thought.with_id(begun.key(0)) } else { thought })))
}

pub(super) fn arguments(begun: &mut Begun, event: &mut Event<'_>, out: &mut Assembly) -> Result<()> {
    let Some(delta) = event.delta.0.take().map(Cow::into_owned) else { return Ok(()) };
    // Before its head nobody knows whose arguments they are; with the end of the item they come again.
    let Some(id) = &begun.call_id else { return Ok(()) };
    begun.has_arguments = true;
    out.call(ToolCallChunk::new().with_index(begun.place).with_id(id.as_str()).with_arguments(delta))
}
