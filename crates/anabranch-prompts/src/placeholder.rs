//! [`MessagesPlaceholder`]: a place for messages from the input.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{Message, Messages};
use serde::Deserialize;
use serde_json::Value;

use crate::format::is_name;

/// A place in a prompt where messages from the input go: the conversation so far, for instance.
///
/// The variable is a list; each element is a message as it stands in JSON (this library's, LangChain's or OpenAI's), a
/// pair of role and text, or text, which is what the user says. One message in JSON will do, too.
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_messages::{AiMessage, Messages, UserMessage};
/// use anabranch_prompts::{ChatPromptTemplate, MessageTemplate, MessagesPlaceholder};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let prompt = ChatPromptTemplate::from_messages([
///     MessageTemplate::system("Be brief."),
///     MessagesPlaceholder::new("history").into(),
///     MessageTemplate::user("{question}"),
/// ])?;
/// let mut history = Messages::from("Hello");
/// history.push(AiMessage::new("Hello to you."));
/// let messages = prompt.invoke(json!({"history": history, "question": "Where were we?"})).await?;
/// assert_eq!(messages.len(), 4);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessagesPlaceholder {
    pub(crate) variable: String,
    pub(crate) optional: bool,
    last: Option<usize>,
}

impl MessagesPlaceholder {
    /// The variable must be given. It may be written as in a template: `{history}`, or `{history?}` for one that may be
    /// missing.
    pub fn new(variable: impl Into<String>) -> Self {
        let variable = variable.into();
        let name = variable.trim();
        let name = name.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(name);
        let (name, optional) = name.trim().strip_suffix('?').map_or((name.trim(), false), |name| (name, true));
        Self { variable: name.to_string(), optional, last: None }
    }

    /// Without the variable there are no messages here.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Keeps the last messages only, so many at most: the end of a long conversation.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_prompts::{ChatPromptTemplate, MessagesPlaceholder};
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let prompt = ChatPromptTemplate::from_messages([MessagesPlaceholder::new("history").last(2)])?;
    /// let messages = prompt.invoke(json!({"history": ["one", "two", "three"]})).await?;
    /// assert_eq!(messages[0].text(), "two");
    /// # Ok(()) }
    /// ```
    #[must_use]
    #[doc(alias = "n_messages")]
    pub fn last(mut self, messages: usize) -> Self {
        self.last = Some(messages);
        self
    }

    /// As a person would want to read it.
    pub(crate) fn pretty(&self) -> String {
        let mut shown = format!("Messages: {{{}}}", self.variable);
        if self.optional {
            shown += " (may be missing)";
        }
        if let Some(last) = self.last {
            shown += &format!(" (the last {last})");
        }
        shown
    }

    /// What is wrong with the name of the variable, if it is none.
    pub(crate) fn check(&self) -> Result<()> {
        if is_name(&self.variable) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidChain, "a placeholder is the name of one variable, such as `{history}`"))
    }

    /// Adds the messages of a value.
    pub(crate) fn fill(&self, messages: &mut Messages, value: &Value) -> Result<()> {
        match value {
            Value::Null if self.optional => Ok(()),
            Value::Array(list) => {
                let skipped = self.last.map_or(0, |last| list.len().saturating_sub(last));
                for (index, element) in list.iter().enumerate().skip(skipped) {
                    messages.push(message(element).map_err(|why| self.no_message(Some(index), &why))?);
                }
                Ok(())
            }
            Value::Object(_) if self.last == Some(0) => Ok(()),
            Value::Object(_) => {
                messages.push(message(value).map_err(|why| self.no_message(None, &why))?);
                Ok(())
            }
            _ => Err(Error::invalid_input(format!(
                "the variable `{}` of a placeholder must be a list of messages: `json!(messages)`",
                self.variable
            ))),
        }
    }

    #[cold]
    fn no_message(&self, index: Option<usize>, why: &str) -> Error {
        let which = index.map(|index| format!("element {index} of ")).unwrap_or_default();
        Error::invalid_input(format!(
            "{which}the variable `{}` of a placeholder is no message (an object with `role` and `content`, a pair of role \
             and text, or text): {why}",
            self.variable
        ))
    }
}

/// Reading a message says why it cannot be read, and shows nothing of it.
fn message(element: &Value) -> std::result::Result<Message, String> {
    match element {
        Value::String(text) => Ok(Message::user(text)),
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(role), Value::String(text)] => {
                Message::try_from((role.as_str(), text)).map_err(|error| error.message().to_string())
            }
            _ => Err("a list that is no pair of two texts".into()),
        },
        object => Message::deserialize(object).map_err(|error| error.to_string()),
    }
}
