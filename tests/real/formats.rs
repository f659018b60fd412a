//! The three formats that the engine speaks: OpenAI's chat completions and Responses, Anthropic's Messages.
//!
//! A model of random weights calls no tool by itself. `logit_bias` makes it begin a call and end its turn where the
//! grammar that llama.cpp makes of the tools allows that; what stands between is held to the schema by the grammar.
//! Anthropic's format does not hand `logit_bias` on, so that there is no call to read in it.

use std::time::Duration;

use anabranch::ErrorKind;
use anabranch::messages::FinishKind;
use anabranch::models::{FunctionTool, StructuredOutputMethod, ToolChoice};
use anabranch::prelude::*;
use futures::TryStreamExt;
use serde_json::json;

use super::server::Server;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Chat,
    Responses,
    Messages,
}

const FORMATS: [Format; 3] = [Format::Chat, Format::Responses, Format::Messages];

/// Greedy, and without reuse of earlier prompts: the same request gives the same answer.
fn model(server: &Server, format: Format) -> ChatModel {
    let llm = match format {
        Format::Chat => OpenAi::new("tiny").base_url(server.base_url()).build(),
        Format::Responses => OpenAi::new("tiny").base_url(server.base_url()).responses().build(),
        Format::Messages => Anthropic::new("tiny").base_url(&server.url).build(),
    };
    llm.unwrap().temperature(0.0).option("cache_prompt", false)
}

fn added_up(chunks: Vec<AiMessage>) -> AiMessage {
    chunks.into_iter().fold(AiMessage::default(), |mut whole, chunk| {
        whole.append(chunk);
        whole
    })
}

#[tokio::test]
async fn each_format_gives_the_same_text_plain_and_streamed() {
    let Some(server) = Server::find("formats").await else { return };
    for format in FORMATS {
        let llm = model(&server, format).max_tokens(16);
        let whole = llm.invoke("What is an anabranch?").await.unwrap();
        let chunks: Vec<AiMessage> = llm.stream("What is an anabranch?").try_collect().await.unwrap();
        assert!(chunks.len() > 8, "{format:?}: {} chunks", chunks.len());
        let streamed = added_up(chunks);
        assert!(!whole.text().is_empty(), "{format:?}");
        assert_eq!(streamed.text(), whole.text(), "{format:?}");
        for answer in [whole, streamed] {
            // In Responses the server calls an answer complete that a limit cut off.
            let expected = if format == Format::Responses { FinishKind::Stop } else { FinishKind::Length };
            assert_eq!(answer.finish_reason().unwrap().kind(), expected, "{format:?}");
            let usage = answer.usage().unwrap();
            assert_eq!(usage.output_tokens(), Some(16), "{format:?}");
            assert!(usage.input_tokens().unwrap() > 5, "{format:?}");
            assert_eq!(usage.total_tokens(), usage.input_tokens().unwrap() + 16, "{format:?}");
        }
    }
}

#[tokio::test]
async fn each_format_says_that_a_prompt_is_too_long() {
    let Some(server) = Server::find("overflow by format").await else { return };
    for format in FORMATS {
        let llm = model(&server, format);
        let prompt = "marmalade ".repeat(4_000);
        let plain = llm.invoke(prompt.as_str()).await.unwrap_err();
        let streamed = llm.stream(prompt).collect().await.unwrap_err();
        for error in [plain, streamed] {
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::ContextLength, false), "{format:?}: {error}");
            assert!(!format!("{error} {error:?}").contains("marmalade"), "{format:?}");
        }
    }
}

#[tokio::test]
async fn a_dropped_stream_of_each_format_frees_its_slot() {
    let Some(server) = Server::find("drop by format").await else { return };
    for format in FORMATS {
        let llm = model(&server, format).max_tokens(1_800);
        let mut stream = llm.stream("Tell me everything.");
        for _ in 0..20 {
            stream.next().await.unwrap().unwrap();
        }
        server.until_busy(1).await;
        drop(stream);
        let idle_after = server.until_idle(Duration::from_secs(2)).await;
        println!("{format:?}: the slot is free {idle_after:?} after the drop");
    }
}

/// Whether it is wet.
#[derive(Debug, PartialEq, serde::Deserialize, schemars::JsonSchema)]
struct Note {
    wet: bool,
}

/// The tokens of `tests/real/make_tiny_gguf.py` with which a call begins, and with which a turn ends.
const CALL: &str = "377";
const END: &str = "376";

/// A model that calls `note` once, or on and on.
fn caller(server: &Server, format: Format, once: bool) -> ChatModel {
    let llm = model(server, format).tools([FunctionTool::of::<Note>()]).tool_choice(ToolChoice::Required);
    let bias = if once { json!({CALL: 60, END: 90}) } else { json!({CALL: 60}) };
    llm.max_tokens(150).option("logit_bias", bias)
}

#[tokio::test]
async fn the_engine_calls_a_tool_and_is_told_the_result() {
    let Some(server) = Server::find("tools").await else { return };
    for format in [Format::Chat, Format::Responses] {
        let llm = caller(&server, format, true);
        let whole = llm.invoke("Is it wet?").await.unwrap();
        let streamed = added_up(llm.stream("Is it wet?").try_collect().await.unwrap());
        for answer in [whole, streamed] {
            let calls = answer.tool_calls();
            assert_eq!(calls.len(), 1, "{format:?}");
            assert_eq!(calls[0].name(), "note", "{format:?}");
            assert!(!calls[0].id().is_empty(), "{format:?}");
            let Note { wet } = calls[0].arguments_as().unwrap();
            if format == Format::Chat {
                assert_eq!(answer.finish_reason().unwrap().kind(), FinishKind::ToolCalls);
            }
            let result = ToolMessage::answer(&calls[0], format!("noted: {wet}"));
            let conversation: Messages =
                [Message::user("Is it wet?"), answer.clone().into(), result.into()].into_iter().collect();
            let said = model(&server, format).max_tokens(8).invoke(conversation).await.unwrap();
            assert!(!said.text().is_empty(), "{format:?}");
        }
    }
}

#[tokio::test]
async fn of_many_calls_the_one_that_a_limit_cut_off_cannot_run() {
    let Some(server) = Server::find("many tools").await else { return };
    for format in [Format::Chat, Format::Responses] {
        let llm = caller(&server, format, false);
        let whole = llm.invoke("Is it wet?").await.unwrap();
        let streamed = added_up(llm.stream("Is it wet?").try_collect().await.unwrap());
        for answer in [whole, streamed] {
            let calls = answer.tool_calls();
            let runnable: Vec<Note> = calls.iter().filter_map(|call| call.arguments_as().ok()).collect();
            assert!(runnable.len() >= 2, "{format:?}: {} of {} calls can run", runnable.len(), calls.len());
            assert!(calls.len() - runnable.len() <= 1, "{format:?}: more than the last is cut off");
            let mut ids: Vec<&str> = calls.iter().map(ToolCall::id).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), calls.len(), "{format:?}: each has an id of its own");
        }
    }
}

/// A call and its result of another model's, written in the format at hand.
#[tokio::test]
async fn each_format_takes_calls_and_results_that_came_from_elsewhere() {
    let Some(server) = Server::find("results").await else { return };
    for format in FORMATS {
        let calls = ["call_1", "call_2"].map(|id| ToolCall::new(id, "note", json!({"wet": id == "call_1"})));
        let results = calls.clone().map(|call| Message::from(ToolMessage::answer(&call, "noted")));
        let asked = AiMessage::default().with_tool_calls(calls);
        let conversation: Messages = [Message::user("Is it wet?"), asked.into()].into_iter().chain(results).collect();
        let llm = model(&server, format).tools([FunctionTool::of::<Note>()]).max_tokens(8);
        let answer = llm.invoke(conversation.clone()).await.unwrap();
        assert!(!answer.text().is_empty(), "{format:?}");
        let bare = llm.invoke("Is it wet?").await.unwrap();
        let asked = |answer: &AiMessage| answer.usage().unwrap().input_tokens().unwrap();
        assert!(asked(&answer) > asked(&bare) + 20, "{format:?}: the calls and results are part of the prompt");
        assert_eq!(llm.stream(conversation).collect().await.unwrap().text(), answer.text(), "{format:?}");
    }
}

#[tokio::test]
async fn a_value_of_a_type_by_schema_and_by_tool() {
    let Some(server) = Server::find("types").await else { return };
    let by_schema = model(&server, Format::Chat).max_tokens(60).with_structured_output::<Note>();
    let note = by_schema.invoke("Is it wet?").await.unwrap();
    assert_eq!(by_schema.stream("Is it wet?").collect().await.unwrap(), note);

    for format in [Format::Chat, Format::Responses] {
        let llm = model(&server, format).max_tokens(150).option("logit_bias", json!({CALL: 60, END: 90}));
        // The server knows this word, and takes a demand for one function for `auto`.
        let llm = llm.option("tool_choice", "required");
        let by_tool = llm.with_structured_output::<Note>().method(StructuredOutputMethod::Tool);
        let note = by_tool.invoke("Is it wet?").await.unwrap();
        assert_eq!(by_tool.stream("Is it wet?").collect().await.unwrap(), note, "{format:?}");
    }
}
