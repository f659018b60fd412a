//! Chat prompts in other languages than f-strings.

use anabranch_core::Result;

use super::ChatPromptTemplate;
use crate::message_template::MessageTemplate;
use crate::template::Language;

impl ChatPromptTemplate {
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
    /// For trusted templates: whoever writes one decides how much work its rendering is, within
    /// [`max_steps`](Self::max_steps) and [`max_output`](Self::max_output). The limits hold for what expressions make on
    /// their way to the text, too (`"a" * 1000000000`, `replace`, lists, macros): no value may be larger than the text
    /// may be, or than 16 MiB where that is more, nor nest deeper than 256, and 64 bytes that are made count as a step.
    /// What is not bounded is how long one comparison of two large values takes.
    ///
    /// Nothing is loaded, and values are data: what stands in them is never run. They are written as in the other
    /// languages, by filters and `~` as well: text as it is, everything else as compact JSON (null is `null`, true is
    /// `true`).
    ///
    /// A variable must be given, unless the template asks for it (`{% if name is defined %}`) or says what stands for it
    /// (`{{ name | default("…") }}`).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidChain`](anabranch_core::ErrorKind::InvalidChain) for a role that is none, for a template that is not Jinja, for filters, tests and
    /// functions that do not exist, also as names in `map("…")` and `select("…")`, and for statements that load other
    /// templates.
    #[cfg(feature = "jinja")]
    pub fn from_jinja_messages<M: Into<MessageTemplate>>(messages: impl IntoIterator<Item = M>) -> Result<Self> {
        Self::new(Language::Jinja, messages)
    }
}
