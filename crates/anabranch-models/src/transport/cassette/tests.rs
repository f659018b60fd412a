use anabranch_core::RunnableExt;
use futures::StreamExt;
use tokio::time::Instant;

use super::*;
use crate::{ChatModel, OpenAi};

const KEY: &str = "sk-hidden-1234567";

/// A server that streams, in pieces that cut a letter, and that shows the key it was given.
#[derive(Clone, Copy)]
enum Server {
    Proper,
    Breaking,
    Indiscreet,
}

#[async_trait]
impl Transport for Server {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let text = match self {
            Self::Indiscreet => request.headers()["authorization"].to_str().unwrap().replace("Bearer ", "你"),
            _ => "你好".into(),
        };
        let said = match body.contains("\"stream\":true") {
            true => format!(
                "data: {{\"choices\": [{{\"delta\": {{\"content\": \"{text}\"}}}}]}}\n\n\
                 data: {{\"choices\": [{{\"delta\": {{}}, \"finish_reason\": \"stop\"}}]}}\n\ndata: [DONE]\n\n"
            ),
            false => {
                format!("{{\"choices\": [{{\"message\": {{\"content\": \"{text}\"}}, \"finish_reason\": \"stop\"}}]}}")
            }
        };
        let mut pieces: Vec<Result<Bytes>> =
            said.as_bytes().chunks(46).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        if let Self::Breaking = self {
            pieces.truncate(2);
            pieces.push(Err(Error::new(ErrorKind::Connection, "gone")));
        }
        let pieces = futures::stream::iter(pieces).then(|piece| async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            piece
        });
        let mut response = Response::new(pieces.boxed());
        for (name, value) in [("content-type", "text/event-stream"), ("x-request-id", "r1"), ("set-cookie", "secret=1")]
        {
            response.headers_mut().insert(name, value.parse().unwrap());
        }
        Ok(response)
    }
}

fn file(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("anabranch-cassette-{}-{name}.json", std::process::id()))
}

fn model(cassette: &Cassette) -> ChatModel {
    let base = "https://llm.example.com/v1?key=hidden-in-query&api-version=1";
    OpenAi::new("m").base_url(base).api_key(KEY).transport(cassette.clone()).build().unwrap()
}

async fn streamed(llm: &ChatModel, prompt: &str) -> Result<String> {
    let mut stream = llm.stream(prompt);
    let mut text = String::new();
    while let Some(chunk) = stream.next().await {
        text.push_str(&chunk?.text());
    }
    Ok(text)
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_is_replayed_and_nothing_else() {
    let file = file("whole");
    let recorder = Cassette::record_with(&file, Server::Proper);
    let llm = model(&recorder);
    let whole = llm.with_envelope().invoke("Hi").await.unwrap();
    assert_eq!(streamed(&llm, "Hi").await.unwrap(), "你好");

    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!text.contains("hidden") && !text.contains("secret") && text.contains("[removed]"), "{text}");
    assert!(text.contains("api-version=1") && text.contains("\"content\": \"Hi\""), "{text}");

    // In whatever order they are asked, at once or as they came.
    for at_pace in [false, true] {
        let cassette = Cassette::replay(&file).unwrap();
        let cassette = if at_pace { cassette.at_recorded_pace() } else { cassette };
        let llm = model(&cassette);
        let began = Instant::now();
        assert_eq!(streamed(&llm, "Hi").await.unwrap(), "你好");
        assert_eq!(began.elapsed() >= Duration::from_millis(300), at_pace);
        let replayed = llm.with_envelope().invoke("Hi").await.unwrap();
        assert_eq!((&replayed.message, replayed.request_id().map(str::to_string)), (&whole.message, Some("r1".into())));
        assert_eq!(cassette.remaining(), 0);
        let error = llm.invoke("Hi").await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Configuration, false));
        assert!(error.to_string().contains("no exchange left"), "{error}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_recorded_shows_the_difference() {
    let file = file("difference");
    model(&Cassette::record_with(&file, Server::Proper)).temperature(0.5).invoke("Hi").await.unwrap();
    let error = model(&Cassette::replay(&file).unwrap()).seed(7).invoke("Hello").await.unwrap_err();
    let said = error.to_string();
    for difference in [
        "body.messages[0].content: recorded `\"Hi\"`, asked `\"Hello\"`",
        "body.temperature: recorded `0.5`, asked nothing",
        "body.seed: recorded nothing, asked `7`",
    ] {
        assert!(said.contains(difference), "{said}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_broke_breaks_again_and_one_that_was_left_ends_there() {
    let file = file("broken");
    let recorder = Cassette::record_with(&file, Server::Breaking);
    let error = streamed(&model(&recorder), "Hi").await.unwrap_err();
    let again = streamed(&model(&Cassette::replay(&file).unwrap()), "Hi").await.unwrap_err();
    assert_eq!((error.kind(), again.kind()), (ErrorKind::Connection, ErrorKind::Connection));

    let recorder = Cassette::record_with(&file, Server::Proper);
    let llm = model(&recorder);
    let mut stream = llm.stream("Hi");
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let error = streamed(&model(&Cassette::replay(&file).unwrap()), "Hi").await.unwrap_err();
    assert!(error.to_string().contains("the cassette ends here"), "{error}");
    std::fs::remove_file(&file).unwrap();
}

/// Wherever the key stands in what the server says, and however that is cut.
#[tokio::test(start_paused = true)]
async fn a_key_that_is_echoed_is_taken_out() {
    let file = file("echo");
    let recorder = Cassette::record_with(&file, Server::Indiscreet);
    assert!(streamed(&model(&recorder), "Hi").await.unwrap().contains(KEY));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("hidden"));
    let text = streamed(&model(&Cassette::replay(&file).unwrap()), "Hi").await.unwrap();
    assert_eq!(text, "你[removed]");
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn what_is_no_cassette_is_refused() {
    let file = file("none");
    assert!(Cassette::replay(&file).unwrap_err().to_string().contains("cannot be read"));
    for text in ["", "{}", r#"{"cassette": 2, "exchanges": []}"#] {
        std::fs::write(&file, text).unwrap();
        assert_eq!(Cassette::replay(&file).unwrap_err().kind(), ErrorKind::Configuration, "{text}");
    }
    std::fs::remove_file(&file).unwrap();
}
