use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    #[reduce(with = by_reference)]
    document: String,
    #[reduce(with = of_one)]
    legal: String,
    #[reduce(with = gives_other)]
    financial: String,
    #[reduce(with = nowhere)]
    technical: String,
}

fn by_reference(current: &mut String, new: String) {
    current.push_str(&new);
}

fn of_one(new: String) -> String {
    new
}

fn gives_other(current: String, _: String) -> usize {
    current.len()
}

fn main() {}
