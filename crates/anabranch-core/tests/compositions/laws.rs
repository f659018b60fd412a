//! Runs the chain of a seed in every way and compares.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anabranch_core::{BoxRunnable, Chunks, Error, ErrorKind, Merge, Outcome, Result, RunConfig, RunnableExt};
use futures::FutureExt;
use serde_json::{Value, json};

use crate::grow::{Case, Facts, Grower, Root};
use crate::nesting::Nesting;
use crate::random::{Random, mix};
use crate::recorder::{Panicking, Recorder};
use crate::world::World;

/// No run takes as long, unless something in it hangs.
const DAY: Duration = Duration::from_secs(86_400);

/// Enough for whatever limits rates, too short for what came in with a failing input to be forgotten.
const PAUSE: Duration = Duration::from_secs(1);

/// How a chain is run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Invoke,
    /// The stream, collected.
    Collect,
    /// The stream, chunk by chunk, added up by its own law, which is asked for before the first chunk or after the last.
    Chunks {
        asked_first: bool,
    },
    /// The stream of a failing input.
    FailingInput,
    /// Three elements at once.
    Batch,
    /// As always, by a chain that was made a while ago and had a failing input since.
    Later,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
enum End {
    Value(String),
    Failed {
        kind: ErrorKind,
        path: Vec<String>,
        text: String,
        added_up: bool,
    },
    /// It was still going on after a day.
    Hung,
    /// It was dropped.
    Dropped,
}

#[derive(Debug, Clone, PartialEq)]
struct Run {
    end: End,
    took: Duration,
    trace: Vec<(Duration, u32)>,
    polls: u64,
    failed_midway: bool,
}

fn failed(error: &Error, added_up: bool) -> End {
    let path = error.path().map(str::to_string).collect();
    End::Failed { kind: error.kind(), path, text: error.to_string(), added_up }
}

/// What a chain gives, in a form that can be compared.
trait Show: Send + 'static {
    fn show(&self) -> String;
}

impl Show for Value {
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Show for String {
    fn show(&self) -> String {
        self.clone()
    }
}

impl Show for Vec<Value> {
    fn show(&self) -> String {
        Value::Array(self.clone()).to_string()
    }
}

impl Show for Outcome {
    fn show(&self) -> String {
        let branches = self.iter().map(|(key, done)| match done {
            Ok(value) => format!("{key}: {value}"),
            Err(error) => format!("{key}: {:?} {:?}", error.kind(), error.path().collect::<Vec<_>>()),
        });
        branches.collect::<Vec<_>>().join("; ")
    }
}

fn input() -> Value {
    json!({ "topic": "rivers", "n": 3 })
}

/// The one that is different, of the three of a batch.
pub fn other_input() -> Value {
    json!("other")
}

/// The error that comes in with an input.
fn came_in() -> Error {
    Error::new(ErrorKind::RateLimited, "status 429").with_retry_after(Duration::from_secs(3)).at("elsewhere")
}

/// A piece, and then the error.
fn failing_input() -> Chunks<'static, Value> {
    Chunks::new(futures::stream::iter([Ok(json!(["a piece"])), Err(came_in())]), Merge::last())
}

async fn run<O: Show>(chain: &BoxRunnable<Value, O>, config: &RunConfig, way: Way, world: &World) -> End {
    let done = match way {
        Way::Invoke => chain.invoke_with(input(), config).await,
        Way::Collect => chain.stream_with(input(), config).collect().await,
        Way::Chunks { asked_first } => return by_chunks(chain.stream_with(input(), config), asked_first).await,
        Way::FailingInput => {
            return by_chunks(chain.transform_with(failing_input(), config), true).await;
        }
        Way::Later => {
            let failing = failing_input();
            tokio::time::sleep(PAUSE).await;
            drop(by_chunks(chain.transform_with(failing, config), true).await);
            tokio::time::sleep(PAUSE).await;
            world.begin_anew();
            chain.invoke_with(input(), config).await
        }
        Way::Batch => return batched(chain.batch_with([input(), other_input(), input()], config).await),
    };
    match done {
        Ok(value) => End::Value(value.show()),
        Err(error) => failed(&error, false),
    }
}

fn batched<O: Show>(done: Result<Vec<O>>) -> End {
    match done {
        Ok(all) => End::Value(all.iter().map(Show::show).collect::<Vec<_>>().join("; ")),
        Err(error) => failed(&error, false),
    }
}

async fn by_chunks<O: Show>(mut chunks: Chunks<'_, O>, asked_first: bool) -> End {
    let early = asked_first.then(|| chunks.merge());
    let mut pieces = Vec::new();
    while let Some(piece) = chunks.next().await {
        match piece {
            Ok(piece) => pieces.push(piece),
            Err(error) => {
                assert!(chunks.next().await.is_none(), "something came after an error");
                return failed(&error, false);
            }
        }
    }
    assert!(chunks.next().await.is_none(), "something came after the end");
    let mut collector = early.unwrap_or_else(|| chunks.merge()).collector();
    match pieces.into_iter().try_for_each(|piece| collector.push(piece)).and_then(|()| collector.finish()) {
        Ok(value) => End::Value(value.show()),
        Err(error) => failed(&error, true),
    }
}

/// Polls a run at most so many times, if there is a limit, and counts.
async fn polled(running: impl Future<Output = End>, most: Option<u64>) -> (End, u64) {
    let mut running = pin!(running);
    let mut polls = 0;
    let end = std::future::poll_fn(|cx| {
        if most == Some(polls) {
            return Poll::Ready(End::Dropped);
        }
        polls += 1;
        running.as_mut().poll(cx)
    });
    // Counts the polls of the run itself, so the limit stands outside.
    let end = tokio::time::timeout(DAY, end).await.unwrap_or(End::Hung);
    (end, polls)
}

struct Ways {
    seed: u64,
}

impl Ways {
    /// One run, in a world and a runtime of its own, and whatever must be true after every run.
    fn run(&self, way: Way, nesting: Option<Nesting>, observed: bool, most: Option<u64>) -> (Run, Facts) {
        // One thread for blocking functions, so that who asks for it last knows that all who asked before are done.
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().start_paused(true).max_blocking_threads(1).build().unwrap();
        let done = runtime.block_on(async {
            let world = World::new();
            let Case { root, config, facts, .. } = Grower::case(self.seed, &world, nesting);
            let recorder = Arc::new(Recorder::default());
            let config = match observed {
                true if self.seed % 4 == 0 => config.observer(Arc::new(Panicking)).observer(recorder.clone()),
                true => config.observer(recorder.clone()),
                false => config,
            };
            let (end, polls) = {
                let running = async {
                    match &root {
                        Root::Json(chain) => run(chain, &config, way, &world).await,
                        Root::Text(chain) => run(chain, &config, way, &world).await,
                        Root::List(chain) => run(chain, &config, way, &world).await,
                        // Its batch is one of its own: it looks up all keys first.
                        Root::Router(router) if way == Way::Batch => {
                            batched(router.batch_with([input(), other_input(), input()], &config).await)
                        }
                        Root::Router(router) => run(&router.clone().boxed(), &config, way, &world).await,
                        Root::Outcome(chain) => run(chain, &config, way, &world).await,
                    }
                };
                let guarded = AssertUnwindSafe(polled(running, most)).catch_unwind();
                guarded.await.unwrap_or_else(|panic| panic!("a panic came out: {}", text_of(&*panic)))
            };
            let took = if end == End::Hung { DAY } else { world.elapsed() };
            if std::env::var_os("ANABRANCH_LOUD").is_some() {
                eprintln!("{way:?} {observed} {took:?} {end:?} live {}", world.live());
            }
            assert!(end != End::Hung || facts.hangs, "it hangs");
            let done = !matches!(end, End::Hung | End::Dropped);
            if done && !facts.threads {
                assert_eq!(world.live(), 0, "work goes on when the call has returned");
            }
            if done && observed && !facts.threads {
                recorder.check(facts);
            }
            if let (End::Failed { kind, text, .. }, true) = (&end, observed) {
                let times_out = matches!(kind, ErrorKind::Timeout | ErrorKind::DeadlineExceeded);
                // Stragglers that are left behind have not failed.
                let left_behind = text.contains("branches came through");
                // What the run's deadline stops inside of a time-out fails because of that.
                let heard = [ErrorKind::Timeout, ErrorKind::DeadlineExceeded].map(|kind| recorder.has_heard_of(kind));
                assert!(
                    !times_out
                        || left_behind
                        || facts.endless
                        || heard.contains(&true)
                        || recorder.has_heard_of_retries(),
                    "observers: nobody has heard of {text}"
                );
            }
            nothing_is_left(&world, facts).await;
            world.check_limits(facts.lends);
            world.check_witnesses();
            if observed {
                recorder.check(facts);
            }
            (Run { end, took, trace: world.trace(), polls, failed_midway: world.failed_midway() }, facts)
        });
        // Threads that nobody waits for.
        runtime.shutdown_background();
        done
    }
}

/// What was dropped is gone: tasks when they were next scheduled, functions on threads when they return.
async fn nothing_is_left(world: &World, facts: Facts) {
    for _ in 0..16 {
        tokio::task::yield_now().await;
    }
    if facts.threads {
        // A function that a thread had taken up when it was dropped runs to its end.
        tokio::task::spawn_blocking(|| ()).await.unwrap();
        for _ in 0..16 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(world.live(), 0, "work goes on when all was dropped");
    assert!(tasks_are_gone(), "a task is left");
    let begun = world.begun();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(world.begun(), begun, "work began after all was dropped");
}

fn tasks_are_gone() -> bool {
    tokio::runtime::Handle::current().metrics().num_alive_tasks() == 0
}

pub fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(text), _) => text.clone(),
        (None, Some(text)) => (*text).to_string(),
        (None, None) => "something".to_string(),
    }
}

/// Two ends that must be the same.
#[track_caller]
fn same(what: &str, one: &End, other: &End) {
    let same = match (one, other) {
        (End::Failed { kind, path, .. }, End::Failed { kind: other_kind, path: other_path, .. }) => {
            (kind, path) == (other_kind, other_path)
        }
        (one, other) => one == other,
    };
    assert!(same, "{what}:\n  {one:?}\n  {other:?}");
}

/// All that must hold for the chain of a seed.
pub fn check(seed: u64) {
    let ways = Ways { seed };
    let mut random = Random::new(mix(seed));
    let (invoked, facts) = ways.run(Way::Invoke, None, false, None);
    let Facts { calm, failing, fails_for_several, threads, misuse, .. } = facts;
    // Threads take turns as they like, so where it matters who is quicker nothing can be compared.
    let exact = !threads;
    let comparable = exact || calm && failing <= 1 && !fails_for_several;

    if let End::Failed { kind: ErrorKind::InvalidChain, text, .. } = &invoked.end {
        assert!(misuse, "a chain that can work was refused: {text}");
    }
    match checked(seed) {
        Ok(_) if facts.refused => panic!("a chain that cannot work is not refused"),
        Ok(warnings) if facts.warned && !misuse => assert!(warnings > 0, "nobody is told of a part that cannot work"),
        Err(error) if !misuse => panic!("a chain that can work is refused: {error}"),
        _ => {}
    }

    // The same seed gives the same: values, errors, times, order.
    let (again, _) = ways.run(Way::Invoke, None, false, None);
    if exact {
        // How often it is polled depends on whether there is a limit anywhere in the process.
        let again = Run { polls: invoked.polls, ..again };
        assert_eq!(again, invoked, "the same seed gives something else");
    } else if comparable {
        same("the same seed gives something else", &again.end, &invoked.end);
    }

    // So does a chain that is kept: its times begin with each run, and what comes in with an input leaves no mark.
    let (later, _) = ways.run(Way::Later, None, false, None);
    if exact {
        let (end, took, trace) = (&invoked.end, invoked.took, &invoked.trace);
        assert_eq!((&later.end, later.took, &later.trace), (end, took, trace), "later it gives something else");
    } else if comparable {
        same("later it gives something else", &later.end, &invoked.end);
    }

    // Observers change nothing.
    let (observed, _) = ways.run(Way::Invoke, None, true, None);
    if exact {
        assert_eq!((&observed.end, observed.took), (&invoked.end, invoked.took), "observers change the result");
    } else if comparable {
        same("observers change the result", &observed.end, &invoked.end);
    }

    // A stream that is collected is what `invoke` gives.
    let (collected, _) = ways.run(Way::Collect, None, random.one_in(2), None);
    if exact {
        assert_eq!((&collected.end, collected.took), (&invoked.end, invoked.took), "collected and invoked");
    } else if comparable {
        same("collected and invoked", &collected.end, &invoked.end);
    }

    // So is one that is read chunk by chunk and added up, where nothing depends on who is quicker and no step that
    // something around it would have replaced fails after its first chunk.
    let by_chunks = Way::Chunks { asked_first: random.one_in(2) };
    let (added_up, _) = ways.run(by_chunks, None, random.one_in(2), None);
    if calm && !added_up.failed_midway {
        match (&added_up.end, &invoked.end) {
            // The law of the whole, asked by its reader, says so outside of the chain: such an error has no path.
            (End::Failed { kind, added_up: true, .. }, End::Failed { kind: expected, .. }) => {
                assert_eq!(kind, expected)
            }
            (End::Failed { .. }, End::Failed { .. }) if failing > 1 || threads && fails_for_several => {}
            (added_up, invoked) => same("chunk by chunk and invoked", added_up, invoked),
        }
    }

    // However the sequences in it nest.
    let nesting = random.pick(&Nesting::ALL);
    let (nested, _) = ways.run(Way::Invoke, Some(nesting), false, None);
    if comparable {
        same(&format!("nested {nesting:?}, invoked"), &nested.end, &invoked.end);
    }
    let nesting = random.pick(&Nesting::ALL);
    let (nested, _) = ways.run(by_chunks, Some(nesting), false, None);
    if comparable {
        same(&format!("nested {nesting:?}, chunk by chunk"), &nested.end, &added_up.end);
    }

    // Dropped anywhere, nothing is left and nothing begins.
    for (way, polls) in [(Way::Invoke, invoked.polls), (by_chunks, added_up.polls)] {
        let most = random.below(polls + 1);
        ways.run(way, None, random.one_in(2), Some(most));
    }

    // What comes in with the input happened elsewhere, and nobody changes it.
    let (failing_input, _) = ways.run(Way::FailingInput, None, false, None);
    if calm && failing == 0 {
        same("an error that came in", &failing_input.end, &failed(&came_in(), false));
    }

    let (batch, _) = ways.run(Way::Batch, None, random.one_in(2), None);
    if calm && failing == 0 {
        let End::Value(values) = &batch.end else { panic!("a batch of what never fails: {:?}", batch.end) };
        let End::Value(value) = &invoked.end else { panic!("it never fails: {:?}", invoked.end) };
        assert!(values.starts_with(&format!("{value}; ")) && values.ends_with(&format!("; {value}")), "in a batch");
    }
}

/// How many warnings the check of the chain gives.
fn checked(seed: u64) -> Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let checked = runtime.block_on(async {
        match &Grower::case(seed, &World::new(), None).root {
            Root::Json(chain) => chain.check(),
            Root::Text(chain) => chain.check(),
            Root::List(chain) => chain.check(),
            Root::Outcome(chain) => chain.check(),
            Root::Router(router) => router.check(),
        }
    });
    checked.map(|warnings| warnings.len())
}

/// The chain of a seed, for people.
pub fn describe(seed: u64) -> (String, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let case = Grower::case(seed, &World::new(), None);
        (case.text.to_string(), case.text.lines())
    })
}
