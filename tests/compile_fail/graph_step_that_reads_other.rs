use anabranch::graph::{State, StateGraph, step};
use anabranch::prelude::*;
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
    let count = lambda(async |text: String| Ok(text.len()));
    let _ = StateGraph::<Essay>::new()
        .node("count", step(|essay: &Essay| essay.topics.clone(), count.clone(), |count| Essay::approved(count > 100)))
        .node("long", step(|essay: &Essay| essay.draft.clone(), count, Essay::approved));
}
