use anabranch::prelude::*;

#[derive(serde::Serialize)]
struct Question {
    topic: String,
}

fn main() -> anabranch::Result<()> {
    let question = Question { topic: "rivers".to_string() };
    let prompt = ChatPromptTemplate::from_template("Define {topic}.")?;
    let _ = prompt.invoke(question);
    Ok(())
}
