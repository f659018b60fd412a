//! From the wire: an answer in events, or as a whole, which is its items one after the other.

use std::collections::BTreeMap;

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, ContentPart, FinishReason, Reasoning, ToolCall, ToolCallChunk, Usage};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::response::{Event, Item, Kind, Response};
use crate::reader::{self, Assembly, Decode, Documents, Flow, Frame, Lists, Standing};

/// An answer as it comes.
#[derive(Default)]
pub(crate) struct Answer {
    model: Option<String>,
    id: Option<String>,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    metadata: Map<String, Value>,
    lists: Lists,
    /// The items that have begun and are not done, by their place.
    items: BTreeMap<u64, Begun>,
    /// How many items began, or came whole.
    begun: u64,
    /// How many items were given out.
    given: usize,
}

/// What was given out of an item already.
#[derive(Default)]
struct Begun {
    id: Option<String>,
    call_id: Option<String>,
    /// Of a message, how much text.
    bytes: usize,
    /// Whether anything was given out but the head of a call.
    has_begun: bool,
    paragraph: u64,
}

impl Decode for Answer {
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow> {
        let mut documents = Documents::new(&frame.data);
        loop {
            // Of gateways that add it to everything. The end of an answer says more than that.
            if documents.take("[DONE]") {
                return Ok(Flow::More);
            }
            let text = documents.rest();
            match documents.next() {
                Ok(Some(event)) => match self.event(event, &frame.event, text, out)? {
                    Flow::More => {}
                    Flow::End => return Ok(Flow::End),
                },
                Ok(None) => return Ok(Flow::More),
                Err(_) => return Err(no_event(out)),
            }
        }
    }

    fn standing(&self) -> Standing {
        // With the finish reason everything is there.
        if self.finish.is_some() { Standing::Settled } else { Standing::Open }
    }

    fn last(&mut self, complete: bool, _: &mut Assembly) -> AiMessage {
        let mut last = AiMessage::default();
        if let Some(reason) = self.finish.take().filter(|_| complete) {
            last = last.with_finish_reason(reason);
        }
        if let Some(usage) = self.usage.take() {
            last = last.with_usage(usage);
        }
        if let Some(model) = self.model.take() {
            last = last.with_model(model);
        }
        if let Some(id) = self.id.take() {
            last = last.with_id(id);
        }
        let mut metadata = std::mem::take(&mut self.metadata);
        metadata.extend(std::mem::take(&mut self.lists).into_metadata());
        if metadata.is_empty() { last } else { last.with_metadata(metadata) }
    }

    fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()> {
        let body = reader::text(body);
        let response: Response<'_> = reader::document(&body, out.errors())?;
        if response.output.is_none() && response.error().is_none() {
            let error = out.errors().error(ErrorKind::Parse, "sent an answer without output");
            return Err(error.with_partial(body.into_owned()));
        }
        self.end(response, None, out)?;
        let last = self.last(true, out);
        out.push(last)
    }
}

impl Answer {
    fn event(&mut self, event: Event<'_>, name: &str, text: &str, out: &mut Assembly) -> Result<Flow> {
        let type_ = event.type_.0.as_deref().unwrap_or(name);
        if type_ == "error" {
            // Its members stand at the top, or one level down.
            return Err(out.errors().document(reader::reported(text).unwrap_or_default()));
        }
        if let Some(error) = event.error() {
            return Err(out.errors().inside(error));
        }
        let index = event.index();
        match type_ {
            "response.output_item.added" => {
                if let Some(item) = event.item {
                    self.begin(index, item, out)?;
                }
            }
            "response.output_item.done" => {
                if let Some(item) = event.item {
                    self.item(index, item, out)?;
                }
            }
            "response.output_text.delta" => self.piece(event, ContentPart::text, out)?,
            "response.refusal.delta" => self.piece(event, ContentPart::refusal, out)?,
            "response.reasoning_summary_text.delta" | "response.reasoning_text.delta" => {
                self.thought(event, out)?;
            }
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments(event, out)?;
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                let Some(response) = event.response else { return Err(no_event(out)) };
                self.end(response, type_.strip_prefix("response."), out)?;
                return Ok(Flow::End);
            }
            // The provider's own tools show what they write.
            other if other.ends_with(".delta") => out.progress(),
            _ => {
                if let Some(mut response) = event.response {
                    self.named(&mut response, out);
                }
            }
        }
        Ok(Flow::More)
    }

    /// Where an item stands: where the server says, or where the one with this id does, or where the last one does.
    fn place(&self, index: Option<u64>, id: Option<&str>) -> Option<u64> {
        let by_id = || {
            // No answer has more of them at once.
            let mut items = self.items.iter().rev().take(1024);
            items.find(|(_, begun)| begun.id.is_some() && begun.id.as_deref() == id).map(|(place, _)| *place)
        };
        index.or_else(by_id).or_else(|| self.items.keys().next_back().copied())
    }

    /// The item that a piece belongs to.
    fn item_of(&mut self, event: &Event<'_>, out: &mut Assembly) -> Result<(u64, &mut Begun)> {
        let place = self.place(event.index(), event.item_id.0.as_deref()).unwrap_or(0);
        if !self.items.contains_key(&place) {
            out.keep(size_of::<Begun>())?;
        }
        Ok((place, self.items.entry(place).or_default()))
    }

    fn begin(&mut self, index: Option<u64>, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let kind: Kind<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
        let index = index.unwrap_or(self.begun);
        self.begun += 1;
        let mut begun = Begun { id: kind.id.into_string(), ..Begun::default() };
        out.keep(size_of::<Begun>() + begun.id.as_ref().map_or(0, String::len))?;
        out.progress();
        if is_call(kind.type_.0.as_deref().unwrap_or_default()) {
            let item: Item<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
            let call_id = item.call_id.into_string().unwrap_or_default();
            let mut head = ToolCallChunk::new().with_index(index).with_id(call_id.as_str());
            head.name = item.name.into_string();
            begun.call_id = Some(call_id);
            out.call(head)?;
        }
        self.items.insert(index, begun);
        Ok(())
    }

    fn piece(&mut self, mut event: Event<'_>, part: fn(String) -> ContentPart, out: &mut Assembly) -> Result<()> {
        let Some(delta) = std::mem::take(&mut event.delta).into_string() else { return Ok(()) };
        let (_, begun) = self.item_of(&event, out)?;
        begun.has_begun = true;
        match part(delta) {
            ContentPart::Text(text) => {
                begun.bytes += text.text().len();
                out.push(text.text())
            }
            other => out.push(AiMessage::new(other)),
        }
    }

    fn thought(&mut self, mut event: Event<'_>, out: &mut Assembly) -> Result<()> {
        let paragraph = event.paragraph();
        let Some(mut delta) = std::mem::take(&mut event.delta).into_string() else { return Ok(()) };
        let (_, begun) = self.item_of(&event, out)?;
        let is_first = !std::mem::replace(&mut begun.has_begun, true);
        if !is_first && begun.paragraph != paragraph {
            delta.insert_str(0, "\n\n");
        }
        begun.paragraph = paragraph;
        let thought = Reasoning::new(delta);
        let thought = match &begun.id {
            Some(id) if is_first => thought.with_id(id.as_str()),
            _ => thought,
        };
        out.push(AiMessage::new(ContentPart::from(thought)))
    }

    fn arguments(&mut self, mut event: Event<'_>, out: &mut Assembly) -> Result<()> {
        let Some(delta) = std::mem::take(&mut event.delta).into_string() else { return Ok(()) };
        let (index, begun) = self.item_of(&event, out)?;
        // Before its head nobody knows whose arguments they are; with the end of the item they come again.
        let Some(id) = &begun.call_id else { return Ok(()) };
        begun.has_begun = true;
        out.call(ToolCallChunk::new().with_index(index).with_id(id.as_str()).with_arguments(delta))
    }

    /// An item that is whole: what was not given out of it yet, and what is kept of it besides.
    fn item(&mut self, index: Option<u64>, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let kind: Kind<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
        let type_ = kind.type_.into_string().unwrap_or_default();
        let index = self.place(index, kind.id.0.as_deref());
        let begun = index.and_then(|index| self.items.remove(&index)).unwrap_or_default();
        self.given += 1;
        if !is_call(&type_) && !["message", "reasoning", "image_generation_call"].contains(&type_.as_str()) {
            self.lists.keep("output", &format!("[{}]", raw.get()), out);
            return Ok(());
        }
        let mut item: Item<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
        let mut bytes = begun.bytes;
        match type_.as_str() {
            "message" => {
                item.keep(&mut self.lists, out);
                // Text came in pieces or comes now, and never both.
                if !begun.has_begun {
                    let parts = item.said();
                    let text = |part: &ContentPart| match part {
                        ContentPart::Text(text) => text.text().len(),
                        _ => 0,
                    };
                    bytes = parts.iter().map(text).sum();
                    match <[ContentPart; 1]>::try_from(parts) {
                        Ok([ContentPart::Text(text)]) => out.push(text.into_text())?,
                        Ok(part) => out.push(AiMessage::new(part))?,
                        Err(parts) if parts.is_empty() => {}
                        Err(parts) => out.push(AiMessage::new(parts))?,
                    }
                }
            }
            "reasoning" => {
                let outline = item.outline(&type_, 0);
                self.lists.keep("output", &format!("[{outline}]"), out);
                let thought = match begun.has_begun {
                    false => item.thought(),
                    // By the name that it had when it began, so that it finds what it seals.
                    true => match (item.encrypted_content.into_string(), begun.id) {
                        (Some(sealed), Some(id)) => Reasoning::encrypted_only(sealed).with_id(id),
                        (Some(sealed), None) => Reasoning::encrypted_only(sealed),
                        (None, _) => return Ok(()),
                    },
                };
                return match thought == Reasoning::default() {
                    true => Ok(()),
                    false => out.push(AiMessage::new(ContentPart::from(thought))),
                };
            }
            "image_generation_call" => {
                if let Some(image) = item.image() {
                    out.push(AiMessage::new(image))?;
                }
            }
            _ => self.call(index, begun, &item, out)?,
        }
        let outline = item.outline(&type_, bytes);
        self.lists.keep("output", &format!("[{outline}]"), out);
        Ok(())
    }

    fn call(&mut self, index: Option<u64>, begun: Begun, item: &Item<'_>, out: &mut Assembly) -> Result<()> {
        let text = |text: &reader::Text<'_>| text.0.as_deref().unwrap_or_default().to_string();
        match begun.call_id {
            None => out.whole_call(ToolCall::new(text(&item.call_id), text(&item.name), item.arguments())),
            Some(id) if !begun.has_begun => {
                let arguments = ToolCallChunk::new().with_index(index).with_id(id);
                out.call(arguments.with_arguments(item.arguments()))
            }
            Some(_) => Ok(()),
        }
    }

    fn named(&mut self, response: &mut Response<'_>, out: &mut Assembly) {
        self.model = std::mem::take(&mut response.model).into_string().or(self.model.take());
        self.id = std::mem::take(&mut response.id).into_string().or(self.id.take());
        out.set_answer_id(self.id.as_deref().unwrap_or_default());
    }

    /// The answer as a whole, which comes once more at its end. `word` is how it ended, where it does not say.
    fn end(&mut self, mut response: Response<'_>, word: Option<&str>, out: &mut Assembly) -> Result<()> {
        self.named(&mut response, out);
        self.usage = response.usage().or(self.usage.take());
        response.keep(&mut self.lists, &mut self.metadata, out);
        if let Some(error) = response.error() {
            return Err(out.errors().inside(error));
        }
        if response.status.0.as_deref() == Some("failed") {
            return Err(out.errors().error(ErrorKind::Server, "failed to answer, and does not say why"));
        }
        // Some servers send the items at the end only, or do not say when one is done.
        let are_news = self.given == 0;
        for (index, item) in response.output.take().unwrap_or_default().0.into_iter().enumerate() {
            let index = index as u64;
            if are_news || self.items.contains_key(&index) {
                self.item(Some(index), item, out)?;
            }
        }
        self.finish = response.finish(word);
        Ok(())
    }
}

fn is_call(type_: &str) -> bool {
    matches!(type_, "function_call" | "custom_tool_call")
}

fn no_event(out: &Assembly) -> Error {
    out.errors().error(ErrorKind::Parse, "sent an event that is no part of an answer")
}
