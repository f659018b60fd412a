//! [`Capabilities`]: what a model's server takes.

/// What can be asked of a model, as far as its server's API goes, so that generic code can choose. Names of models are
/// not judged: which of a server's models can see is known to nobody here, and the server says so itself.
///
/// ```
/// use anabranch_models::{ChatModel, ScriptedModel};
///
/// let llm = ChatModel::from(ScriptedModel::new());
/// assert!(llm.capabilities().json_schema);
/// ```
///
/// What is `false` and asked for nevertheless is a [`Warning`](crate::Warning) on the answer, or an error of the kind
/// [`Unsupported`](anabranch_core::ErrorKind::Unsupported) where the request would mean something else without it. A
/// backend that says nothing can do nothing but answer with text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Capabilities {
    /// Functions that it may call.
    pub tools: bool,
    /// It can be made to call one of them, or a certain one.
    pub forced_tool_choice: bool,
    /// It can be told to ask for one call at a time, or for several.
    pub parallel_tool_calls: bool,
    /// Answers that are JSON.
    pub json: bool,
    /// Answers that are JSON of a schema.
    pub json_schema: bool,
    /// It can be told how much to think.
    pub reasoning: bool,
    /// Images in messages.
    pub images: bool,
    /// Sounds in messages.
    pub audio: bool,
    /// Files in messages.
    pub files: bool,
    /// Log-probabilities of its tokens.
    pub logprobs: bool,
    /// Answers that can be had again.
    pub seed: bool,
}

impl Capabilities {
    /// Text in, text out.
    #[must_use]
    pub const fn text() -> Self {
        Self {
            tools: false,
            forced_tool_choice: false,
            parallel_tool_calls: false,
            json: false,
            json_schema: false,
            reasoning: false,
            images: false,
            audio: false,
            files: false,
            logprobs: false,
            seed: false,
        }
    }

    /// Everything there is a word for.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            tools: true,
            forced_tool_choice: true,
            parallel_tool_calls: true,
            json: true,
            json_schema: true,
            reasoning: true,
            images: true,
            audio: true,
            files: true,
            logprobs: true,
            seed: true,
        }
    }
}
