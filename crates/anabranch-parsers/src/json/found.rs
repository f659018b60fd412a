//! [`Found`]: the documents found in an answer, and which of them counts.

use std::ops::Range;

use serde_json::Value;

use crate::json::citation::is_citation;
use crate::json::fault::JsonFault;

/// A document in an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Document {
    pub(crate) value: Value,
    /// Where it stands in the answer, in bytes.
    pub(crate) span: Range<usize>,
    /// Which of the documents that were followed it is, counted from one; zero if it was not followed.
    pub(crate) number: usize,
    /// Whether it is a number, of which more might have come.
    pub(crate) is_number: bool,
}

/// Why an answer has no document that counts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Missing {
    /// It ends, at this byte, before it is complete.
    Truncated(usize),
    /// The fence it stands in does not end.
    UnclosedFence(usize),
    /// Something in it is no JSON: what, at which byte, and where in the document.
    Broken(JsonFault, usize, String),
    /// There are several, and none is more likely meant than the others.
    Several(usize),
    /// There is one, but the answer was cut off behind it.
    CutOff(usize),
    /// The answer is a thought that does not end.
    Thought,
    /// There is nothing like it. So many lists stand among words in a line, or look like citations.
    Nothing { lists: usize },
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The document that the answer begins with, while nothing comes after it.
    pub(super) whole: Option<Document>,
    pub(super) fences: Vec<Fence>,
    /// Objects, and lists on lines of their own.
    pub(super) among: Vec<Document>,
    /// Lists on lines of their own that look like citations.
    citations: Vec<Document>,
    /// Lists in the middle of a line, and all that look like citations.
    lists: usize,
    /// What is wrong with a document that surely was one.
    pub(super) broken: Option<Missing>,
    /// What is wrong with something that may have been one.
    pub(super) doubt: Option<Missing>,
    pub(super) truncated: Option<usize>,
    pub(super) in_thought: bool,
    /// How long the answer is.
    pub(super) length: usize,
    /// Where the last thing stands that is no white space.
    pub(super) last: usize,
}

/// A fence with something in it that is, or should be, JSON.
#[derive(Debug)]
pub(crate) struct Fence {
    pub(super) is_json: bool,
    pub(super) document: Result<Document, Missing>,
    /// Where it ends.
    pub(super) end: Option<usize>,
}

impl Found {
    pub(super) fn doubt(&mut self, fault: JsonFault, at: usize) {
        self.doubt.get_or_insert(Missing::Broken(fault, at, String::new()));
    }

    pub(super) fn broken(&mut self, fault: JsonFault, at: usize, path: String) {
        self.broken.get_or_insert(Missing::Broken(fault, at, path));
    }

    pub(super) fn last_fence(&mut self) -> Option<&mut Fence> {
        self.fences.last_mut()
    }

    /// Whether the document that the answer begins with is an object, or a list that does not look like a citation.
    pub(super) fn whole_is_nested(&self) -> bool {
        let is_nested = |value: &Value| value.is_object() || (value.is_array() && !is_citation(value));
        self.whole.as_ref().is_some_and(|document| is_nested(&document.value))
    }

    /// Whether it is a text, which may be a key.
    pub(super) fn whole_is_text(&self) -> bool {
        self.whole.as_ref().is_some_and(|document| document.value.is_string())
    }

    /// The document that the answer begins with stands among words: whether nothing else is on its lines.
    pub(super) fn whole_is_among_words(&mut self, on_own_line: bool) {
        if let Some(document) = self.whole.take() {
            self.add(document, on_own_line);
        }
    }

    /// A document among words.
    pub(super) fn add(&mut self, document: Document, on_own_line: bool) {
        match &document.value {
            Value::Object(object) if !object.is_empty() => self.among.push(document),
            value if is_citation(value) => {
                self.lists += 1;
                if on_own_line {
                    self.citations.push(document);
                }
            }
            Value::Array(_) if on_own_line => self.among.push(document),
            Value::Array(_) => self.lists += 1,
            _ => {}
        }
    }

    /// A document directly behind another one.
    pub(super) fn add_next(&mut self, document: Document) {
        if is_citation(&document.value) {
            self.add(document, true);
        } else {
            self.among.push(document);
        }
    }

    /// The document that the whole text is.
    pub(crate) fn exact(self, was_cut: bool) -> Result<Document, Missing> {
        if self.whole.is_some() || self.truncated.is_some() {
            return self.document(was_cut, |_| false);
        }
        if let Some(missing) = self.broken.or(self.doubt) {
            return Err(missing);
        }
        match self.among.iter().chain(&self.citations).next() {
            Some(first) if first.number > 0 => {
                Err(Missing::Broken(JsonFault::TextAfter, first.span.end, String::new()))
            }
            _ => Err(Missing::Nothing { lists: 0 }),
        }
    }

    /// The document that counts: the whole text; or what stands in the last fence that is closed, `json` before others;
    /// or the one object with something in it, or list on a line of its own, among words. There a list that looks like a
    /// citation counts only where it is `wanted`. In an answer that was cut off it is the last thing.
    pub(crate) fn document(mut self, was_cut: bool, wanted: impl Fn(&Value) -> bool) -> Result<Document, Missing> {
        let last = self.last;
        if let Some(at) = self.truncated {
            return Err(Missing::Truncated(at));
        }
        if let Some(document) = self.whole {
            // Of a number nobody can say whether more of it was to come.
            return if was_cut && document.is_number { Err(Missing::CutOff(last)) } else { Ok(document) };
        }
        if let Some(place) = self.fences.iter().rposition(|fence| fence.is_json).or(self.fences.len().checked_sub(1)) {
            let fence = self.fences.into_iter().nth(place);
            if let Some(Fence { document, end, .. }) = fence {
                let document = document?;
                return match end {
                    None => Err(Missing::UnclosedFence(last)),
                    Some(end) if was_cut && end < last => Err(Missing::CutOff(last)),
                    Some(_) => Ok(document),
                };
            }
        }
        self.among.extend(self.citations.into_iter().filter(|document| wanted(&document.value)));
        let count = self.among.len();
        if let Some(broken) = self.broken.filter(|_| count < 2) {
            return Err(broken);
        }
        match self.among.into_iter().next() {
            Some(_) if count > 1 => Err(Missing::Several(count)),
            Some(_) if was_cut => Err(Missing::CutOff(last)),
            Some(document) => Ok(document),
            None if self.in_thought => Err(Missing::Thought),
            None => Err(self.doubt.filter(|_| !was_cut).unwrap_or(Missing::Nothing { lists: self.lists })),
        }
    }
}
