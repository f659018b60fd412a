use anabranch::prelude::*;

struct Research {
    summary: String,
    topic: String,
}

struct Offer {
    river: String,
}

fn main() {
    let summary = lambda(async |topic: String| Ok(format!("about {topic}")));
    let map = parallel!(Research { summary: summary, topic: passthrough() });
    let _ = map | prompt!(|Offer { river }| user: "A trip on the {river}?");
}
