//! The law by which chunks of an answer add up.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{Chunks, RunnableExt, RunnableParallel, RunnablePassthrough, generator};
use anabranch_messages::{
    AiMessage, Citation, Content, ContentPart, FinishKind, FinishReason, Media, Messages, Reasoning, ServerToolResult,
    TextPart, ToolCall, ToolCallChunk, Usage,
};
use serde_json::{Map, Value, json};

/// What is compared: everything that can be written, which is more than `==` looks at.
fn shown(message: &AiMessage) -> String {
    serde_json::to_string(message).unwrap()
}

fn add_up(pieces: impl IntoIterator<Item = AiMessage>) -> AiMessage {
    let mut collector = AiMessage::merge().collector();
    pieces.into_iter().for_each(|piece| collector.push(piece).unwrap());
    collector.finish().unwrap()
}

#[test]
fn metadata_is_never_doubled_or_added_up() {
    let piece = |text: &str, output| {
        AiMessage::new(text)
            .with_model("gpt")
            .with_id("r1")
            .with_finish_reason(FinishReason::new(FinishKind::Stop, "stop"))
            .with_usage(Usage::new(7, output).with_raw(Map::from_iter([("n".to_string(), json!(output))])))
            .with_metadata_entry("fingerprint", "fp")
            .with_metadata_entry("n", output)
    };
    let whole = add_up([piece("a", 1), AiMessage::new("b"), piece("c", 2)]);
    assert_eq!(whole, piece("abc", 2));
    assert_eq!(whole.usage().unwrap().total_tokens(), 9);
}

#[test]
fn null_and_blank_do_not_win() {
    let whole = add_up([
        AiMessage::default().with_model("").with_id("").with_usage(Usage::new(5, None)),
        AiMessage::default().with_model("m").with_id("i").with_metadata_entry("k", 1),
        AiMessage::default().with_model("").with_metadata_entry("k", Value::Null).with_usage(Usage::new(None, 3)),
    ]);
    assert_eq!((whole.model(), whole.id()), (Some("m"), Some("i")));
    assert_eq!(whole.metadata()["k"], 1);
    let usage = whole.usage().unwrap();
    assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.total_tokens()), (Some(5), Some(3), 8));
}

#[test]
fn text_and_thoughts_keep_their_order() {
    let thought = |text: &str| AiMessage::new([ContentPart::from(Reasoning::new(text))]);
    let sealed = AiMessage::new([ContentPart::from(Reasoning::default().with_signature("sig"))]);
    let whole = add_up([
        thought("a"),
        thought("b"),
        sealed,
        thought("c"),
        AiMessage::new(""),
        AiMessage::new("x"),
        AiMessage::new("y"),
        thought("d"),
        AiMessage::new("z"),
    ]);
    assert_eq!(
        *whole.content(),
        Content::from([
            Reasoning::new("ab").with_signature("sig").into(),
            Reasoning::new("c").into(),
            ContentPart::text("xy"),
            Reasoning::new("d").into(),
            ContentPart::text("z"),
        ])
    );
    assert_eq!((whole.text().as_ref(), whole.reasoning().as_ref()), ("xyz", "abcd"));
}

#[test]
fn no_chunk_is_the_empty_message() {
    assert_eq!(add_up([]), AiMessage::default());
    assert!(AiMessage::default().is_empty());
}

#[tokio::test]
async fn the_law_holds_through_json() {
    let pieces = [
        AiMessage::new("Hel"),
        AiMessage::from(ToolCallChunk::new().with_index(0).with_id("a").with_name("f").with_arguments("{\"a\"")),
        AiMessage::new("lo"),
        AiMessage::from(ToolCallChunk::new().with_index(0).with_arguments(": 1}"))
            .with_finish_reason(FinishReason::stop()),
    ];
    let whole = add_up(pieces.clone());
    assert!(whole.tool_calls()[0].has_valid_arguments());
    let model = generator(move |_: Chunks<'_, String>| Chunks::from_values(pieces.clone(), AiMessage::merge()));
    let parallel = RunnableParallel::new().branch("answer", model);
    let mut chunks = parallel.stream("x");
    let mut read = chunks.merge().collector();
    let mut count = 0;
    while let Some(chunk) = chunks.next().await {
        read.push(chunk.unwrap()).unwrap();
        count += 1;
    }
    assert_eq!(count, 4);
    let collected = read.finish().unwrap();
    assert_eq!(collected, json!({"answer": whole}));
    assert_eq!(parallel.stream("x").collect().await.unwrap(), collected);
    assert_eq!(parallel.invoke("x").await.unwrap(), collected);
    assert_eq!(serde_json::from_value::<AiMessage>(collected["answer"].clone()).unwrap(), whole);
}

#[tokio::test]
async fn messages_pass_through_a_parallel() {
    let answers = RunnableParallel::<AiMessage>::new().branch("answer", RunnablePassthrough);
    assert_eq!(answers.invoke("x").await.unwrap(), json!({"answer": {"role": "assistant", "content": "x"}}));
    let asked = RunnableParallel::<Messages>::new().branch("asked", RunnablePassthrough);
    assert_eq!(asked.invoke("x").await.unwrap(), json!({"asked": [{"role": "user", "content": "x"}]}));
}

#[test]
fn a_piece_of_text_is_small() {
    assert!(size_of::<AiMessage>() <= 40, "{}", size_of::<AiMessage>());
    // What is rare costs a pointer.
    assert!(size_of::<TextPart>() <= 32 && size_of::<ContentPart>() <= 136, "{}", size_of::<ContentPart>());
}

#[test]
fn calls_keep_their_place_among_the_parts() {
    let head = |index: u64, id: &str| ToolCallChunk::new().with_index(index).with_id(id).with_name("f");
    let rest = |index: u64| ToolCallChunk::new().with_index(index).with_arguments("{}");
    let mut whole = AiMessage::new([ContentPart::from(Reasoning::new("hm").with_signature("s"))]);
    whole.append("Let me ");
    whole.append("look.");
    whole.append(head(1, "a"));
    whole.append("And ");
    whole.append(head(2, "s").with_from_server());
    whole.append(rest(1));
    whole.append(rest(2));
    whole.append(ContentPart::from(ServerToolResult::new("s", json!([]))));
    whole.append("there.");
    whole.append(head(3, "b"));
    let expected = [
        Reasoning::new("hm").with_signature("s").into(),
        ContentPart::text("Let me look."),
        ToolCall::new("a", "f", "{}").into(),
        ContentPart::text("And "),
        ContentPart::ServerToolCall(ToolCall::new("s", "f", "{}")),
        ServerToolResult::new("s", json!([])).into(),
        ContentPart::text("there."),
        ToolCall::new("b", "f", "").into(),
    ];
    assert_eq!(whole.content().parts(), expected);
    assert_eq!(whole.tool_calls(), [ToolCall::new("a", "f", "{}"), ToolCall::new("b", "f", "")]);
    assert_eq!((whole.tool_calls().len(), whole.tool_calls()[1].id()), (2, "b"));
    assert_eq!(whole.text(), "Let me look.And there.");
}

#[test]
fn text_that_rests_on_something_else_is_another_part() {
    let cited =
        |text: &str, url: &str| ContentPart::from(TextPart::new(text).with_citation(Citation::new().with_url(url)));
    let mut whole = AiMessage::new([ContentPart::text("a"), cited("b", "1")]);
    whole.append(AiMessage::new([cited("c", "2")]));
    whole.append(AiMessage::new([cited("d", "2")]));
    whole.append("e");
    whole.append("f");
    let texts: Vec<_> =
        whole.content().parts().iter().map(|part| matches!(part, ContentPart::Text(text) if text.is_plain())).collect();
    assert_eq!(texts, [true, false, false, false, true]);
    assert_eq!((whole.text().as_ref(), whole.citations().count()), ("abcdef", 3));
}

#[test]
fn a_sound_adds_up() {
    let piece = |bytes: &[u8]| Media::bytes("audio/wav", bytes).with_id("s");
    let mut whole = AiMessage::from(ContentPart::Audio(piece(&[1, 2]).with_transcript("Hel")));
    whole.append(ContentPart::Audio(piece(&[3]).with_transcript("lo")));
    let [ContentPart::Audio(sound)] = whole.content().parts() else { panic!() };
    assert_eq!((sound.base64().as_deref(), sound.transcript()), (Some("AQID"), Some("Hello")));
}

#[test]
fn pieces_under_an_index_and_under_an_id_keep_their_order() {
    let piece = |index: Option<u64>, id: &str, arguments: &str| {
        let mut piece = ToolCallChunk::new().with_index(index).with_id(id).with_arguments(arguments);
        piece.name = (arguments == "{").then(|| "f".to_string());
        AiMessage::from(piece)
    };
    let stream = [piece(Some(0), "a", "{"), piece(None, "a", "x"), piece(Some(0), "", "y"), piece(None, "a", "z")];
    let [head, rest @ ..] = stream.clone();
    let right = add_up([head, add_up(rest)]);
    assert_eq!(right.tool_calls()[0].raw_arguments(), "{xyz");
    assert_eq!(shown(&right), shown(&add_up(stream)));
    // A piece that says nothing of where it belongs goes to the call that was written to last, wherever that stands.
    let stream = [piece(Some(0), "a", "{"), piece(Some(1), "b", "{"), piece(Some(0), "", "x"), piece(None, "", "y")];
    let [one, two, rest @ ..] = stream.clone();
    let right = add_up([add_up([one, two]), add_up(rest)]);
    assert_eq!(right.tool_calls()[0].raw_arguments(), "{xy");
    assert_eq!(shown(&right), shown(&add_up(stream)));
}
