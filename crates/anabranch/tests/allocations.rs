//! What composition allocates: counted, not timed, so that it can be a test.

#![allow(clippy::unwrap_used)]

use allocation_counter::measure;
use anabranch::prelude::*;
use futures::FutureExt;
use serde_json::Value;

/// A model in this process that answers at once.
struct InProcess;

impl Runnable for InProcess {
    type Input = Messages;
    type Output = AiMessage;

    async fn call(&self, _: Messages, _: &RunConfig) -> anabranch::Result<AiMessage> {
        Ok(AiMessage::new("an answer"))
    }
}

pipe_operator!(impl for InProcess);

fn three_branches() -> anabranch::Result<impl Runnable<Input = Value, Output = String>> {
    let chain = |system: &str| -> anabranch::Result<_> {
        Ok(ChatPromptTemplate::from_messages([("system", system), ("user", "{topic}")])?
            | InProcess.boxed()
            | StrOutputParser)
    };
    let map = parallel! {
        "summary": chain("Summarize:")?,
        "questions": chain("Ask:")?,
        "key_terms": chain("Name terms:")?,
        "topic": RunnablePassthrough,
    };
    let synthesis =
        ChatPromptTemplate::from_messages([("system", "{summary} {questions} {key_terms}"), ("user", "{topic}")])?;
    Ok(map | synthesis | InProcess | StrOutputParser)
}

/// The same with `join!` and `format!` and nothing else.
async fn by_hand(topic: String) -> Result<String, std::io::Error> {
    async fn model(_: Vec<(&'static str, String)>) -> Result<String, std::io::Error> {
        Ok("an answer".to_string())
    }
    let ask = |system: &str| model(vec![("system", system.to_string()), ("user", topic.clone())]);
    let (summary, questions, key_terms) = futures::join!(ask("Summarize:"), ask("Ask:"), ask("Name terms:"));
    let synthesis = format!("{} {} {}", summary?, questions?, key_terms?);
    model(vec![("system", synthesis), ("user", topic)]).await
}

#[test]
fn the_three_branch_chain_stays_under_forty_allocations() {
    let chain = three_branches().unwrap();
    let topic = "The history of space exploration";
    let run = || drop(chain.invoke(topic).now_or_never().unwrap().unwrap());
    // The first run checks the chain and learns how long renderings get.
    run();
    let counted = measure(run).count_total;
    let by_hand = measure(|| drop(by_hand(topic.to_string()).now_or_never().unwrap().unwrap())).count_total;
    assert!(counted < 40, "{counted} allocations");
    println!("{counted} allocations per invoke, {by_hand} by hand");
}

#[test]
fn a_batch_of_a_hundred_thousand_holds_sixty_four_elements() {
    const MANY: u64 = 100_000;
    const TEXT: usize = 1_000;
    // Each element has a text of 1,000 bytes under way and gives a number.
    let step = lambda(|n: u64| async move {
        let text = "x".repeat(TEXT);
        tokio::task::yield_now().await;
        Ok(n + text.len() as u64)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = RunConfig::new().max_concurrency(64);
    let mut results = Vec::new();
    let counted = measure(|| results = runtime.block_on(step.batch_with(0..MANY, &config)).unwrap());
    assert_eq!(results.len() as u64, MANY);
    // The results, each with the slot it waits in, and what 64 elements hold.
    let results = MANY * (size_of::<Option<u64>>() + size_of::<u64>()) as u64;
    let under_way = 64 * (TEXT as u64 + 2_048);
    assert!(
        counted.bytes_max < results + under_way,
        "{} bytes at once, of which {results} are results",
        counted.bytes_max
    );
}
