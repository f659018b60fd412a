//! [`MessagesPlaceholder`]: a place for messages from the input.

use anabranch_core::{Error, Result};
use anabranch_messages::{Message, Messages};
use serde::Deserialize;
use serde_json::Value;

/// A place in a prompt where messages from the input go: the conversation so far, for instance.
///
/// The variable is a list; each element is a message as it stands in JSON, a pair of role and text, or text, which is
/// what the user says. One message in JSON will do, too.
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
}

impl MessagesPlaceholder {
    /// The variable must be given.
    pub fn new(variable: impl Into<String>) -> Self {
        Self { variable: variable.into(), optional: false }
    }

    /// Without the variable there are no messages here.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Adds the messages of a value.
    pub(crate) fn fill(&self, messages: &mut Messages, value: &Value) -> Result<()> {
        match value {
            Value::Null if self.optional => Ok(()),
            Value::Array(list) => {
                for (index, element) in list.iter().enumerate() {
                    let message = message(element).ok_or_else(|| self.no_message(Some(index)))?;
                    messages.push(message);
                }
                Ok(())
            }
            Value::Object(_) => {
                messages.push(message(value).ok_or_else(|| self.no_message(None))?);
                Ok(())
            }
            _ => Err(Error::invalid_input(format!(
                "the variable `{}` of a placeholder must be a list of messages: `json!(messages)`",
                self.variable
            ))),
        }
    }

    #[cold]
    fn no_message(&self, index: Option<usize>) -> Error {
        let which = index.map(|index| format!("element {index} of ")).unwrap_or_default();
        Error::invalid_input(format!(
            "{which}the variable `{}` of a placeholder is no message: a message is an object with `role` and `content` \
             (a tool's also with `tool_call_id`), a pair of role and text, or text",
            self.variable
        ))
    }
}

fn message(element: &Value) -> Option<Message> {
    match element {
        Value::String(text) => Some(Message::user(text)),
        Value::Array(pair) => match pair.as_slice() {
            [Value::String(role), Value::String(text)] => Message::try_from((role.as_str(), text)).ok(),
            _ => None,
        },
        // serde's own text would quote what it met.
        object => Message::deserialize(object).ok(),
    }
}
