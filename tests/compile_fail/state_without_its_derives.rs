use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Serialize, Deserialize, State)]
struct WithoutDefault {
    draft: String,
}

#[derive(Default, Serialize, Deserialize, State)]
struct WithoutClone {
    draft: String,
}

#[derive(Clone, Default, State)]
struct WithoutSerde {
    draft: String,
}

fn main() {}
