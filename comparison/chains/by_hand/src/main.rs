//! No framework: `futures::join!` and `format!`.

use std::io::Error;

use bench_common::texts::{ANSWER, KEY_TERMS, QUESTIONS, SUMMARY, TOPIC, WORD};
use bench_common::{AT_ONCE, CHUNKS, Row, asked, read};
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};

struct Message {
    role: &'static str,
    text: String,
}

fn messages(system: String, user: String) -> Vec<Message> {
    vec![Message { role: "system", text: system }, Message { role: "user", text: user }]
}

async fn model(messages: Vec<Message>) -> Result<Message, Error> {
    asked(|| (messages[0].text.clone(), messages[1].text.clone()));
    std::hint::black_box(&messages);
    Ok(Message { role: "assistant", text: ANSWER.to_string() })
}

/// A client's stream, boxed here as everywhere.
fn model_stream(messages: Vec<Message>) -> BoxStream<'static, Result<Message, Error>> {
    std::hint::black_box(&messages);
    stream::iter((0..CHUNKS).map(|_| Ok(Message { role: "assistant", text: WORD.to_string() }))).boxed()
}

async fn branch(task: &str, topic: &str) -> Result<String, Error> {
    let answer = model(messages(task.to_string(), topic.to_string())).await?;
    std::hint::black_box(answer.role);
    Ok(answer.text)
}

async fn three_branches(topic: String) -> Result<String, Error> {
    let (summary, questions, key_terms) =
        futures::try_join!(branch(SUMMARY, &topic), branch(QUESTIONS, &topic), branch(KEY_TERMS, &topic))?;
    let synthesis = format!(
        "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
         Key Terms: {key_terms}\nSynthesize a comprehensive answer."
    );
    Ok(model(messages(synthesis, format!("Original topic: {topic}"))).await?.text)
}

fn story(topic: &str) -> impl futures::Stream<Item = Result<String, Error>> {
    let prompt = vec![Message { role: "user", text: format!("Tell a short story about {topic}.") }];
    model_stream(prompt).map_ok(|message| message.text)
}

fn main() {
    Row::new("by hand")
        .invoke(async || three_branches(TOPIC.to_string()).await.unwrap())
        .stream(async || read(story(TOPIC)).await)
        .batch(async |topics| stream::iter(topics).map(three_branches).buffered(AT_ONCE).try_collect().await.unwrap());
}
