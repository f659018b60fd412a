//! [`TemplateError`]: what is wrong with a template, and where.

use std::borrow::Cow;
use std::fmt;

use anabranch_core::{Error, ErrorKind};

/// What is wrong with a template, and where: the [`source`](std::error::Error::source) of the error of a prompt that
/// could not be made or rendered.
///
/// `Display` shows the line of the template with a mark under the place. It shows the template, which is part of the
/// program, and never a value.
///
/// ```
/// use anabranch_prompts::{PromptTemplate, TemplateError, TemplateErrorKind};
///
/// let error = PromptTemplate::from_template("Answer as\n{\"answer\": 1}.").unwrap_err();
/// let place = error.downcast_ref::<TemplateError>().unwrap();
/// assert_eq!((place.line(), place.column()), (2, 2));
/// assert_eq!(place.kind(), TemplateErrorKind::InvalidName);
/// assert_eq!(place.problem(), "a quote in the name of a variable");
/// assert_eq!(place.excerpt(), "{\"answer\": 1}.\n ^");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct TemplateError {
    kind: TemplateErrorKind,
    problem: Cow<'static, str>,
    expected: Cow<'static, str>,
    line: usize,
    column: usize,
    character: usize,
    excerpt: String,
}

/// What sort of thing is wrong with a template: what a program may act on.
///
/// ```
/// use anabranch_prompts::{PromptTemplate, TemplateError, TemplateErrorKind};
///
/// let error = PromptTemplate::mustache("{{#rivers}}…").unwrap_err();
/// let advice = match error.downcast_ref::<TemplateError>().map(TemplateError::kind) {
///     Some(TemplateErrorKind::Unclosed) => "something is open at the end",
///     Some(_) => "something else",
///     None => "the template is not to blame",
/// };
/// assert_eq!(advice, "something is open at the end");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum TemplateErrorKind {
    /// Something that does not belong to the language, or not there.
    Syntax,
    /// Something in braces that is no name of a variable: pasted JSON, most often.
    InvalidName,
    /// A variable, a tag or a section without its end.
    Unclosed,
    /// The end of something that was not begun.
    Unopened,
    /// Something longer or deeper than it may be.
    TooComplex,
    /// Another template, which a prompt cannot load.
    LoadsTemplate,
    /// A filter that does not exist.
    UnknownFilter,
    /// A test that does not exist.
    UnknownTest,
    /// A function that does not exist.
    UnknownFunction,
    /// A method that does not exist, found at rendering.
    UnknownMethod,
    /// Too few or too many arguments, found at rendering.
    WrongArguments,
    /// An operation that does not fit its values, found at rendering.
    InvalidOperation,
    /// A value that is not there, found at rendering.
    Undefined,
    /// A value that is made on the way to the text and is larger than it may be, found at rendering.
    TooLarge,
}

/// How many characters of a line are shown.
const SHOWN: usize = 80;

impl TemplateError {
    /// What is wrong at this byte of a template, and what was expected there, as a clause.
    #[cold]
    pub(crate) fn new(
        template: &str,
        place: usize,
        kind: TemplateErrorKind,
        problem: impl Into<Cow<'static, str>>,
        expected: impl Into<Cow<'static, str>>,
    ) -> Self {
        let mut place = place.min(template.len());
        while !template.is_char_boundary(place) {
            place -= 1;
        }
        let before = &template[..place];
        let start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = template[start..place].chars().count() + 1;
        let line = template[start..].split('\n').next().unwrap_or_default();
        Self {
            kind,
            problem: problem.into(),
            expected: expected.into(),
            line: before.matches('\n').count() + 1,
            column,
            character: before.chars().count() + 1,
            excerpt: excerpt(line, column),
        }
    }

    /// What sort of thing is wrong.
    #[must_use]
    pub fn kind(&self) -> TemplateErrorKind {
        self.kind
    }

    /// What is wrong, in words.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What was expected, as a clause: "a variable is a plain name in braces".
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// The line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// The column, in characters from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// The place in characters from the beginning of the template, from 1.
    #[must_use]
    pub fn character(&self) -> usize {
        self.character
    }

    /// The line of the template, or as much of a long one as stands around the place, and a mark under it.
    #[must_use]
    pub fn excerpt(&self) -> &str {
        &self.excerpt
    }

    /// The error of a prompt, whose own message quotes nothing.
    #[cold]
    pub(crate) fn into_error(self, kind: ErrorKind) -> Error {
        let Self { problem, expected, line, column, character, .. } = &self;
        let verb = if kind == ErrorKind::InvalidChain { "has" } else { "met" };
        let message =
            format!("the template {verb} {problem} at line {line} column {column} (character {character}): {expected}");
        Error::new(kind, message).with_source(self)
    }
}

/// The part of the line around the place, and a mark under it.
fn excerpt(line: &str, column: usize) -> String {
    let skipped = column.saturating_sub(1).saturating_sub(SHOWN / 2);
    let mut shown = String::new();
    let mut mark = column - 1 - skipped;
    if skipped > 0 {
        shown.push('…');
        mark += 1;
    }
    let mut rest = line.chars().skip(skipped);
    shown.extend(rest.by_ref().take(SHOWN).map(plain));
    if rest.next().is_some() {
        shown.push('…');
    }
    format!("{}\n{}^", shown.trim_end(), " ".repeat(mark))
}

/// A character that neither moves the mark nor turns the line.
pub(crate) fn plain(c: char) -> char {
    let turns = matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    if c.is_control() || turns { ' ' } else { c }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { problem, expected, line, column, excerpt, .. } = self;
        write!(f, "{problem} at line {line} column {column}, where {expected}\n{excerpt}")
    }
}

impl std::error::Error for TemplateError {}

/// Without the line of the template: what is in a log by accident shows no prompt.
impl fmt::Debug for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateError")
            .field("kind", &self.kind)
            .field("problem", &self.problem)
            .field("expected", &self.expected)
            .field("line", &self.line)
            .field("column", &self.column)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: TemplateErrorKind = TemplateErrorKind::Syntax;

    #[test]
    fn the_mark_stands_under_the_place() {
        let template = "one\ntwö {x y}\nthree";
        let error = TemplateError::new(template, template.find(" y").unwrap(), KIND, "p", "e");
        assert_eq!((error.line(), error.column(), error.character()), (2, 7, 11));
        assert_eq!(error.excerpt(), "twö {x y}\n      ^");
        assert_eq!(error.to_string(), "p at line 2 column 7, where e\ntwö {x y}\n      ^");
    }

    #[test]
    fn a_long_line_is_cut_around_the_place() {
        let template = format!("{}{{ }}{}", "a".repeat(1_000_000), "b".repeat(1_000_000));
        let error = TemplateError::new(&template, 1_000_001, KIND, "p", "e");
        let (line, mark) = error.excerpt().split_once('\n').unwrap();
        assert_eq!(line.chars().count(), SHOWN + 2);
        assert_eq!(line.chars().nth(mark.chars().count() - 1), Some(' '));
        assert_eq!(line.chars().nth(mark.chars().count() - 2), Some('{'));
    }

    #[test]
    fn nothing_turns_the_line_and_every_place_will_do() {
        let template = "a\u{202e}\tb";
        assert_eq!(TemplateError::new(template, 5, KIND, "p", "e").excerpt(), "a  b\n   ^");
        for place in 0..20 {
            assert!(TemplateError::new("ä\n漢\n", place, KIND, "p", "e").excerpt().ends_with('^'));
        }
        assert_eq!(TemplateError::new("", 0, KIND, "p", "e").excerpt(), "\n^");
    }
}
