use std::sync::Mutex;

use futures_util::TryStreamExt;

use super::*;
use crate::RunnableExt;
use crate::run::observer::{Observer, StepEvent};
use crate::{Merge, Retry, generator, lambda};

type Step = BoxRunnable<String, String>;

fn fails(name: &str, kind: ErrorKind) -> Step {
    lambda(move |_: String| async move { Err::<String, _>(Error::new(kind, "no")) }).with_name(name).boxed()
}

fn says(text: &'static str) -> Step {
    lambda(move |_: String| async move { Ok(text.to_string()) }).boxed()
}

/// Pieces, then an error or the end.
fn pieces(pieces: &'static [&'static str], error: Option<ErrorKind>) -> Step {
    let step = generator(move |input: Chunks<'_, String>| {
        let end = error.map(|kind| Err(Error::new(kind, "broken")));
        let pieces = pieces.iter().map(|piece| Ok(piece.to_string())).chain(end);
        let pieces =
            futures_util::stream::once(input.collect()).map_ok(move |_| futures_util::stream::iter(pieces.clone()));
        Chunks::new(pieces.try_flatten(), Merge::append())
    });
    step.boxed()
}

#[tokio::test]
async fn alternatives_are_tried_in_order() {
    let step = fails("a", ErrorKind::Server).with_fallback(fails("b", ErrorKind::Timeout)).with_fallback(says("c"));
    assert_eq!(step.invoke("x").await.unwrap(), "c");
    assert_eq!(step.stream("x").collect().await.unwrap(), "c");
    assert_eq!(step.batch(["x", "y"]).await.unwrap(), ["c", "c"]);
    assert_eq!(says("a").with_fallback(says("b")).invoke("x").await.unwrap(), "a");
}

#[tokio::test]
async fn what_another_would_fail_with_too_does_not_fall_back() {
    let step = fails("a", ErrorKind::InvalidInput).with_fallback(says("b"));
    assert_eq!(step.invoke("x").await.unwrap_err().to_string(), "a: invalid input: no");
    assert_eq!(step.stream("x").collect().await.unwrap_err().to_string(), "a: invalid input: no");

    let told = step.fallback_if(|error| error.kind() == ErrorKind::InvalidInput);
    assert_eq!(told.invoke("x").await.unwrap(), "b");
    let stops = fails("a", ErrorKind::Server)
        .with_fallbacks([fails("b", ErrorKind::Parse), says("c")])
        .fallback_if(|error| error.kind() == ErrorKind::Server);
    assert_eq!(
        stops.invoke("x").await.unwrap_err().to_string(),
        "b: parse error: no (after 2 attempts) (and 1 more failure)"
    );
}

#[tokio::test(start_paused = true)]
async fn the_error_at_the_end_holds_every_attempt() {
    let step = fails("a", ErrorKind::Server)
        .with_retry(Retry::attempts(2))
        .with_fallbacks([fails("b", ErrorKind::RateLimited), fails("c", ErrorKind::Parse)]);
    for error in [step.invoke("x").await.unwrap_err(), step.stream("x").collect().await.unwrap_err()] {
        assert_eq!(error.to_string(), "c: parse error: no (after 4 attempts) (and 2 more failures)");
        let kinds: Vec<_> = error.attempts().iter().map(|attempt| attempt.kind()).collect();
        assert_eq!(kinds, [ErrorKind::Server, ErrorKind::Server, ErrorKind::RateLimited, ErrorKind::Parse]);
        let related: Vec<_> = error.related().iter().map(ToString::to_string).collect();
        assert_eq!(related, ["a: server error: no (after 2 attempts)", "b: rate limited: no"]);
        assert!(error.is_exhausted(), "a retry further out would try `a` again");
    }
}

#[tokio::test]
async fn a_stream_is_switched_before_its_first_chunk_and_not_after() {
    let step = pieces(&[], Some(ErrorKind::Server)).with_fallback(pieces(&["f", "oo"], None));
    assert_eq!(step.stream("x").try_collect::<Vec<_>>().await.unwrap(), ["f", "oo"]);

    let step = pieces(&["half"], Some(ErrorKind::Server)).with_fallback(says("other"));
    let mut stream = step.stream("x");
    assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("half"));
    assert_eq!(stream.try_next().await.unwrap_err().to_string(), "generator: server error: broken");
    assert!(stream.next().await.is_none());
    // Nothing was handed on to anybody here.
    assert_eq!(step.stream("x").collect().await.unwrap(), "other");
    assert_eq!(step.invoke("x").await.unwrap(), "other");
}

#[tokio::test]
async fn a_failed_input_is_no_failure_of_the_step() {
    let chain = fails("before", ErrorKind::Server).pipe(says("a").with_fallback(says("b")));
    assert_eq!(chain.stream("x").collect().await.unwrap_err().to_string(), "before: server error: no");
    assert_eq!(chain.invoke("x").await.unwrap_err().to_string(), "before: server error: no");
}

#[tokio::test]
async fn a_shared_budget_counts_alternatives() {
    let budget = RetryBudget::new().reserve(1).share(0.0).per_second(0.0);
    let step = fails("a", ErrorKind::Server).with_fallback(says("b")).budget(&budget);
    assert_eq!(step.invoke("x").await.unwrap(), "b");
    let error = step.invoke("x").await.unwrap_err();
    assert_eq!(error.to_string(), "a: server error: no (no fallback: the retry budget is used up)");
}

#[tokio::test]
async fn observers_hear_of_it() {
    #[derive(Default)]
    struct Log(Mutex<Vec<String>>);
    impl Observer for Log {
        fn fell_back(&self, step: &StepEvent<'_>, alternative: usize, error: &Error) {
            self.0.lock().unwrap().push(format!("{} -> {alternative}: {:?}", step.path(), error.kind()));
        }
    }
    let log = Arc::new(Log::default());
    let step = fails("a", ErrorKind::Server).with_fallbacks([fails("b", ErrorKind::Parse), says("c")]);
    step.invoke_with("x", &RunConfig::new().observer(log.clone())).await.unwrap();
    assert_eq!(*log.0.lock().unwrap(), ["a -> 1: Server", "b -> 2: Parse"]);
}
