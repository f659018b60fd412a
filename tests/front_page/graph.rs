use std::sync::Arc;
use anabranch::graph::{END, START, State, StateGraph, Update};
use anabranch::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    document: String,
    legal: String,
    price: u32,
    #[reduce(append)] // how the writes of several nodes add up
    notes: Vec<String>,
}

async fn lawyer(state: Arc<Analysis>) -> anabranch::Result<impl Update<Analysis>> {
    Ok((Analysis::legal(format!("{} is sound", state.document)), Analysis::notes(["the lawyer read it"])))
}

async fn banker(_: Arc<Analysis>) -> anabranch::Result<impl Update<Analysis>> {
    Ok((Analysis::price(7), Analysis::notes(["so did the banker"])))
}

async fn report(state: Arc<Analysis>) -> anabranch::Result<impl Update<Analysis>> {
    Ok(Analysis::notes([format!("{}, at {} million", state.legal, state.price)]))
}

#[tokio::main]
async fn main() -> anabranch::Result<()> {
    let graph = StateGraph::<Analysis>::new()
        .node("lawyer", lambda(lawyer).with_retry(Retry::attempts(3)))
        .node("banker", banker)
        .node("report", report)
        .edge(START, ["lawyer", "banker"])
        .edge(["lawyer", "banker"], "report")
        .edge("report", END)
        .compile()?;
    let done = graph.invoke(Analysis { document: "The lease".into(), ..Default::default() }).await?;
    println!("{:#?}\n{}", done.notes, graph.to_text());
    Ok(())
}
