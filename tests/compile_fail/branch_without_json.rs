use anabranch::prelude::*;
use serde_json::Value;

struct Report;

fn main() {
    let _ = parallel! {
        "report": lambda(async |_: Value| Ok(Report)),
    };
}
