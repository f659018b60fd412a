//! [`Template`]: text with variables, in one of the languages.

use anabranch_core::{Error, ErrorKind, Result};
use serde_json::Value;

use crate::format::Format;
use crate::mustache::Mustache;
use crate::template_error::TemplateError;
use crate::values::Values;

/// How a template is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Language {
    Format,
    Mustache,
    #[cfg(feature = "jinja")]
    Jinja,
}

impl Language {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Format => "f-string",
            Self::Mustache => "mustache",
            #[cfg(feature = "jinja")]
            Self::Jinja => "Jinja",
        }
    }

    /// What to do about a variable that is missing, besides giving it.
    pub(crate) fn hint(self) -> &'static str {
        match self {
            Self::Format => {
                "what may be missing is written `{name?}`; what is text and no variable has its braces doubled: `{{` \
                 and `}}`"
            }
            Self::Mustache => "what may be missing stands in a section: `{{#name}}…{{/name}}`",
            #[cfg(feature = "jinja")]
            Self::Jinja => "what may be missing is asked for with `is defined` or has a `default`",
        }
    }

    /// A variable as it is written.
    pub(crate) fn variable(self, name: &str) -> String {
        match self {
            Self::Format => format!("{{{name}}}"),
            Self::Mustache => format!("{{{{{name}}}}}"),
            #[cfg(feature = "jinja")]
            Self::Jinja => format!("{{{{ {name} }}}}"),
        }
    }
}

/// How much one rendering may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The bytes of each text.
    pub(crate) output: usize,
    /// The steps of each text in a language that has loops.
    pub(crate) steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output: 64 << 20, steps: 50_000_000 }
    }
}

impl Limits {
    /// The stricter of both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { output: self.output.min(other.output), steps: self.steps.min(other.steps) }
    }

    #[cold]
    pub(crate) fn too_long(self) -> Stop {
        let message =
            format!("the text of the prompt is longer than {} bytes: `.max_output(..)` allows more", self.output);
        Stop::Failed(Error::invalid_input(message))
    }

    #[cold]
    pub(crate) fn too_many_steps(self) -> Error {
        let message = format!("the rendering takes more than {} steps: `.max_steps(..)` allows more", self.steps);
        Error::invalid_input(message)
    }
}

/// Why there is no text.
pub(crate) enum Stop {
    /// A variable that must be given is not there: the whole prompt says which.
    Missing,
    Failed(Error),
}

impl From<TemplateError> for Stop {
    fn from(error: TemplateError) -> Self {
        Self::Failed(error.into_error(ErrorKind::InvalidInput))
    }
}

/// Text with variables, parsed once.
#[derive(Clone)]
pub(crate) enum Template {
    Format(Format),
    Mustache(Mustache),
    #[cfg(feature = "jinja")]
    Jinja(std::sync::Arc<crate::jinja::Jinja>),
}

impl Template {
    pub(crate) fn parse(language: Language, template: String) -> Result<Self> {
        let parsed = match language {
            Language::Format => Format::parse(&template).map(Self::Format),
            Language::Mustache => Mustache::parse(template).map(Self::Mustache),
            #[cfg(feature = "jinja")]
            Language::Jinja => {
                let steps = Limits::default().steps;
                crate::jinja::Jinja::parse(template, steps).map(std::sync::Arc::new).map(Self::Jinja)
            }
        };
        parsed.map_err(|error| error.into_error(ErrorKind::InvalidChain))
    }

    pub(crate) fn language(&self) -> Language {
        match self {
            Self::Format(_) => Language::Format,
            Self::Mustache(_) => Language::Mustache,
            #[cfg(feature = "jinja")]
            Self::Jinja(_) => Language::Jinja,
        }
    }

    /// Calls this with each variable, and whether it may be missing.
    pub(crate) fn each_variable(&self, add: &mut dyn FnMut(&str, bool)) {
        match self {
            Self::Format(format) => format.each_variable(add),
            Self::Mustache(mustache) => mustache.each_variable(add),
            #[cfg(feature = "jinja")]
            Self::Jinja(jinja) => jinja.each_variable(add),
        }
    }

    #[inline]
    pub(crate) fn render(&self, values: &Values<'_>, limits: Limits) -> Result<String, Stop> {
        match self {
            Self::Format(format) => format.render(values, limits),
            Self::Mustache(mustache) => mustache.render(values, limits),
            #[cfg(feature = "jinja")]
            Self::Jinja(jinja) => jinja.render(values, limits),
        }
    }

    /// The variable it is, if it is one and nothing else.
    pub(crate) fn only_variable(&self) -> Option<&str> {
        match self {
            Self::Format(format) => format.only_variable(),
            _ => None,
        }
    }

    /// The limit on steps is part of what Jinja sets up.
    pub(crate) fn set_steps(&mut self, steps: u64) {
        match self {
            Self::Format(_) | Self::Mustache(_) => {}
            #[cfg(feature = "jinja")]
            Self::Jinja(jinja) => *jinja = std::sync::Arc::new(jinja.with_steps(steps)),
        }
        let _ = steps;
    }

    /// As it was written.
    pub(crate) fn source(&self) -> std::borrow::Cow<'_, str> {
        match self {
            Self::Format(format) => format.source().into(),
            Self::Mustache(mustache) => mustache.source().into(),
            #[cfg(feature = "jinja")]
            Self::Jinja(jinja) => jinja.source().into(),
        }
    }
}

/// Text as it is, everything else as compact JSON.
#[inline]
pub(crate) fn write_value(rendered: &mut String, value: &Value) {
    match value {
        Value::String(text) => rendered.push_str(text),
        // Writing to a string cannot fail.
        value => drop(std::fmt::Write::write_fmt(rendered, format_args!("{value}"))),
    }
}
