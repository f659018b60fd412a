//! Reading an answer leniently, with or without a schema.

use anabranch_core::{Error, Result};
use serde_json::Value;

use crate::answer::Answer;
use crate::answer::thinking::start_of_answer;
use crate::json::found::{Document, Missing};
use crate::json_output::reading::missing;
use crate::json_output::settings::JsonSettings;
use crate::lenient::{Documents, Repair, RepairKind, Repaired, Unrepaired, documents};
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::schema::{Misfit, Schema};

/// A document that was read, and what was changed in it.
pub(crate) struct Read {
    pub(crate) document: Document,
    pub(crate) repairs: Vec<Repair>,
}

/// What was read by the grammar, or else what can be made of the text, as the schema wants it.
pub(crate) fn settle(
    settings: &JsonSettings,
    strict: std::result::Result<Document, Missing>,
    answer: &Answer<'_>,
) -> Result<Read> {
    let schema = settings.schema.as_deref();
    let strict = match (strict, schema) {
        (Ok(document), None) => return Ok(Read { document, repairs: Vec::new() }),
        (Ok(document), Some(schema)) => match schema.align(&document.value, settings.is_lenient, false) {
            Ok((value, repairs)) => return Ok(Read { document: Document { value, ..document }, repairs }),
            Err(misfit) if !settings.is_lenient => return Err(misfits(answer, document.span.start, misfit)),
            Err(misfit) => Err(misfits(answer, document.span.start, misfit)),
        },
        (Err(why), _) => Err(missing(answer, &why)),
    };
    match strict {
        // Of what was cut off nobody knows the rest.
        Err(_) if settings.is_lenient && answer.was_cut() => {
            Err(missing(answer, &Missing::CutOff(answer.text.trim_end().len())))
        }
        Err(error) if settings.is_lenient && !answer.is_empty() => {
            repaired(&answer.text, settings, schema, false).ok_or(error)?.map_err(|why| unsettled(answer, why))
        }
        Err(error) => Err(error),
        Ok(read) => Ok(read),
    }
}

/// Why a text that was read leniently gives nothing.
enum Unsettled {
    Unrepaired(Unrepaired),
    /// And where the document begins.
    Misfit(Box<Misfit>, usize),
    Several(usize),
}

fn unsettled(answer: &Answer<'_>, why: Unsettled) -> Error {
    match why {
        Unsettled::Unrepaired(Unrepaired::Truncated) => {
            missing(answer, &Missing::Truncated(answer.text.trim_end().len()))
        }
        Unsettled::Unrepaired(Unrepaired::Broken(fault, at)) => {
            missing(answer, &Missing::Broken(fault, at, String::new()))
        }
        Unsettled::Misfit(misfit, start) => misfits(answer, start, *misfit),
        Unsettled::Several(count) => missing(answer, &Missing::Several(count)),
    }
}

#[cold]
fn misfits(answer: &Answer<'_>, start: usize, misfit: Misfit) -> Error {
    let message = format!("the JSON in the answer does not fit the schema: {}", misfit.message);
    ParseError::new(ParseErrorKind::Schema, message)
        .in_path(misfit.path)
        .at(&answer.text, start)
        .with_text(&answer.text)
}

/// What can be made of a text. Nothing where there is nothing to make something of.
fn repaired(
    text: &str,
    settings: &JsonSettings,
    schema: Option<&Schema>,
    is_partial: bool,
) -> Option<Result<Read, Unsettled>> {
    let start = start_of_answer(text)?;
    let mut found = documents(text, start, settings.max_depth, is_partial);
    let citations = std::mem::take(&mut found.citations);
    found.among.extend(citations.into_iter().filter(|document| settings.wants(&document.value)));
    match schema {
        None => one_of(found, text, settings.exact),
        Some(schema) => Some(fitting(found, text, start, schema, is_partial)),
    }
}

/// The one document that counts, by the rule that holds for all answers.
fn one_of(found: Documents, text: &str, is_exact: bool) -> Option<Result<Read, Unsettled>> {
    let Documents { mut fenced, mut unclosed, mut untagged, mut among, unrepaired, .. } = found;
    if is_exact {
        among.retain(|document| is_alone(document, text));
        return among.pop().map(|document| Ok(read(document)));
    }
    // What broke off at the end may have been the document that was meant.
    if let Some(why @ Unrepaired::Truncated) = unrepaired {
        return Some(Err(Unsettled::Unrepaired(why)));
    }
    if let Some(document) = fenced.pop().or_else(|| unclosed.pop()).or_else(|| untagged.pop()) {
        return Some(Ok(read(document)));
    }
    match (among.len(), unrepaired) {
        (0, None) => None,
        (0, Some(why)) => Some(Err(Unsettled::Unrepaired(why))),
        (1, _) => among.pop().map(|document| Ok(read(document))),
        (count, _) => Some(Err(Unsettled::Several(count))),
    }
}

fn is_alone(document: &Repaired, text: &str) -> bool {
    text[..document.span.start].trim().is_empty() && text[document.span.end..].trim().is_empty()
}

fn read(document: Repaired) -> Read {
    let Repaired { value, span, repairs } = document;
    Read { document: Document { value, span, number: 0, is_number: false }, repairs }
}

/// The document that fits the schema; or all of them, as a list; or the words of the answer.
fn fitting(found: Documents, text: &str, start: usize, schema: &Schema, is_partial: bool) -> Result<Read, Unsettled> {
    let Documents { fenced, unclosed, untagged, among, unrepaired, .. } = found;
    let mut misfit = None;
    let mut align = |document: &Repaired| match schema.align(&document.value, true, is_partial) {
        Ok((value, more)) => {
            let mut document = document.clone();
            document.value = value;
            document.repairs.extend(more);
            Some(read(document))
        }
        Err(why) => {
            misfit.get_or_insert(Unsettled::Misfit(Box::new(why), document.span.start));
            None
        }
    };
    let is_text = schema.resolved().get("type").and_then(Value::as_str) == Some("string")
        && schema.resolved().get("enum").is_none();
    if !is_text {
        for group in [&fenced, &unclosed, &untagged] {
            if let Some(read) = group.iter().rev().find_map(&mut align) {
                return Ok(read);
            }
        }
        let mut fits: Vec<_> = among.iter().filter_map(&mut align).collect();
        let wants_a_list = schema.resolved().get("type").and_then(Value::as_str) == Some("array");
        if among.len() > 1 && wants_a_list && among.iter().all(|document| !document.value.is_array()) {
            let all = Value::Array(among.iter().map(|document| document.value.clone()).collect());
            if let Ok((value, more)) = schema.align(&all, true, is_partial) {
                let span = among[0].span.start..among[among.len() - 1].span.end;
                let mut repairs: Vec<_> = among.iter().flat_map(|document| document.repairs.clone()).collect();
                let byte = Some(span.start);
                repairs.push(Repair { kind: RepairKind::ListFromDocuments, byte, path: String::new() });
                repairs.extend(more);
                return Ok(read(Repaired { value, span, repairs }));
            }
        }
        match fits.len() {
            0 => {}
            1 => return fits.pop().ok_or(Unsettled::Several(1)),
            count => return Err(Unsettled::Several(count)),
        }
    }
    // The words of the answer may say it: a number, one of the allowed values, a text.
    let words = if is_text { &text[start..] } else { text[start..].trim() };
    let has_documents = !(fenced.is_empty() && unclosed.is_empty() && untagged.is_empty() && among.is_empty());
    if is_text || !(has_documents || unrepaired.is_some() || is_partial) {
        let words = Repaired { value: Value::from(words), span: start..text.len(), repairs: Vec::new() };
        if let Some(read) = align(&words) {
            return Ok(read);
        }
    }
    Err(match (misfit, unrepaired) {
        (_, Some(why)) => Unsettled::Unrepaired(why),
        (Some(misfit), None) => misfit,
        (None, None) => Unsettled::Several(0),
    })
}

/// What there is by now of a text that is not at its end, read leniently.
pub(crate) fn so_far(text: &str, settings: &JsonSettings) -> Option<Value> {
    repaired(text, settings, settings.schema.as_deref(), true)?.ok().map(|read| read.document.value)
}
