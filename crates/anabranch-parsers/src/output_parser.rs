//! [`OutputParser`]: what all parsers have in common.

use anabranch_core::{Result, Runnable};
use anabranch_messages::{AiMessage, Messages};

use crate::with_repair::WithRepair;

/// What all parsers have in common: a step from [`AiMessage`] that can say what it wants.
///
/// Other parsers for one answer stand side by side in a `parallel!` or a tuple; one after the other they are tried with
/// `.with_fallback(..)`.
pub trait OutputParser: Runnable<Input = AiMessage> {
    /// What to tell a model, so that it answers in a way that this parser reads.
    fn format_instructions(&self) -> String;

    /// The answer as this parser reads it.
    ///
    /// # Errors
    /// As those of the step.
    fn parse_answer(&self, answer: &AiMessage) -> Result<Self::Output>;

    /// Asks a model again where an answer is not what is wanted, with the answer, what is wrong with it, and the
    /// [format instructions](Self::format_instructions): once, unless [`attempts`](WithRepair::attempts) says more.
    ///
    /// Not where the model refused or a filter broke the answer off. Where the asking fails, its error has what was wrong
    /// with the answer in [`Error::related`](anabranch_core::Error::related). Each further question takes a retry out of a
    /// [`RetryBudget`](anabranch_core::RetryBudget) ([`budget`](WithRepair::budget)), as those of `.with_retry(..)` do.
    ///
    /// ```
    /// use anabranch_core::{RunnableExt, lambda};
    /// use anabranch_messages::{AiMessage, Messages};
    /// use anabranch_parsers::{JsonOutputParser, OutputParser};
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let model = lambda(async |question: Messages| {
    ///     let asked = question.last().map(|message| message.text().into_owned()).unwrap_or_default();
    ///     assert!(asked.contains("truncated at line 1 column 13"));
    ///     Ok(AiMessage::new("{\"rivers\": 2}"))
    /// });
    /// let parser = JsonOutputParser::new().with_repair(model);
    /// assert_eq!(parser.invoke("{\"rivers\": 2").await?["rivers"], 2);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "OutputFixingParser")]
    #[doc(alias = "RetryOutputParser")]
    fn with_repair<M: Runnable<Input = Messages, Output = AiMessage>>(self, model: M) -> WithRepair<Self, M>
    where
        Self: Sized,
    {
        WithRepair::new(self, model)
    }
}

/// Makes a step of a parser that reads the words of a whole answer by `read`, an inherent method.
macro_rules! parser_of_words {
    (impl $(<$($generic:ident),+>)? for $name:ty => $output:ty, $label:literal, $instructions:expr $(, where $($bound:tt)+)?) => {
        impl$(<$($generic),+>)? $name $(where $($bound)+)? {
            /// The value in a text.
            ///
            /// # Errors
            /// [`ErrorKind::Parse`](anabranch_core::ErrorKind::Parse) where it is not there, or where it is not clear
            /// which it is.
            pub fn parse(&self, text: &str) -> anabranch_core::Result<$output> {
                self.parse_words($crate::answer::Answer::text(text))
            }

            fn parse_words(&self, answer: $crate::answer::Answer<'_>) -> anabranch_core::Result<$output> {
                let answer = answer.whole()?;
                let words = answer.words()?;
                self.read(words).map_err(|error| error.with_text(&answer.text))
            }
        }

        impl$(<$($generic),+>)? anabranch_core::Runnable for $name $(where $($bound)+)? {
            type Input = anabranch_messages::AiMessage;
            type Output = $output;

            async fn call(
                &self,
                answer: anabranch_messages::AiMessage,
                _: &anabranch_core::RunConfig,
            ) -> anabranch_core::Result<$output> {
                self.parse_words($crate::answer::Answer::of(&answer)?)
            }

            fn label(&self) -> Option<anabranch_core::describe::Label<'_>> {
                Some(anabranch_core::describe::Label::new(anabranch_core::describe::Kind::new("parser"), $label))
            }

            fn describe(&self) -> anabranch_core::describe::Description {
                anabranch_core::describe::Description::new(anabranch_core::describe::Kind::new("parser"), $label)
            }
        }

        impl$(<$($generic),+>)? $crate::output_parser::OutputParser for $name $(where $($bound)+)? {
            fn format_instructions(&self) -> String {
                let instructions: fn(&Self) -> String = $instructions;
                instructions(self)
            }

            fn parse_answer(&self, answer: &anabranch_messages::AiMessage) -> anabranch_core::Result<$output> {
                self.parse_words($crate::answer::Answer::of(answer)?)
            }
        }

        anabranch_core::pipe_operator!(impl$(<$($generic),+>)? for $name $(where $($bound)+)?);
    };
}

pub(crate) use parser_of_words;
