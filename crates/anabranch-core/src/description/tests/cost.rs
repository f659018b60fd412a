//! What describing and checking costs: no more than there are steps, and no more stack than there is.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::Checked;
use super::*;

const STEPS: usize = 20_000;

/// Steps that can be told apart, each of which adds a key and each of which is looked at.
fn step(index: usize) -> Description {
    let key = format!("k{index}");
    let reads = if index == 0 { text() } else { prompt(&[&format!("k{}", index - 1)]) };
    assign(vec![(&key, reads)])
}

fn in_order(chain: &Description) {
    assert_eq!(chain.children.len(), STEPS + 1);
    assert!(chain.children.iter().skip(1).enumerate().all(|(i, step)| step.children[0].name == format!("k{i}")));
}

#[test]
fn a_chain_costs_what_its_steps_cost_however_its_pipes_nest() {
    let marks: Vec<Checked> = (0..STEPS).map(|_| Checked::not_yet()).collect();
    let first = || map(&["question"]);

    let left =
        (0..STEPS).fold(first(), |chain, index| Description::sequence(chain, step(index)).with_checked(&marks[index]));
    in_order(&left);
    fine(&left);
    assert!(marks.iter().all(Checked::is_done));

    let last = step(STEPS - 1);
    let right = (0..STEPS - 1).rev().fold(last, |chain, index| Description::sequence(step(index), chain));
    let right = Description::sequence(first(), right);
    in_order(&right);
    assert_eq!(left, right);
    fine(&right);

    // Both at once, as of `(a | b) | (c | d)`.
    fn halves(from: usize, to: usize) -> Description {
        if to - from == 1 {
            return step(from);
        }
        let middle = from.midpoint(to);
        Description::sequence(halves(from, middle), halves(middle, to))
    }
    let both = Description::sequence(first(), halves(0, STEPS));
    in_order(&both);
    assert_eq!(left, both);
}

#[test]
fn a_chain_of_wrapped_steps_costs_what_its_steps_cost() {
    let wrapped = |index| Description::around(Kind::RETRY, Description::around(Kind::TIMEOUT, step(index)));
    fine(&(0..STEPS).fold(map(&["question"]), |chain, index| Description::sequence(chain, wrapped(index))));
}

#[test]
fn a_wide_fan_out_costs_what_its_branches_cost() {
    let names: Vec<String> = (0..STEPS).map(|index| format!("k{index}")).collect();
    let steps = || names.iter().map(|name| (name.as_str(), prompt(&["x"]))).collect();
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    fine(&chain([map(&["x"]), parallel(steps()), prompt(&wanted)]));
    fine(&chain([map(&["x"]), at_least(STEPS, &wanted, steps()), prompt(&wanted)]));
    fine(&chain([one_of((0..10).map(|_| map(&wanted))), prompt(&wanted)]));
    let missing: Vec<String> = (0..STEPS).map(|index| format!("missing{index}")).collect();
    let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
    let error = check(&chain([map(&wanted), prompt(&missing)])).unwrap_err();
    assert!(error.message().len() < 2_000, "{error}");
    fine(&chain([map(&wanted), prompt_with(&[], &missing)]));
}

// What the core crate has in its place: boxed steps that describe and check themselves.

trait Step: Send + Sync {
    fn describe(&self) -> Description;
    fn run(&self);
}

static DESCRIBED: AtomicUsize = AtomicUsize::new(0);

struct Leaf;

impl Step for Leaf {
    fn describe(&self) -> Description {
        DESCRIBED.fetch_add(1, Ordering::Relaxed);
        prompt(&["x"])
    }

    fn run(&self) {}
}

struct Pipe {
    first: Box<dyn Step>,
    second: Box<dyn Step>,
    checked: Checked,
}

impl Pipe {
    fn boxed(first: Box<dyn Step>, second: Box<dyn Step>) -> Box<dyn Step> {
        Box::new(Self { first, second, checked: Checked::not_yet() })
    }
}

impl Step for Pipe {
    fn describe(&self) -> Description {
        Description::sequence(self.first.describe(), self.second.describe()).with_checked(&self.checked)
    }

    fn run(&self) {
        self.checked.once(|| self.describe()).unwrap();
        self.first.run();
        self.second.run();
    }
}

/// On a thread with as much stack as a test or a worker of tokio has.
fn in_two_megabytes(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(2 << 20).spawn(work).unwrap().join().unwrap();
}

/// In one test, because it counts.
#[test]
fn three_thousand_boxed_steps_are_described_once_and_fit_the_stack() {
    const BOXED: usize = 3_000;
    let left = || (1..BOXED).fold(Box::new(Leaf) as Box<dyn Step>, |chain, _| Pipe::boxed(chain, Box::new(Leaf)));
    let right = || (1..BOXED).fold(Box::new(Leaf) as Box<dyn Step>, |chain, _| Pipe::boxed(Box::new(Leaf), chain));
    for make in [left as fn() -> Box<dyn Step>, right] {
        in_two_megabytes(move || {
            let chain = make();
            DESCRIBED.store(0, Ordering::Relaxed);
            chain.run();
            chain.run();
            assert_eq!(
                DESCRIBED.load(Ordering::Relaxed),
                BOXED,
                "the check of the whole stands for those of its parts"
            );
        });
    }
}

#[test]
fn steps_inside_each_other_fit_the_stack_however_deep_they_are() {
    in_two_megabytes(|| {
        // What lies so deep is left to its own check.
        let (near, far) = (Checked::not_yet(), Checked::not_yet());
        let mut deep = broken().with_checked(&far);
        for level in 0..3_000 {
            deep = match level % 4 {
                0 => parallel(vec![("a", deep)]),
                1 => at_least(1, &["a"], vec![("a", deep)]),
                2 => one_of([deep]),
                _ => chain([text(), deep]).named("named"),
            };
        }
        fine(&chain([text(), deep]).with_checked(&near));
        assert!(near.is_done() && !far.is_done());
    });
    let mut within = broken();
    for _ in 0..100 {
        within = Description::around(Kind::RETRY, within);
    }
    refused(&within, BROKEN);
}
