//! Laws 1, 4 and 7: which failure is the error, what it says, what is kept.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch_core::*;
use common::{Gauge, after, fails_after, hangs, leaf, letters, shout};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value, json};

fn path(error: &Error) -> Vec<&str> {
    error.path().collect()
}

#[tokio::test(start_paused = true)]
async fn the_path_names_every_step_from_the_outside_in() {
    let inner = after(1).pipe(fails_after(1, ErrorKind::RateLimited, "status 429").with_name("model"));
    let chain = parallel! { "summary": inner, "other": after(50) }.with_name("synthesis");
    let invoked = chain.invoke(1).await.unwrap_err();
    assert_eq!(invoked.to_string(), "synthesis > parallel \"summary\" > model: rate limited: status 429");
    assert!(invoked.is_retryable());
    let streamed = chain.stream(1).collect().await.unwrap_err();
    assert_eq!(path(&streamed), path(&invoked));
    let streamed = chain.stream(1).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(path(&streamed), path(&invoked));
    // The same where a configuration is watched.
    let config = RunConfig::new().timeout(Duration::from_secs(9));
    assert_eq!(path(&chain.invoke_with(json!(1), &config).await.unwrap_err()), path(&invoked));
    assert_eq!(path(&chain.stream_with(json!(1), &config).collect().await.unwrap_err()), path(&invoked));
}

#[tokio::test(start_paused = true)]
async fn a_step_is_not_blamed_for_what_comes_in() {
    // The first step fails; three kinds of consumers stream its output.
    let broken = || {
        generator(|input: Chunks<'_, Value>| {
            let pieces = futures::stream::iter([Ok("a".to_string()), Err(Error::new(ErrorKind::Server, "died"))]);
            drop(input);
            Chunks::new(pieces, Merge::append())
        })
        .with_name("source")
    };
    let fan = || RunnableParallel::new().branch("loud", shout().pipe(shout())).branch("same", passthrough::<String>());
    let chains: Vec<BoxRunnable<Value, Value>> = vec![
        broken().pipe(shout()).pipe(RunnablePassthrough).boxed(),
        broken().pipe(fan()).boxed(),
        broken().pipe(fan().settled()).pipe(RunnablePassthrough).boxed(),
        broken().pipe(async |text: String| Ok(json!(text))).pipe(after(1)).boxed(),
    ];
    for chain in &chains {
        let outer = parallel! { "outer": chain.clone() };
        for error in [
            outer.invoke(1).await.unwrap_err(),
            outer.stream(1).collect().await.unwrap_err(),
            outer.stream(1).try_collect::<Vec<_>>().await.unwrap_err(),
        ] {
            assert_eq!(path(&error), ["parallel \"outer\"", "source"], "{error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_in_time_is_the_error() {
    let panel = parallel! {
        "late": fails_after(20, ErrorKind::Server, "late"),
        "early": fails_after(10, ErrorKind::Server, "early"),
    };
    for error in [panel.invoke(1).await.unwrap_err(), panel.stream(1).collect().await.unwrap_err()] {
        assert_eq!((path(&error)[0], error.related().len()), ("parallel \"early\"", 0));
    }
}

#[tokio::test(start_paused = true)]
async fn failures_of_the_same_moment_are_told_in_declaration_order() {
    for many in [false, true] {
        let mut panel = RunnableParallel::new()
            .branch("slow", after(100))
            .branch("b", fails_after(10, ErrorKind::Server, "b"))
            .branch("a", fails_after(10, ErrorKind::Server, "a"))
            .branch("c", fails_after(10, ErrorKind::Server, "c"));
        for index in 0..if many { 60 } else { 0 } {
            panel = panel.branch(format!("more {index}"), after(100));
        }
        for error in [panel.invoke(1).await.unwrap_err(), panel.stream(1).collect().await.unwrap_err()] {
            let related: Vec<_> = error.related().iter().map(|error| path(error)[0].to_string()).collect();
            assert_eq!(path(&error)[0], "parallel \"b\"", "{many}");
            assert_eq!(related, ["parallel \"a\"", "parallel \"c\""], "{many}");
            assert!(error.to_string().ends_with("server error: b (and 2 more failures)"), "{error}");
        }
    }
    let tuple = (after(9), fails_after(1, ErrorKind::Server, "x"), fails_after(1, ErrorKind::Server, "y"));
    let error = tuple.invoke(1).await.unwrap_err();
    assert_eq!((path(&error)[0], error.related().len()), ("tuple 1", 1));
}

#[tokio::test(start_paused = true)]
async fn a_key_that_stands_twice_fails_before_anything_runs() {
    let gauge = Gauge::default();
    let twice = RunnableParallel::new().branch("a", leaf(&gauge, 1)).branch("a", leaf(&gauge, 1));
    for error in [
        twice.check().unwrap_err(),
        twice.invoke(1).await.unwrap_err(),
        twice.stream(1).collect().await.unwrap_err(),
        twice.clone().settled().invoke(1).await.unwrap_err(),
        RunnableParallel::<Value>::new().branch("a", after(1)).try_branch("a", after(1)).unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidChain);
        assert!(error.to_string().contains("\"a\""), "{error}");
    }
    assert_eq!(gauge.total(), 0);
}

#[tokio::test(start_paused = true)]
async fn settled_keeps_every_outcome_in_declaration_order() {
    let panel = || {
        parallel! {
            "slow": letters("slow"),
            "bad": fails_after(1, ErrorKind::Server, "down"),
            "quick": RunnablePassthrough,
        }
        .settled()
    };
    let shape = |outcome: &Outcome| {
        outcome.iter().map(|(key, done)| (key.to_string(), done.as_ref().ok().cloned())).collect::<Vec<_>>()
    };
    let expected = vec![
        ("slow".to_string(), Some(json!("slow"))),
        ("bad".to_string(), None),
        ("quick".to_string(), Some(json!(1))),
    ];
    let outcome = panel().invoke(1).await.unwrap();
    assert_eq!(shape(&outcome), expected);
    assert_eq!(shape(&panel().stream(1).collect().await.unwrap()), expected);
    assert_eq!(outcome.absent().collect::<Vec<_>>(), ["bad"]);
    assert_eq!(outcome.get("bad").unwrap().as_ref().unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(format!("{outcome:?}"), r#"{"slow": "ok", "bad": Server, "quick": "ok"}"#);
    assert_eq!(outcome.clone().into_result().unwrap_err().to_string(), "parallel \"bad\" > lambda: server error: down");
    assert_eq!(Value::from(outcome), json!({"slow": "slow", "quick": 1}));
    // Four letters, one failure, one input.
    assert_eq!(panel().stream(1).count().await, 6);
    // A following step sees the successes.
    assert_eq!(panel().pipe(RunnablePassthrough).invoke(1).await.unwrap(), json!({"slow": "slow", "quick": 1}));
}

#[tokio::test(start_paused = true)]
async fn at_least_goes_on_or_fails_as_soon_as_it_is_lost() {
    let panel = |needed| {
        parallel! {
            "a": fails_after(1, ErrorKind::Server, "a"),
            "b": after(5),
            "c": fails_after(2, ErrorKind::InvalidInput, "c"),
            "d": hangs(),
        }
        .at_least(needed)
    };
    let start = tokio::time::Instant::now();
    for error in [panel(3).invoke(1).await.unwrap_err(), panel(3).stream(1).collect().await.unwrap_err()] {
        assert_eq!(error.message(), "0 of 4 branches came through, 3 were needed");
        assert_eq!(error.related().len(), 2);
        assert!(error.is_retryable());
    }
    assert_eq!(start.elapsed(), Duration::from_millis(4), "twice 2 ms: lost with the second failure");

    let grace = panel(1).grace(Duration::from_millis(10));
    for outcome in [grace.invoke(1).await.unwrap(), grace.stream(1).collect().await.unwrap()] {
        assert_eq!(outcome.successes().collect::<Vec<_>>(), [("b", &json!(1))]);
        assert_eq!(outcome.get("d").unwrap().as_ref().unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(outcome.len(), 4);
    }
    let error = parallel! { "a": after(1) }.at_least(2).invoke(1).await.unwrap_err();
    assert_eq!(error.message(), "2 branches must come through, but there is 1");
    assert!(parallel! { "a": after(1) }.at_least(2).stream(1).collect().await.is_err());
}

#[tokio::test(start_paused = true)]
async fn only_a_branch_that_is_required_fails_the_whole_and_at_once() {
    let panel = || parallel! { "bad": fails_after(1, ErrorKind::Server, "down"), "good": after(5), "late": after(90) };
    let began = tokio::time::Instant::now();
    for outcome in [
        panel().settled().require(["good", "late"]).invoke(1).await.unwrap(),
        panel().settled().require(["good"]).stream(1).collect().await.unwrap(),
    ] {
        assert_eq!(outcome.absent().collect::<Vec<_>>(), ["bad"]);
    }
    assert_eq!(began.elapsed(), Duration::from_millis(180));
    for error in [
        panel().settled().require(["bad"]).invoke(1).await.unwrap_err(),
        panel().at_least(1).require(["bad"]).stream(1).collect().await.unwrap_err(),
    ] {
        assert_eq!(path(&error.related()[0])[0], "parallel \"bad\"");
        assert!(error.message().ends_with("among them `bad`"), "{error}");
    }
    assert_eq!(began.elapsed(), Duration::from_millis(182), "it does not wait for the others");
    // One that is required and late, too.
    let late = panel().at_least(1).require(["late"]).grace(Duration::from_millis(10));
    for error in [late.invoke(1).await.unwrap_err(), late.stream(1).collect().await.unwrap_err()] {
        assert_eq!(error.related().len(), 2, "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_tries_a_lost_fan_out_again_waits_as_long_as_the_slowest_server_asks() {
    let busy = |seconds| {
        lambda(move |_: Value| async move {
            let error = Error::new(ErrorKind::RateLimited, "busy").with_retry_after(Duration::from_secs(seconds));
            Err::<Value, _>(error)
        })
    };
    let panel = parallel! { "a": busy(3), "b": busy(7), "c": busy(5), "d": after(1) }.at_least(2);
    for error in [panel.invoke(1).await.unwrap_err(), panel.stream(1).collect().await.unwrap_err()] {
        assert_eq!(error.retry_after(), Some(Duration::from_secs(7)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_ends_without_a_chunk_has_not_come_through() {
    let gives_nothing =
        || generator(|_: Chunks<'_, Value>| Chunks::from_values(std::iter::empty::<Value>(), Merge::last()));
    let fails = || fails_after(1, ErrorKind::Server, "down");
    let panel = parallel! { "a": gives_nothing(), "b": fails() }.at_least(1);
    let invoked = panel.invoke(1).await.unwrap_err();
    assert_eq!(invoked.message(), "0 of 2 branches came through, 1 were needed");
    assert_eq!(path(&invoked.related()[0])[0], "parallel \"a\"");
    assert_eq!(invoked.related()[0].kind(), ErrorKind::EmptyStream);
    let collected = panel.stream(1).collect().await.unwrap_err();
    assert_eq!(collected.to_string(), invoked.to_string());
    let by_chunks = panel.stream(1).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(by_chunks.to_string(), invoked.to_string());

    // Where enough others come through it is a failure among them.
    let panel = parallel! { "a": gives_nothing(), "b": after(1) }.at_least(1);
    for outcome in [panel.invoke(1).await.unwrap(), panel.stream(1).collect().await.unwrap()] {
        assert_eq!(outcome.absent().collect::<Vec<_>>(), ["a"]);
    }
}

#[tokio::test(start_paused = true)]
async fn all_failures_of_a_moment_are_kept_however_many() {
    let fails = || lambda(async |_: Value| Err::<Value, _>(Error::new(ErrorKind::Server, "down")));
    let count = 300;
    let keys = || (0..count).map(|index| format!("k{index}"));
    let panel = keys().fold(RunnableParallel::new(), |panel, key| panel.branch(key, fails()));
    let list = lambda(move |v: Value| async move { Ok(vec![v; count]) }).pipe(fails().each());
    let alternatives = || (0..count).map(|_| fails().boxed());
    for error in [
        panel.invoke(1).await.unwrap_err(),
        panel.stream(1).collect().await.unwrap_err(),
        list.invoke(1).await.unwrap_err(),
        race(alternatives()).invoke(1).await.unwrap_err(),
        first_success(alternatives()).invoke(1).await.unwrap_err(),
        fails().with_fallbacks(alternatives().skip(1)).invoke(1).await.unwrap_err(),
        fails().batch(vec![1; count]).await.unwrap_err(),
    ] {
        assert_eq!(error.related().len(), count - 1, "{error}");
    }
    // Where they wait for timers, too, of which tokio lets only so many be heard in one poll.
    let later = || fails_after(1, ErrorKind::Server, "down");
    let waiting = keys().fold(RunnableParallel::new(), |panel, key| panel.branch(key, later()));
    let list = lambda(move |v: Value| async move { Ok(vec![v; count]) }).pipe(later().each());
    for error in [
        waiting.invoke(1).await.unwrap_err(),
        waiting.stream(1).collect().await.unwrap_err(),
        waiting.stream(1).try_collect::<Vec<_>>().await.unwrap_err(),
        list.invoke(1).await.unwrap_err(),
        later().batch(vec![json!(1); count]).await.unwrap_err(),
    ] {
        assert_eq!(error.related().len(), count - 1, "{error}");
    }
    for error in [
        panel.clone().at_least(1).invoke(1).await.unwrap_err(),
        panel.at_least(1).stream(1).collect().await.unwrap_err(),
    ] {
        assert_eq!(error.related().len(), count, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn races_and_votes() {
    let fails = |millis| fails_after(millis, ErrorKind::Server, "down").boxed();
    let ok =
        |millis, answer: &'static str| after(millis).pipe(move |_: Value| async move { Ok(json!(answer)) }).boxed();
    assert_eq!(first_success([fails(1), ok(9, "x"), hangs().boxed()]).invoke(1).await.unwrap(), "x");
    let error = first_success([fails(2), fails(1)]).invoke(1).await.unwrap_err();
    assert_eq!((path(&error)[0], error.related().len()), ("alternative 0", 1));
    assert_eq!(race([fails(1), ok(9, "x")]).invoke(1).await.unwrap_err().kind(), ErrorKind::Server);
    assert_eq!(race([ok(1, "x"), fails(9)]).invoke(1).await.unwrap(), "x");
    assert_eq!(race::<Value, Value>([]).invoke(1).await.unwrap_err().kind(), ErrorKind::InvalidChain);

    let stream = first_success([hangs().pipe(async |_: Value| Ok(String::new())).boxed(), letters("abc").boxed()]);
    assert_eq!(stream.stream(1).try_collect::<Vec<_>>().await.unwrap(), ["a", "b", "c"]);
    assert_eq!(stream.stream(1).collect().await.unwrap(), "abc");

    let vote = quorum(2, [ok(1, "x"), ok(2, "y"), fails(2), ok(3, "y"), hangs().boxed()]).invoke(1).await.unwrap();
    assert_eq!((vote.answer, vote.votes, vote.others, vote.failed), (json!("y"), 2, vec![(json!("x"), 1)], 1));
    let error = quorum(3, [ok(1, "secret"), ok(2, "y"), fails(3)]).invoke(1).await.unwrap_err();
    assert_eq!(error.message(), "no answer got 3 of 3 votes: votes by answer [1, 1], 0 voters failed");
    assert_eq!(quorum(2, [fails(1), fails(1)]).invoke(1).await.unwrap_err().related().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_branch_asks_in_order_and_no_further_than_needed() {
    let asked = Arc::new(AtomicUsize::new(0));
    let above = |limit: i64| {
        let asked = asked.clone();
        move |n: &i64| {
            asked.fetch_add(1, Ordering::SeqCst);
            *n > limit
        }
    };
    let branch = RunnableBranch::when(above(0), lambda(async |n: i64| Ok(n + 1)))
        .or_when(above(0), lambda(async |_: i64| Err(Error::other("never"))))
        .otherwise(lambda(async |n: i64| Ok(n - 1)));
    assert_eq!((branch.invoke(1).await.unwrap(), asked.swap(0, Ordering::SeqCst)), (2, 1));
    assert_eq!((branch.invoke(-3).await.unwrap(), asked.swap(0, Ordering::SeqCst)), (-4, 2));
}

#[tokio::test]
async fn a_chain_that_chooses_itself_without_end_is_an_error() {
    fn until(limit: i64) -> BoxRunnable<i64, i64> {
        dynamic(move |n: i64| async move {
            Ok(if n >= limit {
                lambda(async |n: i64| Ok(n)).boxed()
            } else {
                lambda(async |n: i64| Ok(n + 1)).pipe(until(limit)).boxed()
            })
        })
        .boxed()
    }
    assert_eq!(until(10).invoke(5).await.unwrap(), 10);
    assert_eq!(until(10).stream(5).collect().await.unwrap(), 10);
    // From 0 to 10 eleven are chosen inside each other.
    assert_eq!(until(10).invoke_with(0, &RunConfig::new().max_depth(11)).await.unwrap(), 10);
    let shallow = RunConfig::new().max_depth(10);
    let error = until(10).invoke_with(0, &shallow).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidChain);
    assert!(error.to_string().contains("max_depth"), "{error}");
    assert_eq!(until(i64::MAX).stream(0).collect().await.unwrap_err().kind(), ErrorKind::InvalidChain);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_route_fails_before_anything_runs() {
    let gauge = Gauge::default();
    let router = RunnableRouter::by(|v: &Value| v.to_string()).route("1", leaf(&gauge, 1)).route("2", leaf(&gauge, 1));
    let error = router.batch([json!(1), json!(2), json!(3)]).await.unwrap_err();
    assert_eq!(error.to_string(), "batch 2: invalid input: the router has no route `3`: there are `1` and `2`");
    assert_eq!(gauge.total(), 0);
    assert_eq!(router.batch([json!(2), json!(1)]).await.unwrap(), [2, 1]);
    let prompt = "p".repeat(100);
    assert!(!router.invoke(prompt.as_str()).await.unwrap_err().to_string().contains("ppp"));
}

#[tokio::test]
async fn what_is_no_object_is_told_by_its_kind_and_not_shown() {
    let steps = [
        RunnablePassthrough.assign(parallel! { "a": RunnablePassthrough }).boxed(),
        RunnablePassthrough.pick("a").boxed(),
    ];
    for (given, kind) in [
        (json!(null), "null"),
        (json!(true), "a boolean"),
        (json!(4711), "a number"),
        (json!("secret"), "a text"),
        (json!(["secret"]), "a list"),
    ] {
        for step in &steps {
            let error = step.invoke(given.clone()).await.unwrap_err();
            assert!(error.message().ends_with(kind), "{kind}: {error}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_without_a_json_form_is_an_error() {
    let odd = lambda(async |_: Value| Ok(std::collections::HashMap::from([((1, 2), 3)])));
    let error = parallel! { "odd": odd }.invoke(1).await.unwrap_err();
    assert_eq!((error.kind(), path(&error)[0]), (ErrorKind::Parse, "parallel \"odd\""));
}
