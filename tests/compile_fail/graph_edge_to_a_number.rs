use anabranch::graph::{END, State, StateGraph};
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
    let _ = StateGraph::<Essay>::new().edge(1, END).edge(["draft", "more"], 2.5);
}
