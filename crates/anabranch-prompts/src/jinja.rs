//! [`Jinja`]: text in the Jinja language, parsed once.

use std::collections::BTreeMap;

use anabranch_core::{Error, ErrorKind, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use crate::values::Values;

/// How many steps one rendering may take.
const FUEL: u64 = 1_000_000;
/// How deep macros and blocks may nest.
const DEPTH: usize = 100;
const NAME: &str = "prompt";

/// Text in the Jinja language, with all it needs for its rendering and no way to anything else.
pub(crate) struct Jinja {
    environment: Environment<'static>,
    variables: Vec<String>,
}

impl Jinja {
    pub(crate) fn parse(template: String) -> Result<Self> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(DEPTH);
        let syntax = SyntaxConfig::builder().keep_trailing_newline(true).build();
        environment.set_syntax(syntax.map_err(|error| failed(ErrorKind::InvalidChain, &error))?);
        environment.add_template_owned(NAME, template).map_err(|error| failed(ErrorKind::InvalidChain, &error))?;
        let parsed = environment.get_template(NAME).map_err(|error| failed(ErrorKind::InvalidChain, &error))?;
        let globals: Vec<String> = environment.globals().map(|(name, _)| name.to_string()).collect();
        let mut variables: Vec<String> =
            parsed.undeclared_variables(false).into_iter().filter(|name| !globals.contains(name)).collect();
        // They come in no order; any fixed one is good.
        variables.sort_unstable();
        Ok(Self { environment, variables })
    }

    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    /// The text; `None` where a variable is missing.
    pub(crate) fn render(&self, values: &Values<'_>) -> Result<Option<String>> {
        let mut context = BTreeMap::new();
        for name in self.variables() {
            match values.get(name) {
                Some(value) => context.insert(name, value),
                None => return Ok(None),
            };
        }
        let template = self.environment.get_template(NAME).map_err(|error| failed(ErrorKind::InvalidChain, &error))?;
        template.render(Serde(context)).map(Some).map_err(|error| failed(ErrorKind::InvalidInput, &error))
    }
}

/// Says what and where; the details may quote the template or a value.
#[cold]
fn failed(kind: ErrorKind, error: &minijinja::Error) -> Error {
    let line = error.line().map(|line| format!(" at line {line}")).unwrap_or_default();
    Error::new(kind, format!("the Jinja template failed{line}: {}", words(error.kind())))
}

fn words(kind: minijinja::ErrorKind) -> &'static str {
    use minijinja::ErrorKind as Kind;
    match kind {
        Kind::SyntaxError => "it is not Jinja",
        Kind::UndefinedError => "a value in it is not defined, such as a key that an object does not have",
        Kind::UnknownFilter => "it uses a filter that does not exist",
        Kind::UnknownTest => "it uses a test that does not exist",
        Kind::UnknownFunction => "it calls a function that does not exist",
        Kind::UnknownMethod => "it calls a method that does not exist",
        Kind::TemplateNotFound => "it loads another template, which a prompt cannot",
        Kind::OutOfFuel => "its rendering takes too many steps",
        Kind::MissingArgument | Kind::TooManyArguments => "a call in it has the wrong number of arguments",
        Kind::CannotUnpack | Kind::InvalidOperation => "an operation in it does not fit its values",
        _ => "it could not be rendered",
    }
}
