//! The law by which chunks of an answer add up.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{Chunks, RunnableExt, RunnableParallel, RunnablePassthrough, generator};
use anabranch_messages::{
    AiMessage, Citation, Content, ContentPart, FinishKind, FinishReason, Media, Messages, OtherPart, Reasoning,
    ServerToolResult, TextPart, ToolCall, ToolCallChunk, Usage,
};
use proptest::prelude::*;
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

// ---------------------------------------------------------------------------------------------------------------------
// Any message, cut anywhere

fn any_text() -> impl Strategy<Value = String> {
    "[a-zé{\" \\n]{0,12}"
}

fn any_content() -> impl Strategy<Value = Content> {
    let part = prop_oneof![
        any_text().prop_map(ContentPart::text),
        any_text().prop_map(ContentPart::refusal),
        (any_text(), prop::option::of("[a-z]{1,4}"), any::<bool>()).prop_map(|(text, signature, encrypted)| {
            let thought = Reasoning::new(text);
            match signature {
                None => thought,
                Some(data) if encrypted => thought.with_encrypted(data),
                Some(signature) => thought.with_signature(signature),
            }
            .into()
        }),
        prop::collection::vec(any::<u8>(), 0..5)
            .prop_map(|bytes| ContentPart::Image(Media::bytes("image/png", bytes).with_name("x"))),
        Just(ContentPart::File(Media::url("https://example.org/a.pdf"))),
    ];
    prop_oneof![
        any_text().prop_map(Content::from),
        // Neighbours that would be one are one in what a stream adds up to.
        prop::collection::vec(part, 0..6).prop_map(|parts| {
            let mut content = Content::Parts(Vec::new());
            parts.into_iter().for_each(|part| content.append(part.into()));
            content
        }),
    ]
}

#[derive(Debug, Clone)]
struct Tail {
    finish: Option<FinishReason>,
    usage: Option<Usage>,
    model: Option<String>,
    id: Option<String>,
    metadata: Vec<(String, Value)>,
}

fn any_tail() -> impl Strategy<Value = Tail> {
    let finish = prop_oneof![
        Just(FinishReason::stop()),
        Just(FinishReason::length()),
        Just(FinishReason::new(FinishKind::Other, "odd"))
    ];
    let count = || prop::option::of(0_u64..1000);
    let usage = (count(), count(), count(), count()).prop_map(|(input, output, total, cached)| {
        Usage::new(input, output).with_total_tokens(total).with_cached_input_tokens(cached)
    });
    let entry = ("[a-c]{1}", prop_oneof![Just(Value::Null), (0..9).prop_map(Value::from)]);
    (
        prop::option::of(finish),
        prop::option::of(usage),
        prop::option::of("[a-c]{1,3}"),
        prop::option::of("[a-c]{1,3}"),
        prop::collection::vec(entry, 0..3),
    )
        .prop_map(|(finish, usage, model, id, metadata)| Tail { finish, usage, model, id, metadata })
}

impl Tail {
    fn put_on(self, mut message: AiMessage) -> AiMessage {
        if let Some(finish) = self.finish {
            message = message.with_finish_reason(finish);
        }
        if let Some(usage) = self.usage {
            message = message.with_usage(usage);
        }
        if let Some(model) = self.model {
            message = message.with_model(model);
        }
        if let Some(id) = self.id {
            message = message.with_id(id);
        }
        self.metadata.into_iter().fold(message, |message, (key, value)| message.with_metadata_entry(key, value))
    }
}

/// Cuts a text into one to three pieces.
fn cut(text: &str, at: &[prop::sample::Index]) -> Vec<String> {
    let mut places: Vec<_> = text.char_indices().map(|(place, _)| place).chain([text.len()]).collect();
    let mut cuts: Vec<_> = at.iter().map(|index| *index.get(&places)).collect();
    places.clear();
    cuts.push(text.len());
    cuts.sort_unstable();
    let mut start = 0;
    cuts.into_iter().map(|end| text[std::mem::replace(&mut start, end)..end].to_string()).collect()
}

fn content_pieces(content: &Content, at: &[prop::sample::Index]) -> Vec<AiMessage> {
    match content {
        Content::Text(text) => cut(text, at).into_iter().map(AiMessage::new).collect(),
        Content::Parts(parts) if parts.is_empty() => vec![AiMessage::new(Vec::new())],
        Content::Parts(parts) => parts
            .iter()
            .flat_map(|part| -> Vec<ContentPart> {
                match part {
                    ContentPart::Text(text) if text.is_plain() => {
                        cut(text.text(), at).into_iter().map(ContentPart::text).collect()
                    }
                    ContentPart::Refusal(text) => cut(text.text(), at).into_iter().map(ContentPart::refusal).collect(),
                    ContentPart::Reasoning(thought) if thought.encrypted().is_none() => {
                        let mut pieces: Vec<_> = cut(thought.text(), at).into_iter().map(Reasoning::new).collect();
                        let seal = thought.signature().map(|seal| Reasoning::default().with_signature(seal));
                        pieces.extend(seal);
                        pieces.into_iter().map(ContentPart::from).collect()
                    }
                    part => vec![part.clone()],
                }
            })
            .map(|part| AiMessage::new([part]))
            .collect(),
    }
}

fn any_pieces_of_calls() -> impl Strategy<Value = Vec<ToolCallChunk>> {
    let arguments = prop_oneof![
        Just(String::new()),
        Just("{}".to_string()),
        "[a-c]{1,6}".prop_map(|text| json!({ "key": text }).to_string()),
        Just("{\"cut".to_string()),
    ];
    // How the server behaves: whether it says the index, always the same one, and repeats id and name.
    let call = (arguments, prop::collection::vec(any::<prop::sample::Index>(), 0..3));
    (prop::collection::vec(call, 0..4), 0..3_u8, any::<bool>(), any::<bool>()).prop_map(
        |(calls, indexes, repeats, fresh_ids)| {
            let mut pieces = Vec::new();
            for (number, (arguments, at)) in calls.into_iter().enumerate() {
                let index = match indexes {
                    0 => Some(number as u64 * 1_000_000_007),
                    1 => Some(0),
                    _ => None,
                };
                for (place, fragment) in cut(&arguments, &at).into_iter().enumerate() {
                    let mut piece = ToolCallChunk::new().with_index(index).with_arguments(fragment);
                    if place == 0 || repeats {
                        piece = piece.with_id(format!("call_{number}")).with_name("f");
                    } else if fresh_ids && index.is_some() {
                        piece = piece.with_id(format!("fresh_{number}_{place}"));
                    }
                    pieces.push(piece);
                }
            }
            pieces
        },
    )
}

fn any_stream() -> impl Strategy<Value = Vec<AiMessage>> {
    let at = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    (any_content(), at, any_pieces_of_calls(), prop::collection::vec(any_tail(), 0..3)).prop_map(
        |(content, at, calls, tails)| {
            let mut pieces = content_pieces(&content, &at);
            pieces.extend(calls.into_iter().map(AiMessage::from));
            pieces.extend(tails.into_iter().map(|tail| tail.put_on(AiMessage::default())));
            pieces
        },
    )
}

/// How a server sends its calls: the ways that were seen, and all their combinations.
#[derive(Debug, Clone)]
struct Server {
    /// The index of a call: its own, always 0, or none.
    index: u8,
    /// The id: in the first piece, in every piece, a fresh one in every piece, or none at all.
    id: u8,
    /// Whether every piece has the name, and not only the first.
    repeats_name: bool,
    /// Whether the first piece is nothing but id and name, with or without an empty object.
    bare_head: Option<bool>,
    /// Whether pieces of different calls come in turns.
    in_turns: bool,
    /// Whether it says why it stopped with every piece.
    keeps_finishing: bool,
}

fn any_server() -> impl Strategy<Value = Server> {
    let bools = (any::<bool>(), any::<bool>(), any::<bool>());
    (0..3_u8, 0..4_u8, prop::option::of(any::<bool>()), bools).prop_map(
        |(index, id, bare_head, (repeats_name, in_turns, keeps_finishing))| Server {
            index,
            id,
            repeats_name,
            // Without index and id, calls of the same tool are told apart by whole objects only.
            bare_head: bare_head.filter(|_| index == 0 || id != 3),
            // Without an index of their own their pieces cannot be told apart then.
            in_turns: in_turns && index == 0,
            keeps_finishing,
        },
    )
}

impl Server {
    fn pieces(&self, number: usize, name: &str, arguments: &[Value]) -> Vec<AiMessage> {
        let mut fragments: Vec<Value> = arguments.to_vec();
        match self.bare_head {
            None => {}
            Some(true) => fragments.insert(0, json!({})),
            Some(false) => fragments.insert(0, Value::Null),
        }
        let index = match self.index {
            0 => Some(number as u64),
            1 => Some(0),
            _ => None,
        };
        let pieces = fragments.into_iter().enumerate().map(|(place, fragment)| {
            let mut piece = ToolCallChunk::new().with_index(index).with_arguments(fragment);
            if place == 0 || self.repeats_name {
                piece = piece.with_name(name);
            }
            match self.id {
                0 if place == 0 => piece = piece.with_id(format!("call_{number}")),
                1 => piece = piece.with_id(format!("call_{number}")),
                2 if place == 0 || index.is_some() && !self.repeats_name => {
                    piece = piece.with_id(format!("call_{number}_{place}"));
                }
                _ => {}
            }
            let piece = AiMessage::from(piece);
            if self.keeps_finishing { piece.with_finish_reason(FinishReason::tool_calls()) } else { piece }
        });
        pieces.collect()
    }

    fn stream(&self, calls: &[(String, Vec<Value>)]) -> Vec<AiMessage> {
        let calls = calls.iter().enumerate().map(|(number, (name, arguments))| self.pieces(number, name, arguments));
        if !self.in_turns {
            return calls.flatten().collect();
        }
        let mut calls: Vec<_> = calls.map(Vec::into_iter).collect();
        let mut stream = Vec::new();
        loop {
            let before = stream.len();
            stream.extend(calls.iter_mut().filter_map(Iterator::next));
            if stream.len() == before {
                return stream;
            }
        }
    }
}

fn any_server_stream() -> impl Strategy<Value = Vec<AiMessage>> {
    let text = prop::collection::vec("[a-c{} \":]{0,3}".prop_map(Value::from), 1..4);
    let object = (0..3).prop_map(|n| vec![json!({ "n": n })]);
    let calls = prop_oneof![
        3 => prop::collection::vec(("[fg]", text), 0..4),
        1 => prop::collection::vec(("[fg]", object), 0..4),
    ];
    let end = prop_oneof![
        Just(FinishReason::stop()),
        Just(FinishReason::length()),
        Just(FinishReason::from(FinishKind::ContentFilter))
    ];
    (any_server(), calls, prop::option::of(end), any_content()).prop_map(|(server, calls, end, content)| {
        let mut stream = vec![AiMessage::new(content)];
        stream.extend(server.stream(&calls));
        stream.extend(end.map(AiMessage::from));
        stream
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn adding_up_is_associative_for_every_server(
        stream in any_server_stream(),
        first in any::<prop::sample::Index>(),
        second in any::<prop::sample::Index>(),
    ) {
        let written = format!("{:?}", stream.iter().map(shown).collect::<Vec<_>>());
        let whole = add_up(stream.iter().cloned());
        let mut cuts = [first.index(stream.len() + 1), second.index(stream.len() + 1)];
        cuts.sort_unstable();
        let part = |range: std::ops::Range<usize>| add_up(stream[range].iter().cloned());
        let (one, two, three) = (part(0..cuts[0]), part(cuts[0]..cuts[1]), part(cuts[1]..stream.len()));
        let left = add_up([add_up([one.clone(), two.clone()]), three.clone()]);
        let right = add_up([one, add_up([two, three])]);
        prop_assert_eq!(shown(&left), shown(&whole), "{}", written);
        prop_assert_eq!(shown(&right), shown(&whole), "{}", written);
        for (one, other) in right.tool_calls().iter().zip(whole.tool_calls()) {
            prop_assert_eq!(one.has_valid_arguments(), other.has_valid_arguments());
        }
    }
}

/// Any part of an answer that is no call, with what a provider may say of it.
fn any_rich_part() -> impl Strategy<Value = ContentPart> {
    let id = || prop::option::weighted(0.6, "[pq]");
    let text = (id(), "[a-cé]{0,2}", 0..6_u8).prop_map(|(id, text, more)| {
        let mut part = TextPart::new(text);
        if let Some(id) = id {
            part = part.with_id(id);
        }
        match more {
            0 => part.with_citation(Citation::new().with_url("https://e.org").with_range(0..1).with_id("c")),
            1 => part.with_annotation(json!({"type": "url_citation", "url": "x"})),
            2 => part.with_signature("s").with_provider_data("gemini", "k", 1),
            3 => {
                part.with_cache_control(json!({"type": "ephemeral"})).with_provider_option("anthropic", "o", json!([1]))
            }
            _ => part,
        }
    });
    let thought = (id(), "[a-c]{0,2}", 0..4_u8).prop_map(|(id, text, more)| {
        let mut thought = Reasoning::new(text);
        if let Some(id) = id {
            thought = thought.with_id(id);
        }
        match more {
            0 => thought.with_signature("s"),
            1 => thought.with_encrypted("e"),
            2 => thought.with_provider_data("openai", "status", "x"),
            _ => thought,
        }
    });
    let sound =
        (id(), prop::collection::vec(any::<u8>(), 0..3), prop::option::of("[a-c]")).prop_map(|(id, bytes, said)| {
            let mut sound = Media::bytes("audio/wav", bytes);
            if let Some(id) = id {
                sound = sound.with_id(id);
            }
            ContentPart::Audio(if let Some(said) = said { sound.with_transcript(said) } else { sound })
        });
    prop_oneof![
        6 => text.prop_map(ContentPart::from),
        3 => thought.prop_map(ContentPart::from),
        2 => sound,
        1 => Just(ContentPart::from(Citation::new().with_title("t").with_cited_text("x").with_provider_data("p", "k", 1))),
        1 => Just(ServerToolResult::new("x", json!([1, "a"])).with_name("n").with_error().into()),
        1 => Just(OtherPart::new(Map::from_iter([("type".into(), "odd".into())])).with_provider("p").into()),
        1 => "[a-c]".prop_map(ContentPart::refusal),
    ]
}

/// Any piece of a call: with or without index, id and name, in text or as an object.
fn any_piece() -> impl Strategy<Value = AiMessage> {
    let arguments = prop_oneof![
        1 => Just(Value::Null),
        1 => Just(json!("")),
        4 => "[a-c{}]".prop_map(Value::from),
        1 => Just(json!({})),
        1 => (0..3).prop_map(|n| json!({ "n": n })),
    ];
    let index = prop::option::weighted(0.6, 0..2_u64);
    let id = prop::option::weighted(0.5, "[xy]");
    let piece = (index, id, prop::option::weighted(0.4, "[fg]"), arguments).prop_map(|(index, id, name, arguments)| {
        let mut piece = ToolCallChunk::new().with_index(index).with_arguments(arguments);
        (piece.id, piece.name) = (id, name);
        AiMessage::from(piece)
    });
    let of_server = (prop::option::weighted(0.6, 0..2_u64), "[xy]").prop_map(|(index, id)| {
        AiMessage::from(ToolCallChunk::new().with_index(index).with_id(id).with_name("s").with_from_server())
    });
    prop_oneof![
        12 => piece,
        1 => of_server,
        1 => Just(AiMessage::default().with_tool_call(ToolCall::new("x", "f", json!({"whole": true})))),
        2 => any_rich_part().prop_map(AiMessage::from),
        1 => "[a-c]".prop_map(AiMessage::new),
        1 => prop_oneof![Just(FinishReason::stop()), Just(FinishReason::length())].prop_map(AiMessage::from),
    ]
}

/// Adds up in the brackets that the choices make: each joins two neighbours.
fn bracketed(mut parts: Vec<AiMessage>, choices: &[prop::sample::Index]) -> AiMessage {
    let mut choices = choices.iter().cycle();
    while parts.len() > 1 {
        let place = choices.next().unwrap().index(parts.len() - 1);
        let right = parts.remove(place + 1);
        parts[place].append(right);
    }
    parts.pop().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn adding_up_is_associative_for_every_sequence_of_pieces(
        stream in prop::collection::vec(any_piece(), 1..9),
        choices in prop::collection::vec(any::<prop::sample::Index>(), 1..9),
    ) {
        let written = format!("{:?}", stream.iter().map(shown).collect::<Vec<_>>());
        let whole = add_up(stream.iter().cloned());
        // What was written is read again.
        for message in stream.iter().chain([&whole]) {
            let again: AiMessage = serde_json::from_str(&shown(message)).unwrap();
            prop_assert_eq!(shown(&again), shown(message));
            prop_assert_eq!(&again, message);
        }
        let sum = bracketed(stream, &choices);
        prop_assert_eq!(shown(&sum), shown(&whole), "{}", written);
        prop_assert_eq!(&sum, &whole);
        for (one, other) in sum.tool_calls().iter().zip(whole.tool_calls()) {
            prop_assert_eq!(one.has_valid_arguments(), other.has_valid_arguments());
        }
    }
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

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_split_of_a_message_adds_up_to_it(
        content in any_content(),
        calls in prop::collection::vec(("[a-c]{0,2}", "[a-c]{1,3}"), 0..4),
        tail in any_tail(),
        at in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let calls: Vec<_> = calls.iter().map(|(id, name)| ToolCall::new(id, name, json!({"n": name}))).collect();
        let whole = tail.clone().put_on(AiMessage::new(content.clone()).with_tool_calls(calls.clone()));
        let mut pieces = content_pieces(&content, &at);
        pieces.extend(calls.into_iter().map(|call| AiMessage::default().with_tool_call(call)));
        pieces.push(tail.put_on(AiMessage::default()));
        let sum = add_up(pieces);
        prop_assert_eq!(shown(&sum), shown(&whole));
        prop_assert_eq!(sum, whole);
    }

    #[test]
    fn adding_up_is_associative(stream in any_stream(), first in any::<prop::sample::Index>(), second in any::<prop::sample::Index>()) {
        let whole = add_up(stream.clone());
        let mut cuts = [first.index(stream.len() + 1), second.index(stream.len() + 1)];
        cuts.sort_unstable();
        let part = |range: std::ops::Range<usize>| add_up(stream[range].iter().cloned());
        let grouped = add_up([part(0..cuts[0]), part(cuts[0]..cuts[1]), part(cuts[1]..stream.len())]);
        prop_assert_eq!(shown(&grouped), shown(&whole));
        for (one, other) in grouped.tool_calls().iter().zip(whole.tool_calls()) {
            prop_assert_eq!(one.has_valid_arguments(), other.has_valid_arguments());
        }
    }

    #[test]
    fn what_was_written_is_read_again(stream in any_stream()) {
        for message in stream.iter().cloned().chain([add_up(stream.clone())]) {
            let again: AiMessage = serde_json::from_str(&shown(&message)).unwrap();
            prop_assert_eq!(shown(&again), shown(&message));
            prop_assert_eq!(again, message);
        }
        // Chunk by chunk through JSON is the same as through JSON at the end.
        let through = add_up(stream.iter().map(|piece| serde_json::from_str(&shown(piece)).unwrap()));
        prop_assert_eq!(shown(&through), shown(&add_up(stream)));
    }
}

fn any_usage() -> impl Strategy<Value = Usage> {
    let count = || prop::option::of(0_u64..1000);
    let cache = prop::option::of((0_u64..300, 0_u64..300));
    (0_u64..1000, count(), cache, count(), prop::option::of(0_u32..8), count()).prop_map(
        |(input, output, cache, total, cost, audio)| {
            Usage::new(input, output)
                .with_cached_input_tokens(cache.map(|(read, _)| read))
                .with_cache_write_tokens(cache.map(|(_, written)| written))
                .with_total_tokens(total)
                .with_input_audio_tokens(audio)
                .with_reasoning_tokens(output.map(|output| output / 2))
                // Halves add up exactly.
                .with_cost(cost.map(|cost| f64::from(cost) / 2.0))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_usage_of_several_calls_adds_up(calls in prop::collection::vec(any_usage(), 0..6), at in any::<prop::sample::Index>()) {
        let whole: Usage = calls.iter().sum();
        let (left, right) = calls.split_at(at.index(calls.len() + 1));
        let sum = left.iter().sum::<Usage>() + right.iter().sum();
        prop_assert_eq!(&sum, &whole);
        prop_assert_eq!(whole.total_tokens(), calls.iter().map(Usage::total_tokens).sum::<u64>());
        prop_assert_eq!(whole.input_tokens().unwrap_or(0), calls.iter().filter_map(Usage::input_tokens).sum::<u64>());
        prop_assert_eq!(whole.uncached_input_tokens().unwrap_or(0), calls.iter().filter_map(Usage::uncached_input_tokens).sum::<u64>());
        prop_assert_eq!(whole.text_tokens().unwrap_or(0), calls.iter().filter_map(Usage::text_tokens).sum::<u64>());
        prop_assert_eq!(whole.cost().unwrap_or(0.0), calls.iter().filter_map(Usage::cost).sum::<f64>());
        let again: Usage = serde_json::from_value(serde_json::to_value(&whole).unwrap()).unwrap();
        prop_assert_eq!(again, whole);
    }
}
