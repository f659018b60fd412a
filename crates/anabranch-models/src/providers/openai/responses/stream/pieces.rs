//! From the wire: pieces of an item that is not whole yet.

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
    event: Event<'_>,
    part: fn(TextPart) -> ContentPart,
    out: &mut Assembly,
) -> Result<()> {
    let index = event.part_index();
    let Some(delta) = event.delta.into_string() else { return Ok(()) };
    let place = match begun.part {
        None => 0,
        Some(place) if begun.index == Some(index) => place,
        Some(place) => place + 1,
    };
    (begun.part, begun.index) = (Some(place), Some(index));
    let bytes = delta.len();
    out.push_counted(AiMessage::new(part(TextPart::new(delta).with_id(begun.key(place)))), bytes)
}

/// A piece of a thought, or of what it comes to. Where both are told, the first counts.
pub(super) fn thought(begun: &mut Begun, event: Event<'_>, is_raw: bool, out: &mut Assembly) -> Result<()> {
    let paragraph = event.part_index();
    let Some(mut delta) = event.delta.into_string() else { return Ok(()) };
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

pub(super) fn arguments(begun: &mut Begun, event: Event<'_>, out: &mut Assembly) -> Result<()> {
    let Some(delta) = event.delta.into_string() else { return Ok(()) };
    // Before its head nobody knows whose arguments they are; with the end of the item they come again.
    let Some(id) = &begun.call_id else { return Ok(()) };
    begun.has_arguments = true;
    out.call(ToolCallChunk::new().with_index(begun.place).with_id(id.as_str()).with_arguments(delta))
}
