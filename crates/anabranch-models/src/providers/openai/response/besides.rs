//! [`Besides`]: what of an answer stands beside its text: sources, sounds, other choices.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anabranch_core::Result;
use anabranch_messages::{AiMessage, Citation, ContentPart, FinishReason, Media, OtherPart};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use serde_json::{Map, Value, json};

use super::wire::{Choice, Turn};
use super::{DETAILS, SOUND};
use crate::answer::Warning;
use crate::providers::openai::citation::{self, Characters, Note};
use crate::reader::Assembly;

/// What a piece of another choice takes besides its text, about.
const PIECE: usize = 256;

/// What of an answer stands beside its text.
#[derive(Default)]
pub(in super::super) struct Besides {
    /// Whose it is.
    provider: Cow<'static, str>,
    /// What a sound is, which only the request says.
    sound_type: Cow<'static, str>,
    sound_id: Option<String>,
    /// What came of a sound in base64 and is no whole byte yet.
    letters: String,
    /// All choices but the first, by their index.
    others: BTreeMap<u64, AiMessage>,
}

impl Besides {
    /// Of this provider, in an answer whose sounds are in a format such as `mp3`.
    pub(in super::super) fn of(provider: Cow<'static, str>, format: Option<&str>) -> Self {
        let sound_type = match format {
            None | Some("wav") => "audio/wav".into(),
            Some("mp3") => "audio/mpeg".into(),
            Some("pcm16") => "audio/pcm".into(),
            Some(other) => format!("audio/{other}").into(),
        };
        Self { provider, sound_type, ..Self::default() }
    }

    pub(in super::super) fn provider(&self) -> &str {
        &self.provider
    }

    /// A sound, or a piece of one. Only the first has its name.
    pub(in super::super) fn sound(&mut self, turn: &mut Turn<'_>, out: &mut Assembly) -> Result<()> {
        let Some(audio) = turn.audio.take() else { return Ok(()) };
        let is_named = audio.id.0.is_some();
        self.sound_id = audio.id.into_string().or(self.sound_id.take());
        let bytes = self.decoded(audio.data.0.as_deref().unwrap_or_default(), out);
        let expires_at = audio.expires_at.into_string().filter(|time| time != "0");
        if bytes.is_empty() && audio.transcript.is_empty() && !is_named && expires_at.is_none() {
            return Ok(());
        }
        let mut media = self.media(bytes);
        if let Some(words) = audio.transcript.into_string() {
            media = media.with_transcript(words);
        }
        if let (true, Some(id)) = (is_named, &self.sound_id) {
            media = media.with_provider_data(self.provider.as_ref(), SOUND, id.as_str());
        }
        if let Some(time) = expires_at {
            media = media.with_provider_data(self.provider.as_ref(), "expires_at", time);
        }
        out.push(AiMessage::new(ContentPart::Audio(media)))
    }

    fn media(&self, bytes: Vec<u8>) -> Media {
        // Pieces find each other by a name.
        let id = self.sound_id.as_deref().unwrap_or(SOUND);
        Media::bytes(self.sound_type.as_ref(), bytes).with_id(id)
    }

    /// What is whole by now of the bytes that the letters are.
    fn decoded(&mut self, letters: &str, out: &mut Assembly) -> Vec<u8> {
        self.letters.extend(letters.chars().filter(|letter| !letter.is_ascii_whitespace()));
        let mut whole = self.letters.len() - self.letters.len() % 4;
        while !self.letters.is_char_boundary(whole) {
            whole -= 1;
        }
        let rest = self.letters.split_off(whole);
        let decoded = BASE64_STANDARD.decode(std::mem::replace(&mut self.letters, rest));
        decoded.unwrap_or_else(|_| {
            out.warn(Warning::new("audio", "a piece was left out of the answer: it is no base64"));
            Vec::new()
        })
    }

    /// Another choice, or a piece of one.
    pub(in super::super) fn other(&mut self, mut choice: Choice<'_>, out: &mut Assembly) -> Result<()> {
        let index = choice.index().unwrap_or(u64::MAX);
        let mut piece = AiMessage::default();
        if let Some(turn) = choice.delta() {
            piece = AiMessage::new(turn.content());
            for call in std::mem::take(&mut turn.tool_calls).0 {
                piece = piece.with_tool_call_chunk(call.into_piece(&self.provider));
            }
        }
        if let Some(reason) = choice.finish_reason.into_string() {
            piece = piece.with_finish_reason(FinishReason::from_word(reason));
        }
        let arguments: usize = piece.tool_calls().iter().map(|call| call.raw_arguments().len()).sum();
        out.keep(PIECE + piece.text().len() + piece.reasoning().len() + piece.refusal().len() + arguments)?;
        out.progress();
        self.others.entry(index).or_default().append(piece);
        Ok(())
    }

    /// What is known at the end of an answer: of what was kept, what has a place in the message.
    pub(in super::super) fn close(&mut self, metadata: &mut Map<String, Value>, out: &mut Assembly) -> AiMessage {
        let mut parts = Vec::new();
        if !self.letters.is_empty() {
            // Without the signs that fill it up.
            match BASE64_STANDARD_NO_PAD.decode(std::mem::take(&mut self.letters)) {
                Ok(bytes) => parts.push(ContentPart::Audio(self.media(bytes))),
                Err(_) => out.warn(Warning::new("audio", "a piece was left out of the answer: it is no base64")),
            }
        }
        if let Some(Value::Array(annotations)) = metadata.shift_remove("annotations") {
            let text = out.whole().text();
            let characters = Characters::of(&text);
            parts.extend(annotations.into_iter().filter_map(|one| self.note(one, &characters)));
        }
        parts.extend(self.sources(metadata.shift_remove("search_results"), metadata.shift_remove("citations")));
        // A list without parts would make parts of the text before it.
        let mut last = if parts.is_empty() { AiMessage::default() } else { AiMessage::new(parts) };
        if let Some(details) = metadata.shift_remove(DETAILS) {
            last = last.with_provider_data(self.provider.as_ref(), DETAILS, details);
        }
        let others = std::mem::take(&mut self.others);
        if !others.is_empty() {
            let others: Vec<_> = others.into_values().filter_map(|other| serde_json::to_value(other).ok()).collect();
            metadata.insert("choices".into(), others.into());
        }
        last
    }

    fn note(&self, annotation: Value, text: &Characters<'_>) -> Option<ContentPart> {
        match citation::read(annotation, text, &self.provider) {
            Note::Citation(citation) => Some(citation.into()),
            Note::Other(Value::Object(other)) => {
                Some(OtherPart::new(other).with_provider(self.provider.clone()).into())
            }
            Note::Other(_) => None,
        }
    }

    /// Perplexity: the pages that were found; or, where nothing is said of them, their addresses.
    fn sources(&self, results: Option<Value>, addresses: Option<Value>) -> Vec<ContentPart> {
        let list = |list: Option<Value>| match list {
            Some(Value::Array(list)) => list,
            _ => Vec::new(),
        };
        let result = |result: Value| {
            let Value::Object(mut result) = result else { return None };
            let mut take = |name: &str| match result.shift_remove(name) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            };
            let mut citation = Citation::new();
            if let Some(url) = take("url") {
                citation = citation.with_url(url);
            }
            if let Some(title) = take("title") {
                citation = citation.with_title(title);
            }
            if let Some(snippet) = take("snippet") {
                citation = citation.with_cited_text(snippet);
            }
            Some(citation.with_provider_data(self.provider.as_ref(), "search_result", result).into())
        };
        let results: Vec<ContentPart> = list(results).into_iter().filter_map(result).collect();
        if !results.is_empty() {
            return results;
        }
        let address = |url: Value| Some(Citation::new().with_url(url.as_str()?).into());
        list(addresses).into_iter().filter_map(address).collect()
    }
}

/// A sound that goes back by its name.
pub(in super::super) fn known(sound: &Media, provider: &str) -> Option<Value> {
    sound.provider_data(provider).get(SOUND).map(|id| json!({"id": id}))
}
