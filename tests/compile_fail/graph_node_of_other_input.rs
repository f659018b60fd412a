use std::sync::Arc;

use anabranch::graph::{State, StateGraph};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Essay {
    topics: Vec<String>,
    #[reduce(append)]
    paragraphs: Vec<String>,
    draft: String,
    approved: bool,
}

async fn write(topic: String) -> anabranch::Result<anabranch::graph::Write<Essay, 2>> {
    Ok(Essay::draft(topic))
}

fn main() {
    let _ = StateGraph::<Essay>::new()
        .node("write", write)
        .node("owned", async |essay: Essay| Ok(Essay::draft(essay.draft)))
        .node("borrowed", |essay: Arc<Essay>| Essay::draft(essay.draft.clone()));
}
