//! [`ExampleSelector`]: which examples a few-shot prompt shows.

use std::fmt;

use anabranch_core::Result;
use serde_json::Value;

use crate::template::write_value;

/// An example of a few-shot prompt: its values, and its text, rendered once.
#[derive(Clone)]
pub struct Example {
    pub(crate) values: Value,
    pub(crate) text: String,
}

impl Example {
    /// The values of its variables.
    #[must_use]
    pub fn values(&self) -> &Value {
        &self.values
    }

    /// Its text in the prompt.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Shows no text.
impl fmt::Debug for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Example({} chars)", self.text.chars().count())
    }
}

/// Says which examples a few-shot prompt shows for an input. A function will do.
///
/// ```
/// use anabranch_prompts::{Example, FewShotPromptTemplate, PromptTemplate};
/// use serde_json::{Value, json};
///
/// let one = PromptTemplate::from_template("{word}: {opposite}")?;
/// let words = [json!({"word": "wet", "opposite": "dry"}), json!({"word": "deep", "opposite": "shallow"})];
/// let prompt = FewShotPromptTemplate::new(one, words)?
///     .with_suffix(PromptTemplate::from_template("{word}:")?)
///     .selected_by(|_: &Value, examples: &[Example]| vec![examples.len() - 1])
///     .build()?;
/// assert_eq!(prompt.format(&json!({"word": "low"}))?, "deep: shallow\n\nlow:");
/// # Ok::<(), anabranch_core::Error>(())
/// ```
pub trait ExampleSelector: Send + Sync {
    /// The places of the examples to be shown, in the order they are shown.
    ///
    /// # Errors
    /// What the selector cannot do.
    fn select(&self, input: &Value, examples: &[Example]) -> Result<Vec<usize>>;
}

impl<F: Fn(&Value, &[Example]) -> Vec<usize> + Send + Sync> ExampleSelector for F {
    fn select(&self, input: &Value, examples: &[Example]) -> Result<Vec<usize>> {
        Ok(self(input, examples))
    }
}

/// As many examples, from the first on, as are not longer together with the input than so many words.
///
/// ```
/// use anabranch_prompts::{FewShotPromptTemplate, LengthBasedExampleSelector, PromptTemplate};
/// use serde_json::json;
///
/// let one = PromptTemplate::from_template("{word}: {opposite}")?;
/// let words = [json!({"word": "wet", "opposite": "dry"}), json!({"word": "deep", "opposite": "shallow"})];
/// let prompt = FewShotPromptTemplate::new(one, words)?
///     .with_suffix(PromptTemplate::from_template("{word}:")?)
///     .selected_by(LengthBasedExampleSelector::new(4))
///     .build()?;
/// assert_eq!(prompt.format(&json!({"word": "low"}))?, "wet: dry\n\nlow:");
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Clone)]
pub struct LengthBasedExampleSelector {
    max: usize,
    length: fn(&str) -> usize,
}

impl LengthBasedExampleSelector {
    /// So many words, counted by the white space between them.
    #[must_use]
    pub fn new(max: usize) -> Self {
        Self { max, length: |text| text.split_whitespace().count() }
    }

    /// Counts something else: tokens, for instance.
    #[must_use]
    pub fn measured_by(mut self, length: fn(&str) -> usize) -> Self {
        self.length = length;
        self
    }
}

impl ExampleSelector for LengthBasedExampleSelector {
    fn select(&self, input: &Value, examples: &[Example]) -> Result<Vec<usize>> {
        let mut text = String::new();
        match input {
            Value::Object(values) => values.values().for_each(|value| {
                write_value(&mut text, value);
                text.push(' ');
            }),
            value => write_value(&mut text, value),
        }
        let mut left = self.max.saturating_sub((self.length)(&text));
        let fits = |example: &&Example| match left.checked_sub((self.length)(&example.text)) {
            Some(rest) => {
                left = rest;
                true
            }
            None => false,
        };
        Ok((0..examples.iter().take_while(fits).count()).collect())
    }
}

impl fmt::Debug for LengthBasedExampleSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LengthBasedExampleSelector").field("max", &self.max).finish_non_exhaustive()
    }
}

/// The examples that are most like the input, by a function of yours: the product of embeddings, words in common. The
/// most alike comes first; of those that are equally alike, the first.
///
/// ```
/// use anabranch_prompts::{FewShotPromptTemplate, PromptTemplate, SimilarityExampleSelector};
/// use serde_json::{Value, json};
///
/// let one = PromptTemplate::from_template("{word}: {opposite}")?;
/// let words = [json!({"word": "wet", "opposite": "dry"}), json!({"word": "deep", "opposite": "shallow"})];
/// let length = |values: &Value| values["word"].as_str().map_or(0, str::len) as f64;
/// let prompt = FewShotPromptTemplate::new(one, words)?
///     .with_suffix(PromptTemplate::from_template("{word}:")?)
///     .selected_by(SimilarityExampleSelector::new(1, move |input, example| -(length(input) - length(example)).abs()))
///     .build()?;
/// assert_eq!(prompt.format(&json!({"word": "slow"}))?, "deep: shallow\n\nslow:");
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias = "SemanticSimilarityExampleSelector")]
pub struct SimilarityExampleSelector<F> {
    count: usize,
    similarity: F,
}

impl<F: Fn(&Value, &Value) -> f64 + Send + Sync> SimilarityExampleSelector<F> {
    /// So many examples at most. The function takes the input and the values of an example; what is not a number is
    /// least alike.
    pub fn new(count: usize, similarity: F) -> Self {
        Self { count, similarity }
    }
}

impl<F: Fn(&Value, &Value) -> f64 + Send + Sync> ExampleSelector for SimilarityExampleSelector<F> {
    fn select(&self, input: &Value, examples: &[Example]) -> Result<Vec<usize>> {
        let likeness = |example: &Example| {
            let likeness = (self.similarity)(input, &example.values);
            if likeness.is_nan() { f64::NEG_INFINITY } else { likeness }
        };
        let mut places: Vec<_> = examples.iter().map(likeness).enumerate().collect();
        places.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        Ok(places.into_iter().take(self.count).map(|(place, _)| place).collect())
    }
}

impl<F> fmt::Debug for SimilarityExampleSelector<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimilarityExampleSelector").field("count", &self.count).finish_non_exhaustive()
    }
}
