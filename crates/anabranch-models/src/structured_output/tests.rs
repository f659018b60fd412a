use anabranch_core::{Error, ErrorKind};
use anabranch_messages::{ContentPart, ToolCall, ToolCallChunk};
use anabranch_parsers::{ParseError, ParseErrorKind};
use futures::TryStreamExt;

use super::*;
use crate::{Capabilities, Pieces, Reply, ResponseFormat, ScriptedModel, Tool, ToolChoice};

/// A river.
#[derive(serde::Deserialize, schemars::JsonSchema, Debug, PartialEq)]
struct River {
    name: String,
    length_km: Option<u32>,
}

const WESER: &str = r#"{"name": "Weser", "length_km": 452}"#;

fn weser() -> River {
    River { name: "Weser".into(), length_km: Some(452) }
}

/// A model with this reply to everything, that can do this.
fn model(reply: impl Into<Reply>, change: impl FnOnce(&mut Capabilities)) -> (ScriptedModel, ChatModel) {
    let mut capabilities = Capabilities::all();
    change(&mut capabilities);
    let script = ScriptedModel::new().otherwise(reply).with_capabilities(capabilities);
    (script.clone(), ChatModel::from(script))
}

fn called(name: &str, arguments: &str) -> AiMessage {
    let mut message = AiMessage::new("Let me see.");
    message.append(ToolCallChunk::new().with_index(0).with_id("1").with_name(name).with_arguments(arguments));
    message
}

fn cause(error: &Error) -> ParseErrorKind {
    error.downcast_ref::<ParseError>().unwrap().kind()
}

#[test]
fn a_picture_of_it_names_what_a_reader_knows() {
    let description = model(WESER, |_| {}).1.with_structured_output::<River>().describe();
    let steps: Vec<_> = description.children.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(steps, ["schema", "ChatModel scripted", "JsonOutputParser"]);
}

#[tokio::test]
async fn the_way_follows_what_the_model_can_do() {
    // Its own response format.
    let (script, llm) = model(WESER, |_| {});
    assert_eq!(llm.with_structured_output::<River>().invoke("Hi").await.unwrap(), weser());
    let Some(ResponseFormat::Schema(schema)) = &script.requests()[0].options.response_format else { panic!() };
    assert_eq!((schema.name.as_str(), schema.strict), ("river", true));
    assert_eq!(script.requests()[0].messages, Messages::from("Hi"));

    // A tool that it must call.
    let (script, llm) = model(called("river", WESER), |can| can.json_schema = false);
    assert_eq!(llm.with_structured_output::<River>().invoke("Hi").await.unwrap(), weser());
    let options = &script.requests()[0].options;
    assert_eq!(options.tool_choice, Some(ToolChoice::Function("river".into())));
    assert_eq!(options.tools.iter().map(Tool::name).collect::<Vec<_>>(), [Some("river")]);
    assert_eq!(options.response_format, None);

    // JSON of any kind, and instructions.
    let no_schema = |can: &mut Capabilities| (can.json_schema, can.tools) = (false, false);
    let (script, llm) = model(format!("Here:\n```json\n{WESER}\n```"), no_schema);
    assert_eq!(llm.with_structured_output::<River>().invoke("Hi").await.unwrap(), weser());
    let request = &script.requests()[0];
    assert_eq!(request.options.response_format, Some(ResponseFormat::Json));
    assert!(request.messages[0].text().contains("length_km"));

    // Instructions alone, behind what the system says already.
    let (script, llm) = model(WESER, |can| *can = Capabilities::text());
    let question = Messages::from_pairs([("system", "Be brief."), ("user", "Hi")]).unwrap();
    assert_eq!(llm.with_structured_output::<River>().invoke(question).await.unwrap(), weser());
    let request = &script.requests()[0];
    assert_eq!(request.messages.len(), 2);
    assert!(request.messages[0].text().starts_with("Be brief.\n\nAnswer with one JSON document"));
    assert_eq!(request.options.response_format, None);

    // By hand.
    let (script, llm) = model(called("river", WESER), |_| {});
    let by_tool = llm.with_structured_output::<River>().method(StructuredOutputMethod::Tool);
    assert_eq!(by_tool.invoke("Hi").await.unwrap(), weser());
    assert_eq!(script.requests()[0].options.tools.len(), 1);
}

/// Servers take no schema but that of an object.
#[tokio::test]
async fn a_type_that_is_no_object_is_asked_for_inside_of_one() {
    #[derive(serde::Deserialize, schemars::JsonSchema, Debug, PartialEq)]
    enum Kind {
        River { arms: u8 },
        Canal,
    }
    let (script, llm) = model(r#"{"value": [{"name": "Weser", "length_km": null}]}"#, |_| {});
    let rivers = llm.with_structured_output::<Vec<River>>().invoke("Hi").await.unwrap();
    assert_eq!(rivers, [River { name: "Weser".into(), length_km: None }]);
    let Some(ResponseFormat::Schema(schema)) = &script.requests()[0].options.response_format else { panic!() };
    assert_eq!(schema.schema["type"], "object");
    assert!(schema.schema.pointer("/$defs/River").is_some(), "{}", schema.schema);

    let (_, llm) = model(r#"{"value": {"River": {"arms": 2}}}"#, |_| {});
    assert_eq!(llm.with_structured_output::<Kind>().invoke("Hi").await.unwrap(), Kind::River { arms: 2 });
    let (_, llm) = model(r#"{"value": "Canal"}"#, |_| {});
    assert_eq!(
        llm.with_structured_output::<Kind>().include_raw().invoke("Hi").await.unwrap().output.unwrap(),
        Kind::Canal
    );
    // With instructions it is asked for as it is.
    let (_, llm) = model("The list:\n[3, 4000]", |can| *can = Capabilities::text());
    assert_eq!(llm.with_structured_output::<Vec<u32>>().invoke("Hi").await.unwrap(), [3, 4000]);
}

#[tokio::test]
async fn a_refusal_is_an_error_of_its_kind() {
    let refused = || {
        let mut message = AiMessage::new(vec![ContentPart::refusal("I must not.")]);
        message.append(AiMessage::default().with_tool_call(ToolCall::new("1", "river", json!({"name": "Weser"}))));
        message
    };
    for by_tool in [false, true] {
        let (_, llm) = model(refused(), |can| can.json_schema = !by_tool);
        let rivers = llm.with_structured_output::<River>();
        for error in [rivers.invoke("Hi").await.unwrap_err(), rivers.stream("Hi").collect().await.unwrap_err()] {
            assert_eq!((error.kind(), cause(&error)), (ErrorKind::ContentFilter, ParseErrorKind::Refused));
            assert!(!format!("{error} {error:?}").contains("must not"));
        }
        let raw = rivers.include_raw().invoke("Hi").await.unwrap();
        assert_eq!(cause(&raw.output.unwrap_err()), ParseErrorKind::Refused);
        assert_eq!(raw.message.refusal(), "I must not.");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_an_error_with_its_step() {
    let cut = || AiMessage::new(r#"{"name": "We"#).with_finish_reason(anabranch_messages::FinishReason::length());
    let (_, llm) = model(cut(), |_| {});
    let error = llm.with_structured_output::<River>().invoke("Hi").await.unwrap_err();
    assert_eq!(cause(&error), ParseErrorKind::Truncated);
    let (_, llm) = model(Error::new(ErrorKind::Overloaded, "busy"), |_| {});
    let error = llm.with_structured_output::<River>().invoke("Hi").await.unwrap_err();
    assert_eq!(error.to_string(), "ChatModel scripted: overloaded: busy");
    // Two answers are none.
    let mut twice = called("river", WESER);
    twice.append(ToolCallChunk::new().with_index(1).with_id("2").with_name("river").with_arguments(WESER));
    let (_, llm) = model(twice, |can| can.json_schema = false);
    let error = llm.with_structured_output::<River>().invoke("Hi").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parse);
    assert!(error.to_string().contains("2 answers"), "{error}");
    // Words where a call was wanted may hold the answer all the same.
    let (_, llm) = model(WESER, |can| can.json_schema = false);
    assert_eq!(llm.with_structured_output::<River>().invoke("Hi").await.unwrap(), weser());
}

/// By whichever way: snapshots that grow for JSON, one value for a type, and both add up to what `invoke` gives.
#[tokio::test]
async fn it_streams_as_the_parser_does() {
    for by_tool in [false, true] {
        let reply: Reply = match by_tool {
            true => Reply::from(called("river", WESER)),
            false => WESER.into(),
        };
        let (_, llm) = model(reply.in_pieces(Pieces::Chars), |can| can.json_schema = !by_tool);
        let json = llm.with_structured_schema(JsonSchema::of::<River>());
        let snapshots: Vec<Value> = json.stream("Hi").try_collect().await.unwrap();
        assert_eq!(snapshots.last(), Some(&json.invoke("Hi").await.unwrap()));
        assert!(by_tool || snapshots.len() > 5, "{snapshots:?}");
        let typed: Vec<River> = llm.with_structured_output().stream("Hi").try_collect().await.unwrap();
        assert_eq!(typed, [weser()]);
    }
    // JSON is checked by the schema.
    let (_, llm) = model(r#"{"name": 1}"#, |_| {});
    let error = llm.with_structured_schema(JsonSchema::of::<River>()).invoke("Hi").await.unwrap_err();
    assert_eq!(cause(&error), ParseErrorKind::Schema);
}

/// The arguments of a call, however they are cut, are a document that grows.
#[tokio::test]
async fn the_arguments_of_a_call_grow() {
    let tool = AnswerOfTool { name: "river".into() };
    let piece = |text: &str| AiMessage::from(ToolCallChunk::new().with_index(0).with_arguments(text));
    for cut in 1..WESER.len() {
        let mut pieces = vec![AiMessage::new("Let me see.")];
        pieces.push(ToolCallChunk::new().with_index(0).with_id("1").with_name("river").into());
        pieces.extend(WESER.as_bytes().chunks(cut).map(|part| piece(std::str::from_utf8(part).unwrap())));
        pieces.push(AiMessage::default().with_finish_reason(anabranch_messages::FinishReason::tool_calls()));
        let whole = pieces.iter().cloned().fold(AiMessage::default(), |mut whole, piece| {
            whole.append(piece);
            whole
        });
        let chunks = Chunks::from_values(pieces, AiMessage::merge());
        let given: Vec<AiMessage> = tool.transform(chunks).try_collect().await.unwrap();
        assert_eq!(given.iter().map(|piece| piece.text().into_owned()).collect::<String>(), WESER);
        let count = WESER.len().div_ceil(cut);
        assert_eq!(given.len(), count + 1);
        let expected = tool.invoke(whole).await.unwrap();
        assert_eq!(expected.text(), WESER);
        assert_eq!(given.last().unwrap().finish_reason(), expected.finish_reason());
    }
}
