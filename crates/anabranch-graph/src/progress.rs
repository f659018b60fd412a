//! [`Progress`]: how far a run came that may ask.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use anabranch_core::describe::{Kind, Label};
use anabranch_core::{Error, ErrorKind, Result, RunConfig, Runnable};
use serde::Serialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::events::GraphEvents;
use crate::log::{exact, in_time};
use crate::panics::caught;
use crate::run::{Engine, Inside, Outcome, node_of};
use crate::state::State;

/// How far a run came: to its end, or to questions.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of them, and it is taken apart at once")]
pub enum Progress<S: State> {
    /// It is done: its state.
    Done(S),
    /// Nothing goes on without answers.
    Asks(Questions<S>),
}

/// All questions that are open, in the order of the graph, and the run that waits for the answers.
pub struct Questions<S: State> {
    questions: Vec<Question>,
    inside: Inside,
    /// Nobody's while it goes on: a dropped answer drops the run.
    run: Mutex<Option<Engine<S>>>,
}

/// A question to somebody.
#[derive(Clone, PartialEq, Eq)]
pub struct Question {
    path: String,
    question: Value,
}

impl Question {
    pub(crate) fn new(path: String, question: Value) -> Self {
        Self { path, question }
    }

    /// The node that asks.
    #[must_use]
    pub fn node(&self) -> &str {
        node_of(&self.path)
    }

    /// Which activation of it asks: `name#iteration`, in maps and nested graphs below what is around it.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What it asks, as JSON.
    #[must_use]
    pub fn question(&self) -> &Value {
        &self.question
    }

    /// What it asks, where that is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.question.as_str()
    }
}

/// A question may hold what a model said.
impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<S: State> Questions<S> {
    /// Answers a question and goes on, to the next questions or to the end. The question is named by its node, or by its
    /// path where the node asks more than once.
    ///
    /// ```
    /// use anabranch_graph::{END, Progress, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Essay {
    ///     draft: String,
    ///     approved: bool,
    /// }
    ///
    /// # #[tokio::main]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let graph = StateGraph::<Essay>::new()
    ///     .ask("approve", |state| format!("Shall this go out? {}", state.draft), Essay::approved)
    ///     .edge(START, "approve")
    ///     .edge("approve", END)
    ///     .compile()?;
    ///
    /// let Progress::Asks(questions) = graph.start(Essay::default()).await? else { panic!("it asks") };
    /// let error = questions.answer("approve", "perhaps").await.unwrap_err();
    /// assert_eq!(error.kind(), anabranch_core::ErrorKind::InvalidInput);
    /// let Progress::Done(state) = questions.answer("approve", true).await? else { panic!("it is done") };
    /// assert!(state.approved);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where there is no such question, or the answer is of another type than the question
    /// wants: nothing changes then, and one can answer again. Whatever the run fails with.
    pub async fn answer(&self, node: &str, value: impl Serialize) -> Result<Progress<S>> {
        self.answer_all([(node, value)]).await
    }

    /// [`answer`](Self::answer) to several questions at once.
    ///
    /// # Errors
    /// As for [`answer`](Self::answer). Where one of them is not accepted, none is.
    pub async fn answer_all<N, V>(&self, answers: impl IntoIterator<Item = (N, V)>) -> Result<Progress<S>>
    where
        N: AsRef<str>,
        V: Serialize,
    {
        let answers = answers.into_iter().map(|(node, value)| {
            let value = exact(&value).map_err(|lossy| lossy.error("the answer"))?;
            Ok((node.as_ref().to_string(), value))
        });
        self.go_on(answers.collect::<Result<Vec<_>>>()?, None).await
    }

    /// Answers and goes on, no longer than until `end`.
    pub(crate) async fn go_on(&self, answers: Vec<(String, Value)>, end: Option<Instant>) -> Result<Progress<S>> {
        let mut held = self.run.lock().await;
        if held.is_none() {
            return Err(gone_on());
        }
        self.inside.answer(answers)?;
        let run = held.take().ok_or_else(gone_on)?;
        drop(held);
        progress(run, self.inside.clone(), end).await
    }

    /// [`answer`](Self::answer) as a stream of what happens then, as [`CompiledGraph::events`](crate::CompiledGraph::events)
    /// is one.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where there is no such question, or the answer is of another type than the question
    /// wants: nothing changes then, and one can answer again.
    pub fn answer_events(&self, node: &str, value: impl Serialize) -> Result<GraphEvents<S>> {
        let mut held = self.run.try_lock().map_err(|_| gone_on())?;
        if held.is_none() {
            return Err(gone_on());
        }
        let value = exact(&value).map_err(|lossy| lossy.error("the answer"))?;
        self.inside.answer(vec![(node.to_string(), value)])?;
        let run = held.take().ok_or_else(gone_on)?;
        Ok(GraphEvents::new(self.inside.queued(), progress(run, self.inside.clone(), None)))
    }
}

fn gone_on() -> Error {
    Error::new(ErrorKind::InvalidInput, "the run has gone on from these questions")
}

/// A part of a run, from its beginning or from an answer to its end or to questions, as a step: it has a name in errors,
/// and the time that the configuration gives a run.
struct Going<S> {
    inside: Inside,
    state: PhantomData<fn() -> S>,
}

impl<S: State> Runnable for Going<S> {
    type Input = Engine<S>;
    type Output = (Engine<S>, Outcome<S>);

    async fn call(&self, mut run: Engine<S>, config: &RunConfig) -> Result<Self::Output> {
        self.inside.begin(config.clone());
        caught(|| run.replay_all()).and_then(|replayed| replayed)?;
        let outcome = run.go_on().await?;
        Ok((run, outcome))
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("graph"), "graph"))
    }
}

/// How long a store has when the time of the run is up, to keep what was done by then.
const GRACE: Duration = Duration::from_secs(1);

/// Runs until it is done or asks, no longer than until `end`.
pub(crate) async fn progress<S: State>(run: Engine<S>, inside: Inside, end: Option<Instant>) -> Result<Progress<S>> {
    let going = Going { inside: inside.clone(), state: PhantomData };
    let given = inside.given_config().clone();
    let config = end.map_or(given.clone(), |end| given.deadline_at(end));
    let mut outcome = config.run(&going, run).await;
    if let Some(log) = inside.log() {
        // What was done is kept, whatever the run failed with.
        let writer = log.writer.clone();
        let last = inside.config().deadline().map(|end| end.max(Instant::now() + GRACE));
        let flushed = in_time(last, async move { writer.flush().await }).await;
        match flushed {
            // That the time is up is known already, and better said.
            Err(error) if error.kind() == ErrorKind::DeadlineExceeded && outcome.is_err() => {}
            flushed => flushed?,
        }
        log.refused()?;
        outcome = outcome.and_then(|outcome| log.replay.all_reached().map(|()| outcome));
    }
    let (run, outcome) = outcome?;
    match outcome {
        Outcome::Done(state) => Ok(Progress::Done(state)),
        Outcome::Waits => {
            let asks = inside.asks();
            let question = |ask: &crate::run::Ask| Question::new(ask.path.clone(), ask.question.clone());
            let questions = asks.values().map(question).collect();
            drop(asks);
            Ok(Progress::Asks(Questions { questions, inside, run: Mutex::new(Some(run)) }))
        }
    }
}

impl<S: State> Deref for Questions<S> {
    type Target = [Question];

    fn deref(&self) -> &[Question] {
        &self.questions
    }
}

impl<S: State> fmt::Debug for Questions<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.questions).finish()
    }
}
