//! [`PromptTemplate`]: text with variables.

use std::fmt;
use std::ops::Add;
use std::sync::Arc;

use anabranch_core::describe::{Description, Gives, Kind, Label};
use anabranch_core::{Error, ErrorKind, Result, RunConfig, Runnable, pipe_operator};
use serde_json::Value;

use crate::few_shot::FewShot;
use crate::settings::{Settings, settings_methods};
use crate::template::{Language, Limits, Stop, Template};
use crate::values::{Names, Values};

/// Text with variables: takes an object with their values, gives a `String`.
///
/// For a part of a prompt, or for whatever else is made of text. A model takes its text as what the user says;
/// [`ChatPromptTemplate`](crate::ChatPromptTemplate) has several messages.
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_prompts::PromptTemplate;
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let prompt = PromptTemplate::from_template("Tell of the {river}.{wish?}")?;
/// assert_eq!(prompt.invoke("Weser").await?, "Tell of the Weser.");
/// assert_eq!(prompt.invoke(json!({"river": "Elbe", "wish": " In rhymes."})).await?, "Tell of the Elbe. In rhymes.");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct PromptTemplate {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    pieces: Vec<Piece>,
    language: Language,
    settings: Settings,
}

/// What stands one behind the other.
#[derive(Clone)]
pub(crate) enum Piece {
    Template(Template),
    FewShot(Arc<FewShot>),
}

impl PromptTemplate {
    /// A prompt of a text with `{variables}`. `{name?}` is a variable that may be missing; `{{` and `}}` are braces.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`] where the template has something in braces that is no plain name. Its source is a
    /// [`TemplateError`](crate::TemplateError).
    pub fn from_template(template: impl Into<String>) -> Result<Self> {
        Self::new(Language::Format, template.into())
    }

    /// A prompt of a text in the mustache language: `{{name}}`, `{{place.city}}`, `{{#list}}…{{.}}…{{/list}}`,
    /// `{{^list}}…{{/list}}`. Nothing is escaped, and no other template is loaded.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_prompts::PromptTemplate;
    /// use serde_json::json;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let prompt = PromptTemplate::mustache("Compare:\n{{#rivers}}\n- {{name}}\n{{/rivers}}\n")?;
    /// let text = prompt.invoke(json!({"rivers": [{"name": "Weser"}, {"name": "Elbe"}]})).await?;
    /// assert_eq!(text, "Compare:\n- Weser\n- Elbe\n");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`] for a template that is none.
    pub fn mustache(template: impl Into<String>) -> Result<Self> {
        Self::new(Language::Mustache, template.into())
    }

    /// A prompt of a text in the Jinja language; see
    /// [`from_jinja_messages`](crate::ChatPromptTemplate::from_jinja_messages).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`] for a template that is none.
    #[cfg(feature = "jinja")]
    pub fn jinja(template: impl Into<String>) -> Result<Self> {
        Self::new(Language::Jinja, template.into())
    }

    fn new(language: Language, template: String) -> Result<Self> {
        let pieces = vec![Piece::Template(Template::parse(language, template)?)];
        Ok(Self { inner: Arc::new(Inner { pieces, language, settings: Settings::default() }) })
    }

    pub(crate) fn from_few_shot(few_shot: FewShot, language: Language, settings: Settings) -> Self {
        let pieces = vec![Piece::FewShot(Arc::new(few_shot))];
        Self { inner: Arc::new(Inner { pieces, language, settings }) }
    }

    pub(crate) fn parts(&self) -> (&[Piece], Language, &Settings) {
        (&self.inner.pieces, self.inner.language, &self.inner.settings)
    }

    /// Puts more text with variables behind it, in its own language.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`] for a template that is none.
    pub fn append(self, template: impl Into<String>) -> Result<Self> {
        let next = Self::new(self.inner.language, template.into())?;
        self + next
    }

    /// The text for an input, without a run around it.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where a variable is missing.
    pub fn format(&self, input: &Value) -> Result<String> {
        let names = self.inner.names();
        let values = Values::new(input, names, &self.inner.settings.partials)?;
        self.inner.render(&values)
    }

    /// The text for an input, in which variables that are missing stand as they are written in the template: for
    /// looking at a prompt, not for sending it. In Jinja, what is looked up in a missing variable is shown as well
    /// (`{{ user.name }}`), a missing list has one element, and a template that does more with it than that stands as
    /// it is written.
    ///
    /// ```
    /// use anabranch_prompts::PromptTemplate;
    /// use serde_json::json;
    ///
    /// let prompt = PromptTemplate::from_template("From {start} to {end}")?;
    /// assert_eq!(prompt.preview(&json!({"start": "Bremen"}))?, "From Bremen to {end}");
    /// # Ok::<(), anabranch_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where the rendering fails for another reason.
    pub fn preview(&self, input: &Value) -> Result<String> {
        let names = self.inner.names();
        let mut values = Values::new(input, names, &self.inner.settings.partials)?;
        values.show_missing();
        self.inner.render(&values)
    }

    /// The template as a person would want to read it.
    #[must_use]
    pub fn pretty(&self) -> String {
        let mut pretty = String::new();
        pretty_pieces(&self.inner.pieces, &mut pretty);
        pretty
    }
}

settings_methods!(PromptTemplate);

/// One text behind the other. What is beforehand for one of them is for both, and so are its limits.
///
/// Fails with [`ErrorKind::InvalidChain`] where they are in two languages, or have two values beforehand for one
/// variable.
///
/// ```
/// use anabranch_prompts::PromptTemplate;
///
/// let prompt = (PromptTemplate::from_template("{a}, ")? + PromptTemplate::from_template("{b}")?)?;
/// assert_eq!(prompt.variables(), ["a", "b"]);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
impl Add for PromptTemplate {
    type Output = Result<Self>;

    fn add(mut self, next: Self) -> Result<Self> {
        let (one, other) = (self.inner.language, next.inner.language);
        if one != other {
            let message = format!(
                "a template in {} cannot stand behind one in {}: write both in one language",
                other.name(),
                one.name()
            );
            return Err(Error::new(ErrorKind::InvalidChain, message));
        }
        let inner = Arc::make_mut(&mut self.inner);
        inner.settings.partials.join(next.inner.settings.partials.clone())?;
        inner.settings.limits = inner.settings.limits.and(next.inner.settings.limits);
        inner.settings.names = Default::default();
        inner.pieces.extend(next.inner.pieces.iter().cloned());
        inner.set_steps(inner.settings.limits.steps);
        Ok(self)
    }
}

impl Inner {
    fn names(&self) -> &Names {
        let settings = &self.settings;
        settings.names.get_or_init(|| Names::find(&settings.partials, |add| each_variable(&self.pieces, add)))
    }

    fn set_steps(&mut self, steps: u64) {
        set_steps(&mut self.pieces, steps);
    }

    fn render(&self, values: &Values<'_>) -> Result<String> {
        render_pieces(&self.pieces, values, self.settings.limits).map_err(|stop| match stop {
            Stop::Missing => values.missing(&self.names().wanted, self.language),
            Stop::Failed(error) => error,
        })
    }
}

pub(crate) fn each_variable(pieces: &[Piece], add: &mut dyn FnMut(&str, bool)) {
    for piece in pieces {
        match piece {
            Piece::Template(template) => template.each_variable(add),
            Piece::FewShot(few_shot) => few_shot.each_variable(add),
        }
    }
}

pub(crate) fn set_steps(pieces: &mut [Piece], steps: u64) {
    for piece in pieces {
        match piece {
            Piece::Template(template) => template.set_steps(steps),
            Piece::FewShot(few_shot) => Arc::make_mut(few_shot).set_steps(steps),
        }
    }
}

pub(crate) fn render_pieces(pieces: &[Piece], values: &Values<'_>, limits: Limits) -> Result<String, Stop> {
    if let [Piece::Template(template)] = pieces {
        return template.render(values, limits);
    }
    let mut rendered = String::new();
    for piece in pieces {
        match piece {
            Piece::Template(template) => rendered += &template.render(values, limits)?,
            Piece::FewShot(few_shot) => rendered += &few_shot.render(values, limits)?,
        }
        if rendered.len() > limits.output {
            return Err(limits.too_long());
        }
    }
    Ok(rendered)
}

pub(crate) fn pretty_pieces(pieces: &[Piece], pretty: &mut String) {
    for piece in pieces {
        match piece {
            Piece::Template(template) => *pretty += &template.source(),
            Piece::FewShot(few_shot) => few_shot.pretty(pretty),
        }
    }
}

impl Runnable for PromptTemplate {
    type Input = Value;
    type Output = String;

    async fn call(&self, input: Value, _: &RunConfig) -> Result<String> {
        self.format(&input)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("prompt"), "PromptTemplate"))
    }

    fn describe(&self) -> Description {
        let needs = self.inner.names().needs();
        Description::new(Kind::new("prompt"), "PromptTemplate").needs(needs).gives(Gives::Bare)
    }
}

/// Shows variables, no text.
impl fmt::Debug for PromptTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.inner.names();
        f.debug_struct("PromptTemplate")
            .field("variables", &names.wanted)
            .field("optional", &names.optional)
            .field("partials", &self.inner.settings.partials)
            .finish_non_exhaustive()
    }
}

pipe_operator!(impl for PromptTemplate);
