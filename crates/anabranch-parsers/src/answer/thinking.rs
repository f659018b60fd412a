//! What a model thought, cut away from what it says.

use crate::answer::tags::{Match, Tag, Tags};

/// The tags between which a model thinks aloud, each with its end.
const TAGS: [(&str, &str); 3] =
    [("<think>", "</think>"), ("<thinking>", "</thinking>"), ("<reasoning>", "</reasoning>")];

/// Where the answer begins: behind the thoughts that the text begins with, and behind the end of a thought that has no
/// begin. Nothing where a thought does not end.
pub(crate) fn start_of_answer(text: &str) -> Option<usize> {
    let mut start = 0;
    loop {
        let rest = &text[start..];
        let trimmed = rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
        let tag = TAGS.iter().find(|(begin, _)| has_prefix(trimmed, begin));
        if let Some((begin, end)) = tag {
            let from = text.len() - trimmed.len() + begin.len();
            start = from + find(&text[from..], end)? + end.len();
            continue;
        }
        if start > 0 {
            return Some(start);
        }
        return Some(end_without_begin(text).unwrap_or(0));
    }
}

/// Behind the first end of a thought. One in quotes is spoken of.
fn end_without_begin(text: &str) -> Option<usize> {
    let mut tags = Tags::default();
    let mut before = b' ';
    for (at, byte) in text.bytes().enumerate() {
        if byte == b'<' {
            before = at.checked_sub(1).map_or(b' ', |at| text.as_bytes()[at]);
        }
        if matches!(tags.push(byte), Some(Match::End(_))) && !is_quote(before) {
            return Some(at + 1);
        }
    }
    None
}

fn is_quote(byte: u8) -> bool {
    matches!(byte, b'`' | b'"' | b'\'')
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
}

fn find(text: &str, wanted: &str) -> Option<usize> {
    text.match_indices('<').map(|(at, _)| at).find(|at| has_prefix(&text[*at..], wanted))
}

/// Leaves out of a text that comes in pieces what the model thought.
pub(crate) struct Thoughts {
    state: State,
    tags: Tags,
    /// The byte before what may be a tag.
    before: u8,
    last: u8,
}

enum State {
    /// Nothing yet but what may be the begin of a tag.
    Begin(String),
    Thought(Tag),
    /// Between a thought and what comes after it.
    After,
    Answer,
}

impl Thoughts {
    pub(crate) fn new() -> Self {
        Self { state: State::Begin(String::new()), tags: Tags::default(), before: b' ', last: b' ' }
    }

    /// Whether a piece is a part of the answer as it is: nearly all are.
    #[inline]
    pub(crate) fn passes(&mut self, piece: &str) -> bool {
        let bytes = piece.as_bytes();
        let passes = matches!(self.state, State::Answer) && !self.tags.is_in_one() && !bytes.contains(&b'<');
        if let (true, Some(last)) = (passes, bytes.last()) {
            self.last = *last;
        }
        passes
    }

    /// What a piece adds to the answer.
    ///
    /// # Errors
    /// Where a thought ends that did not begin: what came before was handed on as the answer.
    #[cold]
    pub(crate) fn push(&mut self, piece: String) -> Result<String, EndWithoutBegin> {
        if matches!(self.state, State::Answer) {
            return self.answer(piece);
        }
        let (mut rest, mut text) = (piece, String::new());
        loop {
            match &mut self.state {
                State::Answer => {
                    text.push_str(&self.answer(rest)?);
                    return Ok(text);
                }
                State::Begin(held) => {
                    held.push_str(&rest);
                    // White space is none of a thought.
                    let tag = held.trim_start();
                    let before = held[..held.len() - tag.len()].to_string();
                    if let Some((begin, _)) = TAGS.iter().find(|(begin, _)| has_prefix(tag, begin)) {
                        rest = tag[begin.len()..].to_string();
                        text.push_str(&before);
                        self.state = State::Thought(match *begin {
                            "<think>" => Tag::Think,
                            "<thinking>" => Tag::Thinking,
                            _ => Tag::Reasoning,
                        });
                    } else if TAGS.iter().any(|(begin, _)| has_prefix(begin, tag)) {
                        *held = tag.to_string();
                        text.push_str(&before);
                        return Ok(text);
                    } else {
                        rest = std::mem::take(held);
                        self.state = State::Answer;
                    }
                }
                State::Thought(tag) => {
                    let tag = *tag;
                    let end = rest.bytes().position(|byte| self.tags.push(byte) == Some(Match::End(tag)));
                    let Some(end) = end else { return Ok(text) };
                    rest.drain(..=end);
                    self.state = State::After;
                }
                State::After => {
                    let blank = rest.len() - rest.trim_start().len();
                    rest.drain(..blank);
                    if rest.is_empty() {
                        return Ok(text);
                    }
                    // Another thought may follow.
                    self.state = State::Begin(String::new());
                }
            }
        }
    }

    fn answer(&mut self, piece: String) -> Result<String, EndWithoutBegin> {
        if self.passes(&piece) {
            return Ok(piece);
        }
        for byte in piece.bytes() {
            if byte == b'<' {
                self.before = self.last;
            }
            if matches!(self.tags.push(byte), Some(Match::End(_))) && !is_quote(self.before) {
                return Err(EndWithoutBegin);
            }
            self.last = byte;
        }
        Ok(piece)
    }
}

/// A thought ended that did not begin.
#[derive(Debug)]
pub(crate) struct EndWithoutBegin;

/// A text without what the model thought, and without the white space behind it. What is no more than the begin of a tag
/// was cut off in it.
pub(crate) fn without_thoughts(text: String) -> String {
    if !text.contains('<') {
        return text;
    }
    let trimmed = text.trim_start();
    let before = &text[..text.len() - trimmed.len()];
    if trimmed.starts_with('<') && TAGS.iter().any(|(begin, _)| has_prefix(begin, trimmed)) {
        return before.to_string();
    }
    match start_of_answer(&text) {
        Some(0) => text,
        Some(start) if TAGS.iter().any(|(begin, _)| has_prefix(trimmed, begin)) => {
            without_begin_of_tag(format!("{before}{}", text[start..].trim_start()), before.len())
        }
        Some(start) => text[start..].trim_start().to_string(),
        None => before.to_string(),
    }
}

/// A text whose part behind a place is no more than the begin of a tag has nothing there.
fn without_begin_of_tag(mut text: String, place: usize) -> String {
    let rest = &text[place..];
    if rest.starts_with('<') && TAGS.iter().any(|(begin, _)| has_prefix(begin, rest)) {
        text.truncate(place);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn thoughts_are_cut_away() {
        for (text, answer) in [
            ("answer", "answer"),
            (" answer", " answer"),
            ("<think>a</think>\n\nanswer", "answer"),
            (" <Thinking>a <think>b</think></thinking><reasoning>c</reasoning> answer", " answer"),
            ("a</think>\nanswer", "answer"),
            ("a</reasoning>answer", "answer"),
            ("Write `</think>` at the end.", "Write `</think>` at the end."),
            ("<think>never ended", ""),
            ("<thin", ""),
            ("<think>a</think> <thi", ""),
            ("<thin air", "<thin air"),
            ("a <think>b</think>", ""),
            ("", ""),
        ] {
            assert_eq!(without_thoughts(text.to_string()), answer, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

        /// In pieces the answer is the same; where the thought was handed on already, it is told.
        #[test]
        fn pieces_do_not_matter(
            text in "( |\n|<think>|</think>|<thinking>|</thinking>|<|a|é|`|<thi){0,8}",
            size in 1..5_usize,
        ) {
            let characters: Vec<char> = text.chars().collect();
            let mut thoughts = Thoughts::new();
            let pieces = characters.chunks(size).map(|piece| thoughts.push(piece.iter().collect()));
            match pieces.collect::<Result<String, _>>() {
                Ok(streamed) => prop_assert_eq!(streamed, without_thoughts(text)),
                Err(EndWithoutBegin) => prop_assert!(start_of_answer(&text).is_none_or(|start| start > 0)),
            }
        }
    }
}
