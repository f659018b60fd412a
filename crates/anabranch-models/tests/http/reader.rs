//! What the reader makes of streams and documents that are not as they should be.

use std::time::{Duration, Instant};

use anabranch_core::{Error, ErrorKind, Result, RunnableExt};
use anabranch_messages::{AiMessage, FinishKind};
use serde_json::{Value, json};

use crate::server::{END, SSE, builder, delta, model, read, say, server};

/// Answers with a head and these pieces, one packet each, and then stays silent or closes.
async fn serve(head: &'static str, pieces: Vec<Vec<u8>>, stays: bool) -> std::net::SocketAddr {
    server(move |mut socket, _| {
        let pieces = pieces.clone();
        async move {
            say(&mut socket, head).await;
            for piece in pieces {
                say(&mut socket, piece).await;
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            if stays {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        }
    })
    .await
}

/// The texts that were handed out, and the error after them.
async fn handed_out(address: std::net::SocketAddr) -> (Vec<String>, Option<Error>) {
    let llm = model(address);
    let mut texts = Vec::new();
    let mut error = None;
    let mut chunks = llm.stream("Hi");
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => texts.push(chunk.text().into_owned()),
            Err(failed) => error = Some(failed),
        }
    }
    (texts, error)
}

fn chunk(chunk: &Value) -> String {
    format!("data: {chunk}\n\n")
}

/// Section 2, 1: what a user sees does not depend on packets.
#[tokio::test]
async fn what_was_decoded_before_an_error_is_handed_out_before_it() {
    let error = "data: {\"error\":{\"message\":\"on fire\",\"code\":503}}\n\n".to_string();
    let events = [delta("one"), delta("two"), delta("three"), error];
    let apart = events.iter().map(|event| event.clone().into_bytes()).collect();
    for pieces in [vec![events.concat().into_bytes()], apart] {
        let (texts, error) = handed_out(serve(SSE, pieces, false).await).await;
        assert_eq!(texts, ["one", "two", "three"]);
        let error = error.unwrap();
        assert_eq!((error.kind(), error.provider_message()), (ErrorKind::Overloaded, Some("on fire")));
        assert_eq!(error.partial::<AiMessage>().unwrap().text(), "onetwothree");
    }
}

/// Section 2, 2: wherever it is cut, it is the same.
#[tokio::test]
async fn a_stream_cut_anywhere_is_incomplete_and_can_be_tried_again() {
    let stream = format!("{}{}{END}", delta("Hel"), delta("lo"));
    let finish = stream.find("\"stop\"").unwrap();
    let complete = finish + stream[finish..].find('\n').unwrap();
    for cut in (0..=stream.len()).step_by(3).chain([stream.len()]) {
        let address = serve(SSE, vec![stream.as_bytes()[..cut].to_vec()], false).await;
        match read(model(address).stream("Hi")).await {
            Ok(answer) => {
                assert!(cut >= complete - 1, "{cut} of {complete}");
                assert_eq!(answer.text(), "Hello");
            }
            Err(error) => {
                assert!(cut < complete, "{cut} of {complete}: {error}");
                assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::IncompleteStream, true), "{cut}: {error}");
            }
        }
    }
}

#[tokio::test]
async fn a_document_cut_anywhere_is_incomplete_and_can_be_tried_again() {
    let body = json!({"id": "1", "choices": [{"message": {"content": "Hello \u{1f30a}"}, "finish_reason": "stop"}]});
    let body = body.to_string();
    for cut in (0..body.len()).step_by(5) {
        let address = serve(SSE, vec![body.as_bytes()[..cut].to_vec()], false).await;
        for answer in [model(address).invoke("Hi").await, read(model(address).stream("Hi")).await] {
            let error = answer.unwrap_err();
            assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::IncompleteStream, true), "{cut}: {error}");
        }
    }
}

/// Section 2, 3: what is complete is not paid for twice.
#[tokio::test]
async fn a_complete_answer_without_its_end_mark_is_complete() {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 2}});
    let finish = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
    let events = [delta("Hello"), chunk(&finish), chunk(&usage)].concat();
    // It stays open.
    let start = Instant::now();
    let answer = read(model(serve(SSE, vec![events.clone().into_bytes()], true).await).stream("Hi")).await.unwrap();
    assert_eq!((answer.text(), answer.usage().unwrap().total_tokens()), ("Hello".into(), 3));
    assert!(start.elapsed() < Duration::from_secs(10));
    // The connection breaks: a chunk of HTTP that never ends.
    let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let piece = format!("{:x}\r\n{events}", events.len() + 100);
    let answer = read(model(serve(head, vec![piece.into_bytes()], false).await).stream("Hi")).await.unwrap();
    assert_eq!((answer.text(), answer.usage().unwrap().total_tokens()), ("Hello".into(), 3));
    assert!(answer.finish_reason().is_some_and(|reason| *reason == FinishKind::Stop));
}

/// Section 2, 4: what is kept is bounded.
#[tokio::test]
async fn floods_of_lists_end() {
    let list = |piece: Value| chunk(&json!({"choices": [{"delta": piece}]}));
    let floods = [
        chunk(&json!({"choices": [{"delta": {}, "logprobs": {"content": vec![json!({}); 1000]}}]})),
        list(json!({"annotations": vec![json!({"type": "x"}); 1000]})),
        list(json!({"reasoning_details": vec![json!({"type": "x"}); 1000]})),
    ];
    for flood in floods {
        let address = serve(SSE, vec![(flood.repeat(100) + &delta("Hello") + END).into_bytes()], false).await;
        let llm = builder(address).max_answer_bytes(400_000).build().unwrap();
        let answer = read(llm.stream("Hi")).await.unwrap();
        assert_eq!(answer.text(), "Hello");
        let warnings = answer.metadata()["warnings"].to_string();
        assert!(warnings.contains("left out of the answer"), "{warnings}");
        assert_eq!(answer.metadata().len(), 1, "{:?}", answer.metadata().keys());
    }
}

#[tokio::test]
async fn answers_that_do_not_end_are_refused() {
    let text = delta(&"x".repeat(1000)).repeat(500);
    let thoughts = chunk(&json!({"choices": [{"delta": {"reasoning": "y".repeat(1000)}}]})).repeat(500);
    let call = |at: usize| json!({"choices": [{"delta": {"tool_calls": [{"index": at, "function": {"name": "f"}}]}}]});
    let calls: String = (0..2000).map(|at| chunk(&call(at))).collect();
    let parts = (delta("a") + &chunk(&json!({"choices": [{"delta": {"reasoning": "b"}}]}))).repeat(2000);
    for flood in [text, thoughts, calls, parts] {
        let address = serve(SSE, vec![flood.into_bytes()], true).await;
        let llm = builder(address).max_answer_bytes(400_000).build().unwrap();
        let error = read(llm.stream("Hi")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse, "{error}");
    }
    let body = json!({"choices": [{"message": {"content": "x".repeat(500_000)}}]}).to_string();
    let address = serve(SSE, vec![body.into_bytes()], false).await;
    let llm = builder(address).max_answer_bytes(400_000).build().unwrap();
    for answer in [llm.invoke("Hi").await, read(llm.stream("Hi")).await] {
        assert!(answer.unwrap_err().to_string().contains("more than 400000 bytes"));
    }
}

/// Section 2, 5: only what brings the answer forward is progress.
#[tokio::test]
async fn signs_of_life_are_no_progress() {
    let nothings = [
        "\n",
        " ",
        ": ping\n\n",
        "data:\n\n",
        "event: ping\ndata: {}\n\n",
        "data: {\"choices\":[]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}\n\n",
    ];
    for begun in [false, true] {
        for nothing in nothings {
            let address = server(move |mut socket, _| async move {
                say(&mut socket, SSE).await;
                if begun {
                    say(&mut socket, delta("Hel")).await;
                }
                for _ in 0..2000 {
                    say(&mut socket, nothing).await;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
            .await;
            let limit = Duration::from_millis(150);
            let llm = match begun {
                true => builder(address).between_tokens_timeout(limit),
                false => builder(address).first_token_timeout(limit),
            };
            let start = Instant::now();
            let error = read(llm.build().unwrap().stream("Hi")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Timeout, "{nothing:?}: {error}");
            assert!(start.elapsed() < Duration::from_secs(5), "{nothing:?}");
        }
    }
}

#[tokio::test]
async fn a_document_that_drips_ends() {
    let start = "{\"choices\":[{\"message\":{\"content\":\"";
    for (head, first) in [(SSE, start), (SSE, " "), ("HTTP/1.1 500 Oops\r\nconnection: close\r\n\r\n", "{")] {
        let address = server(move |mut socket, _| async move {
            say(&mut socket, format!("{head}{first}")).await;
            for _ in 0..4000 {
                say(&mut socket, if first == " " { " " } else { "x" }).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await;
        let limit = Duration::from_millis(150);
        let llm = builder(address).first_token_timeout(limit).between_tokens_timeout(limit).build().unwrap();
        let start = Instant::now();
        let error = llm.invoke("Hi").await.unwrap_err();
        assert!([ErrorKind::Timeout, ErrorKind::Server].contains(&error.kind()), "{error}");
        assert!(start.elapsed() < Duration::from_secs(15), "{first:?}");
    }
}

#[tokio::test]
async fn an_answer_may_take_so_long_in_all() {
    let address = server(|mut socket, _| async move {
        say(&mut socket, SSE).await;
        for _ in 0..2000 {
            say(&mut socket, delta("x")).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let llm = builder(address).total_timeout(Duration::from_millis(200)).build().unwrap();
    let error = read(llm.stream("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("in all"), "{error}");
    assert!(error.partial::<AiMessage>().unwrap().text().starts_with('x'));
}

#[tokio::test]
async fn a_consumer_that_takes_its_time_makes_no_server_slow() {
    let pieces = vec![delta("Hel").into_bytes(), format!("{}{END}", delta("lo")).into_bytes()];
    let llm = builder(serve(SSE, pieces, false).await).between_tokens_timeout(Duration::from_millis(100));
    let llm = llm.build().unwrap();
    let mut chunks = llm.stream("Hi");
    let mut text = String::new();
    while let Some(chunk) = chunks.next().await {
        text.push_str(&chunk.unwrap().text());
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    assert_eq!(text, "Hello");
}

/// Section 2, 8.
#[tokio::test]
async fn errors_that_are_none_and_errors_with_usage() {
    for nothing in ["\"\"", "false", "{}", "null", "[]"] {
        let body = format!("{{\"error\":{nothing},\"choices\":[{{\"delta\":{{\"content\":\"Hello\"}}}}]}}");
        let address = serve(SSE, vec![format!("data: {body}\n\n{END}").into_bytes()], false).await;
        assert_eq!(read(model(address).stream("Hi")).await.unwrap().text(), "Hello", "{nothing}");
        let body = body.replace("delta", "message");
        assert_eq!(model(serve(SSE, vec![body.into_bytes()], false).await).invoke("Hi").await.unwrap().text(), "Hello");
    }
    let last =
        json!({"error": {"message": "m"}, "usage": {"prompt_tokens": 7}, "choices": [{"delta": {"content": "lo"}}]});
    let address = serve(SSE, vec![(delta("Hel") + &chunk(&last)).into_bytes()], false).await;
    let error = read(model(address).stream("Hi")).await.unwrap_err();
    let part = error.partial::<AiMessage>().unwrap();
    assert_eq!((part.text(), part.usage().unwrap().input_tokens()), ("Hello".into(), Some(7)));
}

#[tokio::test]
async fn events_of_other_kinds_are_skipped() {
    let events =
        ["event: ping\ndata: no JSON\n\n", "event: thread.created\ndata: {\"error\": 1}\n\n", &delta("Hello"), END];
    let address = serve(SSE, vec![events.concat().into_bytes()], false).await;
    assert_eq!(read(model(address).stream("Hi")).await.unwrap().text(), "Hello");
}

#[tokio::test]
async fn what_is_no_stream_is_told_as_what_it_is() {
    let gzip = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\nconnection: close\r\n\r\n";
    let plain = "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n";
    for (head, body, says) in [
        (gzip, &b"\x1f\x8b\x08\x00"[..], "compressed"),
        (SSE, b"\x1f\x8b\x08\x00", "compressed"),
        (plain, b"upstream is down", "plain text"),
        (SSE, b"<html>Sign in</html>", "a web page"),
    ] {
        let address = serve(head, vec![body.to_vec()], false).await;
        let error = read(model(address).stream("Hi")).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Parse, false), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
    let address = serve(gzip, vec![b"\x1f\x8b\x08\x00".to_vec()], false).await;
    assert!(model(address).invoke("Hi").await.unwrap_err().to_string().contains("compressed"));
}

#[tokio::test]
async fn odd_text_is_read_in_documents_as_in_streams() {
    for (odd, text) in [
        (&b"a\xffb"[..], "a\u{fffd}b"),
        (br"half \ud83d of a pair", "half \u{fffd} of a pair"),
        (br"\ud83d\ude00", "\u{1f600}"),
    ] {
        let around = |start: &str, end: &str| [b"\xef\xbb\xbf", start.as_bytes(), odd, end.as_bytes()].concat();
        let document = around("{\"choices\":[{\"message\":{\"content\":\"", "\"},\"finish_reason\":\"stop\"}]}");
        let stream = around("data: {\"choices\":[{\"delta\":{\"content\":\"", "\"},\"finish_reason\":\"stop\"}]}\n\n");
        for body in [document, stream] {
            let is_stream = body.ends_with(b"\n\n");
            let address = serve(SSE, vec![body], false).await;
            let answer = read(model(address).stream("Hi")).await.unwrap();
            assert_eq!(answer.text(), text);
            if !is_stream {
                assert_eq!(model(address).invoke("Hi").await.unwrap().text(), text);
            }
        }
    }
}

#[tokio::test]
async fn fragments_go_to_the_call_they_name() -> Result<()> {
    let piece = |piece: Value| chunk(&json!({"choices": [{"delta": {"tool_calls": [piece]}}]}));
    let events = [
        piece(json!({"index": 0, "id": "a", "function": {"name": "f", "arguments": "{\"x\":"}})),
        piece(json!({"index": 1, "id": "b", "function": {"name": "g", "arguments": "{\"y\":"}})),
        piece(json!({"index": 0, "id": "b", "function": {"arguments": "2}"}})),
        piece(json!({"id": "a", "function": {"arguments": "1}"}})),
        END.replace("stop", "tool_calls"),
    ];
    let address = serve(SSE, vec![events.concat().into_bytes()], false).await;
    let answer = read(model(address).stream("Hi")).await?;
    let calls: Vec<_> = answer.tool_calls().iter().map(|call| (call.id(), call.arguments().unwrap())).collect();
    assert_eq!(calls, [("a", json!({"x": 1})), ("b", json!({"y": 2}))]);
    Ok(())
}

/// Section 2, 9: a stream adds up to the document.
#[tokio::test]
async fn streamed_thoughts_add_up_to_those_of_the_document() {
    let detail = |text: &str| json!({"type": "reasoning.text", "text": text, "index": 0});
    let seal = json!({"type": "reasoning.text", "signature": "sig", "index": 0});
    let of = |thought: &str, detail: &Value| json!({"reasoning": thought, "reasoning_details": [detail]});
    let event = |delta: Value| chunk(&json!({"id": "1", "choices": [{"delta": delta}]}));
    let events = [
        event(of("I th", &detail("I th"))),
        event(of("ink.", &detail("ink."))),
        event(json!({"reasoning_details": [seal]})),
        event(json!({"content": "Yes."})),
        END.to_string(),
    ];
    let mut whole = detail("I think.");
    whole["signature"] = "sig".into();
    let mut message = of("I think.", &whole);
    message["content"] = "Yes.".into();
    let document = json!({"id": "1", "choices": [{"message": message, "finish_reason": "stop"}]});

    let streamed = read(model(serve(SSE, vec![events.concat().into_bytes()], false).await).stream("Hi")).await.unwrap();
    let invoked = model(serve(SSE, vec![document.to_string().into_bytes()], false).await).invoke("Hi").await.unwrap();
    assert_eq!(streamed, invoked);
    assert_eq!(streamed.provider_data("127.0.0.1")["reasoning_details"], json!([whole]));
    let thoughts: Vec<_> = streamed
        .content()
        .parts()
        .iter()
        .filter_map(|part| match part {
            anabranch_messages::ContentPart::Reasoning(thought) => Some((thought.text(), thought.signature())),
            _ => None,
        })
        .collect();
    assert_eq!(thoughts, [("I think.", Some("sig"))]);
}

/// Law 8 of section 2: no waiting after the end mark.
#[tokio::test]
async fn nothing_is_waited_for_after_the_end_mark() {
    let address = serve(SSE, vec![format!("{}{END}", delta("Hello")).into_bytes()], true).await;
    let llm = model(address);
    let mut slowest = Duration::ZERO;
    for _ in 0..10 {
        let start = Instant::now();
        assert_eq!(read(llm.stream("Hi")).await.unwrap().text(), "Hello");
        slowest = slowest.max(start.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}

/// An answer in its envelope, streamed and not.
#[tokio::test]
async fn the_envelope() {
    let head = "HTTP/1.1 200 OK\r\nx-request-id: req_7\r\nX-Other: y\r\nconnection: close\r\n\r\n";
    let body = format!("{}{END}", delta("Hello"));
    let llm = model(serve(head, vec![body.clone().into_bytes()], false).await).keep_raw(true).top_k(3);
    let mut last = None;
    let enveloped = llm.with_envelope();
    let mut chunks = enveloped.stream("Hi");
    while let Some(chunk) = chunks.next().await {
        last = Some(chunk.unwrap());
    }
    let last = last.unwrap();
    assert_eq!((last.request_id(), last.header("x-other")), (Some("req_7"), Some("y")));
    assert_eq!(last.raw(), Some(body.as_bytes()));

    let document = json!({"choices": [{"message": {"content": "Hello"}, "finish_reason": "stop"}]}).to_string();
    let llm = model(serve(head, vec![document.clone().into_bytes()], false).await).keep_raw(true);
    let answer = llm.with_envelope().invoke("Hi").await.unwrap();
    assert_eq!((answer.request_id(), answer.raw()), (Some("req_7"), Some(document.as_bytes())));
    assert!(!format!("{answer:?}").contains("req_7") && !format!("{answer:?}").contains("Hello"));
}

/// A text may be cut anywhere, between the halves of a letter too.
#[tokio::test]
async fn a_letter_that_comes_in_two_halves_is_one() {
    let pieces = [delta(r"a \ud83d"), delta(""), delta(r"\ude00 b"), delta(r"\ud83d"), END.to_string()];
    let address = serve(SSE, pieces.map(String::into_bytes).to_vec(), false).await;
    let (texts, error) = handed_out(address).await;
    assert!(error.is_none(), "{error:?}");
    // The other half of the last never comes.
    assert_eq!(texts.concat(), "a \u{1f600} b\u{fffd}");
}

#[tokio::test]
async fn half_a_letter_at_the_end_of_a_stream_is_told() {
    let body = format!("data: {}\n\n", json!({"choices": [{"delta": {"content": "a?"}}]})).replace('?', r"\ud83d");
    let address = serve(SSE, vec![body.clone().into_bytes()], false).await;
    let (texts, error) = handed_out(address).await;
    assert_eq!(texts.concat(), "a\u{fffd}");
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::IncompleteStream);
    assert_eq!(error.partial::<AiMessage>().unwrap().text(), "a\u{fffd}");

    // A text that is broken, and two documents in one event: each is read once.
    let chunk = |text: &str| json!({"choices": [{"delta": {"content": text}}]}).to_string();
    let body = format!("data: {}{}\n\n{END}", chunk("one "), chunk("t?wo").replace('?', r"\ude00"));
    let address = serve(SSE, vec![body.into_bytes()], false).await;
    let (texts, error) = handed_out(address).await;
    assert!(error.is_none(), "{error:?}");
    assert_eq!(texts.concat(), "one t\u{fffd}wo");

    // An error that waits for its other half is told, too.
    let body = format!("{}{}", delta("Hel"), "event: error\ndata: {\"error\": {\"message\": \"no \\ud83d\"}}\n\n");
    let address = serve(SSE, vec![body.into_bytes()], false).await;
    let (texts, error) = handed_out(address).await;
    assert_eq!(texts.concat(), "Hel");
    assert_eq!(error.unwrap().provider_message(), Some("no \u{fffd}"));
}
