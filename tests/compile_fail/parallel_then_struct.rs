use anabranch::prelude::*;

#[derive(serde::Deserialize)]
struct Research {
    topic: String,
}

fn main() {
    let map = parallel! { "topic": RunnablePassthrough };
    let _ = map | lambda(async |research: Research| Ok(research.topic));
}
