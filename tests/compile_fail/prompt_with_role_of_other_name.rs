use anabranch::prelude::*;

fn main() {
    let _ = prompt!(|topic: String|
        user: "What is known about {topic}?",
        assistant: "This much:",
    );
}
