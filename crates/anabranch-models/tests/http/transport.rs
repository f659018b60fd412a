//! The transport: one pool, one's own, TLS.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{Error, ErrorKind, Result, RunnableExt};
use anabranch_models::transport::http::{Request, Response};
use anabranch_models::transport::{ByteStream, Bytes, ReqwestTransport, Transport};
use anabranch_models::{ChatBackend, ChatCall, ChatModel, ChatOptions, ChatRequest, OpenAi, ScriptedModel};
use futures::StreamExt as _;

use crate::server::{builder, document, model, read, say, server};

/// Whoever builds a client beside us, gets one: no feature of ours breaks it.
#[tokio::test]
async fn a_client_of_the_program_around_works() {
    let address = server(|mut socket, _| async move { say(&mut socket, document("Hello")).await }).await;
    let theirs = reqwest::Client::builder().build().unwrap();
    let ours = model(address);
    assert_eq!(theirs.post(format!("http://{address}")).send().await.unwrap().status(), 200);
    assert_eq!(ours.invoke("Hi").await.unwrap().text(), "Hello");
    // As a transport, too.
    let llm = builder(address).transport(ReqwestTransport::from(theirs)).build().unwrap();
    assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
}

/// A transport of one's own sees every request, and its clones are the same one.
#[tokio::test]
async fn a_transport_is_shared_by_models() {
    #[derive(Clone, Default)]
    struct Counting(Arc<AtomicUsize>);

    #[async_trait::async_trait]
    impl Transport for Counting {
        async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
            self.0.fetch_add(1, Ordering::SeqCst);
            assert_eq!(request.headers()["authorization"], "Bearer k");
            if request.uri().path().contains("broken") {
                return Err(Error::new(ErrorKind::Connection, "no such road"));
            }
            let body = r#"{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}"#;
            let pieces = body.as_bytes().chunks(3).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect::<Vec<_>>();
            Ok(Response::new(futures::stream::iter(pieces).boxed()))
        }
    }

    let transport = Counting::default();
    let shared: Arc<dyn Transport> = Arc::new(transport.clone());
    let llm = |path: &str| {
        let base = format!("https://llm.example.com/{path}");
        OpenAi::new("m").api_key("k").base_url(base).transport(shared.clone()).build().unwrap()
    };
    assert_eq!(llm("v1").invoke("Hi").await.unwrap().text(), "Hello");
    assert_eq!(read(llm("v1").stream("Hi")).await.unwrap().text(), "Hello");
    let error = llm("broken").invoke("Hi").await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Connection, true));
    assert_eq!(transport.0.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_host_that_does_not_exist_is_not_worth_another_try() {
    let llm = OpenAi::new("m").base_url("https://no-such-host.invalid/v1").api_key("k").build().unwrap();
    let error = llm.invoke("Hi").await.unwrap_err();
    // A machine without a resolver cannot tell.
    let no_resolver = error.kind() == ErrorKind::Connection && format!("{error:?}").contains("emporary");
    assert!(no_resolver || (error.kind(), error.is_retryable()) == (ErrorKind::Configuration, false), "{error:?}");
}

#[test]
fn what_is_no_certificate_is_refused() {
    for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let built = ReqwestTransport::builder().root_certificate(pem.as_bytes());
        if let Err(error) = built {
            assert_eq!(error.kind(), ErrorKind::Configuration);
        } else {
            assert!(pem.contains("AAAA"), "{pem}");
        }
        assert!(ReqwestTransport::builder().client_certificate(pem.as_bytes()).is_err());
    }
    assert!(ReqwestTransport::builder().proxy("no proxy at all").is_err());
}

#[tokio::test]
async fn backends_in_pointers_are_backends() {
    let shared: Arc<dyn ChatBackend> = Arc::new(ScriptedModel::new().named("test:m").otherwise("Hello"));
    let boxed: Box<dyn ChatBackend> = Box::new(shared.clone());
    for llm in [ChatModel::from_backend(shared.clone()), ChatModel::from_backend(boxed)] {
        assert_eq!(llm.name(), "test:m");
        assert_eq!(llm.invoke("Hi").await.unwrap().text(), "Hello");
    }
    let request = ChatRequest::new("Hi", ChatOptions::default());
    assert_eq!(shared.answer(request, ChatCall::default()).await.unwrap().message.text(), "Hello");
}
