use anabranch::prelude::*;

fn main() {
    let _ = prompt!(|topic: String|
        system: "Answer in one sentence.",
        usr: "What is known about {topic}?",
    );
}
