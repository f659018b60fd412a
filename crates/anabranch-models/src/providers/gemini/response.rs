//! From the wire: what whole answers and chunks are made of.

use std::borrow::Cow;
use std::collections::BTreeMap;

use anabranch_messages::{AiMessage, ContentPart, FinishKind, FinishReason, Media, Reasoning, Usage};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::arguments::PartialArg;
use crate::reader::{self, Assembly, Bounded, Lists, Text};
use crate::transport::is_error;

/// More than any answer has.
const MANY: usize = 1025;

/// A `GenerateContentResponse`: a whole answer, or what came next of one. What nobody may read stays text.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Document<'a> {
    #[serde(borrow, default)]
    candidates: Bounded<Candidate<'a>, 8>,
    #[serde(borrow)]
    prompt_feedback: Option<&'a RawValue>,
    #[serde(borrow)]
    usage_metadata: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) model_version: Text<'a>,
    #[serde(borrow, default)]
    pub(super) response_id: Text<'a>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Candidate<'a> {
    #[serde(borrow, default)]
    index: Text<'a>,
    #[serde(borrow)]
    content: Option<Content<'a>>,
    #[serde(borrow, default)]
    finish_reason: Text<'a>,
    #[serde(borrow)]
    finish_message: Option<&'a RawValue>,
    #[serde(borrow)]
    grounding_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    url_context_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    citation_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    safety_ratings: Option<&'a RawValue>,
    #[serde(borrow)]
    logprobs_result: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Bounded<&'a RawValue, MANY>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Part<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    thought: Option<bool>,
    #[serde(borrow, default)]
    thought_signature: Text<'a>,
    #[serde(borrow)]
    pub(super) function_call: Option<FunctionCall<'a>>,
    #[serde(borrow)]
    inline_data: Option<Blob<'a>>,
    #[serde(borrow)]
    file_data: Option<File<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FunctionCall<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    args: Option<&'a RawValue>,
    #[serde(default)]
    pub(super) partial_args: Bounded<PartialArg, MANY>,
    #[serde(default)]
    pub(super) will_continue: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Blob<'a> {
    #[serde(borrow, default)]
    mime_type: Text<'a>,
    #[serde(borrow, default)]
    data: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File<'a> {
    #[serde(borrow, default)]
    mime_type: Text<'a>,
    #[serde(borrow, default)]
    file_uri: Text<'a>,
}

impl<'a> Document<'a> {
    /// The first candidate: no more are asked for.
    pub(super) fn candidate(&mut self) -> Option<Candidate<'a>> {
        let is_first = |candidate: &Candidate<'_>| candidate.index.0.as_deref().is_none_or(|index| index == "0");
        std::mem::take(&mut self.candidates).0.into_iter().find(is_first)
    }

    /// What the server reports instead of an answer, or in the middle of it.
    pub(super) fn error(&self) -> Option<Value> {
        reader::reported(self.error?.get()).filter(is_error)
    }

    /// Whether the prompt was refused, so that there is no candidate.
    pub(super) fn is_blocked(&self) -> bool {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Feedback<'a> {
            #[serde(borrow, default)]
            block_reason: Text<'a>,
            #[serde(borrow, default)]
            block_reason_message: Text<'a>,
        }
        let feedback = self.prompt_feedback.map_or("null", RawValue::get);
        serde_json::from_str::<Feedback<'_>>(feedback)
            .is_ok_and(|said| !said.block_reason.is_empty() || !said.block_reason_message.is_empty())
    }

    pub(super) fn usage(&self) -> Option<Usage> {
        usage(self.usage_metadata?.get())
    }

    pub(super) fn keep(&self, lists: &mut Lists, out: &mut Assembly) {
        replace(lists, "promptFeedback", self.prompt_feedback, out);
    }
}

impl<'a> Candidate<'a> {
    pub(super) fn parts(&mut self) -> Vec<&'a RawValue> {
        self.content.take().map(|content| content.parts.0).unwrap_or_default()
    }

    pub(super) fn finish(&self) -> Option<FinishReason> {
        finish_reason(self.finish_reason.0.as_deref()?)
    }

    /// What is said beside the content. Of most of it the last counts; log-probabilities come piece by piece.
    pub(super) fn keep(&self, lists: &mut Lists, out: &mut Assembly) {
        let last = [
            ("groundingMetadata", self.grounding_metadata),
            ("urlContextMetadata", self.url_context_metadata),
            ("citationMetadata", self.citation_metadata),
            ("safetyRatings", self.safety_ratings),
            ("finishMessage", self.finish_message),
        ];
        for (name, said) in last {
            replace(lists, name, said, out);
        }
        if let Some(logprobs) = self.logprobs_result {
            lists.keep("logprobsResult", logprobs.get(), out);
        }
    }
}

/// In a stream most chunks have an empty one, which says nothing about the one before.
fn replace(lists: &mut Lists, name: &'static str, said: Option<&RawValue>, out: &mut Assembly) {
    if let Some(said) = said.map(RawValue::get).filter(|said| !["{}", "[]", "\"\""].contains(said)) {
        lists.replace(name, said, out);
    }
}

/// What a part is.
pub(super) enum Said {
    /// Plain text, which nearly all parts are.
    Text(String),
    /// Parts of the content.
    Parts(Vec<ContentPart>),
    /// Something that the model drew or said to itself.
    Draft,
    /// A part of a kind that messages have no place for.
    Other,
}

impl Part<'_> {
    pub(super) fn take_signature(&mut self) -> Option<String> {
        std::mem::take(&mut self.thought_signature).into_string()
    }

    /// What it says, if it is no call of a function. `raw` is the part itself.
    ///
    /// The signature of a thought goes with the thought. That of anything else is a thought without text behind it: so
    /// that it keeps its place, and nothing is joined over it.
    pub(super) fn into_said(mut self, raw: &str) -> Said {
        let is_thought = self.thought == Some(true);
        let signature = self.take_signature();
        if let Some(text) = self.text {
            let text = text.0.unwrap_or_default();
            return match (is_thought, signature) {
                (false, None) => Said::Text(text.into_owned()),
                (true, None) if text.is_empty() => Said::Parts(Vec::new()),
                (true, None) => Said::Parts(vec![Reasoning::new(text).into()]),
                (true, Some(signature)) => Said::Parts(vec![Reasoning::new(text).with_signature(signature).into()]),
                (false, Some(signature)) if text.is_empty() => Said::Parts(vec![sealed(signature)]),
                (false, Some(signature)) => Said::Parts(vec![ContentPart::text(text), sealed(signature)]),
            };
        }
        let media = match (self.inline_data, self.file_data) {
            (Some(blob), _) => blob.into_part(),
            (None, Some(file)) => file.into_part(),
            (None, None) => None,
        };
        if let Some(media) = media {
            return if is_thought {
                Said::Draft
            } else {
                Said::Parts([media].into_iter().chain(signature.map(sealed)).collect())
            };
        }
        let members: BTreeMap<Cow<'_, str>, IgnoredAny> = serde_json::from_str(raw).unwrap_or_default();
        if members.keys().any(|name| name != "thought" && name != "thoughtSignature") {
            return Said::Other;
        }
        Said::Parts(signature.map(sealed).into_iter().collect())
    }
}

fn sealed(signature: String) -> ContentPart {
    Reasoning::default().with_signature(signature).into()
}

impl FunctionCall<'_> {
    /// The object, or whatever else stands in its place and then does not run.
    pub(super) fn arguments(&self) -> Value {
        match self.args.map(RawValue::get) {
            None => Value::Null,
            Some(raw) if !reader::is_small(raw) => raw.into(),
            Some(raw) => reader::value(raw).unwrap_or_default(),
        }
    }
}

impl Blob<'_> {
    fn into_part(self) -> Option<ContentPart> {
        let data = self.data.0?;
        let media_type = self.mime_type.into_string().unwrap_or_default();
        let media = match BASE64_STANDARD.decode(data.as_bytes()) {
            Ok(bytes) => Media::bytes(media_type.clone(), bytes),
            Err(_) => Media::url(format!("data:{media_type};base64,{data}")),
        };
        Some(of_kind(&media_type, media))
    }
}

impl File<'_> {
    fn into_part(self) -> Option<ContentPart> {
        let media = Media::url(self.file_uri.into_string()?);
        Some(match self.mime_type.into_string() {
            Some(media_type) => of_kind(&media_type, media.with_media_type(media_type.clone())),
            None => ContentPart::File(media),
        })
    }
}

fn of_kind(media_type: &str, media: Media) -> ContentPart {
    match media_type.split('/').next() {
        Some("image") => ContentPart::Image(media),
        Some("audio") => ContentPart::Audio(media),
        _ => ContentPart::File(media),
    }
}

/// What a word means that only Gemini has. An answer without a reason may say so in words.
fn finish_reason(word: &str) -> Option<FinishReason> {
    Some(match word {
        "FINISH_REASON_UNSPECIFIED" => return None,
        "MODEL_ARMOR" => FinishReason::new(FinishKind::ContentFilter, word),
        "UNEXPECTED_TOOL_CALL" | "TOO_MANY_TOOL_CALLS" | "MISSING_THOUGHT_SIGNATURE" | "MALFORMED_RESPONSE" => {
            FinishReason::new(FinishKind::Error, word)
        }
        word => FinishReason::from_word(word),
    })
}

/// Gemini counts the prompt and what its own tools read apart, and the answer and its thoughts; here input is all that
/// went in, and output all that came out.
fn usage(raw: &str) -> Option<Usage> {
    let raw: Map<String, Value> = reader::value(Some(raw).filter(|raw| reader::is_small(raw))?)?;
    let count =
        |key: &str| raw.get(key).and_then(|value| value.as_u64().or_else(|| Some(value.as_f64()?.max(0.0) as u64)));
    let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    };
    let thoughts = count("thoughtsTokenCount");
    let usage = Usage::new(
        sum(count("promptTokenCount"), count("toolUsePromptTokenCount")),
        sum(count("candidatesTokenCount"), thoughts),
    )
    .with_total_tokens(count("totalTokenCount"))
    .with_cached_input_tokens(count("cachedContentTokenCount"))
    .with_reasoning_tokens(thoughts);
    Some(usage.with_raw(raw))
}

/// What counts once.
#[derive(Default)]
pub(super) struct Once {
    pub(super) model: Option<String>,
    pub(super) id: Option<String>,
    pub(super) finish: Option<FinishReason>,
    pub(super) usage: Option<Usage>,
}

impl Once {
    pub(super) fn into_message(self, metadata: Map<String, Value>) -> AiMessage {
        let mut last = AiMessage::default();
        if let Some(reason) = self.finish {
            last = last.with_finish_reason(reason);
        }
        if let Some(usage) = self.usage {
            last = last.with_usage(usage);
        }
        if let Some(model) = self.model {
            last = last.with_model(model);
        }
        if let Some(id) = self.id {
            last = last.with_id(id);
        }
        if metadata.is_empty() { last } else { last.with_metadata(metadata) }
    }
}
