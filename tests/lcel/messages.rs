//! MOD, SER: messages, their pieces and their form in JSON.

use anabranch::messages::{AiMessage, Message, ToolCallChunk};
use serde_json::json;

fn whole(pieces: impl IntoIterator<Item = ToolCallChunk>) -> Vec<(String, String)> {
    let mut message = AiMessage::default();
    pieces.into_iter().for_each(|piece| message.append(piece));
    message.tool_calls().iter().map(|call| (call.id().to_string(), call.raw_arguments().to_string())).collect()
}

#[test]
fn pieces_of_calls() {
    let piece = || ToolCallChunk::new().with_name("f");
    let of = |id: &str, arguments: &str| (id.to_string(), arguments.to_string());
    // MOD-03
    let continued = [
        piece().with_index(0).with_id("1").with_arguments("{"),
        ToolCallChunk::new().with_index(0).with_arguments("}"),
    ];
    assert_eq!(whole(continued), [of("1", "{}")]);
    let same_index = [
        piece().with_index(0).with_id("1").with_arguments("{}"),
        piece().with_index(0).with_id("2").with_arguments("{}"),
    ];
    assert_eq!(whole(same_index), [of("1", "{}"), of("2", "{}")]);
    let no_index = [piece().with_id("1").with_arguments("{}"), piece().with_id("2").with_arguments("{}")];
    assert_eq!(whole(no_index), [of("1", "{}"), of("2", "{}")]);
}

#[test]
fn metadata_is_not_added_up() {
    // MOD-04 D: the last that is there.
    let piece = || AiMessage::new("x").with_model("gpt").with_metadata_entry("n", 1);
    let mut whole = piece();
    whole.append(piece());
    assert_eq!((whole.model(), whole.metadata()["n"].as_u64()), (Some("gpt"), Some(1)));
}

#[test]
fn data_stays_data() {
    // SER-01
    let odd = json!({ "lc": 1, "type": "constructor", "id": ["langchain", "schema", "messages", "HumanMessage"],
        "kwargs": { "content": "x" } });
    let secret = json!({ "lc": 1, "type": "secret", "id": ["OPENAI_API_KEY"] });
    let message = Message::from(AiMessage::new("x").with_metadata_entry("a", odd).with_metadata_entry("b", secret));
    let again: Message = serde_json::from_value(serde_json::to_value(&message).unwrap()).unwrap();
    assert_eq!(again, message);
}
