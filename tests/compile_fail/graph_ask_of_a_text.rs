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
        .ask("title", |_| "What is it about?", Essay::draft)
        .ask("more", |_| "And what else?", Essay::paragraphs);
}
