//! entelix: `.pipe()`, `RunnableParallel` and `ChatPromptTemplate`.

use std::collections::HashMap;

use async_trait::async_trait;
use bench_common::texts::{ANSWER, BRANCH, KEY_TERMS, ORIGINAL, QUESTIONS, SUMMARY, SYNTHESIS, TOPIC, double_braces};
use bench_common::{Row, asked};
use entelix::ir::{ContentPart, Message, Role};
use entelix::{
    ChatPromptPart, ChatPromptTemplate, ExecutionContext, PromptValue, PromptVars, Result, Runnable, RunnableExt,
    RunnableLambda, RunnableParallel,
};

/// `ChatModel` is generic over a codec and a transport; a step of its own stands in for it.
struct InProcess;

#[async_trait]
impl Runnable<Vec<Message>, Message> for InProcess {
    async fn invoke(&self, messages: Vec<Message>, _: &ExecutionContext) -> Result<Message> {
        asked(|| (text(messages[0].clone()), text(messages[1].clone())));
        std::hint::black_box(&messages);
        Ok(Message::new(Role::Assistant, vec![ContentPart::text(ANSWER)]))
    }
}

/// There is no parser for strings.
fn text(message: Message) -> String {
    let text = |part| if let ContentPart::Text { text, .. } = part { text } else { String::new() };
    message.content.into_iter().map(text).collect()
}

fn prompt(system: &str, user: &str) -> ChatPromptTemplate {
    ChatPromptTemplate::from_messages([
        ChatPromptPart::system(double_braces(system)).unwrap(),
        ChatPromptPart::user(double_braces(user)).unwrap(),
    ])
}

fn main() {
    let branch = |task: &str| prompt(task, BRANCH).pipe(InProcess).map(text);
    let topic = RunnableLambda::new(|mut variables: PromptVars, _| async move {
        match variables.remove("topic") {
            Some(PromptValue::Text(topic)) => Ok(topic),
            _ => Ok(String::new()),
        }
    });
    let map = RunnableParallel::new()
        .branch("summary", branch(SUMMARY))
        .branch("questions", branch(QUESTIONS))
        .branch("key_terms", branch(KEY_TERMS))
        .branch("topic", topic);
    // The parallel gives a map of strings, the prompt takes a map of its own values.
    let to_variables = RunnableLambda::new(|map: HashMap<String, String>, _| async move {
        Ok(map.into_iter().map(|(key, text)| (key, PromptValue::Text(text))).collect::<PromptVars>())
    });
    let chain = map.pipe(to_variables).pipe(prompt(SYNTHESIS, ORIGINAL)).pipe(InProcess).map(text);

    // A chain's `stream` gives one chunk, and `batch` runs one input after the other: neither is measured.
    let context = ExecutionContext::new();
    Row::new("entelix").invoke(async || {
        let mut variables = PromptVars::new();
        variables.insert("topic".to_string(), PromptValue::Text(TOPIC.to_string()));
        chain.invoke(variables, &context).await.unwrap()
    });
}
