use anabranch::prelude::*;

struct Research {
    summary: String,
    questions: String,
    topic: String,
}

#[tokio::main]
async fn main() -> anabranch::Result<()> {
    let llm = ChatModel::from_env_or_offline()?;
    let ask = |task: &'static str| prompt!(|topic: String| system: "{task}", user: "{topic}") | llm.clone() | StrOutputParser;

    // Two chains over one topic at the same time ...
    let research = parallel!(Research {
        summary: ask("Summarize the topic."),
        questions: ask("Ask three questions about the topic."),
        topic: passthrough(),
    });
    // ... then one synthesis.
    let synthesis = prompt!(|Research { summary, questions, topic }|
        system: "Synthesize.\nSummary: {summary}\nQuestions: {questions}",
        user: "{topic}",
    );
    let chain = research | synthesis | llm.clone() | StrOutputParser;

    println!("{}", chain.invoke("The history of space exploration").await?);
    Ok(())
}
