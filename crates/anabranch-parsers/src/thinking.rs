//! What a model thought, cut away from what it says.

use crate::json::tags::{Match, Tags};

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

/// Behind the first end of a thought.
fn end_without_begin(text: &str) -> Option<usize> {
    let mut tags = Tags::default();
    let mut bytes = text.bytes().enumerate();
    bytes.find_map(|(at, byte)| matches!(tags.push(byte), Some(Match::End(_))).then_some(at + 1))
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
}

fn find(text: &str, wanted: &str) -> Option<usize> {
    text.match_indices('<').map(|(at, _)| at).find(|at| has_prefix(&text[*at..], wanted))
}
