use std::collections::{BTreeMap, VecDeque};

use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    #[reduce(add)]
    notes: Vec<String>,
    #[reduce(add)]
    document: String,
    #[reduce(messages)]
    talk: VecDeque<String>,
    #[reduce(messages)]
    by_name: BTreeMap<String, String>,
    #[reduce(max)]
    best: Score,
    #[reduce(min)]
    least: Option<Score>,
    #[reduce(append)]
    text: String,
}

#[derive(Clone, Default, Serialize, Deserialize)]
struct Score(f64);

fn main() {}
