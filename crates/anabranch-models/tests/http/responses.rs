//! OpenAI's Responses API, over real sockets.

use anabranch_core::{ErrorKind, RunnableExt};
use anabranch_messages::{AiMessage, ContentPart, FinishKind, Message, Messages};
use anabranch_models::ChatModel;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::server::{SSE, builder, read, say, server};

const JSON: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n";

/// A model whose server answers with one body, and the requests that it sees.
async fn model(head: &str, body: String) -> (ChatModel, mpsc::UnboundedReceiver<String>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let answer = format!("{head}{body}");
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        let answer = answer.clone();
        async move { say(&mut socket, answer).await }
    })
    .await;
    (builder(address).responses().build().unwrap(), requests)
}

fn events(events: &[Value]) -> String {
    events.iter().map(|event| format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap())).collect()
}

/// An answer with an item of each kind.
fn items() -> [Value; 5] {
    [
        json!({"type": "reasoning", "id": "rs_1", "encrypted_content": "sealed",
            "summary": [{"type": "summary_text", "text": "Hm."}, {"type": "summary_text", "text": "Well."}]}),
        json!({"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}),
        json!({"type": "message", "id": "msg_1", "role": "assistant", "phase": "commentary", "status": "completed",
            "content": [{"type": "output_text", "text": "Let me ", "annotations": [{"type": "url_citation"}]}]}),
        json!({"type": "message", "id": "msg_2", "role": "assistant", "status": "completed",
            "content": [{"type": "output_text", "text": "see.", "annotations": []}]}),
        json!({"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "now", "arguments": "{\"a\":1}",
            "status": "completed"}),
    ]
}

fn response(status: &str, output: &[Value]) -> Value {
    json!({"id": "resp_1", "model": "gpt-5", "status": status, "output": output,
        "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7,
            "output_tokens_details": {"reasoning_tokens": 2}}})
}

/// The same answer in pieces.
fn pieces() -> Vec<Value> {
    let mut events = vec![json!({"type": "response.created", "response": response("in_progress", &[])})];
    for (index, item) in items().into_iter().enumerate() {
        let deltas = match index {
            0 => vec![
                ("reasoning_summary_text", 0, "H"),
                ("reasoning_summary_text", 0, "m."),
                ("reasoning_summary_text", 1, "Well."),
            ],
            2 => vec![("output_text", 0, "Let "), ("output_text", 0, "me ")],
            3 => vec![("output_text", 0, "see.")],
            4 => vec![("function_call_arguments", 0, "{\"a\""), ("function_call_arguments", 0, ":1}")],
            _ => vec![],
        };
        let mut begun = json!({"type": item["type"], "id": item["id"]});
        for name in ["call_id", "name"].into_iter().filter(|name| item.get(name).is_some()) {
            begun[name] = item[name].clone();
        }
        events.push(json!({"type": "response.output_item.added", "output_index": index, "item": begun}));
        events.extend(deltas.into_iter().map(|(name, paragraph, delta)| {
            // Some servers give each event another id.
            json!({"type": format!("response.{name}.delta"), "output_index": index, "summary_index": paragraph,
                "item_id": format!("{name}{delta}"), "delta": delta})
        }));
        events.push(json!({"type": "response.output_item.done", "output_index": index, "item": item}));
    }
    events.push(json!({"type": "response.completed", "response": response("completed", &items())}));
    events
}

/// Law 6, and what came goes back as it came.
#[tokio::test]
async fn a_stream_adds_up_to_the_answer_which_goes_back_unchanged() {
    let (llm, mut requests) = model(JSON, response("completed", &items()).to_string()).await;
    let whole = llm.invoke("Hi").await.unwrap();
    assert!(requests.recv().await.unwrap().starts_with("POST /v1/responses HTTP/1.1\r\n"));
    assert_eq!((whole.text().as_ref(), whole.reasoning().as_ref()), ("Let me see.", "Hm.\n\nWell."));
    assert_eq!(whole.tool_calls()[0].arguments().unwrap(), json!({"a": 1}));
    assert_eq!(whole.citations().count(), 1);
    assert_eq!(whole.finish_reason().unwrap().kind(), FinishKind::Stop);

    let done_only: Vec<_> = pieces()
        .into_iter()
        .filter(|event| event["type"] != "response.output_item.added" && event.get("delta").is_none())
        .collect();
    let last_only = pieces().split_off(pieces().len() - 1);
    let never_done: Vec<_> =
        pieces().into_iter().filter(|event| event["type"] != "response.output_item.done").collect();
    for stream in [pieces(), done_only, last_only] {
        let (llm, _requests) = model(SSE, events(&stream)).await;
        let streamed = read(llm.stream("Hi")).await.unwrap();
        assert_eq!(streamed, whole, "{} events", stream.len());
    }
    // llama.cpp numbers nothing: what belongs together has the same id.
    let mut unnumbered = pieces();
    for event in &mut unnumbered {
        let Some(index) = event.as_object_mut().unwrap().shift_remove("output_index") else { continue };
        if event.get("delta").is_some() {
            event["item_id"] = items()[index.as_u64().unwrap() as usize]["id"].clone();
        }
    }
    let (llm, _requests) = model(SSE, events(&unnumbered)).await;
    assert_eq!(read(llm.stream("Hi")).await.unwrap(), whole);
    goes_back(whole).await;
    // What is sealed at the end only is held back until then.
    let (llm, _requests) = model(SSE, events(&never_done)).await;
    goes_back(read(llm.stream("Hi")).await.unwrap()).await;
}

async fn goes_back(answer: AiMessage) {
    let (llm, mut requests) = model(JSON, response("completed", &[]).to_string()).await;
    let back = Messages::from(vec![Message::user("Hi"), answer.into(), Message::tool("call_1", "noon")]);
    llm.invoke(back).await.unwrap();
    let request = requests.recv().await.unwrap();
    let body: Value = serde_json::from_str(request.split_once("\r\n\r\n").unwrap().1).unwrap();
    let sent = body["input"].as_array().unwrap();
    assert_eq!(sent[1..6], items());
    assert_eq!(sent[6], json!({"type": "function_call_output", "call_id": "call_1", "output": "noon"}));
}

#[tokio::test]
async fn ends_have_their_reasons() {
    for (reason, kind) in [("max_output_tokens", FinishKind::Length), ("content_filter", FinishKind::ContentFilter)] {
        let mut cut = response("incomplete", &[]);
        cut["incomplete_details"] = json!({"reason": reason});
        cut["output"] = json!([{"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}]);
        let (llm, _requests) = model(JSON, cut.to_string()).await;
        let answer = llm.invoke("Hi").await.unwrap();
        assert_eq!(answer.finish_reason().unwrap().kind(), kind);
        assert_eq!(answer.finish_reason().unwrap().raw(), Some("incomplete"));
        assert!(!answer.tool_calls()[0].has_valid_arguments());
    }
    let refusal = json!({"type": "message", "content": [{"type": "refusal", "refusal": "No."}]});
    let (llm, _requests) = model(JSON, response("completed", &[refusal]).to_string()).await;
    let answer = llm.invoke("Hi").await.unwrap();
    assert!(answer.is_refusal());
    assert!(matches!(answer.content().parts(), [ContentPart::Refusal(said)] if said.text() == "No."));
}

#[tokio::test]
async fn what_came_before_a_failure_is_given_out_first() {
    let mut failed = response("failed", &[]);
    failed["error"] = json!({"code": "rate_limit_exceeded", "message": "Please try again in 1.5s."});
    let ends = [
        json!({"type": "error", "code": "rate_limit_exceeded", "message": "Please try again in 1.5s."}),
        json!({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "Please try again in 1.5s."}}),
        json!({"type": "response.failed", "response": failed}),
    ];
    for end in ends {
        let delta = json!({"type": "response.output_text.delta", "output_index": 0, "delta": "Hel"});
        let (llm, _requests) = model(SSE, events(&[delta, end])).await;
        let mut chunks = llm.stream("Hi");
        assert_eq!(chunks.next().await.unwrap().unwrap().text(), "Hel");
        let error = chunks.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RateLimited);
        assert_eq!(error.retry_after().map(|delay| delay.as_millis()), Some(1500));
        assert_eq!(error.partial::<AiMessage>().unwrap().text(), "Hel");
    }
    // Every event but the last says nothing about the end.
    let mut cut = pieces();
    cut.pop();
    let (llm, _requests) = model(SSE, events(&cut)).await;
    let error = read(llm.stream("Hi")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IncompleteStream);
    let (llm, _requests) = model(JSON, json!({"choices": []}).to_string()).await;
    assert_eq!(llm.invoke("Hi").await.unwrap_err().kind(), ErrorKind::Parse);
}

/// Two calls whose arguments come in turn, on a server that numbers nothing.
#[tokio::test]
async fn pieces_find_their_item_by_its_id() {
    let begin = |id: &str| {
        json!({"type": "response.output_item.added", "item":
            {"type": "function_call", "id": id, "call_id": format!("call_{id}"), "name": "f", "arguments": ""}})
    };
    let piece = |id: &str, delta: &str| json!({"type": "response.function_call_arguments.delta", "item_id": id, "delta": delta});
    let stream = [
        begin("a"),
        begin("b"),
        piece("a", "{\"n\""),
        piece("b", "{\"m\""),
        piece("a", ":1}"),
        piece("b", ":2}"),
        json!({"type": "response.completed", "response": response("completed", &[])}),
    ];
    let (llm, _requests) = model(SSE, events(&stream)).await;
    let answer = read(llm.stream("Hi")).await.unwrap();
    let calls: Vec<_> = answer.tool_calls().iter().map(|call| (call.id(), call.arguments().unwrap())).collect();
    assert_eq!(calls, [("call_a", json!({"n": 1})), ("call_b", json!({"m": 2}))]);
}

/// A flood of items that begin and never end takes no more than any other answer.
#[tokio::test]
async fn items_without_end_are_refused() {
    let begun: String = (0..200_000)
        .map(|index| {
            format!("data: {{\"type\":\"response.output_text.delta\",\"output_index\":{index},\"delta\":\"a\"}}\n\n")
        })
        .collect();
    let (seen, _requests) = mpsc::unbounded_channel::<String>();
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        let begun = begun.clone();
        async move { say(&mut socket, format!("{SSE}{begun}")).await }
    })
    .await;
    let llm = builder(address).responses().max_answer_bytes(1 << 20).build().unwrap();
    assert_eq!(read(llm.stream("Hi")).await.unwrap_err().kind(), ErrorKind::Parse);
}

fn done(item: &Value) -> Value {
    json!({"type": "response.output_item.done", "item": item})
}

/// Whatever a server gives out without end: it is left out and told, or the answer is refused; the rest is read.
#[tokio::test]
async fn floods_of_items_end() {
    let said = json!({"type": "message", "id": "m", "content": [{"type": "output_text", "text": "Hello"}]});
    let end = json!({"type": "response.completed", "response": response("completed", &[])});
    let note = json!({"type": "url_citation", "url": "u"});
    let noted = json!({"type": "message", "id": "n", "content": [
        {"type": "output_text", "text": "", "annotations": vec![note; 1200]}]});
    let unknown = json!({"type": "of_tomorrow", "id": "x", "list": vec![json!({}); 1000]});
    for (flood, times) in [(&noted, 1), (&unknown, 60)] {
        let mut events = vec![done(flood); times];
        events.extend([done(&said), end.clone()]);
        let (llm, _requests) = limited(&events).await;
        let answer = read(llm.stream("Hi")).await.unwrap();
        assert_eq!(answer.text(), "Hello");
        let warnings = answer.metadata()["warnings"].to_string();
        assert!(warnings.contains("left out of the answer"), "{warnings}");
    }
    // What is held back counts, and so does what is begun.
    let begun = |place: u64| {
        json!({"type": "response.output_item.added", "output_index": place, "item": {"type": "message",
        "id": "i".repeat(100)}})
    };
    let held = |text: &str| json!({"type": "response.output_text.delta", "output_index": 1, "delta": text});
    let noise: Vec<_> = [begun(0)].into_iter().chain((0..500).map(|_| held(&"x".repeat(1000)))).collect();
    let many: Vec<_> = (0..5000).map(begun).collect();
    let empty: Vec<_> = (0..5000).map(|place| done(&json!({"type": "message", "id": place.to_string()}))).collect();
    for flood in [noise, many, empty] {
        let (llm, _requests) = limited(&flood).await;
        let error = read(llm.stream("Hi")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse, "{error}");
    }
}

/// A model that takes no answer of more than 400 kB.
async fn limited(stream: &[Value]) -> (ChatModel, mpsc::UnboundedReceiver<String>) {
    let (seen, requests) = mpsc::unbounded_channel();
    let answer = format!("{SSE}{}", events(stream));
    let address = server(move |mut socket, request| {
        let _ = seen.send(request);
        let answer = answer.clone();
        async move { say(&mut socket, answer).await }
    })
    .await;
    (builder(address).max_answer_bytes(400_000).responses().build().unwrap(), requests)
}

/// Anything can stand anywhere in an item, and what is no item of an answer is no panic.
#[tokio::test]
async fn strange_items_are_read_as_what_they_are() {
    let strange = [json!(null), json!(7), json!("text"), json!([]), json!({}), json!([[{"a": [1]}]]), json!(true)];
    let names = [
        "type",
        "id",
        "call_id",
        "name",
        "content",
        "summary",
        "encrypted_content",
        "arguments",
        "input",
        "result",
        "action",
        "queries",
        "output",
    ];
    let types = [
        "message",
        "reasoning",
        "function_call",
        "custom_tool_call",
        "image_generation_call",
        "mcp_call",
        "web_search_call",
        "file_search_call",
        "of_tomorrow",
    ];
    let mut items = Vec::new();
    for type_ in types {
        for name in names {
            for value in &strange {
                let mut item = json!({"type": type_, "id": "i", "call_id": "c", "name": "n"});
                item[name] = value.clone();
                items.push(item);
            }
        }
    }
    let told = json!({"type": "message", "content": [{"type": "output_text", "text": "Hello"}]});
    for some in items.chunks(40) {
        let all = [some, std::slice::from_ref(&told)].concat();
        let (llm, _requests) = model(JSON, response("completed", &all).to_string()).await;
        let whole = llm.invoke("Hi").await.unwrap();
        assert!(whole.text().ends_with("Hello"), "{}", whole.text());
        let begin = json!({"type": "response.created", "response": response("in_progress", &[])});
        let end = json!({"type": "response.completed", "response": response("completed", &[])});
        let events_of: Vec<_> = [begin].into_iter().chain(all.iter().map(done)).chain([end]).collect();
        let (llm, _requests) = model(SSE, events(&events_of)).await;
        let streamed = read(llm.stream("Hi")).await.unwrap();
        assert_eq!(streamed.content(), whole.content());
        // It can go back, whatever it is.
        let (llm, _requests) = model(JSON, response("completed", std::slice::from_ref(&told)).to_string()).await;
        llm.invoke(vec![Message::user("Hi"), whole.into(), Message::user("Go on.")]).await.unwrap();
    }
}
