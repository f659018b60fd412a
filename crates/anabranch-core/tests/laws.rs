//! Law 6: a stream collected is what `invoke` gives, for every combinator; and what streams, streams.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use std::sync::Arc;

use anabranch_core::*;
use common::{after, chunks_of, letters, shout, three_ways};
use futures::{FutureExt, StreamExt, TryStreamExt};
use serde_json::{Value, json};

/// Of an endless stream nothing is left: whoever stops it has to have a turn.
#[test]
fn a_stream_of_which_nothing_is_left_lets_other_tasks_have_their_turn() {
    let endless = generator(|_: Chunks<'_, i32>| {
        Chunks::new(futures::stream::repeat_with(|| Ok(json!({"other": 1}))), Merge::last())
    });
    let picked = endless.clone().pick("wanted");
    assert!(picked.stream(1).next().now_or_never().is_none());
    let waits = lambda(async |_: Value| std::future::pending::<Result<i32>>().await);
    let replaced = endless.assign(parallel! { "other": waits });
    assert!(replaced.stream(1).next().now_or_never().is_none());
}

#[tokio::test(start_paused = true)]
async fn sequence() {
    let chain = letters("foo-lish").pipe(shout());
    assert_eq!(three_ways(&chain, || json!(1)).await, "FOO-LISH");
    assert_eq!(chunks_of(&chain, 1).await.len(), 8);
}

#[tokio::test(start_paused = true)]
async fn lambda_takes_the_whole() {
    let chain = letters("abc").pipe(async |text: String| Ok(text.len()));
    assert_eq!(three_ways(&chain, || json!(1)).await, 3);
}

#[tokio::test(start_paused = true)]
async fn parallel_gives_one_key_per_chunk_as_they_come() {
    let map = parallel! { "a": letters("xyz"), "b": after(2), "c": RunnablePassthrough };
    assert_eq!(three_ways(&map, || json!("in")).await.to_string(), r#"{"a":"xyz","b":"in","c":"in"}"#);
    let chunks: Vec<_> = chunks_of(&map, "in").await.iter().map(Value::to_string).collect();
    assert_eq!(chunks, [r#"{"c":"in"}"#, r#"{"a":"x"}"#, r#"{"b":"in"}"#, r#"{"a":"y"}"#, r#"{"a":"z"}"#]);
}

#[tokio::test(start_paused = true)]
async fn parallels_nest() {
    let inner = || parallel! { "x": letters("12"), "y": RunnablePassthrough };
    let map = parallel! { "left": inner(), "right": inner() };
    let whole = three_ways(&map, || json!(0)).await;
    assert_eq!(whole, json!({"left": {"x": "12", "y": 0}, "right": {"x": "12", "y": 0}}));
}

#[tokio::test(start_paused = true)]
async fn a_streamed_input_reaches_every_branch_piece_by_piece() {
    let chain =
        letters("abc").pipe(RunnableParallel::new().branch("loud", shout()).branch("same", passthrough::<String>()));
    assert_eq!(three_ways(&chain, || json!(1)).await, json!({"loud": "ABC", "same": "abc"}));
    assert_eq!(chunks_of(&chain, 1).await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn parallel_takes_what_its_branches_take() {
    let chain = letters("abc").pipe(parallel! {
        "same": RunnablePassthrough,
        "length": async |text: String| Ok(text.len()),
    });
    assert_eq!(three_ways(&chain, || json!(1)).await, json!({"same": "abc", "length": 3}));
    assert_eq!(chunks_of(&chain, 1).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn many_branches() {
    let mut map = RunnableParallel::new();
    for index in 0..200 {
        map = map.branch(format!("k{index}"), letters("ab"));
    }
    let whole = three_ways(&map, || json!(1)).await;
    assert_eq!(whole.as_object().unwrap().len(), 200);
    assert_eq!(whole.as_object().unwrap().keys().nth(199).unwrap(), "k199");
    let limited = map.max_concurrency(7);
    assert_eq!(three_ways(&limited, || json!(1)).await, whole);
}

#[tokio::test(start_paused = true)]
async fn a_branch_that_takes_a_chunk_wakes_the_others_that_wait_for_it() {
    // So many branches are woken one by one, and the channel wakes the last that asked.
    let map = (0..40).fold(RunnableParallel::new(), |map, index| map.branch(format!("k{index}"), shout()));
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<String>();
    let pieces =
        futures::stream::unfold(receiver, |mut receiver| async { Some((Ok(receiver.recv().await?), receiver)) });
    let mut chunks = map.transform(Chunks::new(pieces, Merge::append()));
    assert!(futures::poll!(chunks.next()).is_pending());
    sender.send("a".into()).unwrap();
    for _ in 0..40 {
        let chunk = tokio::time::timeout(std::time::Duration::from_secs(1), chunks.next()).await;
        chunk.expect("every branch is woken").unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn tuple() {
    let pair = (letters("abc"), after(1), passthrough::<Value>());
    assert_eq!(three_ways(&pair, || json!(1)).await, ("abc".to_string(), json!(1), json!(1)));
}

#[tokio::test(start_paused = true)]
async fn assign_streams_the_input_first_and_replaces_keys() {
    let chain = parallel! { "str": letters("foo"), "old": after(1) }
        .assign(parallel! { "hello": letters("hi"), "old": after(2).pick("str") });
    let whole = three_ways(&chain, || json!(1)).await;
    assert_eq!(whole.to_string(), r#"{"str":"foo","hello":"hi","old":"foo"}"#);
    let keys: Vec<_> =
        chunks_of(&chain, 1).await.iter().map(|c| c.as_object().unwrap().keys().next().unwrap().clone()).collect();
    assert_eq!(keys, ["str", "str", "str", "hello", "old", "hello"]);
}

#[tokio::test(start_paused = true)]
async fn assign_nothing_and_to_nothing() {
    assert_eq!(chunks_of(&RunnablePassthrough.assign(parallel! {}), json!({"a": 1})).await, [json!({"a": 1})]);
    let chain = RunnablePassthrough.assign(parallel! { "a": letters("x") });
    assert_eq!(three_ways(&chain, || json!({})).await, json!({"a": "x"}));
    assert_eq!(chunks_of(&chain, json!({})).await, [json!({}), json!({"a": "x"})], "an empty object is an input, too");
    assert_eq!(three_ways(&chain, || json!({"a": 9})).await, json!({"a": "x"}));
    assert_eq!(chain.invoke(3).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(chain.stream(3).collect().await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test(start_paused = true)]
async fn pick() {
    let map = || parallel! { "a": letters("xyz"), "b": after(2), "c": letters("12") };
    assert_eq!(three_ways(&map().pick("a"), || json!(1)).await, json!("xyz"));
    assert_eq!(chunks_of(&map().pick("a"), 1).await, [json!("x"), json!("y"), json!("z")]);
    let two = map().pick(["c", "a"]);
    assert_eq!(three_ways(&two, || json!(1)).await.to_string(), r#"{"c":"12","a":"xyz"}"#);
    assert_eq!(chunks_of(&two, 1).await.len(), 5);

    let absent = RunnablePassthrough.pick("tpoic");
    let error = absent.invoke(json!({"topic": 1})).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "pick: invalid input: `pick` found no key `tpoic`: there are `topic`; did you mean `topic`?"
    );
    assert_eq!(absent.stream(json!({"topic": 1})).collect().await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(absent.stream(json!({"topic": 1})).next().await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn branch_router_and_dynamic_stream_the_chosen_body() {
    let branch = RunnableBranch::when(|n: &Value| n == 1, letters("one")).otherwise(letters("other"));
    assert_eq!(three_ways(&branch, || json!(1)).await, "one");
    assert_eq!(chunks_of(&branch, 2).await.len(), 5);

    let router = RunnableRouter::by(|n: &Value| n.to_string()).route("1", letters("one")).route("2", letters("two!"));
    assert_eq!(three_ways(&router, || json!(1)).await, "one");
    assert_eq!(chunks_of(&router, 2).await.len(), 4);

    let dynamic = dynamic(async |n: Value| Ok(letters(if n == 1 { "one" } else { "other" }).boxed()));
    assert_eq!(three_ways(&dynamic, || json!(1)).await, "one");
    assert_eq!(chunks_of(&dynamic, 2).await.len(), 5);

    // A law that is only known at run time still holds inside a parallel and behind a tee.
    let map = parallel! { "b": branch.clone(), "d": dynamic };
    assert_eq!(three_ways(&map, || json!(1)).await, json!({"b": "one", "d": "one"}));
    assert_eq!(chunks_of(&map, 1).await.len(), 6);
    let tee = branch.pipe((shout(), passthrough::<String>()));
    assert_eq!(three_ways(&tee, || json!(1)).await, ("ONE".to_string(), "one".to_string()));
}

#[tokio::test(start_paused = true)]
async fn each_streams_element_by_element_in_order() {
    let lengths = after(1).pipe(async |v: Value| Ok(v.as_i64().unwrap_or(0) * 2)).each();
    let input = || vec![json!(1), json!(2), json!(3)];
    assert_eq!(three_ways(&lengths, input).await, [2, 4, 6]);
    assert_eq!(chunks_of(&lengths, input()).await, [[2], [4], [6]]);
    assert_eq!(three_ways(&lengths, Vec::new).await, Vec::<i64>::new());
    let nested = lambda(async |n: i64| Ok(n + 1)).each().each();
    assert_eq!(three_ways(&nested, || vec![vec![1, 2], vec![3]]).await, [vec![2, 3], vec![4]]);
}

#[tokio::test(start_paused = true)]
async fn wrappers_hand_the_stream_on() {
    let named = letters("abc").with_name("n");
    assert_eq!(chunks_of(&named, 1).await.len(), 3);
    let boxed = letters("abc").boxed();
    assert_eq!(chunks_of(&boxed, 1).await.len(), 3);
    let configured = letters("abc").with_config(RunConfig::new().tag("x"));
    assert_eq!(chunks_of(&configured, 1).await.len(), 3);
    let call = RunConfig::new().tag("y");
    assert_eq!(configured.stream_with(1, &call).count().await, 3);
    assert_eq!(chunks_of(&Arc::new(letters("abc")), 1).await.len(), 3);
    assert_eq!(chunks_of(&&letters("abc"), 1).await.len(), 3);
    assert_eq!(three_ways(&configured, || json!(1)).await, "abc");
    assert_eq!(three_ways(&letters("abc").spawned(), || json!(1)).await, "abc");
    assert_eq!(chunks_of(&letters("abc").spawned(), 1).await.len(), 3);
    assert_eq!(three_ways(&blocking(|n: Value| Ok(n)), || json!(1)).await, json!(1));
    assert_eq!(three_ways(&lambda_with(|n: Value, _| async move { Ok(n) }), || json!(1)).await, json!(1));
}

#[tokio::test(start_paused = true)]
async fn observers_and_deadlines_change_no_result() {
    struct Nothing;
    impl Observer for Nothing {}
    let config = RunConfig::new().observer(Arc::new(Nothing)).timeout(std::time::Duration::from_secs(60));
    let map = parallel! { "a": letters("xyz").with_name("n"), "b": RunnablePassthrough }.pick("a");
    let whole = map.invoke_with(json!(1), &config).await.unwrap();
    assert_eq!(map.stream_with(json!(1), &config).collect().await.unwrap(), whole);
    let pieces: Vec<_> = map.stream_with(json!(1), &config).try_collect().await.unwrap();
    assert_eq!(pieces, [json!("x"), json!("y"), json!("z")]);
}

#[tokio::test]
async fn an_owned_stream_outlives_its_chain() {
    fn handler() -> Chunks<'static, String> {
        let chain = Arc::new(letters("abc").pipe(shout()));
        chain.stream_owned(1, RunConfig::new().name("request"))
    }
    assert_eq!(handler().collect().await.unwrap(), "ABC");
    let task = tokio::spawn(async { handler().try_collect::<Vec<_>>().await.unwrap() });
    assert_eq!(task.await.unwrap(), ["A", "B", "C"]);
    assert_eq!(letters("abc").boxed().stream_owned(1, RunConfig::new()).collect().await.unwrap(), "abc");
}

#[test]
fn a_program_without_a_runtime() {
    let chain = letters("abc").pipe(shout());
    assert_eq!(chain.invoke_blocking(1).unwrap(), "ABC");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let error = runtime.block_on(async { chain.invoke_blocking(1) }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains(".invoke(...).await"), "{error}");
}

#[tokio::test]
async fn an_empty_stream_is_decided_by_its_law() {
    let silent = generator(|_: Chunks<'_, Value>| Chunks::from_values([], Merge::<String>::append()));
    assert_eq!(silent.invoke(1).await.unwrap(), "");
    assert_eq!(parallel! { "s": silent.clone() }.invoke(1).await.unwrap(), json!({"s": ""}));
    assert_eq!(parallel! { "s": silent }.stream(1).collect().await.unwrap(), json!({"s": ""}));
    let nothing = generator(|_: Chunks<'_, Value>| Chunks::from_values([], Merge::<Value>::last()));
    assert_eq!(nothing.invoke(1).await.unwrap_err().kind(), ErrorKind::EmptyStream);
    let error = parallel! { "s": nothing }.stream(1).collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::EmptyStream);
}

/// A chunk and then a failure at every other call; else two snapshots.
fn fails_midway_every_other_time() -> impl Runnable<Input = Value, Output = Value> {
    let calls = std::sync::atomic::AtomicUsize::new(0);
    generator(move |_: Chunks<'_, Value>| {
        let fails = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % 2 == 0;
        let end = if fails { Err(Error::new(ErrorKind::Server, "midway")) } else { Ok(json!({ "k": "whole" })) };
        Chunks::new(futures::stream::iter([Ok(json!({ "k": "half" })), end]), Merge::last())
    })
}

/// A step that is tried again, with everything around it that may stand there.
fn chosen(step: BoxRunnable<Value, Value>) -> BoxRunnable<Value, Value> {
    let choose = move |_: Value| {
        let step = step.clone();
        async move { Ok(step) }
    };
    dynamic(choose).boxed()
}

fn around_a_step_that_is_tried_again() -> Vec<(&'static str, BoxRunnable<Value, Value>)> {
    let second = std::time::Duration::from_secs(1);
    let retry = move || Retry::attempts(2).base(std::time::Duration::ZERO);
    let r = move || fails_midway_every_other_time().with_retry(retry());
    let (a, c) = (|| after(1), || lambda(async |v: Value| Ok(json!({ "k": v }))));
    vec![
        ("alone", r().boxed()),
        (
            "instead of it",
            fails_midway_every_other_time().with_fallback(lambda(async |_: Value| Ok(json!({ "k": "whole" })))).boxed(),
        ),
        ("named", r().with_name("n").boxed()),
        ("behind another", a().pipe(r()).boxed()),
        ("before another", r().pipe(c()).boxed()),
        ("(a | r) | c", a().pipe(r()).boxed().pipe(c()).boxed()),
        ("a | (r | c)", a().pipe(r().pipe(c()).boxed()).boxed()),
        ("behind a passthrough", RunnablePassthrough.pipe(r()).pipe(RunnablePassthrough).boxed()),
        ("spawned", r().spawned().boxed()),
        ("dynamic", chosen(r().boxed())),
        ("configured", r().with_config(RunConfig::new().tag("t").timeout(second)).boxed()),
        ("race", race([r().boxed()]).boxed()),
        ("first success", first_success([r().boxed()]).boxed()),
        ("idle timeout", r().with_idle_timeout(second).boxed()),
        ("idle timeout around a race", race([r().boxed()]).with_idle_timeout(second).boxed()),
        ("idle timeout around what is chosen", chosen(r().boxed()).with_idle_timeout(second).boxed()),
        (
            "idle timeout around a task around both",
            chosen(race([r().boxed()]).boxed()).spawned().with_idle_timeout(second).boxed(),
        ),
        (
            "idle timeout around a task and another step",
            chosen(r().boxed()).spawned().pipe(c()).with_idle_timeout(second).boxed(),
        ),
        ("timeout", r().with_timeout(second).boxed()),
        ("hedged", r().hedged(second).boxed()),
        ("breaker", r().with_circuit_breaker(CircuitBreaker::new()).boxed()),
        ("rate limiter", r().with_rate_limiter(TokenBucket::new()).boxed()),
        ("retried again", r().with_retry(retry()).boxed()),
        ("branch", RunnableBranch::when(|_: &Value| true, r()).otherwise(a()).boxed()),
        ("router", RunnableRouter::by(|_: &Value| "x".to_string()).route("x", r()).boxed()),
        ("parallel", parallel! { "x": r(), "y": a() }.boxed()),
        ("settled", parallel! { "x": r() }.settled().pipe(RunnablePassthrough).boxed()),
        ("assign", a().assign(parallel! { "x": r() }).boxed()),
        ("pick", parallel! { "x": r() }.pick("x").boxed()),
        ("tuple", (r(), a()).pipe(async |(v, _): (Value, Value)| Ok(v)).boxed()),
        ("result", r().result().pipe(async |done: Result<Value>| done).boxed()),
    ]
}

#[tokio::test(start_paused = true)]
async fn who_wants_the_whole_gets_it_as_invoke_makes_it_through_every_wrapper() {
    let input = || json!({ "in": 1 });
    for (name, chain) in around_a_step_that_is_tried_again() {
        let whole = chain.invoke(input()).await.unwrap();
        assert_eq!(chain.stream(input()).collect().await.unwrap(), whole, "{name}, collected");
        let config = RunConfig::new().timeout(std::time::Duration::from_secs(9));
        assert_eq!(chain.stream_with(input(), &config).collect().await.unwrap(), whole, "{name}, with a deadline");
        assert_eq!(chain.stream_owned(input(), RunConfig::new()).collect().await.unwrap(), whole, "{name}, owned");
        assert_eq!(chain.transform(Chunks::once(input())).collect().await.unwrap(), whole, "{name}, transformed");
        // What was handed on is final.
        let mut by_chunks = chain.stream(input());
        while by_chunks.next().await.is_some() {}
    }
}

#[tokio::test(start_paused = true)]
async fn assign_hands_its_input_on_however_much_its_branches_have_ready() {
    let taken = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = taken.clone();
    let never_rests = generator(move |_: Chunks<'_, Value>| {
        let counter = counter.clone();
        let chunks = (0..1_000_000).inspect(move |_| {
            counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        });
        Chunks::from_values(chunks.map(Value::from), Merge::last())
    });
    let chain = RunnablePassthrough.assign(parallel! { "x": never_rests });
    let mut chunks = chain.stream(json!({ "a": 1 }));
    assert_eq!(chunks.next().await.unwrap().unwrap(), json!({ "a": 1 }));
    let ahead = taken.load(std::sync::atomic::Ordering::SeqCst);
    assert!(ahead <= 100, "{ahead} chunks were made before the first was handed on");
    // Neither do they run ahead while more of the input is awaited.
    let pieces = futures::stream::once(async { Ok(json!({ "a": 1 })) }).chain(futures::stream::pending());
    let mut chunks = chain.transform(Chunks::new(pieces, Merge::last()));
    assert_eq!(chunks.next().await.unwrap().unwrap(), json!({ "a": 1 }));
    assert!(futures::poll!(chunks.next()).is_pending());
    assert!(taken.load(std::sync::atomic::Ordering::SeqCst) <= ahead + 100);
}

#[tokio::test]
async fn a_long_collect_lets_other_tasks_have_their_turn() {
    let turns = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = turns.clone();
    let other = tokio::spawn(async move {
        loop {
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    });
    let ready = generator(|_: Chunks<'_, Value>| Chunks::from_values((0..10_000).map(Value::from), Merge::last()));
    for chain in [ready.clone().boxed(), ready.clone().pipe(RunnablePassthrough).with_name("n").boxed()] {
        for invoked in [true, false] {
            turns.store(0, std::sync::atomic::Ordering::SeqCst);
            let last = if invoked { chain.invoke(1).await } else { chain.stream(1).collect().await };
            assert_eq!(last.unwrap(), 9_999);
            assert!(turns.load(std::sync::atomic::Ordering::SeqCst) >= 10, "{turns:?}");
        }
    }
    other.abort();
}

#[tokio::test]
async fn a_generator_keeps_the_law_of_its_input_behind_a_joint_that_converts() {
    let keeps = generator(|values: Chunks<'_, Value>| {
        let law = values.merge();
        Chunks::new(values, law)
    });
    let words =
        generator(|_: Chunks<'_, Value>| Chunks::from_values(["a".to_string(), "b".to_string()], Merge::append()));
    let chain = words.pipe(keeps.clone());
    assert_eq!(three_ways(&chain, || json!(1)).await, "ab");
    let chain = letters("ab").pipe(keeps.clone()).pipe(keeps);
    assert_eq!(three_ways(&chain, || json!(1)).await, "ab");
}
