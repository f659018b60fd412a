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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn render(template: &str, values: Value) -> String {
        let object = values.as_object().unwrap();
        Format::parse(template).unwrap().render(&Values::of(object)).unwrap()
    }

    fn problem(template: &str) -> String {
        let error = Format::parse(template).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidChain);
        error.message().to_string()
    }

    #[test]
    fn variables_and_doubled_braces() {
        assert_eq!(render("About {topic}.", json!({"topic": "tides"})), "About tides.");
        assert_eq!(render("{{\"a\": {n}}}", json!({"n": 1})), "{\"a\": 1}");
        assert_eq!(render("{{{x}}}", json!({"x": "y"})), "{y}");
        assert_eq!(render("{a}{b}{a}", json!({"a": 1, "b": 2})), "121");
        assert_eq!(render("{größe_2}", json!({"größe_2": "XL"})), "XL");
        assert_eq!(render("", json!({})), "");
    }

    #[test]
    fn values_as_text() {
        let values = json!({"n": null, "b": true, "f": 1.5, "l": [1, "a"], "o": {"z": 1, "a": null}});
        assert_eq!(render("{n} {b} {f} {l} {o}", values), r#"null true 1.5 [1,"a"] {"z":1,"a":null}"#);
    }

    #[test]
    fn values_are_never_formatted_again() {
        assert_eq!(render("{a} {b}", json!({"a": "{b} {{", "b": "}} {a}"})), "{b} {{ }} {a}");
    }

    #[test]
    fn what_is_no_plain_name_is_an_error_with_its_place() {
        for (template, part, place) in [
            ("{user.name}", "attribute access", "line 1 column 6 (character 6)"),
            ("{rows[0]}", "indexing", "line 1 column 6 (character 6)"),
            ("{price:.2f}", "format specification", "line 1 column 7 (character 7)"),
            ("{name!r}", "conversion", "line 1 column 6 (character 6)"),
            ("{0}", "begins with a digit", "line 1 column 2 (character 2)"),
            ("{}", "without a name", "line 1 column 2 (character 2)"),
            ("{ name }", "white space", "line 1 column 2 (character 2)"),
            ("é\n {\"key\": 1}", "a quote", "line 2 column 3 (character 5)"),
            ("{open", "the end of the template", "line 1 column 6 (character 6)"),
            ("{", "the end of the template", "line 1 column 2 (character 2)"),
            ("a } b", "without its `{`", "line 1 column 3 (character 3)"),
            ("{a{b}}", "a `{` inside", "line 1 column 3 (character 3)"),
            ("{a-b}", "cannot be in the name", "line 1 column 3 (character 3)"),
        ] {
            let problem = problem(template);
            assert!(problem.contains(part) && problem.contains(place), "{template}: {problem}");
            assert!(problem.contains("`{{` and `}}`"), "{problem}");
        }
    }

    proptest! {
        #[test]
        fn any_template_parses_or_says_why(template in "[{}a-c0.\\n\"é ]{0,40}|\\PC{0,60}") {
            if let Ok(format) = Format::parse(&template) {
                let names: Vec<_> = format.variables().map(str::to_string).collect();
                let object = names.iter().map(|name| (name.clone(), json!("{x}"))).collect();
                prop_assert!(format.render(&Values::of(&object)).is_some());
            }
        }

        #[test]
        fn doubling_braces_makes_any_text_literal(text in "[{}a-z\\n ]{0,60}|\\PC{0,60}") {
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(render(&doubled, json!({})), text);
        }

        #[test]
        fn any_value_stands_as_it_is(value in "[{}a-c]{0,20}|\\PC{0,40}", other in "[{}a-c]{0,20}") {
            let rendered = render("<{a}|{b}|{a}>", json!({"a": value, "b": other}));
            prop_assert_eq!(rendered, format!("<{value}|{other}|{value}>"));
        }
    }
}
