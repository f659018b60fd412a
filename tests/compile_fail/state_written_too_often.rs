use anabranch::graph::{State, Update};
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    legal: String,
}

fn often() -> impl Update<Analysis> {
    let w = || Analysis::legal("…");
    (w(), w(), w(), w(), w(), w(), w(), w(), w(), w(), w(), w(), w())
}

fn main() {}
