//! [`Format`]: text with `{variables}`, parsed once.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::template::{Language, Limits, Stop, write_value};
use crate::template_error::{TemplateError, TemplateErrorKind};
use crate::values::Values;

/// Text with `{variables}`: `{{` and `}}` are braces, `{name?}` may be missing.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Format {
    segments: Vec<Segment>,
    /// Bytes of text that are in every rendering.
    text: usize,
    /// Bytes of values that were in one.
    values: Size,
}

/// A guess that renderings share; it makes no template another one.
#[derive(Debug, Default)]
struct Size(AtomicUsize);

impl Clone for Size {
    fn clone(&self) -> Self {
        Self(AtomicUsize::new(self.0.load(Ordering::Relaxed)))
    }
}

impl PartialEq for Size {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The most that is set aside for values in advance: one huge value must not make every rendering after it huge.
const MOST: usize = 4096;

const EXPECTED: &str = "a variable is a plain name in braces such as `{topic}`, or `{topic?}` where it may be missing; a \
                        brace that is text, as in pasted JSON or code, is doubled: `{{` and `}}`";

#[derive(Clone, PartialEq, Debug)]
enum Segment {
    Text(String),
    Variable(String),
    /// A variable that may be missing.
    Optional(String),
}

impl Format {
    pub(crate) fn parse(template: &str) -> Result<Self, TemplateError> {
        let mut segments = Vec::new();
        let mut text = String::new();
        let mut rest = template;
        while let Some(brace) = rest.find(['{', '}']) {
            text.push_str(&rest[..brace]);
            let place = template.len() - rest.len() + brace;
            rest = &rest[brace..];
            if let Some(after) = rest.strip_prefix("{{") {
                text.push('{');
                rest = after;
            } else if let Some(after) = rest.strip_prefix("}}") {
                text.push('}');
                rest = after;
            } else if let Some(after) = rest.strip_prefix('{') {
                let (name, length) = name(after).map_err(|(offset, kind, what)| {
                    TemplateError::new(template, place + 1 + offset, kind, what, EXPECTED)
                })?;
                if !text.is_empty() {
                    segments.push(Segment::Text(std::mem::take(&mut text)));
                }
                let kind = if name.len() == length { Segment::Variable } else { Segment::Optional };
                segments.push(kind(name.to_string()));
                rest = &after[length + 1..];
            } else {
                let kind = TemplateErrorKind::Unopened;
                return Err(TemplateError::new(template, place, kind, "a `}` without its `{`", EXPECTED));
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            segments.push(Segment::Text(text));
        }
        let text = segments.iter().map(|segment| if let Segment::Text(text) = segment { text.len() } else { 0 }).sum();
        Ok(Self { segments, text, values: Size::default() })
    }

    /// The variables in order, as often as they stand there, and whether they may be missing.
    pub(crate) fn each_variable(&self, add: &mut dyn FnMut(&str, bool)) {
        for segment in &self.segments {
            match segment {
                Segment::Variable(name) => add(name, false),
                Segment::Optional(name) => add(name, true),
                Segment::Text(_) => {}
            }
        }
    }

    pub(crate) fn only_variable(&self) -> Option<&str> {
        match self.segments.as_slice() {
            [Segment::Variable(name)] => Some(name),
            _ => None,
        }
    }

    /// The text with the values put in, which are never looked at for variables of their own.
    pub(crate) fn render(&self, values: &Values<'_>, limits: Limits) -> Result<String, Stop> {
        // Room for the text and for values of the size the last ones had: one look-up per variable, and nearly always
        // one allocation.
        let mut rendered = String::with_capacity(self.text + self.values.0.load(Ordering::Relaxed));
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => rendered.push_str(text),
                Segment::Variable(name) => match values.get(name) {
                    Some(value) => write_value(&mut rendered, value),
                    None if values.shows_missing() => rendered += &Language::Format.variable(name),
                    None => return Err(Stop::Missing),
                },
                Segment::Optional(name) => {
                    if let Some(value) = values.get(name).filter(|value| !value.is_null()) {
                        write_value(&mut rendered, value);
                    }
                }
            }
            if rendered.len() > limits.output {
                return Err(limits.too_long());
            }
        }
        let values = rendered.len() - self.text;
        if values > self.values.0.load(Ordering::Relaxed) {
            self.values.0.store(values.min(MOST), Ordering::Relaxed);
        }
        Ok(rendered)
    }

    /// The template, which says the same as what was parsed.
    pub(crate) fn source(&self) -> String {
        let mut source = String::with_capacity(self.text);
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => source += &text.replace('{', "{{").replace('}', "}}"),
                Segment::Variable(name) => source += &format!("{{{name}}}"),
                Segment::Optional(name) => source += &format!("{{{name}?}}"),
            }
        }
        source
    }
}

/// Whether this can be the name of a variable.
pub(crate) fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c == '_' || c.is_alphabetic()) && chars.all(|c| c == '_' || c.is_alphanumeric())
}

/// The plain name before the next `}` and how many bytes it is with its `?`, or where it stops being one and why.
fn name(text: &str) -> Result<(&str, usize), (usize, TemplateErrorKind, &'static str)> {
    for (offset, c) in text.char_indices() {
        let at_start = offset == 0;
        let problem = match c {
            '}' if !at_start => return Ok((&text[..offset], offset)),
            '?' if !at_start && text[offset + 1..].starts_with('}') => return Ok((&text[..offset], offset + 1)),
            '_' => continue,
            c if c.is_alphabetic() || (!at_start && c.is_alphanumeric()) => continue,
            '}' => "a variable without a name",
            '"' | '\'' => "a quote in the name of a variable",
            c if c.is_whitespace() => "white space in the name of a variable",
            c if c.is_numeric() => "a variable whose name begins with a digit",
            '.' => "attribute access in a variable",
            '[' | ']' => "indexing in a variable",
            ':' => "a format specification in a variable, which only `prompt!` has",
            '!' => "a conversion in a variable",
            '{' => "a `{` inside a variable",
            _ => "a character that cannot be in the name of a variable",
        };
        return Err((offset, TemplateErrorKind::InvalidName, problem));
    }
    Err((text.len(), TemplateErrorKind::Unclosed, "the end of the template inside a variable"))
}

#[cfg(test)]
mod tests;
