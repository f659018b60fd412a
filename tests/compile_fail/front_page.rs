use anabranch::prelude::*;

struct Research {
    summary: String,
    questions: String,
    topic: String,
}

fn main() {
    let _ = prompt!(|Research { summary, questions, topic }|
        system: "Synthesize.\nSummary: {summary}\nQuestions: {questions}",
        user: "{topik}",
    );
}
