//! Against a real llama.cpp server, whose address `ANABRANCH_REAL_SERVER` names: `http://127.0.0.1:8101`.
#![cfg(feature = "openai")]
#![allow(clippy::unwrap_used, clippy::panic)]

use std::io::Write;
use std::time::{Duration, Instant};

use anabranch_core::{ErrorKind, RunConfig, Runnable};
use anabranch_messages::{AiMessage, FinishKind};
use anabranch_models::{ChatModel, OpenAi};
use futures::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The server's address and a model on it; a line that says so where there is none.
fn server() -> Option<(String, ChatModel)> {
    let Ok(address) = std::env::var("ANABRANCH_REAL_SERVER") else {
        let _ = writeln!(std::io::stderr(), "\nSKIPPED: ANABRANCH_REAL_SERVER names no llama.cpp server");
        return None;
    };
    let address = address.trim_end_matches('/').to_string();
    let llm = OpenAi::new("tiny").base_url(format!("{address}/v1")).build().unwrap();
    Some((address, llm))
}

/// How many slots of the server are at work.
async fn busy_slots(address: &str) -> usize {
    let host = address.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET /slots HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    answer.matches("\"is_processing\":true").count()
}

#[tokio::test]
async fn plain_and_streamed_are_the_same() {
    let Some((_, llm)) = server() else { return };
    let llm = llm.temperature(0.0).seed(7).max_tokens(12);
    let whole = llm.invoke("Tell me about rivers.").await.unwrap();
    let streamed = llm.stream("Tell me about rivers.").collect().await.unwrap();
    assert!(!whole.text().is_empty());
    assert_eq!(whole.text(), streamed.text());
    for answer in [&whole, &streamed] {
        let usage = answer.usage().unwrap();
        assert!(usage.input_tokens().unwrap() > 0 && usage.output_tokens().unwrap() <= 12);
        assert!(answer.finish_reason().is_some());
        assert!(answer.model().is_some());
    }
}

#[tokio::test]
async fn a_cut_answer_says_so_and_many_run_at_once() {
    let Some((_, llm)) = server() else { return };
    let llm = llm.max_tokens(5).temperature(1.0);
    let config = RunConfig::new().max_concurrency(4);
    let answers = llm.batch_with(vec!["Count to a thousand."; 12], &config).await.unwrap();
    let is_known = |answer: &AiMessage| {
        answer.finish_reason().is_some_and(|reason| *reason == FinishKind::Length || *reason == FinishKind::Stop)
    };
    assert!(answers.iter().all(is_known));
}

#[tokio::test]
async fn a_prompt_that_is_too_long() {
    let Some((_, llm)) = server() else { return };
    let error = llm.invoke("river ".repeat(20_000)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ContextLength, "{error}");
    assert!(!error.to_string().contains("river"));
}

/// The server itself says that the work is over once the stream is dropped.
#[tokio::test]
async fn dropping_a_stream_frees_its_slot() {
    let Some((address, llm)) = server() else { return };
    let llm = llm.max_tokens(100_000).option("ignore_eos", true);
    let mut stream = llm.stream("Never stop.");
    stream.next().await.unwrap().unwrap();
    assert!(busy_slots(&address).await >= 1);
    drop(stream);
    let dropped = Instant::now();
    // Other tests use slots, too, but only for moments.
    while busy_slots(&address).await > 0 {
        assert!(dropped.elapsed() < Duration::from_secs(10), "the slot is still at work");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let _ = writeln!(std::io::stderr(), "\nthe slot was free after {:?}", dropped.elapsed());
}
