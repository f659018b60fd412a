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

fn main() {
    let _ = StateGraph::<Essay>::new()
        .map("write", |essay| essay.topics.clone(), async |topic: usize| Ok(Essay::paragraphs([topic.to_string()])))
        .map("read", |essay| essay.approved, async |topic: String| Ok(Essay::paragraphs([topic])));
}
