//! What users write, and what must compile as it stands. What must not compile, and what is said then, is in
//! `compile_fail`.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use anabranch::Result;
use anabranch::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

fn shout() -> impl Runnable<Input = String, Output = String> + Clone {
    lambda(async |text: String| Ok(text.to_uppercase()))
}

fn prompt(template: &str) -> ChatPromptTemplate {
    ChatPromptTemplate::from_template(template).unwrap()
}

fn llm() -> ChatModel {
    ScriptedModel::new().otherwise("an answer").into()
}

#[tokio::test]
async fn texts_go_in_with_a_configuration_too() {
    let chain = shout();
    let config = RunConfig::new().tag("t");
    assert_eq!(chain.invoke("x").await.unwrap(), "X");
    assert_eq!(chain.invoke_with("x", &config).await.unwrap(), "X");
    assert_eq!(chain.invoke_with("x".to_string(), &config).await.unwrap(), "X");
    assert_eq!(chain.batch_with(["a", "b"], &config).await.unwrap(), ["A", "B"]);
}

#[tokio::test]
async fn a_configuration_need_not_outlive_the_line() {
    let chain = shout();
    let mut chunks = chain.stream_with("x", &RunConfig::new().timeout(Duration::from_secs(9)));
    assert_eq!(chunks.next().await.unwrap().unwrap(), "X");
    let mut arriving = chain.batch_as_completed_with(["a"], &RunConfig::new().max_concurrency(2));
    let (index, done) = arriving.next().await.unwrap();
    assert_eq!((index, done.unwrap().as_str()), (0, "A"));
}

#[tokio::test]
async fn the_question_mark_works_on_what_a_closure_meets() {
    let number = lambda(async |text: String| {
        let n: i64 = text.parse()?;
        Ok(n)
    });
    assert_eq!(number.invoke("42").await.unwrap(), 42);
    assert_eq!(number.invoke("x").await.unwrap_err().to_string(), "lambda: error: invalid digit found in string");
    let piped = shout().pipe(async |text: String| {
        let n: i64 = text.parse()?;
        Ok(n)
    });
    assert_eq!(piped.invoke("42").await.unwrap(), 42);

    fn boxed(text: &str) -> std::result::Result<f64, Box<dyn std::error::Error + Send + Sync>> {
        if text.is_empty() { Err("nothing there")? } else { Ok(text.parse()?) }
    }
    let many = lambda(async |text: String| {
        let value: Value = serde_json::from_str(&text)?;
        let text = value.as_str().unwrap_or_default();
        let bytes = std::str::from_utf8(text.as_bytes())?.len();
        let small = u8::try_from(bytes)?;
        let yes: bool = "true".parse()?;
        let number = boxed(text)?;
        let there = std::fs::exists("/")?;
        let later = tokio::time::timeout(Duration::from_secs(9), async { 1 }).await?;
        let done = tokio::spawn(async { 2 }).await?;
        Ok((small, yes, number, there, later + done))
    });
    assert_eq!(many.invoke("\"1.5\"").await.unwrap(), (3, true, 1.5, true, 3));
    assert_eq!(many.invoke("\"\"").await.unwrap_err().to_string(), "lambda: error: nothing there");
}

/// With the feature `anyhow`, in and out.
#[tokio::test]
async fn anyhow_in_and_out() {
    use anyhow::Context as _;

    async fn read() -> anyhow::Result<String> {
        let read = shout().pipe(async |text: String| {
            let n: i64 = text.parse().context("reading the number")?;
            Ok(n)
        });
        Ok(read.invoke("x").await.context("reading")?.to_string())
    }
    let error = read().await.unwrap_err();
    let chain: Vec<_> = error.chain().map(ToString::to_string).collect();
    assert_eq!(chain, ["reading", "lambda: error: reading the number", "invalid digit found in string"]);
}

struct Lookup {
    suffix: String,
}

impl Lookup {
    async fn look(&self, text: &str) -> Result<String> {
        tokio::task::yield_now().await;
        Ok(format!("{text}{}", self.suffix))
    }
}

#[tokio::test]
async fn a_service_is_captured() {
    let service = || Lookup { suffix: "!".to_string() };
    let look = lambda_with_state(service(), async |service, text: String| service.look(&text).await);
    assert_eq!(look.invoke("x").await.unwrap(), "x!");

    let shared = Arc::new(service());
    let look = lambda(move |text: String| {
        let shared = shared.clone();
        async move { shared.look(&text).await }
    });
    assert_eq!((look | shout()).invoke("x").await.unwrap(), "X!");

    let chain = shout().pipe(lambda_with_state(service(), async |it, text: String| it.look(&text).await).limited());
    assert_eq!(chain.invoke("x").await.unwrap(), "X!");
}

#[tokio::test]
async fn steps_that_functions_give() {
    assert_eq!(shout().pipe(shout()).invoke("x").await.unwrap(), "X");
    assert_eq!((shout().boxed() | shout()).invoke("x").await.unwrap(), "X");
    fn erased() -> BoxRunnable<String, String> {
        shout().boxed()
    }
    assert_eq!((erased() | erased() | shout()).invoke("x").await.unwrap(), "X");
}

/// In parentheses it is an expression wherever it stands.
fn ends_in_a_parallel() -> impl Runnable<Input = Value, Output = Messages> {
    parallel!("topic": RunnablePassthrough, "length": async |value: Value| Ok(value.as_str().map(str::len)))
        | prompt("{topic} {length}")
}

fn ends_in_a_parallel_in_braces() -> impl Runnable<Input = Value, Output = Messages> {
    parallel! { "topic": RunnablePassthrough }.pipe(prompt("{topic}"))
}

#[tokio::test]
async fn a_function_ends_in_a_parallel() {
    assert_eq!(ends_in_a_parallel().invoke("ebb").await.unwrap()[0].text(), "ebb 3");
    assert_eq!(ends_in_a_parallel_in_braces().invoke("ebb").await.unwrap()[0].text(), "ebb");
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Question {
    topic: String,
    words: Vec<String>,
}

fn question() -> Question {
    Question { topic: "rivers".to_string(), words: vec!["ebb".to_string(), "flood".to_string()] }
}

#[tokio::test]
async fn json_becomes_a_struct() {
    let map = || {
        parallel! {
            "topic": RunnablePassthrough.pick("topic"),
            "words": RunnablePassthrough.pick("words"),
        }
    };
    let topic = lambda(async |question: Question| Ok(question.topic));
    assert_eq!((map() | from_json::<Question>() | topic.clone()).invoke(&question()).await.unwrap(), "rivers");
    assert_eq!((map() | from_json() | topic).invoke(&question()).await.unwrap(), "rivers");
    let error = (map() | from_json::<Question>()).invoke(json!({"topic": 1, "words": []})).await.unwrap_err();
    assert_eq!(error.kind(), anabranch::ErrorKind::InvalidInput);
}

#[tokio::test]
async fn inputs_are_whatever_they_are() {
    let prompt = prompt("{topic}");
    assert_eq!(prompt.invoke("ebb").await.unwrap()[0].text(), "ebb");
    assert_eq!(prompt.invoke(json!({"topic": "ebb"})).await.unwrap()[0].text(), "ebb");
    assert_eq!(prompt.invoke(&question()).await.unwrap()[0].text(), "rivers");
    assert_eq!(prompt.invoke(&HashMap::from([("topic", "ebb")])).await.unwrap()[0].text(), "ebb");
    assert_eq!(prompt.invoke(&BTreeMap::from([("topic".to_string(), 1)])).await.unwrap()[0].text(), "1");
    assert_eq!(prompt.invoke(&"ebb".to_string()).await.unwrap()[0].text(), "ebb");
    let value = json!({"topic": "ebb"});
    assert_eq!(prompt.invoke(&value).await.unwrap()[0].text(), "ebb");
    let questions = [question(), question()];
    assert_eq!(prompt.batch(&questions).await.unwrap().len(), 2);
    assert_eq!(prompt.stream(&questions[0]).collect().await.unwrap()[0].text(), "rivers");
    assert_eq!(prompt.invoke_with(&questions[0], &RunConfig::new()).await.unwrap()[0].text(), "rivers");
}

#[tokio::test]
async fn a_picked_list_goes_through_a_step() {
    let lengths = RunnablePassthrough.pick("words")
        | from_json::<Vec<String>>()
        | lambda(async |word: String| Ok(word.len())).each();
    assert_eq!(lengths.invoke(&question()).await.unwrap(), [3, 5]);
}

#[tokio::test]
async fn a_panel_is_a_branch() {
    let panel = parallel! {
        "legal": shout(),
        "broken": async |_: String| Err::<String, _>(anabranch::Error::other("no luck")),
    };
    let chain = parallel! { "panel": panel.settled(), "text": RunnablePassthrough };
    let whole = chain.invoke("x").await.unwrap();
    assert_eq!((&whole["panel"]["legal"], &whole["text"]), (&json!("X"), &json!("x")));
}

#[tokio::test]
async fn branches_are_collected() {
    let pairs = ["a", "b"].map(|key| (key, shout().boxed()));
    let map = pairs.into_iter().collect::<RunnableParallel<String>>();
    assert_eq!(map.invoke("x").await.unwrap(), json!({"a": "X", "b": "X"}));
    let map: RunnableParallel<_> = (0..3).map(|n| (n.to_string(), llm().pipe(StrOutputParser))).collect();
    assert_eq!(map.invoke("x").await.unwrap().as_object().unwrap().len(), 3);
    let map = ["a", "b"]
        .into_iter()
        .map(|topic| (topic, prompt("{topic}") | llm() | StrOutputParser))
        .collect::<RunnableParallel>();
    assert_eq!(map.invoke("x").await.unwrap(), json!({"a": "an answer", "b": "an answer"}));
}

#[tokio::test]
async fn chunks_are_read_without_another_crates_trait() {
    let chain = prompt("{topic}") | llm() | StrOutputParser;
    let mut chunks = chain.stream("ebb");
    let mut text = String::new();
    while let Some(chunk) = chunks.next().await {
        text += &chunk.unwrap();
    }
    assert_eq!(text, "an answer");
    let mut chunks = chain.stream("ebb");
    tokio::select! {
        Some(first) = chunks.next() => assert_eq!(first.unwrap(), "an "),
        () = tokio::time::sleep(Duration::from_secs(9)) => unreachable!(),
    }
}

/// With that trait in scope it is the same.
#[tokio::test]
async fn chunks_are_read_with_another_crates_trait() {
    use futures::{StreamExt, TryStreamExt};

    let chain = shout();
    assert_eq!(chain.stream("x").next().await.unwrap().unwrap(), "X");
    assert_eq!(chain.stream("x").try_next().await.unwrap().unwrap(), "X");
    let all: Vec<_> = StreamExt::collect(chain.stream("x")).await;
    assert_eq!(all.len(), 1);
    let all: Vec<_> = chain.batch_as_completed(["a", "b"]).collect().await;
    assert_eq!(all.len(), 2);
}

#[derive(Clone)]
struct Window<'t, T, const N: usize>(&'t [T; N]);

impl<T: Clone + Send + Sync + 'static, const N: usize> Runnable for Window<'_, T, N> {
    type Input = usize;
    type Output = T;

    async fn call(&self, at: usize, _: &RunConfig) -> Result<T> {
        Ok(self.0[at % N].clone())
    }
}

pipe_operator!(impl<'t, T, const N: usize> for Window<'t, T, N> where T: Clone + Send + Sync + 'static);

#[tokio::test]
async fn types_with_lifetimes_and_constants_have_the_operator() {
    let words = ["ebb".to_string(), "flood".to_string()];
    let chain = Window(&words) | shout();
    assert_eq!(chain.invoke(3_usize).await.unwrap(), "FLOOD");
}

#[tokio::test]
async fn long_chains() {
    let part = || prompt("{text}") | llm() | StrOutputParser;
    let chain = part() | part() | part() | part();
    assert_eq!(chain.invoke("x").await.unwrap(), "an answer");
    assert_eq!(chain.stream("x").collect().await.unwrap(), "an answer");
    fn spawnable<T: Send + 'static>(_: T) {}
    spawnable(async move { chain.invoke("x").await });
}

/// Names that a program has anyway, of its own and by another `::*`, stand beside the prelude.
mod names {
    #[allow(dead_code, reason = "they are only named")]
    mod own {
        pub(super) mod all {
            #[derive(Debug)]
            pub(crate) struct Error;
            pub(crate) type Result<T> = std::result::Result<T, Error>;
            pub(crate) struct ErrorKind;
            pub(crate) struct Merge;
            pub(crate) struct Outcome;
            pub(crate) struct Usage;
            pub(crate) struct Role;
            pub(crate) struct Content;
            pub(crate) struct Config;
            pub(crate) struct Observer;
            pub(crate) struct Step;
            pub(crate) struct Event;
            pub(crate) struct Kind;
            pub(crate) struct Label;
            pub(crate) struct Description;
            pub(crate) struct Warning;
            pub(crate) struct Permit;
            pub(crate) struct Attempt;
            pub(crate) struct Cost;
            pub(crate) struct Vote;
            pub(crate) struct RateLimiter;
        }
    }

    use anabranch::prelude::*;
    use own::all::*;

    #[allow(dead_code, clippy::type_complexity, reason = "that it compiles is the test")]
    type Named = (
        (Error, ErrorKind, Merge, Outcome, Usage, Role, Content, Config, Observer, Step),
        (Event, Kind, Label, Description, Warning, Permit, Attempt, Cost, Vote, RateLimiter),
    );

    fn fails() -> Result<()> {
        Err(Error)
    }

    #[tokio::test]
    async fn they_are_the_programs_own() {
        let chain = lambda(async |n: i64| Ok(n + 1));
        assert_eq!(chain.invoke(1).await.unwrap(), 2);
        assert!(fails().is_err());
    }

    mod with_std {
        use std::error::Error;
        use std::io::ErrorKind;

        use anabranch::prelude::*;

        async fn run() -> Result<i64, Box<dyn Error>> {
            let there = std::fs::read("/").map_err(|error| error.kind());
            assert!(there.is_err_and(|kind| kind != ErrorKind::WouldBlock));
            Ok(lambda(async |text: String| Ok(text.parse::<i64>()?)).invoke("42").await?)
        }

        #[tokio::test]
        async fn a_main_with_a_boxed_error() {
            assert_eq!(run().await.unwrap(), 42);
        }
    }
}

/// Asks another step for each chunk it reads.
struct EachWordAsks<R>(R);

impl<R: Runnable<Input = Value, Output = String>> Runnable for EachWordAsks<R> {
    type Input = String;
    type Output = String;

    async fn call(&self, text: String, config: &RunConfig) -> Result<String> {
        config.run(&self.0, Value::from(text)).await
    }

    fn call_stream<'a>(&'a self, words: Chunks<'a, String>, config: &'a RunConfig) -> Chunks<'a, String> {
        let answers = futures::StreamExt::then(words, async |word| config.run(&self.0, Value::from(word?)).await);
        Chunks::new(Box::pin(answers), anabranch::Merge::append())
    }
}

pipe_operator!(impl<R> for EachWordAsks<R> where R: Runnable<Input = Value, Output = String>);

#[tokio::test(start_paused = true)]
async fn a_model_that_is_asked_for_each_word_of_another_under_a_limit_of_one() {
    let slow = || -> ChatModel {
        let script = ScriptedModel::new().otherwise("an answer");
        script.delay(Duration::from_millis(1), Duration::from_millis(1)).into()
    };
    let asks = || EachWordAsks(prompt("{word}") | slow() | StrOutputParser);
    let chain = prompt("{topic}") | slow() | StrOutputParser | asks();
    for (limit, streams) in [(1, 1), (4, 4), (4, 20)] {
        let config = RunConfig::new().max_concurrency(limit);
        let reads = (0..streams).map(|_| async {
            let mut chunks = chain.stream_with("ebb", &config);
            let mut text = String::new();
            while let Some(chunk) = chunks.next().await {
                text += &chunk.unwrap();
            }
            text
        });
        let all = tokio::time::timeout(Duration::from_secs(60), futures::future::join_all(reads));
        assert!(all.await.expect("it waits for itself").iter().all(|text| text == "an answeran answer"));
        let now = config.concurrency().unwrap();
        assert_eq!((now.in_use, now.waiting), (0, 0));
    }
}
