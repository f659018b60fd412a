//! Law 5: what cannot work is found before any step has run, and nothing is claimed where nothing is known.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch::ErrorKind;
use anabranch::prelude::*;
use futures::TryStreamExt;
use serde_json::{Value, json};

fn prompt(template: &str) -> ChatPromptTemplate {
    ChatPromptTemplate::from_template(template).unwrap()
}

/// A model and the script behind it, which keeps what it was asked.
fn model() -> (ChatModel, ScriptedModel) {
    let script = ScriptedModel::new().otherwise(r#"{"river": "Weser"}"#);
    (ChatModel::from(script.clone()), script)
}

fn part(llm: &ChatModel) -> impl Runnable<Input = Value, Output = String> + use<> {
    prompt("About {topic}") | llm.clone() | StrOutputParser
}

/// `check` and the first run, whatever its form, end with the same error, and nobody was asked.
async fn is_found<R>(chain: impl Fn(&ChatModel) -> R, message: &str)
where
    R: Runnable<Input = Value>,
{
    let (llm, script) = model();
    assert_eq!(chain(&llm).check().unwrap_err().to_string(), message, "check");

    let error = chain(&llm).invoke("rivers").await.err().unwrap();
    assert_eq!(error.to_string(), message, "invoke");
    assert_eq!(error.kind(), ErrorKind::InvalidChain);
    assert!(!error.is_retryable());

    let streaming = chain(&llm);
    assert_eq!(streaming.stream("rivers").try_next().await.err().unwrap().to_string(), message, "stream");
    assert_eq!(chain(&llm).stream("rivers").collect().await.err().unwrap().to_string(), message, "collect");

    let error = chain(&llm).batch(["rivers", "seas"]).await.err().unwrap().to_string();
    assert!(error.contains(message), "batch: {error}");
    for done in chain(&llm).batch_settled(["rivers", "seas"]).await {
        let error = done.err().unwrap().to_string();
        assert!(error.ends_with(message), "batch_settled: {error}");
    }
    assert_eq!(script.requests().len(), 0, "a step had run");
}

/// It passes the check, and works.
async fn is_fine<R>(chain: impl Fn(&ChatModel) -> R)
where
    R: Runnable<Input = Value>,
{
    let (llm, _) = model();
    let chain = chain(&llm);
    chain.check().unwrap();
    chain.invoke("rivers").await.map(drop).unwrap();
}

#[tokio::test]
async fn a_variable_that_no_branch_gives() {
    is_found(
        |llm| {
            let map = parallel! { "summary": part(llm), "keyterms": part(llm), "topic": RunnablePassthrough };
            map | prompt("{summary} {key_terms} {topic}") | llm.clone() | StrOutputParser
        },
        "ChatPromptTemplate: invalid chain: needs `key_terms`, but `parallel` gives `summary`, `keyterms` and `topic`; \
         did you mean `keyterms` for `key_terms`?",
    )
    .await;
}

#[tokio::test]
async fn nothing_like_it_is_no_hint() {
    is_found(
        |llm| parallel! { "summary": part(llm) } | prompt("{author} and {year}") | llm.clone(),
        "ChatPromptTemplate: invalid chain: needs `author` and `year`, but `parallel` gives `summary`",
    )
    .await;
}

#[tokio::test]
async fn a_named_step_is_named() {
    is_found(
        |llm| {
            let synthesis = (prompt("{summaries}") | llm.clone()).with_name("synthesis");
            parallel! { "summary": part(llm) }.with_name("research") | synthesis
        },
        "synthesis > ChatPromptTemplate: invalid chain: needs `summaries`, but `research` gives `summary`; \
         did you mean `summary` for `summaries`?",
    )
    .await;
}

#[tokio::test]
async fn a_branch_that_may_be_absent() {
    // The chain works whenever the branches do: it is told, and not refused.
    let (llm, _) = model();
    let panel = parallel! { "legal": part(&llm), "technical": part(&llm) };
    let chain = panel.settled() | prompt("{legal} {technical}") | llm.clone();
    let [warning] = &chain.check().unwrap()[..] else { panic!("one warning") };
    assert_eq!(
        warning.to_string(),
        "ChatPromptTemplate: needs `legal` and `technical`, but `settled` gives no keys at all and \
         `legal` and `technical` only where that branch succeeded: give it a value with `.partial(...)`, or require the branch: \
         `.require([\"legal\", \"technical\"])`"
    );
}

#[tokio::test]
async fn a_branch_that_may_be_absent_and_a_variable_that_may_be_missing() {
    is_fine(|llm| {
        let panel = parallel! { "legal": part(llm), "technical": part(llm) };
        panel.settled() | prompt("{legal} {technical}").partial("legal", "-").partial("technical", "-") | llm.clone()
    })
    .await;
}

#[tokio::test]
async fn a_key_that_was_not_picked() {
    is_found(
        |llm| {
            let map = parallel! { "summary": part(llm), "topic": RunnablePassthrough };
            map.pick(["summary"]) | prompt("{summary} {topic}") | llm.clone()
        },
        "ChatPromptTemplate: invalid chain: needs `topic`, but `pick` gives `summary`",
    )
    .await;
}

#[tokio::test]
async fn a_picked_key_that_no_branch_gives() {
    is_found(
        |llm| parallel! { "summary": part(llm), "topic": RunnablePassthrough }.pick("sumary") | prompt("{text}"),
        "pick: invalid chain: needs `sumary`, but `parallel` gives `summary` and `topic`; \
         did you mean `summary` for `sumary`?",
    )
    .await;
}

#[tokio::test]
async fn keys_are_followed_through_assign() {
    let map = |llm: &ChatModel| parallel! { "summary": part(llm), "topic": RunnablePassthrough };
    is_fine(|llm| {
        map(llm).assign(parallel! { "terms": part(llm) }) | prompt("{summary} {topic} {terms}") | llm.clone()
    })
    .await;
    is_found(
        |llm| map(llm).assign(parallel! { "terms": part(llm) }) | prompt("{summary} {term}") | llm.clone(),
        "ChatPromptTemplate: invalid chain: needs `term`, but `assign` gives `summary`, `topic` and `terms`; \
         did you mean `terms` for `term`?",
    )
    .await;
    // A branch of an assign sees what came before it.
    is_found(
        |llm| map(llm).assign(parallel! { "terms": prompt("{summery}") | llm.clone() | StrOutputParser }),
        "assign > terms > ChatPromptTemplate: invalid chain: needs `summery`, but `parallel` gives `summary` and \
         `topic`; did you mean `summary` for `summery`?",
    )
    .await;
}

#[tokio::test]
async fn it_is_found_through_wrappers() {
    is_found(
        |llm| {
            let map = parallel! { "summary": part(llm) }.with_timeout(std::time::Duration::from_secs(1));
            let answer = (prompt("{topic}") | llm.clone()).with_retry(Retry::attempts(2)).boxed();
            map | answer | StrOutputParser
        },
        "ChatPromptTemplate: invalid chain: needs `topic`, but `parallel` gives `summary`",
    )
    .await;
}

#[tokio::test]
async fn text_is_one_variable_but_not_two() {
    is_fine(|llm| part(llm).pipe(prompt("Shorter: {text}")) | llm.clone()).await;
    is_found(
        |llm| part(llm).pipe(prompt("{summary} {topic}")) | llm.clone(),
        "ChatPromptTemplate: invalid chain: needs an object with `summary` and `topic`, but `StrOutputParser` gives a \
         value that is no object",
    )
    .await;
}

#[tokio::test]
async fn a_key_twice_in_a_parallel_that_is_built() {
    let (llm, script) = model();
    let twice = || RunnableParallel::new().branch("topic", part(&llm)).branch("topic", part(&llm));
    let message =
        "parallel: invalid chain: two branches of a parallel have the key \"topic\": name one of them differently";
    assert_eq!(twice().check().unwrap_err().to_string(), message);
    assert_eq!(twice().invoke("rivers").await.unwrap_err().to_string(), message);
    let settled = message.replace("parallel:", "settled:");
    assert_eq!(twice().settled().invoke("rivers").await.unwrap_err().to_string(), settled);
    assert_eq!(script.requests().len(), 0);

    is_found(|llm| prompt("{topic}") | llm.clone() | StrOutputParser | twice() | prompt("{topic}"), message).await;
    is_found(|llm| part(llm).pipe(twice()).with_timeout(std::time::Duration::from_secs(1)), message).await;
    assert_eq!(script.requests().len(), 0);
}

#[tokio::test]
async fn nothing_is_claimed_where_nothing_is_known() {
    // What a function gives, what an answer holds, what the program itself puts in.
    is_fine(|llm| {
        lambda(async |_: Value| Ok(json!({ "summary": 1, "topic": 2 }))) | prompt("{summary} {topic}") | llm.clone()
    })
    .await;
    is_fine(|llm| prompt("{topic}") | llm.clone() | JsonOutputParser::new() | prompt("{river}") | llm.clone()).await;
    is_fine(|llm| parallel! { "inner": RunnablePassthrough }.pick("inner") | prompt("{anything}") | llm.clone()).await;

    let (llm, script) = model();
    let chain = prompt("{question} {history}") | llm;
    chain.check().unwrap();
    let error = chain.invoke(json!({ "question": "?" })).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().starts_with("missing `history`; there is `question`"), "{error}");
    assert!(error.message().contains("doubled"), "{error}");
    assert_eq!(script.requests().len(), 0);
}

#[tokio::test]
async fn of_two_ways_only_what_holds_for_both() {
    let empty = |input: &Value| input.is_null();
    is_fine(|llm| {
        let either = RunnableBranch::when(empty, parallel! { "a": part(llm) }).otherwise(parallel! { "b": part(llm) });
        either | prompt("{b}") | llm.clone()
    })
    .await;
    is_found(
        |llm| {
            let either =
                RunnableBranch::when(empty, parallel! { "a": part(llm) }).otherwise(parallel! { "a": part(llm) });
            either | prompt("{b}") | llm.clone()
        },
        "ChatPromptTemplate: invalid chain: needs `b`, but `parallel` gives `a`",
    )
    .await;
}

#[tokio::test]
async fn no_branch_begins_where_another_cannot_work() {
    let (llm, script) = model();
    let broken = parallel! { "topic": RunnablePassthrough } | prompt("{subject}") | llm.clone() | StrOutputParser;
    let panel = parallel! { "sound": prompt("{x}") | llm | StrOutputParser, "broken": broken };
    for error in [
        panel.check().unwrap_err(),
        panel.invoke("x").await.unwrap_err(),
        panel.stream("x").next().await.unwrap().unwrap_err(),
        panel.stream("x").collect().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::InvalidChain, "{error}");
        assert!(error.to_string().contains("needs `subject`"), "{error}");
    }
    assert!(script.requests().is_empty(), "a branch had begun");

    // Where a branch may fail, the chain can work: it is told, and the others do.
    let settled = panel.settled();
    let [warning] = &settled.check().unwrap()[..] else { panic!("one warning") };
    assert!(warning.to_string().contains("broken") && warning.message().contains("needs `subject`"), "{warning}");
    let outcome = settled.invoke("x").await.unwrap();
    assert_eq!(outcome.successes().map(|(key, _)| key).collect::<Vec<_>>(), ["sound"]);
    let [(key, error)] = outcome.failures().collect::<Vec<_>>()[..] else { panic!("one failure") };
    assert_eq!((key, error.kind()), ("broken", ErrorKind::InvalidChain));
    assert_eq!(script.requests().len(), 1, "the broken branch has asked nobody");
}

/// What observers hear before the run.
#[derive(Default)]
struct Warnings(std::sync::Mutex<Vec<String>>);

impl anabranch::Observer for Warnings {
    fn warned(&self, warning: &anabranch::describe::Warning) {
        self.0.lock().unwrap().push(warning.to_string());
    }
}

/// It can work: `check` tells of one thing that is wrong in a part, the observers of the first run hear it, and it works.
async fn is_told<R>(chain: impl Fn(&ChatModel) -> R, part: &str)
where
    R: Runnable<Input = Value>,
{
    let (llm, _) = model();
    let [warning] = &chain(&llm).check().unwrap()[..] else { panic!("one warning") };
    assert!(warning.to_string().contains(part), "{warning}");
    for streamed in [false, true] {
        let heard = std::sync::Arc::new(Warnings::default());
        let config = RunConfig::new().observer(heard.clone());
        let chain = chain(&llm);
        match streamed {
            false => chain.invoke_with("rivers", &config).await.map(drop).unwrap(),
            true => chain.stream_with("rivers", &config).collect().await.map(drop).unwrap(),
        }
        assert_eq!(*heard.0.lock().unwrap(), [warning.to_string()], "streamed: {streamed}");
    }
}

#[tokio::test]
async fn what_a_way_that_is_not_taken_needs_is_not_missed() {
    let map = || parallel! { "question": RunnablePassthrough };
    let part = "needs `context`, but `parallel` gives `question`";
    let has_context = |input: &Value| input.get("context").is_some();
    is_told(
        |llm| {
            let body =
                RunnableBranch::when(has_context, prompt("{context} {question}")).otherwise(prompt("{question}"));
            map() | body | llm.clone()
        },
        part,
    )
    .await;
    is_told(
        |llm| {
            let routes = RunnableRouter::by(move |input| has_context(input).to_string())
                .route("true", prompt("{context} {question}"))
                .route("false", prompt("{question}"));
            map() | routes | llm.clone()
        },
        part,
    )
    .await;
    is_told(
        |llm| {
            let first = prompt("{context} {question}");
            map() | first.with_fallback(prompt("{question}")).fallback_if(|_| true) | llm.clone()
        },
        part,
    )
    .await;
    is_told(
        |llm| {
            let ways = [prompt("{context} {question}").boxed(), prompt("{question}").boxed()];
            map() | first_success(ways) | llm.clone()
        },
        part,
    )
    .await;
    is_told(
        |llm| {
            let with = |template| prompt(template) | llm.clone() | StrOutputParser;
            let panel = parallel! { "with": with("{context} {question}"), "without": with("{question}") };
            map() | panel.settled().pipe(RunnablePassthrough)
        },
        part,
    )
    .await;
    // A typo in one arm is told with what was meant.
    is_told(
        |llm| {
            let body = RunnableBranch::when(has_context, prompt("{qestion}")).otherwise(prompt("{question}"));
            map() | body | llm.clone()
        },
        "needs `qestion`, but `parallel` gives `question`; did you mean `question` for `qestion`?",
    )
    .await;
}

#[tokio::test]
async fn what_every_way_needs_is_missed() {
    let map = || parallel! { "question": RunnablePassthrough };
    is_found(
        |llm| {
            let ask = prompt("{subject}") | llm.clone() | lambda(async |_: AiMessage| Ok(true));
            map() | RunnableBranch::when_runnable(ask, prompt("{question}")).otherwise(prompt("{question}"))
        },
        "branch > ChatPromptTemplate: invalid chain: needs `subject`, but `parallel` gives `question`",
    )
    .await;
    is_found(
        |llm| parallel! { "a": part(llm), "b": part(llm) }.at_least(3).pipe(RunnablePassthrough),
        "at_least: invalid chain: 3 branches must come through, but there are 2",
    )
    .await;
    is_found(
        |llm| quorum(3, [part(llm).boxed(), part(llm).boxed()]).pipe(async |_: anabranch::Vote<String>| Ok(1)),
        "quorum: invalid chain: 3 branches must come through, but there are 2",
    )
    .await;
    is_found(
        |llm| race::<Value, String>([]) | prompt("{text}") | llm.clone(),
        "race: invalid chain: needs at least one alternative",
    )
    .await;
}

#[tokio::test]
async fn the_advice_can_be_taken() {
    let (llm, _) = model();
    let panel = || parallel! { "legal": part(&llm), "technical": part(&llm) };
    let report = || prompt("{legal} {technical}");
    assert_eq!((panel().settled() | report()).check().unwrap().len(), 1);
    for chain in [
        (panel().settled().require(["legal", "technical"]) | report()).boxed(),
        (panel().settled() | report().partial("legal", "-").partial("technical", "-")).boxed(),
        (panel().at_least(2) | report()).boxed(),
    ] {
        assert!(chain.check().unwrap().is_empty());
        assert!(chain.invoke(json!({ "topic": "rivers" })).await.is_ok());
    }
}
