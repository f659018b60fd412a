use anabranch::graph::StateGraph;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize)]
struct Analysis {
    legal: String,
}

fn main() {
    let _ = StateGraph::<Analysis>::new();
}
