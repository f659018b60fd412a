//! [`AiMessage`]: what a model answers.

mod form;
mod rest;

use std::borrow::Cow;

use anabranch_core::Merge;
use serde_json::{Map, Value};

use self::rest::{NOTHING, Rest};
use crate::assembly::Assembly;
use crate::citation::Citation;
use crate::content::Content;
use crate::extras::{Extras, by_provider};
use crate::finish_reason::{FinishKind, FinishReason};
use crate::part::ContentPart;
use crate::tool_call::ToolCall;
use crate::tool_call_chunk::ToolCallChunk;
use crate::tool_calls::ToolCalls;
use crate::usage::Usage;

/// What a model answers, or a piece of it: a chunk of an `AiMessage` is an `AiMessage`.
///
/// ```
/// use anabranch_messages::{AiMessage, FinishReason, ToolCall, Usage};
/// use serde_json::json;
///
/// let answer = AiMessage::new("Let me look.")
///     .with_tool_call(ToolCall::new("call_1", "weather", json!({"city": "Bremen"})))
///     .with_finish_reason(FinishReason::tool_calls())
///     .with_usage(Usage::new(20, 11));
///
/// assert_eq!(answer.text(), "Let me look.");
/// assert_eq!(answer.tool_calls()[0].name(), "weather");
/// assert_eq!(answer.usage().map_or(0, |usage| usage.total_tokens()), 31);
/// // Nothing of what was said is ever in a log by accident.
/// assert!(!format!("{answer:?}").contains("Let me look"));
/// ```
///
/// A piece that is text and nothing else, which nearly all are, is one allocation.
///
/// Its [parts](Content::parts) are in the order in which the model gave them: thoughts, text, calls, and what the
/// provider did by itself. [`tool_calls`](Self::tool_calls) is a view of the parts that are calls.
#[derive(Clone, Default)]
pub struct AiMessage {
    content: Content,
    rest: Option<Box<Rest>>,
}

impl AiMessage {
    /// An answer, or a piece of one.
    #[inline]
    pub fn new(content: impl Into<Content>) -> Self {
        Self { content: content.into(), rest: None }
    }

    /// Adds a call the model asks for.
    #[must_use]
    pub fn with_tool_call(mut self, call: ToolCall) -> Self {
        self.push_call(call);
        self
    }

    /// Adds calls the model asks for.
    #[must_use]
    pub fn with_tool_calls(self, calls: impl IntoIterator<Item = ToolCall>) -> Self {
        calls.into_iter().fold(self, Self::with_tool_call)
    }

    /// Adds a piece of a call, which finds the call it belongs to.
    #[must_use]
    pub fn with_tool_call_chunk(mut self, piece: ToolCallChunk) -> Self {
        self.append_part(piece.into());
        self
    }

    /// Says why the model stopped. Nothing can come after the arguments of its calls then.
    #[must_use]
    pub fn with_finish_reason(mut self, reason: impl Into<FinishReason>) -> Self {
        self.finish(reason.into());
        self
    }

    /// Says what the call cost.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.rest_mut().usage = Some(usage);
        self
    }

    /// Says which model answered. Blank counts as missing.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.rest_mut().model = Some(model.into()).filter(|model| !model.is_empty());
        self
    }

    /// Sets the provider's id of the answer. Blank counts as missing.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.rest_mut().id = Some(id.into()).filter(|id| !id.is_empty());
        self
    }

    /// Keeps what the provider said besides.
    #[must_use]
    pub fn with_metadata(mut self, metadata: Map<String, Value>) -> Self {
        self.rest_mut().metadata = metadata;
        self
    }

    /// Keeps one thing the provider said besides.
    #[must_use]
    pub fn with_metadata_entry(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.rest_mut().metadata.insert(key.into(), value.into());
        self
    }

    /// The text of the answer. No copy, unless text stands in several parts.
    #[inline]
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.content.text()
    }

    /// [`text`](Self::text), moved out.
    #[inline]
    #[must_use]
    pub fn into_text(self) -> String {
        self.content.into_text()
    }

    /// What the model thought before it answered, as far as it is shown; empty where it is not.
    #[must_use]
    pub fn reasoning(&self) -> Cow<'_, str> {
        self.content.reasoning()
    }

    /// The words in which the model refused; empty where it did not.
    #[must_use]
    pub fn refusal(&self) -> Cow<'_, str> {
        self.content.refusal()
    }

    /// Whether the model refused: it says so in words of a refusal, or by its finish reason. Other words may stand
    /// beside a refusal, and are no answer either.
    ///
    /// ```
    /// use anabranch_messages::{AiMessage, ContentPart, FinishKind};
    ///
    /// let refused = AiMessage::new([ContentPart::text("Well. "), ContentPart::refusal("I cannot help with that.")]);
    /// assert!(refused.is_refusal());
    /// assert!(AiMessage::new("I").with_finish_reason(FinishKind::Refusal).is_refusal());
    /// assert!(!AiMessage::new("With pleasure.").is_refusal());
    /// ```
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        !self.refusal().is_empty() || self.finish_reason().is_some_and(|reason| *reason == FinishKind::Refusal)
    }

    /// Text and other parts.
    #[inline]
    #[must_use]
    pub fn content(&self) -> &Content {
        &self.content
    }

    /// Text and other parts, moved out.
    #[must_use]
    pub fn into_content(self) -> Content {
        self.content
    }

    /// Text and other parts, taken out. What else there is stays: finish reason, usage, metadata.
    pub fn take_content(&mut self) -> Content {
        if let Some(rest) = &mut self.rest {
            rest.assembly = None;
        }
        std::mem::take(&mut self.content)
    }

    /// The calls the model asks for, in their order. Whether it wants tools is decided by these, never by the finish
    /// reason. Calls of tools that the provider runs are none of them.
    #[must_use]
    pub fn tool_calls(&self) -> ToolCalls<'_> {
        ToolCalls::new(self.content.parts(), self.rest().assembly.as_deref().map(Assembly::calls))
    }

    /// Gives the call at this place of [`tool_calls`](Self::tool_calls) another id, where the provider gave none or the
    /// same one twice. Pieces that come under the new id are its.
    pub fn set_tool_call_id(&mut self, place: usize, id: impl Into<String>) {
        self.set_call_id(place, id.into());
    }

    /// What the answer rests on: the citations of its text, and those beside it.
    pub fn citations(&self) -> impl Iterator<Item = &Citation> {
        self.content.parts().iter().flat_map(|part| match part {
            ContentPart::Text(text) => text.citations(),
            ContentPart::Citation(citation) => std::slice::from_ref(citation),
            _ => &[],
        })
    }

    /// Why the model stopped; `None` in a chunk that is not the last.
    #[must_use]
    pub fn finish_reason(&self) -> Option<&FinishReason> {
        self.rest().finish_reason.as_ref()
    }

    /// What the call cost, if the provider said so.
    #[must_use]
    pub fn usage(&self) -> Option<&Usage> {
        self.rest().usage.as_ref()
    }

    /// Which model answered.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.rest().model.as_deref()
    }

    /// The provider's id of the answer.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.rest().id.as_deref()
    }

    /// What the provider said besides.
    #[must_use]
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.rest().metadata
    }

    /// Whether nothing is in it at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.content.is_empty() && *self.rest() == *NOTHING
    }

    /// The law by which chunks of an answer add up: [`append`](Self::append), one after the other. No chunk at all is
    /// the empty message.
    ///
    /// ```
    /// use anabranch_core::Chunks;
    /// use anabranch_messages::{AiMessage, FinishReason};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let pieces = [AiMessage::new("ana"), AiMessage::new("branch").with_finish_reason(FinishReason::stop())];
    /// let whole = Chunks::from_values(pieces, AiMessage::merge()).collect().await?;
    /// assert_eq!(whole, AiMessage::new("anabranch").with_finish_reason(FinishReason::stop()));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn merge() -> Merge<Self> {
        Merge::fold(|whole: &mut Self, next| {
            whole.append(next);
            Ok(())
        })
        .or_empty(Self::default)
        .through_json()
    }

    /// Adds the next piece of a stream.
    ///
    /// Text is appended to text, a thought to the thought before it. Pieces of tool calls find their call by index
    /// and id; the first id and name of a call win. Of model, id, finish reason, each count of the usage and each
    /// key of the metadata the last that is not null wins: none is ever joined or added up.
    ///
    /// The law is associative: parts of a stream may be added up first, in any way, and the whole is the same.
    #[inline]
    pub fn append(&mut self, next: impl Into<Self>) {
        let next = next.into();
        match (&mut self.content, next) {
            // What nearly all pieces are.
            (Content::Text(text), Self { content: Content::Text(more), rest: None }) if !text.is_empty() => {
                text.push_str(&more);
            }
            (_, next) => self.append_all(next),
        }
    }

    /// [`append`](Self::append) of a piece that is needed elsewhere: text is copied to its place, and not before.
    ///
    /// ```
    /// use anabranch_messages::AiMessage;
    ///
    /// let (mut whole, piece) = (AiMessage::new("ana"), AiMessage::new("branch"));
    /// whole.append_ref(&piece);
    /// assert_eq!((whole.text(), piece.text()), ("anabranch".into(), "branch".into()));
    /// ```
    pub fn append_ref(&mut self, next: &Self) {
        // Pieces of calls are remembered in their order, and so is what stands between them.
        let is_assembled = self.rest.as_ref().is_some_and(|rest| rest.assembly.is_some());
        let is_added = !is_assembled && next.rest.is_none() && self.content.append_ref(&next.content);
        if !is_added {
            self.append(next.clone());
        }
    }

    fn rest(&self) -> &Rest {
        self.rest.as_deref().unwrap_or(&NOTHING)
    }

    fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.rest().extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.rest_mut().extras
    }
}

by_provider!(AiMessage);

impl PartialEq for AiMessage {
    fn eq(&self, other: &Self) -> bool {
        self.content == other.content && self.rest() == other.rest()
    }
}
