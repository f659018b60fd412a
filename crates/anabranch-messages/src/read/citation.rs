//! What an answer rests on, as the libraries write it.

use serde_json::{Map, Value};

use super::extras::extra;
use super::fields::{Fields, Read};
use crate::citation::Citation;
use crate::extras::Extra;
use crate::text_part::TextPart;

const KNOWN: &str = "`url`, `title`, `cited_text`, `start`, `end` and `id`";

/// A citation on its own, as this crate writes it and LangChain.
pub(super) fn lone(mut fields: Fields) -> Read<Citation> {
    fields.take("type");
    own(fields, "")
}

/// A text with what is said of it.
pub(super) fn text_part(text: String, fields: &mut Fields) -> Read<TextPart> {
    let mut all = Extra::default();
    for key in ["citations", "annotations"] {
        for (place, value) in fields.list(key)?.into_iter().enumerate() {
            let said = citation(value, &text).map_err(|error| error.within(format_args!("`{key}` {place}")))?;
            match said {
                Said::Citation(citation) => all.citations.push(citation),
                Said::Other(value) => all.annotations.push(value),
            }
        }
    }
    let all = Extra { citations: all.citations, annotations: all.annotations, ..extra(fields)? };
    Ok(TextPart::with_extras(text, all.into()))
}

pub(super) enum Said {
    Citation(Citation),
    /// It is no citation, or none that is known: it stays as it came.
    Other(Value),
}

/// An annotation of this text.
pub(super) fn citation(value: Value, text: &str) -> Read<Said> {
    let kind = match value.get("type") {
        None if value.is_object() => None,
        Some(Value::String(kind)) => Some(kind.clone()),
        _ => return Ok(Said::Other(value)),
    };
    let citation = match kind.as_deref() {
        None | Some("citation") => {
            let mut fields = Fields::new("a citation", value)?;
            fields.take("type");
            own(fields, text)?
        }
        Some("url_citation") => openai(Fields::new("a citation", value)?, text)?,
        Some(kind) if kind.ends_with("_location") => anthropic(Fields::new("a citation", value)?)?,
        Some("non_standard_annotation") => match value {
            Value::Object(mut annotation) if annotation.len() == 2 && annotation.contains_key("value") => {
                return Ok(Said::Other(annotation.remove("value").unwrap_or_default()));
            }
            value => return Ok(Said::Other(value)),
        },
        Some(_) => return Ok(Said::Other(value)),
    };
    Ok(Said::Citation(citation))
}

/// This crate's, which counts in bytes (`start`), or LangChain's, which counts in characters (`start_index`).
fn own(mut fields: Fields, text: &str) -> Read<Citation> {
    let mut citation = common(&mut fields, "title")?;
    match (fields.count("start")?, fields.count("end")?) {
        (Some(start), Some(end)) => citation = citation.with_range(start..end),
        (None, None) => {}
        _ => return Err(super::fields::Unreadable::new("a citation with one of `start` and `end`, and not both")),
    }
    citation = in_characters(citation, &mut fields, text, "langchain")?;
    let mut extra = extra(&mut fields)?;
    if let Some(there) = citation.extras().get() {
        extra.data.update(there.data.clone());
    }
    *citation.extras_mut() = extra.into();
    fields.end(KNOWN).map(|()| citation)
}

fn openai(mut fields: Fields, text: &str) -> Read<Citation> {
    fields.take("type");
    if let Some(inner) = fields.take("url_citation") {
        fields.end("`type` and `url_citation`")?;
        fields = Fields::new("a citation", inner)?;
    }
    let citation = common(&mut fields, "title")?;
    let citation = in_characters(citation, &mut fields, text, "openai")?;
    Ok(with_data(citation, "openai", fields.rest()))
}

/// The places it tells are places of the source.
fn anthropic(mut fields: Fields) -> Read<Citation> {
    let name = if fields.has("title") { "title" } else { "document_title" };
    let citation = common(&mut fields, name)?;
    Ok(with_data(citation, "anthropic", fields.rest()))
}

fn common(fields: &mut Fields, title: &str) -> Read<Citation> {
    let mut citation = Citation::new();
    if let Some(url) = fields.text("url")? {
        citation = citation.with_url(url);
    }
    if let Some(title) = fields.text(title)? {
        citation = citation.with_title(title);
    }
    Ok(match fields.text("cited_text")? {
        Some(text) => citation.with_cited_text(text),
        None => citation,
    })
}

/// Characters of the text become bytes; where that cannot be, they are kept as they are.
fn in_characters(citation: Citation, fields: &mut Fields, text: &str, provider: &str) -> Read<Citation> {
    let (start, end) = (fields.count("start_index")?, fields.count("end_index")?);
    let byte = |characters: usize| {
        let mut starts = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
        starts.nth(characters)
    };
    match (start, end) {
        (None, None) => Ok(citation),
        (Some(start), Some(end)) if start <= end && byte(end).is_some() => {
            Ok(citation.with_range(byte(start).unwrap_or_default()..byte(end).unwrap_or_default()))
        }
        (start, end) => {
            let places = [("start_index", start), ("end_index", end)];
            let places = places.into_iter().filter_map(|(name, place)| Some((name.to_string(), place?.into())));
            Ok(with_data(citation, provider, places.collect()))
        }
    }
}

fn with_data(citation: Citation, provider: &str, data: Map<String, Value>) -> Citation {
    let data = data.into_iter().filter(|(_, value)| !value.is_null());
    data.fold(citation, |citation, (name, value)| citation.with_provider_data(provider, name, value))
}
