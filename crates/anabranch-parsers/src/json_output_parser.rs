//! [`JsonOutputParser`]: the JSON in an answer.

use std::any::type_name;
use std::fmt;
use std::marker::PhantomData;

use anabranch_core::{Description, Error, ErrorKind, Label, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{AiMessage, FinishReason};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::locate::{Missing, byte_in_text, line_and_column, locate, wrong};
use crate::mismatch::mismatch;

/// Takes the JSON out of an answer, as [`Value`] or as a type of your own.
///
/// ```
/// use anabranch_core::Runnable;
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
/// The document may be the whole answer, stand in a `json` fence, or be an object or list in between words. There must
/// be one: half a document is never taken for a whole, a part of a broken one never for another, and of several none is
/// chosen. The error says what is wrong and where, and keeps the answer in [`Error::partial`] (a `String`), which no
/// rendering prints:
///
/// ```
/// use anabranch_core::{ErrorKind, Runnable};
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
    output: PhantomData<fn() -> T>,
}

impl JsonOutputParser {
    /// A parser that gives any JSON.
    #[must_use]
    pub const fn new() -> Self {
        Self { output: PhantomData }
    }

    /// A parser that gives a `T`.
    #[must_use]
    #[doc(alias = "PydanticOutputParser")]
    pub const fn typed<T: DeserializeOwned + Send + 'static>() -> JsonOutputParser<T> {
        JsonOutputParser { output: PhantomData }
    }
}

impl<T: DeserializeOwned> JsonOutputParser<T> {
    /// The JSON in a text.
    ///
    /// # Errors
    /// [`ErrorKind::Parse`] when there is none in it, or more than one, or it is cut off, or does not fit the type.
    pub fn parse(&self, text: &str) -> Result<T> {
        self.parse_finished(text, None)
    }

    fn parse_finished(&self, text: &str, finish: Option<&FinishReason>) -> Result<T> {
        let was_cut = finish.is_some_and(FinishReason::is_cut_off);
        let document = match locate(text) {
            // Of a number nobody can say whether more of it was to come.
            Ok(document) if was_cut && text.ends_with(document.json) && document.json.ends_with(is_in_number) => {
                return Err(missing(text, &Missing::CutOff, finish));
            }
            Ok(document) => document,
            Err(why) => return Err(missing(text, &why, finish)),
        };
        serde_json::from_str(document.json).map_err(|error| {
            let (line, column) = line_and_column(text, byte_in_text(document, &error));
            let what = match error.classify() {
                Category::Data => format!(
                    "the JSON in the answer is no {}: {}",
                    Label::of_type::<T>("type").name,
                    mismatch(&error.to_string())
                ),
                _ => format!("the answer is no valid JSON: {}", wrong(&error)),
            };
            failed(text, format!("{what} at line {line} column {column}"))
        })
    }
}

fn is_in_number(c: char) -> bool {
    matches!(c, '0'..='9' | '.' | '-' | '+' | 'e' | 'E')
}

#[cold]
fn missing(text: &str, why: &Missing, finish: Option<&FinishReason>) -> Error {
    let was_cut = finish.is_some_and(FinishReason::is_cut_off);
    let cause = match finish {
        Some(reason) if *reason == anabranch_messages::FinishKind::Length => {
            ": the limit of tokens cut the answer off; raise it, or ask for less"
        }
        Some(_) if was_cut => ": the provider broke the answer off",
        _ => "",
    };
    let place = |byte| {
        let (line, column) = line_and_column(text, byte);
        format!("at line {line} column {column}")
    };
    let message = match why {
        Missing::CutOff => format!("the JSON in the answer is truncated {}{cause}", place(text.trim_end().len())),
        Missing::Broken(what, byte) => format!("the answer is no valid JSON: {what} {}", place(*byte)),
        Missing::Several(count) => format!("the answer has {count} JSON documents where one is wanted"),
        Missing::Nothing if text.trim().is_empty() => format!("the answer has no text where JSON is wanted{cause}"),
        Missing::Nothing => format!("the answer has no JSON in its {} characters{cause}", text.chars().count()),
    };
    failed(text, message)
}

/// The answer goes with the error for whoever wants to see it, and is in no rendering.
fn failed(text: &str, message: String) -> Error {
    Error::new(ErrorKind::Parse, message).with_partial(text.to_string())
}

impl<T: DeserializeOwned + Send + 'static> Runnable for JsonOutputParser<T> {
    type Input = AiMessage;
    type Output = T;

    async fn invoke_with(&self, answer: AiMessage, _: &RunConfig) -> Result<T> {
        let text = answer.text();
        if text.trim().is_empty() {
            let refusal = answer.refusal();
            if !refusal.is_empty() {
                let error = Error::new(ErrorKind::ContentFilter, "the model refused to answer");
                return Err(error.with_partial(refusal.into_owned()));
            }
            let calls = answer.tool_calls().len();
            if calls > 0 {
                return Err(failed(
                    &text,
                    format!("the answer has no text where JSON is wanted, but {calls} tool calls"),
                ));
            }
        }
        self.parse_finished(&text, answer.finish_reason())
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new("parser", "JsonOutputParser"))
    }

    fn describe(&self) -> Description {
        Description::new("parser", "JsonOutputParser")
    }
}

impl Default for JsonOutputParser {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for JsonOutputParser<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for JsonOutputParser<T> {}

impl<T> fmt::Debug for JsonOutputParser<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonOutputParser<{}>", type_name::<T>())
    }
}

pipe_operator!(impl<T> for JsonOutputParser<T> where T: DeserializeOwned + Send + 'static);
