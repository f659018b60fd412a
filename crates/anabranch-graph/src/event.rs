//! [`GraphEvent`]: what happens in a run.

use std::fmt;
use std::sync::Arc;

use anabranch_core::{ErrorKind, Result};
use serde::Serialize;
use serde_json::Value;

use crate::progress::Question;
use crate::run::{Path, node_of};

/// Something that happened in a run of a graph: what [`CompiledGraph::events`](crate::CompiledGraph::events) gives.
///
/// An activation of a node, and each item of a map, begins with [`Started`](EventKind::Started) and ends with one of
/// [`Done`](EventKind::Done), [`Failed`](EventKind::Failed) and [`Broke`](EventKind::Broke); between them come its
/// [`Token`](EventKind::Token)s, and its [`Update`](EventKind::Update) just before `Done`. Behind its end comes what its
/// route [`Chose`](EventKind::Chose). What was stopped because something else failed has no end of its own: it is void, like
/// everything below a path that failed.
///
/// Its `Debug` shows no text and no value.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct GraphEvent {
    /// Which activation of which node: `name#i#j[item]`, below each other by `/`; the iterations of the loops around it,
    /// and the item of a map.
    pub path: String,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// The node began, or the item did.
    Started,
    /// A step inside of the node made a piece of text: a model of its answer, any other by
    /// [`RunConfig::token`](anabranch_core::RunConfig::token). Only [`events`](crate::CompiledGraph::events) hears of it,
    /// not [`on_event`](crate::CompiledGraph::on_event): a model is asked in another way for it.
    Token(Token),
    /// What the node wrote, or the item: it counts from now on. Not told where it wrote nothing; of a map each item
    /// tells what it wrote.
    Update(NodeUpdate),
    /// The node is done, or the item, and its update counts.
    Done,
    /// The route of the node, whose path this is, or of START chose these of its targets.
    Chose(Vec<String>),
    /// The node was passed over: no edge into it was taken, or not all that it asks for. Of a loop, its header.
    PassedOver,
    /// The node or the item failed, and the run goes on.
    Failed(ErrorKind),
    /// The node or the item failed, and with it the run, or the map or the graph that it is in.
    Broke(ErrorKind),
    /// The node asks somebody. The run goes on as far as it can, and pauses then.
    Asks(Question),
    /// Nothing runs: an earlier run entered in the [log](crate::Thread) what came of it, an update or a failure that
    /// did not stop that run. The only event of its activation or item in this run, but for what its route
    /// [`Chose`](Self::Chose).
    Replayed {
        /// Whether it had failed.
        failed: bool,
    },
}

impl GraphEvent {
    pub(crate) fn new(path: &Path, kind: EventKind) -> Self {
        Self { path: path.text.clone(), kind }
    }

    /// The node: the last name of the [path](Self::path).
    ///
    /// ```
    /// use anabranch_graph::GraphEvent;
    ///
    /// // A node `write` in a loop, in the graph that is the third item's of a map `parts`.
    /// fn show(event: &GraphEvent) {
    ///     assert_eq!(event.path, "parts[2]/write#4");
    ///     assert_eq!((event.node(), event.iteration(), event.item()), ("write", Some(4), None));
    /// }
    /// ```
    #[must_use]
    pub fn node(&self) -> &str {
        node_of(&self.path)
    }

    /// The iteration, from 0, of the innermost loop around the node. `None` where it is in none; the loops around the
    /// graph that it is in are in the [path](Self::path).
    #[must_use]
    pub fn iteration(&self) -> Option<u64> {
        self.iterations().pop()
    }

    /// The iterations, from 0, of the loops around the node, the outermost first.
    #[must_use]
    pub fn iterations(&self) -> Vec<u64> {
        let marks = self.segment().split('[').next().unwrap_or_default();
        marks.split('#').skip(1).filter_map(|mark| mark.parse().ok()).collect()
    }

    /// Which item of the map, from 0. `None` where it is the map itself, or another node.
    #[must_use]
    pub fn item(&self) -> Option<usize> {
        let (_, item) = self.segment().split_once('[')?;
        item.strip_suffix(']')?.parse().ok()
    }

    fn segment(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

/// A piece of text that a step made: see [`EventKind::Token`].
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    pub(crate) text: String,
    pub(crate) step: String,
    pub(crate) execution: u64,
}

impl Token {
    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which step inside of the node made it: `parallel "summary" > ChatModel openai:gpt-4o-mini`.
    #[must_use]
    pub fn step(&self) -> &str {
        &self.step
    }

    /// Which execution of the step made it: a number no other has in this process. Texts of the same execution, put
    /// together, are its answer; another attempt at the step is another execution, and so are branches side by side.
    #[must_use]
    pub fn execution(&self) -> u64 {
        self.execution
    }
}

/// The text may be what a model said.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Token");
        shown.field("step", &self.step).field("execution", &self.execution).finish_non_exhaustive()
    }
}

/// What a node wrote: see [`EventKind::Update`]. It is made to JSON when somebody wants to see it.
#[derive(Clone)]
pub struct NodeUpdate(pub(crate) Arc<dyn AnyWrites>);

/// One write of a [`NodeUpdate`].
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FieldUpdate {
    /// The field.
    pub field: String,
    /// Whether the value takes the place of what was there, though the field has a reducer.
    pub overwrite: bool,
    /// What was written.
    pub value: Value,
}

/// Writes with the type of their state forgotten.
pub(crate) trait AnyWrites: Send + Sync {
    fn json(&self) -> Result<Value>;
    fn count(&self) -> usize;
}

impl<W: Serialize + Send + Sync> AnyWrites for Vec<W> {
    fn json(&self) -> Result<Value> {
        Ok(serde_json::to_value(self)?)
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl NodeUpdate {
    /// Its writes in their order, as JSON, in the form in which [`Entry::update`](crate::Entry::update) has them.
    ///
    /// # Errors
    /// Where a value of the state cannot be made to JSON.
    pub fn to_json(&self) -> Result<Value> {
        self.0.json()
    }

    /// Its writes in their order.
    ///
    /// # Errors
    /// Where a value of the state cannot be made to JSON.
    pub fn writes(&self) -> Result<Vec<FieldUpdate>> {
        let Value::Array(writes) = self.to_json()? else { return Ok(Vec::new()) };
        Ok(writes.into_iter().filter_map(FieldUpdate::of).collect())
    }
}

impl FieldUpdate {
    /// A derived state's write has one member, a declared one's has several.
    fn of(write: Value) -> Option<Self> {
        let Value::Object(mut write) = write else { return None };
        if write.len() == 1 {
            let (name, value) = write.into_iter().next()?;
            let (field, overwrite) = match name.strip_suffix(".overwrite") {
                Some(field) => (field.to_string(), true),
                None => (name, false),
            };
            return Some(Self { field, overwrite, value });
        }
        let overwrite = write.get("overwrite").and_then(Value::as_bool).unwrap_or(false);
        let field = write.get("field")?.as_str()?.to_string();
        Some(Self { field, overwrite, value: write.remove("value")? })
    }
}

/// As their JSON is.
impl PartialEq for NodeUpdate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || matches!((self.0.json(), other.0.json()), (Ok(one), Ok(two)) if one == two)
    }
}

/// A value may be what a model said.
impl fmt::Debug for NodeUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeUpdate").field("writes", &self.0.count()).finish_non_exhaustive()
    }
}

/// A value may be what a model said.
impl fmt::Debug for FieldUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("FieldUpdate");
        shown.field("field", &self.field).field("overwrite", &self.overwrite).finish_non_exhaustive()
    }
}
