use anabranch::prelude::*;

fn main() {
    let _ = prompt!(|topic: String|
        system: "Answer in one sentence.",
        user: "What is known about {topik}?",
    );
}
