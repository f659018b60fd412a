//! From the wire: what whole answers and events are made of.

use anabranch_messages::{ContentPart, FinishKind, FinishReason, Media, Reasoning, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::reader::{self, Assembly, Bounded, Lists, Text};
use crate::transport::is_error;

/// More than any answer has.
const MANY: usize = 1025;

/// A `response`: a whole answer, or in a stream what is known of it by then.
#[derive(Deserialize)]
pub(super) struct Response<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) model: Text<'a>,
    #[serde(borrow, default)]
    pub(super) status: Text<'a>,
    #[serde(borrow, default)]
    pub(super) service_tier: Text<'a>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow)]
    incomplete_details: Option<&'a RawValue>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) output: Option<Bounded<&'a RawValue, MANY>>,
}

/// An event of a stream. Its name stands in it, too.
#[derive(Deserialize)]
pub(super) struct Event<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) type_: Text<'a>,
    #[serde(borrow)]
    pub(super) response: Option<Response<'a>>,
    #[serde(borrow)]
    pub(super) item: Option<&'a RawValue>,
    #[serde(borrow, default)]
    output_index: Text<'a>,
    #[serde(borrow, default)]
    pub(super) item_id: Text<'a>,
    #[serde(borrow, default)]
    summary_index: Text<'a>,
    #[serde(borrow, default)]
    content_index: Text<'a>,
    #[serde(borrow, default)]
    pub(super) delta: Text<'a>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

/// Which item it is. Everything else of one that is not known stays text.
#[derive(Deserialize)]
pub(super) struct Kind<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) type_: Text<'a>,
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
}

/// A message, a thought, or a call.
#[derive(Deserialize)]
pub(super) struct Item<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) call_id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    phase: Text<'a>,
    /// Where the function stands that was found by searching for it.
    #[serde(borrow, default)]
    namespace: Text<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    /// A call whose input is text of any form.
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content: Bounded<Part<'a>, MANY>,
    #[serde(borrow, default)]
    summary: Bounded<Part<'a>, MANY>,
    #[serde(borrow, default)]
    pub(super) encrypted_content: Text<'a>,
    /// An image.
    #[serde(borrow, default)]
    result: Text<'a>,
}

#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default)]
    text: Text<'a>,
    #[serde(borrow, default)]
    refusal: Text<'a>,
    #[serde(borrow)]
    annotations: Option<&'a RawValue>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
}

fn error(said: Option<&RawValue>) -> Option<Value> {
    reader::reported(said?.get()).filter(is_error)
}

impl Event<'_> {
    pub(super) fn error(&self) -> Option<Value> {
        error(self.error)
    }

    /// Which item it is about. Its id tells only where this is missing: some servers give each event another one.
    pub(super) fn index(&self) -> Option<u64> {
        self.output_index.0.as_deref()?.parse().ok()
    }

    /// Which paragraph of a thought it is about.
    pub(super) fn paragraph(&self) -> u64 {
        let index = self.summary_index.0.as_deref().or(self.content_index.0.as_deref());
        index.and_then(|index| index.parse().ok()).unwrap_or(0)
    }
}

impl Response<'_> {
    pub(super) fn error(&self) -> Option<Value> {
        error(self.error)
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        usage(self.usage?.get())
    }

    /// Why it ended, in the word of the answer's status, or in this one.
    pub(super) fn finish(&self, word: Option<&str>) -> Option<FinishReason> {
        #[derive(Deserialize)]
        struct Details<'a> {
            #[serde(borrow, default)]
            reason: Text<'a>,
        }
        let status = self.status.0.as_deref().or(word)?;
        let details = self.incomplete_details.map_or("null", RawValue::get);
        let reason = serde_json::from_str::<Details<'_>>(details).ok().and_then(|details| details.reason.into_string());
        let kind = match (status, reason.as_deref()) {
            ("completed", _) => FinishKind::Stop,
            ("incomplete", Some("max_output_tokens")) => FinishKind::Length,
            ("incomplete", Some("content_filter")) => FinishKind::ContentFilter,
            ("failed" | "cancelled" | "incomplete", _) => FinishKind::Error,
            _ => FinishKind::Other,
        };
        Some(FinishReason::new(kind, status))
    }

    pub(super) fn keep(&mut self, lists: &mut Lists, metadata: &mut Map<String, Value>, out: &mut Assembly) {
        if let Some(details) = self.incomplete_details {
            lists.replace("incomplete_details", details.get(), out);
        }
        if let Some(tier) = self.service_tier.0.take() {
            metadata.insert("service_tier".into(), tier.into_owned().into());
        }
    }
}

impl Item<'_> {
    /// What a message says.
    pub(super) fn said(&mut self) -> Vec<ContentPart> {
        let mut parts = Vec::new();
        for part in &mut self.content.0 {
            parts.extend(part.text.0.take().map(ContentPart::text));
            parts.extend(part.refusal.0.take().map(ContentPart::refusal));
        }
        parts
    }

    /// What is given out once.
    pub(super) fn keep(&self, lists: &mut Lists, out: &mut Assembly) {
        for part in &self.content.0 {
            for (name, list) in [("annotations", part.annotations), ("logprobs", part.logprobs)] {
                if let Some(list) = list {
                    lists.keep(name, list.get(), out);
                }
            }
        }
    }

    /// A thought: what is shown of it, in paragraphs, and what goes back with it.
    pub(super) fn thought(&mut self) -> Reasoning {
        let shown = if self.has_raw_thought() { &self.content } else { &self.summary };
        let paragraphs: Vec<_> = shown.0.iter().filter_map(|part| part.text.0.as_deref()).collect();
        let mut thought = Reasoning::new(paragraphs.join("\n\n"));
        if let Some(id) = &self.id.0 {
            thought = thought.with_id(id.as_ref());
        }
        match self.encrypted_content.0.take() {
            Some(sealed) => thought.with_encrypted(sealed),
            None => thought,
        }
    }

    /// Whether the thought itself is shown, and not what it comes to.
    fn has_raw_thought(&self) -> bool {
        self.content.0.iter().any(|part| !part.text.is_empty())
    }

    /// Text where they are text, else the object they are.
    pub(super) fn arguments(&self) -> Value {
        let Some(raw) = self.arguments.or(self.input).map(RawValue::get) else { return Value::Null };
        if !raw.starts_with('"') && !reader::is_small(raw) {
            return raw.into();
        }
        reader::value(raw).unwrap_or_default()
    }

    pub(super) fn image(&self) -> Option<ContentPart> {
        let image = self.result.0.as_deref()?;
        let address = if image.starts_with("http") || image.starts_with("data:") {
            image.to_string()
        } else {
            format!("data:image/png;base64,{image}")
        };
        Some(ContentPart::Image(Media::url(address)))
    }

    /// The item without what stands in the message: what goes back with that. `bytes` is how much of the message's text
    /// is its own.
    pub(super) fn outline(&self, type_: &str, bytes: usize) -> Value {
        let mut outline = json!({"type": type_});
        let named =
            [("id", &self.id), ("call_id", &self.call_id), ("phase", &self.phase), ("namespace", &self.namespace)];
        for (name, said) in named {
            if let Some(said) = &said.0 {
                outline[name] = said.as_ref().into();
            }
        }
        match type_ {
            "message" => outline["bytes"] = bytes.into(),
            "reasoning" if self.has_raw_thought() => outline["content"] = json!([]),
            _ => {}
        }
        outline
    }
}

fn usage(raw: &str) -> Option<Usage> {
    let raw: Map<String, Value> = reader::value(Some(raw).filter(|raw| reader::is_small(raw))?)?;
    let whole = |value: &Value| value.as_u64().or_else(|| Some(value.as_f64()?.max(0.0) as u64));
    let count = |key: &str| raw.get(key).and_then(whole);
    let detail = |group: &str, key: &str| raw.get(group)?.get(key).and_then(whole);
    let usage = Usage::new(count("input_tokens"), count("output_tokens"))
        .with_total_tokens(count("total_tokens"))
        .with_cached_input_tokens(detail("input_tokens_details", "cached_tokens"))
        .with_cache_write_tokens(detail("input_tokens_details", "cache_write_tokens"))
        .with_reasoning_tokens(detail("output_tokens_details", "reasoning_tokens"));
    Some(usage.with_raw(raw))
}
