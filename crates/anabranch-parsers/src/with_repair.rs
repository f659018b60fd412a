//! [`WithRepair`]: a parser that asks again.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anabranch_core::combinators::WithRetry;
use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{Error, ErrorKind, Result, Retry, RetryBudget, RunConfig, Runnable, RunnableExt, pipe_operator};
use anabranch_messages::{AiMessage, Message, Messages};

use crate::output_parser::OutputParser;
use crate::parse_error::ParseError;

/// See [`OutputParser::with_repair`].
#[derive(Clone)]
pub struct WithRepair<P, M> {
    repairing: Repairing<P, M>,
    attempts: usize,
    budget: RetryBudget,
}

impl<P, M> WithRepair<P, M> {
    pub(crate) fn new(parser: P, model: M) -> Self {
        let repairing = Repairing(Arc::new((parser, model)));
        Self { repairing, attempts: 1, budget: RetryBudget::new() }
    }

    /// How often the model is asked again, at most: once, unless set.
    #[must_use]
    pub fn attempts(mut self, attempts: usize) -> Self {
        self.attempts = attempts;
        self
    }

    /// Takes the questions out of this budget, shared with others, instead of one of its own.
    #[must_use]
    pub fn budget(mut self, budget: &RetryBudget) -> Self {
        self.budget = budget.clone();
        self
    }
}

/// Reads an answer; at each further attempt, a new one.
struct Repairing<P, M>(Arc<(P, M)>);

/// The answer to read, and what was wrong with it when it was read.
struct State {
    answer: AiMessage,
    wrong: Option<Error>,
}

/// The same for all attempts.
type Shared = Arc<Mutex<State>>;

impl<P, M> Runnable for Repairing<P, M>
where
    P: OutputParser,
    M: Runnable<Input = Messages, Output = AiMessage>,
{
    type Input = Shared;
    type Output = P::Output;

    async fn call(&self, shared: Shared, config: &RunConfig) -> Result<P::Output> {
        let (parser, model) = &*self.0;
        let question = {
            let state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let wrong = state.wrong.as_ref().and_then(|error| error.downcast_ref::<ParseError>());
            wrong.map(|wrong| question(&state.answer, wrong, &parser.format_instructions()))
        };
        if let Some(question) = question {
            // Where there is no other answer, what was wrong with this one is still to be known.
            let answer = config.run(model, question).await.map_err(|error| {
                let state = shared.lock().unwrap_or_else(PoisonError::into_inner);
                error.with_related(state.wrong.clone())
            })?;
            shared.lock().unwrap_or_else(PoisonError::into_inner).answer = answer;
        }
        let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
        parser.parse_answer(&state.answer).inspect_err(|error| state.wrong = Some(error.clone()))
    }

    fn label(&self) -> Option<Label<'_>> {
        self.0.0.label()
    }

    fn describe(&self) -> Description {
        self.0.0.describe()
    }
}

/// What the model is asked. Its own answer goes back to it, and to nobody else.
fn question(answer: &AiMessage, wrong: &ParseError, instructions: &str) -> Messages {
    let asked = format!(
        "That answer cannot be used: {wrong}.\nGive the whole answer again, with that mended and nothing else \
         changed.\n{instructions}"
    );
    // Providers refuse a message in which nobody says anything.
    let text = answer.text();
    let said = Some(text).filter(|text| !text.trim().is_empty()).map(Message::ai);
    said.into_iter().chain([Message::user(asked)]).collect()
}

/// Whether another answer may help. What the model or a filter refused, it would refuse again.
fn can_be_repaired(error: &Error) -> bool {
    error.kind() == ErrorKind::Parse && error.downcast_ref::<ParseError>().is_some()
}

impl<P, M> Runnable for WithRepair<P, M>
where
    P: OutputParser,
    M: Runnable<Input = Messages, Output = AiMessage>,
{
    type Input = AiMessage;
    type Output = P::Output;

    async fn call(&self, answer: AiMessage, config: &RunConfig) -> Result<P::Output> {
        let retry = Retry::attempts(self.attempts.saturating_add(1)).base(Duration::ZERO).budget(&self.budget);
        let step: WithRetry<_> = self.repairing.clone().with_retry(retry.retry_if(can_be_repaired));
        step.call(Arc::new(Mutex::new(State { answer, wrong: None })), config).await
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        Description::around(Kind::RETRY, self.repairing.describe())
    }
}

impl<P, M> Clone for Repairing<P, M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P, M> fmt::Debug for WithRepair<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithRepair").field("attempts", &self.attempts).finish_non_exhaustive()
    }
}

pipe_operator!(impl<P, M> for WithRepair<P, M> where P: OutputParser, M: Runnable<Input = Messages, Output = AiMessage>);
