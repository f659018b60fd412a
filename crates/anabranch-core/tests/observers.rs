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
