//! What is wrong with a template, in this library's words.

use std::collections::HashSet;

use minijinja::{Environment, ErrorKind};

use super::rewrite::{Refused, Rewritten};
use super::room::Full;
use super::scan::Found;
use crate::template_error::{TemplateError, TemplateErrorKind};

/// Filters, tests and functions that do not exist, and statements that load other templates, are found before any
/// rendering comes to them.
pub(super) fn check(
    environment: &Environment<'_>,
    source: &str,
    found: &Found<'_>,
    variables: &[(String, bool)],
) -> Result<(), TemplateError> {
    if let Some(place) = found.loads {
        return Err(error(source, place, ErrorKind::TemplateNotFound));
    }
    let try_all = |names: &[(&str, usize)], kind, probe: fn(&str) -> String| {
        let mut tried = HashSet::new();
        for (name, place) in names {
            let is_unknown = |failed: minijinja::Error| failed.kind() == kind;
            if tried.insert(*name) && environment.render_str(&probe(name), ()).is_err_and(is_unknown) {
                return Err(error(source, *place, kind));
            }
        }
        Ok(())
    };
    try_all(&found.filters, ErrorKind::UnknownFilter, |name| format!("{{{{ 1|{name} }}}}"))?;
    try_all(&found.tests, ErrorKind::UnknownTest, |name| format!("{{{{ 1 is {name} }}}}"))?;
    // Names in texts are tried as they are written, quotes, escapes and all.
    try_all(&found.filter_texts, ErrorKind::UnknownFilter, |text| format!("{{{{ []|map({text}) }}}}"))?;
    try_all(&found.test_texts, ErrorKind::UnknownTest, |text| format!("{{{{ []|select({text}) }}}}"))?;
    let variables: HashSet<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
    for (name, place) in &found.calls {
        // A variable is data, and cannot be called.
        if variables.contains(name) {
            return Err(error(source, *place, ErrorKind::UnknownFunction));
        }
    }
    Ok(())
}

#[cold]
fn error(source: &str, place: usize, kind: ErrorKind) -> TemplateError {
    let (kind, problem, expected) = words(kind);
    TemplateError::new(source, place, kind, problem, expected)
}

#[cold]
pub(super) fn refused(source: &str, why: &Refused) -> TemplateError {
    match why {
        Refused::TooDeep(place) => TemplateError::new(
            source,
            *place,
            TemplateErrorKind::TooComplex,
            "brackets that nest too deep",
            "an expression has at most 150 of them inside of each other",
        ),
        Refused::Unclosed(place) => TemplateError::new(
            source,
            *place,
            TemplateErrorKind::Unclosed,
            "a tag that is not closed",
            "the end of the tag, and of all brackets and texts in it, was expected",
        ),
        Refused::Misplaced(place) => error(source, *place, ErrorKind::SyntaxError),
    }
}

/// Says what and where; the details may quote a value.
#[cold]
pub(super) fn place(source: &str, rewritten: &Rewritten, error: &minijinja::Error) -> TemplateError {
    let start_of_line = || {
        let line = error.line().unwrap_or(1).saturating_sub(1);
        source.split_inclusive('\n').take(line).map(str::len).sum()
    };
    let place = error.range().map_or_else(start_of_line, |range| rewritten.before(range.start));
    if Full::of(error) == Some(Full::Value) {
        return TemplateError::new(
            source,
            place,
            TemplateErrorKind::TooLarge,
            "a value that is too large",
            "a value that is made on the way to the text is as long as the text may be, or 16 MiB, and nests 256 deep: \
             `.max_output(..)` allows more",
        );
    }
    let (kind, problem, expected) = words(error.kind());
    // The parser says what it wants in words of its own.
    let wanted = match (error.kind(), error.detail().and_then(|detail| detail.rsplit_once(", expected "))) {
        (ErrorKind::SyntaxError, Some((_, wanted))) => format!("{wanted} was expected").into(),
        _ => std::borrow::Cow::Borrowed(expected),
    };
    TemplateError::new(source, place, kind, problem, wanted)
}

/// What is wrong, and what was expected.
fn words(kind: ErrorKind) -> (TemplateErrorKind, &'static str, &'static str) {
    use TemplateErrorKind as Ours;
    match kind {
        ErrorKind::SyntaxError => {
            (Ours::Syntax, "something that is no Jinja", "`{{ … }}` is an expression and `{% … %}` a statement")
        }
        ErrorKind::UndefinedError => (
            Ours::Undefined,
            "a value that is not defined",
            "a key must be there: what may be missing is asked for with `is defined` or has a `default`",
        ),
        ErrorKind::UnknownFilter => {
            (Ours::UnknownFilter, "a filter that does not exist", "the filters are those of minijinja")
        }
        ErrorKind::UnknownTest => (Ours::UnknownTest, "a test that does not exist", "the tests are those of minijinja"),
        ErrorKind::UnknownFunction => (
            Ours::UnknownFunction,
            "a call of a function that does not exist",
            "the functions are those of minijinja and the template's macros",
        ),
        ErrorKind::UnknownMethod => {
            (Ours::UnknownMethod, "a call of a method that does not exist", "values are data and have no methods")
        }
        ErrorKind::TemplateNotFound | ErrorKind::BadInclude => (
            Ours::LoadsTemplate,
            "a statement that loads another template",
            "a prompt is one template, since it cannot read files",
        ),
        ErrorKind::MissingArgument | ErrorKind::TooManyArguments => (
            Ours::WrongArguments,
            "a call with the wrong number of arguments",
            "the arguments must be those of the filter, test or function",
        ),
        ErrorKind::CannotUnpack | ErrorKind::InvalidOperation | ErrorKind::NonPrimitive | ErrorKind::NonKey => (
            Ours::InvalidOperation,
            "an operation that does not fit its values",
            "the values must be of the kinds it works on",
        ),
        ErrorKind::BadEscape => {
            (Ours::Syntax, "an escape in a text that is none", "`\\n`, `\\t` and `\\u1234` are some")
        }
        _ => (Ours::InvalidOperation, "something that cannot be rendered", "it must give a text"),
    }
}
