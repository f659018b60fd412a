use anabranch::graph::{END, START, State, StateGraph};
use anabranch::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Essay {
    draft: String,
}

async fn run() -> anabranch::Result<()> {
    let graph = StateGraph::<Essay>::new().edge(START, END);
    graph.invoke(Essay::default()).await?;

    let graph = StateGraph::<Essay>::new().edge(START, END).compile();
    graph.invoke(Essay::default()).await?;
    Ok(())
}

fn main() {}
