use std::sync::Arc;

use anabranch::graph::{State, StateGraph};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    document: String,
    legal: String,
}

async fn legal_agent(state: Arc<Analysis>) -> anabranch::Result<String> {
    Ok(format!("Legal analysis of: {}", state.document))
}

fn main() {
    let _ = StateGraph::<Analysis>::new().node("legal", legal_agent);
}
