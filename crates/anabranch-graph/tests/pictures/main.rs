//! Pictures of graphs, and reports of runs.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::time::Duration;

use anabranch_core::{BoxRunnable, Error, ErrorKind, Result, Retry, RunnableExt, RunnableParallel, lambda};
use anabranch_graph::{CompiledGraph, END, START, State, StateGraph, Update, step};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

mod check;
mod grammar;
mod languages;
mod names;
mod report;

#[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
pub(crate) struct Notes {
    topics: Vec<String>,
    #[reduce(append)]
    lines: Vec<String>,
    text: String,
    yes: bool,
}

pub(crate) async fn nothing(_: Arc<Notes>) -> Result<()> {
    Ok(())
}

pub(crate) fn takes(millis: u64) -> impl Fn(Arc<Notes>) -> BoxFuture<'static, Result<()>> + Send + Sync + 'static {
    move |_| {
        Box::pin(async move {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok(())
        })
    }
}

pub(crate) async fn busy(_: Arc<Notes>) -> Result<impl Update<Notes>> {
    tokio::time::sleep(Duration::from_millis(30)).await;
    Err::<(), _>(Error::new(ErrorKind::Overloaded, "busy"))
}

/// A step that has a name.
pub(crate) fn named(name: &str) -> BoxRunnable<String, String> {
    lambda(async |text: String| Ok(text)).with_name(name).boxed()
}

/// Nothing of the state, a chain, nothing of what it gives.
pub(crate) fn chain_node(chain: BoxRunnable<String, String>) -> anabranch_graph::Step<Notes, ()> {
    step(|state: &Notes| state.text.clone(), chain, |_| ())
}

/// One of everything.
pub(crate) fn everything() -> CompiledGraph<Notes> {
    let review = StateGraph::<Notes>::new()
        .node("judge", chain_node((named("prompt") | named("model")).boxed()).with_retry(Retry::attempts(2)))
        .ask("sign", |_| "sign?", Notes::yes)
        .edge(START, "judge")
        .route("judge", |_| "sign", ["judge", "sign"])
        .edge("sign", END)
        .compile()
        .unwrap();
    let both =
        RunnableParallel::new().branch("summary", named("prompt") | named("model")).branch("terms", named("look up"))
            | lambda(async |found: serde_json::Value| Ok(found.to_string()));
    StateGraph::<Notes>::new()
        .map("write", |state| state.topics.clone(), async |topic: String| Ok(Notes::lines([topic])))
        .node("research", chain_node(both.boxed()))
        .node("rumours", busy)
        .node("review", step(|state: &Notes| state.clone(), review, |_| ()))
        .node("join", nothing)
        .node("lawyer", busy)
        .node("manual", nothing)
        .edge(START, ["write", "research", "rumours"])
        .edge(["write", "research", "rumours"], "join")
        .route_many("join", |_| ["review"], ["review", "lawyer"])
        .route("review", |_| END, ["join", END])
        .fallback("lawyer", "manual")
        .edge(["lawyer", "manual"], END)
        .settled("write")
        .optional("rumours")
        .join_all("join")
        .compile()
        .unwrap()
}
