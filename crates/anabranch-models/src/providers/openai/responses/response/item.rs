//! From the wire: the items of an answer, each as parts of a message.
//!
//! What a part does not say of its item is in its provider data, under [`ITEM`]: the item as it came, where a number of
//! bytes stands for each text that the part holds. So it can go back as it came.

use std::borrow::Cow;

use anabranch_core::Result;
use anabranch_messages::{AiMessage, ContentPart, OtherPart, Reasoning, TextPart, ToolCall, ToolCallChunk};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::MANY;
use crate::answer::Warning;
use crate::providers::openai::responses::{ITEM, no_event};
use crate::reader::{self, Assembly, Bounded, Lists, Text};

/// Which item it is.
#[derive(Deserialize, Default)]
pub(in super::super) struct Kind<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(in super::super) type_: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) call_id: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) name: Text<'a>,
}

/// A message, a thought, or a call.
#[derive(Deserialize)]
pub(super) struct Item<'a> {
    #[serde(borrow, default)]
    id: Text<'a>,
    #[serde(borrow, default)]
    call_id: Text<'a>,
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow, default)]
    status: Text<'a>,
    #[serde(borrow, default)]
    phase: Text<'a>,
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
    #[serde(borrow)]
    summary: Option<&'a RawValue>,
    #[serde(borrow)]
    encrypted_content: Option<&'a RawValue>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    /// Of a call whose input is text of any form.
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

/// A part of a message, or a paragraph of a thought.
#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) refusal: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) logprobs: Option<&'a RawValue>,
}

/// What was given out of an item that is not whole yet.
#[derive(Default)]
pub(in super::super) struct Begun {
    pub(in super::super) place: u64,
    pub(in super::super) id: Option<String>,
    /// Of a call whose head was given out.
    pub(in super::super) call_id: Option<String>,
    pub(in super::super) has_arguments: bool,
    /// The part of a message that comes, without its text: what each piece of it has.
    pub(in super::super) piece: TextPart,
    /// Which part of a message came last, counted from the first that did, or which paragraph of a thought.
    pub(in super::super) part: Option<u64>,
    /// What the server calls the part: some begin with another one than the first.
    pub(in super::super) index: Option<u64>,
    /// Up to which part of a message its annotations were given out.
    pub(in super::super) noted: Option<u64>,
    /// Whether it is the thought itself that is shown, and not what it comes to.
    pub(in super::super) is_raw_thought: bool,
}

impl Begun {
    /// By what the pieces of one part find each other.
    pub(in super::super) fn key(&self, part: u64) -> String {
        let item = self.id.clone().unwrap_or_else(|| self.place.to_string());
        if part == 0 { item } else { format!("{item}/{part}") }
    }
}

/// Makes parts of items.
pub(in super::super) struct Items {
    /// Whose they are.
    pub(super) provider: Cow<'static, str>,
    pub(in super::super) lists: Lists,
    /// How many bytes are kept as they came.
    kept: usize,
}

impl Items {
    pub(in super::super) fn of(provider: Cow<'static, str>) -> Self {
        Self { provider, lists: Lists::default(), kept: 0 }
    }

    /// An item that is whole: what was not given out of it yet.
    pub(in super::super) fn whole(
        &mut self,
        type_: &str,
        mut begun: Begun,
        raw: &RawValue,
        out: &mut Assembly,
    ) -> Result<()> {
        let own = matches!(type_, "message" | "reasoning" | "function_call" | "custom_tool_call");
        if !own {
            return self.of_a_server_tool(type_, raw, out);
        }
        let item: Item<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
        if begun.id.is_none() {
            begun.id = item.id.0.as_deref().map(str::to_string);
        }
        match type_ {
            "message" => self.message(&begun, &item, raw, out),
            "reasoning" => self.thought(&begun, &item, raw, out),
            _ => self.call(begun, item, type_ == "custom_tool_call", raw, out),
        }
    }

    /// A thought: what is shown of it, in paragraphs, and what goes back with it.
    fn thought(&mut self, begun: &Begun, item: &Item<'_>, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let sealed = parsed::<Text<'_>>(item.encrypted_content).and_then(Text::into_string);
        let (content, summary) = (paragraphs(item.content, out)?, paragraphs(item.summary, out)?);
        let is_raw = match begun.part {
            Some(_) => begun.is_raw_thought,
            None => content.iter().any(|(text, _)| !text.is_empty()),
        };
        let (name, raws, shown) = match is_raw {
            true => ("content", item.content, content),
            false => ("summary", item.summary, summary),
        };
        let members = [(name, raws), ("encrypted_content", item.encrypted_content)];
        let mut rest = rest(raw, &members).unwrap_or_else(|| item.least("reasoning"));
        let mut thought = Reasoning::default();
        if begun.part.is_none() {
            let texts: Vec<_> = shown.iter().map(|(text, _)| text.as_str()).collect();
            thought = Reasoning::new(texts.join("\n\n"));
        }
        if raws.is_some() {
            rest.insert(name.into(), shown.into_iter().map(|(_, outline)| outline).collect());
        }
        thought = thought.with_id(begun.key(0));
        if let Some(sealed) = sealed {
            thought = thought.with_encrypted(sealed);
        }
        if let Some(rest) = self.kept(rest, out) {
            thought = thought.with_provider_data(self.provider.as_ref(), ITEM, rest);
        }
        out.push(AiMessage::new(ContentPart::from(thought)))
    }

    fn call(
        &mut self,
        begun: Begun,
        item: Item<'_>,
        is_custom: bool,
        raw: &RawValue,
        out: &mut Assembly,
    ) -> Result<()> {
        let said = if is_custom { item.input.or(item.arguments) } else { item.arguments.or(item.input) };
        let arguments = said.map_or(Value::Null, |said| arguments(said.get()));
        let type_ = if is_custom { "custom_tool_call" } else { "function_call" };
        let members = [("arguments", item.arguments), ("input", item.input)];
        let mut rest = rest(raw, &members).unwrap_or_else(|| item.least(type_));
        rest.shift_remove("call_id");
        rest.shift_remove("name");
        let text = |text: Text<'_>| text.into_string().unwrap_or_default();
        let (call_id, name) = (text(item.call_id), text(item.name));
        if let Some(id) = begun.call_id {
            let mut piece = ToolCallChunk::new().with_index(begun.place).with_id(id.clone()).with_name(name.clone());
            if !begun.has_arguments {
                piece = piece.with_arguments(arguments);
            }
            piece.free_form = is_custom;
            if let Some(rest) = self.kept(rest, out) {
                piece = piece.with_provider_data(self.provider.as_ref(), ITEM, rest);
            }
            return out.call(piece);
        }
        let mut call = match (is_custom, arguments) {
            (true, Value::String(input)) => ToolCall::free_form(call_id, name, input),
            (true, Value::Null) => ToolCall::free_form(call_id, name, ""),
            (true, other) => ToolCall::free_form(call_id, name, other.to_string()),
            (false, arguments) => ToolCall::new(call_id, name, arguments),
        };
        if let Some(id) = begun.id {
            call = call.with_item_id(id);
        }
        if let Some(rest) = self.kept(rest, out) {
            call = call.with_provider_data(self.provider.as_ref(), ITEM, rest);
        }
        out.whole_call(call)
    }

    /// An item of a kind that has no parts of its own, kept as it came.
    pub(super) fn other(&mut self, item: Map<String, Value>, out: &mut Assembly) -> Result<()> {
        let part = OtherPart::new(item).with_provider(self.provider.clone());
        out.push(AiMessage::new(ContentPart::from(part)))
    }

    /// Keeps what goes back besides, unless there is too much of it.
    pub(super) fn kept(&mut self, rest: Map<String, Value>, out: &mut Assembly) -> Option<Value> {
        let rest = Value::Object(rest);
        self.has_room(rest.to_string().len(), out).then_some(rest)
    }

    /// Whether so many more bytes may be kept as they came. Where they may not, a warning says so.
    pub(super) fn has_room(&mut self, bytes: usize, out: &mut Assembly) -> bool {
        self.kept = self.kept.saturating_add(bytes);
        let has_room = self.kept <= out.room_for_lists();
        if !has_room {
            let message = format!("left out of the answer: more than {} bytes of items", out.room_for_lists());
            out.warn(Warning::new("output", message));
        }
        has_room
    }
}

impl Item<'_> {
    /// What has to go back of an item that is too large to be taken apart.
    pub(super) fn least(&self, type_: &str) -> Map<String, Value> {
        let named = [("id", &self.id), ("status", &self.status), ("phase", &self.phase)];
        let named = named.into_iter().filter_map(|(name, said)| Some((name.to_string(), said.0.as_deref()?.into())));
        [("type".to_string(), type_.into())].into_iter().chain(named).collect()
    }
}

/// The paragraphs of a thought, and what goes back with each.
fn paragraphs(list: Option<&RawValue>, out: &Assembly) -> Result<Vec<(String, Value)>> {
    let paragraph = |raw: &RawValue| {
        let part: Part<'_> = serde_json::from_str(raw.get()).ok()?;
        let text = parsed::<Text<'_>>(part.text)?.into_string().unwrap_or_default();
        let mut outline = rest(raw, &[("text", part.text)])?;
        outline.insert("text".into(), text.len().into());
        Some((text, outline.into()))
    };
    Ok(elements(list, out)?.into_iter().filter_map(paragraph).collect())
}

/// Text where they are text, else the object they are.
pub(super) fn arguments(raw: &str) -> Value {
    if !raw.starts_with('"') && !reader::is_small(raw) {
        return raw.into();
    }
    reader::value(raw).unwrap_or_default()
}

/// The elements of a list. One that is longer than any answer has is an error; what is no list has none.
pub(super) fn elements<'a>(list: Option<&'a RawValue>, out: &Assembly) -> Result<Vec<&'a RawValue>> {
    let list: Option<Bounded<&RawValue, MANY>> =
        list.map_or(Ok(None), |list| serde_json::from_str(list.get())).map_err(|_| no_event(out))?;
    Ok(list.unwrap_or_default().0)
}

pub(super) fn parsed<'a, T: Deserialize<'a>>(raw: Option<&'a RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// An object without some of its members. `None` where what is left is more than is taken apart.
pub(super) fn rest(raw: &RawValue, members: &[(&str, Option<&RawValue>)]) -> Option<Map<String, Value>> {
    let raw = raw.get();
    // They stand in it: each is cut out of the text, and not taken apart for nothing.
    let start_of = |member: &str| (member.as_ptr() as usize).checked_sub(raw.as_ptr() as usize);
    let mut cuts: Vec<_> = members
        .iter()
        .filter_map(|(_, member)| Some((start_of(member.as_ref()?.get())?, member.as_ref()?.get().len())))
        .collect();
    cuts.sort_unstable();
    let (mut left, mut done) = (String::new(), 0);
    for (start, length) in cuts {
        left.push_str(raw.get(done..start)?);
        left.push_str("null");
        done = start + length;
    }
    left.push_str(raw.get(done..)?);
    let mut rest: Map<String, Value> = reader::value(Some(left.as_str()).filter(|left| reader::is_small(left))?)?;
    for (name, member) in members {
        if member.is_some() {
            rest.shift_remove(*name);
        }
    }
    Some(rest)
}
