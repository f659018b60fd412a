//! Prompt, model and parser in one chain, alone and side by side.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{
    Chunks, ErrorKind, Merge, Result, RunConfig, Runnable, RunnableExt, RunnablePassthrough, generator, parallel,
    pipe_operator,
};
use anabranch_messages::{AiMessage, FinishReason, Messages, Reasoning};
use anabranch_parsers::{JsonOutputParser, StrOutputParser};
use anabranch_prompts::ChatPromptTemplate;
use futures::TryStreamExt;
use serde_json::{Value, json};

/// What a stream adds up to when it is read chunk by chunk; one that is collected from its start calls the steps.
async fn read<T: Send + 'static>(mut chunks: Chunks<'_, T>) -> Result<T> {
    let mut whole = chunks.merge().collector();
    while let Some(chunk) = chunks.next().await {
        whole.push(chunk?)?;
    }
    whole.finish()
}

/// Says what it was told last, a word at a time.
#[derive(Clone)]
struct Echo;

impl Echo {
    fn pieces(messages: &Messages) -> Vec<AiMessage> {
        let told = messages.last().map(|message| message.text().into_owned()).unwrap_or_default();
        let mut pieces = vec![AiMessage::new([Reasoning::new("hm").into()])];
        pieces.extend(told.split_inclusive(' ').map(AiMessage::new));
        pieces.push(FinishReason::stop().into());
        pieces
    }
}

impl Runnable for Echo {
    type Input = Messages;
    type Output = AiMessage;

    async fn call(&self, messages: Messages, _: &RunConfig) -> Result<AiMessage> {
        Chunks::from_values(Self::pieces(&messages), AiMessage::merge()).collect().await
    }

    fn call_stream<'a>(&'a self, messages: Chunks<'a, Messages>, _: &'a RunConfig) -> Chunks<'a, AiMessage> {
        Chunks::deferred(async move {
            let messages = messages.collect().await?;
            Ok(Chunks::from_values(Self::pieces(&messages), AiMessage::merge()))
        })
    }
}

pipe_operator!(impl for Echo);

fn ask(template: &str) -> ChatPromptTemplate {
    ChatPromptTemplate::from_messages([("system", "Repeat."), ("user", template)]).unwrap()
}

#[tokio::test]
async fn three_chains_and_a_synthesis() {
    let map = parallel! {
        "summary": ask("sum of {topic}") | Echo | StrOutputParser,
        "terms": ask("{{\"about\": \"{topic}\"}}") | Echo | JsonOutputParser::new(),
        "topic": RunnablePassthrough,
    };
    let chain = map | ask("{summary} + {terms} + {topic}") | Echo | StrOutputParser;
    chain.check().unwrap();
    let expected = "sum of tides {x} + {\"about\":\"tides {x}\"} + tides {x}";
    assert_eq!(chain.invoke("tides {x}").await.unwrap(), expected);
    assert_eq!(read(chain.stream("tides {x}")).await.unwrap(), expected);
    let pieces: Vec<String> = chain.stream("tides {x}").try_collect().await.unwrap();
    assert_eq!(pieces.len(), 10);
}

#[tokio::test]
async fn branches_stream() {
    let map = parallel! {
        "text": ask("a b {x}") | Echo | StrOutputParser,
        "json": ask("[\"a b\", {x}]") | Echo | JsonOutputParser::new(),
        "message": ask("a {x}") | Echo,
    };
    let invoked = map.invoke("1").await.unwrap();
    assert_eq!(invoked["json"], json!(["a b", 1]));
    assert_eq!(read(map.stream("1")).await.unwrap(), invoked);
    let chunks: Vec<Value> = map.stream("1").try_collect().await.unwrap();
    let texts: Vec<_> = chunks.iter().filter_map(|chunk| chunk.get("text")).collect();
    assert_eq!(texts, ["a ", "b ", "1"]);
    assert_eq!(chunks.iter().filter(|chunk| chunk.get("json").is_some()).count(), 3);
}

#[tokio::test]
async fn one_message_for_several_parsers() {
    let both = parallel! {
        "text": StrOutputParser,
        "json": JsonOutputParser::new(),
        "whole": RunnablePassthrough,
    };
    let chain = ask("{x}") | Echo | both;
    let invoked = chain.invoke("42").await.unwrap();
    assert_eq!(
        (&invoked["text"], &invoked["json"], &invoked["whole"]["role"]),
        (&json!("42"), &json!(42), &json!("assistant"))
    );
    assert_eq!(read(chain.stream("42")).await.unwrap(), invoked);
}

#[tokio::test]
async fn text_of_any_step_is_parsed() {
    let text = generator(|text: Chunks<'_, String>| {
        let letters = text.map_ok(|text| text.chars().map(|c| Ok(c.to_string())).collect::<Vec<_>>());
        Chunks::new(letters.map_ok(futures::stream::iter).try_flatten(), Merge::append())
    });
    let chain = text | JsonOutputParser::new();
    let invoked = chain.invoke("{\"a\": [1, 2]}").await.unwrap();
    assert_eq!(read(chain.stream("{\"a\": [1, 2]}")).await.unwrap(), invoked);
    assert_eq!(chain.stream("{\"a\": [1, 2]}").try_collect::<Vec<_>>().await.unwrap().len(), 4);
    assert_eq!(read(chain.stream("{\"a\": [1,")).await.unwrap_err().kind(), ErrorKind::Parse);
}

/// Whoever makes the answer says how its chunks add up, however many steps are in between.
#[tokio::test]
async fn snapshots_behind_other_steps_stay_snapshots() {
    let snapshots = || {
        generator(|_: Chunks<'_, String>| Chunks::from_values(["[1", "[1]", "[2]"].map(AiMessage::new), Merge::last()))
            .with_name("snapshots")
    };
    let text = snapshots() | StrOutputParser;
    assert_eq!(text.stream("").try_collect::<Vec<_>>().await.unwrap(), ["[1", "[1]", "[2]"]);
    assert_eq!(read(text.stream("")).await.unwrap(), text.invoke("").await.unwrap());
    let json = snapshots() | JsonOutputParser::new();
    assert_eq!(json.stream("").try_collect::<Vec<_>>().await.unwrap(), [json!([2])]);
    assert_eq!(read(json.stream("")).await.unwrap(), json.invoke("").await.unwrap());
}

#[tokio::test]
async fn an_error_names_the_parser() {
    let chain = parallel! { "a": ask("{x}") | Echo | JsonOutputParser::typed::<u32>() };
    let expected = "parallel \"a\" > JsonOutputParser: parse error: the JSON in the answer is no u32: expected u32, found \
                    string at line 1 column 8";
    assert_eq!(chain.invoke("\"secret\"").await.unwrap_err().to_string(), expected);
    assert_eq!(read(chain.stream("\"secret\"")).await.unwrap_err().to_string(), expected);
}
