//! The table of `docs/providers/README.md` says what the code does: what each backend says of itself, and what becomes of
//! each setting when it is asked for.
//!
//! Run with `ANABRANCH_WRITE=1`, it writes the table.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fmt::Write as _;
use std::fs;

use anabranch::ErrorKind;
use anabranch::models::transport::http::{Request, Response};
use anabranch::models::transport::{ByteStream, Bytes, Transport};
use anabranch::models::{FunctionTool, JsonSchema, ReasoningOptions, ResponseFormat, ToolChoice};
use anabranch::prelude::*;
use futures::StreamExt;
use serde_json::json;

/// A server of one provider's that answers `yes`, whatever it is asked.
struct Says(&'static str);

#[async_trait::async_trait]
impl Transport for Says {
    async fn send(&self, _: Request<Bytes>) -> anabranch::Result<Response<ByteStream>> {
        Ok(Response::new(futures::stream::iter([Ok(Bytes::from(self.0))]).boxed()))
    }
}

const CHAT: &str = r#"{"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}"#;
const RESPONSES: &str =
    r#"{"status": "completed", "output": [{"type": "message", "content": [{"type": "output_text", "text": "yes"}]}]}"#;
const MESSAGES: &str =
    r#"{"type": "message", "content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn"}"#;
const GEMINI: &str = r#"{"candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}]}"#;
const OLLAMA: &str = r#"{"message": {"content": "yes"}, "done": true, "done_reason": "stop"}"#;

/// The columns: a model of each API that does what the API can do.
fn models() -> Vec<(&'static str, ChatModel)> {
    let openai = |model: &str, says| OpenAi::new(model).api_key("k").transport(Says(says));
    vec![
        ("[OpenAI](openai.md)", openai("gpt-4o", CHAT).build()),
        ("[Responses](openai.md)", openai("gpt-4o", RESPONSES).responses().build()),
        (
            "[Anthropic](anthropic.md)",
            Anthropic::new("claude-sonnet-4-6").api_key("k").transport(Says(MESSAGES)).build(),
        ),
        ("[Gemini](gemini.md)", Gemini::new("gemini-2.5-flash").api_key("k").transport(Says(GEMINI)).build()),
        ("[Ollama](ollama.md)", Ollama::new("llama3.2").transport(Says(OLLAMA)).build()),
    ]
    .into_iter()
    .map(|(name, llm)| (name, llm.unwrap()))
    .collect()
}

/// What the fields of `Capabilities` are. A field that is not here is an error: the table lacks it.
const CAPABILITIES: &[(&str, &str)] = &[
    ("tools", "functions that the model may call"),
    ("forced_tool_choice", "a call can be demanded"),
    ("parallel_tool_calls", "one call at a time, or several"),
    ("json", "answers that are JSON"),
    ("json_schema", "answers of a schema"),
    ("reasoning", "how much it thinks"),
    ("images", "images in messages"),
    ("audio", "sounds in messages"),
    ("files", "files in messages"),
    ("logprobs", "log-probabilities of tokens"),
    ("seed", "answers that can be had again"),
];

type Set = fn(&ChatModel) -> ChatModel;

fn tool() -> FunctionTool {
    FunctionTool::new("look", json!({"type": "object", "properties": {"at": {"type": "string"}}}))
}

fn settings() -> Vec<(&'static str, Set)> {
    vec![
        ("`temperature`", |llm| llm.temperature(0.5)),
        ("`top_p`", |llm| llm.top_p(0.5)),
        ("`top_k`", |llm| llm.top_k(5)),
        ("`max_tokens`", |llm| llm.max_tokens(50)),
        ("`stop`", |llm| llm.stop(["END"])),
        ("`seed`", |llm| llm.seed(5)),
        ("`presence_penalty`, `frequency_penalty`", |llm| llm.presence_penalty(0.5).frequency_penalty(0.5)),
        ("`logprobs`", |llm| llm.logprobs(2)),
        ("`tools`", |llm| llm.tools([tool()])),
        ("a tool that is `strict`", |llm| llm.tools([tool().strict(true)])),
        ("`ToolChoice::None`", |llm| llm.tools([tool()]).tool_choice(ToolChoice::None)),
        ("`ToolChoice::Required`", |llm| llm.tools([tool()]).tool_choice(ToolChoice::Required)),
        ("`ToolChoice::Function`", |llm| llm.tools([tool()]).tool_choice(ToolChoice::Function("look".into()))),
        ("`parallel_tool_calls(false)`", |llm| llm.tools([tool()]).parallel_tool_calls(false)),
        ("`ResponseFormat::Json`", |llm| llm.response_format(ResponseFormat::Json)),
        ("`ResponseFormat::Schema`", |llm| {
            let schema = json!({"type": "object", "properties": {"at": {"type": "string"}}});
            llm.response_format(ResponseFormat::Schema(JsonSchema::new("place", schema)))
        }),
        ("`reasoning` by effort", |llm| llm.reasoning(ReasoningOptions::effort("low"))),
        ("`reasoning` by budget", |llm| llm.reasoning(ReasoningOptions::budget(2048))),
        ("`modalities` with audio", |llm| llm.modalities(["text", "audio"])),
        ("`service_tier`", |llm| llm.service_tier("flex")),
        ("`user`", |llm| llm.user("somebody")),
        ("`metadata`", |llm| llm.metadata("team", "rivers")),
    ]
}

/// What becomes of what is asked: it is sent, left out with a warning, or refused.
async fn becomes(llm: &ChatModel, conversation: Messages) -> &'static str {
    match llm.with_envelope().invoke(conversation).await {
        Ok(answer) if answer.warnings().is_empty() => "yes",
        Ok(_) => "warning",
        Err(error) if error.kind() == ErrorKind::Unsupported => "error",
        Err(error) => panic!("{}: {error}", llm.name()),
    }
}

/// Messages that hold more than text.
fn conversations() -> Vec<(&'static str, Messages)> {
    let with =
        |part: ContentPart| Messages::from(Message::from(UserMessage::new(vec![ContentPart::text("This?"), part])));
    let call = ToolCall::new("call_1", "look", json!({"at": "it"}));
    let failed = ToolMessage::answer(&call, "gone").with_error();
    let asked = AiMessage::default().with_tool_call(call);
    let media = anabranch::messages::Media::bytes;
    vec![
        ("an image by its bytes", with(ContentPart::Image(media("image/png", *b"png")))),
        ("an image by address", with(ContentPart::Image(anabranch::messages::Media::url("https://example.com/a.png")))),
        ("a sound by its bytes", with(ContentPart::Audio(media("audio/wav", *b"wav")))),
        ("a PDF by its bytes", with(ContentPart::File(media("application/pdf", *b"pdf")))),
        (
            "a system message in the middle",
            [Message::user("Hi"), Message::ai("Hello"), Message::system("Be brief."), Message::user("So?")]
                .into_iter()
                .collect(),
        ),
        (
            "the error flag of a tool's result",
            [Message::user("Look."), asked.into(), failed.into()].into_iter().collect(),
        ),
    ]
}

/// How values of a type are asked for.
fn method(llm: &ChatModel) -> &'static str {
    let can = llm.capabilities();
    match (can.json_schema, can.forced_tool_choice, can.json) {
        (true, ..) => "schema",
        (_, true, _) => "tool",
        (.., true) => "JSON",
        _ => "instructions",
    }
}

async fn table() -> String {
    let models = models();
    let mut table = format!("| | {} |\n", models.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | "));
    table.push_str(&format!("|---|{}\n", ":-:|".repeat(models.len())));
    let mut row = |name: &str, cells: Vec<String>| writeln!(table, "| {name} | {} |", cells.join(" | ")).unwrap();

    row("**what a model says it can do** (`capabilities()`)", vec![String::new(); models.len()]);
    // By `Debug`, so that a field that is added cannot be forgotten.
    let fields = |llm: &ChatModel| -> Vec<(String, bool)> {
        let shown = format!("{:?}", llm.capabilities());
        let inside = shown.trim_start_matches("Capabilities {").trim_end_matches('}');
        let fields = inside.split(',').filter_map(|field| field.trim().split_once(": "));
        fields.map(|(name, can)| (name.to_string(), can == "true")).collect()
    };
    let all: Vec<Vec<(String, bool)>> = models.iter().map(|(_, llm)| fields(llm)).collect();
    for (at, (field, _)) in all[0].iter().enumerate() {
        let what = CAPABILITIES.iter().find(|(name, _)| name == field);
        let (_, what) = what.unwrap_or_else(|| panic!("say in this test what the capability `{field}` is"));
        let cells = all.iter().map(|fields| if fields[at].1 { "yes" } else { "-" }.to_string()).collect();
        row(&format!("`{field}`: {what}"), cells);
    }
    row("values of a type are asked for by", models.iter().map(|(_, llm)| method(llm).to_string()).collect());
    let embeddings = ["openai:m", "openai-responses:m", "anthropic:m", "gemini:m", "ollama:m"].map(|name| {
        let missing = EmbeddingModel::new(name).err().is_some_and(|error| error.to_string().contains("no provider"));
        if missing { "-" } else { "yes" }.to_string()
    });
    row("texts as vectors (`EmbeddingModel`)", embeddings.to_vec());

    row("**what becomes of a setting**", vec![String::new(); models.len()]);
    for (name, set) in settings() {
        let mut cells = Vec::new();
        for (_, llm) in &models {
            cells.push(becomes(&set(llm), "Hi".into()).await.to_string());
        }
        row(name, cells);
    }
    row("**what becomes of what a message holds**", vec![String::new(); models.len()]);
    for (name, conversation) in conversations() {
        let mut cells = Vec::new();
        for (_, llm) in &models {
            cells.push(becomes(llm, conversation.clone()).await.to_string());
        }
        row(name, cells);
    }
    table
}

/// What a backend says that it can do is sent, and what it says that it cannot is not.
#[tokio::test]
async fn no_backend_says_what_is_not_so() {
    type Can = fn(anabranch::models::Capabilities) -> bool;
    let by_setting: [(&str, Can); 8] = [
        ("`tools`", |can| can.tools),
        ("`ToolChoice::Function`", |can| can.forced_tool_choice),
        ("`parallel_tool_calls(false)`", |can| can.parallel_tool_calls),
        ("`ResponseFormat::Json`", |can| can.json),
        ("`ResponseFormat::Schema`", |can| can.json_schema),
        ("`logprobs`", |can| can.logprobs),
        ("`seed`", |can| can.seed),
        ("`reasoning` by effort", |can| can.reasoning),
    ];
    let by_message: [(&str, Can); 3] = [
        ("an image by its bytes", |can| can.images),
        ("a sound by its bytes", |can| can.audio),
        ("a PDF by its bytes", |can| can.files),
    ];
    for (name, llm) in models() {
        for (setting, can) in by_setting {
            let (_, set) = settings().into_iter().find(|(name, _)| *name == setting).unwrap();
            let becomes = becomes(&set(&llm), "Hi".into()).await;
            // Ollama's models think or do not, and few have levels.
            if !(name.contains("Ollama") && setting.contains("reasoning")) {
                assert_eq!(becomes == "yes", can(llm.capabilities()), "{name}: {setting}");
            }
        }
        for (part, can) in by_message {
            let (_, conversation) = conversations().into_iter().find(|(name, _)| *name == part).unwrap();
            assert_eq!(becomes(&llm, conversation).await == "yes", can(llm.capabilities()), "{name}: {part}");
        }
    }
}

#[tokio::test]
async fn the_table_says_what_the_code_does() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/providers/README.md");
    let (begin, end) = ("<!-- table -->\n", "<!-- /table -->");
    let page = fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(begin).expect("a mark where the table begins");
    let (shown, after) = rest.split_once(end).expect("a mark where the table ends");
    let table = table().await;
    if std::env::var_os("ANABRANCH_WRITE").is_some() {
        fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert_eq!(shown, table, "run this test with ANABRANCH_WRITE=1 after what a provider can do has changed");
    }
}
