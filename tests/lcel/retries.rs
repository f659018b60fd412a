//! RE, FB: retry and fallback.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anabranch::models::Reply;
use anabranch::prelude::*;
use anabranch::{Error, ErrorKind, Merge};
use serde_json::{Value, json};

use crate::{chunks, failure, prompt, spelling};

type Calls = Arc<Mutex<Vec<i64>>>;

/// Fails with one kind for 1, with another for 2.
fn picky(calls: &Calls) -> impl Runnable<Input = i64, Output = i64> + use<> {
    let calls = calls.clone();
    lambda(move |n: i64| {
        calls.lock().unwrap().push(n);
        async move {
            match n {
                1 => Err(Error::invalid_input("x is 1")),
                2 => Err(Error::new(ErrorKind::Other, "x is 2")),
                _ => Ok(n),
            }
        }
    })
}

fn retry() -> Retry {
    Retry::attempts(2).seed(1).retry_if(|error| error.kind() == ErrorKind::InvalidInput)
}

#[tokio::test(start_paused = true)]
async fn retry_decides_by_the_error() {
    let calls = Calls::default();
    let step = picky(&calls).with_retry(retry());
    let took = |calls: &Calls| std::mem::take(&mut *calls.lock().unwrap()).len();
    // RE-01, RE-07
    let error = step.invoke(1).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts().len(), took(&calls)), (ErrorKind::InvalidInput, 2, 2));
    // RE-02
    let error = step.invoke(2).await.unwrap_err();
    assert_eq!((error.kind(), took(&calls)), (ErrorKind::Other, 1));
    // RE-03, RE-06 D: each element by its own error, so four calls and not five.
    let done = step.batch_settled([1, 2, 0]).await;
    let kinds: Vec<_> = done.iter().map(|done| done.as_ref().map_err(Error::kind).copied()).collect();
    assert_eq!(kinds, [Err(ErrorKind::InvalidInput), Err(ErrorKind::Other), Ok(0)]);
    assert_eq!(took(&calls), 4);
}

#[tokio::test(start_paused = true)]
async fn results_stay_in_their_slots() {
    let flaky = |which: i64| {
        let calls = AtomicUsize::new(0);
        lambda(move |n: i64| {
            let fails = n == 99 || (n == which && calls.fetch_add(1, Ordering::SeqCst) == 0);
            async move { if fails { Err(failure("status 500")) } else { Ok(n) } }
        })
        .with_retry(Retry::attempts(2).seed(1))
    };
    // RE-04
    assert_eq!(flaky(1).batch([0, 1, 2]).await.unwrap(), [0, 1, 2]);
    // RE-05 D
    let done = flaky(1).batch_settled([1, 99, 7]).await;
    let shown: Vec<_> = done.iter().map(|done| done.as_ref().map_err(Error::message).copied()).collect();
    assert_eq!(shown, [Ok(1), Err("status 500"), Ok(7)]);
}

#[tokio::test(start_paused = true)]
async fn streams_are_retried_until_their_first_item() {
    // RE-08 D
    let flaky = ScriptedModel::new().reply(Reply::from("foo bar").after_failures(1, failure("status 500")));
    let llm = ChatModel::from(flaky.clone()).with_retry(Retry::attempts(2).seed(1)) | StrOutputParser;
    assert_eq!(chunks(llm.stream("?")).await.unwrap(), ["foo ", "bar"]);
    assert_eq!(flaky.requests().len(), 2);

    let breaks = ScriptedModel::new().otherwise(Reply::from("foo bar").breaking_after(1, failure("status 500")));
    let llm = ChatModel::from(breaks.clone()).with_retry(Retry::attempts(2).seed(1));
    assert_eq!(chunks(llm.stream("?")).await.unwrap_err().message(), "status 500");
    assert_eq!(breaks.requests().len(), 1);
}

#[tokio::test]
async fn fallbacks_take_over() {
    // FB-01
    let down = || ChatModel::from(ScriptedModel::new().otherwise(failure("status 500")));
    let one = down().with_fallback(spelling("bar")) | StrOutputParser;
    let several = down().with_fallbacks([down().boxed(), spelling("bar").boxed()]) | StrOutputParser;
    assert_eq!(one.invoke("hello").await.unwrap(), "bar");
    assert_eq!(several.batch(["hello", "hi", "bye"]).await.unwrap(), ["bar"; 3]);
    let chain =
        (prompt("{x}") | down() | StrOutputParser).with_fallback(prompt("{x}") | spelling("bar") | StrOutputParser);
    assert_eq!(chain.invoke("hello").await.unwrap(), "bar");
    assert_eq!(chain.batch(["hello", "hi", "bye"]).await.unwrap(), ["bar"; 3]);
}

/// Gives its name for texts it knows, else fails.
fn knows(
    text: &'static str,
    kind: ErrorKind,
    name: &'static str,
) -> impl Runnable<Input = Value, Output = &'static str> {
    lambda(move |input: Value| async move {
        if input["text"] == text { Ok(name) } else { Err(Error::new(kind, format!("not {name}"))) }
    })
}

#[tokio::test]
async fn what_all_alternatives_failed_with() {
    let text = |text: &str| json!({ "text": text });
    let first = || knows("foo", ErrorKind::Parse, "first");
    let second = || knows("bar", ErrorKind::Server, "second");
    let third = || knows("baz", ErrorKind::Server, "third");
    // FB-03 D: one error, the same however it is run, with every attempt.
    let step = first().with_fallback(second());
    let invoked = step.invoke(text("baz")).await.unwrap_err();
    assert_eq!(invoked.message(), "not second");
    assert_eq!(
        invoked.attempts().iter().map(|attempt| attempt.kind()).collect::<Vec<_>>(),
        [ErrorKind::Parse, ErrorKind::Server]
    );
    assert_eq!(invoked.related()[0].message(), "not first");
    assert_eq!(step.batch_settled([text("baz")]).await.remove(0).unwrap_err().message(), "not second");
    assert_eq!(step.stream(text("baz")).collect().await.unwrap_err().to_string(), invoked.to_string());

    // FB-04
    let step = first().with_fallback(second()).with_fallback(third());
    let inputs = || ["foo", "bar", "baz"].map(text);
    assert_eq!(step.batch(inputs()).await.unwrap(), ["first", "second", "third"]);
    // FB-05
    let only_parse =
        first().with_fallback(second()).with_fallback(third()).fallback_if(|error| error.kind() == ErrorKind::Parse);
    let done = only_parse.batch_settled(inputs()).await;
    assert_eq!(done[1].as_ref().unwrap(), &"second");
    assert_eq!(done[2].as_ref().unwrap_err().message(), "not second");
}

#[tokio::test]
async fn fallbacks_of_streams() {
    let words = |reply: Reply| ChatModel::from(ScriptedModel::new().otherwise(reply));
    // FB-06
    let step = words(Reply::error(failure("early"))).with_fallback(spelling("foo bar")) | StrOutputParser;
    assert_eq!(chunks(step.stream("?")).await.unwrap().concat(), "foo bar");
    assert_eq!(chunks(step.stream("?")).await.unwrap().len(), 7);
    // FB-07
    let late = Reply::from("one two").breaking_after(1, failure("late"));
    let step = words(late).with_fallback(spelling("foo bar"));
    let mut stream = step.stream("?");
    assert_eq!(stream.next().await.unwrap().unwrap().text(), "one ");
    assert_eq!(stream.next().await.unwrap().unwrap_err().message(), "late");
    assert!(stream.next().await.is_none());
    // FB-08 D: nothing is a valid answer.
    let nothing = generator(|_: Chunks<'_, String>| Chunks::from_values([], Merge::append()));
    let step = nothing.with_fallback(lambda(async |_: String| Ok("fallback".to_string())));
    assert_eq!(chunks(step.stream("?")).await.unwrap(), Vec::<String>::new());
    assert_eq!(step.invoke("?").await.unwrap(), "");
}
