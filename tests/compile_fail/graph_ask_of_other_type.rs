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
        .ask("approve", |essay| essay.draft.clone(), |yes: String| Essay::approved(yes))
        .ask("source", |essay| essay.draft.clone(), |file: std::fs::File| Essay::approved(file.metadata().is_ok()));
}
