//! Which nodes can run at the same time: of random graphs without loops, held against all outcomes there are; and the
//! cases where loops, failures and joins decide.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::Draft;

/// What each node may do with its edges.
#[derive(Debug, Clone)]
struct Random {
    nodes: Vec<Ways>,
    starts: Vec<usize>,
}

/// Targets by plain edges, by a route, whether that takes one, and a fallback.
type Ways = (Vec<usize>, Vec<usize>, bool, Option<usize>);

const COUNT: usize = 6;

fn randoms() -> impl Strategy<Value = Random> {
    let node = (0_u8..64, 0_u8..64, 0_u8..64, any::<bool>(), prop::option::weighted(0.2, 0..COUNT));
    let all = (prop::collection::vec(node, COUNT), prop::collection::btree_set(0..COUNT, 1..3));
    all.prop_map(|(nodes, starts)| {
        let nodes = nodes.into_iter().enumerate().map(|(at, (plain, thin, route, is_single, fallback))| {
            // Forward edges alone; a node of two kinds of edges to one target has the first.
            let later = |set: u8| (at + 1..=COUNT).filter(move |to| set >> (to % 6) & 1 == 1);
            let plain: Vec<usize> = later(plain & thin).collect();
            let mut route: Vec<usize> = later(route).filter(|to| !plain.contains(to)).collect();
            let fallback = fallback.filter(|to| *to > at && !plain.contains(to) && !route.contains(to));
            if plain.is_empty() && route.is_empty() {
                route.push(COUNT);
            }
            (plain, route, is_single, fallback.filter(|_| at > 0))
        });
        Random { nodes: nodes.collect(), starts: starts.into_iter().collect() }
    })
}

fn name(node: usize) -> String {
    if node == COUNT { "END".to_owned() } else { format!("n{node}") }
}

fn names(nodes: &[usize]) -> String {
    nodes.iter().map(|&node| name(node)).collect::<Vec<_>>().join(" ")
}

impl Random {
    fn draft(&self) -> Draft {
        let all: Vec<usize> = (0..COUNT).collect();
        let mut draft = Draft::of(&names(&all)).writes(&names(&all), 0, false);
        for start in &self.starts {
            draft = draft.edges(&format!("START>{}", name(*start)));
        }
        for (node, (plain, route, is_single, fallback)) in self.nodes.iter().enumerate() {
            for to in plain {
                draft = draft.edges(&format!("{}>{}", name(node), name(*to)));
            }
            if !route.is_empty() {
                draft = draft.route(&name(node), &names(route), !is_single);
            }
            if let Some(to) = fallback {
                draft = draft.fallback(&name(node), &name(*to));
            }
        }
        draft
    }

    /// Which nodes run, for every way to choose and to fail.
    fn outcomes(&self, at: usize, runs: u8, all: &mut BTreeSet<u8>) {
        let Some((plain, route, is_single, fallback)) = self.nodes.get(at) else {
            all.insert(runs);
            return;
        };
        if runs >> at & 1 == 0 {
            return self.outcomes(at + 1, runs, all);
        }
        let with = |targets: &[usize]| targets.iter().fold(runs, |runs, &to| runs | 1 << to);
        if let Some(to) = fallback {
            self.outcomes(at + 1, with(&[*to]), all);
        }
        for chosen in 0..1_u32 << route.len() {
            if !is_single || route.is_empty() || chosen.count_ones() == 1 {
                let chosen = (0..route.len()).filter(|&to| chosen >> to & 1 == 1).map(|to| route[to]);
                self.outcomes(at + 1, with(&chosen.chain(plain.iter().copied()).collect::<Vec<_>>()), all);
            }
        }
    }

    fn leads(&self, from: usize, to: usize) -> bool {
        let Some((plain, route, _, fallback)) = self.nodes.get(from) else { return false };
        from == to || plain.iter().chain(route).chain(fallback).any(|&next| self.leads(next, to))
    }

    /// What `compile` must name.
    fn conflicts(&self) -> BTreeSet<String> {
        let mut outcomes = BTreeSet::new();
        self.outcomes(0, self.starts.iter().fold(0, |runs, &to| runs | 1 << to), &mut outcomes);
        let mut all = BTreeSet::new();
        for one in 0..COUNT {
            let both = |&other: &usize| outcomes.iter().any(|runs| runs >> one & runs >> other & 1 == 1);
            for other in (one + 1..COUNT).filter(both).filter(|&other| !self.leads(one, other)) {
                all.insert(format!("Conflict({},{})/x", name(one), name(other)));
            }
        }
        all
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3_000))]

    #[test]
    fn conflicts_are_of_nodes_that_run_together_in_some_outcome(random in randoms()) {
        let found: BTreeSet<String> = random.draft().errors().into_iter().filter(|error| error.starts_with('C')).collect();
        prop_assert_eq!(found, random.conflicts());
    }
}

#[test]
fn exclusive_arms_do_not_conflict() {
    let draft = Draft::of("r a b").edges("START>r a>END b>END").one_of("r", "a b").writes("a b", 0, false);
    assert_eq!(draft.errors(), [""; 0]);
    let draft = Draft::of("r a b").edges("START>r a>END b>END").any_of("r", "a b").writes("a b", 0, false);
    assert_eq!(draft.errors(), ["Conflict(a,b)/x"]);
}

#[test]
fn a_fallback_runs_instead_of_what_follows() {
    let draft = Draft::of("a b m").edges("START>a a>b b>END m>END").fallback("a", "m").writes("b m", 0, false);
    assert_eq!(draft.errors(), [""; 0]);
}

/// What two ways out of a loop allow is decided by what else goes on in it.
#[test]
fn ways_out_of_a_loop() {
    let draft = Draft::of("h o p").edges("START>h o>END p>END").writes("o p", 0, false);
    assert_eq!(draft.clone().one_of("h", "h o p").errors(), [""; 0]);
    assert_eq!(draft.any_of("h", "h o p").errors(), ["Conflict(o,p)/x"]);
    // Out of two loops: either leaves both, and nothing goes on.
    let draft = Draft::of("g h o p").edges("START>g g>h o>END p>END").writes("o p", 0, false);
    assert_eq!(draft.clone().one_of("h", "g h o p").errors(), [""; 0]);
    // Here the outer loop may go on, since its header does more than one thing.
    let draft = Draft::of("g h s o p").edges("START>g g>h g>s o>END p>END").writes("o p", 0, false);
    assert_eq!(draft.one_of("h", "g h o p").one_of("s", "g END").errors(), ["Conflict(o,p)/x"]);
}

#[test]
fn overwriting_conflicts_with_adding() {
    let draft = Draft::of("a b").edges("START>a START>b a>END b>END").writes("a b", 1, false);
    assert_eq!(draft.errors(), [""; 0]);
    assert_eq!(draft.writes("b", 1, true).errors(), ["Conflict(a,b)/log"]);
}

#[test]
fn joins_of_all() {
    let draft = Draft::of("r a b j").edges("START>r a>j b>j j>END").join_all("j");
    assert_eq!(draft.clone().any_of("r", "a b").errors(), [""; 0]);
    assert_eq!(draft.one_of("r", "a b").errors(), ["JoinAllNeverRuns(j)"]);
    // Into a header: the edges from outside, in the region around the loop.
    let draft = Draft::of("r a b h").edges("START>r a>h b>h").join_all("h").one_of("h", "h END");
    assert_eq!(draft.clone().any_of("r", "a b").errors(), [""; 0]);
    assert_eq!(draft.one_of("r", "a b").errors(), ["JoinAllNeverRuns(h)"]);
}

#[test]
fn loops_that_can_end() {
    let draft = || Draft::of("h b").edges("START>h h>b b>h b>END");
    assert_eq!(draft().errors(), ["LoopWithoutWayOut(h,b)"]);
    assert_eq!(draft().optional("b").errors(), ["OptionalOnOnlyWay(b)"]);
    assert_eq!(draft().edges("h>END").optional("b").errors(), [""; 0]);
    // A failure goes elsewhere; a fallback that goes back does not help.
    assert_eq!(Draft::of("h b m").edges("START>h h>b b>h b>END m>END").fallback("b", "m").errors(), [""; 0]);
    let back = Draft::of("h b m").edges("START>h h>b b>h b>END m>h").fallback("b", "m");
    assert_eq!(back.errors(), ["LoopWithoutWayOut(h,b,m)"]);
    // A choice between going back and going back.
    let choice = Draft::of("h a b").edges("START>h a>h b>h b>END").one_of("h", "a b");
    assert_eq!(choice.errors(), ["LoopWithoutWayOut(h,a,b)"]);
    // Joins that need not run, and one that must.
    let join = || Draft::of("h a b j").edges("START>h a>j b>j j>h h>END").join_all("j");
    assert_eq!(join().any_of("h", "a b").errors(), [""; 0]);
    assert_eq!(join().edges("h>a h>b").errors(), ["LoopWithoutWayOut(h,a,b,j)"]);
}

#[test]
fn a_loop_around_a_refused_one_is_not_named() {
    let draft = Draft::of("g h b").edges("START>g g>h h>b b>h b>g b>END");
    assert_eq!(draft.errors(), ["LoopWithoutWayOut(h,b)"]);
    // The inner loop can end, the outer one cannot.
    let draft = Draft::of("g h b").edges("START>g g>h b>g b>END").one_of("h", "h b");
    assert_eq!(draft.errors(), ["LoopWithoutWayOut(g,h,b)"]);
}
