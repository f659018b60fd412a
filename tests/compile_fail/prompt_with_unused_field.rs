#![deny(unused_variables)]

use anabranch::prelude::*;

struct Research {
    summary: String,
    topic: String,
}

fn main() {
    let _ = prompt!(|Research { summary, topic }|
        system: "Based on the following information: {summary}",
        user: "Write a comprehensive answer.",
    );
}
