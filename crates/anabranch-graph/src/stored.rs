//! [`StoredGraph`]: a graph whose runs are kept.

use std::fmt;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::graph::CompiledGraph;
use crate::log::{Entry, GraphStore, Head, ShapeChanged, not_begun, read};
use crate::state::State;
use crate::thread::Thread;

pub(crate) type Migrate = dyn Fn(&mut Migration) -> Result<()> + Send + Sync;

/// A graph whose runs survive a crash: by their logs, in a store.
///
/// ```
/// use std::sync::Arc;
///
/// use anabranch_graph::{END, MemoryStore, Progress, START, State, StateGraph};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Letter {
///     text: String,
///     approved: bool,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> anabranch_core::Result<()> {
/// let graph = StateGraph::<Letter>::new()
///     .node("write", async |_: Arc<Letter>| Ok(Letter::text("Dear Sir")))
///     .ask("approve", |letter| letter.text.clone(), Letter::approved)
///     .edge(START, "write")
///     .edge("write", "approve")
///     .edge("approve", END)
///     .compile()?
///     .with_store(MemoryStore::new());
///
/// let thread = graph.thread("letter 1");
/// let Progress::Asks(questions) = thread.start(Letter::default()).await? else { panic!() };
/// assert_eq!(questions[0].text(), Some("Dear Sir"));
///
/// // Later, in another process perhaps: the letter is not written again.
/// let Progress::Done(letter) = thread.answer("approve", true).await? else { panic!() };
/// assert!(letter.approved);
/// # Ok(())
/// # }
/// ```
pub struct StoredGraph<S> {
    pub(crate) graph: CompiledGraph<S>,
    pub(crate) store: Arc<dyn GraphStore>,
    pub(crate) migrate: Option<Arc<Migrate>>,
}

/// What a log of another shape of the graph holds. See [`StoredGraph::migrate`].
#[derive(Clone)]
#[non_exhaustive]
pub struct Migration {
    /// The state the run began with.
    pub initial: Value,
    /// What was done, in the order in which it was.
    pub entries: Vec<Entry>,
    /// What changed, in words.
    pub changes: String,
}

/// States may hold what a model said.
impl fmt::Debug for Migration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Migration");
        shown.field("changes", &self.changes).field("entries", &self.entries).finish_non_exhaustive()
    }
}

impl<S: State> CompiledGraph<S> {
    /// The graph with a store for the logs of its runs.
    pub fn with_store(&self, store: impl GraphStore + 'static) -> StoredGraph<S> {
        StoredGraph { graph: self.clone(), store: Arc::new(store), migrate: None }
    }
}

impl<S: State> StoredGraph<S> {
    /// A run by its name, whether it has begun or not.
    pub fn thread(&self, id: impl Into<String>) -> Thread<S> {
        Thread::new(self.clone(), id.into())
    }

    /// Leads logs over that were written by another shape of the graph: by changing the state they begin with, and
    /// their entries. What comes of it is put behind what was there, and counts instead; with `|_| Ok(())` the log fits
    /// as it is. That is kept when the run goes on; until then it is asked whenever somebody wants the state of the log.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use anabranch_graph::{CompiledGraph, END, MemoryStore, Progress, START, State, StateGraph};
    /// # use serde::{Deserialize, Serialize};
    /// #
    /// #[derive(Clone, Default, Serialize, Deserialize, State)]
    /// # #[state(crate = "anabranch_graph")]
    /// struct Letter {
    ///     text: String,
    ///     approved: bool,
    /// }
    ///
    /// fn graph(writer: &'static str) -> CompiledGraph<Letter> {
    ///     let graph = StateGraph::new()
    ///         .node(writer, async |_: Arc<Letter>| Ok(Letter::text("Dear Sir")))
    ///         .ask("approve", |letter: &Letter| letter.text.clone(), Letter::approved);
    ///     graph.edge(START, writer).edge(writer, "approve").edge("approve", END).compile().expect("it is right")
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> anabranch_core::Result<()> {
    /// let store = MemoryStore::new();
    /// graph("write").with_store(store.clone()).thread("letter 1").start(Letter::default()).await?;
    ///
    /// // The node has another name now, and so has its entry.
    /// let renamed = graph("draft").with_store(store).migrate(|log| {
    ///     let entries = log.entries.drain(..);
    ///     log.entries = entries.map(|entry| if entry.node() == "write" { entry.with_path("draft") } else { entry }).collect();
    ///     Ok(())
    /// });
    /// let Progress::Done(letter) = renamed.thread("letter 1").answer("approve", true).await? else { panic!() };
    /// assert_eq!((letter.text.as_str(), letter.approved), ("Dear Sir", true));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn migrate(self, migrate: impl Fn(&mut Migration) -> Result<()> + Send + Sync + 'static) -> Self {
        Self { migrate: Some(Arc::new(migrate)), ..self }
    }

    /// The names of the runs that are in the store.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn threads(&self) -> Result<Vec<String>> {
        self.store.list().await
    }
}

/// What was read of a log.
pub(crate) struct Loaded {
    pub(crate) log: String,
    /// The last head, and the entries that count with it.
    pub(crate) head: Head,
    pub(crate) entries: Vec<Entry>,
    /// How many records there are.
    pub(crate) next: u64,
}

impl Loaded {
    pub(crate) async fn of(store: &dyn GraphStore, id: &str, count: Option<u64>) -> Result<Self> {
        let (log, records) = store.read(id, count).await?.ok_or_else(|| not_begun(id))?;
        let (head, entries) = read(id, &records)?;
        Ok(Self { log, head, entries, next: records.len() as u64 })
    }
}

impl<S: State> StoredGraph<S> {
    /// A log of this shape, and whether it was of another one and is led over.
    pub(crate) fn led_over(&self, loaded: Loaded) -> Result<(Loaded, bool)> {
        let graph = &self.graph.inner;
        let Some(changes) = loaded.head.difference(graph.shape()) else { return Ok((loaded, false)) };
        let Some(migrate) = &self.migrate else { return Err(ShapeChanged::error(changes)) };
        let mut migration = Migration { initial: loaded.head.initial, entries: loaded.entries, changes };
        migrate(&mut migration)?;
        let Migration { initial, entries, .. } = migration;
        // What does not fit must not be taken for a log of this shape.
        graph.fold(state(initial.clone())?, &entries)?;
        Ok((Loaded { head: Head::new(graph.shape(), initial), entries, ..loaded }, true))
    }
}

/// A state as the log has it.
pub(crate) fn state<S: DeserializeOwned>(value: Value) -> Result<S> {
    serde_json::from_value(value).map_err(|error| {
        let message =
            "the state with which the log begins does not fit the state of the graph: `migrate` leads it over";
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })
}

impl<S> Clone for StoredGraph<S> {
    fn clone(&self) -> Self {
        Self { graph: self.graph.clone(), store: self.store.clone(), migrate: self.migrate.clone() }
    }
}

impl<S> fmt::Debug for StoredGraph<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredGraph").field("graph", &self.graph).finish_non_exhaustive()
    }
}
