//! [`ScriptedModel`]: a model for tests and for programs without a provider.

mod offline;
mod reply;

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, Messages};
use async_trait::async_trait;
use futures_core::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};

pub use reply::{Pieces, Reply};

use crate::answer::ChatAnswer;
use crate::backend::{ChatBackend, ChatCall, ChatRequest};
use crate::capabilities::Capabilities;
use crate::chat_model::ChatModel;

/// A model that gives the replies it was told to: for tests, and for programs without a provider.
///
/// Rules are asked first, in the order they were added; then come the [replies in turn](Self::reply), each given
/// once; then the [reply for everything else](Self::otherwise). Where nothing is left, the call is an error. The same
/// calls in the same order get the same replies.
///
/// Clones share the script, so a test keeps one and looks at what was [asked](Self::requests):
///
/// ```
/// use anabranch_core::{Error, ErrorKind, RunnableExt};
/// use anabranch_models::{ChatModel, Reply, ScriptedModel};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let script = ScriptedModel::new()
///     .when_contains("weather", "Rain.")
///     .reply(Reply::error(Error::new(ErrorKind::Overloaded, "too busy")))
///     .reply("Second time lucky.");
/// let llm = ChatModel::from(script.clone());
///
/// assert_eq!(llm.invoke("How is the weather?").await?.text(), "Rain.");
/// assert_eq!(llm.invoke("Hello?").await.unwrap_err().kind(), ErrorKind::Overloaded);
/// assert_eq!(llm.invoke("Hello?").await?.text(), "Second time lucky.");
/// assert_eq!(script.requests().len(), 3);
/// # Ok(()) }
/// ```
#[doc(alias = "FakeListChatModel")]
#[doc(alias = "GenericFakeChatModel")]
#[derive(Clone)]
pub struct ScriptedModel {
    script: Arc<Mutex<Script>>,
    name: Arc<str>,
}

struct Script {
    rules: Vec<(Rule, Reply)>,
    in_turn: VecDeque<Reply>,
    given: usize,
    otherwise: Option<Answer>,
    pace: Pace,
    pieces: Pieces,
    capabilities: Capabilities,
    /// `None` where requests are not kept.
    requests: Option<Vec<ChatRequest>>,
}

type Rule = Box<dyn Fn(&Messages) -> bool + Send>;
type Answer = Arc<dyn Fn(&ChatRequest) -> Reply + Send + Sync>;

/// How long a reply takes.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    before: Duration,
    between: Duration,
}

impl Default for ScriptedModel {
    fn default() -> Self {
        Self::new()
    }
}

impl ScriptedModel {
    /// A model without any reply, which fails every call.
    #[must_use]
    pub fn new() -> Self {
        let script = Script {
            rules: Vec::new(),
            in_turn: VecDeque::new(),
            given: 0,
            otherwise: None,
            pace: Pace::default(),
            pieces: Pieces::Words,
            capabilities: Capabilities::all(),
            requests: Some(Vec::new()),
        };
        Self { script: Arc::new(Mutex::new(script)), name: "scripted".into() }
    }

    /// A model with these replies in turn.
    pub fn replies<I>(replies: I) -> Self
    where
        I: IntoIterator<Item: Into<Reply>>,
    {
        replies.into_iter().fold(Self::new(), Self::reply)
    }

    /// The model behind [`ChatModel::from_env_or_offline`]: an answer of sorts to every prompt, a word at a time, in about
    /// a second. Nothing else leads here, so that its texts are in no other program.
    pub(crate) fn offline() -> Self {
        let offline = Self::new().named("offline").delay(Duration::from_millis(300), Duration::from_millis(15));
        let mut script = offline.script();
        script.otherwise = Some(Arc::new(|request| Reply::from(offline::answer(request))));
        script.requests = None;
        drop(script);
        offline
    }

    /// Names the model; it is `scripted` unless named.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into().into();
        self
    }

    /// Adds a reply to those that are given in turn, each once.
    #[must_use]
    pub fn reply(self, reply: impl Into<Reply>) -> Self {
        self.script().in_turn.push_back(reply.into());
        self
    }

    /// Adds a rule: this reply whenever a message of the request contains the text.
    #[must_use]
    pub fn when_contains(self, text: impl Into<String>, reply: impl Into<Reply>) -> Self {
        let text = text.into();
        self.when(move |messages| messages.iter().any(|message| message.text().contains(&text)), reply)
    }

    /// Adds a rule: this reply whenever the condition holds.
    #[must_use]
    pub fn when(self, condition: impl Fn(&Messages) -> bool + Send + 'static, reply: impl Into<Reply>) -> Self {
        self.script().rules.push((Box::new(condition), reply.into()));
        self
    }

    /// The reply where no rule holds and no reply in turn is left.
    #[must_use]
    pub fn otherwise(self, reply: impl Into<Reply>) -> Self {
        let reply = reply.into();
        self.otherwise_with(move |_| reply.clone())
    }

    /// [`otherwise`](Self::otherwise) with a reply that is made of the request.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_models::{ChatModel, ScriptedModel};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let count = ScriptedModel::new().otherwise_with(|messages| format!("{} messages", messages.len()).into());
    /// assert_eq!(ChatModel::from(count).invoke("Hello").await?.text(), "1 messages");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn otherwise_with(self, reply: impl Fn(&Messages) -> Reply + Send + Sync + 'static) -> Self {
        self.script().otherwise = Some(Arc::new(move |request| reply(&request.messages)));
        self
    }

    /// What the model says that it can do: everything, unless set.
    #[must_use]
    pub fn with_capabilities(self, capabilities: Capabilities) -> Self {
        self.script().capabilities = capabilities;
        self
    }

    /// How long each reply takes: before its first piece, and between any two. An answer that is not streamed takes as
    /// long as its stream would.
    #[must_use]
    pub fn delay(self, before: Duration, between: Duration) -> Self {
        self.script().pace = Pace { before, between };
        self
    }

    /// In which pieces replies are streamed: words unless set.
    #[must_use]
    pub fn in_pieces(self, pieces: Pieces) -> Self {
        self.script().pieces = pieces;
        self
    }

    /// The requests so far, in the order they came.
    #[must_use]
    pub fn requests(&self) -> Vec<ChatRequest> {
        self.script().requests.clone().unwrap_or_default()
    }

    /// A condition or reply of the caller that panics leaves the script as it is.
    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is done for a request: the reply with the settings of the script filled in.
    fn perform(&self, request: ChatRequest) -> Result<Performance> {
        let mut script = self.script();
        let (reply, later) = script.choose(&request.messages);
        let (pace, pieces) = (script.pace, script.pieces);
        let given = script.given;
        if let Some(requests) = &mut script.requests {
            requests.push(request.clone());
        }
        drop(script);
        let reply = match (reply, later) {
            (Some(reply), _) => reply,
            (None, Some(make)) => make(&request),
            (None, None) => {
                let message = format!("the scripted model has no reply left: {given} were given in turn");
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        };
        Ok(Performance {
            pieces: reply.pieces(pieces),
            error: reply.error,
            before: reply.before.unwrap_or(pace.before),
            between: reply.between.unwrap_or(pace.between),
        })
    }
}

impl Script {
    /// The reply, or what makes it without holding the script.
    fn choose(&mut self, messages: &Messages) -> (Option<Reply>, Option<Answer>) {
        if let Some((_, reply)) = self.rules.iter_mut().find(|(rule, _)| rule(messages)) {
            return (Some(reply.take_failure().unwrap_or_else(|| reply.clone())), None);
        }
        if let Some(failure) = self.in_turn.front_mut().and_then(Reply::take_failure) {
            return (Some(failure), None);
        }
        if let Some(reply) = self.in_turn.pop_front() {
            self.given += 1;
            return (Some(reply), None);
        }
        (None, self.otherwise.clone())
    }
}

/// A reply on stage.
struct Performance {
    pieces: Vec<AiMessage>,
    error: Option<Error>,
    before: Duration,
    between: Duration,
}

impl Performance {
    fn stream(self) -> impl futures_core::Stream<Item = Result<AiMessage>> {
        let (before, between) = (self.before, self.between);
        let lines = self.pieces.into_iter().map(Ok).chain(self.error.map(Err)).enumerate();
        futures_util::stream::iter(lines).then(move |(index, line)| async move {
            let pause = if index == 0 { before } else { between };
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            line
        })
    }
}

#[async_trait]
impl ChatBackend for ScriptedModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.script().capabilities
    }

    async fn answer(&self, request: ChatRequest, _call: ChatCall) -> Result<ChatAnswer> {
        let mut whole = AiMessage::merge().collector();
        let mut stream = std::pin::pin!(self.perform(request)?.stream());
        while let Some(piece) = stream.try_next().await? {
            whole.push(piece)?;
        }
        whole.finish().map(ChatAnswer::new)
    }

    fn stream(&self, request: ChatRequest, _call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
        let performance = async move { self.perform(request).map(Performance::stream) };
        futures_util::stream::once(performance).try_flatten().map_ok(ChatAnswer::new).boxed()
    }
}

impl From<ScriptedModel> for ChatModel {
    fn from(script: ScriptedModel) -> Self {
        Self::from_backend(script)
    }
}

impl fmt::Debug for ScriptedModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedModel").field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
