use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    legal: String,
    rounds: u32,
}

fn main() {
    let _ = (Analysis::leagl("sound"), Analysis::rounds("one"));
}
