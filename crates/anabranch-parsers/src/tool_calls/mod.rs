//! [`ToolCallsParser`]: tool calls as an enum of tools.

mod arguments;
pub(crate) mod growing;

use std::fmt;
use std::marker::PhantomData;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{AiMessage, ToolCall};
use futures_util::stream::unfold;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::json::fault::JsonFault;
use crate::json::path::is_short_identifier;
use crate::output_parser::OutputParser;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::typed;
use crate::typed::type_words::type_words;
use crate::typed::variants::variants;
use crate::work::looked_at;
use arguments::Arguments;

/// Takes the tool calls out of an answer, as an enum with a variant for each tool: its name is that of the tool, its
/// fields are the arguments. Words without a call are the empty list; an answer with neither is an error. It streams each
/// call as it is complete; [`growing`](Self::growing) gives those that are under way.
///
/// ```
/// use anabranch_messages::{AiMessage, ToolCall};
/// use anabranch_parsers::{OutputParser, ToolCallsParser};
/// use serde_json::json;
///
/// #[derive(serde::Deserialize, Debug, PartialEq)]
/// #[serde(rename_all = "snake_case")]
/// enum Tool {
///     Weather { city: String },
///     Now,
/// }
///
/// let answer = AiMessage::new("")
///     .with_tool_call(ToolCall::new("1", "weather", json!({"city": "Bremen"})))
///     .with_tool_call(ToolCall::new("2", "now", json!({})));
/// let calls = ToolCallsParser::<Tool>::new().parse_answer(&answer)?;
/// assert_eq!(calls, [Tool::Weather { city: "Bremen".into() }, Tool::Now]);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
///
/// A tool that is not known, arguments that do not fit or were cut off, a refusal and a filter are errors: a call that
/// is not whole must not run. Arguments are read as [`JsonOutputParser`](crate::JsonOutputParser) reads a document: a
/// number that could only be kept rounded is refused, and so is a key that stands twice with different values.
#[doc(alias = "PydanticToolsParser")]
#[doc(alias = "JsonOutputToolsParser")]
#[doc(alias = "JsonOutputKeyToolsParser")]
pub struct ToolCallsParser<T> {
    only: Option<String>,
    output: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> ToolCallsParser<T> {
    /// A parser for the variants of `T`.
    #[must_use]
    pub const fn new() -> Self {
        Self { only: None, output: PhantomData }
    }

    /// A parser for the arguments of one tool, as a `T`. Calls of other tools are left out.
    ///
    /// ```
    /// use anabranch_messages::{AiMessage, ToolCall};
    /// use anabranch_parsers::{OutputParser, ToolCallsParser};
    /// use serde_json::{Value, json};
    ///
    /// let answer = AiMessage::new("")
    ///     .with_tool_call(ToolCall::new("1", "names", json!({"names": ["a"]})))
    ///     .with_tool_call(ToolCall::new("2", "person", json!({"name": "b"})));
    /// let people = ToolCallsParser::<Value>::of_tool("person").parse_answer(&answer)?;
    /// assert_eq!(people, [json!({"name": "b"})]);
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    #[must_use]
    pub fn of_tool(name: impl Into<String>) -> Self {
        Self { only: Some(name.into()), output: PhantomData }
    }

    fn read(&self, answer: &AiMessage) -> Result<Vec<T>> {
        check(answer)?;
        let wanted = answer.tool_calls().iter().filter(|call| self.wants(call));
        wanted.map(|call| self.call_of(call, Arguments::new())).collect()
    }

    fn wants(&self, call: &ToolCall) -> bool {
        self.only.as_deref().is_none_or(|only| only == call.name())
    }

    fn call_of(&self, call: &ToolCall, arguments: Arguments) -> Result<T> {
        let arguments = arguments.whole(call)?;
        let wrong = |error: ParseError| {
            let message = format!("the arguments of the tool call are no {}: {error}", type_words::<T>());
            ParseError::new(error.kind(), message).with_text(call.raw_arguments())
        };
        if self.only.is_some() {
            return typed::from_value(&arguments, "").map_err(wrong);
        }
        let known = variants::<T>();
        if !known.is_empty() && !known.contains(&call.name()) {
            let name = if is_short_identifier(call.name()) { call.name() } else { "…" };
            let names: Vec<_> = known.iter().take(20).map(|name| format!("`{name}`")).collect();
            let message = format!("the tool `{name}` is not known: expected one of {}", names.join(", "));
            return Err(ParseError::new(ParseErrorKind::UnknownTool, message).with_text(call.raw_arguments()));
        }
        let is_bare = arguments.as_object().is_some_and(serde_json::Map::is_empty);
        let tagged = typed::from_value(&json!({ call.name(): arguments }), "");
        // A tool without arguments may be a variant without fields.
        let tagged = match tagged {
            Err(error) if is_bare => typed::from_value(&Value::from(call.name()), "").map_err(|_| error),
            tagged => tagged,
        };
        tagged.map_err(wrong)
    }
}

/// Calls beside a refusal, or that a filter or a limit broke off, are not run. An answer with neither calls nor words is
/// none.
fn check(answer: &AiMessage) -> Result<()> {
    let words = Answer::of_calls(answer)?;
    if answer.tool_calls().is_empty() && words.is_empty() {
        return Err(words.empty());
    }
    words.check_whole()
}

struct Calling<'a, T> {
    parser: &'a ToolCallsParser<T>,
    answer: Chunks<'a, AiMessage>,
    whole: AiMessage,
    /// How long the arguments of the calls were that were given.
    given: Vec<usize>,
    /// The arguments of the next. Calls may be written in turns, and each byte is looked at once.
    next: Arguments,
}

impl<T: DeserializeOwned> Calling<'_, T> {
    /// The calls that are complete, of those that stand before the last one.
    fn push(&mut self, piece: AiMessage) -> Result<Vec<T>> {
        self.whole.append(piece);
        let calls = self.whole.tool_calls();
        let mut ready = Vec::new();
        while let Some(call) = calls.get(self.given.len()).filter(|_| self.given.len() + 1 < calls.len()) {
            looked_at(1);
            if !self.next.are_complete(call) {
                break;
            }
            self.given.push(call.raw_arguments().len());
            let arguments = std::mem::replace(&mut self.next, Arguments::new());
            if self.parser.wants(call) {
                ready.push(self.parser.call_of(call, arguments)?);
            }
        }
        Ok(ready)
    }

    fn last(self) -> Result<Vec<T>> {
        check(&self.whole)?;
        let calls = self.whole.tool_calls();
        for (call, length) in calls.iter().zip(&self.given).filter(|(call, _)| self.parser.wants(call)) {
            // More came of a call that was given, which no provider should do.
            if call.raw_arguments().len() != *length {
                self.parser.call_of(call, Arguments::new())?;
                if call.raw_arguments().get(*length..).is_none_or(|more| !more.trim_ascii().is_empty()) {
                    return Err(went_on(call));
                }
            }
        }
        let rest = calls.iter().skip(self.given.len()).filter(|call| self.parser.wants(call));
        rest.map(|call| self.parser.call_of(call, Arguments::new())).collect()
    }
}

#[cold]
fn went_on(call: &ToolCall) -> anabranch_core::Error {
    let message = "the arguments of a tool call went on after they were complete, when the call had been handed on";
    ParseError::new(ParseErrorKind::Json(JsonFault::TextAfter), message).with_text(call.raw_arguments())
}

impl<T: DeserializeOwned + Send + 'static> Runnable for ToolCallsParser<T> {
    type Input = AiMessage;
    type Output = Vec<T>;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<Vec<T>> {
        self.read(&answer)
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, Vec<T>> {
        Chunks::deferred(async move {
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                let whole = async move { self.read(&answer.collect().await?) };
                return Ok(Chunks::new(futures_util::stream::once(whole), Merge::extend()));
            }
            let (whole, given, next) = (AiMessage::default(), Vec::new(), Arguments::new());
            let calling = Calling { parser: self, answer, whole, given, next };
            let calls = unfold(Some(calling), |calling| async move {
                let mut calling = calling?;
                loop {
                    match calling.answer.next().await {
                        Some(piece) => match piece.and_then(|piece| calling.push(piece)) {
                            Ok(calls) if calls.is_empty() => {}
                            Ok(calls) => return Some((Ok(calls), Some(calling))),
                            Err(error) => return Some((Err(error), None)),
                        },
                        None => {
                            let last = calling.last();
                            return (!matches!(&last, Ok(last) if last.is_empty())).then_some((last, None));
                        }
                    }
                }
            });
            Ok(Chunks::new(calls, Merge::extend()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "ToolCallsParser"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "ToolCallsParser")
    }
}

impl<T: DeserializeOwned + Send + 'static> OutputParser for ToolCallsParser<T> {
    fn format_instructions(&self) -> String {
        "Answer by calling tools.".to_string()
    }

    fn parse_answer(&self, answer: &AiMessage) -> Result<Vec<T>> {
        self.read(answer)
    }
}

impl<T: DeserializeOwned> Default for ToolCallsParser<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Clone for ToolCallsParser<T> {
    fn clone(&self) -> Self {
        Self { only: self.only.clone(), output: PhantomData }
    }
}

impl<T> fmt::Debug for ToolCallsParser<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ToolCallsParser<{}>", type_words::<T>())
    }
}

pipe_operator!(impl<T> for ToolCallsParser<T> where T: DeserializeOwned + Send + 'static);
