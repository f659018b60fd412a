//! Thoughts.

use serde_json::{Map, Value};

use super::extras::extra;
use super::fields::{Fields, Read, Unreadable};
use crate::extras::Extra;
use crate::reasoning::Reasoning;

pub(super) const KNOWN: &str = "`text` (or `reasoning`, `thinking`, `summary`), `signature`, `encrypted` and `id`";

/// A thought on its own.
pub(super) fn lone(mut fields: Fields) -> Read<Reasoning> {
    fields.take("type");
    let thought = reasoning(&mut fields)?;
    fields.named("a thought").end(KNOWN).map(|()| thought)
}

/// A thought: this crate's (`text`), LangChain's (`reasoning`), Anthropic's (`thinking`, `data`), OpenAI's (`summary`,
/// `content`, `encrypted_content`), Bedrock's (one in the other).
pub(super) fn reasoning(fields: &mut Fields) -> Read<Reasoning> {
    let mut texts = Vec::new();
    for key in ["text", "reasoning", "thinking", "summary", "content", "reasoning_text"] {
        match fields.take(key) {
            Some(Value::Array(list)) => {
                for value in list {
                    let mut piece = Fields::new("a piece of a thought", value)?;
                    piece.take("type");
                    texts.push(piece.some_text("text")?);
                    piece.end("`type` and `text`")?;
                }
            }
            // Bedrock's own form.
            Some(inner @ Value::Object(_)) => fields.put("reasoning_content", inner),
            Some(text) => {
                fields.put(key, text);
                texts.push(fields.some_text(key)?);
            }
            None => {}
        }
    }
    let (mut signature, mut encrypted, mut id) = (None, None, None);
    if let Some(inner) = fields.take("reasoning_content") {
        let mut inner_fields = Fields::new("a thought", inner)?;
        let inner = reasoning(&mut inner_fields)?;
        inner_fields.end(KNOWN)?;
        texts.push(inner.text().to_string());
        set(&mut signature, inner.signature().map(str::to_string), "signature")?;
        set(&mut encrypted, inner.encrypted().map(str::to_string), "encrypted text")?;
        set(&mut id, inner.id().map(str::to_string), "id")?;
    }
    let mut extras = Fields::new("`extras` of a thought", Value::Object(fields.object("extras")?))?;
    set(&mut signature, extras.text("signature")?, "signature")?;
    let extras: Map<String, Value> = extras.rest();
    if !extras.is_empty() {
        fields.put("extras", Value::Object(extras));
    }
    for key in ["encrypted", "encrypted_content", "data", "redacted_content"] {
        set(&mut encrypted, fields.text(key)?, "encrypted text")?;
    }
    let mut extra = extra(fields)?;
    set(&mut signature, extra.signature.take(), "signature")?;
    set(&mut id, extra.id.take(), "id")?;
    // What OpenAI summarises in several paragraphs is one thought.
    texts.retain(|text| !text.is_empty());
    Ok(Reasoning::from_parts(texts.join("\n\n"), encrypted, Extra { signature, id, ..extra }.into()))
}

/// The same may be said twice, and not two things.
fn set(there: &mut Option<String>, said: Option<String>, what: &str) -> Read<()> {
    match (&there, said) {
        (_, None) => {}
        (Some(one), Some(other)) if *one != other => {
            return Err(Unreadable::new(format!("a thought with two of its {what}")));
        }
        (_, said) => *there = said,
    }
    Ok(())
}
