//! [`MessageTemplate`]: one message of a prompt.

use std::fmt;

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{AiMessage, Message, Role, SystemMessage, ToolMessage, UserMessage};

use crate::few_shot::FewShotChatMessagePromptTemplate;
use crate::part_template::PartTemplate;
use crate::placeholder::MessagesPlaceholder;

/// One message of a prompt: a role and text with variables, a message that is there already, or a place for messages
/// from the input.
///
/// ```
/// use anabranch_prompts::{ChatPromptTemplate, MessageTemplate};
/// use anabranch_messages::AiMessage;
///
/// let prompt = ChatPromptTemplate::from_messages([
///     MessageTemplate::system("You answer as a {profession}."),
///     MessageTemplate::user("Are you there?"),
///     AiMessage::new("Yes {of course}.").into(), // as it is: this is no variable
///     MessageTemplate::placeholder("history"),
///     MessageTemplate::user("{question}"),
/// ])?;
/// assert_eq!(prompt.variables(), ["profession", "question"]);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct MessageTemplate(pub(crate) Form);

#[derive(Clone, PartialEq)]
pub(crate) enum Form {
    /// The role as it was given, which may be none.
    Text {
        role: String,
        template: String,
    },
    Parts {
        role: Role,
        parts: Vec<PartTemplate>,
    },
    Fixed(Message),
    Placeholder(MessagesPlaceholder),
    FewShot(FewShotChatMessagePromptTemplate),
}

impl MessageTemplate {
    /// The instructions of the program.
    pub fn system(template: impl Into<String>) -> Self {
        (Role::System, template).into()
    }

    /// What the user says.
    pub fn user(template: impl Into<String>) -> Self {
        (Role::User, template).into()
    }

    /// What the model said.
    pub fn ai(template: impl Into<String>) -> Self {
        (Role::Assistant, template).into()
    }

    /// A message of several parts: texts, images, sounds, files. See [`PartTemplate`].
    pub fn parts<P: Into<PartTemplate>>(role: Role, parts: impl IntoIterator<Item = P>) -> Self {
        Self(Form::Parts { role, parts: parts.into_iter().map(Into::into).collect() })
    }

    /// A place for messages from the input, which may be missing. [`MessagesPlaceholder`] is one that must be given.
    /// The variable may be written as in a template: `{history}`.
    pub fn placeholder(variable: impl Into<String>) -> Self {
        MessagesPlaceholder::new(variable).optional().into()
    }
}

/// What the role of a template means.
pub(crate) enum Speaker {
    Role(Role),
    Placeholder,
}

/// Of a role that may have a template.
pub(crate) fn with_template(role: Role) -> Result<Role> {
    if role == Role::Tool {
        return Err(Error::new(
            ErrorKind::InvalidChain,
            "the role `tool` cannot have a template, since it needs the id of a call: put a `ToolMessage` there, or a \
             placeholder",
        ));
    }
    Ok(role)
}

pub(crate) fn speaker(role: &str) -> Result<Speaker> {
    if role == "placeholder" {
        return Ok(Speaker::Placeholder);
    }
    match Role::try_from(role) {
        Ok(role) => with_template(role).map(Speaker::Role),
        // A role that is none is often the text itself, given in the wrong place: it is not repeated.
        Err(_) => Err(Error::new(
            ErrorKind::InvalidChain,
            "unknown role: the roles of a template are `system` (or `developer`), `user` (or `human`), `assistant` (or \
             `ai`) and `placeholder`",
        )),
    }
}

/// A role and text with variables; `("placeholder", "{history}")` is a place for messages, which may be missing.
impl<R: AsRef<str>, T: Into<String>> From<(R, T)> for MessageTemplate {
    fn from((role, template): (R, T)) -> Self {
        Self(Form::Text { role: role.as_ref().to_string(), template: template.into() })
    }
}

impl From<MessagesPlaceholder> for MessageTemplate {
    fn from(placeholder: MessagesPlaceholder) -> Self {
        Self(Form::Placeholder(placeholder))
    }
}

impl From<FewShotChatMessagePromptTemplate> for MessageTemplate {
    fn from(examples: FewShotChatMessagePromptTemplate) -> Self {
        Self(Form::FewShot(examples))
    }
}

macro_rules! as_it_is {
    ($($message:ty),*) => {$(
        /// As it is: braces in it are text.
        impl From<$message> for MessageTemplate {
            fn from(message: $message) -> Self {
                Self(Form::Fixed(message.into()))
            }
        }
    )*};
}

as_it_is!(Message, SystemMessage, UserMessage, AiMessage, ToolMessage);

impl fmt::Debug for MessageTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Text { template, .. } => write!(f, "Template({} chars)", template.chars().count()),
            Form::Parts { parts, .. } => f.debug_list().entries(parts).finish(),
            Form::Fixed(message) => message.fmt(f),
            Form::FewShot(examples) => examples.fmt(f),
            Form::Placeholder(placeholder) => placeholder.fmt(f),
        }
    }
}
