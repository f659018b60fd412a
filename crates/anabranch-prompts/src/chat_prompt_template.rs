//! [`ChatPromptTemplate`]: messages with variables.

use std::fmt;
use std::ops::{Add, RangeBounds};
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

    /// A prompt of one user message in the mustache language; see
    /// [`PromptTemplate::mustache`](crate::PromptTemplate::mustache).
    ///
    /// # Errors
    /// As for [`from_mustache_messages`](Self::from_mustache_messages).
    pub fn mustache(template: impl Into<String>) -> Result<Self> {
        Self::from_mustache_messages([MessageTemplate::user(template)])
    }

    /// [`from_messages`](Self::from_messages) with templates in the mustache language.
    ///
    /// ```
    /// use anabranch_prompts::ChatPromptTemplate;
    /// use serde_json::json;
    ///
    /// let prompt = ChatPromptTemplate::from_mustache_messages([
    ///     ("system", "{{#brief}}Be brief.{{/brief}}"),
    ///     ("user", "{{question}}"),
    /// ])?;
    /// let messages = prompt.format(&json!({"brief": true, "question": "How deep is it?"}))?;
    /// assert_eq!(messages[0].text(), "Be brief.");
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`](anabranch_core::ErrorKind::InvalidChain) for a role that is none and for a template that is no mustache.
    pub fn from_mustache_messages<M: Into<MessageTemplate>>(messages: impl IntoIterator<Item = M>) -> Result<Self> {
        Self::new(Language::Mustache, messages)
    }

    /// A prompt of one user message in the Jinja language; see [`from_jinja_messages`](Self::from_jinja_messages).
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_prompts::ChatPromptTemplate;
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let prompt = ChatPromptTemplate::jinja("Compare:{% for river in rivers %}\n- {{ river.name }}{% endfor %}")?;
    /// let messages = prompt.invoke(json!({"rivers": [{"name": "Weser"}, {"name": "Elbe"}]})).await?;
    /// assert_eq!(messages[0].text(), "Compare:\n- Weser\n- Elbe");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`from_jinja_messages`](Self::from_jinja_messages).
    #[cfg(feature = "jinja")]
    pub fn jinja(template: impl Into<String>) -> Result<Self> {
        Self::from_jinja_messages([MessageTemplate::user(template)])
    }

    /// [`from_messages`](Self::from_messages) with templates in the Jinja language, as `minijinja` understands it.
    ///
    /// For trusted templates only: whoever writes the template decides how much work its rendering is, within the limits
    /// [`max_steps`](Self::max_steps) and [`max_output`](Self::max_output). They do not bound what one expression makes on
    /// its way to the text (`"a" * 1000000000`, `replace`, `indent`). Nothing is loaded, and values are data: what
    /// stands in them is never run. They are written as in the other languages: text as it is, everything else as
    /// compact JSON (null is `null`, true is `true`).
    ///
    /// A variable must be given, unless the template asks for it (`{% if name is defined %}`) or says what stands for it
    /// (`{{ name | default("…") }}`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`](anabranch_core::ErrorKind::InvalidChain) for a role that is none, for a template that is not Jinja, for filters, tests and
    /// functions that do not exist, and for statements that load other templates.
    #[cfg(feature = "jinja")]
    pub fn from_jinja_messages<M: Into<MessageTemplate>>(messages: impl IntoIterator<Item = M>) -> Result<Self> {
        Self::new(Language::Jinja, messages)
    }

    fn new<M: Into<MessageTemplate>>(language: Language, messages: impl IntoIterator<Item = M>) -> Result<Self> {
        let inner = Inner { items: Vec::new(), language, settings: Settings::default() };
        Self { inner: Arc::new(inner) }.extend(messages)
    }

    /// Puts a message behind the others. Its template is in the language of the prompt.
    ///
    /// ```
    /// use anabranch_prompts::ChatPromptTemplate;
    ///
    /// let prompt = ChatPromptTemplate::from_template("{question}")?.append(("ai", "{answer}"))?;
    /// assert_eq!(prompt.len(), 2);
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`from_messages`](Self::from_messages).
    pub fn append(self, message: impl Into<MessageTemplate>) -> Result<Self> {
        self.extend([message])
    }

    /// Puts messages behind the others. Their templates are in the language of the prompt.
    ///
    /// # Errors
    /// As for [`from_messages`](Self::from_messages).
    pub fn extend<M: Into<MessageTemplate>>(mut self, messages: impl IntoIterator<Item = M>) -> Result<Self> {
        let inner = Arc::make_mut(&mut self.inner);
        inner.settings.names = Default::default();
        for message in messages {
            let mut item =
                Item::parse(message.into(), inner.language).map_err(|error| in_message(error, inner.items.len()))?;
            item.set_steps(inner.settings.limits.steps);
            inner.items.push(item);
        }
        Ok(self)
    }

    /// How many messages it has; a place for messages counts as one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.items.len()
    }

    /// Whether it has no messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.items.is_empty()
    }

    /// A prompt of some of its messages, with the same partials and limits; `None` where there are fewer.
    ///
    /// ```
    /// use anabranch_prompts::ChatPromptTemplate;
    ///
    /// let prompt = ChatPromptTemplate::from_messages([("system", "Be brief."), ("user", "{question}")])?;
    /// assert_eq!(prompt.slice(1..).unwrap().len(), 1);
    /// assert!(prompt.slice(3..).is_none());
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    #[must_use]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Option<Self> {
        let items = self.inner.items.get((range.start_bound().cloned(), range.end_bound().cloned()))?.to_vec();
        let settings = Settings { names: Default::default(), ..self.inner.settings.clone() };
        Some(Self { inner: Arc::new(Inner { items, language: self.inner.language, settings }) })
    }

    /// The messages for an input, without a run around it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](anabranch_core::ErrorKind::InvalidInput) where a variable is missing or no list of messages is where one must be.
    pub fn format(&self, input: &Value) -> Result<Messages> {
        self.inner.render(&Values::new(input, self.inner.names(), &self.inner.settings.partials)?)
    }

    /// The messages for an input, in which variables that are missing stand as they are written in the template: for
    /// looking at a prompt, not for sending it. [`Messages::to_text`] is how to look at them.
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
    /// [`ErrorKind::InvalidInput`](anabranch_core::ErrorKind::InvalidInput) where the rendering fails for another reason: a template in Jinja may need more of a
    /// variable than its name.
    pub fn preview(&self, input: &Value) -> Result<Messages> {
        let names = self.inner.names();
        let mut values = Values::new(input, names, &self.inner.settings.partials)?;
        values.show_missing(names, |name| self.inner.language.variable(name));
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

/// One after the other. What is beforehand for one of them is for both, and so are its limits.
///
/// Fails with [`ErrorKind::InvalidChain`](anabranch_core::ErrorKind::InvalidChain) where they have two values beforehand for one variable.
///
/// ```
/// use anabranch_prompts::ChatPromptTemplate;
///
/// let instructions = ChatPromptTemplate::from_messages([("system", "You are a {profession}.")])?;
/// let prompt = (instructions + ChatPromptTemplate::from_template("{question}")?)?;
/// assert_eq!(prompt.variables(), ["profession", "question"]);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
impl Add for ChatPromptTemplate {
    type Output = Result<Self>;

    fn add(mut self, next: Self) -> Result<Self> {
        let inner = Arc::make_mut(&mut self.inner);
        inner.settings.partials.join(next.inner.settings.partials.clone())?;
        inner.settings.limits = inner.settings.limits.and(next.inner.settings.limits);
        inner.settings.names = Default::default();
        inner.items.extend(next.inner.items.iter().cloned());
        Ok(self)
    }
}

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
