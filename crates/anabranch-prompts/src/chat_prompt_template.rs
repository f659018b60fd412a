//! [`ChatPromptTemplate`]: messages with variables.

use std::fmt;
use std::sync::Arc;

use anabranch_core::describe::{Description, Gives, Kind, Label, Needs};
use anabranch_core::{Error, ErrorKind, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::{Message, Messages, Role};
use serde_json::Value;

use crate::format::Format;
use crate::message_template::{Form, MessageTemplate, Speaker, speaker};
use crate::placeholder::MessagesPlaceholder;
use crate::values::Values;

/// Messages with variables: takes an object with their values, gives [`Messages`].
///
/// Made by [`from_messages`](Self::from_messages) or [`from_template`](Self::from_template). A prompt with one
/// variable takes a bare value as well: text, a number, a list. Clones share everything.
///
/// - `{name}` is a variable; `{{` and `}}` are braces. A variable is a plain name and nothing else. Templates are
///   parsed once, when the prompt is made.
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
    /// The variables that must be given, in order of first appearance.
    wanted: Vec<String>,
    /// Those that may be given: of placeholders, and those that have a partial.
    optional: Vec<String>,
    partials: Vec<(String, Value)>,
}

#[derive(Clone)]
enum Item {
    Text(Role, Template),
    Fixed(Message),
    Placeholder(MessagesPlaceholder),
}

/// Text with variables, in one of the two languages.
#[derive(Clone)]
enum Template {
    Format(Format),
    #[cfg(feature = "jinja")]
    Jinja(Arc<crate::jinja::Jinja>),
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
    /// [`ErrorKind::InvalidChain`] where the template has something in braces that is no plain name.
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
    /// [`ErrorKind::InvalidChain`] for a role that is none, and where a template has something in braces that is no
    /// plain name; the path says which message it is.
    pub fn from_messages<M: Into<MessageTemplate>>(messages: impl IntoIterator<Item = M>) -> Result<Self> {
        Self::new(messages, |template| Format::parse(&template).map(Template::Format))
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
    /// For trusted templates only: whoever writes the template decides how much work its rendering is, within a limit
    /// of steps and depth, and there is none on the size of the text. Nothing is loaded, and values are data: what
    /// stands in them is never run. A variable that is not given is an error, wherever it stands; a variable with a
    /// default value is a [`partial`](Self::partial).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`] for a role that is none and for a template that is not Jinja.
    #[cfg(feature = "jinja")]
    pub fn from_jinja_messages<M: Into<MessageTemplate>>(messages: impl IntoIterator<Item = M>) -> Result<Self> {
        Self::new(messages, |template| crate::jinja::Jinja::parse(template).map(Arc::new).map(Template::Jinja))
    }

    fn new<M: Into<MessageTemplate>>(
        messages: impl IntoIterator<Item = M>,
        parse: impl Fn(String) -> Result<Template>,
    ) -> Result<Self> {
        let mut inner = Inner { items: Vec::new(), wanted: Vec::new(), optional: Vec::new(), partials: Vec::new() };
        for (index, message) in messages.into_iter().enumerate() {
            let item = item(message.into(), &parse).map_err(|error| error.at(format!("message {index}")))?;
            inner.items.push(item);
        }
        inner.find_variables();
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Gives a variable its value beforehand; the input need not have it then, and wins where it has.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_prompts::ChatPromptTemplate;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let prompt = ChatPromptTemplate::from_template("Translate into {language}: {text}")?.partial("language", "Frisian");
    /// assert_eq!(prompt.variables(), ["text"]);
    /// assert_eq!(prompt.invoke("river").await?[0].text(), "Translate into Frisian: river");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn partial(mut self, variable: impl Into<String>, value: impl Into<Value>) -> Self {
        let (variable, value) = (variable.into(), value.into());
        let inner = Arc::make_mut(&mut self.inner);
        inner.partials.retain(|(there, _)| *there != variable);
        inner.partials.push((variable, value));
        inner.find_variables();
        self
    }

    /// The variables that must be given, in order of first appearance.
    #[must_use]
    pub fn variables(&self) -> &[String] {
        &self.inner.wanted
    }

    /// The variables that may be given: of optional placeholders, and those that have a partial.
    #[must_use]
    pub fn optional_variables(&self) -> &[String] {
        &self.inner.optional
    }

    /// The messages for an input, without a run around it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where a variable is missing or no list of messages is where one must be.
    pub fn format(&self, input: &Value) -> Result<Messages> {
        self.inner.format(input)
    }
}

fn item(message: MessageTemplate, parse: impl Fn(String) -> Result<Template>) -> Result<Item> {
    Ok(match message.0 {
        Form::Fixed(message) => Item::Fixed(message),
        Form::Placeholder(placeholder) => Item::Placeholder(placeholder),
        Form::Text { role, template } => match speaker(&role)? {
            Speaker::Role(role) => Item::Text(role, parse(template)?),
            Speaker::Placeholder => {
                let variable = template.trim();
                let variable = variable.strip_prefix('{').and_then(|name| name.strip_suffix('}')).unwrap_or(variable);
                let is_name = Format::parse(&format!("{{{variable}}}")).is_ok_and(|format| {
                    let mut names = format.variables();
                    names.next() == Some(variable) && names.next().is_none()
                });
                if !is_name {
                    return Err(Error::new(
                        ErrorKind::InvalidChain,
                        "a placeholder is the name of one variable, such as `{history}`",
                    ));
                }
                Item::Placeholder(MessagesPlaceholder::new(variable).optional())
            }
        },
    })
}

impl Inner {
    fn find_variables(&mut self) {
        let Self { items, wanted, optional, partials } = self;
        let has_partial = |name: &str| partials.iter().any(|(partial, _)| partial == name);
        wanted.clear();
        optional.clear();
        let mut add = |name: &str, may_miss: bool| {
            let list = if may_miss || has_partial(name) { &mut *optional } else { &mut *wanted };
            if !list.iter().any(|there| there == name) {
                list.push(name.to_string());
            }
        };
        for item in items.iter() {
            match item {
                Item::Fixed(_) => {}
                Item::Placeholder(placeholder) => add(&placeholder.variable, placeholder.optional),
                Item::Text(_, Template::Format(format)) => format.variables().for_each(|name| add(name, false)),
                #[cfg(feature = "jinja")]
                Item::Text(_, Template::Jinja(jinja)) => jinja.variables().for_each(|name| add(name, false)),
            }
        }
        // What one message must have, another's placeholder cannot do without.
        optional.retain(|name| !wanted.contains(name));
    }

    fn format(&self, input: &Value) -> Result<Messages> {
        let values = Values::new(input, &self.wanted, &self.partials)?;
        let mut messages = Messages::with_capacity(self.items.len());
        for item in &self.items {
            match item {
                Item::Fixed(message) => messages.push(message.clone()),
                Item::Placeholder(placeholder) => match values.get(&placeholder.variable) {
                    Some(value) => placeholder.fill(&mut messages, value)?,
                    None if placeholder.optional => {}
                    None => return Err(values.missing(&self.wanted)),
                },
                Item::Text(role, Template::Format(format)) => match format.render(&values) {
                    Some(text) => messages.push((*role, text)),
                    None => return Err(values.missing(&self.wanted)),
                },
                #[cfg(feature = "jinja")]
                Item::Text(role, Template::Jinja(jinja)) => match jinja.render(&values)? {
                    Some(text) => messages.push((*role, text)),
                    None => return Err(values.missing(&self.wanted)),
                },
            }
        }
        Ok(messages)
    }
}

impl Runnable for ChatPromptTemplate {
    type Input = Value;
    type Output = Messages;

    async fn call(&self, input: Value, _: &RunConfig) -> Result<Messages> {
        self.inner.format(&input)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("prompt"), "ChatPromptTemplate"))
    }

    fn describe(&self) -> Description {
        let Inner { wanted, optional, .. } = &*self.inner;
        let needs = match wanted.len() {
            0 => Needs::Object,
            count => Needs::Keys { keys: wanted.clone(), optional: optional.clone(), or_bare: count == 1 },
        };
        Description::new(Kind::new("prompt"), "ChatPromptTemplate").needs(needs).gives(Gives::Bare)
    }
}

/// Shows roles and variables, no text.
impl fmt::Debug for ChatPromptTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let messages: Vec<_> = self
            .inner
            .items
            .iter()
            .map(|item| match item {
                Item::Text(role, _) => role.as_str(),
                Item::Fixed(message) => message.role().as_str(),
                Item::Placeholder(_) => "placeholder",
            })
            .collect();
        let partials: Vec<_> = self.inner.partials.iter().map(|(name, _)| name).collect();
        f.debug_struct("ChatPromptTemplate")
            .field("messages", &messages)
            .field("variables", &self.inner.wanted)
            .field("optional", &self.inner.optional)
            .field("partials", &partials)
            .finish()
    }
}

pipe_operator!(impl for ChatPromptTemplate);
