//! [`Jinja`]: text in the Jinja language, parsed once.

mod check;
mod expression;
mod filters;
mod keep;
mod operators;
mod rewrite;
mod room;
mod scan;
mod stand_in;
mod statement;
mod tags;
mod variables;
mod written;

use std::io;

use anabranch_core::Error;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value as JinjaValue};

use crate::template::{Limits, Stop};
use crate::template_error::{TemplateError, TemplateErrorKind};
use crate::values::Values;
use check::{check, place, refused};
use rewrite::Rewritten;
use room::{Full, ROOM, Room};
use stand_in::StandIn;

/// How deep macros and blocks may nest.
const DEPTH: usize = 100;
const NAME: &str = "prompt";

/// Text in the Jinja language, with all it needs for its rendering and no way to anything else.
pub(crate) struct Jinja {
    environment: Environment<'static>,
    source: String,
    /// What minijinja was given.
    rewritten: std::sync::Arc<Rewritten>,
    /// The variables, and whether they may be missing.
    variables: Vec<(String, bool)>,
    /// Whether parts of it may be written more than once.
    repeats: bool,
    /// Whether its expressions make anything on their way to the text.
    makes: bool,
}

impl Jinja {
    pub(crate) fn parse(source: String, steps: u64) -> Result<Self, TemplateError> {
        let tags = tags::tags(&source);
        let (rewritten, asked) = rewrite::rewrite(&source, &tags).map_err(|why| refused(&source, &why))?;
        let found = scan::scan(&tags);
        if let Some(place) = found.too_long {
            let expected = "an expression has at most 500 names, values and operators";
            let kind = TemplateErrorKind::TooComplex;
            return Err(TemplateError::new(&source, place, kind, "an expression that is too long", expected));
        }
        let makes = found.makes || rewritten.changed || rewritten.captures;
        let mut environment = environment(makes, rewritten.captures, steps);
        let failed = |error: minijinja::Error| place(&source, &rewritten, &error);
        environment.add_template_owned(NAME, rewritten.source.clone()).map_err(failed)?;
        let is_global = |name: &str| environment.globals().any(|(global, _)| global == name);
        let mut variables: Vec<(String, bool)> = Vec::new();
        for (name, set_in_some_cases) in asked.asked() {
            if !is_global(name) {
                variables.push((name.to_string(), *set_in_some_cases || found.guarded.contains(name)));
            }
        }
        check(&environment, &source, &found, &variables)?;
        let repeats = found.repeats;
        Ok(Self { environment, rewritten: rewritten.into(), variables, repeats, makes, source })
    }

    pub(crate) fn with_steps(&self, steps: u64) -> Self {
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(steps));
        Self {
            environment,
            source: self.source.clone(),
            rewritten: self.rewritten.clone(),
            variables: self.variables.clone(),
            ..*self
        }
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn each_variable(&self, add: &mut dyn FnMut(&str, bool)) {
        self.variables.iter().for_each(|(name, may_miss)| add(name, *may_miss));
    }

    pub(crate) fn render(&self, values: &Values<'_>, limits: Limits) -> Result<String, Stop> {
        let shows_missing = values.shows_missing();
        let is_missing =
            self.variables.iter().any(|(name, may_miss)| (!may_miss || shows_missing) && values.get(name).is_none());
        if is_missing && !shows_missing {
            return Err(Stop::Missing);
        }
        match self.rendered(values, limits) {
            // It does something with a variable that only its value can say.
            Err(_) if is_missing => Ok(self.source.clone()),
            rendered => rendered,
        }
    }

    fn rendered(&self, values: &Values<'_>, limits: Limits) -> Result<String, Stop> {
        let context = Serde(Context {
            variables: &self.variables,
            values,
            room: self.makes.then(|| JinjaValue::from_object(Room::new(limits))),
        });
        let template = self.environment.get_template(NAME).map_err(|error| self.stop(&error, limits))?;
        if !self.repeats {
            // Each part of it is written once at most: it is as long as its values make it.
            return match template.render(context) {
                Ok(text) if text.len() > limits.output => Err(limits.too_long()),
                Ok(text) => Ok(text),
                Err(error) => Err(self.stop(&error, limits)),
            };
        }
        let mut rendered = Limited { rendered: Vec::with_capacity(self.source.len()), limit: limits.output };
        match template.render_captured_to(context, &mut rendered) {
            // What is written are texts.
            Ok(_) => String::from_utf8(rendered.rendered).map_err(|_| Stop::Failed(Error::invalid_input("no UTF-8"))),
            Err(error) => Err(self.stop(&error, limits)),
        }
    }

    #[cold]
    fn stop(&self, error: &minijinja::Error, limits: Limits) -> Stop {
        match (Full::of(error), error.kind()) {
            (Some(Full::Made), _) | (_, minijinja::ErrorKind::OutOfFuel) => Stop::Failed(limits.too_many_steps()),
            (Some(Full::Written), _) | (_, minijinja::ErrorKind::WriteFailure) => limits.too_long(),
            _ => place(&self.source, &self.rewritten, error).into(),
        }
    }
}

/// What a template is rendered with.
fn environment(makes: bool, captures: bool, steps: u64) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    if captures {
        environment.set_formatter(written::write_counted);
    } else {
        environment.set_formatter(written::write_value);
    }
    environment.set_fuel(Some(steps));
    environment.set_recursion_limit(DEPTH);
    // It writes all variables into the prompt.
    environment.remove_global("debug");
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.add_test("divisibleby", operators::divisible_by);
    if makes {
        operators::add_to(&mut environment);
        filters::add_to(&mut environment);
    }
    environment
}

/// The variables of one rendering, as minijinja takes them.
struct Context<'a> {
    variables: &'a [(String, bool)],
    values: &'a Values<'a>,
    room: Option<JinjaValue>,
}

impl serde::Serialize for Context<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        for (name, may_miss) in self.variables {
            match self.values.get(name) {
                Some(value) => map.serialize_entry(name, value)?,
                None if !may_miss && self.values.shows_missing() => {
                    map.serialize_entry(name, &StandIn::value(name))?;
                }
                None => {}
            }
        }
        if let Some(room) = &self.room {
            map.serialize_entry(ROOM, room)?;
        }
        map.end()
    }
}

/// Takes as much as it may.
struct Limited {
    rendered: Vec<u8>,
    limit: usize,
}

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.rendered.len() + bytes.len() > self.limit {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.rendered.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
