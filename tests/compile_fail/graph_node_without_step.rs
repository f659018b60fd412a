use std::sync::Arc;

use anabranch::graph::{END, START, State, StateGraph};
use anabranch::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Essay {
    draft: String,
}

async fn whole(essay: Arc<Essay>) -> anabranch::Result<Essay> {
    Ok(Essay { draft: format!("{}, revised", essay.draft) })
}

fn main() -> anabranch::Result<()> {
    let llm = ChatModel::from(ScriptedModel::new());
    let chain = ChatPromptTemplate::from_template("{draft}")? | llm | StrOutputParser;
    let part = StateGraph::<Essay>::new().edge(START, END).compile()?;
    let _ = StateGraph::<Essay>::new()
        .node("whole", whole)
        .node("tuple", async |_: Arc<Essay>| Ok((Essay::draft("…"), 1)))
        .node("chain", chain)
        .node("graph", part);
    Ok(())
}
