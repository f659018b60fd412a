//! Several steps at once.

use std::time::Duration;

use anabranch::prelude::*;
use anabranch::{Outcome, Vote};
use serde_json::{Value, json};

use crate::case;
use crate::laws::json;
use crate::world::{TEXT, World};

fn text(_: &World) -> String {
    TEXT.to_string()
}

fn two(world: &World) -> RunnableParallel<String> {
    parallel! { "first": world.words(), "second": world.words() | world.words() }
}

fn one_of_two(world: &World) -> RunnableParallel<String> {
    parallel! { "good": world.words(), "bad": world.broken() }
}

fn prompt() -> ChatPromptTemplate {
    ChatPromptTemplate::from_template("About {topic}").unwrap()
}

fn outcomes(outcome: &Outcome) -> String {
    let branches = outcome.iter().map(|(key, done)| match done {
        Ok(value) => format!("{key} = {value}"),
        Err(error) => format!("{key}: {error}"),
    });
    branches.collect::<Vec<_>>().join("; ")
}

#[tokio::test(start_paused = true)]
async fn parallels() {
    case!("parallel", Pieces, two, text);
    case!("parallel, one at a time", Pieces, |world: &World| two(world).max_concurrency(1), text);
    case!(
        "parallel in a parallel",
        Pieces,
        |world: &World| {
            parallel! { "inner": two(world), "beside": world.words() }
        },
        text
    );
    case!(
        "parallel with a closure and the input",
        Pieces,
        |world: &World| {
            parallel! { "words": world.words(), "length": async |text: String| Ok(text.len()), "text": RunnablePassthrough }
        },
        text
    );
    case!("parallel behind a stream", Pieces, |world: &World| world.words() | two(world), text);
    case!(
        "parallel of spawned branches",
        Pieces,
        |world: &World| {
            parallel! { "first": world.words().spawned(), "second": world.words().spawned() }
        },
        text
    );
    case!("key picked out of a parallel", Pieces, |world: &World| two(world).pick("second"), text);
    case!("keys picked out of a parallel", Pieces, |world: &World| two(world).pick(["second", "first"]), text);
}

#[tokio::test(start_paused = true)]
async fn parallels_that_may_fail() {
    case!("settled", Pieces, |world: &World| two(world).settled(), text, outcomes);
    case!("settled with a failure", Pieces, |world: &World| one_of_two(world).settled(), text, outcomes);
    case!("at_least", Pieces, |world: &World| one_of_two(world).at_least(1), text, outcomes);
    case!(
        "at_least with grace",
        Pieces,
        |world: &World| {
            let hangs = lambda(async |_: String| std::future::pending::<anabranch::Result<String>>().await);
            let panel: RunnableParallel<String> = parallel! { "words": world.words(), "hangs": hangs };
            panel.at_least(1).grace(Duration::from_secs(1)).with_timeout(Duration::from_secs(9))
        },
        text,
        outcomes
    );
    case!("settled behind a stream", Pieces, |world: &World| world.words() | two(world).settled(), text, outcomes);
    case!("at_least behind a stream", Pieces, |world: &World| world.words() | two(world).at_least(1), text, outcomes);
    case!("settled, as JSON", Whole, |world: &World| two(world).settled() | RunnablePassthrough, text);
}

#[tokio::test(start_paused = true)]
async fn tuples_and_lists() {
    case!("pair", Whole, |world: &World| (world.words(), world.words()), text);
    case!(
        "eight",
        Whole,
        |world: &World| {
            let words = || world.words();
            (words(), words(), words(), words(), words(), words(), words(), passthrough::<String>())
        },
        text
    );
    case!("pair behind a stream", Whole, |world: &World| world.words() | (world.words(), world.words()), text);
    case!("each", Pieces, |world: &World| world.words().each(), |_: &World| vec![TEXT.to_string(), "two".into()]);
    case!("each of each", Pieces, |world: &World| world.words().each().each(), |_: &World| {
        vec![vec![TEXT.to_string()], vec![]]
    });
    case!(
        "each with outcomes",
        Pieces,
        |world: &World| world.words().result().each(),
        |_: &World| { vec![TEXT.to_string(), "two".into()] },
        |done: &Vec<anabranch::Result<String>>| format!("{done:?}")
    );
}

#[tokio::test(start_paused = true)]
async fn objects_with_more_keys() {
    let subject = |_: &World| json!({ "topic": TEXT });
    let topic = |input: Value| async move { Ok(input["topic"].as_str().unwrap_or_default().to_string()) };
    case!(
        "assign",
        Pieces,
        |world: &World| { RunnablePassthrough.assign(parallel! { "words": lambda(topic) | world.words() }) },
        subject
    );
    case!(
        "assign that replaces",
        Pieces,
        |world: &World| { RunnablePassthrough.assign(parallel! { "topic": lambda(topic) | world.words() }) },
        |_: &World| json!({ "topic": TEXT, "other": 1 })
    );
    case!(
        "assign behind a parallel",
        Pieces,
        |world: &World| {
            let first = |input: Value| async move { Ok(input["first"].as_str().unwrap_or_default().to_string()) };
            two(world).assign(parallel! { "third": lambda(first) | world.words() })
        },
        text
    );
    case!(
        "assign behind a stream",
        Pieces,
        |world: &World| {
            let answer = prompt() | world.llm() | JsonOutputParser::new();
            answer.assign(parallel! { "length": async |answer: Value| Ok(answer["answer"].as_str().map(str::len)) })
        },
        |_: &World| json!(TEXT)
    );
    case!(
        "assign of nothing",
        Whole,
        |_: &World| { RunnablePassthrough.assign(RunnableParallel::new()) },
        |world: &World| if world.fails { json!(TEXT) } else { json!({ "topic": TEXT }) }
    );
}

#[tokio::test(start_paused = true)]
async fn alternatives_at_once() {
    case!("race", Pieces, |world: &World| race([world.words().boxed(), (world.words() | world.words()).boxed()]), text);
    case!(
        "first_success",
        Pieces,
        |world: &World| { first_success([world.broken().boxed(), world.words().boxed()]) },
        text
    );
    case!(
        "race behind a stream",
        Pieces,
        |world: &World| { world.words() | race([world.words().boxed(), (world.words() | world.words()).boxed()]) },
        text
    );
    let show = |vote: &Vote<String>| json(&(&vote.answer, vote.votes, &vote.others, vote.failed));
    case!(
        "quorum",
        Whole,
        |world: &World| {
            let other = passthrough::<String>();
            quorum(2, [world.words().boxed(), other.boxed(), world.words().boxed()])
        },
        |world: &World| if world.fails { String::new() } else { TEXT.into() },
        show
    );
}
