//! Prompt templates: messages with variables.
//!
//! Programs use this crate through the crate `anabranch`. A [`ChatPromptTemplate`] is a
//! [`Runnable`](anabranch_core::Runnable) from JSON to [`Messages`](anabranch_messages::Messages), so it stands before
//! a model in a chain, and behind whatever gives the values of its variables.
//!
//! | to | write |
//! |---|---|
//! | ask one thing | [`ChatPromptTemplate::from_template("… {topic} …")?`](ChatPromptTemplate::from_template) |
//! | give instructions, too | [`ChatPromptTemplate::from_messages([("system", "…"), ("user", "{topic}")])?`](ChatPromptTemplate::from_messages) |
//! | put in the conversation so far | `("placeholder", "{history}")`, or [`MessagesPlaceholder`] if it must be given |
//! | put in messages as they are, or mix all of these | [`MessageTemplate`] |
//! | put in images, sounds and files | [`MessageTemplate::parts`] with [`PartTemplate`]s |
//! | show examples | [`FewShotChatMessagePromptTemplate`], chosen by an [`ExampleSelector`] |
//! | fix some of the values beforehand | [`.partial("language", "English")`](ChatPromptTemplate::partial) |
//! | let a variable be missing | `{wish?}` |
//! | have conditions and loops | [`ChatPromptTemplate::mustache(…)?`](ChatPromptTemplate::mustache), or `ChatPromptTemplate::jinja(…)?` with the feature `jinja` |
//! | have text and no messages | [`PromptTemplate`], [`FewShotPromptTemplate`] |
//! | keep prompts in files | [`PromptFolder`] |
//! | look at a prompt | [`.pretty()`](ChatPromptTemplate::pretty), [`.preview(&values)`](ChatPromptTemplate::preview) |
//!
//! # Braces
//!
//! `{topic}` is a variable and `{{` is a brace. So pasted JSON needs its braces doubled; what is left single is found
//! when the prompt is made: the error says where, and its source, a [`TemplateError`], shows the line. *Values* need
//! nothing: they go in as they are.
//!
//! ```
//! use anabranch_core::RunnableExt;
//! use anabranch_prompts::ChatPromptTemplate;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
//! let prompt = ChatPromptTemplate::from_template(r#"Answer as {{"answer": "…"}}. The question: {question}"#)?;
//! let messages = prompt.invoke("What is {this}?").await?;
//! assert_eq!(messages[0].text(), r#"Answer as {"answer": "…"}. The question: What is {this}?"#);
//!
//! let error = ChatPromptTemplate::from_template(r#"Answer as {"answer": "…"}."#).unwrap_err();
//! assert!(error.to_string().contains("a quote in the name of a variable at line 1 column 12"));
//! # Ok(()) }
//! ```

#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic))]

mod chat_prompt_template;
mod example_selector;
mod few_shot;
mod format;
mod item;
#[cfg(feature = "jinja")]
mod jinja;
mod message_template;
mod mustache;
mod part_template;
mod placeholder;
mod prompt_folder;
mod prompt_template;
mod settings;
mod template;
mod template_error;
mod typed_prompt;
mod values;

pub use chat_prompt_template::ChatPromptTemplate;
pub use example_selector::{Example, ExampleSelector, LengthBasedExampleSelector, SimilarityExampleSelector};
pub use few_shot::{FewShotChatMessagePromptTemplate, FewShotPromptTemplate};
pub use message_template::MessageTemplate;
pub use part_template::PartTemplate;
pub use placeholder::MessagesPlaceholder;
pub use prompt_folder::PromptFolder;
pub use prompt_template::PromptTemplate;
pub use template_error::{TemplateError, TemplateErrorKind};
pub use typed_prompt::TypedPrompt;

/// What a message of the compiler may name.
#[doc(hidden)]
pub mod prompt_macro {
    pub use crate::typed_prompt::Role;
}

/// What the macros need and users do not.
#[doc(hidden)]
pub mod __private {
    pub use anabranch_messages::{AiMessage, ContentPart, Message, Messages, SystemMessage, UserMessage};

    pub use crate::typed_prompt::{capacity, render};
}
