//! What is asked, as a server sees it.

use anabranch_core::{ErrorKind, Result, RunnableExt};
use anabranch_messages::{AiMessage, ContentPart, Media, Message, Messages, Reasoning, ToolCall, ToolMessage};
use anabranch_models::transport::{Credentials, Secret};
use anabranch_models::{
    ChatAnswer, ChatModel, FunctionTool, JsonSchema, OpenAi, OpenAiDialect, ReasoningOptions, ResponseFormat, Tool,
    ToolChoice,
};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::server::{document, say, server};

/// What a server sees of one call, head and document, and the answer to it.
async fn asked(
    set: impl Fn(OpenAi) -> OpenAi,
    llm: impl Fn(ChatModel) -> ChatModel,
    input: Messages,
) -> (String, Value, ChatAnswer) {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        async move { say(&mut socket, document("Hello")).await }
    })
    .await;
    let builder = OpenAi::new("tiny").base_url(format!("http://{address}/v1"));
    let llm = llm(set(builder).build().unwrap());
    let answer = llm.with_envelope().invoke(input).await.unwrap();
    let request = requests.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), serde_json::from_str(body).unwrap(), answer)
}

fn weather() -> Tool {
    FunctionTool::new("weather", json!({"type": "object"})).description("Now.").strict(true).into()
}

#[tokio::test]
async fn everything_that_can_be_asked_for_is() {
    let everything = |llm: ChatModel| {
        llm.tools([weather()])
            .tool_choice(ToolChoice::Required)
            .parallel_tool_calls(false)
            .response_format(ResponseFormat::Schema(JsonSchema::new("answer", json!({"type": "object"}))))
            .reasoning(ReasoningOptions::effort("low"))
            .logprobs(2)
            .top_k(40)
            .presence_penalty(0.5)
            .frequency_penalty(-0.5)
            .modalities(["text"])
            .service_tier("flex")
            .user("u-1")
            .metadata("run", "7")
            .header("X-Trace", "abc")
            .idempotency_key("once")
    };
    let (head, body, answer) = asked(|builder| builder, everything, "Hi".into()).await;
    let function = json!({"name": "weather", "parameters": {"type": "object"}, "description": "Now.", "strict": true});
    let expected = json!({
        "model": "tiny",
        "messages": [{"role": "user", "content": "Hi"}],
        "presence_penalty": 0.5,
        "frequency_penalty": -0.5,
        "top_k": 40,
        "logprobs": true,
        "top_logprobs": 2,
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "required",
        "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema":
            {"name": "answer", "schema": {"type": "object"}, "strict": true}},
        "reasoning_effort": "low",
        "modalities": ["text"],
        "service_tier": "flex",
        "user": "u-1",
        "metadata": {"run": "7"},
    });
    assert_eq!(body, expected);
    assert!(head.contains("x-trace: abc") && head.contains("idempotency-key: once"), "{head}");
    assert!(answer.warnings().is_empty(), "{:?}", answer.warnings());
}

#[tokio::test]
async fn what_cannot_be_sent_is_a_warning() {
    let image = || ContentPart::Image(Media::url("https://example.org/a.png"));
    let call = ToolCall::new("c1", "weather", json!({}));
    let input = Messages::from(vec![
        Message::system([ContentPart::text("Look."), image()]),
        Message::user("Hi"),
        AiMessage::new([ContentPart::Reasoning(Reasoning::new("hm")), image()]).with_tool_call(call.clone()).into(),
        ToolMessage::answer(&call, "broken").with_error().into(),
    ]);
    let strict = |builder: OpenAi| builder.dialect(OpenAiDialect::openai());
    let settings = |llm: ChatModel| {
        let search = Tool::provider("gemini", json!({"google_search": {}}));
        llm.top_k(3).tools([search]).tool_choice(ToolChoice::Auto).reasoning(ReasoningOptions::budget(1000))
    };
    let (_, body, answer) = asked(strict, settings, input).await;
    let subjects: Vec<_> = answer.warnings().iter().map(|warning| warning.subject().to_string()).collect();
    let expected = [
        "system message",
        "assistant message",
        "assistant message",
        "tool message",
        "top_k",
        "tools",
        "tool_choice",
        "reasoning",
    ];
    assert_eq!(subjects, expected);
    assert!(["top_k", "tools", "tool_choice", "reasoning"].iter().all(|key| body.get(key).is_none()), "{body}");
    let listed = answer.into_message().metadata()["warnings"].as_array().unwrap().len();
    assert_eq!(listed, expected.len());
}

/// Section 2, 9: thoughts go back where a server demands them.
#[tokio::test]
async fn thoughts_go_back_by_dialect() {
    let call = ToolCall::new("c1", "weather", json!({}));
    let thought = || AiMessage::new([ContentPart::Reasoning(Reasoning::new("hm")), ContentPart::text("Well.")]);
    let input = Messages::from(vec![
        Message::user("Hi"),
        thought().into(),
        Message::user("And?"),
        thought().with_tool_call(call.clone()).into(),
        ToolMessage::answer(&call, "Rain").into(),
    ]);
    for (dialect, back) in [
        (OpenAiDialect::openai(), [false, false]),
        (OpenAiDialect::compatible(), [false, false]),
        (OpenAiDialect::deepseek(), [false, true]),
    ] {
        let (_, body, answer) = asked(|builder| builder.dialect(dialect.clone()), |llm| llm, input.clone()).await;
        for (place, back) in [1, 3].into_iter().zip(back) {
            assert_eq!(body["messages"][place].get("reasoning_content").is_some(), back, "{dialect:?} {place}");
        }
        // Whatever did not go back is told.
        assert!(!answer.warnings().is_empty());
    }
}

#[tokio::test]
async fn credentials_are_asked_for_each_request() {
    struct Counting(std::sync::atomic::AtomicUsize);

    #[async_trait::async_trait]
    impl Credentials for Counting {
        async fn headers(&self) -> Result<Vec<(String, Secret)>> {
            tokio::task::yield_now().await;
            let count = self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if count == 2 {
                return Err(anabranch_core::Error::new(ErrorKind::Authentication, "no token today"));
            }
            Ok(vec![("authorization".into(), Secret::new(format!("Bearer token-{count}")))])
        }
    }

    let (seen, mut requests) = mpsc::unbounded_channel();
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        async move { say(&mut socket, document("Hello")).await }
    })
    .await;
    let llm =
        OpenAi::new("tiny").base_url(format!("http://{address}/v1")).credentials(Counting(0.into())).build().unwrap();
    for count in 0..2 {
        llm.invoke("Hi").await.unwrap();
        let request = requests.recv().await.unwrap();
        assert!(request.contains(&format!("authorization: Bearer token-{count}\r\n")), "{request}");
    }
    assert_eq!(llm.invoke("Hi").await.unwrap_err().kind(), ErrorKind::Authentication);
    assert!(requests.try_recv().is_err());
}

#[tokio::test]
async fn a_query_is_kept_and_a_whole_address_is_whole() {
    for path in ["/v1?api-version=7", "/v1/?api-version=7", "/v1/chat/completions?api-version=7"] {
        let (seen, mut requests) = mpsc::unbounded_channel();
        let address = server(move |mut socket, request| {
            let _ = seen.send(request);
            async move { say(&mut socket, document("Hello")).await }
        })
        .await;
        OpenAi::new("tiny").base_url(format!("http://{address}{path}")).build().unwrap().invoke("Hi").await.unwrap();
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with("POST /v1/chat/completions?api-version=7 HTTP/1.1\r\n"), "{request}");
    }
}

#[derive(serde::Deserialize, schemars::JsonSchema, Debug, PartialEq)]
struct River {
    name: String,
    length_km: Option<u32>,
}

/// A value of a type is asked for in the way that the server takes: its own format, or JSON and words.
#[tokio::test]
async fn structured_output_follows_the_dialect() {
    let answer = r#"{\"name\": \"Weser\", \"length_km\": 452}"#;
    for (dialect, by_schema) in [(OpenAiDialect::openai(), true), (OpenAiDialect::deepseek(), false)] {
        let (seen, mut requests) = mpsc::unbounded_channel();
        let address = server(move |mut socket, request| {
            let _ = seen.send(request);
            async move { say(&mut socket, document(answer)).await }
        })
        .await;
        let builder = OpenAi::new("tiny").base_url(format!("http://{address}/v1")).dialect(dialect);
        let river = builder.build().unwrap().with_structured_output::<River>().invoke("Hi").await.unwrap();
        assert_eq!(river, River { name: "Weser".into(), length_km: Some(452) });
        let request = requests.recv().await.unwrap();
        let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
        if by_schema {
            let format = &body["response_format"]["json_schema"];
            assert_eq!((&format["name"], &format["strict"]), (&json!("river"), &json!(true)));
            assert_eq!(format["schema"]["additionalProperties"], false);
            assert_eq!(format["schema"]["required"], json!(["name", "length_km"]));
        } else {
            assert_eq!(body["response_format"], json!({"type": "json_object"}));
            assert_eq!(body["messages"][0]["role"], "system");
            assert!(body["messages"][0]["content"].as_str().unwrap().contains("length_km"));
        }
    }
}
