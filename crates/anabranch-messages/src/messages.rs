//! [`Messages`]: a conversation.

use std::fmt;
use std::ops::{Deref, DerefMut};

use anabranch_core::{Error, Result};
use serde::Serialize;

use crate::ai::AiMessage;
use crate::content::Content;
use crate::message::Message;
use crate::part::ContentPart;
use crate::role::Role;
use crate::system::SystemMessage;
use crate::tool::ToolMessage;
use crate::user::UserMessage;

/// A conversation: what a chat model takes. In JSON an array of messages.
///
/// Whatever can be meant by one becomes one:
///
/// ```
/// use anabranch_messages::{Message, Messages, Role, UserMessage};
///
/// let from_text = Messages::from("Hello");
/// let from_role = Messages::from((Role::User, "Hello"));
/// let from_list = Messages::from([Message::user("Hello")]);
/// assert_eq!(from_text, from_role);
/// assert_eq!(from_role, from_list);
/// assert_eq!(from_list, Messages::from(UserMessage::new("Hello")));
///
/// // A role that is text may be none, so this can fail.
/// let pairs = Messages::try_from([("system", "Be brief."), ("user", "Hello")])?;
/// assert_eq!(pairs.len(), 2);
/// assert!(Messages::try_from(("narrator", "Once upon a time")).is_err());
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Messages(Vec<Message>);

impl Messages {
    /// No messages yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// No messages yet, and room for some.
    #[inline]
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    /// Messages from pairs of role and text, where the roles are text.
    ///
    /// ```
    /// use anabranch_messages::Messages;
    ///
    /// let messages = Messages::from_pairs([("system", "Be brief."), ("user", "Hello")])?;
    /// assert_eq!(messages.len(), 2);
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidInput`](anabranch_core::ErrorKind::InvalidInput) for an unknown role, and for `tool`, which needs the
    /// id of a call.
    pub fn from_pairs<R, S>(pairs: impl IntoIterator<Item = (R, S)>) -> Result<Self>
    where
        R: AsRef<str>,
        S: Into<Content>,
    {
        pairs.into_iter().map(|(role, content)| Message::try_from((role.as_ref(), content))).collect()
    }

    /// Adds a message at the end.
    #[inline]
    pub fn push(&mut self, message: impl Into<Message>) {
        self.0.push(message.into());
    }

    /// The conversation as text, a line or more for each message, under LangChain's names for who speaks. It is what
    /// people read; models are sent messages.
    ///
    /// ```
    /// use anabranch_messages::{Message, Messages};
    ///
    /// let messages = Messages::from([Message::system("Be brief."), Message::user("Hello"), Message::ai("Ahoy")]);
    /// assert_eq!(messages.to_text(), "System: Be brief.\nHuman: Hello\nAI: Ahoy");
    /// ```
    #[must_use]
    #[doc(alias = "get_buffer_string")]
    pub fn to_text(&self) -> String {
        let lines = self.0.iter().map(|message| {
            let label = match message.role() {
                Role::System => "System",
                Role::User => "Human",
                Role::Assistant => "AI",
                Role::Tool => "Tool",
            };
            let mut line = format!("{label}: {}", message.text());
            let mut note = |what: &str| {
                if !line.ends_with(' ') {
                    line.push(' ');
                }
                line += what;
            };
            for part in message.content().parts() {
                match part {
                    ContentPart::Image(_) => note("[image]"),
                    ContentPart::Audio(_) => note("[audio]"),
                    ContentPart::Video(_) => note("[video]"),
                    ContentPart::File(_) => note("[file]"),
                    ContentPart::ToolCall(call) | ContentPart::ServerToolCall(call) => {
                        note(&format!("[calls {}]", call.name()))
                    }
                    ContentPart::Other(_) => note("[other]"),
                    ContentPart::Refusal(text) => note(text.text()),
                    ContentPart::Text(_)
                    | ContentPart::Reasoning(_)
                    | ContentPart::Citation(_)
                    | ContentPart::ServerToolResult(_) => {}
                }
            }
            line
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// The messages as a list.
    #[must_use]
    pub fn into_vec(self) -> Vec<Message> {
        self.0
    }
}

impl Deref for Messages {
    type Target = [Message];

    fn deref(&self) -> &[Message] {
        &self.0
    }
}

impl DerefMut for Messages {
    fn deref_mut(&mut self) -> &mut [Message] {
        &mut self.0
    }
}

impl fmt::Debug for Messages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Messages ")?;
        f.debug_list().entries(&self.0).finish()
    }
}

impl IntoIterator for Messages {
    type Item = Message;
    type IntoIter = std::vec::IntoIter<Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Messages {
    type Item = &'a Message;
    type IntoIter = std::slice::Iter<'a, Message>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<M: Into<Message>> FromIterator<M> for Messages {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        Self(messages.into_iter().map(Into::into).collect())
    }
}

impl<M: Into<Message>> Extend<M> for Messages {
    fn extend<I: IntoIterator<Item = M>>(&mut self, messages: I) {
        self.0.extend(messages.into_iter().map(Into::into));
    }
}

impl<M: Into<Message>> From<Vec<M>> for Messages {
    #[inline]
    fn from(messages: Vec<M>) -> Self {
        messages.into_iter().collect()
    }
}

impl From<Box<[Message]>> for Messages {
    #[inline]
    fn from(messages: Box<[Message]>) -> Self {
        Self(messages.into_vec())
    }
}

impl<M: Into<Message>, const N: usize> From<[M; N]> for Messages {
    #[inline]
    fn from(messages: [M; N]) -> Self {
        messages.into_iter().collect()
    }
}

impl<S: Into<Content>> From<(Role, S)> for Messages {
    #[inline]
    fn from(message: (Role, S)) -> Self {
        Self(vec![message.into()])
    }
}

/// One pair of role and text; see [`Messages::from_pairs`].
impl<S: Into<Content>> TryFrom<(&str, S)> for Messages {
    type Error = Error;

    fn try_from(pair: (&str, S)) -> Result<Self> {
        Self::from_pairs([pair])
    }
}

/// Pairs of role and text; see [`Messages::from_pairs`].
impl<S: Into<Content>, const N: usize> TryFrom<[(&str, S); N]> for Messages {
    type Error = Error;

    fn try_from(pairs: [(&str, S); N]) -> Result<Self> {
        Self::from_pairs(pairs)
    }
}

macro_rules! one_message {
    ($($type:ty),*) => {$(
        impl From<$type> for Messages {
            #[inline]
            fn from(message: $type) -> Self {
                Self(vec![message.into()])
            }
        }
    )*};
}

one_message!(&str, String, Message, SystemMessage, UserMessage, AiMessage, ToolMessage);
