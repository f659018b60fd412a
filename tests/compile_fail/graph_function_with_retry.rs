use std::sync::Arc;

use anabranch::graph::{State, StateGraph, Update};
use anabranch::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Essay {
    draft: String,
}

async fn write(_: Arc<Essay>) -> anabranch::Result<impl Update<Essay>> {
    Ok(Essay::draft("…"))
}

fn main() {
    let _ = StateGraph::<Essay>::new().node("write", write.with_retry(Retry::attempts(3)));
}
