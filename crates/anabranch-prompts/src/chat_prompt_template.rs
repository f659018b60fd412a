//! [`ChatPromptTemplate`]: messages with variables.

mod growing;
mod languages;

use std::fmt;
use std::sync::Arc;

use anabranch_core::__private::used_up;
use anabranch_core::describe::{Description, Gives, Kind, Label};
use anabranch_core::{Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::Messages;
use serde_json::Value;

use crate::item::{Item, in_message};
use crate::message_template::MessageTemplate;
use crate::settings::{Settings, settings_methods};
use crate::template::{Language, Stop};
use crate::values::{Names, Values};

/// Messages with variables: takes an object with their values, gives [`Messages`].
///
/// Made by [`from_messages`](Self::from_messages) or [`from_template`](Self::from_template). A prompt with one
/// variable takes a bare value as well: text, a number, a list. Clones share everything.
///
/// - `{name}` is a variable, `{name?}` one that may be missing and is empty then; `{{` and `}}` are braces. A variable
///   is a plain name and nothing else. Templates are parsed once, when the prompt is made.
/// - Text goes in as it is and is never looked at for variables of its own; everything else goes in as compact JSON
///   (null is `null`).
/// - A missing variable is an error that says what is missing and what there is. Keys that no variable asks for are
///   ignored.
#[derive(Clone)]
pub struct ChatPromptTemplate {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    items: Vec<Item>,
    language: Language,
    settings: Settings,
}

impl ChatPromptTemplate {
    /// A prompt of one user message.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_prompts::ChatPromptTemplate;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let prompt = ChatPromptTemplate::from_template("Three headlines about {topic}.")?;
    /// let messages = prompt.invoke("tidal power").await?;
    /// assert_eq!(messages[0].text(), "Three headlines about tidal power.");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`](anabranch_core::ErrorKind::InvalidChain) where the template has something in braces that is no plain name. Its source is a
    /// [`TemplateError`](crate::TemplateError).
    pub fn from_template(template: impl Into<String>) -> Result<Self> {
        Self::from_messages([MessageTemplate::user(template)])
    }

    /// A prompt of several messages: pairs of role and template, messages that are there already, places for messages
    /// from the input.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_prompts::ChatPromptTemplate;
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let prompt = ChatPromptTemplate::from_messages([
    ///     ("system", "You are a {profession}."),
    ///     ("placeholder", "{history}"),
    ///     ("user", "{question}"),
    /// ])?;
    /// let messages = prompt.invoke(json!({
    ///     "profession": "pilot",
    ///     "history": [("user", "Hello"), ("ai", "Ahoy")],
    ///     "question": "How deep is it here?",
    /// })).await?;
    /// assert_eq!(messages.len(), 4);
    /// assert_eq!(messages[0].text(), "You are a pilot.");
    /// # Ok(()) }
    /// ```
    ///
    /// The roles are `system` (or `developer`), `user` (or `human`), `assistant` (or `ai`) and `placeholder`. Mixed
    /// lists are written with [`MessageTemplate`].
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`](anabranch_core::ErrorKind::InvalidChain) for a role that is none, and where a template has something in braces that is no
    /// plain name; the path says which message it is.
    pub fn from_messages<M: Into<MessageTemplate>>(messages: impl IntoIterator<Item = M>) -> Result<Self> {
        Self::new(Language::Format, messages)
    }

    fn new<M: Into<MessageTemplate>>(language: Language, messages: impl IntoIterator<Item = M>) -> Result<Self> {
        let inner = Inner { items: Vec::new(), language, settings: Settings::default() };
        Self { inner: Arc::new(inner) }.extend(messages)
    }

    /// The messages for an input, without a run around it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](anabranch_core::ErrorKind::InvalidInput) where a variable is missing or no list of messages is where one must be.
    pub fn format(&self, input: &Value) -> Result<Messages> {
        self.inner.render(&Values::new(input, self.inner.names(), &self.inner.settings.partials)?)
    }

    /// The messages for an input, in which variables that are missing stand as they are written in the template: for
    /// looking at a prompt, not for sending it. [`Messages::to_text`] is how to look at them. In Jinja, what is looked up
    /// in a missing variable is shown as well (`{{ user.name }}`), a missing list has one element, and a template that
    /// does more with it than that stands as it is written.
    ///
    /// ```
    /// use anabranch_prompts::ChatPromptTemplate;
    /// use serde_json::json;
    ///
    /// let prompt = ChatPromptTemplate::from_messages([("system", "You are a {profession}."), ("user", "{question}")])?;
    /// let preview = prompt.preview(&json!({"profession": "pilot"}))?;
    /// assert_eq!(preview.to_text(), "System: You are a pilot.\nHuman: {question}");
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](anabranch_core::ErrorKind::InvalidInput) where the rendering fails for another reason.
    pub fn preview(&self, input: &Value) -> Result<Messages> {
        let names = self.inner.names();
        let mut values = Values::new(input, names, &self.inner.settings.partials)?;
        values.show_missing();
        self.inner.render(&values)
    }

    /// The prompt as a person would want to read it: who speaks, and the templates.
    ///
    /// ```
    /// use anabranch_prompts::ChatPromptTemplate;
    ///
    /// let prompt = ChatPromptTemplate::from_messages([
    ///     ("system", "You are a {profession}."),
    ///     ("placeholder", "{history}"),
    ///     ("user", "{question}"),
    /// ])?;
    /// assert_eq!(
    ///     prompt.pretty(),
    ///     "System: You are a {profession}.\nMessages: {history} (may be missing)\nHuman: {question}"
    /// );
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut lines = Vec::new();
        self.inner.items.iter().for_each(|item| item.pretty(&mut lines));
        lines.join("\n")
    }
}

settings_methods!(ChatPromptTemplate);

impl Inner {
    #[inline]
    fn names(&self) -> &Names {
        self.settings.names.get_or_init(|| {
            Names::find(&self.settings.partials, |add| self.items.iter().for_each(|item| item.each_variable(add)))
        })
    }

    fn set_steps(&mut self, steps: u64) {
        self.items.iter_mut().for_each(|item| item.set_steps(steps));
    }

    fn render(&self, values: &Values<'_>) -> Result<Messages> {
        let mut messages = Messages::with_capacity(self.items.len());
        for (index, item) in self.items.iter().enumerate() {
            item.render(&mut messages, values, self.settings.limits).map_err(|stop| match stop {
                Stop::Missing => values.missing(&self.names().wanted, item.language().unwrap_or(self.language)),
                Stop::Failed(error) => in_message(error, index),
            })?;
        }
        Ok(messages)
    }
}

impl Runnable for ChatPromptTemplate {
    type Input = Value;
    type Output = Messages;

    async fn call(&self, input: Value, _: &RunConfig) -> Result<Messages> {
        let messages = self.format(&input);
        used_up(input);
        messages
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("prompt"), "ChatPromptTemplate"))
    }

    fn describe(&self) -> Description {
        let needs = self.inner.names().needs();
        Description::new(Kind::new("prompt"), "ChatPromptTemplate").needs(needs).gives(Gives::Bare)
    }
}

/// Shows roles and variables, no text.
impl fmt::Debug for ChatPromptTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<_> = self.inner.items.iter().map(Item::kind).collect();
        let names = self.inner.names();
        f.debug_struct("ChatPromptTemplate")
            .field("messages", &messages)
            .field("variables", &names.wanted)
            .field("optional", &names.optional)
            .field("partials", &self.inner.settings.partials)
            .finish()
    }
}

pipe_operator!(impl for ChatPromptTemplate);
