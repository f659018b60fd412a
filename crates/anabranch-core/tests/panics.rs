//! A panic anywhere in a branch, an element or a task is an error of whatever stands around it.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use anabranch_core::*;
use futures::StreamExt;
use serde_json::{Value, json};

/// Where a step panics.
#[derive(Clone, Copy, Debug)]
enum Panics {
    MakingAStream,
    MakingAFuture,
    InALaw,
    Streaming,
}

fn panics(at: Panics) -> BoxRunnable<Value, Value> {
    let last = || Merge::<Value>::last();
    match at {
        Panics::MakingAStream => generator(|_: Chunks<'_, Value>| -> Chunks<'_, Value> { panic!("as told") }).boxed(),
        Panics::MakingAFuture => {
            lambda(|v: Value| if v == 0 { std::future::ready(Ok(v)) } else { panic!("as told") }).boxed()
        }
        Panics::InALaw => generator(|_: Chunks<'_, Value>| {
            Chunks::from_values([json!(1), json!(2)], Merge::fold(|_: &mut Value, _| panic!("as told")))
        })
        .boxed(),
        Panics::Streaming => generator(move |_: Chunks<'_, Value>| {
            Chunks::new(
                futures::stream::iter([1, 2]).map(|n| if n == 1 { Ok(json!(n)) } else { panic!("as told") }),
                last(),
            )
        })
        .boxed(),
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_anywhere_in_a_branch_is_an_error_of_every_fan_out() {
    std::panic::set_hook(Box::new(|_| {}));
    for at in [Panics::MakingAStream, Panics::MakingAFuture, Panics::InALaw, Panics::Streaming] {
        let ok = || common::after(5).boxed();
        let to_json = async |list: Vec<Value>| Ok(Value::from(list));
        let chains: Vec<(&str, BoxRunnable<Value, Value>)> = vec![
            ("parallel", parallel! { "a": ok(), "b": panics(at) }.boxed()),
            ("tuple", (panics(at), ok()).pipe(async |(v, _): (Value, Value)| Ok(v)).boxed()),
            ("assign", RunnablePassthrough.assign(parallel! { "a": panics(at) }).boxed()),
            ("each", lambda(async |v: Value| Ok(vec![v; 3])).pipe(panics(at).each()).pipe(to_json).boxed()),
            ("race", race([panics(at), ok()]).boxed()),
            ("first success", first_success([panics(at), panics(at)]).boxed()),
            ("quorum", quorum(2, [panics(at), ok()]).pipe(async |vote: Vote<Value>| Ok(vote.answer)).boxed()),
            ("at least", parallel! { "a": ok(), "b": panics(at) }.at_least(2).pipe(RunnablePassthrough).boxed()),
            ("spawned", panics(at).spawned().boxed()),
        ];
        for (name, chain) in chains {
            let invoked = chain.invoke(json!({})).await.unwrap_err();
            let collected = chain.stream(json!({})).collect().await.unwrap_err();
            for error in [invoked, collected] {
                assert_eq!(error.kind(), ErrorKind::Panic, "{name}, {at:?}: {error}");
            }
            // Chunk by chunk a law is nobody's but the reader's.
            let mut stream = chain.stream(json!({}));
            while let Some(chunk) = stream.next().await {
                if let Err(error) = chunk {
                    assert_eq!(error.kind(), ErrorKind::Panic, "{name}, {at:?}, by chunks: {error}");
                }
            }
        }
        for done in panics(at).batch_settled([1, 2]).await {
            assert_eq!(done.unwrap_err().kind(), ErrorKind::Panic, "batch, {at:?}");
        }
        let router = RunnableRouter::by(|_: &Value| "x".to_string()).route("x", panics(at));
        assert_eq!(router.batch([json!(1), json!(2)]).await.unwrap_err().kind(), ErrorKind::Panic, "router, {at:?}");
    }
    let router = RunnableRouter::by(|_: &Value| panic!("as told")).route("x", common::after(1));
    assert_eq!(router.batch([json!(1)]).await.unwrap_err().kind(), ErrorKind::Panic);
}
