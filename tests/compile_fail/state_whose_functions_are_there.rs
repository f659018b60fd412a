use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    legal: String,
}

impl Analysis {
    fn legal(&self) -> &str {
        &self.legal
    }
}

fn main() {}
