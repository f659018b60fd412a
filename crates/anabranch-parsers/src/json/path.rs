//! Where in a document something is, in words that may be shown.

use std::fmt::Write;

/// One step into a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Segment<'a> {
    Key(&'a str),
    Index(usize),
}

/// `rivers[3].length_km`. A key is shown if it is a short identifier: every other may be a model's words.
pub(crate) fn shown<'a>(segments: impl IntoIterator<Item = Segment<'a>>) -> String {
    let mut path = String::new();
    segments.into_iter().for_each(|segment| push(&mut path, segment));
    path
}

/// One more step of a path that is [shown].
pub(crate) fn push(path: &mut String, segment: Segment<'_>) {
    match segment {
        Segment::Index(index) => drop(write!(path, "[{index}]")),
        Segment::Key(key) => {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(if is_short_identifier(key) { key } else { "…" });
        }
    }
}

/// Whether a name may stand in an error: letters, digits, `_` and `-`, and no more than forty of them.
pub(crate) fn is_short_identifier(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    !name.is_empty() && name.len() <= 40 && name.chars().all(is_plain)
}

/// The keys and indices of a JSON pointer.
pub(crate) fn segments_of(pointer: &str) -> Vec<String> {
    let pointer = pointer.strip_prefix('/').unwrap_or(pointer);
    if pointer.is_empty() {
        return Vec::new();
    }
    pointer.split('/').map(|segment| segment.replace("~1", "/").replace("~0", "~")).collect()
}
