use anabranch::prelude::*;

struct Research {
    summary: String,
    topic: String,
}

fn main() {
    let summary = lambda(async |topic: String| Ok(format!("about {topic}")));
    let map = parallel!(Research { summary: summary });
    let _ = map | lambda(async |found: Research| Ok(found.summary + &found.topic));
}
