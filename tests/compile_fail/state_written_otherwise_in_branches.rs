use std::sync::Arc;

use anabranch::graph::{State, Update};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    document: String,
    legal: String,
    technical: String,
}

// What is right: a tuple of options.
async fn right(state: Arc<Analysis>) -> anabranch::Result<impl Update<Analysis>> {
    let is_contract = state.document.contains("contract");
    Ok((is_contract.then(|| Analysis::legal("…")), (!is_contract).then(|| Analysis::technical("…"))))
}

async fn wrong(state: Arc<Analysis>) -> anabranch::Result<impl Update<Analysis>> {
    Ok(if state.document.contains("contract") { Analysis::legal("…") } else { Analysis::technical("…") })
}

fn main() {}
