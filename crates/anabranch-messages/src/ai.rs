//! [`AiMessage`]: what a model answers.

use std::borrow::Cow;
use std::fmt;
use std::sync::LazyLock;

use anabranch_core::Merge;
use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::assembly;
use crate::chars;
use crate::content::Content;
use crate::finish_reason::{FinishKind, FinishReason};
use crate::one_role::AssistantRole;
use crate::tool_call::ToolCall;
use crate::tool_call_chunk::ToolCallChunk;
use crate::usage::{Usage, update_map};

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
#[derive(Clone, PartialEq, Default)]
pub struct AiMessage {
    content: Content,
    rest: Option<Box<Rest>>,
}

/// What only few chunks have.
#[derive(Clone, PartialEq, Default)]
struct Rest {
    tool_calls: Vec<ToolCall>,
    finish_reason: Option<FinishReason>,
    usage: Option<Usage>,
    model: Option<String>,
    id: Option<String>,
    metadata: Map<String, Value>,
}

static NOTHING: LazyLock<Rest> = LazyLock::new(Rest::default);

impl AiMessage {
    /// An answer, or a piece of one.
    #[inline]
    pub fn new(content: impl Into<Content>) -> Self {
        Self { content: content.into(), rest: None }
    }

    /// Adds a call the model asks for.
    #[must_use]
    pub fn with_tool_call(mut self, call: ToolCall) -> Self {
        let rest = self.rest_mut();
        rest.tool_calls.push(call);
        rest.settle_from(rest.tool_calls.len() - 1);
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
        self.rest_mut().add_call(piece.into());
        self
    }

    /// Says why the model stopped. Nothing can come after the arguments of its calls then.
    #[must_use]
    pub fn with_finish_reason(mut self, reason: impl Into<FinishReason>) -> Self {
        self.rest_mut().finish(reason.into());
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

    /// The calls the model asks for. Whether it wants tools is decided by these, never by the finish reason.
    #[must_use]
    pub fn tool_calls(&self) -> &[ToolCall] {
        &self.rest().tool_calls
    }

    /// The calls, to give them other ids, for instance.
    pub fn tool_calls_mut(&mut self) -> &mut [ToolCall] {
        match &mut self.rest {
            Some(rest) => &mut rest.tool_calls,
            None => &mut [],
        }
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
    pub fn append(&mut self, next: impl Into<Self>) {
        let next = next.into();
        self.content.append(next.content);
        match (&mut self.rest, next.rest) {
            (_, None) => {}
            (rest @ None, later) => *rest = later,
            (Some(rest), Some(later)) => rest.append(*later),
        }
    }

    fn rest(&self) -> &Rest {
        self.rest.as_deref().unwrap_or(&NOTHING)
    }

    fn rest_mut(&mut self) -> &mut Rest {
        self.rest.get_or_insert_default()
    }
}

impl Rest {
    fn append(&mut self, later: Self) {
        for piece in later.tool_calls {
            self.add_call(piece);
        }
        if let Some(reason) = later.finish_reason {
            self.finish(reason);
        }
        if let Some(usage) = later.usage {
            match &mut self.usage {
                Some(there) => there.update(usage),
                None => self.usage = Some(usage),
            }
        }
        self.model = later.model.or(self.model.take());
        self.id = later.id.or(self.id.take());
        update_map(&mut self.metadata, later.metadata);
    }

    fn add_call(&mut self, piece: ToolCall) {
        let place = assembly::add(&mut self.tool_calls, piece);
        if let (Some(reason), Some(call)) = (&self.finish_reason, self.tool_calls.get_mut(place)) {
            call.settle(reason);
        }
    }

    fn finish(&mut self, reason: FinishReason) {
        // Some servers repeat the reason with every chunk.
        let is_news = self.finish_reason.as_ref().is_none_or(|there| there.is_cut_off() != reason.is_cut_off());
        self.finish_reason = Some(reason);
        if is_news {
            self.settle_from(0);
        }
    }

    fn settle_from(&mut self, place: usize) {
        if let Some(reason) = &self.finish_reason {
            self.tool_calls.iter_mut().skip(place).for_each(|call| call.settle(reason));
        }
    }
}

impl ToolCall {
    /// The message has ended: no arguments are none, unless they were cut off.
    fn settle(&mut self, reason: &FinishReason) {
        self.ended = !(reason.is_cut_off() && self.has_blank_arguments());
    }
}

impl fmt::Debug for AiMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AiMessage");
        match &self.content {
            Content::Text(text) => shown.field("text", &chars(text)),
            Content::Parts(parts) => shown.field("parts", parts),
        };
        let rest = self.rest();
        if !rest.tool_calls.is_empty() {
            shown.field("tool_calls", &rest.tool_calls.len());
        }
        if let Some(reason) = &rest.finish_reason {
            shown.field("finish_reason", &reason.kind());
        }
        shown.finish_non_exhaustive()
    }
}

impl Serialize for AiMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let rest = self.rest();
        let mut fields = serializer.serialize_struct("AiMessage", 8)?;
        fields.serialize_field("role", &AssistantRole::default())?;
        fields.serialize_field("content", &self.content)?;
        macro_rules! unless {
            ($missing:ident: $($field:ident)*) => {$(
                if rest.$field.$missing() {
                    fields.skip_field(stringify!($field))?;
                } else {
                    fields.serialize_field(stringify!($field), &rest.$field)?;
                }
            )*};
        }
        unless!(is_empty: tool_calls);
        unless!(is_none: finish_reason usage model id);
        unless!(is_empty: metadata);
        fields.end()
    }
}

impl From<String> for AiMessage {
    #[inline]
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for AiMessage {
    #[inline]
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<Content> for AiMessage {
    #[inline]
    fn from(content: Content) -> Self {
        Self::new(content)
    }
}

impl From<ToolCallChunk> for AiMessage {
    #[inline]
    fn from(piece: ToolCallChunk) -> Self {
        Self::default().with_tool_call_chunk(piece)
    }
}

impl From<Usage> for AiMessage {
    #[inline]
    fn from(usage: Usage) -> Self {
        Self::default().with_usage(usage)
    }
}

impl From<FinishReason> for AiMessage {
    #[inline]
    fn from(reason: FinishReason) -> Self {
        Self::default().with_finish_reason(reason)
    }
}
