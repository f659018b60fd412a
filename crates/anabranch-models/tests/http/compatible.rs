//! The servers that are known by name, over real sockets.

use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{Result, RunnableExt};
use anabranch_messages::{AiMessage, ContentPart, Media, Message};
use anabranch_models::transport::{Credentials, Secret};
use anabranch_models::{ChatModel, OpenAi, ReasoningOptions, ResponseFormat};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::server::{SSE, document, read, say, server};

type Requests = mpsc::UnboundedReceiver<String>;

/// A server that gives one answer, and the requests that it sees.
async fn answering(answer: String) -> (String, Requests) {
    let (seen, requests) = mpsc::unbounded_channel();
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        let answer = answer.clone();
        async move { say(&mut socket, answer).await }
    })
    .await;
    (format!("http://{address}"), requests)
}

fn body(request: &str) -> Value {
    serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[tokio::test]
async fn each_server_is_asked_in_its_own_words() {
    type Builder = fn(&str) -> OpenAi;
    let builders: [(Builder, &str); 10] = [
        (|m| OpenAi::openrouter(m), "openrouter"),
        (|m| OpenAi::groq(m), "groq"),
        (|m| OpenAi::mistral(m), "mistral"),
        (|m| OpenAi::deepseek(m), "deepseek"),
        (|m| OpenAi::xai(m), "xai"),
        (|m| OpenAi::together(m), "together"),
        (|m| OpenAi::perplexity(m), "perplexity"),
        (|m| OpenAi::vllm(m), "vllm"),
        (|m| OpenAi::llamacpp(m), "llamacpp"),
        (|m| OpenAi::lmstudio(m), "lmstudio"),
    ];
    let (address, mut requests) = answering(document("Hello")).await;
    for (builder, name) in builders {
        let llm = builder("m").base_url(format!("{address}/v1")).api_key("key-1").build().unwrap();
        assert_eq!(llm.name(), format!("{name}:m"));
        let schema = anabranch_models::JsonSchema::new("n", json!({"type": "object"}));
        let llm = llm.seed(7).max_tokens(5).response_format(ResponseFormat::Schema(schema));
        assert_eq!(llm.reasoning(ReasoningOptions::effort("low")).invoke("Hi").await.unwrap().text(), "Hello");
        let request = requests.recv().await.unwrap();
        assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
        assert!(request.contains("authorization: Bearer key-1\r\n"), "{name}");
        let body = body(&request);
        assert_eq!(body["max_tokens"], 5);
        assert_eq!(body[if name == "mistral" { "random_seed" } else { "seed" }], 7);
        let format = if name == "deepseek" { "json_object" } else { "json_schema" };
        assert_eq!(body["response_format"]["type"], format, "{name}");
        match name {
            "openrouter" => assert_eq!(body["reasoning"], json!({"effort": "low"})),
            "deepseek" => assert_eq!(body["thinking"], json!({"type": "enabled"})),
            _ => assert_eq!(body["reasoning_effort"], "low"),
        }
    }
}

#[tokio::test]
async fn azure_is_asked_by_deployment_with_its_key() {
    let (address, mut requests) = answering(document("Hello")).await;
    let azure = || OpenAi::azure(address.as_str(), "my-gpt").api_key("key-1");
    let asked = async |llm: ChatModel, requests: &mut Requests| {
        let _ = llm.max_tokens(5).invoke("Hi").await;
        requests.recv().await.unwrap()
    };
    let v1 = asked(azure().build().unwrap(), &mut requests).await;
    assert!(v1.starts_with("POST /openai/v1/chat/completions HTTP/1.1\r\n"), "{v1}");
    assert!(v1.contains("api-key: key-1\r\n") && !v1.contains("authorization"));
    assert_eq!((&body(&v1)["model"], &body(&v1)["max_completion_tokens"]), (&json!("my-gpt"), &json!(5)));
    let dated = asked(azure().api_version("2024-10-21").build().unwrap(), &mut requests).await;
    let path = "POST /openai/deployments/my-gpt/chat/completions?api-version=2024-10-21 HTTP/1.1\r\n";
    assert!(dated.starts_with(path), "{dated}");
    let responses = asked(azure().responses().build().unwrap(), &mut requests).await;
    assert!(responses.starts_with("POST /openai/v1/responses HTTP/1.1\r\n"), "{responses}");
    let old = azure().api_version("2025-03-01-preview").responses().build().unwrap();
    let old = asked(old, &mut requests).await;
    assert!(old.starts_with("POST /openai/responses?api-version=2025-03-01-preview HTTP/1.1\r\n"), "{old}");
}

/// Tokens of Entra expire: each request has the one of its time, and no key.
#[tokio::test]
async fn azure_takes_tokens_that_expire() {
    struct Entra(AtomicUsize);

    #[async_trait::async_trait]
    impl Credentials for Entra {
        async fn headers(&self) -> Result<Vec<(String, Secret)>> {
            let token = self.0.fetch_add(1, Ordering::Relaxed);
            Ok(vec![("authorization".into(), Secret::new(format!("Bearer token-{token}")))])
        }
    }

    let (address, mut requests) = answering(document("Hello")).await;
    let llm = OpenAi::azure(address.as_str(), "my-gpt").credentials(Entra(AtomicUsize::new(0))).build().unwrap();
    for token in 0..3 {
        llm.invoke("Hi").await.unwrap();
        let request = requests.recv().await.unwrap();
        assert!(request.contains(&format!("authorization: Bearer token-{token}\r\n")), "{request}");
        assert!(!request.contains("api-key"));
    }
}

/// A sound that the model made: its words and bytes come in pieces, its name with the first only.
#[tokio::test]
async fn sounds_add_up_and_go_back_by_their_name() {
    let chunk = |audio: Value| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"audio": audio}}]}));
    let events = [
        chunk(json!({"id": "audio_1", "transcript": "Hel"})),
        chunk(json!({"transcript": "lo"})),
        // Cut anywhere: four letters are three bytes.
        chunk(json!({"data": "AQIDB"})),
        chunk(json!({"data": "AUG"})),
        chunk(json!({"data": "Bw=="})),
        chunk(json!({"expires_at": 1_739_707_387})),
        "data: [DONE]\n\n".to_string(),
    ];
    let (streaming, _requests) = answering(format!("{SSE}{}", events.concat())).await;
    let llm = |address: &str| {
        let llm = OpenAi::new("m").base_url(format!("{address}/v1")).build().unwrap();
        llm.option("audio", json!({"voice": "alloy", "format": "pcm16"}))
    };
    let streamed = read(llm(&streaming).stream("Hi")).await.unwrap();
    let audio = json!({"id": "audio_1", "data": "AQIDBAUGBw==", "transcript": "Hello", "expires_at": 1_739_707_387});
    let whole = json!({"choices": [{"message": {"role": "assistant", "content": null, "audio": audio}}]}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", whole.len());
    let (plain, mut requests) = answering(head + &whole).await;
    let llm = llm(&plain);
    let answer = llm.invoke("Hi").await.unwrap();
    requests.recv().await.unwrap();
    assert_eq!(streamed.content(), answer.content());
    let [ContentPart::Audio(sound)] = answer.content().parts() else { panic!("{answer:?}") };
    let expected = Media::bytes("audio/pcm", [1, 2, 3, 4, 5, 6, 7]).base64();
    assert_eq!((sound.base64(), sound.media_type(), sound.transcript()), (expected, Some("audio/pcm"), Some("Hello")));
    assert_eq!((sound.id(), answer.text().as_ref()), (Some("audio_1"), ""));

    let back = |answer: &AiMessage| vec![Message::user("Hi"), answer.clone().into(), Message::user("Go on.")];
    llm.invoke(back(&streamed)).await.unwrap();
    let sent = body(&requests.recv().await.unwrap())["messages"][1].take();
    assert_eq!(sent, json!({"role": "assistant", "content": null, "audio": {"id": "audio_1"}}));
    // Another server does not know it: it is told the words, and the program is told so.
    let groq = OpenAi::groq("m").base_url(format!("{plain}/v1")).build().unwrap();
    let said = groq.invoke(back(&streamed)).await.unwrap();
    let sent = body(&requests.recv().await.unwrap())["messages"][1].take();
    assert_eq!(sent, json!({"role": "assistant", "content": "Hello"}));
    assert!(said.metadata()["warnings"].to_string().contains("only its words"));
}

/// Mistral says in the middle of a text what it rests on.
#[tokio::test]
async fn references_stand_where_they_were_made() {
    let text = |text: &str| json!({"type": "text", "text": text});
    let content = json!([text("The Weser"), {"type": "reference", "reference_ids": [0, "a"]}, text(" is long.")]);
    let whole = json!({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).to_string();
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", whole.len());
    let (address, _requests) = answering(head + &whole).await;
    let llm = OpenAi::mistral("m").base_url(format!("{address}/v1")).build().unwrap();
    let answer = llm.invoke("Hi").await.unwrap();
    assert_eq!(answer.text(), "The Weser is long.");
    assert_eq!(answer.citations().map(|citation| citation.id().unwrap()).collect::<Vec<_>>(), ["0", "a"]);
    assert!(matches!(answer.content().parts()[1], ContentPart::Citation(_)));
}
