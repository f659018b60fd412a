//! [`Engine`]: one run of one graph. What starts and what is done is in `activation`, where it goes on in `edges`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::task::Poll;

use anabranch_core::{Error, Result};
use futures_util::future::{BoxFuture, poll_fn};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::activation::Finished;
use super::region::RegionRun;
use super::snapshots::Snapshots;
use super::{Inside, Path};
use crate::graph::Inner;
use crate::run_error::{EndNotReached, NeedsAnswers};
use crate::shape::plan::Arrival;
use crate::state::State;

/// One run of one graph.
pub(crate) struct Engine<S: State> {
    pub(super) graph: Arc<Inner<S>>,
    pub(super) inside: Inside,
    pub(super) path: Path,
    /// By region: the iteration it is in. A region is never in two.
    pub(super) regions: Vec<Option<RegionRun<S>>>,
    pub(super) running: FuturesUnordered<BoxFuture<'static, Finished<S>>>,
    /// What is in the log already, and so is done at once.
    pub(super) replayed: VecDeque<Finished<S>>,
    /// Where edges arrive that are decided, and whether they were taken.
    pub(super) decided: VecDeque<(Arrival, bool)>,
    /// How many activations there were since it began, or since the latest answer inside of it.
    pub(super) steps: usize,
    /// How many answers inside of it it knows of.
    pub(super) answers: usize,
    pub(super) failed: Vec<(Path, Error)>,
    /// Where ways stopped: nodes that ran, or that not all came to that have to, and of which no edge was taken.
    pub(super) stopped: BTreeSet<usize>,
    /// Whether END was reached, when all edges into it are decided.
    pub(super) reached: Option<bool>,
    turns: usize,
    /// Where somebody wants to see the state as it grows.
    pub(super) snapshots: Option<Box<Snapshots<S>>>,
}

/// After this many turns the task lets others run: nodes that are ready at once, in a loop, would keep it for ever.
const TURNS: usize = 128;

async fn let_others_run() {
    let mut was_asked = false;
    poll_fn(|context| {
        if std::mem::replace(&mut was_asked, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Of a question where nobody can answer.
pub(crate) enum Outcome<S> {
    Done(S),
    /// Only answers bring it forward.
    Waits,
}

impl<S: State> Engine<S> {
    pub(crate) fn new(graph: Arc<Inner<S>>, initial: S, inside: Inside, path: Path) -> Result<Self> {
        let mut this = Self {
            regions: graph.plan.regions.iter().map(|_| None).collect(),
            running: FuturesUnordered::new(),
            replayed: VecDeque::new(),
            decided: VecDeque::new(),
            steps: 0,
            answers: 0,
            failed: Vec::new(),
            stopped: BTreeSet::new(),
            reached: None,
            turns: 0,
            snapshots: None,
            inside,
            path,
            graph,
        };
        let initial = Arc::new(initial);
        let choice = match &this.graph.start_route {
            Some(route) => Some(route.choose(&initial).map_err(|wrong| wrong.error(crate::START))?),
            None => None,
        };
        this.regions[0] = Some(RegionRun::new(&this.graph.plan.regions[0], initial, false));
        for edge in this.graph.plan.entries.clone() {
            let taken = this.is_taken(edge, choice.as_deref());
            this.decided.push_back((this.graph.plan.edges[edge].arrives, taken));
        }
        Ok(this)
    }

    /// The same, giving the state as it grows.
    pub(crate) fn with_snapshots(graph: Arc<Inner<S>>, initial: S, inside: Inside) -> Result<Self> {
        let snapshots = Some(Box::new(Snapshots::new(initial.clone())));
        Ok(Self { snapshots, ..Self::new(graph, initial, inside, Path::default())? })
    }

    /// Runs until it is done, or waits for answers alone.
    pub(crate) async fn go_on(&mut self) -> Result<Outcome<S>> {
        loop {
            if let Some(outcome) = self.turn().await? {
                return Ok(outcome);
            }
        }
    }

    /// Starts what can start, and takes what is done then.
    async fn turn(&mut self) -> Result<Option<Outcome<S>>> {
        self.arrive_all()?;
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.followed();
        }
        if let Some(reached) = self.reached {
            return if reached { Ok(Some(Outcome::Done(self.finish()))) } else { Err(self.end_not_reached()) };
        }
        self.turns = self.turns.wrapping_add(1);
        if self.turns % TURNS == 0 || self.inside.has_unread() {
            // The run around this one does not take it for waiting.
            let working = self.inside.working();
            let_others_run().await;
            drop(working);
        }
        let inside = self.inside.clone();
        let running = &mut self.running;
        // All that is done by now is taken at once: of failures that come together, the first in order counts.
        let mut done = Vec::new();
        let waits = poll_fn(|context| {
            loop {
                match running.poll_next_unpin(context) {
                    Poll::Ready(Some(finished)) => done.push(finished),
                    Poll::Ready(None) => return Poll::Ready(false),
                    Poll::Pending if !done.is_empty() => return Poll::Ready(false),
                    Poll::Pending if inside.waits_for_answers() => return Poll::Ready(true),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
        if waits {
            return Ok(Some(Outcome::Waits));
        }
        if done.is_empty() {
            return Err(self.end_not_reached());
        }
        for finished in done {
            self.finished(finished)?;
        }
        self.failure().map_or(Ok(None), Err)
    }

    /// Runs to the next snapshot; at the end the state is the last one, unless that was given.
    pub(crate) async fn next_snapshot(&mut self) -> Result<Option<S>> {
        loop {
            let Some(snapshots) = &mut self.snapshots else { return Ok(None) };
            if let Some(state) = snapshots.next() {
                return Ok(Some(state));
            }
            match self.turn().await? {
                None => {}
                Some(Outcome::Done(state)) => {
                    let is_given = self.snapshots.take().is_some_and(|snapshots| snapshots.is_given);
                    return Ok((!is_given).then_some(state));
                }
                Some(Outcome::Waits) => return Err(NeedsAnswers::unknown()),
            }
        }
    }

    /// A question below: how long its run waits is not its business but that of the run around it.
    pub(crate) async fn into_end(mut self) -> Result<S> {
        loop {
            match self.go_on().await? {
                Outcome::Done(state) => return Ok(state),
                Outcome::Waits => {
                    // The whole run rests; an answer wakes what asked.
                    let running = &mut self.running;
                    let finished = poll_fn(|context| running.poll_next_unpin(context)).await;
                    if let Some(finished) = finished {
                        self.finished(finished)?;
                    }
                    if let Some(error) = self.failure() {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn finish(&mut self) -> S {
        let plan = &self.graph.plan.regions[0];
        let end = plan.children.len() - 1;
        let Some(run) = &mut self.regions[0] else { return S::default() };
        let state = run.sees(plan, end);
        self.regions.clear();
        Arc::unwrap_or_clone(state)
    }

    fn end_not_reached(&self) -> Error {
        let stopped = self.stopped.iter().map(|node| self.graph.nodes[*node].name.clone());
        let stopped: Vec<_> = stopped.collect();
        EndNotReached::error(if stopped.is_empty() { vec![crate::START.to_string()] } else { stopped })
    }

    fn failure(&mut self) -> Option<Error> {
        let first = (0..self.failed.len()).min_by(|a, b| self.failed[*a].0.key.cmp(&self.failed[*b].0.key))?;
        let (_, error) = self.failed.swap_remove(first);
        self.failed.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
        Some(error.with_related(self.failed.drain(..).map(|(_, error)| error)))
    }
}
