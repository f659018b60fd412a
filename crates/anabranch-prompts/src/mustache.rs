//! [`Mustache`]: text in a strict part of the mustache language, parsed once.
//!
//! | written | gives |
//! |---|---|
//! | `{{name}}`, `{{{name}}}`, `{{&name}}` | the value, as it is: a prompt is no web page, so nothing is escaped |
//! | `{{place.city}}` | a value inside an object |
//! | `{{#name}}…{{/name}}` | what is inside, for each element of a list, or once for anything that is there |
//! | `{{^name}}…{{/name}}` | what is inside, where the value is missing, null, false or empty |
//! | `{{.}}` | the element, or the whole input |
//! | `{{! … }}` | nothing |
//!
//! Partials (`{{>name}}`), which load other templates, and other delimiters (`{{=<% %>=}}`) are refused.

mod parse;

use serde_json::Value;

use crate::template::{Language, Limits, Stop, write_value};
use crate::template_error::{TemplateError, TemplateErrorKind};
use crate::values::Values;

/// Text in the mustache language.
#[derive(Clone, Debug)]
pub(crate) struct Mustache {
    source: String,
    nodes: Vec<Node>,
}

#[derive(Clone, Debug)]
enum Node {
    Text(String),
    /// Where it stands, and what it is called.
    Value(usize, Path),
    Section {
        path: Path,
        inverted: bool,
        body: Vec<Node>,
    },
}

/// `a.b.c`; empty for `.`.
#[derive(Clone, Debug, PartialEq)]
struct Path(Vec<String>);

impl Mustache {
    pub(crate) fn parse(source: String) -> Result<Self, TemplateError> {
        let nodes = parse::parse(&source)?;
        Ok(Self { source, nodes })
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// The variables outside of sections: inside, a name may be one of the element's. A section's own may be missing.
    pub(crate) fn each_variable(&self, add: &mut dyn FnMut(&str, bool)) {
        for node in &self.nodes {
            let (path, may_miss) = match node {
                Node::Text(_) => continue,
                Node::Value(_, path) => (path, false),
                Node::Section { path, .. } => (path, true),
            };
            if let Some(name) = path.0.first() {
                add(name, may_miss);
            }
        }
    }

    pub(crate) fn render(&self, values: &Values<'_>, limits: Limits) -> Result<String, Stop> {
        let mut rendering = Rendering {
            source: &self.source,
            values,
            limits,
            steps: 0,
            stack: Vec::new(),
            rendered: String::with_capacity(self.source.len()),
        };
        rendering.nodes(&self.nodes)?;
        Ok(rendering.rendered)
    }
}

struct Rendering<'a> {
    source: &'a str,
    values: &'a Values<'a>,
    limits: Limits,
    steps: u64,
    /// The elements of the sections it is in, the innermost last.
    stack: Vec<&'a Value>,
    rendered: String,
}

impl<'a> Rendering<'a> {
    /// As deep as the sections of the template nest, which [`parse`] bounds.
    fn nodes(&mut self, nodes: &'a [Node]) -> Result<(), Stop> {
        for node in nodes {
            self.steps += 1;
            if self.steps > self.limits.steps {
                return Err(Stop::Failed(self.limits.too_many_steps()));
            }
            match node {
                Node::Text(text) => self.rendered.push_str(text),
                Node::Value(place, path) => self.value(*place, path)?,
                Node::Section { path, inverted, body } => self.section(path, *inverted, body)?,
            }
            if self.rendered.len() > self.limits.output {
                return Err(self.limits.too_long());
            }
        }
        Ok(())
    }

    fn value(&mut self, place: usize, path: &Path) -> Result<(), Stop> {
        match self.find(path) {
            Some(Value::Null) => {}
            Some(value) => write_value(&mut self.rendered, value),
            // The whole input.
            None if path.0.is_empty() => {
                if let Some(input) = self.values.whole() {
                    self.rendered += &serde_json::to_string(input).unwrap_or_default();
                }
            }
            None if self.values.shows_missing() => self.rendered += &Language::Mustache.variable(&path.0.join(".")),
            None if self.stack.is_empty() && self.values.get(&path.0[0]).is_none() => return Err(Stop::Missing),
            None => {
                return Err(TemplateError::new(
                    self.source,
                    place,
                    TemplateErrorKind::Undefined,
                    "a variable that is not there",
                    "the name must be a key of the element or of the input: what may be missing stands in a section, \
                     `{{#name}}…{{/name}}`",
                )
                .into());
            }
        }
        Ok(())
    }

    fn section(&mut self, path: &Path, inverted: bool, body: &'a [Node]) -> Result<(), Stop> {
        let value = self.find(path).filter(|value| !is_nothing(value));
        match (value, inverted) {
            (None, true) => self.nodes(body),
            (Some(_), true) | (None, false) => Ok(()),
            (Some(Value::Array(list)), false) => {
                for element in list {
                    // An empty body is a step as well.
                    self.steps += 1;
                    self.within(element, body)?;
                }
                Ok(())
            }
            (Some(value), false) => self.within(value, body),
        }
    }

    fn within(&mut self, element: &'a Value, body: &'a [Node]) -> Result<(), Stop> {
        self.stack.push(element);
        let done = self.nodes(body);
        self.stack.pop();
        done
    }

    /// The value of a path, from the innermost element outwards. Only objects have something inside.
    fn find(&self, path: &Path) -> Option<&'a Value> {
        let Some((first, rest)) = path.0.split_first() else {
            return self.stack.last().copied();
        };
        let inner = self.stack.iter().rev().find_map(|element| element.as_object()?.get(first));
        let mut value = inner.or_else(|| self.values.get(first))?;
        for name in rest {
            value = value.as_object()?.get(name)?;
        }
        Some(value)
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
