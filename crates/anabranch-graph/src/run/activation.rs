//! Activations: a node starts, is done, and what it left is kept.

use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};
use futures_util::future::{FutureExt, ready};
use serde::Serialize;

use super::Path;
use super::edges::Chosen;
use super::engine::Engine;
use super::logged::{Next, What};
use super::session::{Inside, all};
use crate::event::{EventKind, GraphEvent, NodeUpdate};
use crate::log::Entry;
use crate::panics::caught;
use crate::run_error::StepLimit;
use crate::shape::{EdgeKind, NodeKind};
use crate::state::State;
use crate::work::{Work, Writes};

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

impl<S: State> Engine<S> {
    /// Which activation of a node it would be now.
    pub(super) fn path_of(&self, node: usize) -> Path {
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

    pub(super) fn start(&mut self, node: usize) -> Result<()> {
        let graph = self.graph.clone();
        // A path is made where somebody has a use for it.
        let is_plain = matches!(graph.shape.nodes[node].kind, NodeKind::Plain);
        let inside = &self.inside;
        let is_told = inside.is_heard() || inside.is_observed();
        let has_path = is_told || inside.log().is_some() || self.snapshots.is_some() || !is_plain;
        let path = if has_path { self.path_of(node) } else { Path::default() };
        let entry = self.entry(&path);
        if self.inside.was_answered(&self.path.text, &mut self.answers) {
            self.steps = 0;
        }
        if self.counts(&path, entry.as_ref()) {
            self.steps += 1;
        }
        if self.steps > graph.limit {
            return Err(StepLimit::error(graph.limit, &self.path_of(node).text, graph.header_around(node)));
        }
        let plan = &graph.plan.nodes[node];
        let Some(run) = &mut self.regions[plan.region] else { return Ok(()) };
        let state = run.view(&graph.plan.regions[plan.region], plan.child);
        let state = self.fits(plan.region, state)?;
        if let Some(entry) = entry {
            return self.replay(node, path, entry);
        }
        if let Some(snapshots) = &mut self.snapshots {
            snapshots.began(path.key.clone());
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
                let items = caught(|| work.clone().start(&state, inside, &path));
                drop(state);
                let (items, told) = match items {
                    Ok(items) => inside.enter_items::<S>(items, &path, settled),
                    Err(error) => {
                        self.running.push(ready(Finished::new(node, Err(error))).boxed());
                        return Ok(());
                    }
                };
                let (inside, length) = (inside.clone(), Some(items.len()));
                async move {
                    let may_fail = |error: &Error| settled && !inside.is_over(error);
                    let done = |index: usize, result: Result<&Arc<Writes<S>>, &Error>| {
                        if told[index] {
                            inside.tell_end(&path.item(index), result, result.is_err_and(may_fail));
                        }
                    };
                    let result = all(&inside, items, may_fail, done).await;
                    Finished { length, ..Finished::new(node, result) }
                }
                .boxed()
            }
            Work::Ask(work) => {
                let question = caught(|| work.question(&state)).and_then(|question| question);
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
    pub(super) fn finished(&mut self, finished: Finished<S>) -> Result<()> {
        let Finished { node, length, what } = finished;
        let (result, entry) = match what {
            What::Worked(result) => (result, None),
            What::Replayed(result, chosen) => (result, Some(chosen)),
            What::Entered(written, next) => {
                written?;
                return self.proceed(node, next, false);
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
                    Err(Error::new(ErrorKind::Other, message))
                }
            }
        });
        let (is_replayed, chosen) = (entry.is_some(), entry.flatten());
        let is_logged = !is_replayed && self.inside.log().is_some();
        let path = if is_logged { self.path_of(node).text } else { String::new() };
        let tells_updates = self.tells_updates();
        let Some(run) = &mut self.regions[plan.region] else { return Ok(()) };
        let (next, entry) = match result {
            Ok(writes) => {
                let wrote = if tells_updates { writes.clone() } else { Vec::new() };
                let entry = is_logged.then(|| match length {
                    Some(length) => Ok(Entry::closed(&path, length)),
                    None => self.inside.entry_of::<S>(&path, writes.iter().flat_map(|writes| writes.iter())),
                });
                run.wrote(plan.child, writes);
                let choice = match (&graph.nodes[node].route, chosen) {
                    (None, _) => Ok(None),
                    // What was chosen once counts.
                    (Some(route), Some(chosen)) => route.check(chosen).map(Some),
                    (Some(route), None) => {
                        let after = run.after(plan.child);
                        match self.fits(plan.region, after) {
                            Ok(after) => route.choose(&after).map(Some),
                            Err(error) => {
                                self.broke(node, error);
                                return Ok(());
                            }
                        }
                    }
                };
                let Some(run) = &mut self.regions[plan.region] else { return Ok(()) };
                run.let_go(plan.child);
                let choice = choice.map_err(|wrong| wrong.error(&self.path_of(node).text));
                let entry = entry.transpose()?.map(|mut entry| {
                    entry.chosen = choice.as_ref().ok().cloned().flatten();
                    entry.answer = matches!(graph.nodes[node].work, Work::Ask(_));
                    entry
                });
                (Next::Chosen(choice, wrote), entry)
            }
            Err(error) if plan.is_quiet() && !self.inside.is_over(&error) => {
                run.wrote(plan.child, Vec::new());
                run.let_go(plan.child);
                (Next::Failed(error.kind()), is_logged.then(|| Entry::failed(&path, error.kind())))
            }
            Err(error) => {
                self.broke(node, error.at(format!("node \"{}\"", graph.nodes[node].name)));
                return Ok(());
            }
        };
        match entry {
            None => self.proceed(node, next, is_replayed),
            Some(entry) => {
                let written = self.inside.enter(entry);
                self.running
                    .push(async move { Finished { node, length, what: What::Entered(written.await, next) } }.boxed());
                Ok(())
            }
        }
    }

    /// An activation failed, and stops the run.
    fn broke(&mut self, node: usize, error: Error) {
        let path = self.path_of(node);
        self.inside.tell(|| GraphEvent::new(&path, EventKind::Broke(error.kind())));
        self.failed.push((path, error));
    }

    /// Whether somebody is told of what is written.
    fn tells_updates(&self) -> bool {
        self.inside.is_heard() || self.snapshots.is_some()
    }

    /// What an activation left is kept: its edges.
    fn proceed(&mut self, node: usize, next: Next<S>, is_replayed: bool) -> Result<()> {
        let graph = self.graph.clone();
        if self.tells_updates() {
            self.tell_proceeds(node, &next, is_replayed);
        }
        match next {
            Next::Chosen(choice, _) => {
                let choice = match choice {
                    Ok(choice) => choice,
                    // What fails at the same time, and comes before it in the graph, counts.
                    Err(error) => {
                        let path = self.path_of(node);
                        self.failed.push((path, error));
                        return Ok(());
                    }
                };
                if let Some(choice) = &choice {
                    self.inside.tell(|| GraphEvent::new(&self.path_of(node), EventKind::Chose(choice.clone())));
                }
                let chosen = Chosen::new(choice.as_ref());
                self.go_out(node, |this, edge| this.is_taken(edge, &chosen));
            }
            Next::Failed(_) => self.go_out(node, |_, edge| graph.plan.edges[edge].kind == EdgeKind::Fail),
        }
        Ok(())
    }

    fn tell_proceeds(&mut self, node: usize, next: &Next<S>, is_replayed: bool) {
        let path = self.path_of(node);
        let tell = |kind| self.inside.tell(|| GraphEvent::new(&path, kind));
        match next {
            _ if is_replayed => tell(EventKind::Replayed { failed: matches!(next, Next::Failed(_)) }),
            // The items of a map told of what they wrote.
            Next::Chosen(_, wrote) if self.graph.shape.nodes[node].kind.is_map() || wrote.is_empty() => {
                tell(EventKind::Done);
            }
            Next::Chosen(_, wrote) => wrote.iter().for_each(|one| self.inside.tell_end(&path, Ok(one), false)),
            Next::Failed(kind) => tell(EventKind::Failed(*kind)),
        }
        if let Some(snapshots) = &mut self.snapshots {
            let wrote = if let Next::Chosen(_, wrote) = next { wrote.clone() } else { Vec::new() };
            let writes = &self.graph.shape.nodes[node].writes;
            snapshots.done(path.key, wrote, writes.iter().map(|write| write.field).collect());
        }
    }
}

impl Inside {
    /// An activation or an item ended.
    fn tell_end<W: Serialize + Send + Sync + 'static>(
        &self,
        path: &Path,
        result: Result<&Arc<Vec<W>>, &Error>,
        goes_on: bool,
    ) {
        let kind = match result {
            Ok(wrote) => {
                if !wrote.is_empty() {
                    self.tell(|| GraphEvent::new(path, EventKind::Update(NodeUpdate(wrote.clone()))));
                }
                EventKind::Done
            }
            Err(error) if goes_on => EventKind::Failed(error.kind()),
            Err(error) => EventKind::Broke(error.kind()),
        };
        self.tell(|| GraphEvent::new(path, kind));
    }
}
