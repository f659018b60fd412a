//! From the wire: messages, each of whose parts is a part of the answer with what it rests on.

use anabranch_core::Result;
use anabranch_messages::{AiMessage, ContentPart, TextPart};
use serde_json::Value;
use serde_json::value::RawValue;

use super::MANY;
use super::item::{Begun, Item, Items, Part, elements, parsed, rest};
use crate::answer::Warning;
use crate::providers::openai::citation;
use crate::providers::openai::responses::ITEM;
use crate::reader::{self, Assembly, Bounded, Text};

/// What a citation takes besides its text, about.
const NOTE: usize = 256;

impl Items {
    pub(super) fn message(&mut self, begun: &Begun, item: &Item<'_>, raw: &RawValue, out: &mut Assembly) -> Result<()> {
        let mut rest = rest(raw, &[("content", item.content)]).unwrap_or_else(|| item.least("message"));
        let mut outline = Vec::new();
        let mut said = Vec::new();
        for (index, raw) in (0..).zip(elements(item.content, out)?) {
            let (part, is_refusal, outlined) = self.said(begun, index, raw, out)?;
            outline.push(outlined);
            said.extend(part.map(|part| (part, is_refusal)));
        }
        if item.content.is_some() {
            rest.insert("content".into(), outline.into());
        }
        // With the last of its parts, or with one without text, the item is whole.
        let (mut last, is_refusal) = said.pop().unwrap_or_else(|| (TextPart::new("").with_id(begun.key(0)), false));
        if let Some(rest) = self.kept(rest, out) {
            last = last.with_provider_data(self.provider.as_ref(), ITEM, rest);
        }
        said.push((last, is_refusal));
        for (part, is_refusal) in said {
            self.give(part, is_refusal, out)?;
        }
        Ok(())
    }

    /// A part of a message: what was not given out of it, whether it is a refusal, and what goes back besides.
    fn said(
        &mut self,
        begun: &Begun,
        index: u64,
        raw: &RawValue,
        out: &mut Assembly,
    ) -> Result<(Option<TextPart>, bool, Value)> {
        let Ok(part) = serde_json::from_str::<Part<'_>>(raw.get()) else {
            return Ok((None, false, reader::value(raw.get()).unwrap_or_default()));
        };
        let (word, shown) = match (part.text, part.refusal) {
            (None, Some(refusal)) => ("refusal", Some(refusal)),
            (text, _) => ("text", text),
        };
        let Some(text) = parsed::<Text<'_>>(shown) else {
            // A part that no message knows.
            let as_it_came = Some(raw.get()).filter(|raw| reader::is_small(raw)).and_then(reader::value);
            return Ok((None, false, as_it_came.unwrap_or_default()));
        };
        let text = text.0.unwrap_or_default();
        let members = [(word, shown), ("annotations", part.annotations), ("logprobs", part.logprobs)];
        let mut outline = rest(raw, &members).unwrap_or_default();
        outline.insert(word.into(), text.len().into());
        if let Some(logprobs) = part.logprobs {
            self.lists.keep("logprobs", logprobs.get(), out);
        }
        // Text came in pieces or comes now, and never both.
        let is_given = begun.part.is_some_and(|given| given >= index);
        let mut this = TextPart::new(if is_given { "" } else { &text }).with_id(begun.key(index));
        if begun.part.is_some_and(|given| given > index) {
            // Others came behind it: nothing finds it any more.
            if begun.noted.is_none_or(|noted| noted < index) && part.annotations.is_some_and(|all| all.get() != "[]") {
                out.warn(Warning::new("annotations", "left out of the answer: they came after the text behind theirs"));
            }
            return Ok((None, word == "refusal", outline.into()));
        }
        if begun.noted.is_none_or(|noted| noted < index) {
            this = self.noted(this, part.annotations, &text, out)?;
        }
        Ok((Some(this), word == "refusal", outline.into()))
    }

    /// A part of a message of which nothing more comes: what it rests on.
    pub(in super::super) fn note(
        &mut self,
        begun: &mut Begun,
        index: u64,
        raw: &RawValue,
        out: &mut Assembly,
    ) -> Result<()> {
        let Some(place) = begun.part.filter(|_| begun.index == Some(index)) else { return Ok(()) };
        let Ok(part) = serde_json::from_str::<Part<'_>>(raw.get()) else { return Ok(()) };
        if begun.noted.is_some_and(|noted| noted >= place) || part.annotations.is_none() {
            return Ok(());
        }
        begun.noted = Some(place);
        let text = parsed::<Text<'_>>(part.text).unwrap_or_default();
        let this = TextPart::new("").with_id(begun.key(place));
        let this = self.noted(this, part.annotations, text.0.as_deref().unwrap_or_default(), out)?;
        if this.citations().is_empty() && this.annotations().is_empty() { Ok(()) } else { self.give(this, false, out) }
    }

    fn noted(&self, part: TextPart, notes: Option<&RawValue>, text: &str, out: &mut Assembly) -> Result<TextPart> {
        let Ok(notes) = notes.map_or(Ok(Bounded::<&RawValue, MANY>::default()), |all| serde_json::from_str(all.get()))
        else {
            out.warn(Warning::new("annotations", "left out of the answer: more than 1025 of one text"));
            return Ok(part);
        };
        out.keep(notes.0.len() * NOTE)?;
        let notes = notes
            .0
            .into_iter()
            .filter_map(|note| reader::value(Some(note.get()).filter(|note| reader::is_small(note))?));
        Ok(citation::noted(part, notes.collect(), text, &self.provider))
    }

    fn give(&self, part: TextPart, is_refusal: bool, out: &mut Assembly) -> Result<()> {
        out.push(AiMessage::new(if is_refusal { ContentPart::Refusal(part) } else { part.into() }))
    }
}
