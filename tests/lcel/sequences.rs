//! SEQ: sequences, bound options, configuration.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anabranch::prelude::*;
use anabranch::{ErrorKind, Observer, StepEvent};
use futures::StreamExt;
use serde_json::{Value, json};

use crate::{chunks, prompt, spelling};

async fn split(text: String) -> anabranch::Result<Vec<String>> {
    Ok(text.split(", ").map(str::to_string).collect())
}

#[tokio::test]
async fn sequences_join_to_one_flat_list() {
    // SEQ-01
    let first = prompt("Two of {what}?") | spelling("foo, bar") | StrOutputParser;
    let second = lambda(async |list: Vec<String>| Ok(json!({ "input": list })))
        | prompt("More of {input}?")
        | spelling("baz, qux")
        | StrOutputParser;
    let chain = (first.pipe(split)) | second.pipe(split);
    let steps: Vec<_> = chain.describe().children.iter().map(|step| step.kind).collect();
    assert_eq!(
        steps,
        ["prompt", "chat_model", "parser", "lambda", "lambda", "prompt", "chat_model", "parser", "lambda"]
    );
    assert_eq!(chain.invoke(json!({ "what": "words" })).await.unwrap(), ["baz", "qux"]);
}

#[tokio::test]
async fn maps_before_and_behind() {
    // SEQ-02
    let script = ScriptedModel::new().reply("fine");
    let map = parallel! {
        "documents": async |question: Value| Ok(format!("found for {question}")),
        "question": RunnablePassthrough,
        "length": lambda(async |question: Value| Ok(question.as_str().map(str::len))),
    };
    assert_eq!(map.keys().collect::<Vec<_>>(), ["documents", "question", "length"]);
    let chain = map | prompt("{documents} {question} {length}") | ChatModel::from(script.clone()) | StrOutputParser;
    assert_eq!(chain.invoke("why").await.unwrap(), "fine");
    assert_eq!(script.requests()[0].messages[0].text(), "found for \"why\" why 3");

    // SEQ-03
    let chain = prompt("{x}") | spelling("foo") | parallel! { "a": StrOutputParser, "b": StrOutputParser };
    assert_eq!(chain.invoke(json!({ "x": 1 })).await.unwrap(), json!({ "a": "foo", "b": "foo" }));
}

#[tokio::test]
async fn taps_see_each_value_once() {
    // SEQ-04, without an extra argument of the call: options are bound to steps.
    let seen = Arc::new(Mutex::new(Vec::<String>::new()));
    let tap = |seen: &Arc<Mutex<Vec<String>>>| {
        let seen = seen.clone();
        move |value: Value| {
            seen.lock().unwrap().push(value.to_string());
            async move { Ok(value) }
        }
    };
    let length = async |text: Value| Ok(json!(text.as_str().map(str::len)));
    let chain = lambda(tap(&seen)).pipe(length).pipe(tap(&seen));

    assert_eq!(chain.invoke("hello").await.unwrap(), 5);
    assert_eq!(*seen.lock().unwrap(), ["\"hello\"", "5"]);
    assert_eq!(chain.batch(["hello", "byebye"]).await.unwrap(), [5, 6]);
    let pairs: HashSet<(usize, i64)> = chain
        .batch_as_completed(["hello", "byebye"])
        .map(|(index, length)| (index, length.unwrap().as_i64().unwrap()))
        .collect()
        .await;
    assert_eq!(pairs, HashSet::from([(0, 5), (1, 6)]));
    assert_eq!(chunks(chain.stream("hello")).await.unwrap(), [5]);
    assert_eq!(seen.lock().unwrap().len(), 2 + 4 + 4 + 2);
}

struct OnlyInvokes;

impl Runnable for OnlyInvokes {
    type Input = String;
    type Output = usize;

    async fn call(&self, text: String, _: &RunConfig) -> anabranch::Result<usize> {
        Ok(text.len())
    }
}

#[tokio::test]
async fn one_method_gives_all_forms() {
    // SEQ-05. One configuration holds for a whole batch: one of an element's own is a run of its own.
    let config = RunConfig::new().tag("t");
    assert_eq!(OnlyInvokes.batch(["a", "bb", "ccc"]).await.unwrap(), [1, 2, 3]);
    assert_eq!(OnlyInvokes.batch_with(["a", "bb", "ccc"], &config).await.unwrap(), [1, 2, 3]);
    assert_eq!(chunks(OnlyInvokes.stream("bb")).await.unwrap(), [2]);
    let settled = OnlyInvokes.batch_settled(["a", "bb"]).await;
    assert_eq!(settled.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [1, 2]);

    // SEQ-06
    let n = 1;
    let bound = lambda(move |x: i64| async move { Ok(x + n) });
    assert_eq!(bound.invoke(3).await.unwrap(), 4);
    assert_eq!(chunks(bound.stream(3)).await.unwrap(), [4]);
}

struct Facts(Mutex<Vec<(Vec<String>, Value)>>);

impl Observer for Facts {
    fn started(&self, step: &StepEvent<'_>) {
        let metadata = step.metadata().cloned().map(Value::Object).unwrap_or_default();
        self.0.lock().unwrap().push((step.tags().to_vec(), metadata));
    }
}

#[tokio::test]
async fn what_is_bound_twice() {
    // SEQ-07
    let llm = spelling("x").temperature(0.1).max_tokens(5).temperature(0.9);
    assert_eq!((llm.options().temperature, llm.options().max_tokens), (Some(0.9), Some(5)));

    // SEQ-08, SEQ-09, SEQ-10 (D: tags keep their order)
    let facts = Arc::new(Facts(Mutex::default()));
    let bound = RunConfig::new().tag("z").tag("a").metadata_entry("a", 1).metadata_entry("c", 1);
    let call = RunConfig::new().tag("m").tag("z").metadata_entry("b", 2).metadata_entry("c", 2).observer(facts.clone());
    let step = || lambda(async |n: i64| Ok(n));
    step().with_config(bound.clone()).invoke_with(1, &call).await.unwrap();
    step().with_config(bound.clone()).with_config(RunConfig::new()).invoke_with(1, &call).await.unwrap();
    step().with_config(bound.clone()).with_config(bound).invoke_with(1, &call).await.unwrap();
    let tags = ["z", "a", "m"].map(str::to_string).to_vec();
    let mut seen = facts.0.lock().unwrap().clone();
    for (tags, _) in &mut seen {
        tags.dedup();
    }
    assert_eq!(seen, vec![(tags, json!({ "a": 1, "c": 2, "b": 2 })); 3]);
}

/// The chain of a number: itself from ten on, else the next number and its chain.
fn up_to_ten() -> BoxRunnable<i64, i64> {
    dynamic(async |n: i64| {
        let next = lambda(async |n: i64| Ok(n + 1));
        Ok(if n < 10 { (next | up_to_ten()).boxed() } else { passthrough().boxed() })
    })
    .boxed()
}

#[tokio::test]
async fn chains_chosen_at_run_time() {
    // SEQ-14
    assert_eq!(up_to_ten().invoke(5).await.unwrap(), 10);
    assert_eq!(up_to_ten().stream(5).collect().await.unwrap(), 10);
    // SEQ-15
    let error = up_to_ten().invoke_with(0, &RunConfig::new().max_depth(9)).await.unwrap_err();
    assert!(error.to_string().contains('9'), "{error}");
    assert!(!error.is_retryable());

    // SEQ-17, SEQ-18
    let chosen = dynamic(async |input: Value| {
        let template = if input["kind"] == "math" { "Calculate {input}" } else { "Answer {input}" };
        Ok((ChatPromptTemplate::from_template(template)? | spelling("4") | StrOutputParser).boxed())
    });
    let log = Arc::new(crate::Log::default());
    let config = RunConfig::new().observer(log.clone());
    assert_eq!(chosen.invoke_with(json!({ "kind": "math", "input": "2+2" }), &config).await.unwrap(), "4");
    assert!(log.take().contains(&"start dynamic > ChatModel scripted".to_string()));
}

#[tokio::test]
async fn routers() {
    // SEQ-16
    let runs = Arc::new(AtomicUsize::new(0));
    let count = |name: &'static str| {
        let runs = runs.clone();
        lambda(move |input: Value| {
            runs.fetch_add(1, Ordering::SeqCst);
            async move { Ok(format!("{name}: {}", input["input"])) }
        })
    };
    let router = RunnableRouter::by(|input: &Value| input["key"].as_str().unwrap_or_default().to_string())
        .route("math", count("math"))
        .route("english", count("english"));
    let ask = |key: &str| json!({ "key": key, "input": 1 });
    assert_eq!(router.invoke(ask("math")).await.unwrap(), "math: 1");
    assert_eq!(router.batch([ask("english"), ask("math")]).await.unwrap(), ["english: 1", "math: 1"]);
    assert_eq!(runs.swap(0, Ordering::SeqCst), 3);

    // SEQ-16 D: each element is a run of its own, so those before the bad one have begun.
    let error = router.batch([ask("english"), ask("maths"), ask("math")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("did you mean `math`?"), "{error}");
    assert!(runs.load(Ordering::SeqCst) <= 2);
}

#[tokio::test]
async fn lists() {
    // SEQ-19
    let double = || lambda(async |n: i64| Ok(n * 2));
    assert_eq!(double().each().invoke(vec![1, 2, 3]).await.unwrap(), [2, 4, 6]);
    assert_eq!(
        double().each().each().invoke(vec![vec![1, 2], vec![], vec![3]]).await.unwrap(),
        [vec![2, 4], vec![], vec![6]]
    );
    assert_eq!(double().each().invoke(vec![]).await.unwrap(), Vec::<i64>::new());
}
