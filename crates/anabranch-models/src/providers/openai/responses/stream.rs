//! From the wire: an answer in events, or as a whole, which is its items one after the other.
//!
//! The parts of a message stand in the order of the items, and pieces of a stream are given out once. So one item is given
//! out at a time: events of those behind it are held back until it is whole.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::{AiMessage, ContentPart, FinishReason, Usage};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::no_event;
use super::response::{Begun, Event, Items, Kind, Response};
use crate::reader::{self, Assembly, Decode, Documents, Flow, Frame, Standing};

mod pieces;

/// What an event takes besides its text, about.
const EVENT: usize = 64;

/// An answer as it comes.
pub(crate) struct Answer {
    model: Option<String>,
    id: Option<String>,
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    metadata: Map<String, Value>,
    items: Items,
    /// The item that is given out.
    current: Option<Begun>,
    /// The events of the items behind it, by the place of the item: the type of each, and its text.
    held: BTreeMap<u64, Vec<(String, String)>>,
    /// The places of those that are whole.
    done: BTreeSet<u64>,
    /// Where the items stand that were named when they began.
    names: BTreeMap<String, u64>,
    /// How many items began, or came whole.
    begun: u64,
}

impl Decode for Answer {
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow> {
        let mut documents = Documents::new(&frame.data);
        loop {
            // Of gateways that add it to everything. The end of an answer says more than that.
            if documents.take("[DONE]") {
                return Ok(Flow::More);
            }
            let (text, mut event) = (documents.rest(), Event::default());
            match documents.read(&mut event) {
                Ok(true) => match self.event(&mut event, &frame.event, before(text, documents.rest()), out)? {
                    Flow::More => {}
                    Flow::End => return Ok(Flow::End),
                },
                Ok(false) => return Ok(Flow::More),
                Err(_) => return Err(no_event(out)),
            }
        }
    }

    fn standing(&self) -> Standing {
        // With the finish reason everything is there.
        if self.finish.is_some() { Standing::Settled } else { Standing::Open }
    }

    fn last(&mut self, complete: bool, out: &mut Assembly) -> AiMessage {
        // What is too large is so without it, too.
        let _ = self.release_all(out);
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
        metadata.extend(std::mem::take(&mut self.items.lists).into_metadata());
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
    /// Of this provider.
    pub(crate) fn of(provider: Cow<'static, str>) -> Self {
        Self {
            model: None,
            id: None,
            finish: None,
            usage: None,
            metadata: Map::new(),
            items: Items::of(provider),
            current: None,
            held: BTreeMap::new(),
            done: BTreeSet::new(),
            names: BTreeMap::new(),
            begun: 0,
        }
    }

    fn event(&mut self, event: &mut Event<'_>, name: &str, text: &str, out: &mut Assembly) -> Result<Flow> {
        let type_ = event.type_.0.take().unwrap_or(Cow::Borrowed(name));
        if type_ == "error" {
            // Its members stand at the top, or one level down.
            return Err(out.errors().document(reader::reported(text).unwrap_or_default()));
        }
        if let Some(error) = event.error() {
            return Err(out.errors().inside(error));
        }
        match type_.as_ref() {
            // What most events are comes first.
            "response.output_text.delta"
            | "response.output_item.added"
            | "response.output_item.done"
            | "response.content_part.done"
            | "response.refusal.delta"
            | "response.reasoning_summary_text.delta"
            | "response.reasoning_text.delta"
            | "response.function_call_arguments.delta"
            | "response.custom_tool_call_input.delta" => {
                let is_late = type_ == "response.content_part.done" && self.is_done(event.index());
                let place = self.place(&type_, event, out)?;
                if is_late || self.is_done(Some(place)) {
                    return Ok(Flow::More);
                }
                if self.current.as_ref().is_some_and(|current| current.place != place) {
                    out.progress();
                    out.keep(text.len() + EVENT)?;
                    self.held.entry(place).or_default().push((type_.into_owned(), text.to_string()));
                } else {
                    self.step(place, &type_, event, out)?;
                    self.release(out)?;
                }
            }
            "response.completed" | "response.incomplete" | "response.failed" | "response.cancelled" => {
                let Some(response) = event.response.take() else { return Err(no_event(out)) };
                self.end(*response, type_.strip_prefix("response."), out)?;
                return Ok(Flow::End);
            }
            // The provider's own tools show what they write.
            other if other.ends_with(".delta") || other.ends_with(".partial_image") => out.progress(),
            _ => {
                if let Some(response) = &mut event.response {
                    self.named(response, out);
                }
            }
        }
        Ok(Flow::More)
    }

    fn is_done(&self, place: Option<u64>) -> bool {
        place.is_some_and(|place| self.done.contains(&place))
    }

    /// Where the item stands that an event is about: where the server says, or where the one with this id does, or where
    /// the last one does. The ids tell only where no place is said: some servers give each event another one. A place
    /// that an item has taken is none: some count nothing.
    fn place(&mut self, type_: &str, event: &Event<'_>, out: &mut Assembly) -> Result<u64> {
        let is_free = |place: &u64| !self.done.contains(place);
        let said = event.index().filter(is_free);
        let is_new = type_ == "response.output_item.added";
        if let (Some(place), None) = (said, event.item) {
            // What nearly all pieces say, and heads never.
            if !is_new {
                return Ok(place);
            }
        }
        let kind: Kind<'_> = match event.item {
            Some(item) => serde_json::from_str(item.get()).map_err(|_| no_event(out))?,
            None => Kind::default(),
        };
        let id = kind.id.0.as_deref().or(event.item_id.0.as_deref());
        if !is_new {
            let by_id = || self.names.get(id?).copied().filter(is_free);
            let current = self.current.as_ref().map(|current| current.place);
            let last = || self.held.keys().next_back().copied().or(current);
            if let Some(place) = said.or_else(by_id).or_else(last) {
                return Ok(place);
            }
        }
        let behind = [
            self.done.last().copied(),
            self.held.keys().next_back().copied(),
            self.current.as_ref().map(|current| current.place),
        ];
        let behind = behind.into_iter().flatten().map(|place| place.saturating_add(1)).max();
        let place = said.unwrap_or(behind.unwrap_or(0).max(self.begun));
        self.begun = self.begun.saturating_add(1);
        if let (true, Some(id)) = (is_new, id) {
            out.keep(id.len() + EVENT)?;
            self.names.insert(id.to_string(), place);
        }
        Ok(place)
    }

    /// An event of the item that is given out.
    fn step(&mut self, place: u64, type_: &str, event: &mut Event<'_>, out: &mut Assembly) -> Result<()> {
        if self.current.is_none() {
            out.keep(size_of::<Begun>())?;
            self.current = Some(Begun { place, ..Begun::default() });
        }
        let Some(begun) = &mut self.current else { return Ok(()) };
        match type_ {
            "response.output_text.delta" => pieces::piece(begun, event, ContentPart::Text, out),
            "response.output_item.added" => match event.item {
                Some(item) => pieces::begin(begun, item, out),
                None => Ok(()),
            },
            "response.output_item.done" => match event.item {
                Some(item) => self.whole(item, out),
                None => Ok(()),
            },
            "response.content_part.done" => match event.part {
                Some(part) => self.items.note(begun, event.part_index(), part, out),
                None => Ok(()),
            },
            "response.refusal.delta" => pieces::piece(begun, event, ContentPart::Refusal, out),
            "response.reasoning_summary_text.delta" => pieces::thought(begun, event, false, out),
            "response.reasoning_text.delta" => pieces::thought(begun, event, true, out),
            _ => pieces::arguments(begun, event, out),
        }
    }

    /// The item that is given out is whole.
    fn whole(&mut self, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let kind: Kind<'_> = serde_json::from_str(raw.get()).map_err(|_| no_event(out))?;
        let begun = self.current.take().unwrap_or_default();
        out.keep(EVENT)?;
        out.progress();
        self.done.insert(begun.place);
        self.items.whole(kind.type_.0.as_deref().unwrap_or_default(), begun, raw, out)
    }

    /// Gives out what was held back, as far as nothing stands before it.
    fn release(&mut self, out: &mut Assembly) -> Result<()> {
        while self.current.is_none() {
            let Some((place, events)) = self.held.pop_first() else { return Ok(()) };
            self.replay(place, events, out)?;
        }
        Ok(())
    }

    fn replay(&mut self, place: u64, events: Vec<(String, String)>, out: &mut Assembly) -> Result<()> {
        for (type_, text) in events {
            if self.done.contains(&place) {
                return Ok(());
            }
            let mut event = serde_json::from_str(&text).map_err(|_| no_event(out))?;
            self.step(place, &type_, &mut event, out)?;
        }
        Ok(())
    }

    /// Gives out all that was held back: nothing more comes.
    fn release_all(&mut self, out: &mut Assembly) -> Result<()> {
        loop {
            if let Some(current) = self.current.take() {
                self.done.insert(current.place);
            }
            if self.held.is_empty() {
                return Ok(());
            }
            self.release(out)?;
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
        response.keep(&mut self.items.lists, &mut self.metadata, out);
        if let Some(error) = response.error() {
            return Err(out.errors().inside(error));
        }
        if response.status.0.as_deref() == Some("failed") {
            return Err(out.errors().error(ErrorKind::Server, "failed to answer, and does not say why"));
        }
        // Some servers send the items at the end only, or do not say when one is done.
        let are_news = self.done.is_empty();
        for (place, item) in (0..).zip(response.output.take().unwrap_or_default().0) {
            let is_current = self.current.as_ref().is_some_and(|current| current.place == place);
            let held = self.held.remove(&place);
            if self.done.contains(&place) || !(are_news || is_current || held.is_some()) {
                continue;
            }
            if !is_current {
                // One before it that is not among them, or none.
                self.current = None;
                self.replay(place, held.unwrap_or_default(), out)?;
            }
            if !self.done.contains(&place) {
                self.current.get_or_insert_with(|| Begun { place, ..Begun::default() });
                self.whole(item, out)?;
            }
        }
        self.release_all(out)?;
        self.finish = response.finish(word);
        Ok(())
    }
}

/// The beginning of a text, up to where the rest of it begins.
fn before<'a>(text: &'a str, rest: &str) -> &'a str {
    text.get(..text.len() - rest.len()).unwrap_or(text)
}
