//! What goes wrong, and what helps.

use std::time::Duration;

use anabranch::ErrorKind;
use anabranch::models::FunctionTool;
use anabranch::prelude::*;

use super::{Aimock, Provider, added_up, read};

#[tokio::test]
async fn failures_have_their_kinds_and_keep_what_was_said_to_themselves() {
    let Some(server) = Aimock::find("failures") else { return };
    let failures = [
        ("Limit me", 429, ErrorKind::RateLimited),
        ("Overload", 503, ErrorKind::Overloaded),
        ("No entry", 401, ErrorKind::Authentication),
        ("Break down", 500, ErrorKind::Server),
    ];
    for provider in Provider::ALL {
        for (question, status, kind) in failures {
            let (llm, name) = server.alone(provider);
            let plain = llm.invoke(question).await.unwrap_err();
            let (chunks, streamed) = read(&llm, question).await;
            assert!(chunks.is_empty(), "{provider:?}");
            for error in [plain, streamed.unwrap()] {
                assert_eq!((error.kind(), error.status()), (kind, Some(status)), "{provider:?}");
                assert_eq!(error.is_retryable(), kind.is_retryable(), "{provider:?} {kind:?}");
                assert_eq!(error.retry_after(), (status == 429).then_some(Duration::from_secs(2)), "{provider:?}");
                assert_eq!(error.provider_message(), Some("the ferry is out of order"), "{provider:?}");
                let shown = format!("{error} {error:?}");
                assert!(!shown.contains("ferry") && !shown.contains(question), "{provider:?}: {shown}");
            }
            assert_eq!(server.requests(&name).await.len(), 2, "{provider:?}: nothing is tried again unasked");
        }
    }
}

#[tokio::test]
async fn a_retry_helps_where_the_second_attempt_works() {
    let Some(server) = Aimock::find("retry") else { return };
    for provider in Provider::ALL {
        for streamed in [false, true] {
            let (llm, name) = server.alone(provider);
            let patient = llm.with_retry(Retry::attempts(3).base(Duration::from_millis(1)));
            let answer = match streamed {
                false => patient.invoke("Be flaky").await.unwrap(),
                true => patient.stream("Be flaky").collect().await.unwrap(),
            };
            assert_eq!(answer.text(), "Second time lucky.", "{provider:?}");
            assert_eq!(server.requests(&name).await.len(), 2, "{provider:?}");
        }
    }
}

#[tokio::test]
async fn a_retry_waits_as_long_as_the_server_says() {
    let Some(server) = Aimock::find("retry after") else { return };
    // All at once: each waits a second.
    let waits = Provider::ALL.map(|provider| {
        let (llm, name) = server.alone(provider);
        async move {
            let patient = llm.with_retry(Retry::attempts(2).base(Duration::from_millis(1)));
            assert_eq!(patient.invoke("Be busy").await.unwrap().text(), "Now there is room.", "{provider:?}");
            (provider, name)
        }
    });
    for (provider, name) in futures::future::join_all(waits).await {
        let requests = server.requests(&name).await;
        let at: Vec<u64> = requests.iter().map(|request| request["timestamp"].as_u64().unwrap()).collect();
        assert_eq!(at.len(), 2, "{provider:?}");
        assert!(at[1] - at[0] >= 900, "{provider:?}: it came again after {} ms", at[1] - at[0]);
    }
}

#[tokio::test]
async fn another_provider_answers_where_one_cannot() {
    let Some(server) = Aimock::find("fallback") else { return };
    for provider in Provider::ALL {
        // The fixture knows the models of all but one.
        let (broken, works) =
            (server.model(provider), server.model(Provider::Chat).header("x-aimock-context", "works"));
        let chain = broken.with_fallback(works);
        assert_eq!(chain.invoke("Anybody there?").await.unwrap().text(), "I am.", "{provider:?}");
        assert_eq!(chain.stream("Anybody there?").collect().await.unwrap().text(), "I am.", "{provider:?}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_never_whole() {
    let Some(server) = Aimock::find("cut") else { return };
    let whole = "This answer is cut off in the middle, whoever asks for it.";
    for provider in Provider::ALL {
        for question in ["Cut me after some chunks", "Cut me after some time"] {
            let (chunks, error) = read(&server.model(provider), question).await;
            let (came, error) = (added_up(&chunks), error.unwrap_or_else(|| panic!("{provider:?}: {question}")));
            assert!(
                matches!(error.kind(), ErrorKind::Connection | ErrorKind::IncompleteStream),
                "{provider:?}: {error}"
            );
            assert!(error.is_retryable(), "{provider:?}: {error}");
            assert!(!came.text().is_empty(), "{provider:?}: {question}: nothing came");
            assert!(whole.starts_with(&*came.text()) && came.text() != whole, "{provider:?}: {}", came.text());
            assert!(came.finish_reason().is_none(), "{provider:?}");
            let kept = error.partial::<AiMessage>().unwrap();
            assert_eq!(kept.text(), came.text(), "{provider:?}");
        }
    }
}

#[tokio::test]
async fn half_a_call_cannot_be_run() {
    #[derive(serde::Deserialize, schemars::JsonSchema)]
    #[expect(dead_code, reason = "only its schema is needed")]
    struct Ship {
        cargo: String,
    }

    let Some(server) = Aimock::find("half a call") else { return };
    // The other two send calls in one piece.
    for provider in [Provider::Chat, Provider::Responses, Provider::Anthropic] {
        let llm = server.model(provider).tools([FunctionTool::of::<Ship>()]);
        let (chunks, error) = read(&llm, "Cut the call").await;
        let error = error.unwrap_or_else(|| panic!("{provider:?}: taken for whole"));
        assert!(error.is_retryable(), "{provider:?}: {error}");
        assert!(!added_up(&chunks).tool_calls().is_empty(), "{provider:?}: no part of it came");
        for message in [added_up(&chunks), error.partial().cloned().unwrap_or_default()] {
            for call in message.tool_calls() {
                assert!(!call.has_valid_arguments(), "{provider:?}: {}", call.raw_arguments());
            }
        }
    }
}
