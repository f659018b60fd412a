use anabranch_messages::{
    AiMessage, Citation, FinishReason, Messages, OtherPart, Reasoning, ServerToolResult, TextPart, ToolCall,
    UserMessage,
};

use super::turn::FOREIGN_CALL;
use super::*;
use crate::options::{ChatOptions, JsonSchema, ReasoningOptions, ResponseFormat};
use crate::tool::{FunctionTool, Tool, ToolChoice};

fn sent_to(model: &str, messages: impl Into<Messages>, options: ChatOptions) -> (Value, Vec<Warning>) {
    let (body, warnings) = document(ChatRequest::new(messages, options), model).unwrap();
    (serde_json::from_slice(&body).unwrap(), warnings)
}

fn sent(messages: impl Into<Messages>) -> Value {
    sent_to("gemini-2.5-flash", messages, ChatOptions::default()).0
}

#[test]
fn the_least_is_one_content() {
    assert_eq!(sent("Hello"), json!({"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}));
    let nothing = document(ChatRequest::new(Messages::new(), ChatOptions::default()), "m");
    assert_eq!(nothing.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn instructions_have_a_place_of_their_own() {
    let messages = [Message::system("Be brief."), Message::user("Hello"), Message::system("In Latin.")];
    let (sent, warnings) = sent_to("m", messages, ChatOptions::default());
    assert_eq!(sent["systemInstruction"], json!({"parts": [{"text": "Be brief."}, {"text": "In Latin."}]}));
    assert_eq!(sent["contents"].as_array().unwrap().len(), 1);
    assert_eq!(warnings[0].subject(), "system message");
    let alone = self::sent([Message::system("Tell three jokes.")]);
    assert_eq!(alone["contents"], json!([{"role": "user", "parts": [{"text": ""}]}]));
}

#[test]
fn options_go_where_gemini_looks_for_them() {
    let extra = json!({
        "safetySettings": [{"category": "c", "threshold": "BLOCK_NONE"}],
        "generationConfig": {"topK": null, "temperature": 0.1, "mediaResolution": "MEDIA_RESOLUTION_LOW"},
    });
    let options = ChatOptions {
        temperature: Some(0.7),
        top_p: Some(0.9),
        top_k: Some(3),
        max_tokens: Some(5),
        stop: vec!["END".into()],
        seed: Some(7),
        logprobs: Some(2),
        modalities: vec!["text".into()],
        service_tier: Some("flex".into()),
        user: Some("u".into()),
        extra: extra.as_object().unwrap().clone(),
        ..ChatOptions::default()
    };
    let (mut sent, warnings) = sent_to("m", "Hello", options);
    sent.as_object_mut().unwrap().shift_remove("contents");
    let expected = json!({
        "generationConfig": {
            "temperature": 0.1, "topP": 0.9, "maxOutputTokens": 5, "stopSequences": ["END"], "seed": 7,
            "responseLogprobs": true, "logprobs": 2, "responseModalities": ["TEXT"],
            "mediaResolution": "MEDIA_RESOLUTION_LOW",
        },
        "serviceTier": "flex",
        "safetySettings": [{"category": "c", "threshold": "BLOCK_NONE"}],
    });
    assert_eq!(sent, expected);
    assert_eq!(warnings.iter().map(Warning::subject).collect::<Vec<_>>(), ["user"]);
    let options = ChatOptions { temperature: Some(f64::NAN), ..ChatOptions::default() };
    let error = document(ChatRequest::new("Hello", options), "m").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn tools_and_forms() {
    let options = ChatOptions {
        tools: vec![
            FunctionTool::new("now", Value::Null)
                .provider_option("gemini", "behavior", "NON_BLOCKING")
                .provider_option("anthropic", "cache_control", 1)
                .into(),
            Tool::provider("gemini", json!({"google_search": {}})),
            FunctionTool::new("weather", json!({"type": "object"})).description("Now.").into(),
            Tool::provider("openai", json!({"type": "web_search"})),
        ],
        tool_choice: Some(ToolChoice::Function("now".into())),
        parallel_tool_calls: Some(false),
        response_format: Some(ResponseFormat::Schema(JsonSchema::new("n", json!({"const": 8})))),
        ..ChatOptions::default()
    };
    let (sent, warnings) = sent_to("m", "Hello", options);
    let functions = json!({"functionDeclarations": [
        {"name": "now", "behavior": "NON_BLOCKING"},
        {"name": "weather", "description": "Now.", "parametersJsonSchema": {"type": "object"}},
    ]});
    assert_eq!(sent["tools"], json!([functions, {"google_search": {}}]));
    let config = json!({"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["now"]}});
    assert_eq!(sent["toolConfig"], config);
    let form = json!({"responseJsonSchema": {"enum": [8]}, "responseMimeType": "application/json"});
    assert_eq!(sent["generationConfig"], form);
    assert_eq!(warnings.iter().map(Warning::subject).collect::<Vec<_>>(), ["tools", "parallel_tool_calls"]);
}

#[test]
fn how_much_it_thinks_is_said_in_the_words_of_the_model() {
    let thinking = |model: &str, reasoning: ReasoningOptions| {
        let options = ChatOptions { reasoning: Some(reasoning), ..ChatOptions::default() };
        sent_to(model, "Hello", options).0["generationConfig"]["thinkingConfig"].take()
    };
    let low = ReasoningOptions::effort("low");
    assert_eq!(thinking("gemini-3-pro", low.clone()), json!({"thinkingLevel": "low", "includeThoughts": true}));
    assert_eq!(thinking("gemini-2.5-pro", low), json!({"thinkingBudget": 1024, "includeThoughts": true}));
    assert_eq!(thinking("gemini-2.5-pro", ReasoningOptions::effort("none")), json!({"thinkingBudget": 0}));
    let budget = ReasoningOptions::budget(77);
    assert_eq!(thinking("gemini-3-pro", budget), json!({"thinkingBudget": 77, "includeThoughts": true}));
}

/// Every part is in its place, every signature is where it came from, results are in the order of the calls, whatever
/// theirs is.
#[test]
fn a_turn_with_tools_goes_back_whole() {
    let calls = [
        ToolCall::new("c1", "weather", json!({"city": "Bremen"})).with_signature("s1"),
        ToolCall::new("made", "now", Value::Null).with_provider_data("gemini", "madeId", true),
    ];
    let ran = ServerToolResult::new("", json!({"outcome": "OUTCOME_OK", "output": "1"})).with_name("code_execution");
    let answer = AiMessage::new([
        ContentPart::ServerToolCall(ToolCall::new("x1", "code_execution", json!({"code": "1"})).with_signature("s4")),
        ran.with_provider_data("gemini", "thoughtSignature", "s5").into(),
        Reasoning::new("hm").with_signature("s2").into(),
        ContentPart::text("Let me look."),
        TextPart::default().with_signature("s3").into(),
        calls[0].clone().into(),
        OtherPart::new(Map::from_iter([("new".into(), json!(1))])).with_provider("gemini").into(),
        Citation::new().with_url("https://example.org").into(),
        ContentPart::Video(Media::url("https://example.org/a").with_media_type("video/mp4").with_signature("s6")),
        calls[1].clone().into(),
        ContentPart::ServerToolCall(ToolCall::new("x2", "GOOGLE_SEARCH_WEB", Value::Null)),
        ServerToolResult::new("x2", json!({"a": 1})).with_name("GOOGLE_SEARCH_WEB").into(),
    ])
    .with_model("gemini-3-flash")
    .with_finish_reason(FinishReason::stop());
    let results = [
        ToolMessage::answer(&calls[1], "noon"),
        ToolMessage::new(
            "c1",
            [ContentPart::text(r#"{"rain": true}"#), ContentPart::Image(Media::bytes("image/png", [1]))],
        ),
    ];
    let [noon, rain] = results.map(Message::from);
    let (sent, warnings) = sent_to("m", [answer.into(), noon, rain, Message::user("And?")], ChatOptions::default());
    let expected = json!([
        {"role": "model", "parts": [
            {"executableCode": {"code": "1", "id": "x1"}, "thoughtSignature": "s4"},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}, "thoughtSignature": "s5"},
            {"text": "hm", "thought": true, "thoughtSignature": "s2"},
            {"text": "Let me look."},
            {"text": "", "thoughtSignature": "s3"},
            {"functionCall": {"id": "c1", "name": "weather", "args": {"city": "Bremen"}}, "thoughtSignature": "s1"},
            {"new": 1},
            {"fileData": {"fileUri": "https://example.org/a", "mimeType": "video/mp4"}, "thoughtSignature": "s6"},
            {"functionCall": {"name": "now", "args": {}}},
            {"toolCall": {"toolType": "GOOGLE_SEARCH_WEB", "id": "x2"}},
            {"toolResponse": {"toolType": "GOOGLE_SEARCH_WEB", "response": {"a": 1}, "id": "x2"}},
        ]},
        {"role": "user", "parts": [
            {"functionResponse": {"id": "c1", "name": "weather", "response": {"rain": true}}},
            {"inlineData": {"mimeType": "image/png", "data": "AQ=="}},
            {"functionResponse": {"name": "now", "response": {"output": "noon"}}},
        ]},
        {"role": "user", "parts": [{"text": "And?"}]},
    ]);
    assert_eq!(sent["contents"], expected);
    assert_eq!(warnings, []);
}

/// What is said to Gemini and to no other, and what it does not take.
#[test]
fn options_of_the_provider_stand_where_they_were_said() {
    let picture = Media::file_id("files/a").with_provider_option("gemini", "mediaResolution", json!({"level": "LOW"}));
    let seen = UserMessage::new([
        TextPart::new("Look.").with_provider_option("openai", "a", 1).with_cache_control(json!({})).into(),
        ContentPart::Image(picture),
    ]);
    let call = ToolCall::new("c1", "now", json!({}));
    let answer = AiMessage::default().with_tool_call(call.clone());
    let result = ToolMessage::answer(&call, "noon").with_provider_option("gemini", "scheduling", "SILENT");
    let messages = [seen.into(), answer.into(), Message::from(result)];
    let (sent, warnings) = sent_to("m", messages, ChatOptions::default());
    let parts = json!([
        {"text": "Look."},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"},
            "mediaResolution": {"level": "LOW"}},
    ]);
    assert_eq!(sent["contents"][0]["parts"], parts);
    assert_eq!(sent["contents"][2]["parts"][0]["functionResponse"]["scheduling"], "SILENT");
    assert_eq!(warnings.iter().map(Warning::subject).collect::<Vec<_>>(), ["cache_control"]);
}

#[test]
fn a_turn_of_another_model_goes_back_without_its_seals() {
    let call = ToolCall::new("c1", "now", json!({})).with_signature("theirs");
    let answer = AiMessage::new([
        ContentPart::Reasoning(Reasoning::new("hm").with_signature("theirs")),
        TextPart::new("Ah.").with_signature("theirs").into(),
        ContentPart::ServerToolCall(ToolCall::new("s", "web_search", json!({}))),
        OtherPart::new(Map::new()).with_provider("anthropic").into(),
        ContentPart::Image(Media::file_id("theirs")),
        ContentPart::Audio(Media::bytes("audio/wav", [1])),
    ])
    .with_tool_call(call)
    .with_model("claude-haiku-4-5");
    let messages = [answer.into(), Message::tool("c1", "noon")];
    let (sent, warnings) = sent_to("gemini-3-flash", messages.clone(), ChatOptions::default());
    let sound = json!({"inlineData": {"mimeType": "audio/wav", "data": "AQ=="}});
    let call = json!({"functionCall": {"id": "c1", "name": "now", "args": {}}, "thoughtSignature": FOREIGN_CALL});
    assert_eq!(sent["contents"][0], json!({"role": "model", "parts": [{"text": "Ah."}, sound, call]}));
    assert_eq!(warnings.len(), 4);
    let (sent, _) = sent_to("gemini-2.5-flash", messages, ChatOptions::default());
    assert_eq!(sent["contents"][0]["parts"][2].get("thoughtSignature"), None);
}

#[test]
fn results_that_fail_and_results_of_nothing() {
    let call = ToolCall::new("c1", "now", r#"{"cut"#);
    let answer = AiMessage::default().with_tool_call(call.clone());
    let failed = ToolMessage::answer(&call, r#"{"no": 1}"#).with_error();
    let (sent, warnings) = sent_to("m", [Message::from(answer), failed.into()], ChatOptions::default());
    assert_eq!(sent["contents"][1]["parts"][0]["functionResponse"]["response"], json!({"error": r#"{"no": 1}"#}));
    assert_eq!(warnings[0].subject(), "tool call");
    let lost = document(ChatRequest::new([Message::tool("c9", "noon")], ChatOptions::default()), "m");
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[test]
fn media() {
    let sent = sent([Message::user([
        ContentPart::Image(Media::url("https://example.org/a.png").with_media_type("image/png")),
        ContentPart::Image(Media::url("data:image/gif;base64,AQI=")),
        ContentPart::Audio(Media::bytes("audio/mpeg", [1, 2])),
        ContentPart::File(Media::file_id("files/abc")),
        OtherPart::new(Map::from_iter([("new".into(), json!(1))])).with_provider("gemini").into(),
    ])]);
    let expected = json!([
        {"fileData": {"fileUri": "https://example.org/a.png", "mimeType": "image/png"}},
        {"inlineData": {"mimeType": "image/gif", "data": "AQI="}},
        {"inlineData": {"mimeType": "audio/mpeg", "data": "AQI="}},
        {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/abc"}},
        {"new": 1},
    ]);
    assert_eq!(sent["contents"][0]["parts"], expected);
}
