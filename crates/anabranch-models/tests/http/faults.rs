//! What servers and networks do wrong, over real sockets on loopback.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anabranch_core::{ErrorKind, RateLimiter as _, RunConfig, RunnableExt, ServerLimits, TokenBucket};
use anabranch_messages::{AiMessage, FinishKind};
use futures::StreamExt as _;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::server::{END, SSE, builder, delta, document, model, read, say, server};

/// Law 6, over a wire.
#[tokio::test]
async fn a_stream_adds_up_to_the_answer_and_the_request_is_right() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let address = server(move |mut socket, request| {
        let _ = seen.send(request.clone());
        async move {
            match request.contains("\"stream\":true") {
                true => say(&mut socket, format!("{SSE}{}{}{END}", delta("Hel"), delta("lo"))).await,
                false => say(&mut socket, document("Hello")).await,
            }
        }
    })
    .await;
    let llm = model(address).temperature(0.5).option("user", "me");
    let whole = llm.invoke("Hi").await.unwrap();
    assert_eq!(whole.text(), "Hello");
    assert_eq!(read(llm.stream("Hi")).await.unwrap(), whole);
    assert_eq!(llm.stream("Hi").collect().await.unwrap(), whole);
    assert_eq!(llm.stream("Hi").count().await, 3);

    let request = requests.recv().await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer sk-hidden-1234\r\n"), "{head}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    let expected = serde_json::json!({"model": "tiny", "messages": [{"role": "user", "content": "Hi"}],
        "temperature": 0.5, "user": "me"});
    assert_eq!(body, expected);
}

#[tokio::test]
async fn a_server_that_dies_in_mid_stream() {
    let proper = server(|mut socket, _| async move { say(&mut socket, format!("{SSE}{}", delta("Hel"))).await }).await;
    let chunked = server(|mut socket, _| async move {
        let event = delta("Hel");
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        say(&mut socket, format!("{head}{:x}\r\n{event}\r\n", event.len())).await;
    })
    .await;
    // An end that looks like one, and one that does not.
    for (address, kind) in [(proper, ErrorKind::IncompleteStream), (chunked, ErrorKind::Connection)] {
        let llm = model(address);
        let mut stream = llm.stream("Hi");
        assert_eq!(stream.next().await.unwrap().unwrap().text(), "Hel");
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.is_retryable());
        assert_eq!(error.partial::<AiMessage>().unwrap().text(), "Hel");
        assert!(!format!("{error} {error:?}").contains("Hel"), "{error:?}");
        assert!(stream.next().await.is_none());
    }
}

#[tokio::test]
async fn a_server_that_dies_before_it_answers() {
    let address = server(|_, _| async {}).await;
    let error = model(address).invoke("Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection, "{error}");
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = model(nobody).invoke("Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connection);
    assert_eq!(error.to_string(), format!("ChatModel openai:tiny: connection failed: cannot connect to {nobody}"));
}

#[tokio::test]
async fn a_server_without_tls_where_tls_was_expected() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            say(&mut socket, "HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    match builder(address).base_url(format!("https://{address}/v1")).build() {
        Ok(llm) => {
            let error = llm.invoke("Hi").await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Connection, "{error:?}");
        }
        // A machine without certificates.
        Err(error) => assert_eq!(error.kind(), ErrorKind::Configuration),
    }
}

#[tokio::test]
async fn a_server_that_never_answers() {
    let address = server(|socket, _| async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        drop(socket);
    })
    .await;
    let llm = model(address);
    let start = Instant::now();
    let config = RunConfig::new().timeout(Duration::from_millis(100));
    assert_eq!(llm.invoke_with("Hi", &config).await.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    let config = RunConfig::new().timeout(Duration::from_millis(100));
    let error = read(llm.stream_with("Hi", &config)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);

    let impatient = builder(address).first_token_timeout(Duration::from_millis(100)).build().unwrap();
    let error = impatient.invoke("Hi").await.unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Timeout, true));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_server_that_falls_silent() {
    let address = server(|mut socket, _| async move {
        say(&mut socket, format!("{SSE}{}", delta("Hel"))).await;
        tokio::time::sleep(Duration::from_secs(60)).await;
    })
    .await;
    let llm = builder(address).between_tokens_timeout(Duration::from_millis(100)).build().unwrap();
    let error = read(llm.stream("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.partial::<AiMessage>().unwrap().text(), "Hel");
}

#[tokio::test]
async fn a_server_that_only_says_it_is_alive() {
    let address = server(|mut socket, _| async move {
        say(&mut socket, format!("{SSE}{}", delta("Hel"))).await;
        while socket.write_all(b": PROCESSING\n\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let llm = builder(address).between_tokens_timeout(Duration::from_millis(150)).build().unwrap();
    let error = read(llm.stream("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(error.partial::<AiMessage>().unwrap().text(), "Hel");
}

#[tokio::test]
async fn a_slow_trickle_of_bytes_is_whole_and_not_idle() {
    let address = server(|mut socket, _| async move {
        say(&mut socket, SSE).await;
        // Every byte in a packet of its own, in the middle of characters, too.
        for byte in format!(": ping\n\n{}{END}", delta("Zwei Fl\u{fc}sse \u{1f30a}")).bytes() {
            say(&mut socket, [byte]).await;
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    })
    .await;
    let llm = builder(address).between_tokens_timeout(Duration::from_millis(300)).build().unwrap();
    let answer = read(llm.stream("Hi")).await.unwrap();
    assert_eq!(answer.text(), "Zwei Fl\u{fc}sse \u{1f30a}");
    assert!(answer.finish_reason().is_some_and(|reason| *reason == FinishKind::Stop));
}

#[tokio::test]
async fn a_redirect_is_an_error_and_tells_the_other_host_nothing() {
    let reached = Arc::new(AtomicUsize::new(0));
    let counter = reached.clone();
    let other = server(move |mut socket, _| {
        counter.fetch_add(1, Ordering::SeqCst);
        async move { say(&mut socket, document("stolen")).await }
    })
    .await;
    for status in [301, 302, 303, 307, 308] {
        let address = server(move |mut socket, _| async move {
            let head = format!("HTTP/1.1 {status} Elsewhere\r\nlocation: http://{other}/v1?secret=1\r\n");
            say(&mut socket, format!("{head}content-length: 0\r\n\r\n")).await;
        })
        .await;
        for error in [model(address).invoke("Hi").await, read(model(address).stream("Hi")).await] {
            let error = error.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Configuration, false), "{error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
    assert_eq!(reached.load(Ordering::SeqCst), 0);
}

/// The proof that dropping cancels: the server sees its connection close.
#[tokio::test]
async fn dropping_closes_the_connection() {
    let (closed, mut closings) = mpsc::unbounded_channel();
    let address = server(move |mut socket, request| {
        let closed = closed.clone();
        async move {
            if request.contains("\"stream\":true") {
                say(&mut socket, format!("{SSE}{}", delta("Hel"))).await;
            }
            let mut rest = [0; 1];
            let end = socket.read(&mut rest).await;
            let _ = closed.send(matches!(end, Ok(0) | Err(_)));
        }
    })
    .await;
    let llm = model(address);

    let mut stream = llm.stream("Hi");
    stream.next().await.unwrap().unwrap();
    drop(stream);
    let second = Duration::from_secs(1);
    assert!(tokio::time::timeout(second, closings.recv()).await.unwrap().unwrap(), "after a stream");

    let waiting = tokio::time::timeout(Duration::from_millis(50), llm.invoke("Hi")).await;
    assert!(waiting.is_err());
    assert!(tokio::time::timeout(second, closings.recv()).await.unwrap().unwrap(), "before an answer");
}

#[tokio::test]
async fn a_stream_that_is_not_polled_asks_nothing() {
    let (seen, mut requests) = mpsc::unbounded_channel();
    let address = server(move |_, request| {
        let _ = seen.send(request);
        async {}
    })
    .await;
    drop(model(address).stream("Hi"));
    assert!(tokio::time::timeout(Duration::from_millis(50), requests.recv()).await.is_err());
}

/// A permit of the run is held while an answer is on its way, and given back with it.
#[tokio::test]
async fn the_limit_of_the_run_holds_for_streams() {
    let (first, wait) = oneshot::channel::<()>();
    let wait = Arc::new(tokio::sync::Mutex::new(Some(wait)));
    let open = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (now, peak) = (open.clone(), most.clone());
    let address = server(move |mut socket, _| {
        let (wait, now, peak) = (wait.clone(), now.clone(), peak.clone());
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            say(&mut socket, format!("{SSE}{}", delta("Hel"))).await;
            if let Some(wait) = wait.lock().await.take() {
                let _ = wait.await;
            }
            now.fetch_sub(1, Ordering::SeqCst);
            say(&mut socket, format!("{}{END}", delta("lo"))).await;
        }
    })
    .await;
    let llm = model(address);
    let config = RunConfig::new().max_concurrency(1);
    let mut streams: Vec<_> = (0..3).map(|_| llm.stream_with("Hi", &config)).collect();
    streams[0].next().await.unwrap().unwrap();
    let later = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        first.send(()).unwrap();
    };
    let all = futures::future::join_all(streams.into_iter().map(read));
    let (answers, ()) = futures::join!(all, later);
    assert!(answers.iter().all(std::result::Result::is_ok));
    assert_eq!(most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn failures_have_kinds_and_show_nothing() {
    let body = r#"{"error":{"message":"Incorrect key sk-hidden-1234 for: tell me","type":"invalid_request_error","code":"rate_limit_exceeded"}}"#;
    let address = server(move |mut socket, _| async move {
        let head =
            format!("HTTP/1.1 429 Slow\r\nretry-after: 2\r\nretry-after-ms: 0\r\ncontent-length: {}\r\n", body.len());
        say(&mut socket, format!("{head}\r\n{body}")).await;
    })
    .await;
    let llm = model(address);
    for error in [llm.invoke("tell me").await, read(llm.stream("tell me")).await] {
        let error = error.unwrap_err();
        assert_eq!((error.kind(), error.retry_after()), (ErrorKind::RateLimited, Some(Duration::from_secs(2))));
        let expected = format!(
            "ChatModel openai:tiny: rate limited: status 429 from {address}: rate_limit_exceeded (invalid_request_error) \
             (retry after 2s)"
        );
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("hidden") && !format!("{error:?}").contains("tell me"), "{error:?}");
        assert!(error.provider_message().unwrap().starts_with("Incorrect key"));
        assert_eq!((error.status(), error.provider_code()), (Some(429), Some("rate_limit_exceeded")));
    }
}

#[tokio::test]
async fn a_failure_without_end_is_read_no_further_than_needed() {
    let address = server(|mut socket, _| async move {
        say(&mut socket, "HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n").await;
        let junk = vec![b'x'; 1 << 16];
        while socket.write_all(&junk).await.is_ok() {}
    })
    .await;
    let error = model(address).invoke("Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert_eq!(error.partial::<String>().unwrap().len(), 64 << 10);
}

#[tokio::test]
async fn an_error_in_mid_stream_keeps_what_came_and_what_was_said() {
    let address = server(|mut socket, _| async move {
        let error = "data: {\"error\":{\"message\":\"the engine is on fire\",\"code\":503}}\n\n";
        say(&mut socket, format!("{SSE}{}{error}", delta("Hel"))).await;
    })
    .await;
    let error = read(model(address).stream("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    assert_eq!(error.partial::<AiMessage>().unwrap().text(), "Hel");
    assert_eq!(error.partial::<String>().unwrap(), "the engine is on fire");
    assert!(!format!("{error:?}").contains("fire"));
}

#[tokio::test]
async fn documents_and_pages_where_events_were_expected() {
    for (body, kind) in [
        ("<html>Sign in</html>", ErrorKind::Parse),
        ("\n {\"error\":{\"code\":\"rate_limit_exceeded\"}}", ErrorKind::RateLimited),
        ("[1]", ErrorKind::Parse),
        ("", ErrorKind::IncompleteStream),
        ("\n\n\n", ErrorKind::IncompleteStream),
        ("no events at all", ErrorKind::IncompleteStream),
    ] {
        let address = server(move |mut socket, _| async move { say(&mut socket, format!("{SSE}{body}")).await }).await;
        let error = read(model(address).stream("Hi")).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{body:?}");
    }
    let address = server(|mut socket, _| async move { say(&mut socket, document("whole")).await }).await;
    assert_eq!(read(model(address).stream("Hi")).await.unwrap().text(), "whole");
}

/// What a refusal says about limits reaches the limiters around the model, as what an answer says does.
#[tokio::test]
async fn limits_in_a_refusal_reach_the_limiters() {
    let address = server(|mut socket, _| async move {
        let head = "HTTP/1.1 429 Slow\r\ncontent-length: 0\r\nx-ratelimit-limit-requests: 60\r\n\
                    x-ratelimit-remaining-requests: 3\r\nanthropic-ratelimit-tokens-remaining: 700\r\n\r\n";
        say(&mut socket, head).await;
    })
    .await;
    let minute = Duration::from_secs(60);
    for streamed in [false, true] {
        let bucket = TokenBucket::new().requests(100, minute).units(1000, minute);
        let llm = model(address).with_rate_limiter(bucket.clone());
        let error = match streamed {
            true => read(llm.stream("Hi")).await.unwrap_err(),
            false => llm.invoke("Hi").await.unwrap_err(),
        };
        let said = ServerLimits::new().request_limit(60).requests_left(3).units_left(700);
        assert_eq!((error.kind(), error.partial()), (ErrorKind::RateLimited, Some(&said)));
        let left = bucket.snapshot();
        assert_eq!((left.requests_left, left.units_left), (Some(3), Some(700)), "streamed: {streamed}");
    }
}
