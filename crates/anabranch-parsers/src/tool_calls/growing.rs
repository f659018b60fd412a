//! [`GrowingToolCalls`]: tool calls while they are written.

use std::fmt;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Chunks, Merge, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{AiMessage, ToolCall};
use futures_util::stream::unfold;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::ToolCallsParser;
use super::arguments::Arguments;
use crate::json_output::snapshots::is_cheap;
use crate::typed::type_words::type_words;
use crate::work::looked_at;

/// See [`ToolCallsParser::growing`].
pub struct GrowingToolCalls<T>(ToolCallsParser<T>);

/// A tool call as far as it came: to be shown, and not to be run.
#[derive(Clone, PartialEq, Serialize)]
pub struct ToolCallSoFar {
    name: String,
    arguments: Value,
    is_complete: bool,
}

impl ToolCallSoFar {
    /// The tool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What there is of the arguments. Texts may be half of what they become; numbers, words and keys are whole.
    #[must_use]
    pub fn arguments(&self) -> &Value {
        &self.arguments
    }

    /// Whether the arguments have ended.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }
}

/// Arguments may be a model's words.
impl fmt::Debug for ToolCallSoFar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCallSoFar").field("is_complete", &self.is_complete).finish_non_exhaustive()
    }
}

impl<T: DeserializeOwned + Send + 'static> ToolCallsParser<T> {
    /// Gives the calls while they are written, for somebody who looks on: snapshots of all calls, each replacing the one
    /// before, whose arguments grow as a document of [`JsonOutputParser`](crate::JsonOutputParser) does.
    ///
    /// ```
    /// use anabranch_core::{Chunks, RunnableExt};
    /// use anabranch_messages::{AiMessage, FinishReason, ToolCallChunk};
    /// use anabranch_parsers::ToolCallsParser;
    /// use serde_json::{Value, json};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let piece = |arguments: &str| ToolCallChunk::new().with_index(0).with_arguments(arguments);
    /// let pieces: [AiMessage; 3] = [
    ///     piece("{\"city\": \"Bre").with_id("1").with_name("weather").into(),
    ///     piece("men\"}").into(),
    ///     FinishReason::tool_calls().into(),
    /// ];
    /// let parser = ToolCallsParser::<Value>::new().growing();
    /// let mut calls = parser.transform(Chunks::from_values(pieces, AiMessage::merge()));
    /// let mut cities = Vec::new();
    /// while let Some(calls) = calls.next().await {
    ///     cities.push(calls?[0].arguments()["city"].clone());
    /// }
    /// assert_eq!(cities, [json!("Bre"), json!("Bremen")]);
    /// # Ok(()) }
    /// ```
    ///
    /// At the end the calls are checked as they are without this: one that is not whole, that no tool is for, or whose
    /// arguments are no `T`, ends in an error. Snapshots are as many as those of a document: few of what is large.
    #[must_use]
    pub fn growing(self) -> GrowingToolCalls<T> {
        GrowingToolCalls(self)
    }
}

impl<T: DeserializeOwned> GrowingToolCalls<T> {
    fn whole(&self, answer: &AiMessage) -> Result<Vec<ToolCallSoFar>> {
        self.0.read(answer)?;
        let wanted = answer.tool_calls().iter().filter(|call| self.0.wants(call));
        wanted
            .map(|call| {
                let (name, arguments) = (call.name().to_string(), Arguments::new().whole(call)?);
                Ok(ToolCallSoFar { name, arguments, is_complete: true })
            })
            .collect()
    }
}

struct Growing<'a, T> {
    parser: &'a GrowingToolCalls<T>,
    answer: Chunks<'a, AiMessage>,
    whole: AiMessage,
    calls: Vec<Arguments>,
    /// How long all calls are together, and how much of that came since the last snapshot.
    length: usize,
    since: usize,
    last: Vec<ToolCallSoFar>,
}

/// What a call costs beside its text.
const CALL: usize = 64;

impl<T: DeserializeOwned> Growing<'_, T> {
    fn push(&mut self, piece: AiMessage) -> Option<Vec<ToolCallSoFar>> {
        let before = self.whole.tool_calls().len();
        let text = |call: &ToolCall| call.name().len() + call.raw_arguments().len();
        let mut more: usize = piece.tool_calls().iter().map(text).sum();
        self.whole.append(piece);
        more += (self.whole.tool_calls().len() - before) * CALL;
        self.length += more;
        self.since += more;
        if more == 0 || !is_cheap(self.since, self.length) {
            return None;
        }
        self.since = 0;
        let calls = self.whole.tool_calls();
        looked_at(self.length);
        self.calls.resize_with(calls.len(), Arguments::new);
        let wanted = calls.iter().zip(&mut self.calls).filter(|(call, _)| {
            // Without a name it is not known yet what it is.
            !call.name().is_empty() && self.parser.0.wants(call)
        });
        let snapshot: Vec<_> = wanted
            .map(|(call, arguments)| ToolCallSoFar {
                name: call.name().to_string(),
                arguments: arguments.so_far(call).clone(),
                is_complete: arguments.are_complete(call),
            })
            .collect();
        if snapshot == self.last {
            return None;
        }
        self.last.clone_from(&snapshot);
        Some(snapshot)
    }

    fn last(self) -> Option<Result<Vec<ToolCallSoFar>>> {
        match self.parser.whole(&self.whole) {
            Ok(calls) if !calls.is_empty() && calls == self.last => None,
            last => Some(last),
        }
    }
}

impl<T: DeserializeOwned + Send + 'static> Runnable for GrowingToolCalls<T> {
    type Input = AiMessage;
    type Output = Vec<ToolCallSoFar>;

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<Vec<ToolCallSoFar>> {
        self.whole(&answer)
    }

    fn call_stream<'a>(&'a self, answer: Chunks<'a, AiMessage>, _: &'a RunConfig) -> Chunks<'a, Vec<ToolCallSoFar>> {
        Chunks::deferred(async move {
            let answer = answer.begun().await?;
            if answer.merge().replaces() {
                return Ok(Chunks::from_future(async move { self.whole(&answer.collect().await?) }));
            }
            let growing = Growing {
                parser: self,
                answer,
                whole: AiMessage::default(),
                calls: Vec::new(),
                length: 0,
                since: 0,
                last: Vec::new(),
            };
            let snapshots = unfold(Some(growing), |growing| async move {
                let mut growing = growing?;
                loop {
                    match growing.answer.next().await {
                        Some(Ok(piece)) => {
                            if let Some(snapshot) = growing.push(piece) {
                                return Some((Ok(snapshot), Some(growing)));
                            }
                        }
                        Some(Err(error)) => return Some((Err(error), None)),
                        None => return growing.last().map(|last| (last, None)),
                    }
                }
            });
            Ok(Chunks::new(snapshots, Merge::last()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "GrowingToolCalls"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "GrowingToolCalls")
    }
}

impl<T> Clone for GrowingToolCalls<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for GrowingToolCalls<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GrowingToolCalls<{}>", type_words::<T>())
    }
}

pipe_operator!(impl<T> for GrowingToolCalls<T> where T: DeserializeOwned + Send + 'static);
