//! The main job against a real inference engine: llama.cpp's server on loopback.
//!
//! `ANABRANCH_REAL_SERVER=http://127.0.0.1:8101 cargo test -p anabranch-tests --test real_server`; `.ci/run` starts the
//! server. Its model has random weights, so the text it writes is babble. Tokens, finish reasons, usage, limits and
//! disconnects are real.

#![allow(clippy::unwrap_used)]

#[path = "real/formats.rs"]
mod formats;
#[path = "real/server.rs"]
mod server;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use anabranch::messages::FinishKind;
use anabranch::prelude::*;
use anabranch::{Error, ErrorKind};
use futures::TryStreamExt;
use serde_json::{Value, json};
use server::Server;

/// The example as a user runs it. It was built by the gate or is built now.
async fn example(server: &Server, name: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .args(["run", "--quiet", "--package", "anabranch", "--features", "openai", "--example", name])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .env("ANABRANCH_MODEL", "openai:tiny")
        .env("OPENAI_BASE_URL", server.base_url())
        .env_remove("OPENAI_API_KEY");
    let output = tokio::task::spawn_blocking(move || cargo.output().unwrap()).await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {stderr}");
    assert!(!stderr.contains("made up"), "{name} did not ask the server: {stderr}");
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_example_parallel_chain_runs_against_it() {
    let Some(server) = Server::find("parallel_chain").await else { return };
    let before = server.tokens_written().await;
    let answer = example(&server, "parallel_chain").await;
    assert!(!answer.trim().is_empty());
    // Four calls, and every one of them wrote something.
    assert!(server.tokens_written().await >= before + 4);
}

#[tokio::test]
async fn the_example_streaming_runs_against_it() {
    let Some(server) = Server::find("streaming").await else { return };
    let printed = example(&server, "streaming").await;
    let chunks: Vec<Value> = printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let grew: BTreeSet<&str> =
        chunks.iter().flat_map(|chunk| chunk.as_object().unwrap().keys().map(String::as_str)).collect();
    assert_eq!(grew, BTreeSet::from(["upside", "downside"]));
    assert!(chunks.iter().all(|chunk| chunk.as_object().unwrap().len() == 1), "a chunk has one key");
    assert!(printed.trim_end().ends_with(" characters"), "{printed}");
}

/// Three chains and a synthesis, as in the README.
fn three_branches(llm: &ChatModel) -> anabranch::Result<impl Runnable<Input = Value, Output = String> + use<>> {
    let ask = |task: &str| -> anabranch::Result<_> {
        let prompt = ChatPromptTemplate::from_messages([("system", task), ("user", "{topic}")])?;
        Ok(prompt | llm.clone() | StrOutputParser)
    };
    let map = parallel! {
        "summary": ask("Summarize the topic:")?,
        "questions": ask("Ask about the topic:")?,
        "key_terms": ask("Name key terms of the topic:")?,
        "topic": RunnablePassthrough,
    };
    let synthesis = ChatPromptTemplate::from_messages([
        ("system", "Summary: {summary}\nQuestions: {questions}\nTerms: {key_terms}"),
        ("user", "Original topic: {topic}"),
    ])?;
    Ok(map | synthesis | llm.clone() | StrOutputParser)
}

#[tokio::test]
async fn a_chain_streams_what_it_answers() {
    let Some(server) = Server::find("chain").await else { return };
    let chain = three_branches(&server.model().max_tokens(40)).unwrap();
    let whole = chain.invoke("The history of space exploration").await.unwrap();
    assert!(!whole.is_empty());

    let pieces: Vec<String> = chain.stream("The history of space exploration").try_collect().await.unwrap();
    assert!(pieces.len() > 10, "{} pieces", pieces.len());
    assert_eq!(pieces.concat(), whole);
    assert_eq!(chain.stream("The history of space exploration").collect().await.unwrap(), whole);
}

#[tokio::test]
async fn an_answer_says_why_it_ended_and_what_it_cost() {
    let Some(server) = Server::find("usage").await else { return };
    let cut = server.model().max_tokens(5);
    // A grammar that allows one word: the model writes it and stops.
    let done = server.model().option("grammar", "root ::= \"yes\"");
    for (llm, expected) in [(cut, FinishKind::Length), (done, FinishKind::Stop)] {
        let plain = llm.invoke("Is water wet?").await.unwrap();
        let streamed = llm.stream("Is water wet?").collect().await.unwrap();
        assert_eq!(plain.text(), streamed.text());
        for answer in [plain, streamed] {
            let reason = answer.finish_reason().unwrap();
            assert_eq!(reason.kind(), expected);
            assert_eq!(reason.is_cut_off(), expected == FinishKind::Length);
            let usage = answer.usage().unwrap();
            assert!(usage.input_tokens().unwrap() > 5);
            if expected == FinishKind::Length {
                assert_eq!(usage.output_tokens(), Some(5));
            } else {
                assert_eq!(answer.text(), "yes");
            }
            assert_eq!(usage.total_tokens(), usage.input_tokens().unwrap() + usage.output_tokens().unwrap());
        }
    }
}

#[tokio::test]
async fn a_schema_holds_the_answer_to_its_shape() {
    let Some(server) = Server::find("schema").await else { return };
    let schema = json!({"type": "object", "properties": {"wet": {"type": "boolean"}}, "required": ["wet"]});
    let llm = server
        .model()
        .option("response_format", json!({"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}));
    let chain = ChatPromptTemplate::from_template("Is {thing} wet?").unwrap() | llm | JsonOutputParser::new();
    let answer = chain.invoke("water").await.unwrap();
    assert!(answer["wet"].is_boolean(), "{answer}");
    assert_eq!(chain.stream("water").collect().await.unwrap(), answer);
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_named_as_such() {
    let Some(server) = Server::find("overflow").await else { return };
    let chain = three_branches(&server.model()).unwrap();
    let topic = "marmalade ".repeat(4_000);
    for error in [chain.invoke(topic.as_str()).await.unwrap_err(), chain.stream(topic).collect().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::ContextLength, "{error}");
        assert!(!error.is_retryable());
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("ChatModel openai:tiny") && shown.contains("parallel"), "{shown}");
        assert!(!shown.contains("marmalade"), "{shown}");
    }
}

#[tokio::test]
async fn more_clients_than_slots_wait_for_their_turn() {
    let Some(server) = Server::find("queue").await else { return };
    let slots = server.slots().await.len();
    let llm = server.model().max_tokens(20);
    let questions: Vec<String> = (0..3 * slots + 1).map(|n| format!("Question {n}?")).collect();

    let answers = llm.batch(questions.clone()).await.unwrap();
    assert_eq!(answers.len(), questions.len());
    // In input order, whoever was served first.
    for (question, answer) in questions.iter().zip(&answers) {
        assert_eq!(llm.invoke(question.as_str()).await.unwrap().text(), answer.text(), "{question}");
    }
}

#[tokio::test]
async fn the_limit_of_a_run_is_what_the_server_sees() {
    let Some(server) = Server::find("limit").await else { return };
    let chain = three_branches(&server.model().max_tokens(60)).unwrap();
    let one_at_a_time = RunConfig::new().max_concurrency(1);
    let mut run = std::pin::pin!(chain.batch_with(["rivers", "lakes"].map(Value::from), &one_at_a_time));
    let mut most = 0;
    let answers = loop {
        tokio::select! {
            answers = &mut run => break answers.unwrap(),
            busy = server.busy() => most = most.max(busy),
        }
    };
    assert_eq!(answers.len(), 2);
    assert_eq!(most, 1, "two batches of three branches under a limit of one");
}

/// A model that would talk for long, and how long: in tokens, and in time.
async fn talkative(server: &Server, question: &str) -> (ChatModel, u64, Duration) {
    let llm = server.model().max_tokens(1_800);
    let began = Instant::now();
    let usage = llm.invoke(question).await.unwrap().usage().cloned().unwrap();
    let (tokens, time) = (usage.output_tokens().unwrap(), began.elapsed());
    assert!(tokens > 500, "{tokens} tokens are too few to be cut off half-way");
    server.until_idle(Duration::from_secs(5)).await;
    (llm, tokens, time)
}

#[tokio::test]
async fn a_dropped_stream_frees_its_slot() {
    let Some(server) = Server::find("drop").await else { return };
    let (llm, tokens, time) = talkative(&server, "Tell me everything.").await;

    let before = server.tokens_written().await;
    let mut stream = llm.stream("Tell me everything.");
    for _ in 0..20 {
        stream.next().await.unwrap().unwrap();
    }
    assert_eq!(server.busy().await, 1, "the slot is at work for the stream");
    drop(stream);
    let idle_after = server.until_idle(Duration::from_secs(2)).await;
    let written = server.tokens_written().await - before;
    println!("the slot is free {idle_after:?} after the drop; {written} of {tokens} tokens were written ({time:?})");
    assert!(written < tokens / 2, "{written} of {tokens} tokens were written for a stream that was dropped after 20");
}

#[tokio::test]
async fn a_dropped_fan_out_frees_the_slots_of_all_branches() {
    let Some(server) = Server::find("drop a fan-out").await else { return };
    let (llm, tokens, _) = talkative(&server, "Tell me everything.").await;

    let ask = || ChatPromptTemplate::from_template("{question}").unwrap() | llm.clone() | StrOutputParser;
    let both = parallel! { "one": ask(), "two": ask() };
    let before = server.tokens_written().await;
    let mut stream = both.stream("Tell me everything.");
    let mut grew = BTreeSet::new();
    while grew.len() < 2 {
        let chunk = stream.next().await.unwrap().unwrap();
        grew.extend(chunk.as_object().unwrap().keys().cloned());
    }
    assert_eq!(server.busy().await, 2, "a slot for each branch");
    drop(stream);
    server.until_idle(Duration::from_secs(2)).await;
    let written = server.tokens_written().await - before;
    assert!(written < tokens, "{written} of {} tokens were written", 2 * tokens);
}

#[tokio::test]
async fn a_failed_branch_frees_the_slots_of_the_others() {
    let Some(server) = Server::find("fail fast").await else { return };
    let (llm, tokens, _) = talkative(&server, "Tell me everything.").await;

    let before = server.tokens_written().await;
    let panel = parallel! {
        "long": ChatPromptTemplate::from_template("{question}").unwrap() | llm | StrOutputParser,
        "fails": lambda(async |_: Value| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err::<String, _>(Error::new(ErrorKind::Other, "no luck"))
        }),
    };
    // Read chunk by chunk, because llama.cpp looks only now and then whether the client of a whole answer is still there.
    let error = panel.stream("Tell me everything.").try_collect::<Vec<_>>().await.unwrap_err();
    assert_eq!(error.path().next(), Some("parallel \"fails\""));
    server.until_idle(Duration::from_secs(2)).await;
    let written = server.tokens_written().await - before;
    assert!(written < tokens / 2, "{written} of {tokens} tokens were written for a branch that was cancelled");
}
