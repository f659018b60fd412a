//! [`Engine`]: starts what can start, and decides the edges of what is done.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Poll;

use anabranch_core::{Error, ErrorKind, Result};
use futures_util::future::{BoxFuture, FutureExt, poll_fn};
use futures_util::stream::{FuturesUnordered, StreamExt};

use super::logged::{Next, What};
use super::region::RegionRun;
use super::session::all;
use super::{Inside, Path};
use crate::event::{EventKind, GraphEvent};
use crate::graph::Inner;
use crate::log::Entry;
use crate::run_error::{BadChoice, EndNotReached, StepLimit};
use crate::shape::plan::{Arrival, Child};
use crate::shape::{EdgeKind, NodeKind};
use crate::state::State;
use crate::work::{Work, Writes};

/// One run of one graph.
pub(crate) struct Engine<S: State> {
    pub(super) graph: Arc<Inner<S>>,
    pub(super) inside: Inside,
    pub(super) path: Path,
    /// By region: the iteration it is in. A region is never in two.
    regions: Vec<Option<RegionRun<S>>>,
    running: FuturesUnordered<BoxFuture<'static, Finished<S>>>,
    /// What is in the log already, and so is done at once.
    pub(super) replayed: VecDeque<Finished<S>>,
    /// Where edges arrive that are decided, and whether they were taken.
    decided: VecDeque<(Arrival, bool)>,
    steps: usize,
    failed: Vec<(Path, Error)>,
    /// Whether END was reached, when all edges into it are decided.
    reached: Option<bool>,
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

/// What came of an activation.
pub(super) struct Finished<S: State> {
    pub(super) node: usize,
    /// How many items a map had.
    pub(super) length: Option<usize>,
    pub(super) what: What<S>,
}

impl<S: State> Finished<S> {
    fn new(node: usize, result: Result<Vec<Arc<Writes<S>>>>) -> Self {
        Self { node, length: None, what: What::Worked(result) }
    }
}

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
            failed: Vec::new(),
            reached: None,
            inside,
            path,
            graph,
        };
        let initial = Arc::new(initial);
        let choice = match &this.graph.start_route {
            Some(route) => Some(route.choose(&initial).map_err(|said| this.bad_choice("START", &said))?),
            None => None,
        };
        this.regions[0] = Some(RegionRun::new(&this.graph.plan.regions[0], initial, false));
        for edge in this.graph.plan.entries.clone() {
            let taken = this.is_taken(edge, choice.as_deref());
            this.decided.push_back((this.graph.plan.edges[edge].arrives, taken));
        }
        Ok(this)
    }

    /// Runs until it is done, or waits for answers alone.
    pub(crate) async fn go_on(&mut self) -> Result<Outcome<S>> {
        for turn in 1_usize.. {
            if turn % TURNS == 0 {
                let_others_run().await;
            }
            self.arrive_all()?;
            if let Some(reached) = self.reached {
                return if reached { Ok(Outcome::Done(self.finish())) } else { Err(EndNotReached::error()) };
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
                return Ok(Outcome::Waits);
            }
            if done.is_empty() {
                return Err(EndNotReached::error());
            }
            for finished in done {
                self.finished(finished)?;
            }
            if let Some(error) = self.failure() {
                return Err(error);
            }
        }
        Ok(Outcome::Waits)
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

    pub(crate) fn answered(&mut self) {
        self.steps = 0;
    }

    fn finish(&mut self) -> S {
        let plan = &self.graph.plan.regions[0];
        let end = plan.children.len() - 1;
        let Some(run) = &mut self.regions[0] else { return S::default() };
        let state = run.sees(plan, end);
        self.regions.clear();
        Arc::unwrap_or_clone(state)
    }

    fn failure(&mut self) -> Option<Error> {
        let first = (0..self.failed.len()).min_by(|a, b| self.failed[*a].0.key.cmp(&self.failed[*b].0.key))?;
        let (_, error) = self.failed.swap_remove(first);
        self.failed.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
        Some(error.with_related(self.failed.drain(..).map(|(_, error)| error)))
    }

    fn arrive_all(&mut self) -> Result<()> {
        loop {
            while let Some((arrival, taken)) = self.decided.pop_front() {
                self.arrive(arrival, taken)?;
            }
            match self.replayed.pop_front() {
                Some(finished) => self.finished(finished)?,
                None => return Ok(()),
            }
        }
    }

    /// A way out is kept until its loop has ended.
    fn leave(&mut self, region: usize, edge: usize, taken: bool) {
        let place = self.graph.plan.regions[region].ways_out.iter().position(|way| *way == edge);
        if let (Some(run), Some(place)) = (&mut self.regions[region], place) {
            run.ways_out[place] |= taken;
        }
    }

    fn arrive(&mut self, arrival: Arrival, taken: bool) -> Result<()> {
        match arrival {
            Arrival::Header { region } => {
                let Some(run) = &mut self.regions[region] else { return Ok(()) };
                run.goes_on |= taken;
                run.backs_open -= 1;
                if run.backs_open == 0 { self.iteration_ended(region) } else { Ok(()) }
            }
            Arrival::Child { region, child } => {
                let Some(run) = &mut self.regions[region] else { return Ok(()) };
                let this = &mut run.children[child];
                this.taken += usize::from(taken);
                this.open -= 1;
                if this.open == 0 { self.decide(region, child) } else { Ok(()) }
            }
        }
    }

    /// All edges into a child are decided.
    fn decide(&mut self, region: usize, child: usize) -> Result<()> {
        let plan = &self.graph.plan;
        let Some(run) = &self.regions[region] else { return Ok(()) };
        let (taken, incoming) = (run.children[child].taken, plan.regions[region].children[child].incoming);
        let runs = |join_all: bool| if join_all { taken == incoming } else { taken > 0 };
        match plan.regions[region].children[child].kind {
            Child::End => {
                self.reached = Some(taken > 0);
                Ok(())
            }
            Child::Node(node) if runs(plan.nodes[node].join_all) => self.start(node),
            Child::Node(node) => {
                self.pass_over(node);
                self.out(node, |_, _| false);
                Ok(())
            }
            Child::Loop(inner) => {
                let Child::Node(header) = plan.regions[inner].children[0].kind else { return Ok(()) };
                if !runs(plan.nodes[header].join_all) {
                    self.pass_over(header);
                    return self.leave_all(inner, &[]);
                }
                let is_folded = plan.regions[region].children[child].is_folded;
                let graph = self.graph.clone();
                let Some(run) = &mut self.regions[region] else { return Ok(()) };
                // What folds the loop around it folds it, too.
                let is_folded = is_folded || run.written.is_some();
                let base = run.sees(&graph.plan.regions[region], child);
                self.regions[inner] = Some(RegionRun::new(&graph.plan.regions[inner], base, is_folded));
                self.start(header)
            }
        }
    }

    /// Decides the edges that leave a node, in one step: ways out are recorded before the loop is judged.
    fn out(&mut self, node: usize, is_taken: impl Fn(&Self, usize) -> bool) {
        let graph = self.graph.clone();
        for &edge in &graph.plan.nodes[node].out {
            if let Some(&left) = graph.plan.edges[edge].leaves.first() {
                let taken = is_taken(self, edge);
                self.leave(left, edge, taken);
            }
        }
        for &edge in &graph.plan.nodes[node].out {
            if graph.plan.edges[edge].leaves.is_empty() {
                let taken = is_taken(self, edge);
                self.decided.push_back((graph.plan.edges[edge].arrives, taken));
            }
        }
    }

    fn is_taken(&self, edge: usize, chosen: Option<&[String]>) -> bool {
        let edge = &self.graph.plan.edges[edge];
        match edge.kind {
            EdgeKind::Plain => true,
            EdgeKind::Fail => false,
            EdgeKind::Single | EdgeKind::Multi => {
                let name = edge.to.map_or(crate::END, |node| &*self.graph.nodes[node].name);
                chosen.is_some_and(|chosen| chosen.iter().any(|one| one == name))
            }
        }
    }

    fn iteration_ended(&mut self, region: usize) -> Result<()> {
        let graph = self.graph.clone();
        let plan = &graph.plan.regions[region];
        let Some(run) = &mut self.regions[region] else { return Ok(()) };
        if let Some(written) = &mut run.written {
            written.extend(run.children.iter_mut().flat_map(|child| child.written.iter().cloned()));
        }
        let state = run.end(plan);
        if run.goes_on {
            run.iteration += 1;
            run.begin(plan, state);
            let Child::Node(header) = plan.children[0].kind else { return Ok(()) };
            return self.start(header);
        }
        let (ways_out, written) = (std::mem::take(&mut run.ways_out), run.written.take().unwrap_or_default());
        self.regions[region] = None;
        if let Some((outer, child)) = plan.parent {
            if let Some(outer) = &mut self.regions[outer] {
                outer.ended(child, state, written);
            }
        }
        self.leave_all(region, &ways_out)
    }

    /// The ways out of a loop that has ended, or did not begin.
    fn leave_all(&mut self, region: usize, taken: &[bool]) -> Result<()> {
        let graph = self.graph.clone();
        for (place, edge) in graph.plan.regions[region].ways_out.iter().enumerate() {
            let taken = taken.get(place).copied().unwrap_or(false);
            let leaves = &graph.plan.edges[*edge].leaves;
            let outer = leaves.iter().position(|left| *left == region).and_then(|place| leaves.get(place + 1));
            match outer {
                Some(outer) => self.leave(*outer, *edge, taken),
                None => self.decided.push_back((graph.plan.edges[*edge].arrives, taken)),
            }
        }
        Ok(())
    }

    fn pass_over(&mut self, node: usize) {
        let graph = self.graph.clone();
        self.inside.tell(|| GraphEvent::new(&self.path_of(node), EventKind::PassedOver));
        let plan = &graph.plan.nodes[node];
        if let Some(run) = &mut self.regions[plan.region] {
            run.forgo(&graph.plan.regions[plan.region], plan.child);
        }
    }

    /// Which activation of a node it would be now.
    fn path_of(&self, node: usize) -> Path {
        let plan = &self.graph.plan;
        let mut iterations = Vec::new();
        let mut region = plan.nodes[node].region;
        while let Some((outer, child)) = plan.regions[region].parent {
            let iteration = self.regions[region].as_ref().map_or(0, |run| run.iteration);
            iterations.push((child as u64, iteration));
            region = outer;
        }
        iterations.reverse();
        self.path.node(&self.graph.nodes[node].name, &iterations, plan.nodes[node].child as u64)
    }

    fn start(&mut self, node: usize) -> Result<()> {
        let graph = self.graph.clone();
        // A path is made where somebody has a use for it.
        let is_plain = matches!(graph.shape.nodes[node].kind, NodeKind::Plain);
        let has_path = self.inside.is_heard() || self.inside.log().is_some() || !is_plain;
        let path = if has_path { self.path_of(node) } else { Path::default() };
        let entry = self.entry(&path);
        if self.counts(&path, entry.as_ref()) {
            self.steps += 1;
        }
        if self.steps > graph.limit {
            return Err(StepLimit::error(graph.limit, &self.path_of(node).text, graph.header_around(node)));
        }
        let plan = &graph.plan.nodes[node];
        let Some(run) = &mut self.regions[plan.region] else { return Ok(()) };
        let state = run.view(&graph.plan.regions[plan.region], plan.child);
        if let Some(entry) = entry {
            return self.replay(node, path, entry);
        }
        let inside = &self.inside;
        inside.tell(|| GraphEvent::new(&path, EventKind::Started));
        let settled = plan.settled;
        let running = match &graph.nodes[node].work {
            Work::Step(work) => {
                let running = work.clone().start(state, inside, &path);
                let one = |writes| if Vec::is_empty(&writes) { Vec::new() } else { vec![Arc::new(writes)] };
                running.map(move |result| Finished::new(node, result.map(one))).boxed()
            }
            Work::Map(work) => {
                let items = inside.enter_items::<S>(work.clone().start(&state, inside, &path), &path, settled);
                drop(state);
                let (inside, length) = (inside.clone(), Some(items.len()));
                (0..items.len())
                    .for_each(|index| inside.tell(|| GraphEvent::new(&path.item(index), EventKind::Started)));
                async move {
                    let done = |index: usize, error: Option<&Error>| {
                        let kind = error.map_or(EventKind::Done, |error| EventKind::Failed(error.kind()));
                        inside.tell(|| GraphEvent::new(&path.item(index), kind));
                    };
                    let items = all(items, settled, done).await;
                    let result = items.map(|items| items.into_iter().map(Arc::new).collect());
                    Finished { length, ..Finished::new(node, result) }
                }
                .boxed()
            }
            Work::Ask(work) => {
                let question = work.question(&state);
                let (work, inside) = (work.clone(), inside.clone());
                async move {
                    let result = match question {
                        Ok(question) => {
                            inside.ask(path.clone(), question, move |value| work.answer(&state, value)).await
                        }
                        Err(error) => Err(error),
                    };
                    let result = result.map(|(writes, _working)| vec![Arc::new(writes)]);
                    Finished::new(node, result)
                }
                .boxed()
            }
        };
        self.running.push(running);
        Ok(())
    }

    /// An activation is done: its update, the choice of its route, its entry in the log. Then its edges.
    fn finished(&mut self, finished: Finished<S>) -> Result<()> {
        let Finished { node, length, what } = finished;
        let (result, entry) = match what {
            What::Worked(result) => (result, None),
            What::Replayed(result, chosen) => (result, Some(chosen)),
            What::Entered(written, next) => {
                written?;
                return self.proceed(node, next);
            }
        };
        let graph = self.graph.clone();
        let plan = &graph.plan.nodes[node];
        let (allowed, declared) = (&graph.nodes[node].allowed, &graph.declared);
        let result = result.and_then(|writes| {
            let mut all = writes.iter().flat_map(|writes| writes.iter());
            match all.find(|write| !S::is_allowed(write, declared, allowed)) {
                None => Ok(writes),
                Some(write) => {
                    let message =
                        format!("{write:?} was not declared for this node: say so by `writes` or `overwrites`");
                    Err(Error::new(ErrorKind::InvalidChain, message))
                }
            }
        });
        let (is_replayed, chosen) = (entry.is_some(), entry.flatten());
        let is_logged = !is_replayed && self.inside.log().is_some();
        let path = if is_logged { self.path_of(node).text } else { String::new() };
        let Some(run) = &mut self.regions[plan.region] else { return Ok(()) };
        let (next, entry) = match result {
            Ok(writes) => {
                let entry = is_logged.then(|| match length {
                    Some(length) => Ok(Entry::closed(&path, length)),
                    None => Entry::done(&path, writes.iter().flat_map(|writes| writes.iter())),
                });
                run.wrote(plan.child, writes);
                let choice = match (&graph.nodes[node].route, chosen) {
                    (None, _) => Ok(None),
                    // What was chosen once counts.
                    (Some(route), Some(chosen)) => route.check(chosen).map(Some),
                    (Some(route), None) => route.choose(&run.after(plan.child).unwrap_or_default()).map(Some),
                };
                run.let_go(plan.child);
                let choice = choice.map_err(|said| self.bad_choice(&self.path_of(node).text, &said));
                let entry = entry.transpose()?.map(|mut entry| {
                    entry.chosen = choice.as_ref().ok().cloned().flatten();
                    entry.answer = matches!(graph.nodes[node].work, Work::Ask(_));
                    entry
                });
                (Next::Chosen(choice), entry)
            }
            Err(error) if plan.is_quiet() => {
                run.wrote(plan.child, Vec::new());
                run.let_go(plan.child);
                (Next::Failed(error.kind()), is_logged.then(|| Entry::failed(&path, error.kind())))
            }
            Err(error) => {
                let error = error.at(format!("node \"{}\"", graph.nodes[node].name));
                let path = self.path_of(node);
                self.inside.tell(|| GraphEvent::new(&path, EventKind::Broke(error.kind())));
                self.failed.push((path, error));
                return Ok(());
            }
        };
        match entry {
            None => self.proceed(node, next),
            Some(entry) => {
                let written = self.inside.enter(entry);
                self.running
                    .push(async move { Finished { node, length, what: What::Entered(written.await, next) } }.boxed());
                Ok(())
            }
        }
    }

    /// What an activation left is kept: its edges.
    fn proceed(&mut self, node: usize, next: Next) -> Result<()> {
        let graph = self.graph.clone();
        match next {
            Next::Chosen(choice) => {
                self.inside.tell(|| GraphEvent::new(&self.path_of(node), EventKind::Done));
                let choice = choice?;
                self.out(node, |this, edge| this.is_taken(edge, choice.as_deref()));
            }
            Next::Failed(kind) => {
                self.inside.tell(|| GraphEvent::new(&self.path_of(node), EventKind::Failed(kind)));
                self.out(node, |_, edge| graph.plan.edges[edge].kind == EdgeKind::Fail);
            }
        }
        Ok(())
    }

    fn bad_choice(&self, node: &str, said: &[String]) -> Error {
        BadChoice::error(node, said)
    }
}
