use std::sync::Arc;

use anabranch::graph::{State, StateGraph};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    #[reduce(sum)]
    tokens: u64,
    #[reduce(extend)]
    notes: Vec<String>,
}

// A mistake there is no mistake here.
fn main() {
    let _ = StateGraph::<Analysis>::new()
        .node("read", async |_: Arc<Analysis>| Ok((Analysis::tokens(7_u64), Analysis::notes(["read"]))));
}
