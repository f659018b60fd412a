//! Chat prompts put together and taken apart.

use std::ops::{Add, RangeBounds};
use std::sync::Arc;

use anabranch_core::Result;

use super::{ChatPromptTemplate, Inner};
use crate::item::{Item, in_message};
use crate::message_template::MessageTemplate;
use crate::settings::Settings;

impl ChatPromptTemplate {
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
}

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
        inner.set_steps(inner.settings.limits.steps);
        Ok(self)
    }
}
