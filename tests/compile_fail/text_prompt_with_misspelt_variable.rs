use anabranch::prelude::*;

fn main() {
    let _ = text_prompt!(|topic: String| "What is known about {topik}?");
}
