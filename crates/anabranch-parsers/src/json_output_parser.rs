//! [`JsonOutputParser`]: the JSON in an answer.

use std::any::{Any, TypeId, type_name};
use std::fmt;
use std::future::ready;
use std::marker::PhantomData;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Error, ErrorKind, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{AiMessage, FinishReason};
use futures_util::TryStreamExt;
use futures_util::stream::unfold;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::growing::Growing;
use crate::locate::{Missing, byte_in_text, line_and_column, locate, wrong};
use crate::mismatch::mismatch;

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
/// The document may be the whole answer, stand in a `json` fence, or be an object or list in between words. There must
/// be one: half a document is never taken for a whole, a part of a broken one never for another, and of several none is
/// chosen. The error says what is wrong and where, and keeps the answer in [`Error::partial`] (a `String`), which no
/// rendering prints:
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

    fn parse_answer(&self, answer: &AiMessage) -> Result<T> {
        let text = answer.text();
        if text.trim().is_empty() {
            let refusal = answer.refusal();
            if !refusal.is_empty() {
                let error = Error::new(ErrorKind::ContentFilter, "the model refused to answer");
                return Err(error.with_partial(refusal.into_owned()));
            }
            let calls = answer.tool_calls().len();
            if calls > 0 {
                let message = format!("the answer has no text where JSON is wanted, but {calls} tool calls");
                return Err(failed(&text, message));
            }
        }
        self.parse_finished(&text, answer.finish_reason())
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
                    Label::of_type::<T>(Kind::STEP).name,
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

/// A streamed answer on its way.
struct Reading<'a> {
    answer: Chunks<'a, AiMessage>,
    whole: AiMessage,
    growing: Growing,
    last: Option<Value>,
}

/// JSON as the type that is given, where that is JSON.
fn as_output<T: 'static>(value: Value) -> Option<T> {
    let mut value = Some(value);
    let any: &mut dyn Any = &mut value;
    any.downcast_mut::<Option<T>>()?.take()
}

impl<T: DeserializeOwned + Send + 'static> JsonOutputParser<T> {
    /// What the last of several answers says: those that come whole do not grow.
    fn last_of<'a>(&'a self, answer: Chunks<'a, AiMessage>) -> Chunks<'a, T> {
        Chunks::from_future(async move {
            let answer = answer.try_fold(None, |_, answer| ready(Ok(Some(answer)))).await?;
            let Some(answer) = answer else {
                return Err(Error::new(ErrorKind::EmptyStream, "the stream ended without an answer"));
            };
            self.parse_answer(&answer)
        })
    }

    /// A snapshot for each piece that adds something.
    fn growing<'a>(&'a self, answer: Chunks<'a, AiMessage>) -> Chunks<'a, T> {
        let reading = Reading { answer, whole: AiMessage::default(), growing: Growing::new(), last: None };
        let snapshots = unfold(Some(reading), move |reading| async move {
            let mut reading = reading?;
            loop {
                match reading.answer.next().await {
                    Some(Ok(piece)) => {
                        reading.growing.push(&piece.text());
                        reading.whole.append(piece);
                        if let Some(snapshot) = reading.growing.snapshot() {
                            reading.last = Some(snapshot.clone());
                            return as_output(snapshot).map(|snapshot| (Ok(snapshot), Some(reading)));
                        }
                    }
                    Some(Err(error)) => return Some((Err(error), None)),
                    // What the last snapshot said already is not said again.
                    None => match JsonOutputParser::new().parse_answer(&reading.whole) {
                        Ok(whole) if reading.last.as_ref() == Some(&whole) => return None,
                        Ok(whole) => return as_output(whole).map(|whole| (Ok(whole), None)),
                        Err(error) => return Some((Err(error), None)),
                    },
                }
            }
        });
        Chunks::new(snapshots, Merge::last())
    }
}

impl<T: DeserializeOwned + Send + 'static> Runnable for JsonOutputParser<T> {
    type Input = AiMessage;
    type Output = T;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<T> {
        self.parse_answer(&answer)
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, T> {
        // Half a value is a value of JSON, but not of another type.
        if TypeId::of::<T>() != TypeId::of::<Value>() {
            return Chunks::from_future(async move { self.parse_answer(&answer.collect().await?) });
        }
        Chunks::deferred(async move {
            // With its first chunk it is known how an answer adds up.
            let answer = answer.begun().await?;
            Ok(if answer.merge().replaces() { self.last_of(answer) } else { self.growing(answer) })
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "JsonOutputParser"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "JsonOutputParser")
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
