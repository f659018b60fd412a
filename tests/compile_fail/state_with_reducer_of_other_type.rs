use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    #[reduce(append)]
    tokens: u64,
    #[reduce(union)]
    tags: Vec<String>,
    #[reduce(with = longest)]
    summary: Vec<String>,
}

fn longest(current: String, new: String) -> String {
    if new.len() > current.len() { new } else { current }
}

fn main() {}
