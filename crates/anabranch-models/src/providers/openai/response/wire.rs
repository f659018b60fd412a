//! What servers send. What varies from server to server is read as what it is, or not at all; what nobody may read stays
//! text.

use anabranch_messages::Usage;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::providers::openai::usage::usage;
use crate::reader::{self, Assembly, Bounded, Lists, Text, TextOrList};
use crate::transport::is_error;

/// More than any answer has.
pub(super) const MANY: usize = 1025;
/// The largest value of a member that is taken apart: usage, errors, arguments that are an object.
pub(super) const SMALL: usize = 1 << 20;

/// A `chat.completion` or a `chat.completion.chunk`. What varies from server to server is read as what it is, or not at
/// all; what nobody may read stays text.
#[derive(Deserialize)]
pub(in super::super) struct Document<'a> {
    #[serde(borrow, default)]
    pub(in super::super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) model: Text<'a>,
    #[serde(borrow, default)]
    pub(super) choices: Bounded<Choice<'a>, MANY>,
    #[serde(borrow)]
    pub(super) usage: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) x_groq: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) system_fingerprint: Text<'a>,
    #[serde(borrow, default)]
    pub(super) service_tier: Text<'a>,
    /// OpenRouter: who answered.
    #[serde(borrow, default)]
    pub(super) provider: Text<'a>,
    /// Perplexity.
    #[serde(borrow)]
    pub(super) citations: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) search_results: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(in super::super) struct Choice<'a> {
    #[serde(borrow, default)]
    pub(super) index: Text<'a>,
    #[serde(borrow)]
    pub(super) message: Option<Turn<'a>>,
    #[serde(borrow)]
    pub(super) delta: Option<Turn<'a>>,
    #[serde(borrow, default)]
    pub(in super::super) finish_reason: Text<'a>,
    #[serde(borrow)]
    pub(in super::super) logprobs: Option<&'a RawValue>,
}

/// What is in `message` and in `delta`.
#[derive(Deserialize, Default)]
pub(in super::super) struct Turn<'a> {
    #[serde(borrow, default)]
    pub(super) content: TextOrList<'a, Part<'a>, MANY>,
    #[serde(borrow, default)]
    pub(super) reasoning_content: Text<'a>,
    #[serde(borrow, default)]
    pub(super) reasoning: Text<'a>,
    #[serde(borrow)]
    pub(super) reasoning_details: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(super) refusal: Text<'a>,
    #[serde(borrow)]
    pub(super) annotations: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(in super::super) tool_calls: Bounded<Call<'a>, MANY>,
    #[serde(borrow)]
    pub(super) audio: Option<Audio<'a>>,
    #[serde(borrow, default)]
    pub(super) images: Bounded<Part<'a>, MANY>,
}

/// A part of a content that is a list, which is how Mistral thinks; or an image, which is how OpenRouter shows one.
#[derive(Deserialize)]
pub(super) struct Part<'a> {
    #[serde(borrow, default, rename = "type")]
    pub(super) type_: Text<'a>,
    #[serde(borrow, default)]
    pub(super) text: Text<'a>,
    #[serde(borrow, default)]
    pub(super) refusal: Text<'a>,
    #[serde(borrow, default)]
    pub(super) thinking: TextOrList<'a, Texts<'a>, MANY>,
    #[serde(borrow)]
    pub(super) image_url: Option<Url<'a>>,
    /// Mistral: what the text before it rests on.
    #[serde(borrow, default)]
    pub(super) reference_ids: Bounded<Text<'a>, MANY>,
}

#[derive(Deserialize)]
pub(super) struct Texts<'a> {
    #[serde(borrow, default)]
    pub(super) text: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Url<'a> {
    #[serde(borrow, default)]
    pub(super) url: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct Audio<'a> {
    #[serde(borrow, default)]
    pub(super) id: Text<'a>,
    #[serde(borrow, default)]
    pub(super) data: Text<'a>,
    #[serde(borrow, default)]
    pub(super) transcript: Text<'a>,
    #[serde(borrow, default)]
    pub(super) expires_at: Text<'a>,
}

/// An element of `reasoning_details`.
#[derive(Deserialize)]
pub(super) struct Detail<'a> {
    #[serde(borrow, default)]
    pub(super) text: Text<'a>,
    #[serde(borrow, default)]
    pub(super) summary: Text<'a>,
    #[serde(borrow, default)]
    pub(super) signature: Text<'a>,
}

#[derive(Deserialize)]
pub(in super::super) struct Call<'a> {
    #[serde(borrow, default)]
    pub(super) index: Text<'a>,
    #[serde(borrow, default)]
    pub(in super::super) id: Text<'a>,
    #[serde(borrow)]
    pub(super) function: Option<Function<'a>>,
    /// A call whose input is text of any form.
    #[serde(borrow)]
    pub(super) custom: Option<Function<'a>>,
    #[serde(borrow)]
    pub(super) extra_content: Option<&'a RawValue>,
}

#[derive(Deserialize, Default)]
pub(super) struct Function<'a> {
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) arguments: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

impl<'a> Document<'a> {
    /// The first choice, which is the answer.
    pub(in super::super) fn choice(&mut self) -> Option<Choice<'a>> {
        std::mem::take(&mut self.choices).0.into_iter().find(Choice::is_first)
    }

    /// The others, where more than one was asked for.
    pub(in super::super) fn others(&mut self) -> Vec<Choice<'a>> {
        if self.choices.0.iter().all(Choice::is_first) {
            return Vec::new();
        }
        let (first, others) = std::mem::take(&mut self.choices).0.into_iter().partition(Choice::is_first);
        self.choices.0 = first;
        others
    }

    /// What the server reports instead of an answer, or in the middle of it.
    pub(in super::super) fn error(&self) -> Option<Value> {
        let error = self.error.map(RawValue::get)?;
        let error = if error.len() > SMALL { Some(true.into()) } else { reader::value(error) };
        error.filter(is_error)
    }

    /// What the call cost. Groq says it in a place of its own, too, and sometimes there only.
    pub(in super::super) fn usage(&self) -> Option<Usage> {
        #[derive(Deserialize)]
        struct Groq<'a> {
            #[serde(borrow)]
            usage: Option<&'a RawValue>,
        }
        let groq = || serde_json::from_str::<Groq<'_>>(self.x_groq?.get()).ok()?.usage;
        usage(self.usage.or_else(groq)?.get())
    }

    /// What is kept of the rest.
    pub(in super::super) fn besides(
        &mut self,
        lists: &mut Lists,
        metadata: &mut Map<String, Value>,
        out: &mut Assembly,
    ) {
        let words = [
            ("system_fingerprint", &mut self.system_fingerprint),
            ("service_tier", &mut self.service_tier),
            ("provider", &mut self.provider),
        ];
        for (key, word) in words {
            // The same in every chunk.
            if word.0.is_some() && metadata.get(key).and_then(Value::as_str) != word.0.as_deref() {
                metadata.extend(word.0.take().map(|word| (key.to_string(), word.into_owned().into())));
            }
        }
        for (key, list) in [("citations", self.citations), ("search_results", self.search_results)] {
            if let Some(list) = list {
                lists.replace(key, list.get(), out);
            }
        }
    }
}

impl<'a> Choice<'a> {
    fn is_first(&self) -> bool {
        self.index.0.as_deref().is_none_or(|index| index == "0")
    }

    pub(in super::super) fn index(&self) -> Option<u64> {
        self.index.0.as_deref()?.parse().ok()
    }

    /// What a chunk says. Some servers send the place of the other kind, too.
    pub(in super::super) fn delta(&mut self) -> Option<Turn<'a>> {
        self.delta.take().or(self.message.take())
    }

    /// What an answer says.
    pub(super) fn message(&mut self) -> Option<Turn<'a>> {
        self.message.take().or(self.delta.take())
    }
}
