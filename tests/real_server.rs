//! The main job against a real inference engine: llama.cpp's server on loopback.
//!
//! `ANABRANCH_REAL_SERVER=http://127.0.0.1:8101 cargo test -p anabranch-tests --test real_server`; `.ci/run` starts the
//! server. Its model has random weights, so the text it writes is babble. Tokens, finish reasons, usage, limits and
//! disconnects are real.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

use anabranch::messages::FinishKind;
use anabranch::prelude::*;
use anabranch::{Error, ErrorKind};
use futures::TryStreamExt;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};

/// The server, for one test at a time: what its slots do is then what the test does.
struct Server {
    url: String,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::const_new(());

impl Server {
    /// `None`, and a line that says so, where there is no server.
    async fn find(test: &str) -> Option<Self> {
        let Ok(url) = std::env::var("ANABRANCH_REAL_SERVER") else {
            eprintln!("{test}: skipped, because ANABRANCH_REAL_SERVER is not set (`.ci/run` starts a server)");
            return None;
        };
        let server = Self { url: url.trim_end_matches('/').to_string(), _alone: ALONE.lock().await };
        server.until_idle(Duration::from_secs(30)).await;
        Some(server)
    }

    fn base_url(&self) -> String {
        format!("{}/v1", self.url)
    }

    /// Greedy, and without reuse of earlier prompts: the same request gives the same answer.
    fn model(&self) -> ChatModel {
        let llm = OpenAi::new("tiny").base_url(self.base_url()).build().unwrap();
        llm.temperature(0.0).option("cache_prompt", false)
    }

    async fn get(&self, path: &str) -> String {
        let host = self.url.trim_start_matches("http://");
        let mut socket = TcpStream::connect(host).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.lines().next().unwrap().contains(" 200 "), "GET {path}: {head}");
        body.to_string()
    }

    /// For each slot whether it is at work.
    async fn slots(&self) -> Vec<bool> {
        let slots: Vec<Value> = serde_json::from_str(&self.get("/slots").await).unwrap();
        slots.iter().map(|slot| slot["is_processing"].as_bool().unwrap()).collect()
    }

    async fn busy(&self) -> usize {
        self.slots().await.into_iter().filter(|busy| *busy).count()
    }

    /// How many tokens it has written since it was started.
    async fn tokens_written(&self) -> u64 {
        let metrics = self.get("/metrics").await;
        let line = metrics.lines().find(|line| line.starts_with("llamacpp:tokens_predicted_total")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// How long it took until no slot was at work.
    async fn until_idle(&self, patience: Duration) -> Duration {
        let began = Instant::now();
        while self.busy().await > 0 {
            assert!(began.elapsed() < patience, "a slot is still at work after {patience:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }
}

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

/// The same engine by Anthropic's format: what it says is the same, and so is what went wrong.
#[tokio::test]
async fn the_engine_speaks_anthropics_format_too() {
    let Some(server) = Server::find("Anthropic's format").await else { return };
    let llm = Anthropic::new("tiny").base_url(&server.url).build().unwrap();
    let llm = llm.temperature(0.0).max_tokens(16).option("cache_prompt", false);

    let whole = llm.invoke("What is an anabranch?").await.unwrap();
    assert!(!whole.text().is_empty());
    assert_eq!(*whole.finish_reason().unwrap(), FinishKind::Length);
    assert_eq!(whole.usage().unwrap().output_tokens(), Some(16));
    let chunks: Vec<AiMessage> = llm.stream("What is an anabranch?").try_collect().await.unwrap();
    assert!(chunks.len() > 8, "{} chunks", chunks.len());
    let streamed = chunks.into_iter().fold(AiMessage::default(), |mut whole, chunk| {
        whole.append(chunk);
        whole
    });
    assert_eq!(streamed.text(), whole.text());
    assert_eq!(streamed.finish_reason(), whole.finish_reason());

    let error = llm.invoke("word ".repeat(9000)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::ContextLength, false));
}
