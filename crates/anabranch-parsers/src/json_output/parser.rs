//! [`JsonOutputParser`]: the JSON in an answer.

use std::any::{Any, TypeId};
use std::fmt;
use std::marker::PhantomData;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::AiMessage;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::answer::Answer;
use crate::json_output::lenient_reading::Read;
use crate::json_output::reading;
use crate::json_output::settings::JsonSettings;
use crate::json_output::snapshots::snapshots;
use crate::lenient::Repair;
use crate::output_parser::OutputParser;
use crate::typed;
use crate::typed::type_words::type_words;

/// Takes the JSON out of an answer, as [`Value`] or as a type of your own.
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_messages::AiMessage;
/// use anabranch_parsers::JsonOutputParser;
///
/// #[derive(serde::Deserialize)]
/// struct River { name: String, length_km: u32 }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let answer = AiMessage::new("Here you are:\n```json\n{\"name\": \"Weser\", \"length_km\": 452}\n```\nAnything else?");
///
/// let value = JsonOutputParser::new().invoke(answer.clone()).await?;
/// assert_eq!(value["name"], "Weser");
///
/// let river = JsonOutputParser::typed::<River>().invoke(answer).await?;
/// assert_eq!((river.name.as_str(), river.length_km), ("Weser", 452));
/// # Ok(()) }
/// ```
///
/// # Which JSON counts
///
/// What the model thought is left out: what stands between `<think>`, `<thinking>` or `<reasoning>` and its end, and
/// what stands before such an end. Of the rest it is
///
/// 1. the whole text, if that is one JSON document;
/// 2. else what stands in the last fence that is closed, a `json` fence before one without a word;
/// 3. else the one object with something in it, or the one list on a line of its own, among words.
///
/// Among words a list of nothing but whole numbers of up to three digits, such as `[1]` or `[2, 3]`, is a citation and no
/// document, unless the schema or the type that is asked for is a list which it fits.
///
/// Several of the last are an error that counts them. What is begun and broken is an error too: no part of it, and
/// nothing beside it, is taken for it. Of an answer that was cut off (by the limit of tokens, or by the provider) only
/// the whole text counts, or a closed fence at its end: nothing from its middle.
///
/// The grammar is that of RFC 8259. An integer that could only be kept rounded is refused, and so is a key that stands
/// twice with different values, because one of them would be lost. [`lenient`](Self::lenient) repairs what models get
/// wrong, [`exact`](Self::exact) takes nothing but the whole text.
///
/// # As a stream
///
/// It streams [`Value`]s: snapshots of the document as far as it came, each replacing the one before. Texts grow; numbers,
/// words and keys are there when they are complete. A type of your own comes whole, and so does a document among words
/// without a fence. Only the last snapshot is checked, so an answer that turns out to be no JSON ends in an error.
///
/// ```
/// use anabranch_core::{Chunks, RunnableExt};
/// use anabranch_messages::AiMessage;
/// use anabranch_parsers::JsonOutputParser;
/// use futures::TryStreamExt;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let pieces = ["{\"name\": \"We", "ser\", \"km\": 45", "2}"];
/// let answer = Chunks::from_values(pieces.map(AiMessage::new), AiMessage::merge());
/// let parser = JsonOutputParser::new();
/// let snapshots: Vec<_> = parser.transform(answer).try_collect().await?;
/// assert_eq!(snapshots, [json!({"name": "We"}), json!({"name": "Weser"}), json!({"name": "Weser", "km": 452})]);
/// # Ok(()) }
/// ```
///
/// Each piece is read once. A snapshot is a copy of all there is, so there is one for each piece only while the document
/// is small (4 KiB); after that, when it has grown by a sixty-fourth: all snapshots together cost a multiple of the
/// text, not its square. Who collects the stream pays for none. [`elements`](Self::elements) gives the elements of a list as each is
/// complete, [`events`](Self::events) every field, both without copies.
///
/// # Errors
///
/// The error says what is wrong and where, as a [`ParseError`](crate::ParseError) to match on, and keeps the answer in
/// [`Error::partial`](anabranch_core::Error::partial) (a `String`), which no rendering prints:
///
/// ```
/// use anabranch_core::{ErrorKind, RunnableExt};
/// use anabranch_messages::{AiMessage, FinishReason};
/// use anabranch_parsers::JsonOutputParser;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let cut = AiMessage::new(r#"{"price": 12"#).with_finish_reason(FinishReason::length());
/// let error = JsonOutputParser::new().invoke(cut).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Parse);
/// assert!(error.message().contains("the limit of tokens"));
/// assert_eq!(error.partial::<String>().unwrap(), r#"{"price": 12"#);
/// # Ok(()) }
/// ```
pub struct JsonOutputParser<T = Value> {
    pub(crate) settings: JsonSettings,
    output: PhantomData<fn() -> T>,
}

impl JsonOutputParser {
    /// A parser that gives any JSON.
    #[must_use]
    pub const fn new() -> Self {
        Self { settings: JsonSettings::new(), output: PhantomData }
    }

    /// A parser that gives a `T`.
    #[must_use]
    #[doc(alias = "PydanticOutputParser")]
    pub const fn typed<T: DeserializeOwned + Send + 'static>() -> JsonOutputParser<T> {
        JsonOutputParser { settings: JsonSettings::wanting(typed::wants_list::<T>), output: PhantomData }
    }
}

impl<T: DeserializeOwned + 'static> JsonOutputParser<T> {
    /// The JSON in a text.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`](anabranch_core::ErrorKind::Parse) when there is none in it, or more than one, or it is cut
    /// off, or does not fit the type.
    pub fn parse(&self, text: &str) -> Result<T> {
        self.read(&Answer::text(text))
    }

    /// What there is by now of the document of a text that is not at its end: what the last snapshot of a stream would be.
    /// Texts may be half of what they become; numbers, words and keys are whole. Nothing where no document has begun.
    ///
    /// ```
    /// use anabranch_parsers::JsonOutputParser;
    /// use serde_json::json;
    ///
    /// let so_far = JsonOutputParser::new().parse_so_far(r#"{"name": "We"#);
    /// assert_eq!(so_far, Some(json!({"name": "We"})));
    /// ```
    #[must_use]
    pub fn parse_so_far(&self, text: &str) -> Option<Value> {
        reading::parse_so_far(&self.settings, text)
    }

    /// [`parse`](Self::parse), and what was changed to get there: nothing where the parser is not
    /// [lenient](Self::lenient), or had no need to be.
    ///
    /// ```
    /// use anabranch_parsers::{JsonOutputParser, RepairKind};
    ///
    /// let (value, repairs) = JsonOutputParser::new().lenient().parse_reported("{'km': 452}")?;
    /// assert_eq!(value["km"], 452);
    /// assert_eq!(repairs[0].kind(), RepairKind::Quotes);
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`parse`](Self::parse).
    pub fn parse_reported(&self, text: &str) -> Result<(T, Vec<Repair>)> {
        self.read_reported(&Answer::text(text))
    }

    pub(crate) fn read_reported(&self, answer: &Answer<'_>) -> Result<(T, Vec<Repair>)> {
        let read = reading::document(&self.settings, answer);
        if self.settings.is_lenient && TypeId::of::<T>() != TypeId::of::<Value>() {
            return typed::typed_leniently(read, answer);
        }
        let Read { document, repairs } = read?;
        Ok((typed::typed(document, answer)?, repairs))
    }

    /// The JSON in an answer.
    fn read(&self, answer: &Answer<'_>) -> Result<T> {
        self.read_reported(answer).map(|(output, _)| output)
    }
}

/// JSON as the type that is given, where that is JSON.
pub(crate) fn as_output<T: 'static>(value: &mut Option<Value>) -> Option<T> {
    let any: &mut dyn Any = value;
    any.downcast_mut::<Option<T>>()?.take()
}

impl<T: DeserializeOwned + Send + 'static> Runnable for JsonOutputParser<T> {
    type Input = AiMessage;
    type Output = T;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<T> {
        self.read(&Answer::of(&answer)?)
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, T> {
        // Half a value is a value of JSON, but not of another type.
        if TypeId::of::<T>() != TypeId::of::<Value>() {
            return Chunks::from_future(async move { self.read(&Answer::of(&answer.collect().await?)?) });
        }
        Chunks::deferred(async move {
            // With its first chunk it is known how an answer adds up.
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                // Those that come whole do not grow: the last of them is the answer.
                return Ok(Chunks::from_future(async move { self.read(&Answer::of(&answer.collect().await?)?) }));
            }
            let snapshots = snapshots(&self.settings, answer);
            Ok(snapshots.filter_map_chunks(|value| Ok(as_output(&mut Some(value))), anabranch_core::Merge::last()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "JsonOutputParser"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "JsonOutputParser")
    }
}

impl<T: DeserializeOwned + Send + 'static> OutputParser for JsonOutputParser<T> {
    fn format_instructions(&self) -> String {
        match self.schema() {
            None => "Answer with one JSON document and nothing else.".to_string(),
            // Letters are written as they are, of whatever script.
            Some(schema) => format!(
                "Answer with one JSON document and nothing else. It must be valid by this JSON Schema:\n```json\n{schema:#}\n```"
            ),
        }
    }

    fn parse_answer(&self, answer: &AiMessage) -> Result<T> {
        self.read(&Answer::of(answer)?)
    }
}

impl Default for JsonOutputParser {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for JsonOutputParser<T> {
    fn clone(&self) -> Self {
        Self { settings: self.settings.clone(), output: PhantomData }
    }
}

impl<T> fmt::Debug for JsonOutputParser<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonOutputParser<{}>", type_words::<T>())
    }
}

pipe_operator!(impl<T> for JsonOutputParser<T> where T: DeserializeOwned + Send + 'static);
