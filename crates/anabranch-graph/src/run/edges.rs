//! Edges: each is decided once in an iteration, and decides what it leads to.

use std::collections::HashSet;

use anabranch_core::Result;

use super::engine::Engine;
use super::region::RegionRun;
use crate::event::{EventKind, GraphEvent};
use crate::shape::EdgeKind;
use crate::shape::plan::{Arrival, Child};
use crate::state::State;

/// What a route chose, to be looked for at each of its edges.
pub(super) enum Chosen<'a> {
    Few(&'a [String]),
    Many(HashSet<&'a str>),
}

impl<'a> Chosen<'a> {
    pub(super) fn new(chosen: Option<&'a Vec<String>>) -> Self {
        const FEW: usize = 8;
        match chosen.map(Vec::as_slice).unwrap_or_default() {
            many if many.len() > FEW => Self::Many(many.iter().map(String::as_str).collect()),
            few => Self::Few(few),
        }
    }

    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Few(chosen) => chosen.iter().any(|one| one == name),
            Self::Many(chosen) => chosen.contains(name),
        }
    }
}

impl<S: State> Engine<S> {
    /// Lets edges arrive until nothing is decided, and nothing of the log is left that is done at once.
    pub(super) fn arrive_all(&mut self) -> Result<()> {
        loop {
            while let Some((arrival, taken)) = self.decided.pop_front() {
                self.arrive(arrival, taken)?;
            }
            match self.replayed.pop_front() {
                Some(finished) => self.finished(finished)?,
                None => return self.failure().map_or(Ok(()), Err),
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
                if taken > 0 {
                    self.stopped.insert(node);
                }
                self.pass_over(node);
                self.out(node, |_, _| false);
                Ok(())
            }
            Child::Loop(inner) => {
                let Child::Node(header) = plan.regions[inner].children[0].kind else { return Ok(()) };
                if !runs(plan.nodes[header].join_all) {
                    if taken > 0 {
                        self.stopped.insert(header);
                    }
                    self.pass_over(header);
                    self.leave_all(inner, &[]);
                    return Ok(());
                }
                let is_folded = plan.regions[region].children[child].is_folded;
                let graph = self.graph.clone();
                let Some(run) = &mut self.regions[region] else { return Ok(()) };
                // What folds the loop around it folds it, too.
                let is_folded = is_folded || run.written.is_some();
                let base = run.sees(&graph.plan.regions[region], child);
                let base = self.fits(region, base)?;
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

    /// The same of a node that ran, which is where a way stops if none is taken.
    pub(super) fn go_out(&mut self, node: usize, is_taken: impl Fn(&Self, usize) -> bool) {
        if !self.graph.plan.nodes[node].out.iter().any(|edge| is_taken(self, *edge)) {
            self.stopped.insert(node);
        }
        self.out(node, is_taken);
    }

    pub(super) fn is_taken(&self, edge: usize, chosen: &Chosen<'_>) -> bool {
        let edge = &self.graph.plan.edges[edge];
        match edge.kind {
            EdgeKind::Plain => true,
            EdgeKind::Fail => false,
            EdgeKind::Single | EdgeKind::Multi => {
                let name = edge.to.map_or(crate::END, |node| &*self.graph.nodes[node].name);
                chosen.has(name)
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
        let state = self.fits(region, state)?;
        let Some(run) = &mut self.regions[region] else { return Ok(()) };
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
        self.leave_all(region, &ways_out);
        Ok(())
    }

    /// The ways out of a loop that has ended, or did not begin.
    fn leave_all(&mut self, region: usize, taken: &[bool]) {
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
    }

    fn pass_over(&mut self, node: usize) {
        let graph = self.graph.clone();
        self.inside.tell(|| GraphEvent::new(&self.path_of(node), EventKind::PassedOver));
        let plan = &graph.plan.nodes[node];
        if let Some(run) = &mut self.regions[plan.region] {
            run.forgo(&graph.plan.regions[plan.region], plan.child);
        }
    }
}
