//! What servers send. What varies from server to server is read as what it is, or not at all; what nobody may read stays
//! text.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::reader::{self, Assembly, Bounded, First, Lists, Repeated, Text, TextOrList, Wanted, in_place};
use crate::transport::is_error;

/// More than any answer has.
pub(super) const MANY: usize = 1025;

in_place! {
    /// A `chat.completion` or a `chat.completion.chunk`. What varies from server to server is read as what it is, or not at
    /// all; what nobody may read stays text.
    pub(in super::super) struct Document<'a> {
        pub(super) usage: Option<&'a RawValue>,
        pub(super) x_groq: Option<&'a RawValue>,
        pub(super) error: Option<&'a RawValue>,
        /// Perplexity.
        pub(super) citations: Option<&'a RawValue>,
        pub(super) search_results: Option<&'a RawValue>,
    } in place {
        pub(in super::super) id: Text<'a>,
        pub(in super::super) model: Text<'a>,
        pub(super) system_fingerprint: Text<'a>,
        pub(super) service_tier: Text<'a>,
        /// OpenRouter: who answered.
        pub(super) provider: Text<'a>,
        pub(super) choices: First<Choice<'a>, MANY>,
    }
}

in_place! {
    pub(in super::super) struct Choice<'a> {
        pub(in super::super) logprobs: Option<&'a RawValue>,
    } in place {
        pub(super) index: Text<'a>,
        pub(in super::super) finish_reason: Text<'a>,
        /// Apart, because chunks have none.
        pub(super) message: Option<Box<Turn<'a>>>,
        pub(super) delta: Option<Turn<'a>>,
    }
}

in_place! {
    /// What is in `message` and in `delta`.
    pub(in super::super) struct Turn<'a> {
        pub(super) reasoning_details: Option<&'a RawValue>,
        pub(super) annotations: Option<&'a RawValue>,
        pub(in super::super) tool_calls: Bounded<Call<'a>, MANY>,
        pub(super) audio: Option<Box<Audio<'a>>>,
        pub(super) images: Bounded<Part<'a>, MANY>,
    } in place {
        pub(super) content: TextOrList<'a, Part<'a>, MANY>,
        pub(super) reasoning_content: Text<'a>,
        pub(super) reasoning: Text<'a>,
        pub(super) refusal: Text<'a>,
    }
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
    pub(in super::super) fn choice(&mut self) -> Option<&mut Choice<'a>> {
        self.choices.0.as_mut()
    }

    /// The others, where more than one was asked for.
    pub(in super::super) fn others(&mut self) -> &mut Vec<Choice<'a>> {
        &mut self.choices.1
    }

    /// What the server reports instead of an answer, or in the middle of it.
    pub(in super::super) fn error(&self) -> Option<Value> {
        reader::reported(self.error?.get()).filter(is_error)
    }

    /// What the call cost, as it came. Groq says it in a place of its own, too, and sometimes there only.
    pub(in super::super) fn usage(&self) -> Option<&'a str> {
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
    pub(in super::super) fn besides(&mut self, lists: &mut Lists, words: &mut Words, out: &mut Assembly) {
        words.0.keep([&self.id, &self.model, &self.system_fingerprint, &self.service_tier, &self.provider]);
        for (key, list) in [("citations", self.citations), ("search_results", self.search_results)] {
            if let Some(list) = list {
                lists.replace(key, list.get(), out);
            }
        }
    }
}

/// Words that stand in every chunk: id, model, and what is metadata.
#[derive(Default)]
pub(in super::super) struct Words(Repeated<5>);

impl Words {
    pub(in super::super) fn id(&self) -> Option<&str> {
        self.0.get(0)
    }

    pub(in super::super) fn model(&self) -> Option<&str> {
        self.0.get(1)
    }

    /// All that is given out once, with the lists.
    pub(in super::super) fn metadata(&self, lists: Lists) -> Map<String, Value> {
        let words = [("system_fingerprint", 2), ("service_tier", 3), ("provider", 4)];
        let words = words.into_iter().filter_map(|(key, place)| Some((key.to_string(), self.0.get(place)?.into())));
        words.chain(lists.into_metadata()).collect()
    }
}

impl Wanted for Choice<'_> {
    fn is_wanted(&self) -> bool {
        self.index.0.as_deref().is_none_or(|index| index == "0")
    }
}

impl<'a> Choice<'a> {
    pub(super) fn index(&self) -> Option<u64> {
        self.index.0.as_deref()?.parse().ok()
    }

    /// What a chunk says. Some servers send the place of the other kind, too.
    pub(in super::super) fn delta(&mut self) -> Option<&mut Turn<'a>> {
        self.delta.as_mut().or(self.message.as_deref_mut())
    }

    /// What an answer says.
    pub(super) fn message(&mut self) -> Option<Turn<'a>> {
        self.message.take().map(|turn| *turn).or(self.delta.take())
    }
}
