use std::sync::Arc;

use anabranch::graph::{State, Update};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    legal: String,
}

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Essay {
    draft: String,
}

async fn legal_agent(_state: Arc<Analysis>) -> anabranch::Result<impl Update<Analysis>> {
    Ok((Analysis::legal("sound"), Essay::draft("sound")))
}

fn main() {
    let _ = legal_agent;
}
