use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    #[reduce(sum)]
    tokens: u64,
    #[reduce(extend)]
    notes: Vec<String>,
}

fn main() {}
