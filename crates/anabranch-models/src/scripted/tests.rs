use anabranch_core::RunnableExt;
use anabranch_messages::{ToolCall, Usage};
use futures::StreamExt;
use serde_json::json;
use tokio::time::Instant;

use super::*;

fn overloaded() -> Error {
    Error::new(ErrorKind::Overloaded, "too busy")
}

#[tokio::test]
async fn replies_come_in_turn_and_then_there_are_none() {
    let llm = ChatModel::from(ScriptedModel::replies(["one", "two"]));
    assert_eq!(llm.invoke("?").await.unwrap().text(), "one");
    assert_eq!(llm.invoke("?").await.unwrap().text(), "two");
    let error = llm.invoke("?").await.unwrap_err();
    let expected = "ChatModel scripted: configuration: the scripted model has no reply left: 2 were given in turn";
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn rules_come_first_and_are_not_used_up() {
    let script = ScriptedModel::new()
        .when_contains("rain", "wet")
        .when(|messages| messages.len() > 1, "long")
        .reply("turn")
        .otherwise("else");
    let llm = ChatModel::from(script.clone());
    for (prompt, reply) in [("rain", "wet"), ("sun", "turn"), ("rain", "wet"), ("sun", "else"), ("sun", "else")] {
        assert_eq!(llm.invoke(prompt).await.unwrap().text(), reply);
    }
    assert_eq!(llm.invoke(vec!["sun", "moon"]).await.unwrap().text(), "long");
    let asked: Vec<_> = script.requests().iter().map(|request| request.messages[0].text().to_string()).collect();
    assert_eq!(asked, ["rain", "sun", "rain", "sun", "sun", "sun"]);
}

/// Law 6.
#[tokio::test]
async fn a_stream_adds_up_to_the_answer() {
    let message = AiMessage::new("Zwei Flüsse,\n ein  Bett \u{1f30a}")
        .with_tool_call(ToolCall::new("1", "weather", json!({"city": "Bremen"})))
        .with_usage(Usage::new(3, 4))
        .with_model("script")
        .with_metadata_entry("key", "value");
    for pieces in [Pieces::Words, Pieces::Chars, Pieces::Whole] {
        let script = ScriptedModel::new().otherwise(message.clone()).in_pieces(pieces);
        let llm = ChatModel::from(script);
        let whole = llm.invoke("?").await.unwrap();
        assert_eq!(llm.stream("?").collect().await.unwrap(), whole);
        let mut read = AiMessage::merge().collector();
        let mut chunks = llm.stream("?");
        while let Some(chunk) = chunks.next().await {
            read.push(chunk.unwrap()).unwrap();
        }
        assert_eq!(read.finish().unwrap(), whole);
        assert_eq!(whole.text(), message.text());
        assert_eq!(whole.tool_calls(), message.tool_calls());
        let count = llm.stream("?").count().await;
        assert_eq!(
            count,
            match pieces {
                Pieces::Words => 7,
                Pieces::Chars => message.text().chars().count(),
                Pieces::Whole => 1,
            }
        );
    }
}

#[tokio::test]
async fn failures_on_demand() {
    let script = ScriptedModel::new()
        .reply(overloaded())
        .reply(Reply::from("a b c d").breaking_after(2, overloaded()))
        .reply(Reply::from("lucky").after_failures(2, overloaded()));
    let llm = ChatModel::from(script);
    assert_eq!(llm.invoke("?").await.unwrap_err().kind(), ErrorKind::Overloaded);

    let pieces: Vec<_> = StreamExt::collect::<Vec<_>>(llm.stream("?")).await;
    let texts: Vec<_> = pieces.iter().map(|piece| piece.as_ref().map(|piece| piece.text().to_string()).ok()).collect();
    assert_eq!(texts, [Some("a ".into()), Some("b ".into()), None]);

    assert!(llm.invoke("?").await.is_err());
    assert!(llm.invoke("?").await.is_err());
    assert_eq!(llm.invoke("?").await.unwrap().text(), "lucky");
}

#[tokio::test(start_paused = true)]
async fn replies_take_their_time() {
    let seconds = Duration::from_secs;
    let script = ScriptedModel::new().otherwise("a b c").delay(seconds(5), seconds(1));
    let llm = ChatModel::from(script);
    let start = Instant::now();
    let mut stream = llm.stream("?");
    for expected in [5, 6, 7] {
        stream.next().await.unwrap().unwrap();
        assert_eq!(start.elapsed(), seconds(expected));
    }
    let start = Instant::now();
    llm.invoke("?").await.unwrap();
    assert_eq!(start.elapsed(), seconds(7));
}

#[tokio::test(start_paused = true)]
async fn the_offline_model_takes_about_a_second() {
    let llm = ChatModel::from(ScriptedModel::offline());
    for prompt in ["Tell a short story about rivers.", "Synthesize this.", "Summarize this.", "Key terms?", "Hello"] {
        let start = Instant::now();
        llm.invoke(prompt).await.unwrap();
        let took = start.elapsed();
        assert!((Duration::from_millis(350)..Duration::from_millis(1500)).contains(&took), "{prompt}: {took:?}");
    }
}

#[test]
fn nothing_shows_what_was_said() {
    let script = ScriptedModel::new().reply("hidden").when_contains("hidden", "hidden");
    let reply = Reply::from("hidden").breaking_after(1, overloaded());
    let request = ChatRequest::new("hidden", crate::ChatOptions::default());
    assert!(!format!("{script:?} {reply:?} {request:?}").contains("hidden"));
}
