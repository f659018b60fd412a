//! [`Message`]: one message of a conversation.

use std::borrow::Cow;
use std::fmt;

use anabranch_core::{Error, Result};
use serde::{Serialize, Serializer};

use crate::ai::AiMessage;
use crate::content::Content;
use crate::role::Role;
use crate::system::SystemMessage;
use crate::tool::ToolMessage;
use crate::user::UserMessage;

/// One message of a conversation. In JSON an object with a `role`.
///
/// ```
/// use anabranch_messages::{Message, Role};
///
/// let message: Message = (Role::User, "Hello").into();
/// let json = serde_json::to_string(&message)?;
/// assert_eq!(json, r#"{"role":"user","content":"Hello"}"#);
/// assert_eq!(serde_json::from_str::<Message>(&json)?, message);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// What other libraries wrote is read, too: LangChain's messages (as `model_dump`, `messages_to_dict` and `dumpd` write
/// them), OpenAI's and Anthropic's. What has no place of its own goes to the metadata of the message or, of a part, to
/// what its provider said of it; what cannot be read is an error that says what was expected, and nothing is dropped in
/// silence. A part of an answer that nobody knows here is kept as it came, as an [`OtherPart`](crate::OtherPart).
///
/// ```
/// use anabranch_messages::Message;
/// use serde_json::json;
///
/// let message: Message = serde_json::from_value(json!({
///     "type": "ai",
///     "content": "",
///     "tool_calls": [{"name": "weather", "args": {"city": "Bremen"}, "id": "call_1", "type": "tool_call"}],
/// }))?;
/// let Message::Ai(answer) = message else { unreachable!() };
/// assert_eq!(answer.tool_calls()[0].name(), "weather");
///
/// let nameless = json!({"role": "assistant", "tool_calls": [{}]});
/// let error = serde_json::from_value::<Message>(nameless).unwrap_err();
/// assert!(error.to_string().contains("expected a tool call: `name` and `arguments`"));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub enum Message {
    /// The instructions of the program.
    System(SystemMessage),
    /// What the user says.
    User(UserMessage),
    /// What a model answered.
    Ai(AiMessage),
    /// What a tool gave.
    Tool(ToolMessage),
}

impl Message {
    /// The instructions of the program.
    pub fn system(content: impl Into<Content>) -> Self {
        Self::System(SystemMessage::new(content))
    }

    /// What the user says.
    pub fn user(content: impl Into<Content>) -> Self {
        Self::User(UserMessage::new(content))
    }

    /// What a model answered.
    pub fn ai(content: impl Into<Content>) -> Self {
        Self::Ai(AiMessage::new(content))
    }

    /// What the tool gave that was called with this id.
    pub fn tool(tool_call_id: impl Into<String>, content: impl Into<Content>) -> Self {
        Self::Tool(ToolMessage::new(tool_call_id, content))
    }

    /// Who speaks.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::System(_) => Role::System,
            Self::User(_) => Role::User,
            Self::Ai(_) => Role::Assistant,
            Self::Tool(_) => Role::Tool,
        }
    }

    /// What it says.
    #[inline]
    #[must_use]
    pub fn content(&self) -> &Content {
        match self {
            Self::System(message) => message.content(),
            Self::User(message) => message.content(),
            Self::Ai(message) => message.content(),
            Self::Tool(message) => message.content(),
        }
    }

    /// The text of it.
    #[inline]
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        self.content().text()
    }
}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::System(message) => message.serialize(serializer),
            Self::User(message) => message.serialize(serializer),
            Self::Ai(message) => message.serialize(serializer),
            Self::Tool(message) => message.serialize(serializer),
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(message) => message.fmt(f),
            Self::User(message) => message.fmt(f),
            Self::Ai(message) => message.fmt(f),
            Self::Tool(message) => message.fmt(f),
        }
    }
}

/// A text is what the user says.
impl From<&str> for Message {
    #[inline]
    fn from(text: &str) -> Self {
        Self::user(text)
    }
}

/// A text is what the user says.
impl From<String> for Message {
    #[inline]
    fn from(text: String) -> Self {
        Self::user(text)
    }
}

/// A tool message made this way has no call id, which providers want: [`Message::tool`] takes one.
impl<S: Into<Content>> From<(Role, S)> for Message {
    #[inline]
    fn from((role, content): (Role, S)) -> Self {
        match role {
            Role::System => Self::system(content),
            Role::User => Self::user(content),
            Role::Assistant => Self::ai(content),
            Role::Tool => Self::tool("", content),
        }
    }
}

/// Fails where the role is unknown, and for `tool`, which needs the id of a call.
impl<S: Into<Content>> TryFrom<(&str, S)> for Message {
    type Error = Error;

    fn try_from((role, content): (&str, S)) -> Result<Self> {
        match Role::try_from(role)? {
            Role::Tool => Err(Error::invalid_input(
                "the result of a tool needs the id of the call it answers: use `Message::tool(id, content)`",
            )),
            role => Ok((role, content).into()),
        }
    }
}

impl From<SystemMessage> for Message {
    #[inline]
    fn from(message: SystemMessage) -> Self {
        Self::System(message)
    }
}

impl From<UserMessage> for Message {
    #[inline]
    fn from(message: UserMessage) -> Self {
        Self::User(message)
    }
}

impl From<AiMessage> for Message {
    #[inline]
    fn from(message: AiMessage) -> Self {
        Self::Ai(message)
    }
}

impl From<ToolMessage> for Message {
    #[inline]
    fn from(message: ToolMessage) -> Self {
        Self::Tool(message)
    }
}
