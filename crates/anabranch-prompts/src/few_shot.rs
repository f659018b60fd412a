//! [`FewShotPromptTemplate`] and [`FewShotChatMessagePromptTemplate`]: prompts that show how it is done.

use std::fmt;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::Messages;
use serde_json::Value;

use crate::chat_prompt_template::ChatPromptTemplate;
use crate::example_selector::{Example, ExampleSelector};
use crate::prompt_template::{self, Piece, PromptTemplate};
use crate::settings::Settings;
use crate::template::{Limits, Stop};
use crate::values::Values;

/// Examples, rendered once, when the prompt is made.
#[derive(Clone)]
pub(crate) struct Shots<T> {
    examples: Vec<Example>,
    rendered: Vec<T>,
    selector: Option<Arc<dyn ExampleSelector>>,
}

impl<T> Shots<T> {
    fn new(
        examples: impl IntoIterator<Item = Value>,
        render: impl Fn(&Value) -> Result<T>,
        text: impl Fn(&T) -> String,
    ) -> Result<Self> {
        let mut shots = Self { examples: Vec::new(), rendered: Vec::new(), selector: None };
        for (index, values) in examples.into_iter().enumerate() {
            let rendered = render(&values).map_err(|error| error.at(format!("example {index}")))?;
            shots.examples.push(Example { values, text: text(&rendered) });
            shots.rendered.push(rendered);
        }
        Ok(shots)
    }

    /// Those that are shown for an input.
    pub(crate) fn shown(&self, input: &Value) -> Result<Vec<&T>> {
        let Some(selector) = &self.selector else { return Ok(self.rendered.iter().collect()) };
        let there = |place: usize| {
            self.rendered.get(place).ok_or_else(|| {
                let count = self.rendered.len();
                Error::new(
                    ErrorKind::InvalidChain,
                    format!("the example selector chose example {place}, but there are {count}, counted from 0"),
                )
            })
        };
        selector.select(input, &self.examples)?.into_iter().map(there).collect()
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &T> {
        self.rendered.iter()
    }

    /// What is said of them where they are listed.
    pub(crate) fn note(&self) -> Option<String> {
        self.selector.as_ref().map(|_| format!("(a selector chooses from these {} examples)", self.examples.len()))
    }
}

/// Makes a text prompt that shows examples: what stands before them, the examples, what stands behind them.
///
/// The examples are rendered once, when the prompt is made, and are text from then on: braces in them are braces.
///
/// ```
/// use anabranch_prompts::{FewShotPromptTemplate, PromptTemplate};
/// use serde_json::json;
///
/// let prompt = FewShotPromptTemplate::new(
///     PromptTemplate::from_template("{word} -> {opposite}")?,
///     [json!({"word": "wet", "opposite": "dry"}), json!({"word": "{deep}", "opposite": "shallow"})],
/// )?
/// .with_prefix(PromptTemplate::from_template("Opposites in {language}:")?)
/// .with_suffix(PromptTemplate::from_template("{word} ->")?)
/// .with_separator("\n")
/// .build()?;
/// assert_eq!(
///     prompt.format(&json!({"language": "English", "word": "low"}))?,
///     "Opposites in English:\nwet -> dry\n{deep} -> shallow\nlow ->"
/// );
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Clone)]
pub struct FewShotPromptTemplate {
    prefix: Option<PromptTemplate>,
    shots: Shots<String>,
    suffix: Option<PromptTemplate>,
    separator: String,
    example_prompt: PromptTemplate,
}

impl FewShotPromptTemplate {
    /// Examples, each an object with the variables of a prompt.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where an example lacks a variable; the path says which one it is.
    pub fn new(example_prompt: PromptTemplate, examples: impl IntoIterator<Item = Value>) -> Result<Self> {
        let shots = Shots::new(examples, |values| example_prompt.format(values), String::clone)?;
        Ok(Self { prefix: None, shots, suffix: None, separator: "\n\n".into(), example_prompt })
    }

    /// Puts a text before the examples.
    #[must_use]
    pub fn with_prefix(mut self, prefix: PromptTemplate) -> Self {
        self.prefix = Some(prefix);
        self
    }

    /// Puts a text behind the examples: most often the question.
    #[must_use]
    pub fn with_suffix(mut self, suffix: PromptTemplate) -> Self {
        self.suffix = Some(suffix);
        self
    }

    /// Sets what stands between the examples: an empty line, unless it is said otherwise.
    #[must_use]
    pub fn with_separator(mut self, separator: impl Into<String>) -> Self {
        self.separator = separator.into();
        self
    }

    /// Shows those only that a selector chooses for the input.
    #[must_use]
    pub fn selected_by(mut self, selector: impl ExampleSelector + 'static) -> Self {
        self.shots.selector = Some(Arc::new(selector));
        self
    }

    /// The prompt, whose variables are those of what stands before and behind the examples.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`] where prefix and suffix are in two languages, or have two values beforehand for one
    /// variable.
    pub fn build(self) -> Result<PromptTemplate> {
        let mut settings = Settings::default();
        let mut language = None;
        let mut pieces = |prompt: Option<PromptTemplate>| -> Result<Vec<Piece>> {
            let Some(prompt) = prompt else { return Ok(Vec::new()) };
            let (pieces, own, beforehand) = prompt.parts();
            if *language.get_or_insert(own) != own {
                let message = "what stands before and behind the examples is in two languages: write both in one";
                return Err(Error::new(ErrorKind::InvalidChain, message));
            }
            settings.partials.join(beforehand.partials.clone())?;
            settings.limits = settings.limits.and(beforehand.limits);
            Ok(pieces.to_vec())
        };
        let mut few_shot = FewShot {
            prefix: pieces(self.prefix)?,
            shots: self.shots,
            suffix: pieces(self.suffix)?,
            separator: self.separator,
        };
        few_shot.set_steps(settings.limits.steps);
        let language = language.unwrap_or(self.example_prompt.parts().1);
        Ok(PromptTemplate::from_few_shot(few_shot, language, settings))
    }
}

/// Shows no text.
impl fmt::Debug for FewShotPromptTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FewShotPromptTemplate").field("examples", &self.shots.examples.len()).finish_non_exhaustive()
    }
}

/// A few-shot prompt as a piece of a text prompt.
#[derive(Clone)]
pub(crate) struct FewShot {
    prefix: Vec<Piece>,
    shots: Shots<String>,
    suffix: Vec<Piece>,
    separator: String,
}

impl FewShot {
    pub(crate) fn each_variable(&self, add: &mut dyn FnMut(&str, bool)) {
        prompt_template::each_variable(&self.prefix, add);
        prompt_template::each_variable(&self.suffix, add);
    }

    pub(crate) fn set_steps(&mut self, steps: u64) {
        prompt_template::set_steps(&mut self.prefix, steps);
        prompt_template::set_steps(&mut self.suffix, steps);
    }

    pub(crate) fn render(&self, values: &Values<'_>, limits: Limits) -> Result<String, Stop> {
        let prefix = prompt_template::render_pieces(&self.prefix, values, limits)?;
        let shown = self.shots.shown(values.given()).map_err(Stop::Failed)?;
        let suffix = prompt_template::render_pieces(&self.suffix, values, limits)?;
        let all = std::iter::once(&prefix).chain(shown).chain([&suffix]);
        Ok(all.filter(|text| !text.is_empty()).map(String::as_str).collect::<Vec<_>>().join(&self.separator))
    }

    pub(crate) fn pretty(&self, pretty: &mut String) {
        let of = |pieces: &[Piece]| {
            let mut text = String::new();
            prompt_template::pretty_pieces(pieces, &mut text);
            text
        };
        let mut texts = vec![of(&self.prefix)];
        texts.extend(self.shots.note());
        texts.extend(self.shots.all().cloned());
        texts.push(of(&self.suffix));
        texts.retain(|text| !text.is_empty());
        *pretty += &texts.join(&self.separator);
    }
}

/// Messages of a chat prompt that show how it is done: a question and its answer, again and again.
///
/// The examples are rendered once, when the prompt is made, and are messages from then on: braces in them are braces.
///
/// ```
/// use anabranch_prompts::{ChatPromptTemplate, FewShotChatMessagePromptTemplate, MessageTemplate};
/// use serde_json::json;
///
/// let one = ChatPromptTemplate::from_messages([("user", "{input}"), ("ai", "{output}")])?;
/// let examples = [json!({"input": "2+2", "output": "4"}), json!({"input": "2+3", "output": "5"})];
/// let prompt = ChatPromptTemplate::from_messages([
///     MessageTemplate::system("You calculate."),
///     FewShotChatMessagePromptTemplate::new(one, examples)?.into(),
///     MessageTemplate::user("{input}"),
/// ])?;
/// assert_eq!(prompt.format(&json!("100 + 1"))?.len(), 6);
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Clone)]
pub struct FewShotChatMessagePromptTemplate {
    pub(crate) shots: Arc<Shots<Messages>>,
}

impl FewShotChatMessagePromptTemplate {
    /// Examples, each an object with the variables of a prompt.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where an example lacks a variable; the path says which one it is.
    pub fn new(example_prompt: ChatPromptTemplate, examples: impl IntoIterator<Item = Value>) -> Result<Self> {
        let text = |messages: &Messages| {
            messages.iter().map(|message| message.text().into_owned()).collect::<Vec<_>>().join("\n")
        };
        Ok(Self { shots: Arc::new(Shots::new(examples, |values| example_prompt.format(values), text)?) })
    }

    /// Shows those only that a selector chooses for the input.
    #[must_use]
    pub fn selected_by(mut self, selector: impl ExampleSelector + 'static) -> Self {
        Arc::make_mut(&mut self.shots).selector = Some(Arc::new(selector));
        self
    }
}

impl PartialEq for FewShotChatMessagePromptTemplate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shots, &other.shots)
    }
}

/// Shows no text.
impl fmt::Debug for FewShotChatMessagePromptTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let examples = self.shots.examples.len();
        f.debug_struct("FewShotChatMessagePromptTemplate").field("examples", &examples).finish_non_exhaustive()
    }
}
