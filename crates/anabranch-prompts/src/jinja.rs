//! [`Jinja`]: text in the Jinja language, parsed once.

mod scan;

use std::io;

use anabranch_core::Error;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, ValueKind};
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value as JinjaValue};

use crate::template::{Limits, Stop};
use crate::template_error::TemplateError;
use crate::values::Values;

/// How deep macros and blocks may nest.
const DEPTH: usize = 100;
const NAME: &str = "prompt";

/// Text in the Jinja language, with all it needs for its rendering and no way to anything else.
pub(crate) struct Jinja {
    environment: Environment<'static>,
    source: String,
    /// The variables, and whether they may be missing.
    variables: Vec<(String, bool)>,
    /// Whether parts of it may be written more than once.
    repeats: bool,
}

impl Jinja {
    pub(crate) fn parse(source: String, steps: u64) -> Result<Self, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_formatter(write_value);
        environment.set_fuel(Some(steps));
        environment.set_recursion_limit(DEPTH);
        // It writes all variables into the prompt.
        environment.remove_global("debug");
        if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
            environment.set_syntax(syntax);
        }
        let failed = |error: minijinja::Error| place(&source, &error);
        let found = scan::scan(&source);
        if let Some(place) = found.too_long {
            let expected = "an expression has at most 500 names, values and operators";
            return Err(TemplateError::new(&source, place, "an expression that is too long", expected));
        }
        environment.add_template_owned(NAME, source.clone()).map_err(failed)?;
        let mut undeclared = environment.get_template(NAME).map_err(failed)?.undeclared_variables(false);
        for name in environment.globals().map(|(name, _)| name.to_string()).collect::<Vec<_>>() {
            undeclared.remove(&name);
        }
        check(&environment, &source, &found, &undeclared)?;
        // They come in no order; any fixed one is good.
        let mut variables: Vec<_> = undeclared
            .into_iter()
            .map(|name| (found.guarded.contains(name.as_str()), name))
            .map(|(may, name)| (name, may))
            .collect();
        variables.sort_unstable();
        let repeats = found.repeats;
        Ok(Self { environment, source, variables, repeats })
    }

    pub(crate) fn with_steps(&self, steps: u64) -> Self {
        let mut environment = self.environment.clone();
        environment.set_fuel(Some(steps));
        Self { environment, source: self.source.clone(), variables: self.variables.clone(), repeats: self.repeats }
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    pub(crate) fn each_variable(&self, add: &mut dyn FnMut(&str, bool)) {
        self.variables.iter().for_each(|(name, may_miss)| add(name, *may_miss));
    }

    pub(crate) fn render(&self, values: &Values<'_>, limits: Limits) -> Result<String, Stop> {
        if self.variables.iter().any(|(name, may_miss)| !may_miss && values.get(name).is_none()) {
            return Err(Stop::Missing);
        }
        let context = Serde(Context { variables: &self.variables, values });
        if !self.repeats {
            // Each part of it is written once at most: it is as long as its values make it.
            let template = self.environment.get_template(NAME).map_err(|error| place(&self.source, &error))?;
            return match template.render(context) {
                Ok(text) if text.len() > limits.output => Err(limits.too_long()),
                Ok(text) => Ok(text),
                Err(error) => Err(self.stop(&error, limits)),
            };
        }
        let mut rendered = Limited { rendered: Vec::with_capacity(self.source.len()), limit: limits.output };
        let template = self.environment.get_template(NAME).map_err(|error| place(&self.source, &error))?;
        match template.render_captured_to(context, &mut rendered) {
            // What is written are texts.
            Ok(_) => String::from_utf8(rendered.rendered).map_err(|_| Stop::Failed(Error::invalid_input("no UTF-8"))),
            Err(error) => Err(self.stop(&error, limits)),
        }
    }

    #[cold]
    fn stop(&self, error: &minijinja::Error, limits: Limits) -> Stop {
        match error.kind() {
            minijinja::ErrorKind::OutOfFuel => Stop::Failed(limits.too_many_steps()),
            minijinja::ErrorKind::WriteFailure => limits.too_long(),
            _ => place(&self.source, error).into(),
        }
    }
}

/// The variables of one rendering, as minijinja takes them.
struct Context<'a> {
    variables: &'a [(String, bool)],
    values: &'a Values<'a>,
}

impl serde::Serialize for Context<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let there = |name: &str| self.values.get(name);
        serializer.collect_map(self.variables.iter().filter_map(|(name, _)| Some((name.as_str(), there(name)?))))
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

/// Text as it is, everything else as compact JSON, as in the other languages.
fn write_value(output: &mut Output<'_>, _: &mut State<'_, '_>, value: &JinjaValue) -> Result<(), minijinja::Error> {
    if let Some(text) = value.as_str() {
        return Ok(output.write_str(text)?);
    }
    let is_json = match value.kind() {
        ValueKind::Undefined => return Ok(()),
        ValueKind::None | ValueKind::Bool | ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => true,
        ValueKind::Number => !value.is_integer(),
        _ => false,
    };
    if !is_json {
        return Ok(std::fmt::Write::write_fmt(output, format_args!("{value}"))?);
    }
    let json =
        serde_json::to_string(value).map_err(|_| minijinja::Error::from(minijinja::ErrorKind::BadSerialization))?;
    Ok(output.write_str(&json)?)
}

/// Filters, tests and functions that do not exist, and statements that load other templates, are found before any
/// rendering comes to them.
fn check(
    environment: &Environment<'_>,
    source: &str,
    found: &scan::Found<'_>,
    undeclared: &std::collections::HashSet<String>,
) -> Result<(), TemplateError> {
    use minijinja::ErrorKind as Kind;
    let problem = |place, kind| {
        let (problem, expected) = words(kind);
        Err(TemplateError::new(source, place, problem, expected))
    };
    if let Some(place) = found.loads {
        return problem(place, Kind::TemplateNotFound);
    }
    let is_unknown = |probe: String, kind| environment.render_str(&probe, ()).is_err_and(|error| error.kind() == kind);
    for (name, place) in &found.filters {
        if is_unknown(format!("{{{{ 1|{name} }}}}"), Kind::UnknownFilter) {
            return problem(*place, Kind::UnknownFilter);
        }
    }
    for (name, place) in &found.tests {
        if is_unknown(format!("{{{{ 1 is {name} }}}}"), Kind::UnknownTest) {
            return problem(*place, Kind::UnknownTest);
        }
    }
    for (name, place) in &found.calls {
        // A variable is data, and cannot be called.
        if undeclared.contains(*name) {
            return problem(*place, Kind::UnknownFunction);
        }
    }
    Ok(())
}

/// Says what and where; the details may quote a value.
#[cold]
fn place(source: &str, error: &minijinja::Error) -> TemplateError {
    let start_of_line = || {
        let line = error.line().unwrap_or(1).saturating_sub(1);
        source.split_inclusive('\n').take(line).map(str::len).sum()
    };
    let place = error.range().map_or_else(start_of_line, |range| range.start);
    let (problem, expected) = words(error.kind());
    // The parser says what it wants in words of its own.
    let wanted = match (error.kind(), error.detail().and_then(|detail| detail.rsplit_once(", expected "))) {
        (minijinja::ErrorKind::SyntaxError, Some((_, wanted))) => format!("{wanted} was expected").into(),
        _ => std::borrow::Cow::Borrowed(expected),
    };
    TemplateError::new(source, place, problem, wanted)
}

/// What is wrong, and what was expected.
fn words(kind: minijinja::ErrorKind) -> (&'static str, &'static str) {
    use minijinja::ErrorKind as Kind;
    match kind {
        Kind::SyntaxError => ("something that is no Jinja", "`{{ … }}` is an expression and `{% … %}` a statement"),
        Kind::UndefinedError => (
            "a value that is not defined",
            "a key must be there: what may be missing is asked for with `is defined` or has a `default`",
        ),
        Kind::UnknownFilter => ("a filter that does not exist", "the filters are those of minijinja"),
        Kind::UnknownTest => ("a test that does not exist", "the tests are those of minijinja"),
        Kind::UnknownFunction => (
            "a call of a function that does not exist",
            "the functions are those of minijinja and the template's macros",
        ),
        Kind::UnknownMethod => ("a call of a method that does not exist", "values are data and have no methods"),
        Kind::TemplateNotFound | Kind::BadInclude => {
            ("a statement that loads another template", "a prompt is one template, since it cannot read files")
        }
        Kind::MissingArgument | Kind::TooManyArguments => {
            ("a call with the wrong number of arguments", "the arguments must be those of the filter, test or function")
        }
        Kind::CannotUnpack | Kind::InvalidOperation | Kind::NonPrimitive | Kind::NonKey => {
            ("an operation that does not fit its values", "the values must be of the kinds it works on")
        }
        Kind::BadEscape => ("an escape in a text that is none", "`\\n`, `\\t` and `\\u1234` are some"),
        _ => ("something that cannot be rendered", "it must give a text"),
    }
}

#[cfg(test)]
mod tests;
