use anabranch::prelude::*;
use serde_json::Value;

fn chain(prompt: ChatPromptTemplate) -> impl Runnable<Input = Value> {
    parallel! { "topic": RunnablePassthrough } | prompt
}

fn main() {
    let _ = chain(ChatPromptTemplate::from_template("{topic}").unwrap());
}
