//! [`RunReport`]: what the nodes of a run did, and for how long.

mod table;

use std::borrow::Cow;
use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anabranch_core::ErrorKind;
use tokio::time::Instant;

use crate::START;
use crate::event::{EventKind, GraphEvent};
use crate::shape::EdgeKind;

/// What the nodes of a run did: how often each ran and for how long, how often it was passed over, and with what it
/// failed. It hears the events of the run, and holds nothing of its state.
///
/// A node is named by its path, `review/judge` for `judge` in the graph `review`. The iterations of loops, the items of
/// maps and several runs are added up. `Display` is a table; [`Drawing::report`](crate::Drawing::report) puts it into a
/// picture. A clone is the same report.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use anabranch_core::RunnableExt;
/// use anabranch_graph::{END, RunReport, START, State, StateGraph};
/// # use serde::{Deserialize, Serialize};
/// #
/// #[derive(Clone, Default, Serialize, Deserialize, State)]
/// # #[state(crate = "anabranch_graph")]
/// struct Essay {
///     draft: String,
/// }
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() -> anabranch_core::Result<()> {
/// let graph = StateGraph::<Essay>::new()
///     .node("write", async |_: Arc<Essay>| {
///         tokio::time::sleep(Duration::from_millis(1_250)).await;
///         Ok(Essay::draft("…"))
///     })
///     .node("print", async |_: Arc<Essay>| Ok(()))
///     .edge(START, "write")
///     .route("write", |essay| if essay.draft.is_empty() { "print" } else { END }, ["print", END])
///     .edge("print", END)
///     .compile()?;
///
/// let report = RunReport::new();
/// graph.on_event(report.listener()).invoke(Essay::default()).await?;
///
/// assert_eq!(report.node("write").unwrap().total, Duration::from_millis(1_250));
/// assert_eq!(report.node("print").unwrap().passed_over, 1);
/// assert_eq!(
///     report.to_string(),
///     "node   runs    time  longest\n\
///      write     1  1.25 s   1.25 s\n\
///      print     -       -        -  passed over\n"
/// );
/// assert_eq!(
///     graph.drawing().report(&report).to_text(),
///     "START -> write\nwrite -> one of print, END [1.25 s]\nprint -> END [passed over]\n"
/// );
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Default)]
pub struct RunReport {
    heard: Arc<Mutex<Heard>>,
}

/// What a node did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NodeReport {
    /// The names of the graphs around it and its own, joined by `/`.
    pub path: String,
    /// How often it ran to its end, be that a failure.
    pub runs: usize,
    /// How long it ran in all, in the time of the runtime. Of a question, how long the answer took.
    pub total: Duration,
    /// The longest of its runs. Where runs of one report overlap, it may be too long.
    pub longest: Duration,
    /// How often it was passed over.
    pub passed_over: usize,
    /// With what it failed, and how often.
    pub failed: Vec<(ErrorKind, usize)>,
    /// How often it began and has not ended: it runs, waits for an answer, or was dropped with the run.
    pub unfinished: usize,
    /// How often it was done in an earlier run, whose log was read.
    pub replayed: usize,
    /// Of a map: how many items it had.
    pub items: usize,
    /// Of a map: with what its items failed, and how many.
    pub failed_items: Vec<(ErrorKind, usize)>,
    /// How many of its failures stopped nothing, those of an earlier run among them.
    quiet: usize,
    /// How many of those that were done in an earlier run had failed.
    failed_before: usize,
}

#[derive(Default)]
struct Heard {
    /// In the order in which they were first heard of.
    nodes: Vec<NodeReport>,
    /// By path: which of them it is.
    places: HashMap<String, usize>,
    /// By path, START's too: what the route chose.
    chosen: HashMap<String, HashSet<String>>,
    /// By the path of the activation: since when it runs; and the same of others, where runs overlap.
    open: HashMap<String, (Instant, Vec<Instant>)>,
}

/// What is known for a picture, by path.
#[derive(Debug, Clone)]
pub(crate) struct Reports {
    nodes: HashMap<String, NodeReport>,
    chosen: HashMap<String, HashSet<String>>,
}

impl Reports {
    pub(crate) fn node(&self, path: &str) -> Option<&NodeReport> {
        self.nodes.get(path)
    }

    /// Whether an edge of this kind was taken, from a node of this path to one of this name.
    pub(crate) fn is_taken(&self, from: &str, to: &str, kind: EdgeKind) -> bool {
        let (above, name) = from.rsplit_once('/').map_or(("", from), |(above, name)| (above, name));
        match (kind, self.nodes.get(from)) {
            (EdgeKind::Single | EdgeKind::Multi, _) => self.chosen.get(from).is_some_and(|chosen| chosen.contains(to)),
            // As soon as the graph runs.
            (EdgeKind::Plain, None) if name == START => match above {
                "" => !self.nodes.is_empty(),
                above => self.nodes.get(above).is_some_and(NodeReport::began),
            },
            (EdgeKind::Plain, node) => node.is_some_and(NodeReport::went_on),
            (EdgeKind::Fail, node) => node.is_some_and(|node| node.quiet > 0),
        }
    }
}

impl RunReport {
    /// A report without a run.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears of a run, for [`on_event`](crate::CompiledGraph::on_event).
    pub fn listener(&self) -> impl Fn(GraphEvent) + Send + Sync + 'static + use<> {
        let heard = self.heard.clone();
        move |event| heard.lock().unwrap_or_else(PoisonError::into_inner).hear(event)
    }

    /// What is known of a node now, by its path.
    #[must_use]
    pub fn node(&self, path: &str) -> Option<NodeReport> {
        let heard = self.heard();
        heard.places.get(path).map(|&place| heard.nodes[place].clone())
    }

    /// What is known of all nodes that began or were passed over, in the order in which that was first so; the nodes of
    /// a graph inside come after it.
    #[must_use]
    pub fn nodes(&self) -> Vec<NodeReport> {
        let heard = self.heard();
        let places = |node: &NodeReport| -> Vec<usize> {
            let ends = node.path.match_indices('/').map(|(end, _)| end).chain([node.path.len()]);
            ends.map(|end| heard.places.get(&node.path[..end]).copied().unwrap_or(usize::MAX)).collect()
        };
        let mut nodes = heard.nodes.clone();
        nodes.sort_by_cached_key(places);
        nodes
    }

    pub(crate) fn reports(&self) -> Reports {
        let heard = self.heard();
        let nodes = heard.nodes.iter().map(|node| (node.path.clone(), node.clone())).collect();
        Reports { nodes, chosen: heard.chosen.clone() }
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for RunReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.nodes()).finish()
    }
}

impl Heard {
    fn hear(&mut self, event: GraphEvent) {
        let GraphEvent { path, kind, .. } = event;
        let is_quiet = matches!(kind, EventKind::Failed(_));
        match (kind, is_item(&path)) {
            (EventKind::Started, false) => {
                self.node(&path).unfinished += 1;
                let now = Instant::now();
                match self.open.entry(path) {
                    Entry::Vacant(entry) => _ = entry.insert((now, Vec::new())),
                    Entry::Occupied(mut entry) => entry.get_mut().1.push(now),
                }
            }
            (EventKind::Started, true) => self.node(&path).items += 1,
            (EventKind::PassedOver, _) => self.node(&path).passed_over += 1,
            (EventKind::Done, false) => {
                let took = self.close(&path);
                let node = self.node(&path);
                took.into_iter().for_each(|took| node.ran(took));
            }
            (EventKind::Chose(chosen), _) => self.chosen.entry(names(&path).into_owned()).or_default().extend(chosen),
            (EventKind::Replayed { failed }, false) => {
                let node = self.node(&path);
                node.replayed += 1;
                node.failed_before += usize::from(failed);
                node.quiet += usize::from(failed);
            }
            (EventKind::Failed(kind) | EventKind::Broke(kind), false) => {
                let took = self.close(&path);
                let node = self.node(&path);
                node.quiet += usize::from(is_quiet);
                took.into_iter().for_each(|took| node.ran(took));
                count(&mut node.failed, kind);
            }
            (EventKind::Failed(kind) | EventKind::Broke(kind), true) => count(&mut self.node(&path).failed_items, kind),
            // Of an item that is done nothing is counted, and of what else is told neither.
            _ => {}
        }
    }

    fn node(&mut self, path: &str) -> &mut NodeReport {
        let names = names(path);
        let place = self.places.get(&*names).copied().unwrap_or_else(|| {
            self.places.insert(names.clone().into_owned(), self.nodes.len());
            self.nodes.push(NodeReport::new(names.into_owned()));
            self.nodes.len() - 1
        });
        &mut self.nodes[place]
    }

    /// How long an activation took.
    fn close(&mut self, path: &str) -> Option<Duration> {
        match self.open.get_mut(path)?.1.pop() {
            Some(began) => Some(began.elapsed()),
            None => self.open.remove(path).map(|(began, _)| began.elapsed()),
        }
    }
}

impl NodeReport {
    fn new(path: String) -> Self {
        Self {
            path,
            runs: 0,
            total: Duration::ZERO,
            longest: Duration::ZERO,
            passed_over: 0,
            failed: Vec::new(),
            unfinished: 0,
            replayed: 0,
            items: 0,
            failed_items: Vec::new(),
            quiet: 0,
            failed_before: 0,
        }
    }

    fn began(&self) -> bool {
        self.runs + self.unfinished + self.replayed > 0
    }

    /// Whether it was done without a failure, so that its plain edges were taken.
    fn went_on(&self) -> bool {
        let failed: usize = self.failed.iter().map(|(_, count)| count).sum();
        self.runs + self.replayed > failed + self.failed_before
    }

    fn ran(&mut self, took: Duration) {
        self.unfinished -= 1;
        self.runs += 1;
        self.total += took;
        self.longest = self.longest.max(took);
    }
}

fn count(kinds: &mut Vec<(ErrorKind, usize)>, kind: ErrorKind) {
    match kinds.iter_mut().find(|(one, _)| *one == kind) {
        Some((_, count)) => *count += 1,
        None => kinds.push((kind, 1)),
    }
}

/// Whether a path is that of an item of a map.
fn is_item(path: &str) -> bool {
    path.ends_with(']')
}

/// The names alone: `review#1[0]/judge` as `review/judge`.
fn names(path: &str) -> Cow<'_, str> {
    if !path.contains(['#', '[']) {
        return Cow::Borrowed(path);
    }
    let name = |part: &str| part.split(['#', '[']).next().unwrap_or_default().to_owned();
    Cow::Owned(path.split('/').map(name).collect::<Vec<_>>().join("/"))
}

/// What is seen of a node at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Ran,
    Failed,
    Unfinished,
    PassedOver,
    NotReached,
}

impl Mark {
    pub(crate) const ALL: [Self; 5] = [Self::Ran, Self::Failed, Self::Unfinished, Self::PassedOver, Self::NotReached];

    /// What is seen of a node, and in words.
    pub(crate) fn of(node: Option<&NodeReport>) -> (Self, String) {
        let Some(node) = node else { return (Self::NotReached, "not reached".to_owned()) };
        let mark = if !node.failed.is_empty() {
            Self::Failed
        } else if node.unfinished > 0 {
            Self::Unfinished
        } else if node.runs + node.replayed > 0 {
            Self::Ran
        } else {
            Self::PassedOver
        };
        (mark, node.to_string())
    }
}
