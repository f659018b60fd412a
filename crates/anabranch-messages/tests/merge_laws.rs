//! Any message, cut anywhere, and any server: parts of a stream add up in any way.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::{
    AiMessage, Content, ContentPart, FinishKind, FinishReason, Media, Reasoning, ToolCall, ToolCallChunk, Usage,
};
use proptest::prelude::*;
use serde_json::{Value, json};

/// What is compared: everything that can be written, which is more than `==` looks at.
fn shown(message: &AiMessage) -> String {
    serde_json::to_string(message).unwrap()
}

fn add_up(pieces: impl IntoIterator<Item = AiMessage>) -> AiMessage {
    let mut collector = AiMessage::merge().collector();
    pieces.into_iter().for_each(|piece| collector.push(piece).unwrap());
    collector.finish().unwrap()
}

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
