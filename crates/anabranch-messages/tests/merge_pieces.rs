//! Any sequence of pieces adds up to the same in all brackets, and is read again as it was written.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::{
    AiMessage, Citation, ContentPart, FinishReason, Media, OtherPart, Reasoning, ServerToolResult, TextPart, ToolCall,
    ToolCallChunk,
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
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 6000, ..ProptestConfig::default() })]

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
        // The view is of the parts.
        for message in [&sum, &whole] {
            let parts = message.content().parts().iter();
            let calls: Vec<_> = parts.filter_map(|part| if let ContentPart::ToolCall(call) = part { Some(call.clone()) } else { None }).collect();
            prop_assert_eq!(message.tool_calls(), calls.clone());
            prop_assert_eq!(message.tool_calls().len(), calls.len());
            prop_assert!((0..calls.len()).all(|place| message.tool_calls()[place] == calls[place]));
        }
        for (one, other) in sum.tool_calls().iter().zip(whole.tool_calls()) {
            prop_assert_eq!(one.has_valid_arguments(), other.has_valid_arguments());
        }
    }

    #[test]
    fn a_piece_that_is_lent_adds_up_as_one_that_is_given(
        stream in prop::collection::vec(
            prop_oneof![
                6 => any_rich_part().prop_map(AiMessage::from),
                1 => prop::collection::vec(any_rich_part(), 0..3).prop_map(AiMessage::new),
                3 => any_piece(),
            ],
            1..9,
        ),
    ) {
        let written: Vec<_> = stream.iter().map(shown).collect();
        let (mut given, mut lent) = (AiMessage::default(), AiMessage::default());
        for piece in &stream {
            given.append(piece.clone());
            lent.append_ref(piece);
            prop_assert_eq!(shown(&lent), shown(&given), "{:?}", written);
            prop_assert_eq!(&lent, &given);
        }
        // What they share with the whole is theirs as it was.
        prop_assert_eq!(&stream.iter().map(shown).collect::<Vec<_>>(), &written);
        let texts: String = stream.iter().map(|piece| piece.text().into_owned()).collect();
        prop_assert_eq!(lent.text(), texts);
        prop_assert_eq!(lent.citations().count(), stream.iter().map(|piece| piece.citations().count()).sum::<usize>());
        // Nothing that is said of a text is lost.
        for said in ["annotations", "signature", "cache_control", "provider_options", "provider_data"] {
            let is_said = |written: &String| written.contains(&format!("\"{said}\":"));
            prop_assert_eq!(is_said(&shown(&lent)), written.iter().any(is_said), "{} in {:?}", said, written);
        }
    }
}
