//! [`ChatModel`]: what users hold.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use anabranch_core::describe::{Kind, Label};
use anabranch_core::{Chunks, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{AiMessage, Messages};
use futures_core::Stream;
use futures_util::FutureExt;
use serde_json::Value;

use crate::answer::ChatAnswer;
use crate::backend::{ChatBackend, ChatCall, ChatRequest};
use crate::capabilities::Capabilities;
use crate::late_stream::late_stream;
use crate::options::{ChatOptions, ReasoningOptions, ResponseFormat};
use crate::providers;
use crate::scripted::ScriptedModel;
use crate::tool::{Tool, ToolChoice};

/// A chat model, as a step: takes [`Messages`], gives an [`AiMessage`], streams it token by token.
///
/// It is cheap to clone, and so are its variants:
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_models::{ChatModel, ScriptedModel};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let llm = ChatModel::from(ScriptedModel::new().reply("Whatever runs off runs back."));
/// let precise = llm.temperature(0.0).max_tokens(100);
///
/// assert_eq!(precise.invoke("What is an anabranch?").await?.text(), "Whatever runs off runs back.");
/// # Ok(()) }
/// ```
#[doc(alias = "init_chat_model")]
#[derive(Clone)]
pub struct ChatModel {
    backend: Arc<dyn ChatBackend>,
    /// As it stands in error paths: `ChatModel openai:gpt-4o-mini`.
    label: Arc<str>,
    options: Arc<ChatOptions>,
}

const LABEL: &str = "ChatModel ";

impl ChatModel {
    /// The model of this name: `provider:model`, such as `openai:gpt-4o-mini`.
    ///
    /// Keys and base URLs come from the environment; for `openai` that is `OPENAI_API_KEY` and `OPENAI_BASE_URL`. A
    /// builder such as `OpenAi` takes them from anywhere else. A model that needs no provider is a
    /// [`ScriptedModel`](crate::ScriptedModel).
    ///
    /// ```
    /// use anabranch_models::ChatModel;
    ///
    /// let error = ChatModel::new("gpt-4o-mini").unwrap_err();
    /// assert!(error.to_string().contains("provider:model"));
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](anabranch_core::ErrorKind::Configuration) when there is no such provider, when its
    /// feature is off (the message names it), or when its key is missing.
    pub fn new(name: &str) -> Result<Self> {
        providers::by_name(name, &providers::environment).map(Self::from_shared)
    }

    /// The model that the environment asks for: `ANABRANCH_MODEL` if it is set (a name as for [`new`](Self::new)), else
    /// the default model of the first provider that is compiled in and configured.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`](anabranch_core::ErrorKind::Configuration) when nothing is configured; the message
    /// says what to set, or which feature to enable. Otherwise as for [`new`](Self::new).
    pub fn from_env() -> Result<Self> {
        providers::from_env(&providers::environment).map(Self::from_shared)
    }

    /// [`from_env`](Self::from_env) for examples and demonstrations: where nothing is configured, and where
    /// `ANABRANCH_MODEL` is `offline`, it is a model that answers each prompt with a text made up on the spot, and one
    /// line on stderr says so.
    ///
    /// The texts are in no program that does not call this.
    ///
    /// # Errors
    /// As for [`from_env`](Self::from_env), where something is configured and wrong.
    pub fn from_env_or_offline() -> Result<Self> {
        let found = providers::from_env_or(&providers::environment, || Arc::new(ScriptedModel::offline()));
        found.map(Self::from_shared)
    }

    /// The model behind an adapter of your own.
    pub fn from_backend(backend: impl ChatBackend) -> Self {
        Self::from_shared(Arc::new(backend))
    }

    fn from_shared(backend: Arc<dyn ChatBackend>) -> Self {
        let label = format!("{LABEL}{}", backend.name()).into();
        Self { backend, label, options: Arc::default() }
    }

    /// Provider and model: `openai:gpt-4o-mini`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.label[LABEL.len()..]
    }

    /// What can be asked of it.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        self.backend.capabilities()
    }

    /// The options of the calls it makes.
    #[must_use]
    pub fn options(&self) -> &ChatOptions {
        &self.options
    }

    fn with(&self, set: impl FnOnce(&mut ChatOptions)) -> Self {
        let mut other = self.clone();
        set(Arc::make_mut(&mut other.options));
        other
    }

    fn request(&self, messages: Messages) -> ChatRequest {
        ChatRequest { messages, options: self.options.clone() }
    }

    /// The same model with a temperature: 0 for the likeliest token each time, higher for more variety.
    #[must_use]
    pub fn temperature(&self, temperature: f64) -> Self {
        self.with(|options| options.temperature = Some(temperature))
    }

    /// The same model, drawing only from the likeliest tokens that have this share of the probability together.
    #[must_use]
    pub fn top_p(&self, top_p: f64) -> Self {
        self.with(|options| options.top_p = Some(top_p))
    }

    /// The same model with a limit on the length of its answers. An answer that is cut says so in its finish reason.
    #[must_use]
    pub fn max_tokens(&self, max_tokens: u32) -> Self {
        self.with(|options| options.max_tokens = Some(max_tokens))
    }

    /// The same model, ending its answer before any of these texts.
    #[must_use]
    pub fn stop<I>(&self, texts: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.with(|options| options.stop = texts.into_iter().map(Into::into).collect())
    }

    /// The same model with a seed, for answers that can be had again where the provider can do that.
    #[must_use]
    pub fn seed(&self, seed: i64) -> Self {
        self.with(|options| options.seed = Some(seed))
    }

    /// The same model, drawing only from so many of the likeliest tokens.
    #[must_use]
    pub fn top_k(&self, top_k: u32) -> Self {
        self.with(|options| options.top_k = Some(top_k))
    }

    /// The same model, avoiding tokens that stand in the text already: from -2 to 2.
    #[must_use]
    pub fn presence_penalty(&self, penalty: f64) -> Self {
        self.with(|options| options.presence_penalty = Some(penalty))
    }

    /// The same model, avoiding tokens that stand in the text often: from -2 to 2.
    #[must_use]
    pub fn frequency_penalty(&self, penalty: f64) -> Self {
        self.with(|options| options.frequency_penalty = Some(penalty))
    }

    /// The same model, saying how likely each of its tokens was, and so many alternatives to it. They are in the
    /// message's metadata.
    #[must_use]
    pub fn logprobs(&self, alternatives: u8) -> Self {
        self.with(|options| options.logprobs = Some(alternatives))
    }

    /// The same model with tools that it may call, in place of those it had.
    ///
    /// ```
    /// use anabranch_models::{ChatModel, FunctionTool, ToolChoice};
    /// use serde_json::json;
    ///
    /// # fn with_tools(llm: ChatModel) -> ChatModel {
    /// let schema = json!({"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]});
    /// llm.tools([FunctionTool::new("weather", schema)]).tool_choice(ToolChoice::Required)
    /// # }
    /// ```
    #[doc(alias = "bind_tools")]
    #[must_use]
    pub fn tools<I>(&self, tools: I) -> Self
    where
        I: IntoIterator<Item: Into<Tool>>,
    {
        self.with(|options| options.tools = tools.into_iter().map(Into::into).collect())
    }

    /// The same model, told whether it may, must or must not call tools.
    #[must_use]
    pub fn tool_choice(&self, choice: ToolChoice) -> Self {
        self.with(|options| options.tool_choice = Some(choice))
    }

    /// The same model, told whether it may ask for several calls at once.
    #[must_use]
    pub fn parallel_tool_calls(&self, parallel: bool) -> Self {
        self.with(|options| options.parallel_tool_calls = Some(parallel))
    }

    /// The same model, told the form of its answers.
    #[must_use]
    pub fn response_format(&self, format: ResponseFormat) -> Self {
        self.with(|options| options.response_format = Some(format))
    }

    /// The same model, told how much to think before it answers.
    #[must_use]
    pub fn reasoning(&self, reasoning: ReasoningOptions) -> Self {
        self.with(|options| options.reasoning = Some(reasoning))
    }

    /// The same model, told what its answers consist of, such as `text` and `audio`.
    #[must_use]
    pub fn modalities<I>(&self, modalities: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.with(|options| options.modalities = modalities.into_iter().map(Into::into).collect())
    }

    /// The same model at another price and priority, in the provider's words.
    #[must_use]
    pub fn service_tier(&self, tier: impl Into<String>) -> Self {
        self.with(|options| options.service_tier = Some(tier.into()))
    }

    /// The same model, asked for somebody: a name that identifies nobody, by which a provider finds abuse.
    #[must_use]
    pub fn user(&self, user: impl Into<String>) -> Self {
        self.with(|options| options.user = Some(user.into()))
    }

    /// The same model with an entry of the metadata that the provider keeps with its calls.
    #[must_use]
    pub fn metadata(&self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.with(|options| {
            options.metadata.insert(key.into(), value.into());
        })
    }

    /// The same model with a header of its requests. The value is treated as a secret.
    #[must_use]
    pub fn header(&self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.with(|options| options.headers.push((name.into(), value.into())))
    }

    /// The same model with a name for its next call, so that a server which knows such names does it once.
    #[must_use]
    pub fn idempotency_key(&self, key: impl Into<String>) -> Self {
        self.with(|options| options.idempotency_key = Some(key.into()))
    }

    /// The same model, keeping the bodies of its answers as they came: [`ChatAnswer::raw`].
    #[must_use]
    pub fn keep_raw(&self, keep: bool) -> Self {
        self.with(|options| options.keep_raw = keep)
    }

    /// The same model as a step that gives each answer with its envelope: warnings, headers, request id.
    #[must_use]
    pub fn with_envelope(&self) -> WithEnvelope {
        WithEnvelope(self.clone())
    }

    /// The same model with a field of the provider's own request, sent as it is. It wins over what anabranch writes
    /// into the field; `null` takes the field out.
    ///
    /// ```
    /// use anabranch_models::ChatModel;
    /// use serde_json::json;
    ///
    /// # fn configured(llm: ChatModel) -> ChatModel {
    /// llm.option("reasoning_effort", "low").option("logit_bias", json!({"50256": -100}))
    /// # }
    /// ```
    #[must_use]
    pub fn option(&self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.with(|options| {
            options.extra.insert(key.into(), value.into());
        })
    }
}

impl ChatModel {
    async fn answer(&self, input: Messages, config: &RunConfig) -> Result<ChatAnswer> {
        let permit = config.permit().await;
        let (request, call) = (self.request(input), ChatCall::new(config));
        if config.wants_tokens() {
            // Who shows an answer while it is made wants it as a stream, though the chain has use for the whole alone.
            let answer = Heard::new(config).stream(self.backend.stream(request, call));
            return permit.during(Chunks::new(answer, ChatAnswer::merge()).collect().boxed()).await;
        }
        let mut heard = Heard::new(config);
        let answer = permit.during(self.backend.answer(request, call)).await;
        answer.inspect(|answer| heard.see(answer)).inspect_err(|error| heard.see_failure(error))
    }

    fn chunks<'a>(
        &'a self,
        input: Chunks<'a, Messages>,
        config: &'a RunConfig,
    ) -> impl Stream<Item = Result<ChatAnswer>> + Send + Unpin + 'a {
        let answer = async move {
            let request = self.request(input.collect().await?);
            let permit = config.permit().await;
            Ok(permit.hold(self.backend.stream(request, ChatCall::new(config))))
        };
        Heard::new(config).stream(late_stream(answer))
    }
}

impl Runnable for ChatModel {
    type Input = Messages;
    type Output = AiMessage;

    async fn call(&self, input: Messages, config: &RunConfig) -> Result<AiMessage> {
        self.answer(input, config).await.map(ChatAnswer::into_message)
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, Messages>, config: &'a RunConfig) -> Chunks<'a, AiMessage> {
        let mut chunks = self.chunks(input, config);
        let messages = futures_util::stream::poll_fn(move |context| {
            loop {
                let message = match ready!(Pin::new(&mut chunks).poll_next(context)) {
                    Some(Ok(chunk)) => chunk.into_message(),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => return Poll::Ready(None),
                };
                // The last chunk may be but an envelope.
                if !message.is_empty() {
                    return Poll::Ready(Some(Ok(message)));
                }
            }
        });
        Chunks::new(messages, AiMessage::merge())
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("chat_model"), &*self.label))
    }
}

impl fmt::Debug for ChatModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatModel").field("name", &self.name()).finish_non_exhaustive()
    }
}

pipe_operator!(impl for ChatModel);

mod heard;
mod with_envelope;
use heard::Heard;
pub use with_envelope::WithEnvelope;

#[cfg(test)]
mod tests;
