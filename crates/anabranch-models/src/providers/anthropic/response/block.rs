//! [`Block`]: one block of an answer while it comes, and what is given out of it.

use anabranch_core::Result;
use anabranch_messages::{AiMessage, ContentPart, Reasoning, TextPart, ToolCall, ToolCallChunk};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::parts::{citation, kept, part};
use super::wire::Head;
use crate::answer::Warning;
use crate::reader::{self, Assembly};

/// Whose parts these are. Nobody else is sent what is kept under this name.
pub(in super::super) const PROVIDER: &str = "anthropic";
/// Says of a text that it goes on with the one before it: the sources of both came when the first was given out.
pub(in super::super) const CONTINUES: &str = "continues";

/// A piece of a block.
pub(in super::super) enum Piece {
    /// Its head, as it came.
    Start(String),
    Text(String),
    Thinking(String),
    Signature(String),
    /// As it came.
    Citation(String),
    /// Of the input of a call.
    Input(String),
    /// A delta of a kind that is not known, as it came.
    Unknown(String),
    Stop,
}

impl Piece {
    /// Adds what comes right behind it, or gives it back where it is no more of the same.
    pub(super) fn append(&mut self, next: Self) -> Option<Self> {
        match (self, next) {
            (Self::Text(there), Self::Text(more))
            | (Self::Thinking(there), Self::Thinking(more))
            | (Self::Input(there), Self::Input(more)) => {
                there.push_str(&more);
                None
            }
            (_, next) => Some(next),
        }
    }

    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Start(text)
            | Self::Text(text)
            | Self::Thinking(text)
            | Self::Signature(text)
            | Self::Citation(text)
            | Self::Input(text)
            | Self::Unknown(text) => text,
            Self::Stop => "",
        }
    }
}

/// What is known of the blocks that came before.
#[derive(Default)]
pub(super) struct Before {
    /// How many there are.
    blocks: usize,
    /// Which kind of part the next piece would become one with, if it were of the same kind.
    last: Last,
    /// How many bytes of what few read are kept, and whether they are too many.
    kept: usize,
    /// How many they are when they are taken apart.
    kept_apart: usize,
    too_many: bool,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum Last {
    #[default]
    Other,
    Text,
    Thought,
}

impl Before {
    /// Whether there is room for more of what few read: for what it takes once it is taken apart. Where there is not,
    /// the answer says so.
    fn has_room(&mut self, raw: &str, out: &mut Assembly) -> bool {
        self.kept = self.kept.saturating_add(raw.len());
        self.kept_apart = self.kept_apart.saturating_add(reader::weight_apart(raw));
        // In an answer that comes whole they are kept in the document, too, and in the message.
        if self.kept > out.room_for_lists() || self.kept_apart > out.room_for_lists_apart() / 2 {
            self.too_many = true;
            out.warn(Warning::new("server tools and citations", out.too_many()));
        }
        !self.too_many
    }
}

/// A block while it comes.
pub(super) enum Block {
    Text {
        /// What tells its pieces from those of the text before it: only where that is needed, or more is said of it.
        id: Option<String>,
        place: usize,
        /// Whether some of it was given out.
        given: bool,
    },
    Thought {
        /// What goes with its first piece.
        first: Option<Reasoning>,
        sealed: bool,
    },
    Call {
        index: u64,
        id: String,
        from_server: bool,
        /// What it began with, until more comes: some servers send all of it at once.
        input: Option<String>,
    },
    /// What is given out at its end: results of the provider's tools, and whatever nobody knows here.
    Kept { value: Map<String, Value>, input: String },
    /// There is nothing more to say of it.
    Done,
}

impl Block {
    /// A text of which the beginning is not known.
    pub(super) fn text(before: &mut Before) -> Self {
        let place = before.blocks;
        before.blocks += 1;
        Self::Text { id: (before.last == Last::Text).then(|| place.to_string()), place, given: false }
    }

    /// A thought of which the beginning is not known.
    pub(super) fn thought(before: &mut Before) -> Self {
        Self::Thought { first: Some(first(before, "thinking", Map::new())), sealed: false }
    }

    /// A block begins, or is whole where it has no index.
    pub(super) fn begin(index: Option<u64>, raw: &str, before: &mut Before, out: &mut Assembly) -> Result<Self> {
        let mut head: Head<'_> = serde_json::from_str(raw).map_err(|_| super::no_event(out))?;
        let type_ = head.text("type").unwrap_or_default();
        match type_.as_str() {
            "text" => Self::begin_text(head, before, out),
            "thinking" => {
                let (text, signature) = (head.text("thinking").unwrap_or_default(), head.text("signature"));
                let mut this = Self::Thought { first: Some(first(before, "thinking", head.rest())), sealed: false };
                if !text.is_empty() {
                    this.add(Piece::Thinking(text), before, out)?;
                }
                if let Some(signature) = signature {
                    this.add(Piece::Signature(signature), before, out)?;
                }
                Ok(this)
            }
            "redacted_thinking" => {
                let data = head.text("data").unwrap_or_default();
                let thought = first(before, &type_, head.rest()).with_encrypted(data);
                out.push(AiMessage::new([ContentPart::Reasoning(thought)]))?;
                before.last = Last::Other;
                Ok(Self::Done)
            }
            "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                before.blocks += 1;
                before.last = Last::Other;
                Self::begin_call(index, &type_, head, out)
            }
            _ => {
                before.blocks += 1;
                before.last = Last::Other;
                out.progress();
                if !before.has_room(raw, out) {
                    return Ok(Self::Done);
                }
                let Some(value) = reader::value(raw) else {
                    out.warn(lost());
                    return Ok(Self::Done);
                };
                Ok(Self::Kept { value, input: String::new() })
            }
        }
    }

    fn begin_text(mut head: Head<'_>, before: &mut Before, out: &mut Assembly) -> Result<Self> {
        let text = head.text("text").unwrap_or_default();
        let (cited, rest) = (head.list("citations"), head.rest());
        let Self::Text { mut id, place, .. } = Self::text(before) else { return Ok(Self::Done) };
        // The provider says at the beginning of a text that sources of it may come.
        if cited.is_some() || !rest.is_empty() {
            id = Some(place.to_string());
        }
        let mut citations = Vec::new();
        for raw in cited.unwrap_or_default() {
            if before.has_room(raw.get(), out) {
                citations.extend(citation(raw.get(), out));
            }
        }
        let given = !text.is_empty() || !citations.is_empty() || !rest.is_empty();
        match &id {
            _ if !given => {}
            None => out.push(text)?,
            Some(id) => {
                let part = citations.into_iter().fold(TextPart::new(text).with_id(id), TextPart::with_citation);
                let part =
                    rest.into_iter().fold(part, |part, (name, value)| part.with_provider_data(PROVIDER, name, value));
                out.push(AiMessage::new([ContentPart::Text(part)]))?;
            }
        }
        if given {
            before.last = Last::Text;
        }
        Ok(Self::Text { id, place, given })
    }

    fn begin_call(index: Option<u64>, type_: &str, mut head: Head<'_>, out: &mut Assembly) -> Result<Self> {
        let input = head.take("input").map(RawValue::get);
        let input = input.filter(|input| !matches!(*input, "{}" | "null" | "\"\""));
        let (id, name) = (head.text("id").unwrap_or_default(), head.text("name").unwrap_or_default());
        let from_server = type_ != "tool_use";
        let mut data = head.rest();
        if from_server {
            data.insert("type".into(), type_.into());
        }
        let Some(index) = index else {
            // What cannot be read stays text, and is no input that runs; none at all is none, if nothing was cut off.
            let arguments = input.map_or(Value::Null, |input| {
                Some(input)
                    .filter(|input| reader::is_small(input))
                    .and_then(reader::value)
                    .unwrap_or_else(|| input.into())
            });
            let call = ToolCall::new(id, name, arguments);
            let call =
                data.into_iter().fold(call, |call, (name, value)| call.with_provider_data(PROVIDER, name, value));
            match from_server {
                true => out.push(AiMessage::new([ContentPart::ServerToolCall(call)]))?,
                false => out.whole_call(call)?,
            }
            return Ok(Self::Done);
        };
        let head = ToolCallChunk::new().with_index(index).with_id(id.as_str()).with_name(name);
        let head = data.into_iter().fold(head, |head, (name, value)| head.with_provider_data(PROVIDER, name, value));
        match from_server {
            true => out.push(head.with_from_server())?,
            false => out.call(head)?,
        }
        // Counted, for it is kept until it is known whether more of it comes.
        out.keep(input.map_or(0, str::len))?;
        Ok(Self::Call { index, id, from_server, input: input.map(str::to_string) })
    }

    /// Something is added.
    pub(super) fn add(&mut self, piece: Piece, before: &mut Before, out: &mut Assembly) -> Result<()> {
        match (self, piece) {
            (Self::Text { id, given, .. }, Piece::Text(text)) => {
                *given = true;
                before.last = Last::Text;
                match id {
                    None => out.push(text),
                    Some(id) => out.push(AiMessage::new([TextPart::new(text).with_id(id.as_str()).into()])),
                }
            }
            (Self::Text { id, place, given }, Piece::Citation(raw)) => {
                out.progress();
                if !before.has_room(&raw, out) {
                    return Ok(());
                }
                let Some(citation) = citation(&raw, out) else { return Ok(()) };
                let was_plain = *given && id.is_none();
                let id = id.get_or_insert_with(|| place.to_string());
                let mut part = TextPart::default().with_id(id.as_str()).with_citation(citation);
                if was_plain {
                    part = part.with_provider_data(PROVIDER, CONTINUES, true);
                }
                *given = true;
                before.last = Last::Text;
                out.push(AiMessage::new([part.into()]))
            }
            (Self::Thought { first, sealed: false }, Piece::Thinking(text)) => {
                before.last = Last::Thought;
                let thought = match first.take() {
                    // Its text is empty until now.
                    Some(first) => begun(first, text),
                    None => Reasoning::new(text),
                };
                out.push(AiMessage::new([thought.into()]))
            }
            (Self::Thought { first, sealed }, Piece::Signature(signature)) if !*sealed => {
                *sealed = true;
                before.last = Last::Other;
                let thought = first.take().unwrap_or_default().with_signature(signature);
                out.push(AiMessage::new([thought.into()]))
            }
            (Self::Call { index, id, from_server, input }, Piece::Input(json)) => {
                *input = None;
                input_of(*index, id, *from_server, json, out)
            }
            (Self::Kept { value, input }, piece) => {
                out.progress();
                if before.has_room(piece.as_str(), out) {
                    kept(value, input, piece);
                }
                Ok(())
            }
            // What belongs to no block of this kind.
            (_, Piece::Text(text)) => {
                before.last = Last::Text;
                out.push(text)
            }
            (_, Piece::Thinking(text)) => {
                before.last = Last::Thought;
                out.push(AiMessage::new([Reasoning::new(text).with_provider_data(PROVIDER, "type", "thinking").into()]))
            }
            (Self::Done, _) | (_, Piece::Start(_) | Piece::Stop) => Ok(()),
            _ => {
                out.warn(lost());
                Ok(())
            }
        }
    }

    /// It ends. Where the answer breaks off before that, it is not `whole`.
    pub(super) fn end(self, whole: bool, out: &mut Assembly) -> Result<()> {
        match self {
            Self::Call { index, id, from_server, input: Some(input) } if whole => {
                input_of(index, &id, from_server, input, out)
            }
            Self::Kept { mut value, input } => {
                if !input.is_empty() {
                    // What breaks off is kept as the text it is.
                    value.insert("input".into(), reader::value(&input).unwrap_or_else(|| input.into()));
                }
                out.push(AiMessage::new([part(value)]))
            }
            _ => Ok(()),
        }
    }
}

/// The warning of what has no place.
pub(super) fn lost() -> Warning {
    Warning::new("content block", "one of them, or a piece of one, was left out of the answer: it is of no known form")
}

/// What goes with the first piece of a thought. Two that are not signed are told apart by an id.
fn first(before: &mut Before, type_: &str, rest: Map<String, Value>) -> Reasoning {
    let mut thought = Reasoning::default().with_provider_data(PROVIDER, "type", type_);
    if before.last == Last::Thought {
        thought = thought.with_id(before.blocks.to_string());
    }
    before.blocks += 1;
    rest.into_iter().fold(thought, |thought, (name, value)| thought.with_provider_data(PROVIDER, name, value))
}

fn begun(first: Reasoning, text: String) -> Reasoning {
    let mut thought = Reasoning::new(text);
    if let Some(id) = first.id() {
        thought = thought.with_id(id);
    }
    let data = first.provider_data(PROVIDER).clone();
    data.into_iter().fold(thought, |thought, (name, value)| thought.with_provider_data(PROVIDER, name, value))
}

fn input_of(index: u64, id: &str, from_server: bool, json: String, out: &mut Assembly) -> Result<()> {
    let piece = ToolCallChunk::new().with_index(index).with_arguments(json);
    match from_server {
        true => out.push(piece.with_id(id).with_from_server()),
        false => out.call(piece),
    }
}
