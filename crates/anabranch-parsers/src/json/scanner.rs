//! [`Scanner`]: where in an answer its document is.

use serde_json::{Map, Value};

use crate::answer::tags::Tags;
use crate::json::event::JsonEvent;
use crate::json::fault::JsonFault;
use crate::json::found::{Document, Fence, Found, Missing};
use crate::json::look::{Look, OddKey, Place, fault_at_key, fault_at_value};
use crate::json::reader::{Read, Reader};
use crate::json::tree::Tree;
use crate::work::looked_at;

/// Reads an answer piece by piece, each byte once, and finds the documents in it: the whole text, fences, objects and
/// lists among words. What the model thought is left out, and so is what stands before the end of a thought.
///
/// Lists and objects that the answer begins with, or that stand in a fence, are followed while they are written. Those
/// among words are not: whether they count is known at the end.
pub(crate) struct Scanner {
    pub(super) look: Look,
    /// How many bytes were read.
    pub(super) at: usize,
    /// The document under way.
    pub(super) reader: Option<Reader>,
    pub(super) found: Found,
    /// Whether nothing but white space stands before on this line.
    pub(super) is_line_blank: bool,
    /// Whether nothing but white space stands before in the answer.
    pub(super) is_first: bool,
    /// Whether a document stands directly before.
    pub(super) is_next_to_one: bool,
    pub(super) tags: Tags,
    max_depth: usize,
    /// Whether somebody wants to know what happens to the documents.
    watches: bool,
    pub(super) follow: Follow,
}

/// The document that is followed.
#[derive(Default)]
pub(super) struct Follow {
    /// Which it is, counted from one.
    number: usize,
    /// Whether it is under way.
    is_under_way: bool,
    /// Whether it is complete, and was not before.
    is_news: bool,
    /// What there was of it when it turned out to be none, and was not told.
    remains: Option<Value>,
    /// Whether the answer begins with it.
    pub(super) begins: bool,
    /// Where it begins.
    start: usize,
    /// Which fence it stands in, where it is complete and stands in one.
    fence: Option<usize>,
    events: Vec<JsonEvent>,
}

impl Scanner {
    pub(crate) fn new(max_depth: usize) -> Self {
        Self {
            look: Look::Start,
            at: 0,
            reader: None,
            found: Found::default(),
            is_line_blank: true,
            is_first: true,
            is_next_to_one: false,
            tags: Tags::default(),
            max_depth,
            watches: false,
            follow: Follow::default(),
        }
    }

    /// With events of what happens to the documents that are followed.
    pub(crate) fn watching(mut self) -> Self {
        self.watches = true;
        self
    }

    /// The next piece of the answer.
    pub(crate) fn push(&mut self, piece: &str) {
        let mut at = 0;
        while at < piece.len() {
            let next = self.step(piece, at);
            looked_at(1 + next - at);
            at = next;
        }
        self.at += piece.len();
        let blank = piece.len() - piece.trim_end().len();
        if blank < piece.len() {
            self.found.last = self.at - blank;
        }
        self.drain();
    }

    /// The document followed, as far as it came, if that is more than at the last call: a copy.
    pub(crate) fn snapshot(&mut self) -> Option<Value> {
        if self.follow.is_under_way {
            return self.reader.as_mut()?.snapshot();
        }
        if let Some(remains) = self.follow.remains.take() {
            return Some(remains);
        }
        if !std::mem::take(&mut self.follow.is_news) {
            return None;
        }
        self.followed_document().map(|document| document.value.clone())
    }

    /// Whether there is a document that is followed, and not broken.
    pub(crate) fn is_following(&self) -> bool {
        self.follow.is_under_way || self.followed_document().is_some()
    }

    /// The document as far as it came, be it one that is followed or a text that the answer is.
    pub(crate) fn so_far(&mut self) -> Option<Value> {
        match (&mut self.reader, self.look) {
            (Some(reader), Look::Document { place: Place::Whole | Place::Fence { .. }, .. }) => reader.snapshot(),
            (None, Look::Bracket { place: Place::Whole, brace: true, .. }) => Some(Value::Object(Map::new())),
            (None, Look::Bracket { place: Place::Whole, .. }) => Some(Value::Array(Vec::new())),
            (None, Look::WholeEnd) => self.found.whole.as_ref().map(|document| document.value.clone()),
            _ => self.followed_document().map(|document| document.value.clone()),
        }
    }

    /// Whether [`snapshot`](Self::snapshot) would give something.
    pub(crate) fn has_news(&self) -> bool {
        match &self.reader {
            Some(reader) if self.follow.is_under_way => reader.tree.has_changed(),
            _ => self.follow.is_news || self.follow.remains.is_some(),
        }
    }

    /// How long the document followed is by now, in bytes.
    pub(crate) fn followed_length(&self) -> usize {
        self.at.saturating_sub(self.follow.start)
    }

    /// Which document is followed; zero for none.
    pub(crate) fn followed_number(&self) -> usize {
        self.follow.number
    }

    /// The complete elements of a list in the document that the answer begins with.
    pub(crate) fn list_at(&self, path: &[String]) -> Option<&[Value]> {
        if !self.follow.begins {
            return None;
        }
        match &self.reader {
            Some(reader) if self.follow.is_under_way => reader.tree.list_at(path),
            _ => crate::json::tree::elements(&self.followed_document()?.value, path),
        }
    }

    /// What happened to the documents followed since the last call.
    pub(crate) fn take_events(&mut self) -> Vec<JsonEvent> {
        std::mem::take(&mut self.follow.events)
    }

    fn followed_document(&self) -> Option<&Document> {
        // This is asked for each piece, so nothing is looked through. Among words there is one only that the answer began
        // with, before all others.
        let fence = self.follow.fence.and_then(|place| self.found.fences.get(place)?.document.as_ref().ok());
        let mut all = self.found.whole.iter().chain(fence).chain(self.found.among.first());
        all.find(|document| {
            looked_at(1);
            document.number > 0 && document.number == self.follow.number
        })
    }

    pub(super) fn drain(&mut self) {
        if let Some(reader) = self.reader.as_mut().filter(|_| self.watches && self.follow.is_under_way) {
            self.follow.events.append(&mut reader.tree.take_events());
        }
    }

    /// Before the end of a thought was nothing but thought.
    pub(super) fn thought_over(&mut self) {
        self.found = Found::default();
        self.reader = None;
        self.follow.fence = None;
        self.follow.is_under_way = false;
        self.follow.is_news = false;
        self.follow.remains = None;
        self.tags.reset();
        self.is_line_blank = true;
        self.is_first = true;
        self.look = Look::Start;
    }

    /// A document begins with this byte.
    pub(super) fn begin(&mut self, place: Place, byte: u8, start: usize, is_sure: bool) {
        let is_followed = !matches!(place, Place::Words { .. }) && matches!(byte, b'{' | b'[');
        if is_followed {
            self.follow.number += 1;
            self.follow.is_under_way = true;
            self.follow.is_news = false;
            self.follow.remains = None;
            self.follow.begins = self.is_first;
            self.follow.start = start;
            self.follow.fence = None;
        }
        let tree = if is_followed && self.watches { Tree::watched() } else { Tree::default() };
        self.reader = Some(Reader::new(self.max_depth, tree));
        self.look = Look::Document { place, start, is_sure };
        self.is_first = false;
    }

    pub(super) fn document(&mut self, piece: &str, at: usize, place: Place, start: usize, is_sure: bool) -> usize {
        let Some(reader) = &mut self.reader else { return self.back_to_words(at) };
        match reader.push(&piece[at..]) {
            Read::More => piece.len(),
            Read::Done(used) => {
                self.document_done(place, start, self.at + at + used);
                at + used
            }
            Read::Broken { at: used, back, fault } => {
                let fault_at = (self.at + at + used).saturating_sub(back);
                self.document_broken(place, fault, fault_at, is_sure);
                at + used
            }
        }
    }

    fn document_done(&mut self, place: Place, start: usize, end: usize) {
        self.drain();
        let Some(reader) = self.reader.take() else { return };
        let is_followed = std::mem::take(&mut self.follow.is_under_way);
        self.follow.is_news |= is_followed && reader.tree.has_changed();
        let number = if is_followed { self.follow.number } else { 0 };
        let is_number = reader.ends_in_number;
        let Some(value) = reader.tree.into_root() else { return };
        let is_list = value.is_array();
        let document = Document { value, span: start..end, number, is_number };
        self.is_line_blank = false;
        self.look = match place {
            Place::Whole => {
                self.found.whole = Some(document);
                Look::WholeEnd
            }
            Place::Fence { is_json } => {
                self.follow.fence = Some(self.found.fences.len());
                self.found.fences.push(Fence { is_json, document: Ok(document), end: None });
                Look::FenceEnd(0)
            }
            Place::Words { is_next_to_one: true, .. } => {
                self.found.add_next(document);
                Look::Words
            }
            Place::Words { on_own_line, .. } if on_own_line && is_list => {
                self.found.whole = Some(document);
                Look::LineEnd
            }
            Place::Words { .. } => {
                self.found.add(document, false);
                Look::Words
            }
        };
    }

    fn document_broken(&mut self, place: Place, fault: JsonFault, at: usize, is_sure: bool) {
        self.drain();
        let reader = self.reader.take();
        let path = reader.as_ref().map(|reader| reader.tree.shown_path()).unwrap_or_default();
        let is_in_something = reader.as_ref().is_some_and(|reader| reader.tree.is_begun());
        if std::mem::take(&mut self.follow.is_under_way) {
            let is_something = |value: &Value| !matches!(value, Value::Array(list) if list.is_empty());
            self.follow.remains = reader.and_then(|mut reader| reader.snapshot()).filter(is_something);
        }
        self.is_line_blank = false;
        self.look = match place {
            Place::Fence { is_json: true } => self.fence_is_broken(Missing::Broken(fault, at, path)),
            Place::Fence { is_json: false } => {
                self.found.doubt(fault, at);
                Look::Code(0)
            }
            Place::Whole | Place::Words { .. } if is_sure => {
                self.found.broken(fault, at, path);
                Look::Words
            }
            // Words that begin as `true` does are words.
            Place::Whole if fault == JsonFault::BareWord && !is_in_something => Look::Words,
            Place::Words { on_own_line: false, .. } => Look::Words,
            Place::Whole | Place::Words { .. } => {
                self.found.doubt(fault, at);
                Look::Words
            }
        };
    }

    pub(super) fn fence_is_broken(&mut self, missing: Missing) -> Look {
        self.found.fences.push(Fence { is_json: true, document: Err(missing), end: None });
        self.tags.reset();
        Look::Code(0)
    }

    /// The answer is at its end.
    pub(crate) fn finish(mut self) -> Found {
        let end = self.found.last;
        match self.look {
            Look::Document { place, start, is_sure } => {
                let is_in_line = matches!(place, Place::Words { on_own_line: false, .. });
                match self.reader.as_mut().map_or(Ok(false), Reader::finish) {
                    Ok(true) => self.document_done(place, start, self.at),
                    Ok(false) if is_sure || !is_in_line => self.found.truncated = Some(end),
                    Ok(false) => {}
                    Err(fault) => self.document_broken(place, fault, end, is_sure),
                }
            }
            Look::LineEnd => self.found.whole_is_among_words(true),
            Look::Bracket { place: Place::Words { on_own_line: false, .. }, brace: false, .. } => {}
            Look::Bracket { .. } | Look::FenceStart { is_json: true, .. } | Look::FenceTag(4) => {
                self.found.truncated = Some(end);
            }
            Look::Thought(_) => self.found.in_thought = true,
            _ => {}
        }
        self.found.length = self.at;
        self.found
    }

    /// The byte that is looked at in another way.
    pub(super) fn back_to_words(&mut self, at: usize) -> usize {
        self.look = Look::Words;
        at
    }

    /// Behind a bracket that may begin a document.
    pub(super) fn bracket(&mut self, byte: u8, at: usize, place: Place, brace: bool, start: usize) -> usize {
        if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
            return at + 1;
        }
        let is_sure = match (brace, byte) {
            (true, b'"') | (false, b'{' | b'[' | b'"') => true,
            (true, b'}') | (false, b']' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => false,
            (true, b'\'') => {
                self.look = Look::OddKey { odd: OddKey::Quoted, length: 0, start: self.at + at };
                return at + 1;
            }
            (true, _) if byte.is_ascii_alphabetic() || byte == b'_' => {
                self.look = Look::OddKey { odd: OddKey::Bare, length: 0, start: self.at + at };
                return at;
            }
            _ => {
                if place == Place::Whole {
                    let fault = if brace { fault_at_key(byte) } else { fault_at_value(byte) };
                    self.found.doubt(fault, self.at + at);
                }
                return self.back_to_words(at);
            }
        };
        let bracket = if brace { b'{' } else { b'[' };
        self.begin(place, bracket, start, is_sure);
        // White space between the brackets changes nothing.
        if let Some(reader) = &mut self.reader {
            reader.push(if brace { "{" } else { "[" });
        }
        at
    }
}
