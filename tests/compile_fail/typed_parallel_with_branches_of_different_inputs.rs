use anabranch::prelude::*;

struct Research {
    summary: String,
    key_terms: usize,
}

fn main() {
    let summary = lambda(async |topic: String| Ok(format!("about {topic}")));
    let key_terms = lambda(async |most: usize| Ok(most));
    let map = parallel!(Research { summary: summary, key_terms: key_terms });
    drop(map);
}
