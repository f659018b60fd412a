use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
enum Analysis {
    #[default]
    Open,
    Done(String),
}

fn main() {}
