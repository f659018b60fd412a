//! [`Reported`]: what a lenient parser gives, and what it changed.

use std::fmt;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::AiMessage;
use serde::de::DeserializeOwned;

use crate::answer::Answer;
use crate::json_output::parser::JsonOutputParser;
use crate::lenient::Repair;

/// See [`JsonOutputParser::reported`].
pub struct Reported<T>(JsonOutputParser<T>);

impl<T: DeserializeOwned + Send + 'static> JsonOutputParser<T> {
    /// Gives the document and what was changed to get there, as [`parse_reported`](Self::parse_reported) does, so that
    /// the next step can look at it.
    ///
    /// ```
    /// use anabranch_core::RunnableExt;
    /// use anabranch_parsers::JsonOutputParser;
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
    /// let (value, repairs) = JsonOutputParser::new().lenient().reported().invoke("{\"km\": 452,}").await?;
    /// assert_eq!((value["km"].as_u64(), repairs.len()), (Some(452), 1));
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn reported(self) -> Reported<T> {
        Reported(self)
    }
}

impl<T: DeserializeOwned + Send + 'static> Runnable for Reported<T> {
    type Input = AiMessage;
    type Output = (T, Vec<Repair>);

    async fn call(&self, answer: AiMessage, _: &RunConfig) -> Result<(T, Vec<Repair>)> {
        self.0.read_reported(&Answer::of(&answer)?)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("parser"), "JsonOutputParser"))
    }

    fn describe(&self) -> Description {
        Description::new(Kind::new("parser"), "JsonOutputParser")
    }
}

impl<T> Clone for Reported<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Reported<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reported({:?})", self.0)
    }
}

pipe_operator!(impl<T> for Reported<T> where T: DeserializeOwned + Send + 'static);
