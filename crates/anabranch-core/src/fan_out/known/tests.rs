use std::pin::pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use proptest::prelude::*;

use super::*;
use crate::error::ErrorKind;
use crate::{RunnableExt, parallel};

/// How a branch ends.
#[derive(Clone, Copy, Debug)]
enum End {
    Succeeds,
    Fails,
    Panics,
    PanicsBeforeItIsPolled,
    /// As soon as another one has failed.
    FailsWithAnother,
}

/// What happened, and to which branch.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Happened {
    Begun(usize),
    Failed(usize),
    Dropped(usize),
}

/// What all branches of a run see.
#[derive(Default)]
struct World {
    now: AtomicUsize,
    log: Mutex<Vec<Happened>>,
}

#[derive(Clone)]
struct Scripted {
    index: usize,
    /// When it ends.
    at: usize,
    end: End,
    world: Arc<World>,
}

impl Scripted {
    fn tell(&self, happened: Happened) {
        self.world.log.lock().unwrap().push(happened);
    }

    fn fail(&self) -> Poll<Result<usize>> {
        self.tell(Happened::Failed(self.index));
        Poll::Ready(Err(Error::new(ErrorKind::Other, format!("branch {} failed", self.index))))
    }
}

struct ScriptedRun(Scripted);

impl Future for ScriptedRun {
    type Output = Result<usize>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<usize>> {
        let this = &self.0;
        let failed = this.world.log.lock().unwrap().iter().any(|happened| matches!(happened, Happened::Failed(_)));
        if matches!(this.end, End::FailsWithAnother) && failed {
            return this.fail();
        }
        if this.world.now.load(Ordering::SeqCst) < this.at {
            return Poll::Pending;
        }
        match this.end {
            End::Succeeds => Poll::Ready(Ok(this.index)),
            End::Fails | End::FailsWithAnother => this.fail(),
            End::Panics | End::PanicsBeforeItIsPolled => panic!("branch {} panicked", this.index),
        }
    }
}

impl Drop for ScriptedRun {
    fn drop(&mut self) {
        self.0.tell(Happened::Dropped(self.0.index));
    }
}

impl Runnable for Scripted {
    type Input = Value;
    type Output = usize;

    fn call<'a>(&'a self, _: Value, _: &'a RunConfig) -> impl Future<Output = Result<usize>> + Send {
        self.tell(Happened::Begun(self.index));
        assert!(!matches!(self.end, End::PanicsBeforeItIsPolled), "branch {} panicked", self.index);
        ScriptedRun(self.clone())
    }
}

fn script() -> impl Strategy<Value = (usize, End)> {
    let end = prop_oneof![
        4 => Just(End::Succeeds),
        2 => Just(End::Fails),
        1 => Just(End::Panics),
        1 => Just(End::PanicsBeforeItIsPolled),
        1 => Just(End::FailsWithAnother),
    ];
    (0..4_usize, end)
}

/// What it gives until then.
fn run(map: &RunnableParallel, config: &RunConfig, world: &World, until: usize) -> Option<Result<Value, String>> {
    let mut running = pin!(map.invoke_with(1, config));
    for now in 0..until {
        world.now.store(now, Ordering::SeqCst);
        if let Poll::Ready(done) = running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(done.map_err(|error| {
                let related: Vec<_> = error.related().iter().map(ToString::to_string).collect();
                format!("{error}; {related:?}")
            }));
        }
    }
    None
}

proptest! {
    /// Whether the compiler knows the branches or not: they begin, fail, and are dropped in the same order, and what
    /// comes of it is the same, also where the run is dropped before it is done.
    #[test]
    fn known_branches_run_as_others_do(
        scripts in prop::array::uniform4(script()),
        limit in prop_oneof![3 => Just(None), 1 => (1..5_usize).prop_map(Some)],
        until in 1..6_usize,
    ) {
        let worlds = [(); 2].map(|()| Arc::<World>::default());
        let branch = |index: usize, world: usize| {
            let (at, end) = scripts[index];
            Scripted { index, at, end, world: worlds[world].clone() }
        };
        let known = parallel! { "a": branch(0, 0), "b": branch(1, 0), "c": branch(2, 0), "d": branch(3, 0) };
        let others = ["a", "b", "c", "d"].into_iter().enumerate();
        let others: RunnableParallel = others.map(|(index, key)| (key, branch(index, 1))).collect();
        prop_assert!(known.is_known() && !others.is_known());

        let config = limit.map_or_else(RunConfig::new, |limit| RunConfig::new().max_concurrency(limit));
        prop_assert_eq!(run(&known, &config, &worlds[0], until), run(&others, &config, &worlds[1], until));
        let [known, others] = worlds.map(|world| world.log.lock().unwrap().clone());
        prop_assert_eq!(known, others);
    }
}

#[test]
fn one_more_branch_is_not_known() {
    let step = || crate::lambda(async |n: Value| Ok(n));
    let map = parallel! { "a": step() };
    assert!(map.is_known());
    let map = map.branch("b", step());
    assert!(!map.is_known());
    assert_eq!(map.invoke_blocking(1).unwrap(), serde_json::json!({"a": 1, "b": 1}));
}
