//! [`ChatAnswer`]: a message with its envelope.

use std::borrow::Cow;
use std::fmt;

use anabranch_core::Merge;
use anabranch_messages::AiMessage;
use bytes::Bytes;
use serde_json::Value;

/// What a backend gives: the message, and around it what belongs to the exchange and not to the conversation.
///
/// A chunk of an answer is an answer: in a stream the message comes in pieces, and the envelope with the last of them.
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_models::{ChatModel, ScriptedModel};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let llm = ChatModel::from(ScriptedModel::new().reply("Whatever runs off runs back."));
/// let answer = llm.with_envelope().invoke("What is an anabranch?").await?;
/// assert_eq!(answer.message.text(), "Whatever runs off runs back.");
/// assert!(answer.warnings().is_empty());
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ChatAnswer {
    /// What the model said.
    pub message: AiMessage,
    envelope: Option<Box<Envelope>>,
}

#[derive(Clone, PartialEq, Default)]
struct Envelope {
    warnings: Vec<Warning>,
    headers: Vec<(String, String)>,
    request_id: Option<String>,
    raw: Option<Bytes>,
}

impl ChatAnswer {
    /// An answer without an envelope.
    pub fn new(message: impl Into<AiMessage>) -> Self {
        Self { message: message.into(), envelope: None }
    }

    /// What was asked for and could not be done. The same texts stand in the message's metadata under `warnings`, which
    /// is where one finds them behind a chain.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        self.envelope.as_ref().map_or(&[], |envelope| &envelope.warnings)
    }

    /// The headers of the response, names in lower case, in the order they came. Empty for what came over no wire.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        self.envelope.as_ref().map_or(&[], |envelope| &envelope.headers)
    }

    /// The first header of this name, whose case does not matter.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The provider's name for the exchange, for its support.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.envelope.as_ref()?.request_id.as_deref()
    }

    /// The body as it came, where [`ChatModel::keep_raw`](crate::ChatModel::keep_raw) asked for it.
    #[must_use]
    pub fn raw(&self) -> Option<&[u8]> {
        self.envelope.as_ref()?.raw.as_deref()
    }

    /// Adds a warning.
    #[must_use]
    pub fn with_warning(mut self, warning: Warning) -> Self {
        self.envelope().warnings.push(warning);
        self
    }

    /// Sets the headers of the response.
    #[must_use]
    pub fn with_headers(mut self, headers: impl IntoIterator<Item = (String, String)>) -> Self {
        self.envelope().headers = headers.into_iter().collect();
        self
    }

    /// Sets the provider's name for the exchange.
    #[must_use]
    pub fn with_request_id(mut self, id: impl Into<String>) -> Self {
        self.envelope().request_id = Some(id.into());
        self
    }

    /// Keeps the body as it came.
    #[must_use]
    pub fn with_raw(mut self, body: impl Into<Bytes>) -> Self {
        self.envelope().raw = Some(body.into());
        self
    }

    /// The message, with the warnings in its metadata.
    #[inline]
    #[must_use]
    pub fn into_message(self) -> AiMessage {
        // Nearly all chunks are that.
        if self.envelope.is_none() { self.message } else { self.into_message_with_warnings() }
    }

    #[cold]
    fn into_message_with_warnings(self) -> AiMessage {
        let warnings: Vec<Value> = self.warnings().iter().map(|warning| warning.to_string().into()).collect();
        match warnings.is_empty() {
            true => self.message,
            false => self.message.with_metadata_entry("warnings", warnings),
        }
    }

    /// The law by which the chunks of an answer add up to it.
    #[must_use]
    pub fn merge() -> Merge<Self> {
        Merge::fold(|whole: &mut Self, next: Self| {
            whole.message.append(next.message);
            if let Some(next) = next.envelope {
                whole.envelope().append(*next);
            }
            Ok(())
        })
        .or_empty(Self::default)
    }

    fn envelope(&mut self) -> &mut Envelope {
        self.envelope.get_or_insert_default()
    }
}

impl Envelope {
    fn append(&mut self, next: Self) {
        self.warnings.extend(next.warnings);
        if !next.headers.is_empty() {
            self.headers = next.headers;
        }
        self.request_id = next.request_id.or(self.request_id.take());
        self.raw = next.raw.or(self.raw.take());
    }
}

impl From<AiMessage> for ChatAnswer {
    fn from(message: AiMessage) -> Self {
        Self::new(message)
    }
}

/// Values of headers and the raw body may hold anything: they are counted and not shown.
impl fmt::Debug for ChatAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatAnswer")
            .field("message", &self.message)
            .field("warnings", &self.warnings())
            .field("headers", &self.headers().len())
            .field("raw", &self.raw().map(<[u8]>::len))
            .finish()
    }
}

/// Something that was asked for and that this provider cannot do, so that it was left out. It is no error, because the
/// answer is one; and no silence, because the caller may have relied on it.
///
/// ```
/// use anabranch_models::Warning;
///
/// let warning = Warning::new("top_k", "chat completions have no such setting: it was not sent");
/// assert_eq!(warning.to_string(), "top_k: chat completions have no such setting: it was not sent");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    subject: Cow<'static, str>,
    message: Cow<'static, str>,
}

impl Warning {
    /// A warning about a setting or a part of the conversation. Neither text may hold a prompt, an answer or a key.
    pub fn new(subject: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        Self { subject: subject.into(), message: message.into() }
    }

    /// What it is about, such as `top_k`.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// What happened to it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.message)
    }
}
