use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Tuple(String, u32);

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Generic<T> {
    value: T,
}

fn main() {}
