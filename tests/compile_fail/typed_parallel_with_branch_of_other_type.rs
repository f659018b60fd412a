use anabranch::prelude::*;

struct Research {
    summary: String,
    key_terms: usize,
    topic: String,
}

fn main() {
    let summary = lambda(async |topic: String| Ok(format!("about {topic}")));
    let key_terms = lambda(async |topic: String| Ok(format!("terms of {topic}")));
    let map = parallel!(Research { summary: summary, key_terms: key_terms, topic: passthrough() });
    let _ = map | lambda(async |found: Research| Ok(found.key_terms));
}
