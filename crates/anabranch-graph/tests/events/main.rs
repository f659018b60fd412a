//! A run as a stream of events.
#![allow(clippy::unwrap_used, clippy::panic)]

mod langgraph;
mod log;
mod runs;
mod tokens;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Observer, Result, Retry, RunConfig, RunnableExt, StepEvent, lambda_with};
use anabranch_graph::{
    CompiledGraph, END, EventKind, GraphEvent, GraphEvents, MemoryStore, Progress, Questions, START, State, StateGraph,
    Update, step,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Notes {
    topic: String,
    #[reduce(append)]
    lines: Vec<String>,
    #[reduce(add)]
    count: u64,
    yes: bool,
}

/// An event in short: `path: kind`, an update with its JSON.
fn short(event: &GraphEvent) -> String {
    let kind = match &event.kind {
        EventKind::Token(token) => format!("token {:?}", token.text()),
        EventKind::Update(update) => format!("update {}", update.to_json().unwrap()),
        EventKind::Chose(chosen) => format!("chose {}", chosen.join(", ")),
        EventKind::Asks(question) => format!("asks {:?}", question.text().unwrap()),
        EventKind::Failed(kind) => format!("failed: {kind}"),
        EventKind::Broke(kind) => format!("broke: {kind}"),
        EventKind::Replayed { failed } => (if *failed { "replayed failure" } else { "replayed" }).to_string(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    format!("{}: {kind}", event.path)
}

async fn all<S: State>(events: &mut GraphEvents<S>) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.map_or_else(|error| error.to_string(), |event| short(&event)));
    }
    all
}

/// The same, each with the milliseconds since `began`.
async fn timed<S: State>(events: &mut GraphEvents<S>) -> Vec<(u128, String)> {
    let (began, mut all) = (Instant::now(), Vec::new());
    while let Some(event) = events.next().await {
        all.push((began.elapsed().as_millis(), short(&event.unwrap())));
    }
    all
}

async fn done<S: State>(events: GraphEvents<S>) -> S {
    let Progress::Done(state) = events.finish().await.unwrap() else { panic!("it asks") };
    state
}

async fn asked<S: State>(events: GraphEvents<S>) -> Questions<S> {
    let Progress::Asks(questions) = events.finish().await.unwrap() else { panic!("it is done") };
    questions
}

async fn line(name: &'static str, millis: u64) -> Result<impl Update<Notes>> {
    sleep(Duration::from_millis(millis)).await;
    Ok(Notes::lines([name]))
}

fn one(name: &'static str) -> String {
    json!([{ "lines": [name] }]).to_string()
}

/// A step that tells two tokens, the second one later.
fn talking(graph_step: &'static str) -> CompiledGraph<Notes> {
    let talk = lambda_with(move |text: String, config: RunConfig| async move {
        config.token("Before");
        sleep(Duration::from_millis(200)).await;
        config.token("After");
        Ok(text)
    })
    .with_name("talk");
    StateGraph::<Notes>::new()
        .node(graph_step, step(|notes: &Notes| notes.topic.clone(), talk, |text: String| Notes::lines([text])))
        .edge(START, graph_step)
        .edge(graph_step, END)
        .compile()
        .unwrap()
}

/// A list of which one element fails, then a loop.
fn parts_and_rounds() -> CompiledGraph<Notes> {
    StateGraph::<Notes>::new()
        .map(
            "parts",
            |_| 0..3,
            async |item: i32| {
                sleep(Duration::from_millis(10 * item as u64)).await;
                if item == 1 { Err(Error::other("no")) } else { Ok(Notes::lines([format!("part {item}")])) }
            },
        )
        .node("round", async |notes: Arc<Notes>| Ok((Notes::lines([""]).overwrite(), Notes::count(notes.count + 1))))
        .node("never", async |_: Arc<Notes>| Ok(()))
        .node("rumour", async |_: Arc<Notes>| Err::<(), _>(Error::new(ErrorKind::Timeout, "late")))
        .edge(START, "parts")
        .route("parts", |_| "round", ["round", "never"])
        .route("round", |notes| if notes.count < 2 { "round" } else { "rumour" }, ["round", "rumour"])
        .edge(["round", "never", "rumour"], END)
        .settled("parts")
        .optional("rumour")
        .compile()
        .unwrap()
}
