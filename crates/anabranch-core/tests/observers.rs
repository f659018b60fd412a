//! What observers hear of a run.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::*;
use common::{after, fails_after, hangs, letters, shout};
use futures::StreamExt;
use serde_json::{Value, json};

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn add(&self, event: &str, step: &StepEvent<'_>) {
        self.0.lock().unwrap().push(format!("{event} {} [{}]", step.path(), step.kind()));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Log {
    fn started(&self, step: &StepEvent<'_>) {
        self.add("started", step);
    }

    fn chunk(&self, step: &StepEvent<'_>) {
        self.add("chunk", step);
    }

    fn finished(&self, step: &StepEvent<'_>) {
        self.add(&format!("finished in {:?}", step.elapsed()), step);
    }

    fn failed(&self, step: &StepEvent<'_>, error: &Error) {
        self.add(&format!("failed ({})", error.kind()), step);
    }

    fn cancelled(&self, step: &StepEvent<'_>) {
        self.add("cancelled", step);
    }
}

#[tokio::test(start_paused = true)]
async fn every_named_step_starts_and_ends() {
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone());
    let chain = parallel! { "a": after(3).with_name("wait"), "b": RunnablePassthrough }.pick("a").with_name("whole");
    chain.invoke_with(json!(1), &config).await.unwrap();
    assert_eq!(
        log.take(),
        [
            "started whole [sequence]",
            "started whole > parallel \"a\" [branch]",
            "started whole > parallel \"a\" > wait [lambda]",
            "started whole > parallel \"b\" [branch]",
            "started whole > parallel \"b\" > RunnablePassthrough [passthrough]",
            "finished in 0ns whole > parallel \"b\" > RunnablePassthrough [passthrough]",
            "finished in 0ns whole > parallel \"b\" [branch]",
            "finished in 3ms whole > parallel \"a\" > wait [lambda]",
            "finished in 3ms whole > parallel \"a\" [branch]",
            "started whole > pick [pick]",
            "finished in 0ns whole > pick [pick]",
            "finished in 3ms whole [sequence]",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn chunks_are_heard_step_by_step() {
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone());
    let chain = letters("ab").with_name("source").pipe(shout().with_name("shout"));
    assert_eq!(chain.stream_with(1, &config).count().await, 2);
    assert_eq!(
        log.take(),
        [
            "started shout [generator]",
            "started source [generator]",
            "chunk source [generator]",
            "chunk shout [generator]",
            "chunk source [generator]",
            "chunk shout [generator]",
            "finished in 2ms source [generator]",
            "finished in 2ms shout [generator]",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_heard_where_it_happened_and_siblings_are_cancelled() {
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone());
    let chain = parallel! { "bad": fails_after(1, ErrorKind::Server, "x"), "slow": hangs() }.pipe(after(1));
    chain.invoke_with(json!(1), &config).await.unwrap_err();
    assert_eq!(
        log.take()[4..],
        [
            "failed (server error) parallel \"bad\" > lambda [lambda]",
            "failed (server error) parallel \"bad\" [branch]",
            "cancelled parallel \"slow\" > lambda [lambda]",
            "cancelled parallel \"slow\" [branch]",
        ]
    );
    let mut stream = chain.stream_with(json!(1), &config);
    assert!(stream.next().await.unwrap().is_err());
    drop(stream);
    let heard = log.take();
    assert!(heard.contains(&"failed (server error) parallel \"bad\" [branch]".to_string()), "{heard:?}");
    // The step behind it never got its input: it did not fail.
    assert!(!heard.contains(&"failed (server error) lambda [lambda]".to_string()), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_dropped_is_cancelled() {
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone());
    let chain = letters("abc").with_name("source");
    let mut stream = chain.stream_with(1, &config);
    stream.next().await;
    drop(stream);
    assert_eq!(log.take(), ["started source [generator]", "chunk source [generator]", "cancelled source [generator]"]);
}

#[tokio::test(start_paused = true)]
async fn a_step_called_directly_reports_itself() {
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone()).timeout(Duration::from_secs(1));
    after(1).invoke_with(json!(1), &config).await.unwrap();
    letters("a").stream_with(json!(1), &config).collect().await.unwrap();
    assert_eq!(
        log.take(),
        [
            "started lambda [lambda]",
            "finished in 1ms lambda [lambda]",
            "started generator [generator]",
            "finished in 1ms generator [generator]"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_run_s_name_tags_and_metadata_reach_every_step() {
    struct Facts(Mutex<Vec<String>>);
    impl Observer for Facts {
        fn started(&self, step: &StepEvent<'_>) {
            let user = step.metadata().and_then(|metadata| metadata.get("user")).cloned();
            let nested = step.parent_id().is_some_and(|parent| parent < step.id());
            self.0.lock().unwrap().push(format!("{:?} {:?} {user:?} {nested}", step.run_name(), step.tags()));
        }
    }
    let facts = Arc::new(Facts(Mutex::default()));
    let config =
        RunConfig::new().name("run").tag("a").tag("b").tag("a").metadata_entry("user", 7).observer(facts.clone());
    let chain = after(1).with_config(RunConfig::new().tag("bound")).with_name("outer");
    chain.invoke_with(json!(1), &config).await.unwrap();
    assert_eq!(
        *facts.0.lock().unwrap(),
        [r#"Some("run") ["a", "b"] Some(Number(7)) false"#, r#"Some("run") ["bound", "a", "b"] Some(Number(7)) true"#]
    );
}

#[tokio::test(start_paused = true)]
async fn batches_report_their_elements() {
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(log.clone());
    let chain: BoxRunnable<Value, Value> = after(1).boxed();
    chain.batch_with([json!(1), json!(2)], &config).await.unwrap();
    let heard = log.take();
    assert!(heard.contains(&"finished in 1ms batch 1 > lambda [lambda]".to_string()), "{heard:?}");
}

/// Everything that is heard, with ids.
#[derive(Default)]
struct Ids {
    started: Mutex<Vec<u64>>,
    /// What was heard of a step besides its beginning.
    heard: Mutex<Vec<(String, u64)>>,
}

impl Ids {
    fn hear(&self, what: &str, step: &StepEvent<'_>) {
        self.heard.lock().unwrap().push((format!("{what} {} [{}]", step.path(), step.kind()), step.id()));
    }

    fn take_texts(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap()).into_iter().map(|(text, _)| text).collect()
    }
}

impl Observer for Ids {
    fn started(&self, step: &StepEvent<'_>) {
        self.started.lock().unwrap().push(step.id());
    }

    fn failed(&self, step: &StepEvent<'_>, error: &Error) {
        self.hear(&format!("failed ({})", error.kind()), step);
    }

    fn cancelled(&self, step: &StepEvent<'_>) {
        self.hear("cancelled", step);
    }

    fn retrying(&self, step: &StepEvent<'_>, _: &Attempt, _: &Error) {
        self.hear("retrying", step);
    }

    fn fell_back(&self, step: &StepEvent<'_>, _: usize, _: &Error) {
        self.hear("fell back", step);
    }

    fn hedged(&self, step: &StepEvent<'_>) {
        self.hear("hedged", step);
    }

    fn waited(&self, step: &StepEvent<'_>, _: &Waited) {
        self.hear("waited", step);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_heard_of_an_attempt_is_heard_of_a_step_that_began() {
    let ids = Arc::new(Ids::default());
    let config = RunConfig::new().observer(ids.clone());
    let fails = || fails_after(1, ErrorKind::Server, "down");
    let chains = [
        fails().with_retry(Retry::attempts(2).seed(1)).boxed(),
        fails().with_fallback(after(1)).boxed(),
        after(50).hedged(Duration::from_millis(5)).boxed(),
        // What is tried again has no name of its own.
        fails().pipe(after(1)).with_retry(Retry::attempts(2).seed(1)).boxed(),
        parallel! { "a": fails().with_timeout(Duration::from_secs(1)).with_fallback(after(1)) }.boxed(),
    ];
    for chain in &chains {
        let _ = chain.invoke_with(json!(1), &config).await;
        let _ = chain.stream_with(json!(1), &config).collect().await;
        let mut stream = chain.stream_with(json!(1), &config);
        while stream.next().await.is_some() {}
    }
    let started = ids.started.lock().unwrap().clone();
    for (text, id) in ids.heard.lock().unwrap().iter() {
        assert!(started.contains(id), "{text} ({id}) never started");
    }
    let texts = ids.take_texts();
    for what in ["retrying lambda [lambda]", "fell back lambda [lambda]", "hedged lambda [lambda]"] {
        assert_eq!(texts.iter().filter(|text| *text == what).count(), 3, "{what}: {texts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_is_said_to_have_waited_who_did_not() {
    let ids = Arc::new(Ids::default());
    let config = RunConfig::new().observer(ids.clone()).max_concurrency(1);
    let step = after(0).pipe(common::leaf(&common::Gauge::default(), 5));
    let limited = step.with_rate_limiter(TokenBucket::new().requests(100, Duration::from_secs(1)));
    for _ in 0..3 {
        limited.invoke_with(json!(1), &config).await.unwrap();
        limited.stream_with(json!(1), &config).collect().await.unwrap();
    }
    drop(config.permit().await);
    assert_eq!(ids.take_texts(), Vec::<String>::new());
    // Who did is the step that waited, by its own kind.
    let (one, two) = tokio::join!(limited.invoke_with(json!(1), &config), limited.invoke_with(json!(1), &config));
    assert!(one.is_ok() && two.is_ok());
    assert_eq!(ids.take_texts(), ["waited sequence > lambda [lambda]"]);
}

#[tokio::test(start_paused = true)]
async fn a_time_out_is_heard_as_the_failure_of_the_steps_it_stops() {
    let ids = Arc::new(Ids::default());
    let config = RunConfig::new().observer(ids.clone());
    let ten = Duration::from_millis(10);
    let slow = || after(50).pipe(after(50)).with_name("slow");
    let in_time = config.clone().timeout(ten);
    let expected = |kind: &str| {
        vec![format!("failed ({kind}) slow > lambda [lambda]"), format!("failed ({kind}) slow [sequence]")]
    };
    for (chain, config, kind) in [
        (slow().with_timeout(ten).boxed(), &config, "timed out"),
        (slow().boxed(), &in_time, "deadline exceeded"),
        (slow().spawned().with_timeout(ten).boxed(), &config, "timed out"),
    ] {
        chain.invoke_with(json!(1), config).await.unwrap_err();
        assert_eq!(ids.take_texts(), expected(kind));
        chain.stream_with(json!(1), config).collect().await.unwrap_err();
        assert_eq!(ids.take_texts(), expected(kind));
        let mut stream = chain.stream_with(json!(1), config);
        assert!(stream.next().await.unwrap().is_err());
        drop(stream);
        // Chunk by chunk the second step has begun, too.
        let heard = ids.take_texts();
        assert!(expected(kind).iter().all(|failure| heard.contains(failure)), "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_anywhere_touches_nothing() {
    struct Panics;
    impl Observer for Panics {
        fn started(&self, _: &StepEvent<'_>) {
            panic!("started");
        }

        fn chunk(&self, _: &StepEvent<'_>) {
            panic!("chunk");
        }

        fn finished(&self, _: &StepEvent<'_>) {
            panic!("finished");
        }

        fn failed(&self, _: &StepEvent<'_>, _: &Error) {
            panic!("failed");
        }

        fn cancelled(&self, _: &StepEvent<'_>) {
            panic!("cancelled");
        }
    }
    std::panic::set_hook(Box::new(|_| {}));
    let log = Arc::new(Log::default());
    let config = RunConfig::new().observer(Arc::new(Panics)).observer(log.clone());
    let chain = parallel! { "a": after(1), "b": letters("xy") };
    assert_eq!(chain.invoke_with(json!(1), &config).await.unwrap(), json!({ "a": 1, "b": "xy" }));
    assert_eq!(chain.stream_with(json!(1), &config).collect().await.unwrap(), json!({ "a": 1, "b": "xy" }));
    let stopped = parallel! { "a": fails_after(1, ErrorKind::Server, "x"), "b": hangs(), "c": hangs().spawned() };
    assert_eq!(stopped.invoke_with(json!(1), &config).await.unwrap_err().kind(), ErrorKind::Server);
    // Dropped while a panic of the program's own unwinds it would be the end of the process.
    let unwound = tokio::spawn(async move {
        let mut running = Box::pin(chain.invoke_with(json!(1), &config));
        assert!(futures::poll!(&mut running).is_pending());
        panic!("the program's own");
    });
    assert!(unwound.await.unwrap_err().is_panic());
    assert!(
        log.take().iter().any(|heard| heard.starts_with("cancelled parallel \"a\"")),
        "the other observer hears on"
    );
}

/// Hears tokens if it wants them, each with its step.
struct Tokens {
    wants: bool,
    told: Mutex<Vec<String>>,
}

impl Tokens {
    fn new(wants: bool) -> Arc<Self> {
        Arc::new(Self { wants, told: Mutex::default() })
    }
}

impl Observer for Tokens {
    fn wants_tokens(&self) -> bool {
        self.wants
    }

    fn token(&self, step: &StepEvent<'_>, text: &str) {
        self.told.lock().unwrap().push(format!("{}: {text}", step.path()));
    }
}

#[tokio::test]
async fn tokens_are_told_of_the_step_that_made_them_to_those_who_want_them() {
    let talks = lambda_with(|n: i64, config: RunConfig| async move {
        config.token("a");
        config.token("");
        config.token("b");
        Ok((n, config.wants_tokens(), config.step_path().map(ToString::to_string)))
    });
    let asked = lambda(async |(_, wants, path): (i64, bool, Option<String>)| Ok((wants, path)));
    let chain = parallel! { "x": talks.clone().with_name("talks").spawned() | asked.clone() };
    let (wants, deaf) = (Tokens::new(true), Tokens::new(false));
    let both = RunConfig::new().observer(wants.clone()).observer(deaf.clone());
    let path = "parallel \"x\" > talks";
    assert_eq!(chain.invoke_with(1, &both).await.unwrap(), json!({ "x": [true, path] }));
    assert_eq!(*wants.told.lock().unwrap(), [format!("{path}: a"), format!("{path}: b")]);

    let watched = RunConfig::new().observer(deaf.clone());
    assert_eq!(chain.invoke_with(1, &watched).await.unwrap(), json!({ "x": [false, path] }));
    assert_eq!(chain.invoke(1).await.unwrap(), json!({ "x": [false, null] }));
    // Outside of a step there is nothing to tell it of.
    both.token("lost");
    assert!(both.wants_tokens() && both.step_path().is_none());
    assert_eq!((wants.told.lock().unwrap().len(), deaf.told.lock().unwrap().len()), (2, 0));
}

/// A step of a user's own that says nothing of itself.
struct Plain;

impl Runnable for Plain {
    type Input = Value;
    type Output = Value;

    async fn call(&self, input: Value, _: &RunConfig) -> Result<Value> {
        if input.is_null() { Err(Error::other("nothing to do")) } else { Ok(input) }
    }
}

#[tokio::test(start_paused = true)]
async fn a_step_that_says_nothing_of_itself_is_known_by_its_type() {
    struct Names(Mutex<Vec<String>>);
    impl Observer for Names {
        fn started(&self, step: &StepEvent<'_>) {
            let path = step.path();
            self.0.lock().unwrap().push(format!("{} of {:?}: {}", path.name(), path.names(), step.kind()));
        }
    }
    let names = Arc::new(Names(Mutex::default()));
    let config = RunConfig::new().observer(names.clone());
    let chain = parallel! { "a": Plain };
    chain.invoke_with(json!(1), &config).await.unwrap();
    assert_eq!(
        *names.0.lock().unwrap(),
        [r#"parallel "a" of ["parallel \"a\""]: branch"#, r#"Plain of ["parallel \"a\"", "Plain"]: step"#]
    );
    let error = chain.invoke(json!(null)).await.unwrap_err();
    assert_eq!(error.to_string(), "parallel \"a\" > Plain: error: nothing to do");
    assert_eq!(Plain.describe().name, "Plain");
    let fails = lambda_with(|_: Value, _| async { Err::<Value, _>(Error::other("no")) });
    assert_eq!(parallel! { "a": fails }.invoke(1).await.unwrap_err().path().last(), Some("lambda"));
}
