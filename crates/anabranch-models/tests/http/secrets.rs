//! No error, no `Debug` and no log shows what a user keeps secret.

use anabranch_core::{Error, ErrorKind, RunnableExt};
use anabranch_models::OpenAi;

use crate::server::{builder, read, say, server};

/// The error of a server that answers like this.
async fn failure(answer: String, set: impl Fn(OpenAi) -> OpenAi) -> Vec<Error> {
    let address = server(move |mut socket, _| {
        let answer = answer.clone();
        async move { say(&mut socket, answer).await }
    })
    .await;
    let llm = set(builder(address)).build().unwrap().header("X-Call", "per-call-secret");
    vec![llm.invoke("Hi").await.unwrap_err(), read(llm.stream("Hi")).await.unwrap_err()]
}

fn body(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Oops\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn a_key_that_a_server_echoes_is_not_shown() {
    let set = |builder: OpenAi| builder.header("X-Anything", "s3cret-of-a-header");
    for echo in ["sk-hidden-1234", "hidden-12", "1234", "s3cret-of-a-header", "of-a-hea", "per-call-secret", "call-sec"]
    {
        let json = format!("{{\"error\":{{\"message\":\"{echo}\",\"code\":\"{echo}\",\"type\":\"x.{echo}\"}}}}");
        let location =
            format!("HTTP/1.1 302 Found\r\nlocation: https://{echo}.example.com/{echo}\r\ncontent-length: 0\r\n\r\n");
        for answer in [body(401, &json), body(200, &json), body(500, echo), location] {
            for error in failure(answer.clone(), set).await {
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains(echo), "{answer}: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_word_of_the_table_is_shown_and_the_rest_is_kept() {
    let json = r#"{"error":{"message":"sk-hidden-1234 is wrong","code":"invalid_api_key"}}"#;
    for error in failure(body(401, json), |builder| builder).await {
        assert!(error.to_string().contains("invalid_api_key"), "{error}");
        assert_eq!(error.provider_message(), Some("sk-hidden-1234 is wrong"));
        assert_eq!((error.status(), error.provider_code()), (Some(401), Some("invalid_api_key")));
    }
}

#[test]
fn what_is_secret_does_not_go_out_in_the_open() {
    let refused = |builder: OpenAi| builder.build().err().map(|error| (error.kind(), error.to_string()));
    let open = || OpenAi::new("m").base_url("http://example.com/v1");
    assert_eq!(refused(open()), None);
    for secret in [
        open().api_key("k"),
        open().header("X-Title", "k"),
        OpenAi::new("m").base_url("http://example.com/v1?key=hunter2"),
    ] {
        let (kind, text) = refused(secret.clone()).unwrap();
        assert_eq!(kind, ErrorKind::Configuration);
        assert!(text.contains("unencrypted") && !text.contains("hunter2"), "{text}");
        assert_eq!(refused(secret.allow_http(true)), None);
    }
}

#[tokio::test]
async fn a_header_of_a_call_does_not_go_out_in_the_open() {
    let llm = OpenAi::new("m").base_url("http://example.invalid/v1").build().unwrap();
    let error = llm.header("X-Key", "hunter2").invoke("Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("unencrypted") && !format!("{error:?}").contains("hunter2"), "{error}");
}
