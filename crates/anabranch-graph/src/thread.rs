//! [`Thread`]: a run whose log is kept.

use std::fmt;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result, RunConfig};
use serde::Serialize;
use serde_json::Value;

use crate::events::GraphEvents;
use crate::log::{Entry, Head, Log, LogConflict, Record, Writer, begin, end_of, exact, in_time, kept, not_begun, read};
use crate::progress::Progress;
use crate::state::State;
use crate::stored::{Loaded, StoredGraph, state};

/// A run by its name: what was done of it is in the store. [`StoredGraph::thread`] gives it.
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// use anabranch_core::{Error, ErrorKind};
/// use anabranch_graph::{END, MemoryStore, Progress, START, State, StateGraph};
/// # use serde::{Deserialize, Serialize};
/// #
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Letter {
///     text: String,
///     sent: bool,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> anabranch_core::Result<()> {
/// let is_down = Arc::new(AtomicBool::new(true));
/// let down = is_down.clone();
/// let graph = StateGraph::<Letter>::new()
///     .node("write", async |_: Arc<Letter>| Ok(Letter::text("Dear Sir")))
///     .node("send", move |_: Arc<Letter>| {
///         let is_down = down.load(Ordering::Relaxed);
///         async move { if is_down { Err(Error::new(ErrorKind::Server, "down")) } else { Ok(Letter::sent(true)) } }
///     })
///     .edge(START, "write")
///     .edge("write", "send")
///     .edge("send", END)
///     .compile()?
///     .with_store(MemoryStore::new());
///
/// let thread = graph.thread("letter 1");
/// assert!(thread.start(Letter::default()).await.is_err());
/// assert_eq!(thread.state().await?.text, "Dear Sir");
///
/// // What is in the log is not done again.
/// is_down.store(false, Ordering::Relaxed);
/// let Progress::Done(letter) = thread.resume().await? else { panic!("it asks nothing") };
/// assert!(letter.sent);
/// let done: Vec<_> = thread.history().await?.iter().map(|entry| (entry.position(), entry.path().to_string())).collect();
/// assert_eq!(done, [(1, "write".to_string()), (2, "send".to_string())]);
///
/// // Another one, that begins as this one was before it was sent.
/// let again = thread.fork(1).await?;
/// assert_eq!(again.id(), "letter 1@1");
/// assert!(!again.state().await?.sent);
/// assert_eq!(graph.threads().await?, ["letter 1", "letter 1@1"]);
/// # Ok(())
/// # }
/// ```
pub struct Thread<S> {
    stored: StoredGraph<S>,
    id: String,
    config: RunConfig,
}

impl<S: State> Thread<S> {
    pub(crate) fn new(stored: StoredGraph<S>, id: String) -> Self {
        Self { stored, id, config: RunConfig::empty().clone() }
    }

    /// Its name.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// With a configuration for what it runs. Its time-out begins with each [`start`](Self::start),
    /// [`answer`](Self::answer) and [`resume`](Self::resume), and is for the store, too. When the time is up, what was
    /// done by then still has a second to come into the log.
    #[must_use]
    pub fn with_config(self, config: RunConfig) -> Self {
        Self { config, ..self }
    }

    /// Runs from this state to the end, or until it asks.
    ///
    /// # Errors
    /// [`LogConflict`] where the thread has begun. [`ErrorKind::InvalidInput`] where a log cannot keep the state, or what
    /// a node writes, as it is: JSON has no NaN, and tells `Some(None)` and `None` not apart. Whatever the run or the
    /// store fails with.
    pub async fn start(&self, initial: S) -> Result<Progress<S>> {
        let initial = self.stored.graph.inner.complete(initial)?;
        let kept = kept(&initial, || "the state that the run begins with".to_owned())?;
        let head = vec![Record::Head(Head::new(self.stored.graph.inner.shape(), kept)).to_text()?];
        let end = end_of(&self.config).await?;
        let (store, id) = (self.stored.store.clone(), self.id.clone());
        let log = in_time(end, async move { begin(&*store, &id, head).await }).await?;
        let log = Log::new(self.writer(&log, 1), Vec::new(), true);
        self.stored.graph.go_on(initial, &self.config, end, log, None).await
    }

    /// Goes on where the log ends, to the end or until it asks. What is in the log is not done again. A run that is done
    /// gives its state once more.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where the thread has not begun. [`ShapeChanged`](crate::ShapeChanged) where the graph is
    /// another now and nobody [migrates](StoredGraph::migrate). [`LogMismatch`](crate::LogMismatch) where the log has an
    /// entry that the graph does not come to: before anything runs, unless the log was led over from another shape.
    /// [`DamagedRecord`](crate::DamagedRecord). [`LogConflict`] where another run works on the thread, or it was deleted
    /// meanwhile. Whatever the run or the store fails with.
    pub async fn resume(&self) -> Result<Progress<S>> {
        self.load_and_go_on(None).await
    }

    /// Answers a question and goes on, as [`Questions::answer`](crate::Questions::answer) does, in another process
    /// than the one that was asked, perhaps. By the path of the question the answer is for this one; by the name of the
    /// node it is for whatever the node asks by then, if somebody else has answered meanwhile.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] where there is no such question, or the answer is of another type: nothing changes
    /// then. Those of [`resume`](Self::resume).
    pub async fn answer(&self, node: &str, value: impl Serialize) -> Result<Progress<S>> {
        let value = exact(&value).map_err(|lossy| lossy.error("the answer"))?;
        self.load_and_go_on(Some((node.to_string(), value))).await
    }

    /// [`start`](Self::start) as a stream of what happens, as [`CompiledGraph::events`](crate::CompiledGraph::events) is one.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_graph::{END, EventKind, MemoryStore, Progress, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Letter {
    ///     text: String,
    ///     approved: bool,
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// # let graph = StateGraph::<Letter>::new()
    /// #     .node("write", async |_: Arc<Letter>| Ok(Letter::text("Dear Sir")))
    /// #     .ask("approve", |letter| letter.text.clone(), Letter::approved)
    /// #     .edge(START, "write")
    /// #     .edge("write", "approve")
    /// #     .edge("approve", END)
    /// #     .compile()?
    /// #     .with_store(MemoryStore::new());
    /// let thread = graph.thread("letter 1");
    /// let mut events = thread.events(Letter::default());
    /// while let Some(event) = events.next().await {
    ///     if let EventKind::Asks(question) = event?.kind {
    ///         assert_eq!(question.text(), Some("Dear Sir"));
    ///     }
    /// }
    ///
    /// // Later, in another process perhaps.
    /// let mut events = thread.answer_events("approve", true);
    /// let first = events.next().await.transpose()?.unwrap();
    /// assert_eq!((first.node(), first.kind.clone()), ("write", EventKind::Replayed { failed: false }));
    /// let Progress::Done(letter) = events.finish().await? else { panic!() };
    /// assert!(letter.approved);
    /// # Ok(())
    /// # }
    /// ```
    pub fn events(&self, initial: S) -> GraphEvents<S> {
        self.run_events(|thread| async move { thread.start(initial).await })
    }

    /// [`resume`](Self::resume) as a stream of what happens. What is in the log comes first, as
    /// [`EventKind::Replayed`](crate::EventKind::Replayed).
    pub fn resume_events(&self) -> GraphEvents<S> {
        self.run_events(|thread| async move { thread.resume().await })
    }

    /// [`answer`](Self::answer) as a stream of what happens. What is in the log comes first, as
    /// [`EventKind::Replayed`](crate::EventKind::Replayed), and the questions that are open.
    pub fn answer_events(&self, node: &str, value: impl Serialize) -> GraphEvents<S> {
        let answer = exact(&value).map_err(|lossy| lossy.error("the answer"));
        let answer = answer.map(|value| (node.to_string(), value));
        self.run_events(|thread| async move { thread.load_and_go_on(Some(answer?)).await })
    }

    fn run_events<F>(&self, run: impl FnOnce(Self) -> F) -> GraphEvents<S>
    where
        F: Future<Output = Result<Progress<S>>> + Send + 'static,
    {
        let (queue, graph) = self.stored.graph.queued();
        GraphEvents::new(queue, run(Self { stored: StoredGraph { graph, ..self.stored.clone() }, ..self.clone() }))
    }

    fn writer(&self, log: &str, next: u64) -> Arc<Writer> {
        Arc::new(Writer::new(self.stored.store.clone(), &self.id, log, next))
    }

    async fn load_and_go_on(&self, answer: Option<(String, Value)>) -> Result<Progress<S>> {
        let end = end_of(&self.config).await?;
        let (store, id) = (self.stored.store.clone(), self.id.clone());
        let loaded = in_time(end, async move { Loaded::of(&*store, &id, None).await }).await?;
        let writer = self.writer(&loaded.log, loaded.next);
        let (loaded, is_led_over) = self.stored.led_over(loaded)?;
        let Loaded { head, entries, .. } = loaded;
        let is_closed = !is_led_over && !head.was_led_over;
        let initial = head.initial.clone();
        if is_led_over {
            let entries = entries.clone();
            writer.push(Record::Head(Head { entries, ..head }))?;
            let writer = writer.clone();
            in_time(end, async move { writer.flush().await }).await?;
        }
        let log = Log::new(writer, entries, is_closed);
        self.stored.graph.go_on(state(initial)?, &self.config, end, log, answer).await
    }

    /// The state to which the log leads. Where the graph has another shape now, as it is [led
    /// over](StoredGraph::migrate).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where the thread has not begun; [`ShapeChanged`](crate::ShapeChanged); those of the store.
    pub async fn state(&self) -> Result<S> {
        self.fold(None).await
    }

    /// The state to which the log led at a position.
    ///
    /// # Errors
    /// Those of [`state`](Self::state), and [`ErrorKind::InvalidInput`] where the log ends before that.
    pub async fn state_at(&self, position: u64) -> Result<S> {
        self.fold(Some(position)).await
    }

    async fn fold(&self, position: Option<u64>) -> Result<S> {
        let count = position.map(|position| position.saturating_add(1));
        let loaded = Loaded::of(&*self.stored.store, &self.id, count).await?;
        self.reaches(loaded.next, position)?;
        let (Loaded { head, entries, .. }, _) = self.stored.led_over(loaded)?;
        self.stored.graph.inner.fold(state(head.initial)?, &entries)
    }

    fn reaches(&self, found: u64, position: Option<u64>) -> Result<()> {
        match position {
            Some(position) if position >= found => {
                let (id, last) = (&self.id, found - 1);
                let message = format!("the log of {id:?} ends at position {last}, and {position} was asked for");
                Err(Error::new(ErrorKind::InvalidInput, message))
            }
            _ => Ok(()),
        }
    }

    /// What was done, in the order in which it was.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where the thread has not begun; those of the store.
    pub async fn history(&self) -> Result<Vec<Entry>> {
        Ok(Loaded::of(&*self.stored.store, &self.id, None).await?.entries)
    }

    /// A new thread that begins with this one's log up to a position (0 is the state it began with). It is named
    /// `id@position`, with a number behind it where that is taken.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] where the thread has not begun, [`ErrorKind::InvalidInput`] where its log ends before
    /// that. Those of the store.
    pub async fn fork(&self, at: u64) -> Result<Self> {
        let store = &*self.stored.store;
        let found = store.read(&self.id, Some(at.saturating_add(1))).await?;
        let (_, records) = found.ok_or_else(|| not_begun(&self.id))?;
        read(&self.id, &records)?;
        self.reaches(records.len() as u64, Some(at))?;
        let mut id = format!("{}@{at}", self.id);
        for number in 2_u64.. {
            if store.read(&id, Some(1)).await?.is_none() {
                match begin(store, &id, records.clone()).await {
                    // Somebody else was faster.
                    Err(error) if error.downcast_ref::<LogConflict>().is_some() => {}
                    result => {
                        result?;
                        break;
                    }
                }
            }
            id = format!("{}@{at}.{number}", self.id);
        }
        Ok(Self { stored: self.stored.clone(), id, config: self.config.clone() })
    }

    /// Forgets what was done. A run that still goes on fails when it is to keep something, also where the thread was
    /// started again by then.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn delete(&self) -> Result<()> {
        self.stored.store.delete(&self.id).await
    }
}

impl<S> Clone for Thread<S> {
    fn clone(&self) -> Self {
        Self { stored: self.stored.clone(), id: self.id.clone(), config: self.config.clone() }
    }
}

impl<S> fmt::Debug for Thread<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("id", &self.id).finish_non_exhaustive()
    }
}
