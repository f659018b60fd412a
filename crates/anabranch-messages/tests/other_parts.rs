//! Parts of messages as LangChain and the libraries of the providers write them.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::{AiMessage, ContentPart, Media, Message, OtherPart, Reasoning, ServerToolResult, ToolCall};
use serde_json::{Map, Value, json};

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => panic!("no object"),
    }
}

fn read(json: Value) -> Message {
    let message: Message = serde_json::from_value(json).unwrap();
    // What was read is written in our own words, and read again as the same.
    let again: Message = serde_json::from_value(serde_json::to_value(&message).unwrap()).unwrap();
    assert_eq!(again, message);
    message
}

fn ai(json: Value) -> AiMessage {
    match read(json) {
        Message::Ai(message) => message,
        other => panic!("{:?}", other.role()),
    }
}

fn refused(json: Value) -> String {
    let error = serde_json::from_value::<Message>(json.clone()).expect_err(&json.to_string()).to_string();
    assert!(!error.contains("secret"), "{error}");
    error
}

#[test]
fn parts_of_every_library() {
    let png = || Media::bytes("image/png", *b"png");
    for (part, expected) in [
        (json!("plain"), ContentPart::text("plain")),
        (json!({"type": "input_text", "text": "t"}), ContentPart::text("t")),
        (json!({"type": "output_text", "text": "t", "annotations": [], "logprobs": []}), ContentPart::text("t")),
        (json!({"type": "refusal", "refusal": "no"}), ContentPart::refusal("no")),
        (
            json!({"type": "image_url", "image_url": {"url": "https://e.org/a.png", "detail": "low"}}),
            ContentPart::Image(Media::url("https://e.org/a.png").with_detail("low")),
        ),
        (
            json!({"type": "image_url", "image_url": "https://e.org/a.png"}),
            ContentPart::Image(Media::url("https://e.org/a.png")),
        ),
        (
            json!({"type": "input_image", "image_url": "https://e.org/a.png", "detail": "auto"}),
            ContentPart::Image(Media::url("https://e.org/a.png").with_detail("auto")),
        ),
        (
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}}),
            ContentPart::Image(png()),
        ),
        (json!({"type": "image", "base64": "cG5n", "mime_type": "image/png"}), ContentPart::Image(png())),
        (
            json!({"type": "image", "source_type": "base64", "data": "cG5n", "mime_type": "image/png"}),
            ContentPart::Image(png()),
        ),
        (json!({"type": "image", "source_type": "id", "id": "f1"}), ContentPart::Image(Media::file_id("f1"))),
        (
            json!({"type": "input_audio", "input_audio": {"data": "cG5n", "format": "mp3"}}),
            ContentPart::Audio(Media::bytes("audio/mpeg", *b"png")),
        ),
        (
            json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,cG5n"}}),
            ContentPart::File(Media::url("data:application/pdf;base64,cG5n").with_name("a.pdf")),
        ),
        (json!({"type": "file", "file": {"file_id": "f1"}}), ContentPart::File(Media::file_id("f1"))),
        (
            json!({"type": "input_file", "file_url": "https://e.org/a.pdf"}),
            ContentPart::File(Media::url("https://e.org/a.pdf")),
        ),
        (
            json!({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "png"}}),
            ContentPart::File(Media::bytes("text/plain", *b"png")),
        ),
        (json!({"type": "reasoning", "reasoning": "hm", "index": 0}), Reasoning::new("hm").into()),
        (
            json!({"type": "thinking", "thinking": "hm", "signature": "s"}),
            Reasoning::new("hm").with_signature("s").with_provider_data("anthropic", "type", "thinking").into(),
        ),
        (
            json!({"type": "redacted_thinking", "data": "x"}),
            Reasoning::encrypted_only("x").with_provider_data("anthropic", "type", "redacted_thinking").into(),
        ),
        (
            json!({"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
                "encrypted_content": "x", "status": null}),
            Reasoning::new("hm").with_encrypted("x").with_id("rs_1").into(),
        ),
        (json!({"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}), Reasoning::new("hm").into()),
        (
            json!({"type": "reasoning_content", "reasoning_content": {"text": "hm", "signature": "s", "id": "r"}}),
            Reasoning::new("hm").with_signature("s").with_id("r").into(),
        ),
        (
            json!({"type": "reasoning_content", "reasoning_content": {"redacted_content": "x"}}),
            Reasoning::encrypted_only("x").into(),
        ),
        (json!({"type": "video", "url": "https://e.org/a.mp4"}), ContentPart::Video(Media::url("https://e.org/a.mp4"))),
        (
            json!({"type": "video_url", "video_url": {"url": "https://e.org/a.mp4"}}),
            ContentPart::Video(Media::url("https://e.org/a.mp4")),
        ),
        (
            json!({"type": "server_tool_call", "id": "s1", "name": "search", "args": {"q": "Weser"}}),
            ContentPart::ServerToolCall(ToolCall::new("s1", "search", json!({"q": "Weser"}))),
        ),
        (
            json!({"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "Weser"}}),
            ContentPart::ServerToolCall(
                ToolCall::new("s1", "web_search", json!({"query": "Weser"})).with_provider_data(
                    "anthropic",
                    "type",
                    "server_tool_use",
                ),
            ),
        ),
        (
            json!({"type": "server_tool_result", "tool_call_id": "s1", "status": "error", "output": [1]}),
            ContentPart::ServerToolResult(ServerToolResult::new("s1", json!([1])).with_error()),
        ),
        (
            json!({"type": "web_search_tool_result", "tool_use_id": "s1", "content": [{"type": "web_search_result"}]}),
            ContentPart::ServerToolResult(
                ServerToolResult::new("s1", json!([{"type": "web_search_result"}]))
                    .with_name("web_search_tool_result")
                    .with_provider_data("anthropic", "type", "web_search_tool_result"),
            ),
        ),
        (
            json!({"type": "non_standard", "value": {"type": "computer_call", "id": "1"}}),
            ContentPart::Other(OtherPart::new(object(json!({"type": "computer_call", "id": "1"})))),
        ),
    ] {
        let read: ContentPart = serde_json::from_value(part.clone()).unwrap_or_else(|error| panic!("{part}: {error}"));
        assert_eq!(read, expected, "{part}");
    }
    let of = |part: Value| refused(json!({"role": "user", "content": ["a", part]}));
    assert!(of(json!({"type": "hologram", "url": "secret"})).contains("`content`: part 1: expected a part of content"));
    assert!(of(json!({"text": "secret"})).contains("without `type`"));
    assert!(of(json!({"type": "text", "text": "a", "colour": "secret"})).contains("cannot be read: `colour`"));
    assert!(of(json!({"type": "text", "text": "a", "a secret": "b"})).contains("1 name not shown"));
    assert!(of(json!({"type": "image", "url": "secret", "data": "secret"})).contains("exactly one of"));
    assert!(of(json!({"type": "image", "data": "no secret"})).contains("not base64"));
    assert!(of(json!({"type": "tool_use", "id": "1", "name": "f", "input": {}})).contains("only an assistant"));
    assert!(of(json!(1)).contains("came a number"));
}

#[test]
fn what_text_rests_on_is_read_in_all_shapes() {
    let text = |text: &str, key: &str, value: Value| {
        let answer = ai(json!({"role": "assistant", "content": [{"type": "text", "text": text, key: [value]}]}));
        match answer.content().parts() {
            [ContentPart::Text(text)] => text.clone(),
            other => panic!("{other:?}"),
        }
    };
    // Characters become bytes.
    let url = json!({"type": "url_citation", "url": "https://e.org", "title": "E", "start_index": 1, "end_index": 3});
    let langchain = json!({"type": "citation", "url": "https://e.org", "title": "E", "start_index": 1, "end_index": 3});
    for citation in [
        url.clone(),
        langchain,
        json!({"type": "url_citation", "url_citation": {"url": "https://e.org", "title": "E", "start_index": 1, "end_index": 3}}),
    ] {
        let text = text("éàx", "annotations", citation);
        let citation = &text.citations()[0];
        assert_eq!(
            (citation.url(), citation.title(), citation.range()),
            (Some("https://e.org"), Some("E"), Some(2..5))
        );
    }
    let beyond = text("é", "annotations", url);
    assert_eq!(beyond.citations()[0].range(), None);
    assert_eq!(beyond.citations()[0].provider_data("openai")["end_index"], 3);
    let anthropic = json!({"type": "char_location", "cited_text": "The grass", "document_index": 0,
        "document_title": "Grass", "start_char_index": 0, "end_char_index": 9});
    let text_of_anthropic = text("It is green", "citations", anthropic);
    let citation = &text_of_anthropic.citations()[0];
    assert_eq!((citation.title(), citation.cited_text(), citation.range()), (Some("Grass"), Some("The grass"), None));
    assert_eq!(citation.provider_data("anthropic")["type"], "char_location");
    assert_eq!(citation.provider_data("anthropic")["start_char_index"], 0);
    let file = json!({"type": "file_citation", "file_id": "f", "index": 3});
    assert_eq!(text("a", "annotations", file.clone()).annotations(), [file]);
    // Beside the text.
    let chat = ai(json!({"role": "assistant", "content": "Rivers", "annotations": [
        {"type": "url_citation", "url_citation": {"url": "https://e.org", "start_index": 0, "end_index": 6}},
    ]}));
    let citation = chat.citations().next().unwrap();
    assert_eq!(&chat.text()[citation.range().unwrap()], "Rivers");
}

#[test]
fn a_sound_that_is_the_answer() {
    let answer = ai(json!({"role": "assistant", "content": null,
        "audio": {"id": "a1", "data": "AQID", "transcript": "Hello", "expires_at": 17}}));
    let [ContentPart::Audio(sound)] = answer.content().parts() else { panic!() };
    assert_eq!((sound.id(), sound.transcript()), (Some("a1"), Some("Hello")));
    assert_eq!(sound.provider_data("openai")["expires_at"], 17);
}

#[test]
fn what_a_provider_says_that_has_no_kind_is_kept_as_it_came() {
    let item = json!({"type": "image_generation_call", "id": "ig_1", "result": "iVBORw==", "status": "completed"});
    let answer = ai(json!({"role": "assistant", "content": [item]}));
    assert!(
        matches!(answer.content().parts(), [ContentPart::Other(part)] if Value::Object(part.value().clone()) == item)
    );
    let searched = ai(json!({"role": "assistant", "content": [
        {"type": "server_tool_use", "id": "s1", "name": "web_search", "input": {"query": "Weser"}},
        {"type": "web_search_tool_result", "tool_use_id": "s1", "content": {"type": "web_search_tool_result_error", "error_code": "x"}},
        {"type": "text", "text": "Nothing."},
    ]}));
    assert_eq!((searched.text().as_ref(), searched.tool_calls().len()), ("Nothing.", 0));
    assert!(matches!(&searched.content().parts()[1], ContentPart::ServerToolResult(result) if result.is_error()));
}

#[test]
fn what_is_said_of_a_thought_is_kept() {
    let answer = ai(json!({"role": "assistant", "content": [
        {"type": "reasoning", "id": "r", "summary": [], "status": "in_progress"},
    ]}));
    assert!(matches!(answer.content().parts(), [ContentPart::Reasoning(thought)]
        if thought.provider_data("openai")["status"] == "in_progress" && thought.id() == Some("r")));
    let two = json!({"role": "assistant", "content": [
        {"type": "reasoning_content", "signature": "a", "reasoning_content": {"text": "hm", "signature": "secret"}},
    ]});
    assert!(refused(two).contains("two of its signature"));
}
