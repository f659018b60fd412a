//! Floods of every list a body may hold, and of what is text.

use crate::apis::{APIS, Limits, STREAM};
use crate::harness::{ask, say};

/// Something of which there may be more than anybody wants.
struct Flood {
    api: &'static str,
    /// A whole answer, and a piece of a stream; `@` is where the elements go. Empty where there is none.
    document: &'static str,
    piece: &'static str,
    /// One element; `#` is a number that counts them.
    element: &'static str,
}

const fn flood(api: &'static str, document: &'static str, piece: &'static str, element: &'static str) -> Flood {
    Flood { api, document, piece, element }
}

macro_rules! openai {
    ($member:literal, $element:literal) => {
        flood(
            "openai",
            concat!(r#"{"choices":[{"message":{"content":"x","#, $member, r#"},"finish_reason":"stop"}]}"#),
            concat!(r#"{"choices":[{"delta":{"#, $member, "}}]}"),
            $element,
        )
    };
}

macro_rules! choice {
    ($member:literal, $element:literal) => {
        flood(
            "openai",
            concat!(r#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop","#, $member, "}]}"),
            concat!(r#"{"choices":[{"delta":{},"#, $member, "}]}"),
            $element,
        )
    };
}

macro_rules! top {
    ($member:literal, $element:literal) => {
        flood(
            "openai",
            concat!(r#"{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}],"#, $member, "}"),
            concat!(r#"{"choices":[],"#, $member, "}"),
            $element,
        )
    };
}

macro_rules! item {
    ($item:literal, $element:literal) => {
        flood(
            "responses",
            concat!(r#"{"status":"completed","output":["#, $item, "]}"),
            concat!(r#"{"type":"response.output_item.done","output_index":0,"item":"#, $item, "}"),
            $element,
        )
    };
}

macro_rules! block {
    ($block:literal, $element:literal) => {
        flood(
            "anthropic",
            concat!(r#"{"type":"message","stop_reason":"end_turn","content":["#, $block, "]}"),
            concat!(r#"{"type":"content_block_start","index":1,"content_block":"#, $block, "}"),
            $element,
        )
    };
}

macro_rules! candidate {
    ($members:literal, $element:literal) => {
        flood(
            "gemini",
            concat!(r#"{"candidates":[{"finishReason":"STOP","#, $members, "}]}"),
            concat!(r#"{"candidates":[{"#, $members, "}]}"),
            $element,
        )
    };
}

macro_rules! ollama {
    ($members:literal, $element:literal) => {
        flood(
            "ollama",
            concat!("{", $members, r#","done":true,"done_reason":"stop"}"#),
            concat!("{", $members, r#","done":false}"#),
            $element,
        )
    };
}

const FLOODS: &[Flood] = &[
    openai!(r#""content":"@""#, "abc "),
    openai!(r#""content":"@""#, r"\u00e9"),
    openai!(r#""reasoning":"@""#, "abc "),
    openai!(r#""refusal":"@""#, "abc "),
    openai!(r#""content":[@]"#, r#"{"type":"text","text":"a"}"#),
    openai!(r#""content":[@]"#, "{}"),
    openai!(r#""content":[{"type":"thinking","thinking":[@]}]"#, r#"{"text":"a"}"#),
    openai!(r#""reasoning_details":[@]"#, "{}"),
    openai!(r#""reasoning_details":[@]"#, r##"{"type":"reasoning.text","text":"a","index":#}"##),
    openai!(r#""annotations":[@]"#, "{}"),
    openai!(r#""annotations":[@]"#, "[]"),
    openai!(r#""tool_calls":[@]"#, "{}"),
    openai!(r#""tool_calls":[@]"#, r##"{"index":#,"function":{"name":"f"}}"##),
    openai!(r#""tool_calls":[@]"#, r#"{"index":0,"function":{"name":"f"}},{"index":1,"function":{"arguments":"a"}}"#),
    openai!(r#""tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"[@"}}]"#, "0,"),
    openai!(r#""tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":[@]}}]"#, "0"),
    openai!(r#""images":[@]"#, r#"{"image_url":{"url":"data:a"}}"#),
    openai!(r#""nobody_knows":[@]"#, "0"),
    choice!(r#""logprobs":{"content":[@]}"#, "{}"),
    choice!(r#""logprobs":{"content":[@]}"#, "0"),
    choice!(r#""logprobs":[@]"#, "[]"),
    top!(r#""citations":[@]"#, "0"),
    top!(r#""search_results":[@]"#, "{}"),
    top!(r#""usage":{"a":[@]}"#, "0"),
    flood("openai", r#"{"choices":[@]}"#, r#"{"choices":[@]}"#, "{}"),
    flood(
        "openai",
        r#"{"choices":[@]}"#,
        r#"{"choices":[@]}"#,
        r##"{"index":#,"message":{"content":"a"},"delta":{"content":"a"}}"##,
    ),
    item!(r#"{"type":"message","content":[{"type":"output_text","text":"@"}]}"#, "abc "),
    item!(r#"{"type":"message","content":[@]}"#, r#"{"text":"a"}"#),
    item!(r#"{"type":"message","content":[{"text":"a","annotations":[@]}]}"#, "{}"),
    item!(r#"{"type":"message","content":[{"text":"a","logprobs":[@]}]}"#, "0"),
    item!(r#"{"type":"reasoning","summary":[@]}"#, r#"{"text":"a"}"#),
    item!(r#"{"type":"reasoning","content":[@]}"#, r#"{"text":"a"}"#),
    item!(r#"{"type":"reasoning","encrypted_content":"@"}"#, "abc "),
    item!(r#"{"type":"web_search_call","action":{"sources":[@]}}"#, "{}"),
    item!(r#"{"type":"function_call","call_id":"a","name":"f","arguments":"[@"}"#, "0,"),
    flood(
        "responses",
        r#"{"status":"completed","output":[@]}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[@]}}"#,
        r#"{"type":"message","content":[{"text":"a"}]}"#,
    ),
    flood(
        "responses",
        r#"{"status":"completed","output":[@]}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[@]}}"#,
        r#"{"type":"web_search_call"}"#,
    ),
    flood(
        "responses",
        r#"{"status":"completed","output":[@]}"#,
        r#"{"type":"response.completed","response":{"status":"completed","output":[@]}}"#,
        r#"{"type":"function_call","name":"f"}"#,
    ),
    flood("openai", r#"{"error":{"details":[@]}}"#, r#"{"error":{"details":[@]}}"#, "{}"),
    flood("responses", r#"{"error":{"details":[@]}}"#, r#"{"type":"error","error":{"details":[@]}}"#, "{}"),
    flood(
        "anthropic",
        r#"{"type":"error","error":{"details":[@]}}"#,
        r#"{"type":"error","error":{"details":[@]}}"#,
        "{}",
    ),
    flood("gemini", r#"{"error":{"details":[@]}}"#, r#"{"error":{"details":[@]}}"#, "{}"),
    flood("gemini", r#"[@]"#, r#"[@]"#, "{}"),
    flood("ollama", r#"{"error":[@]}"#, r#"{"error":[@]}"#, "{}"),
    block!(r#"{"type":"text","text":"@"}"#, "abc "),
    block!(r#"{"type":"thinking","thinking":"@"}"#, "abc "),
    block!(r#"{"type":"redacted_thinking","data":"@"}"#, "abc "),
    block!(r#"{"type":"text","text":"a","citations":[@]}"#, "{}"),
    block!(r#"{"type":"text","text":"a","citations":[@]}"#, r#"{"cited_text":"abc"}"#),
    block!(r#"{"type":"web_search_tool_result","content":[@]}"#, "{}"),
    block!(r#"{"type":"tool_use","id":"a","name":"f","input":{"a":[@]}}"#, "0"),
    flood(
        "anthropic",
        r#"{"type":"message","stop_reason":"end_turn","content":[@]}"#,
        r#"{"type":"message_start","message":{"content":[@]}}"#,
        r#"{"type":"text","text":"a"}"#,
    ),
    flood(
        "anthropic",
        r#"{"type":"message","stop_reason":"end_turn","content":[@]}"#,
        r#"{"type":"message_start","message":{"content":[@]}}"#,
        r##"{"type":"tool_use","id":"#","name":"f","input":{}}"##,
    ),
    flood(
        "anthropic",
        r#"{"type":"message","stop_reason":"end_turn","content":[@]}"#,
        r#"{"type":"message_start","message":{"content":[@]}}"#,
        r#"{"type":"x"}"#,
    ),
    flood(
        "anthropic",
        r#"{"type":"message","stop_reason":"end_turn","content":[],"usage":{"a":[@]}}"#,
        r#"{"type":"message_delta","delta":{},"usage":{"a":[@]}}"#,
        "0",
    ),
    candidate!(r#""content":{"parts":[{"text":"@"}]}"#, "abc "),
    candidate!(r#""content":{"parts":[{"text":"@","thought":true}]}"#, "abc "),
    candidate!(r#""content":{"parts":[@]}"#, r#"{"text":"a"}"#),
    candidate!(r#""content":{"parts":[@]}"#, r#"{"thoughtSignature":"a"}"#),
    candidate!(r#""content":{"parts":[@]}"#, r#"{"functionCall":{"name":"f"}}"#),
    candidate!(r#""content":{"parts":[@]}"#, r#"{"executableCode":{}}"#),
    candidate!(r#""content":{"parts":[{"functionCall":{"name":"f","args":{"a":[@]}}}]}"#, "0"),
    candidate!(r#""content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"@"}}]}"#, "AAAA"),
    candidate!(r#""safetyRatings":[@]"#, "{}"),
    candidate!(r#""citationMetadata":{"citationSources":[@]}"#, "{}"),
    candidate!(r#""groundingMetadata":{"groundingChunks":[@]}"#, "{}"),
    candidate!(r#""groundingMetadata":{"groundingSupports":[@]}"#, "{}"),
    candidate!(r#""groundingMetadata":{"webSearchQueries":[@]}"#, r#""""#),
    candidate!(r#""urlContextMetadata":{"urlMetadata":[@]}"#, "{}"),
    candidate!(r#""logprobsResult":{"chosenCandidates":[@]}"#, "{}"),
    flood("gemini", r#"{"candidates":[@]}"#, r#"{"candidates":[@]}"#, r##"{"index":#}"##),
    flood("gemini", r#"{"promptFeedback":{"safetyRatings":[@]}}"#, r#"{"promptFeedback":{"safetyRatings":[@]}}"#, "{}"),
    flood("gemini", r#"{"usageMetadata":{"a":[@]}}"#, r#"{"usageMetadata":{"a":[@]}}"#, "0"),
    ollama!(r#""message":{"content":"@"}"#, "abc "),
    ollama!(r#""message":{"thinking":"@"}"#, "abc "),
    ollama!(r#""message":{"tool_calls":[@]}"#, "{}"),
    ollama!(r#""message":{"tool_calls":[@]}"#, r#"{"function":{"name":"f","arguments":{}}}"#),
    ollama!(r#""message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":[@]}}}]}"#, "0"),
    ollama!(r#""message":{"content":"x"},"logprobs":[@]"#, "{}"),
    ollama!(r#""message":{"content":"x"},"context":[@]"#, "0"),
];

/// The most an answer may hold, in these tests.
const LIMIT: usize = 1 << 20;
/// What a client may hold besides what it keeps of an answer: members that are taken apart, buffers, the client itself.
const BESIDES: usize = 2 << 20;

/// So many bytes of elements in their place.
fn filled(template: &str, element: &str, bytes: usize) -> String {
    let (before, after) = template.split_once('@').unwrap();
    let separator = if before.ends_with('"') || before.ends_with("\"[") { "" } else { "," };
    let mut filled = before.to_string();
    if element.contains('#') {
        for place in 0.. {
            filled.push_str(&element.replace('#', &place.to_string()));
            if filled.len() >= bytes {
                break;
            }
            filled.push_str(separator);
        }
    } else {
        filled.push_str(&[element, separator].concat().repeat(bytes / (element.len() + separator.len())));
        filled.push_str(element);
    }
    filled + after
}

/// A body whole and in a stream: once just small enough, and without end.
fn floods_of(name: &str) {
    let api = APIS.iter().find(|api| api.name == name).unwrap();
    let limits = Limits { answer_bytes: LIMIT, ..Limits::default() };
    let mut most = (0.0, String::new());
    for flood in FLOODS.iter().filter(|flood| flood.api == name) {
        let event = |bytes| api.frame(&filled(flood.piece, flood.element, bytes)).into_bytes();
        for size in [LIMIT / 5, LIMIT * 9 / 10] {
            let body = filled(flood.document, flood.element, size);
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            let whole = (false, head, vec![body.into_bytes()]);
            let one = vec![api.begin().into_bytes(), event(size), api.end().into_bytes()];
            let piece = event(LIMIT / 40);
            let many = if size < LIMIT / 2 { size * 40 / LIMIT } else { 120 };
            let many = std::iter::once(api.begin().into_bytes()).chain(std::iter::repeat_n(piece, many));
            let many = many.chain([api.end().into_bytes()]).collect();
            for (streamed, head, pieces) in [whole, (true, STREAM.into(), one), (true, STREAM.into(), many)] {
                let what = format!("{} [{}], streamed: {streamed}, {size}", flood.document, flood.element);
                let ended = ask(|url| api.model(url, &limits), streamed, say(head, pieces.into_iter()));
                assert!(ended.peak <= 5 * LIMIT + BESIDES, "{} bytes for {what}", ended.peak);
                let times = ended.peak as f64 / LIMIT as f64;
                if times > most.0 {
                    most = (times, what);
                }
            }
        }
    }
    eprintln!("{name}: at most {:.2} times the bound: {}", most.0, most.1);
}

#[test]
fn of_chat_completions() {
    floods_of("openai");
}

#[test]
fn of_responses() {
    floods_of("responses");
}

#[test]
fn of_anthropic() {
    floods_of("anthropic");
}

#[test]
fn of_gemini() {
    floods_of("gemini");
}

#[test]
fn of_ollama() {
    floods_of("ollama");
}
