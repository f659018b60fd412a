//! [`Format`]: text with `{variables}`, parsed once.

use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::values::Values;

/// Text with `{variables}`: `{{` and `}}` are braces.
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

#[derive(Clone, PartialEq, Debug)]
enum Segment {
    Text(String),
    Variable(String),
}

impl Format {
    pub(crate) fn parse(template: &str) -> Result<Self> {
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
                let name = name(after).map_err(|(offset, what)| invalid(template, place + 1 + offset, what))?;
                if !text.is_empty() {
                    segments.push(Segment::Text(std::mem::take(&mut text)));
                }
                segments.push(Segment::Variable(name.to_string()));
                rest = &after[name.len() + 1..];
            } else {
                return Err(invalid(template, place, "a `}` without its `{`"));
            }
        }
        text.push_str(rest);
        if !text.is_empty() {
            segments.push(Segment::Text(text));
        }
        let text = segments.iter().map(|segment| if let Segment::Text(text) = segment { text.len() } else { 0 }).sum();
        Ok(Self { segments, text, values: Size::default() })
    }

    /// The variables in order, as often as they stand there.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Variable(name) => Some(name.as_str()),
            Segment::Text(_) => None,
        })
    }

    /// The text with the values put in, which are never looked at for variables of their own; `None` where one is
    /// missing.
    pub(crate) fn render(&self, values: &Values<'_>) -> Option<String> {
        // Room for the text and for values of the size the last ones had: one look-up per variable, and nearly always
        // one allocation.
        let mut rendered = String::with_capacity(self.text + self.values.0.load(Ordering::Relaxed));
        for segment in &self.segments {
            match segment {
                Segment::Text(text) => rendered.push_str(text),
                Segment::Variable(name) => write_value(&mut rendered, values.get(name)?),
            }
        }
        let values = rendered.len() - self.text;
        if values > self.values.0.load(Ordering::Relaxed) {
            self.values.0.store(values.min(MOST), Ordering::Relaxed);
        }
        Some(rendered)
    }
}

/// Text as it is, everything else as compact JSON.
fn write_value(rendered: &mut String, value: &Value) {
    match value {
        Value::String(text) => rendered.push_str(text),
        // Writing to a string cannot fail.
        value => drop(write!(rendered, "{value}")),
    }
}

/// The plain name before the next `}`, or where it stops being one and why.
fn name(text: &str) -> std::result::Result<&str, (usize, &'static str)> {
    for (offset, c) in text.char_indices() {
        let at_start = offset == 0;
        let problem = match c {
            '}' if !at_start => return Ok(&text[..offset]),
            '_' => continue,
            c if c.is_alphabetic() || (!at_start && c.is_alphanumeric()) => continue,
            '}' => "a variable without a name",
            '"' | '\'' => "a quote in the name of a variable",
            c if c.is_whitespace() => "white space in the name of a variable",
            c if c.is_numeric() => "a variable whose name begins with a digit",
            '.' => "attribute access in a variable",
            '[' | ']' => "indexing in a variable",
            ':' => "a format specification in a variable",
            '!' => "a conversion in a variable",
            '{' => "a `{` inside a variable",
            _ => "a character that cannot be in the name of a variable",
        };
        return Err((offset, problem));
    }
    Err((text.len(), "the end of the template inside a variable"))
}

/// Says where, and never quotes the template.
#[cold]
fn invalid(template: &str, place: usize, what: &str) -> Error {
    let before = &template[..place];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let character = before.chars().count() + 1;
    Error::new(
        ErrorKind::InvalidChain,
        format!(
            "the template has {what} at line {line} column {column} (character {character}): a variable is a plain \
             name in braces such as `{{topic}}`; a brace that is text, as in pasted JSON or code, is doubled: `{{{{` \
             and `}}}}`"
        ),
    )
}

#[cfg(test)]
mod tests;
