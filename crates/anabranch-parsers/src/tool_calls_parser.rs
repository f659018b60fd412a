//! [`ToolCallsParser`]: tool calls as an enum of tools.

use std::fmt;
use std::marker::PhantomData;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{AiMessage, ToolCall};
use futures_util::stream::unfold;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::json::path::is_short_identifier;
use crate::output_parser::OutputParser;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::type_words::type_words;
use crate::typed;
use crate::variants::variants;

/// Takes the tool calls out of an answer, as an enum with a variant for each tool: its name is that of the tool, its
/// fields are the arguments. No calls are the empty list. It streams each call as it is complete.
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
/// is not whole must not run.
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
        self.calls(answer.tool_calls().iter())
    }

    fn calls<'a>(&self, calls: impl Iterator<Item = &'a ToolCall>) -> Result<Vec<T>> {
        let wanted = calls.filter(|call| self.only.as_deref().is_none_or(|only| only == call.name()));
        wanted.map(|call| self.call_of(call)).collect()
    }

    fn call_of(&self, call: &ToolCall) -> Result<T> {
        let arguments = call.arguments()?;
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

/// Calls beside a refusal, or that a filter or a limit broke off, are not run.
fn check(answer: &AiMessage) -> Result<()> {
    Answer::of_calls(answer)?.check_whole()
}

struct Calling<'a, T> {
    parser: &'a ToolCallsParser<T>,
    answer: Chunks<'a, AiMessage>,
    whole: AiMessage,
    given: usize,
    /// How far the arguments came of the calls that were not given.
    progress: Vec<Progress>,
}

/// How far the arguments of a call came. Calls may be written in turns, and each byte is looked at once.
#[derive(Default)]
struct Progress {
    read: usize,
    depth: usize,
    in_text: bool,
    is_escaped: bool,
    /// Whether the object that the arguments are has ended.
    is_closed: bool,
    /// Whether they are valid, once they were complete.
    is_valid: Option<bool>,
}

impl Progress {
    fn is_ready(&mut self, call: &ToolCall) -> bool {
        let arguments = call.raw_arguments();
        for byte in arguments.as_bytes().iter().skip(self.read) {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' if self.in_text => self.is_escaped = true,
                b'"' => self.in_text = !self.in_text,
                b'{' | b'[' if !self.in_text => self.depth += 1,
                b'}' | b']' if !self.in_text => {
                    self.depth = self.depth.saturating_sub(1);
                    self.is_closed |= self.depth == 0;
                }
                // What goes on behind its end is no object.
                byte if self.is_closed && !byte.is_ascii_whitespace() => self.is_valid = Some(false),
                _ => {}
            }
        }
        self.read = arguments.len();
        if !self.is_closed {
            // Without an object there may be no arguments, which needs no parsing.
            return !arguments.trim_start().starts_with('{') && call.has_valid_arguments();
        }
        *self.is_valid.get_or_insert_with(|| call.has_valid_arguments())
    }
}

impl<T: DeserializeOwned> Calling<'_, T> {
    /// The calls that are complete: all that stand before the one under way.
    fn push(&mut self, piece: AiMessage) -> Result<Vec<T>> {
        self.whole.append(piece);
        let calls = self.whole.tool_calls();
        let complete = calls.len().saturating_sub(1).max(self.given);
        let ready = (self.given..complete.min(calls.len())).filter_map(|place| calls.get(place));
        self.progress.resize_with(ready.clone().count(), Progress::default);
        let mut each = ready.clone().zip(&mut self.progress);
        if !each.all(|(call, progress)| progress.is_ready(call)) {
            return Ok(Vec::new());
        }
        self.given = complete;
        self.progress.clear();
        self.parser.calls(ready)
    }

    fn last(self) -> Result<Vec<T>> {
        check(&self.whole)?;
        self.parser.calls(self.whole.tool_calls().iter().skip(self.given))
    }
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
            let calling = Calling { parser: self, answer, whole: AiMessage::default(), given: 0, progress: Vec::new() };
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
