//! [`OpenAiDialect`]: what servers that speak the same language say differently.

use std::borrow::Cow;

use super::servers::KnownServer;
use crate::capabilities::Capabilities;

/// What servers that speak the language of OpenAI's chat completions say differently.
///
/// It is found by the name of the host, or goes with the name of a known server, such as `groq:…`. A gateway or a deployment with a name of its own is told with
/// [`OpenAi::dialect`](crate::OpenAi::dialect):
///
/// ```
/// use anabranch_models::{OpenAi, OpenAiDialect};
///
/// # fn main() -> anabranch_core::Result<()> {
/// let mut dialect = OpenAiDialect::deepseek();
/// dialect.stream_usage = false;
/// let llm = OpenAi::new("deepseek-v4").base_url("http://localhost:4000").dialect(dialect).build()?;
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenAiDialect {
    /// Whose data it is. What a provider wants back unchanged, such as sealed thoughts, is kept in a message under this
    /// name, and goes to nobody of another name. A server that is not known is called like its host.
    pub provider: Cow<'static, str>,
    /// The field for the limit on an answer's length: `max_tokens`, or `max_completion_tokens`.
    pub max_tokens_field: Cow<'static, str>,
    /// The field for the seed.
    pub seed_field: Cow<'static, str>,
    /// The role of a system message: `system`, or `developer`.
    pub system_role: Cow<'static, str>,
    /// The word for a tool choice that demands a call: `required`, or `any`.
    pub required_word: Cow<'static, str>,
    /// Whether usage at the end of a stream must be asked for, with `stream_options`.
    pub stream_usage: bool,
    /// Whether a member that the server does not know is an error. Nothing beyond OpenAI's own API is sent then.
    pub strict: bool,
    /// Whether an answer can be held to a schema; else only to being JSON.
    pub json_schema: bool,
    /// Whether a file may be given by its address.
    pub file_urls: bool,
    /// How a request says how much the model is to think.
    pub reasoning: ReasoningField,
    /// Whether what the model thought goes back with its answer.
    pub reasoning_back: ReasoningBack,
    /// In which field of an answer that is: `reasoning_content`, or `reasoning`.
    pub reasoning_back_field: Cow<'static, str>,
    /// Whether the annotations of an answer go back with it: OpenRouter reads a file only once then.
    pub annotations_back: bool,
}

/// How a request says how much the model is to think.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReasoningField {
    /// `"reasoning_effort": "low"`. It takes no budget in tokens.
    Effort,
    /// `"reasoning": {"effort": "low"}` or `{"max_tokens": 1000}`, as OpenRouter takes it.
    Object,
    /// `"thinking": {"type": "enabled"}` beside the effort, as DeepSeek takes it. It takes no budget in tokens.
    Thinking,
}

/// Whether what the model thought goes back to the server with its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReasoningBack {
    /// It does not: some servers refuse it.
    Never,
    /// With answers that called tools: some servers refuse such an answer without it.
    WithToolCalls,
    /// With every answer.
    Always,
}

impl OpenAiDialect {
    /// OpenAI itself: nothing that is not in its API. Azure is the same by another name.
    #[must_use]
    pub fn openai() -> Self {
        Self {
            provider: "openai".into(),
            max_tokens_field: "max_completion_tokens".into(),
            strict: true,
            file_urls: false,
            ..Self::compatible()
        }
    }

    /// Everybody who is not known: the API of 2023, which all have.
    #[must_use]
    pub fn compatible() -> Self {
        Self {
            provider: "compatible".into(),
            max_tokens_field: "max_tokens".into(),
            seed_field: "seed".into(),
            system_role: "system".into(),
            required_word: "required".into(),
            stream_usage: true,
            strict: false,
            json_schema: true,
            file_urls: true,
            reasoning: ReasoningField::Effort,
            reasoning_back: ReasoningBack::Never,
            reasoning_back_field: "reasoning_content".into(),
            annotations_back: false,
        }
    }

    /// Mistral: usage comes unasked, and to ask for it is an error.
    #[must_use]
    pub fn mistral() -> Self {
        Self {
            provider: "mistral".into(),
            seed_field: "random_seed".into(),
            required_word: "any".into(),
            stream_usage: false,
            ..Self::compatible()
        }
    }

    /// DeepSeek: an answer with calls goes back with its thoughts, and the answer's form can only be JSON.
    #[must_use]
    pub fn deepseek() -> Self {
        Self {
            provider: "deepseek".into(),
            json_schema: false,
            reasoning: ReasoningField::Thinking,
            reasoning_back: ReasoningBack::WithToolCalls,
            ..Self::compatible()
        }
    }

    /// OpenRouter: it takes how much to think as an object, and what it gave of thoughts and files it wants back.
    #[must_use]
    pub fn openrouter() -> Self {
        Self {
            provider: "openrouter".into(),
            reasoning: ReasoningField::Object,
            reasoning_back_field: "reasoning".into(),
            annotations_back: true,
            ..Self::compatible()
        }
    }

    /// What a server that speaks so takes.
    #[must_use]
    pub fn capabilities(&self) -> Capabilities {
        Capabilities {
            // DeepSeek's models that think refuse to be made to call.
            forced_tool_choice: self.reasoning != ReasoningField::Thinking,
            json_schema: self.json_schema,
            ..Capabilities::all()
        }
    }

    /// The dialect of the server with this name: [`compatible`](Self::compatible) for those that are not known.
    ///
    /// ```
    /// use anabranch_models::OpenAiDialect;
    ///
    /// assert_eq!(OpenAiDialect::of_host("api.openai.com"), OpenAiDialect::openai());
    /// assert_eq!(OpenAiDialect::of_host("me.openai.azure.com").provider, "azure");
    /// let mut unknown = OpenAiDialect::compatible();
    /// unknown.provider = "notopenai.com".into();
    /// assert_eq!(OpenAiDialect::of_host("notopenai.com"), unknown);
    /// ```
    #[must_use]
    pub fn of_host(host: &str) -> Self {
        let is_of = |domain: &&str| host.strip_suffix(domain).is_some_and(|sub| sub.is_empty() || sub.ends_with('.'));
        let known = KnownServer::all().find(|server| server.hosts.iter().any(is_of));
        known.map_or_else(|| Self { provider: host.to_string().into(), ..Self::compatible() }, KnownServer::dialect)
    }
}
