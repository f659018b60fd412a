//! PAR: parallel, assign, pick.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch::prelude::*;
use anabranch::{ErrorKind, Merge};
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{chunks, failure, only_key, pause, prompt, spelling};

const ONE: &str = "i'm a chatbot";
const TWO: &str = "i'm a textbot";

#[tokio::test]
async fn a_map_streams_key_by_key() {
    let map = || {
        parallel! {
            "chat": spelling(ONE) | StrOutputParser,
            "llm": spelling(TWO) | StrOutputParser,
            "passthrough": async |messages: Messages| Ok(messages),
        }
    };
    let question = || prompt("{question}");
    // PAR-01
    let chain = question() | map();
    let whole = chain.invoke("What is your name?").await.unwrap();
    assert_eq!((whole["chat"].as_str(), whole["llm"].as_str()), (Some(ONE), Some(TWO)));
    let pieces = chunks(chain.stream("What is your name?")).await.unwrap();
    assert_eq!(pieces.len(), 13 + 13 + 1);
    for key in ["chat", "llm", "passthrough"] {
        assert!(pieces.iter().any(|chunk| only_key(chunk) == key));
    }
    assert_eq!(chain.stream("What is your name?").collect().await.unwrap(), whole);

    // PAR-02
    let picked = question() | map().pick("llm");
    let pieces = chunks(picked.stream("?")).await.unwrap();
    assert_eq!(pieces, TWO.chars().map(|char| json!(char)).collect::<Vec<_>>());

    // PAR-03
    let again = || prompt("{llm}") | spelling(TWO) | StrOutputParser;
    let chain = question() | map().assign(parallel! { "hello": again() }).pick(["llm", "hello"]);
    let pieces = chunks(chain.stream("?")).await.unwrap();
    assert_eq!(pieces.len(), 26);
    assert!(pieces.iter().all(|chunk| ["llm", "hello"].contains(&only_key(chunk))));
    assert_eq!(chain.stream("?").collect().await.unwrap(), json!({ "llm": TWO, "hello": TWO }));
}

#[tokio::test]
async fn a_streamed_input_reaches_every_branch() {
    // PAR-04
    let shout =
        || generator(|text: Chunks<'_, String>| text.map_chunks(|text| Ok(text.to_uppercase()), Merge::append()));
    let chain = spelling("abc") | StrOutputParser | parallel! { "loud": shout(), "as_is": passthrough::<String>() };
    let pieces = chunks(chain.stream("?")).await.unwrap();
    assert_eq!(pieces.len(), 6);
    for (key, expected) in [("loud", ["A", "B", "C"]), ("as_is", ["a", "b", "c"])] {
        let of_key: Vec<_> = pieces.iter().filter_map(|chunk| chunk.get(key)).collect();
        assert_eq!(of_key, expected);
    }
}

#[tokio::test]
async fn assign_streams_what_is_there_first() {
    let text = || prompt("{question}") | spelling("foo-lish") | parallel! { "str": StrOutputParser };
    let spelled = |key: &str| "foo-lish".chars().map(|char| json!({ key: char.to_string() })).collect::<Vec<_>>();
    // PAR-05
    assert_eq!(chunks(text().stream("?")).await.unwrap(), spelled("str"));
    assert_eq!(text().stream("?").collect().await.unwrap(), json!({ "str": "foo-lish" }));

    // PAR-06
    let hello = || prompt("{str}") | spelling("foo-lish") | StrOutputParser;
    let chain = text().assign(parallel! { "hello": hello() });
    assert_eq!(chunks(chain.stream("?")).await.unwrap(), [spelled("str"), spelled("hello")].concat());

    // PAR-07
    let shadow = text().assign(parallel! { "str": async |_: Value| Ok("shadow"), "hello": hello() });
    let pieces = chunks(shadow.stream("?")).await.unwrap();
    assert_eq!(pieces.len(), 8 + 1);
    assert_eq!(pieces.iter().filter(|chunk| only_key(chunk) == "str").count(), 1);
    let whole = shadow.invoke("?").await.unwrap();
    assert_eq!(whole, json!({ "str": "shadow", "hello": "foo-lish" }));
    assert_eq!(shadow.stream("?").collect().await.unwrap(), whole);
}

#[tokio::test]
async fn assign_and_pick_alone() {
    // PAR-08
    let nothing = RunnablePassthrough.assign(RunnableParallel::new());
    assert_eq!(chunks(nothing.stream(json!({ "a": 1 }))).await.unwrap(), [json!({ "a": 1 })]);

    // PAR-09
    let added = async |input: Value| Ok(json!({ "added": input["input"].as_i64().map(|x| x + 10) }));
    let chain = RunnablePassthrough.assign(parallel! { "add_step": added });
    assert_eq!(chain.invoke(json!({ "input": 5 })).await.unwrap(), json!({ "input": 5, "add_step": { "added": 15 } }));

    // PAR-10
    let error = chain.invoke(3).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("a number"), "{error}");

    // PAR-11 D: LangChain gives nothing; nothing is lost silently here.
    let pick = RunnablePassthrough.pick("b");
    let error = pick.invoke(json!({ "a": 1 })).await.unwrap_err();
    assert_eq!(error.message(), "`pick` found no key `b`: there are `a`");
    assert_eq!(chunks(pick.stream(json!({ "a": 1 }))).await.unwrap_err().to_string(), error.to_string());
}

/// Sleeps, counts itself when done, and fails if it is to.
fn step(
    milliseconds: u64,
    fails: bool,
    done: &Arc<AtomicUsize>,
) -> impl Runnable<Input = Value, Output = Value> + use<> {
    let done = done.clone();
    lambda(move |input: Value| {
        let done = done.clone();
        async move {
            pause(milliseconds).await;
            done.fetch_add(1, Ordering::SeqCst);
            if fails { Err(failure("broken")) } else { Ok(input) }
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_failure_stops_the_others() {
    // PAR-12 D, PAR-13 D: one policy, and nothing runs on.
    let done = Arc::default();
    let map = parallel! { "b": step(300, false, &done), "a": step(50, true, &done) };
    let began = Instant::now();
    assert_eq!(map.invoke(1).await.unwrap_err().to_string(), "parallel \"a\" > lambda: server error: broken");
    assert_eq!(began.elapsed(), Duration::from_millis(50));
    pause(1000).await;
    assert_eq!(done.load(Ordering::SeqCst), 1);

    let streamed = map.stream(1).try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(streamed.to_string(), "parallel \"a\" > lambda: server error: broken");

    // Two at the same moment: the first in declaration, with the other.
    let both = parallel! { "y": step(5, true, &done), "x": step(5, true, &done) };
    let error = both.invoke(1).await.unwrap_err();
    assert_eq!(error.path().next(), Some("parallel \"y\""));
    assert_eq!(error.related().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn outcomes_and_their_order() {
    // PAR-14 D
    let done = Arc::default();
    let map =
        parallel! { "slow": step(300, false, &done), "bad": step(50, true, &done), "quick": step(1, false, &done) };
    let outcome = map.settled().invoke(7).await.unwrap();
    assert_eq!(outcome.successes().collect::<Vec<_>>(), [("slow", &json!(7)), ("quick", &json!(7))]);
    assert_eq!(outcome.absent().collect::<Vec<_>>(), ["bad"]);

    // PAR-15
    let reverse = parallel! { "c": step(30, false, &done), "b": step(20, false, &done), "a": step(10, false, &done) };
    for whole in [reverse.invoke(0).await.unwrap(), reverse.stream(0).collect().await.unwrap()] {
        assert_eq!(whole.as_object().unwrap().keys().collect::<Vec<_>>(), ["c", "b", "a"]);
    }
}
