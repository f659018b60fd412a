//! From the wire: a whole answer, and what whole answers and chunks have in common.

use std::borrow::Cow;

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::{AiMessage, Content, ContentPart, FinishReason, Media, Reasoning, ToolCall, Usage};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::answer::Warning;
use crate::reader::{self, Assembly, Bounded, First, Lists, Text, TextOrList, Wanted, in_place};
use crate::transport::is_error;

/// More than any answer has.
const MANY: usize = 1025;

in_place! {
    /// A `chat.completion` or a `chat.completion.chunk`. What varies from server to server is read as what it is, or not at
    /// all; what nobody may read stays text.
    pub(super) struct Document<'a> {
        pub(super) id: Text<'a>,
        pub(super) model: Text<'a>,
        usage: Option<&'a RawValue>,
        x_groq: Option<&'a RawValue>,
        error: Option<&'a RawValue>,
        system_fingerprint: Text<'a>,
        service_tier: Text<'a>,
        /// OpenRouter: who answered.
        provider: Text<'a>,
        /// Perplexity.
        citations: Option<&'a RawValue>,
        search_results: Option<&'a RawValue>,
    } in place {
        choices: First<Choice<'a>>,
    }
}

in_place! {
    pub(super) struct Choice<'a> {
        index: Text<'a>,
        pub(super) finish_reason: Text<'a>,
        pub(super) logprobs: Option<&'a RawValue>,
    } in place {
        /// Apart, because chunks have none.
        message: Option<Box<Turn<'a>>>,
        delta: Option<Turn<'a>>,
    }
}

in_place! {
    /// What is in `message` and in `delta`.
    pub(super) struct Turn<'a> {
        content: TextOrList<'a, Part<'a>, MANY>,
        reasoning_content: Text<'a>,
        reasoning: Text<'a>,
        reasoning_details: Option<&'a RawValue>,
        refusal: Text<'a>,
        annotations: Option<&'a RawValue>,
        pub(super) tool_calls: Bounded<Call<'a>, MANY>,
        audio: Option<Box<Audio<'a>>>,
        images: Bounded<Part<'a>, MANY>,
    } in place {}
}

/// A part of a content that is a list, which is how Mistral thinks; or an image, which is how OpenRouter shows one.
#[derive(Deserialize)]
struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    type_: Text<'a>,
    #[serde(borrow, default)]
    text: Text<'a>,
    #[serde(borrow, default)]
    refusal: Text<'a>,
    #[serde(borrow, default)]
    thinking: TextOrList<'a, Texts<'a>, MANY>,
    #[serde(borrow)]
    image_url: Option<Url<'a>>,
}

#[derive(Deserialize)]
struct Texts<'a> {
    #[serde(borrow, default)]
    text: Text<'a>,
}

#[derive(Deserialize)]
struct Url<'a> {
    #[serde(borrow, default)]
    url: Text<'a>,
}

#[derive(Deserialize)]
struct Audio<'a> {
    #[serde(borrow, default)]
    data: Text<'a>,
    #[serde(borrow, default)]
    transcript: Text<'a>,
}

/// An element of `reasoning_details`.
#[derive(Deserialize)]
struct Detail<'a> {
    #[serde(borrow, default)]
    text: Text<'a>,
    #[serde(borrow, default)]
    summary: Text<'a>,
    #[serde(borrow, default)]
    signature: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Call<'a> {
    #[serde(borrow, default)]
    index: Text<'a>,
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
    /// A call whose input is text of any form.
    #[serde(borrow)]
    custom: Option<Function<'a>>,
    #[serde(borrow)]
    extra_content: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
struct Function<'a> {
    #[serde(borrow, default)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

impl<'a> Document<'a> {
    /// The first choice: no more are asked for.
    pub(super) fn choice(&mut self) -> Option<&mut Choice<'a>> {
        self.choices.0.as_mut()
    }

    /// What the server reports instead of an answer, or in the middle of it.
    pub(super) fn error(&self) -> Option<Value> {
        reader::reported(self.error?.get()).filter(is_error)
    }

    /// What the call cost, as it came. Groq says it in a place of its own, too, and sometimes there only.
    pub(super) fn usage(&self) -> Option<&'a str> {
        #[derive(Deserialize)]
        struct Groq<'a> {
            #[serde(borrow)]
            usage: Option<&'a RawValue>,
        }
        let groq = || serde_json::from_str::<Groq<'_>>(self.x_groq?.get()).ok()?.usage;
        let usage = self.usage.or_else(groq)?.get();
        (usage.starts_with('{') && reader::is_small(usage)).then_some(usage)
    }

    /// What is kept of the rest.
    pub(super) fn besides(&mut self, lists: &mut Lists, words: &mut Words, out: &mut Assembly) {
        keep(&mut words.system_fingerprint, &mut self.system_fingerprint);
        keep(&mut words.service_tier, &mut self.service_tier);
        keep(&mut words.provider, &mut self.provider);
        for (key, list) in [("citations", self.citations), ("search_results", self.search_results)] {
            if let Some(list) = list {
                lists.replace(key, list.get(), out);
            }
        }
    }
}

/// Words that stand in every chunk.
#[derive(Default)]
pub(super) struct Words {
    system_fingerprint: Option<String>,
    service_tier: Option<String>,
    provider: Option<String>,
}

impl Words {
    /// All that is given out once, with the lists.
    pub(super) fn into_metadata(self, lists: Lists) -> Map<String, Value> {
        let words = [
            ("system_fingerprint", self.system_fingerprint),
            ("service_tier", self.service_tier),
            ("provider", self.provider),
        ];
        let words = words.into_iter().filter_map(|(key, word)| Some((key.to_string(), Value::String(word?))));
        words.chain(lists.into_metadata()).collect()
    }
}

/// Keeps the last that is said. It is the same in every chunk.
pub(super) fn keep(kept: &mut Option<String>, said: &mut Text<'_>) {
    if said.0.is_some() && kept.as_deref() != said.0.as_deref() {
        *kept = std::mem::take(said).into_string();
    }
}

impl Wanted for Choice<'_> {
    fn is_wanted(&self) -> bool {
        self.index.0.as_deref().is_none_or(|index| index == "0")
    }
}

impl<'a> Choice<'a> {
    /// What a chunk says. Some servers send the place of the other kind, too.
    pub(super) fn delta(&mut self) -> Option<&mut Turn<'a>> {
        self.delta.as_mut().or(self.message.as_deref_mut())
    }
}

impl Turn<'_> {
    /// Thoughts, text, refusal and media, in this order.
    pub(super) fn content(&mut self) -> Content {
        let mut parts = Vec::new();
        self.thoughts(&mut parts);
        match std::mem::take(&mut self.content) {
            TextOrList::Text(text) if parts.is_empty() && self.has_text_only() => return text.into_owned().into(),
            TextOrList::Text(text) if !text.is_empty() => parts.push(ContentPart::text(text)),
            TextOrList::List(list) => parts.extend(list.into_iter().filter_map(part)),
            TextOrList::Text(_) | TextOrList::Missing => {}
        }
        if let Some(refusal) = self.refusal.0.take() {
            parts.push(ContentPart::refusal(refusal));
        }
        parts.extend(std::mem::take(&mut self.images).0.into_iter().filter_map(part));
        if let Some(mut audio) = self.audio.take() {
            // What was said, as text: it comes in pieces, as text does.
            parts.extend(audio.transcript.0.take().map(ContentPart::text));
        }
        match parts.is_empty() {
            true => Content::default(),
            false => parts.into(),
        }
    }

    fn has_text_only(&self) -> bool {
        self.refusal.is_empty() && self.images.0.is_empty() && self.audio.is_none()
    }

    /// The same thought may stand in several fields: the first that is text counts, but for details that are signed.
    fn thoughts(&mut self, parts: &mut Vec<ContentPart>) {
        let details = self.reasoning_details.and_then(|details| serde_json::from_str(details.get()).ok());
        let details: Bounded<Detail<'_>, MANY> = details.unwrap_or_default();
        let said = self.reasoning_content.0.take().or_else(|| self.reasoning.0.take());
        let is_signed = details.0.iter().any(|detail| !detail.signature.is_empty());
        let has_text = details.0.iter().any(|detail| !detail.text.is_empty() || !detail.summary.is_empty());
        match said {
            Some(said) if !(is_signed && has_text) => {
                let signature = details.0.into_iter().find_map(|detail| detail.signature.into_string());
                parts.push(signed(said, signature));
            }
            _ => parts.extend(details.0.into_iter().filter_map(|detail| {
                let text = detail.text.0.or(detail.summary.0);
                let signature = detail.signature.into_string();
                (text.is_some() || signature.is_some()).then(|| signed(text.unwrap_or_default(), signature))
            })),
        }
    }

    /// What is given out once.
    pub(super) fn keep(&self, lists: &mut Lists, out: &mut Assembly) {
        for (key, list) in [("annotations", self.annotations), ("reasoning_details", self.reasoning_details)] {
            if let Some(list) = list {
                lists.keep(key, list.get(), out);
            }
        }
        if self.audio.as_ref().is_some_and(|audio| !audio.data.is_empty()) {
            out.warn(Warning::new("audio", "left out of the answer: only what was said is kept, as text"));
        }
    }
}

fn signed(text: Cow<'_, str>, signature: Option<String>) -> ContentPart {
    let thought = Reasoning::new(text);
    let thought = match signature {
        Some(signature) => thought.with_signature(signature),
        None => thought,
    };
    thought.into()
}

fn part(part: Part<'_>) -> Option<ContentPart> {
    match part.type_.0.as_deref()? {
        "text" => part.text.0.map(ContentPart::text),
        "thinking" => Some(match part.thinking {
            TextOrList::Text(thought) => Reasoning::new(thought).into(),
            TextOrList::List(list) => {
                Reasoning::new(list.into_iter().filter_map(|one| one.text.0).collect::<String>()).into()
            }
            TextOrList::Missing => return None,
        }),
        "refusal" => part.refusal.0.map(ContentPart::refusal),
        "image_url" => Some(ContentPart::Image(Media::url(part.image_url?.url.0?))),
        _ => None,
    }
}

impl Call<'_> {
    pub(super) fn index(&self) -> Option<u64> {
        self.index.0.as_deref()?.parse().ok()
    }

    pub(super) fn name(&mut self) -> Option<String> {
        self.function.as_mut().or(self.custom.as_mut())?.name.0.take().map(Cow::into_owned)
    }

    /// Text where they are text, else the object they are. Text of a free form is no arguments and never runs as such.
    pub(super) fn arguments(&self) -> Value {
        let function = self.function.as_ref().and_then(|function| function.arguments);
        let Some(raw) = function.or(self.custom.as_ref().and_then(|custom| custom.input)).map(RawValue::get) else {
            return Value::Null;
        };
        if !raw.starts_with('"') && !reader::is_small(raw) {
            return raw.into();
        }
        reader::value(raw).unwrap_or_default()
    }

    /// What Gemini wants back with the call.
    pub(super) fn signature(&self) -> Option<String> {
        let extra = self.extra_content?.get();
        let extra: Value = reader::value(Some(extra).filter(|extra| reader::is_small(extra))?)?;
        Some(extra.pointer("/google/thought_signature")?.as_str()?.to_string())
    }
}

pub(super) fn usage(raw: &str) -> Option<Usage> {
    let raw: Map<String, Value> = reader::value(raw)?;
    let whole = |value: &Value| value.as_u64().or_else(|| Some(value.as_f64()?.max(0.0) as u64));
    let count = |key: &str| raw.get(key).and_then(whole);
    let detail = |group: &str, key: &str| raw.get(group)?.get(key).and_then(whole);
    let usage = Usage::new(count("prompt_tokens"), count("completion_tokens"))
        .with_total_tokens(count("total_tokens"))
        .with_cached_input_tokens(
            detail("prompt_tokens_details", "cached_tokens").or_else(|| count("prompt_cache_hit_tokens")),
        )
        .with_cache_write_tokens(detail("prompt_tokens_details", "cache_write_tokens"))
        .with_reasoning_tokens(
            detail("completion_tokens_details", "reasoning_tokens").or_else(|| count("reasoning_tokens")),
        );
    Some(usage.with_raw(raw))
}

/// A whole answer from the body of a success.
pub(super) fn answer(body: &str, out: &mut Assembly) -> Result<()> {
    let mut document: Document<'_> = reader::document(body, out.errors())?;
    if let Some(error) = document.error() {
        return Err(out.errors().inside(error));
    }
    let Some(mut choice) = document.choices.0.take() else {
        return Err(out
            .errors()
            .error(ErrorKind::Parse, "sent an answer without choices")
            .with_partial(body.to_string()));
    };
    out.set_answer_id(document.id.0.as_deref().unwrap_or_default());
    let (mut lists, mut words) = (Lists::default(), Words::default());
    document.besides(&mut lists, &mut words, out);
    let mut turn = choice.message.take().map(|turn| *turn).or(choice.delta.take()).unwrap_or_default();
    turn.keep(&mut lists, out);
    if let Some(logprobs) = choice.logprobs {
        lists.keep("logprobs", logprobs.get(), out);
    }
    out.push(turn.content())?;
    for mut call in turn.tool_calls.0 {
        let id = call.id.0.take().unwrap_or_default();
        let name = call.name().unwrap_or_default();
        let mut whole = ToolCall::new(id, name, call.arguments());
        if let Some(signature) = call.signature() {
            whole = whole.with_signature(signature);
        }
        out.whole_call(whole)?;
    }
    let metadata = words.into_metadata(lists);
    let finish = choice.finish_reason.into_string();
    out.push(last(
        finish,
        document.usage().and_then(usage),
        document.model.into_string(),
        document.id.into_string(),
        metadata,
    ))
}

/// What counts once.
pub(super) fn last(
    finish: Option<String>,
    usage: Option<Usage>,
    model: Option<String>,
    id: Option<String>,
    metadata: Map<String, Value>,
) -> AiMessage {
    let mut last = AiMessage::default();
    if let Some(reason) = finish {
        last = last.with_finish_reason(FinishReason::from_word(reason));
    }
    if let Some(usage) = usage {
        last = last.with_usage(usage);
    }
    if let Some(model) = model {
        last = last.with_model(model);
    }
    if let Some(id) = id {
        last = last.with_id(id);
    }
    if metadata.is_empty() { last } else { last.with_metadata(metadata) }
}
