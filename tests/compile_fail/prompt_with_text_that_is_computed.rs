use anabranch::prelude::*;

fn main() {
    let question = "How deep is the Weser?";
    let _ = prompt!(|topic: String| system: "You know all about {topic}.", user: question);
}
