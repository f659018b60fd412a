//! [`ChatBackend`]: what adapters implement.

use std::sync::Arc;
use std::time::Duration;

use anabranch_core::{Result, RunConfig};
use anabranch_messages::Messages;
use async_trait::async_trait;
use futures_core::stream::BoxStream;
use tokio::time::Instant;

use crate::answer::ChatAnswer;
use crate::capabilities::Capabilities;
use crate::options::ChatOptions;

/// What an adapter to a provider implements: a name and two verbs.
///
/// Users hold a [`ChatModel`](crate::ChatModel), which makes a step of any backend: names, deadlines, limits and
/// observers are its work. What a backend owes in return:
///
/// - a stream adds up, by the law of [`ChatAnswer`], to what [`answer`](Self::answer) would have given;
/// - a stream that breaks off before its end mark ends with
///   [`ErrorKind::IncompleteStream`](anabranch_core::ErrorKind::IncompleteStream), and a broken tool call in it cannot
///   be run;
/// - dropping the future or the stream closes the connection, and leaves no task behind;
/// - it does not retry;
/// - what it was asked for and cannot do is a [`Warning`](crate::Warning) on the answer;
/// - no error shows prompt, answer or key.
///
/// ```
/// use anabranch_core::{Result, RunnableExt};
/// use anabranch_models::{ChatAnswer, ChatBackend, ChatCall, ChatModel, ChatRequest};
/// use futures::stream::{self, BoxStream, StreamExt};
///
/// struct Echo;
///
/// #[async_trait::async_trait]
/// impl ChatBackend for Echo {
///     fn name(&self) -> &str {
///         "echo"
///     }
///
///     async fn answer(&self, request: ChatRequest, _call: ChatCall) -> Result<ChatAnswer> {
///         Ok(ChatAnswer::new(request.messages.last().map(|last| last.text().to_string()).unwrap_or_default()))
///     }
///
///     fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
///         stream::once(self.answer(request, call)).boxed()
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let llm = ChatModel::from_backend(Echo);
/// assert_eq!(llm.invoke("Is anybody there?").await?.text(), "Is anybody there?");
/// # Ok(()) }
/// ```
#[async_trait]
pub trait ChatBackend: Send + Sync + 'static {
    /// Provider and model, as they stand in error paths: `openai:gpt-4o-mini`.
    fn name(&self) -> &str;

    /// What can be asked of it: text only, unless it says more.
    fn capabilities(&self) -> Capabilities {
        Capabilities::text()
    }

    /// One whole answer.
    ///
    /// # Errors
    /// See [`ErrorKind`](anabranch_core::ErrorKind) for what each failure of a provider is called.
    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer>;

    /// The answer in chunks, as they come. Nothing is sent before the first poll.
    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>>;
}

#[async_trait]
impl<T: ChatBackend + ?Sized> ChatBackend for Arc<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer> {
        (**self).answer(request, call).await
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
        (**self).stream(request, call)
    }
}

#[async_trait]
impl<T: ChatBackend + ?Sized> ChatBackend for Box<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn capabilities(&self) -> Capabilities {
        (**self).capabilities()
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer> {
        (**self).answer(request, call).await
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
        (**self).stream(request, call)
    }
}

/// What is asked of a model.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Messages,
    /// What the call asks for besides.
    pub options: Arc<ChatOptions>,
}

impl ChatRequest {
    /// A request.
    pub fn new(messages: impl Into<Messages>, options: impl Into<Arc<ChatOptions>>) -> Self {
        Self { messages: messages.into(), options: options.into() }
    }
}

/// The circumstances of one call.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct ChatCall {
    /// When the run must be over.
    pub deadline: Option<Instant>,
}

impl ChatCall {
    /// The circumstances that a run's configuration gives.
    #[must_use]
    pub fn new(config: &RunConfig) -> Self {
        Self { deadline: config.deadline() }
    }

    /// How long the call may still take, if there is a deadline: zero when it has passed.
    #[must_use]
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
    }
}
