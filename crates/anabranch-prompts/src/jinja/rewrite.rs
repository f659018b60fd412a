//! A template with filters of this library in place of what minijinja does without a bound.
//!
//! minijinja counts instructions, not bytes, and its operators cannot be replaced: `a ~ b` may double a text as often as
//! it is written. So `a ~ b`, `a + b` and `a * b` are given to it as filters, which look at the sizes first; what is
//! kept in a variable is measured; and a template that keeps text in values says how much text it writes.

use super::expression::{Expressions, outside};
use super::statement::statement;
use super::tags::{Tag, TagKind};
use super::variables::Variables;

/// The filters that stand in place of operators; no template can name them by accident.
pub(super) const CONCAT: &str = "__concat";
pub(super) const ADD: &str = "__add";
pub(super) const MULTIPLY: &str = "__multiply";
pub(super) const SLICE: &str = "__slice";
/// Measures a value that is kept.
pub(super) const KEEP: &str = "__keep";
/// The same for a namespace.
pub(super) const STORE: &str = "__store";
/// Counts text that is written, and gives nothing.
pub(super) const WRITTEN: &str = "__written";

/// What minijinja is given, and where each part of it stood.
pub(super) struct Rewritten {
    pub(super) source: String,
    /// Whether text is kept in values, all of which is counted then.
    pub(super) captures: bool,
    /// Whether anything was changed.
    pub(super) changed: bool,
    /// Where parts begin in it, where they began before, and their lengths.
    parts: Vec<(usize, usize, usize)>,
}

/// Why it cannot be rewritten, and where.
pub(super) enum Refused {
    TooDeep(usize),
    /// A tag, a comment or a text that has no end.
    Unclosed(usize),
    /// An operator that stands where none can.
    Misplaced(usize),
}

impl Rewritten {
    /// Where something stood before.
    pub(super) fn before(&self, place: usize) -> usize {
        let index = self.parts.partition_point(|(start, _, _)| *start <= place);
        let Some((start, before, length)) = index.checked_sub(1).map(|index| self.parts[index]) else { return 0 };
        before + (place - start).min(length)
    }
}

/// Whether text is kept in a value instead of being written.
fn captures(tag: &Tag<'_>) -> bool {
    let Some(first) = tag.tokens.first().filter(|_| tag.kind == TagKind::Statement) else { return false };
    match first.text {
        "macro" | "call" | "filter" => true,
        "set" => outside(&tag.tokens, "=").is_empty(),
        _ => false,
    }
}

/// The template for minijinja, and the variables it asks for.
pub(super) fn rewrite<'a>(source: &'a str, tags: &[Tag<'a>]) -> Result<(Rewritten, Variables<'a>), Refused> {
    let captures = tags.iter().any(captures);
    let mut walk = Walk { edits: Vec::new(), variables: Variables::default() };
    let mut lines = Lines::default();
    for (index, tag) in tags.iter().enumerate() {
        if !tag.closed {
            return Err(Refused::Unclosed(tag.start));
        }
        lines.break_long(source, tag, &mut walk.edits);
        match tag.kind {
            TagKind::Expression => Expressions::new(&tag.tokens, &mut walk).read()?,
            TagKind::Statement => statement(&tag.tokens, &mut walk)?,
            TagKind::Comment | TagKind::Raw(_) => {}
        }
        if captures {
            let raw = if let TagKind::Raw(length) = tag.kind { length } else { 0 };
            let next = tags.get(index + 1).map_or(source.len(), |next| next.start);
            let length = raw + (next - tag.end);
            if length > 0 {
                let trim = if tag.trims { "-" } else { "" };
                walk.edits.push(Edit::insert(tag.end, Class::Open, format!("{{{{ {length}|{WRITTEN} {trim}}}}}")));
            }
        }
    }
    let Walk { mut edits, variables } = walk;
    edits.sort_by_key(|edit| (edit.at, edit.class));
    let room = source.len() + 16 * edits.len();
    let mut rewritten =
        Rewritten { source: String::with_capacity(room), captures, changed: !edits.is_empty(), parts: Vec::new() };
    let mut at = 0;
    for edit in edits {
        rewritten.parts.push((rewritten.source.len(), at, edit.at - at));
        rewritten.source += &source[at..edit.at];
        rewritten.source += &edit.text;
        at = edit.at + edit.replaced;
    }
    rewritten.parts.push((rewritten.source.len(), at, source.len() - at));
    rewritten.source += &source[at..];
    Ok((rewritten, variables))
}

/// Where long lines are broken, inside of tags: minijinja counts columns up to 65,535, and where it adds one to the last
/// of them a program that looks for overflows ends.
#[derive(Default)]
struct Lines {
    /// Where the line began, and as far as it was looked for.
    start: usize,
    seen: usize,
}

impl Lines {
    /// As long as a line may be: what is put in makes it longer.
    const LONGEST: usize = 10_000;

    fn break_long(&mut self, source: &str, tag: &Tag<'_>, edits: &mut Vec<Edit>) {
        let is_raw = matches!(tag.kind, TagKind::Raw(_));
        for token in tag.tokens.iter().filter(|_| !is_raw) {
            if let Some(newline) = source[self.seen..token.start].rfind('\n') {
                self.start = self.seen + newline + 1;
            }
            self.seen = token.start;
            if token.start - self.start > Self::LONGEST {
                edits.push(Edit::insert(token.start, Class::Close, "\n"));
                self.start = token.start;
            }
        }
    }
}

/// What is found while a template is read.
pub(super) struct Walk<'a> {
    pub(super) edits: Vec<Edit>,
    pub(super) variables: Variables<'a>,
}

/// Text in place of so many bytes.
pub(super) struct Edit {
    pub(super) at: usize,
    pub(super) class: Class,
    pub(super) replaced: usize,
    pub(super) text: String,
}

/// What comes first where several edits meet.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    Close,
    Replace,
    Open,
}

impl Edit {
    pub(super) fn insert(at: usize, class: Class, text: impl Into<String>) -> Self {
        Self { at, class, replaced: 0, text: text.into() }
    }
}

#[cfg(test)]
mod tests;
