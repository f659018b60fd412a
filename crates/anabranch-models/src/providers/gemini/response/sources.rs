//! [`Sources`]: what an answer rests on.
//!
//! Gemini says it beside the content: pages that a search found and which words rest on them (`groundingMetadata`), texts
//! that the answer repeats (`citationMetadata`), pages that it read (`urlContextMetadata`). In a stream it comes piece by
//! piece, or at the end, when the text has long been given out: so each source is a part of its own, behind the text.
//!
//! <https://ai.google.dev/api/generate-content#GroundingMetadata>

use std::ops::Range;

use anabranch_messages::{AiMessage, Citation, ContentPart};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{GEMINI, MANY, says_nothing};
use crate::answer::Warning;
use crate::reader::{self, Assembly};

/// What came of it, as text: taken apart it is many times as large.
#[derive(Default)]
pub(in super::super) struct Sources {
    /// By name: its pieces, one on each line. `None` where there was too much of it.
    kept: Vec<(&'static str, Option<Vec<String>>)>,
    bytes: usize,
    /// How many they will be when they are taken apart.
    bytes_apart: usize,
}

impl Sources {
    pub(super) fn keep(&mut self, said: [(&'static str, Option<&RawValue>); 3], out: &mut Assembly) {
        for (name, said) in said {
            if let Some(said) = said.map(RawValue::get).filter(|said| !says_nothing(said)) {
                self.keep_one(name, said, out);
            }
        }
    }

    fn keep_one(&mut self, name: &'static str, said: &str, out: &mut Assembly) {
        let place = self.kept.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.kept.push((name, Some(Vec::new())));
            self.kept.len() - 1
        });
        let Some((_, Some(pieces))) = self.kept.get_mut(place) else { return };
        // The same once more is no news.
        if pieces.last().is_some_and(|last| last == said) {
            return;
        }
        out.progress();
        let apart = reader::weight_apart(said);
        let is_too_much = self.bytes + said.len() > out.room_for_lists()
            || self.bytes_apart.saturating_add(apart) > out.room_for_lists_apart();
        if is_too_much || pieces.len() > MANY {
            self.bytes -= pieces.iter().map(String::len).sum::<usize>();
            self.bytes_apart -= pieces.iter().map(|piece| reader::weight_apart(piece)).sum::<usize>();
            self.kept[place].1 = None;
            out.warn(Warning::new(name, "left out of the answer: there is too much of it"));
        } else {
            self.bytes += said.len();
            self.bytes_apart += apart;
            pieces.push(said.to_string());
        }
    }

    /// Everything that came, each whole.
    pub(in super::super) fn into_whole(self) -> Map<String, Value> {
        let whole = |pieces: Vec<String>| {
            let pieces = pieces.iter().filter_map(|piece| serde_json::from_str::<Map<String, Value>>(piece).ok());
            pieces.reduce(joined)
        };
        let kept = self.kept.into_iter();
        kept.filter_map(|(name, pieces)| Some((name.to_string(), whole(pieces?)?.into()))).collect()
    }
}

/// Two pieces in a row. Some servers send what is new, others all of it again: a list that begins as the one before is
/// that one, gone on.
fn joined(mut whole: Map<String, Value>, piece: Map<String, Value>) -> Map<String, Value> {
    for (name, piece) in piece {
        match (whole.get_mut(&name), piece) {
            (Some(_), Value::Null) => {}
            (Some(Value::Array(list)), Value::Array(more)) => {
                if more.starts_with(list) {
                    *list = more;
                } else if !list.starts_with(&more) {
                    list.extend(more);
                }
            }
            (_, piece) => _ = whole.insert(name, piece),
        }
    }
    whole
}

/// The sources of an answer as parts of it, and whether some were left out because there are too many. `said` is what
/// came of them, whole; `room` is how many bytes they may take.
pub(in super::super) fn citations(
    said: &Map<String, Value>,
    answer: &AiMessage,
    room: usize,
) -> (Vec<ContentPart>, bool) {
    let mut found = Found { text: &answer.text(), answer, citations: Vec::new(), room, is_full: false };
    if let Some(grounding) = said.get("groundingMetadata") {
        found.grounding(grounding);
    }
    for key in ["citationSources", "citations"] {
        for source in found.bounded(list(said.get("citationMetadata"), key)) {
            let range = found.place(source);
            found.add(repeated(source), range);
        }
    }
    for page in found.bounded(list(said.get("urlContextMetadata"), "urlMetadata")) {
        let was_read = page.get("urlRetrievalStatus").is_none_or(|status| status == "URL_RETRIEVAL_STATUS_SUCCESS");
        let Some(url) = text(page, "retrievedUrl").filter(|_| was_read) else { continue };
        if !found.citations.iter().any(|known| known.url() == Some(url)) {
            found.add(Some(Citation::new().with_url(url)), None);
        }
    }
    (found.citations.into_iter().map(ContentPart::from).collect(), found.is_full)
}

struct Found<'a> {
    text: &'a str,
    answer: &'a AiMessage,
    citations: Vec<Citation>,
    room: usize,
    /// Whether any was left out.
    is_full: bool,
}

impl Found<'_> {
    /// As many as are looked at: each may cost a look through the whole text.
    fn bounded<'a>(&mut self, list: &'a [Value]) -> &'a [Value] {
        self.is_full |= list.len() > MANY;
        &list[..list.len().min(MANY)]
    }

    /// Each source for each text that rests on it; those that no text rests on stand behind.
    fn grounding(&mut self, grounding: &Value) {
        let chunks = self.bounded(list(Some(grounding), "groundingChunks"));
        let mut is_used = vec![false; chunks.len()];
        for support in self.bounded(list(Some(grounding), "groundingSupports")) {
            let range = support.get("segment").and_then(|segment| self.place(segment));
            let scores = list(Some(support), "confidenceScores");
            let indices = self.bounded(list(Some(support), "groundingChunkIndices"));
            for (place, index) in indices.iter().enumerate() {
                let index = index.as_u64().and_then(|index| usize::try_from(index).ok());
                let Some((index, chunk)) = index.and_then(|index| Some((index, chunks.get(index)?))) else { continue };
                is_used[index] = true;
                let source = source(chunk).map(|source| match scores.get(place) {
                    Some(score) => source.with_provider_data(GEMINI, "confidenceScore", score.clone()),
                    None => source,
                });
                if !self.add(source, range.clone()) {
                    return;
                }
            }
        }
        for (chunk, _) in chunks.iter().zip(is_used).filter(|(_, is_used)| !is_used) {
            self.add(source(chunk), None);
        }
    }

    /// Whether there is room for it.
    fn add(&mut self, citation: Option<Citation>, range: Option<Range<usize>>) -> bool {
        let Some(citation) = citation else { return true };
        let texts = [citation.url(), citation.title(), citation.id(), citation.cited_text()];
        let bytes = texts.into_iter().flatten().map(str::len).sum::<usize>() + 256;
        if self.citations.len() >= MANY || bytes > self.room {
            self.is_full = true;
            return false;
        }
        self.room -= bytes;
        self.citations.push(match range {
            Some(range) => citation.with_range(range),
            None => citation,
        });
        true
    }

    /// Where a segment is in the text of the answer, in bytes, as Gemini counts, too. It counts from the beginning of the
    /// text, or from that of the part it names, and is now and then wrong: the words of the segment decide.
    fn place(&self, segment: &Value) -> Option<Range<usize>> {
        let number = |key: &str| segment.get(key)?.as_u64().and_then(|number| usize::try_from(number).ok());
        let (start, end) = (number("startIndex").unwrap_or(0), number("endIndex"));
        let part = number("partIndex").unwrap_or(0);
        let words = text(segment, "text");
        let offset = || self.answer.content().parts().iter().take(part).map(said).sum::<usize>();
        let of_part = || Some(start.checked_add(offset())?..end?.checked_add(offset())?);
        let ranges = [(part > 0).then(of_part).flatten(), end.map(|end| start..end)];
        let fits = |range: &Range<usize>| {
            let there = self.text.get(range.clone()).filter(|there| !there.is_empty());
            there.is_some_and(|there| words.is_none_or(|words| words == there))
        };
        ranges.into_iter().flatten().find(fits).or_else(|| self.only_place(words?))
    }

    /// Where words stand that stand in the text but once.
    fn only_place(&self, words: &str) -> Option<Range<usize>> {
        // Not where looking for each of many would take long.
        const SHORT: usize = 1 << 16;

        let mut places = self.text.match_indices(words).map(|(place, _)| place);
        let place = (self.text.len() <= SHORT).then(|| places.next()).flatten()?;
        places.next().is_none().then(|| place..place + words.len())
    }
}

/// How many bytes of text a part has.
fn said(part: &ContentPart) -> usize {
    match part {
        ContentPart::Text(text) => text.text().len(),
        _ => 0,
    }
}

/// A chunk is an object with one member, which says of what kind it is: `web`, `maps`, `retrievedContext`, ...
fn source(chunk: &Value) -> Option<Citation> {
    let source = chunk.as_object()?.values().find(|value| value.is_object())?;
    let id = ["placeId", "documentName"].into_iter().find_map(|key| text(source, key));
    cited(text(source, "uri").or(text(source, "sourceUri")), text(source, "title"), text(source, "text"), id)
}

/// A text that the answer repeats.
fn repeated(source: &Value) -> Option<Citation> {
    let citation = cited(text(source, "uri"), text(source, "title"), None, None)?;
    Some(match source.get("license").and_then(Value::as_str).filter(|license| !license.is_empty()) {
        Some(license) => citation.with_provider_data(GEMINI, "license", license),
        None => citation,
    })
}

/// A source of which anything is known.
fn cited(url: Option<&str>, title: Option<&str>, words: Option<&str>, id: Option<&str>) -> Option<Citation> {
    let mut citation = Citation::new();
    if let Some(url) = url {
        citation = citation.with_url(url);
    }
    if let Some(title) = title {
        citation = citation.with_title(title);
    }
    if let Some(words) = words {
        citation = citation.with_cited_text(words);
    }
    if let Some(id) = id {
        citation = citation.with_id(id);
    }
    (citation != Citation::new()).then_some(citation)
}

fn list<'a>(of: Option<&'a Value>, key: &str) -> &'a [Value] {
    of.and_then(|of| of.get(key)?.as_array()).map_or(&[], Vec::as_slice)
}

fn text<'a>(of: &'a Value, key: &str) -> Option<&'a str> {
    of.get(key)?.as_str().filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests;
