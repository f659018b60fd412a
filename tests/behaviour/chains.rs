//! Prompts, models, parsers, and whole chains of them.

use anabranch::parsers::{DateTimeOutputParser, RegexParser, XmlOutputParser};
use anabranch::prelude::*;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::case;
use crate::world::{Answer, MARKER, TEXT, World, question};

fn prompt() -> ChatPromptTemplate {
    ChatPromptTemplate::from_messages([("system", "You know xyzzy."), ("user", "About {topic}")]).unwrap()
}

fn bare(_: &World) -> Value {
    json!(TEXT)
}

#[tokio::test(start_paused = true)]
async fn prompts() {
    case!("prompt", Whole, |_: &World| prompt(), World::variables);
    case!(
        "prompt of one message",
        Whole,
        |_: &World| { ChatPromptTemplate::from_template("xyzzy: {topic}").unwrap() },
        World::variables
    );
    case!(
        "prompt with a partial",
        Whole,
        |_: &World| { ChatPromptTemplate::from_template("{more} {topic}").unwrap().partial("more", MARKER) },
        World::variables
    );
    case!(
        "prompt with a placeholder",
        Whole,
        |_: &World| {
            let history = MessagesPlaceholder::new("history");
            ChatPromptTemplate::from_messages([MessageTemplate::system("xyzzy"), history.into()]).unwrap()
        },
        |world: &World| if world.fails { json!({ "history": MARKER }) } else { json!({ "history": [("ai", TEXT)] }) }
    );
    case!(
        "prompt with a message as it is",
        Whole,
        |_: &World| {
            ChatPromptTemplate::from_messages([AiMessage::new(MARKER).into(), MessageTemplate::user("{topic}")])
                .unwrap()
        },
        World::variables
    );
    case!(
        "jinja prompt",
        Whole,
        |_: &World| { ChatPromptTemplate::jinja("{% if topic %}xyzzy {{ topic }}{% endif %}").unwrap() },
        World::variables
    );
}

#[tokio::test(start_paused = true)]
async fn parsers() {
    case!("StrOutputParser", Whole, |_: &World| StrOutputParser, World::answer);
    case!("JsonOutputParser", Whole, |_: &World| JsonOutputParser::new(), World::answer);
    case!("JsonOutputParser, typed", Whole, |_: &World| JsonOutputParser::typed::<Vec<String>>(), World::answer);
    case!(
        "JsonOutputParser, of another type",
        Whole,
        |_: &World| { JsonOutputParser::typed::<Answer>() },
        |world: &World| match world.fails {
            true => AiMessage::new(r#"{"answer": ["xyzzy"], "parts": "xyzzy"}"#),
            false => AiMessage::new(r#"{"answer": "xyzzy", "parts": []}"#),
        }
    );
    case!("JsonOutputParser, lenient", Whole, |_: &World| JsonOutputParser::new().lenient(), World::answer);
    case!("JsonOutputParser, reported", Whole, |_: &World| JsonOutputParser::new().lenient().reported(), World::answer);
    case!(
        "JsonOutputParser with a schema",
        Whole,
        |_: &World| JsonOutputParser::with_schema(json!({"type": "array", "items": {"type": "string"}})),
        World::answer
    );
    case!("JsonOutputParser, events", Whole, |_: &World| JsonOutputParser::new().events(), World::answer);
    case!("JsonOutputParser, elements", Whole, |_: &World| JsonOutputParser::elements::<String>(), World::answer);
    case!(
        "JsonOutputParser with repair",
        Whole,
        |world: &World| JsonOutputParser::typed::<Vec<String>>().with_repair(world.llm()),
        World::answer
    );
    let said = |word: &'static str| {
        move |world: &World| match world.fails {
            true => AiMessage::new(MARKER).with_finish_reason(FinishReason::length()),
            false => AiMessage::new(word),
        }
    };
    case!("ListOutputParser", Whole, |_: &World| ListOutputParser::comma_separated(), said("one, two"));
    case!("BooleanOutputParser", Whole, |_: &World| BooleanOutputParser::new(), said("Yes."));
    case!("EnumOutputParser", Whole, |_: &World| EnumOutputParser::<Kind>::new(), said("river"));
    case!("RegexParser", Whole, |_: &World| RegexParser::<Part>::new("(?<part>.+)").unwrap(), said("river"));
    case!("DateTimeOutputParser", Whole, |_: &World| DateTimeOutputParser::<Date>::new(), said("2026-11-28"));
    case!("XmlOutputParser", Whole, |_: &World| XmlOutputParser::new(), said("<a>b</a>"));
    let called = |world: &World| {
        let name = if world.fails { "other" } else { "river" };
        AiMessage::new("").with_tool_call(ToolCall::new("1", name, json!({})))
    };
    case!("ToolCallsParser", Whole, |_: &World| ToolCallsParser::<Kind>::new(), called);
    case!("ToolCallsParser, growing", Whole, |_: &World| ToolCallsParser::<Kind>::new().growing(), called);
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    River,
    Canal,
}

#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
struct Part {
    part: String,
}

#[tokio::test(start_paused = true)]
async fn models() {
    case!("ChatModel", Pieces, World::llm, |_: &World| question());
    case!(
        "ChatModel with options",
        Pieces,
        |world: &World| { world.llm().temperature(0.5).stop([MARKER]).option("user", MARKER) },
        |_: &World| question()
    );
    case!("model and text", Pieces, |world: &World| world.llm() | StrOutputParser, |_: &World| question());
    case!("model and JSON", Pieces, |world: &World| world.llm() | JsonOutputParser::new(), |_: &World| question());
    case!("model and a type", Whole, |world: &World| world.llm() | JsonOutputParser::typed::<Answer>(), |_: &World| {
        question()
    });
}

#[tokio::test(start_paused = true)]
async fn whole_chains() {
    case!("prompt, model, text", Pieces, |world: &World| prompt() | world.llm() | StrOutputParser, World::variables);
    case!("prompt, model, JSON", Pieces, |world: &World| prompt() | world.llm() | JsonOutputParser::new(), bare);
    case!(
        "prompt, model, two parsers",
        Pieces,
        |world: &World| {
            prompt() | world.llm() | parallel! { "text": StrOutputParser, "json": JsonOutputParser::new() }
        },
        bare
    );
    case!(
        "a branch that keeps the message",
        Pieces,
        |world: &World| {
            parallel! { "message": prompt() | world.llm(), "text": prompt() | world.llm() | StrOutputParser }
        },
        bare
    );
    case!(
        "three chains and a synthesis",
        Pieces,
        |world: &World| {
            let part = || prompt() | world.llm() | StrOutputParser;
            let map = parallel! {
                "summary": part(),
                "questions": part(),
                "key_terms": part(),
                "topic": RunnablePassthrough,
            };
            let synthesis =
                ChatPromptTemplate::from_template("xyzzy {summary} {questions} {key_terms} {topic}").unwrap();
            map | synthesis | world.llm() | StrOutputParser
        },
        bare
    );
    case!(
        "three chains and a synthesis, guarded",
        Pieces,
        |world: &World| {
            let second = std::time::Duration::from_secs(1);
            let part = || (prompt() | world.llm() | StrOutputParser).with_retry(Retry::attempts(2).seed(3));
            let map = parallel! { "summary": part(), "topic": RunnablePassthrough }.max_concurrency(1);
            let synthesis = ChatPromptTemplate::from_template("{summary} {topic}").unwrap();
            (map | synthesis | world.llm().with_idle_timeout(second) | StrOutputParser).with_timeout(second * 9)
        },
        bare
    );
    case!(
        "documents one by one",
        Pieces,
        |world: &World| { (prompt() | world.llm() | StrOutputParser).each() },
        |_: &World| vec![json!(TEXT), json!("two")]
    );
}
