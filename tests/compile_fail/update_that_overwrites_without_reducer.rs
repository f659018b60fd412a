use anabranch::graph::State;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Analysis {
    legal: String,
    #[reduce(append)]
    notes: Vec<String>,
}

fn main() {
    let _ = Analysis::notes(["read"]).overwrite();
    let _ = Analysis::legal("sound").overwrite();
}
