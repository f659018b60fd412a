//! cognis: `.pipe()`, `Parallel` and `ChatPromptTemplate`.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bench_common::texts::{ANSWER, BRANCH, KEY_TERMS, ORIGINAL, QUESTIONS, SUMMARY, SYNTHESIS, TOPIC};
use bench_common::{Row, asked};
use cognis_core::compose::{Lambda, Parallel};
use cognis_core::output_parsers::StringParser;
use cognis_core::prompts::ChatPromptTemplate;
use cognis_core::{Message, Result, Runnable, RunnableConfig, RunnableExt};

type Variables = HashMap<String, String>;

/// `cognis-core` has no model; a step of its own stands in for the client of `cognis-llm`.
#[derive(Clone, Copy)]
struct InProcess;

#[async_trait]
impl Runnable<Vec<Message>, Message> for InProcess {
    async fn invoke(&self, messages: Vec<Message>, _: RunnableConfig) -> Result<Message> {
        asked(|| (messages[0].content().to_string(), messages[1].content().to_string()));
        Ok(Message::ai(ANSWER))
    }
}

/// The parser takes a string, and nothing in the library leads from a message to one.
fn text() -> Lambda<Message, String> {
    Lambda::from_sync(|message: Message| Ok(message.content().to_string()))
}

fn prompt(system: &str, user: &str) -> ChatPromptTemplate<Variables> {
    ChatPromptTemplate::new().system(system).human(user)
}

fn main() {
    let branch = |task: &str| -> Arc<dyn Runnable<Variables, String>> {
        Arc::new(prompt(task, BRANCH).pipe(InProcess).pipe(text()).pipe(StringParser))
    };
    let topic = Lambda::from_sync(|mut variables: Variables| Ok(variables.remove("topic").unwrap_or_default()));
    let map = Parallel::new()
        .branch("summary", branch(SUMMARY))
        .branch("questions", branch(QUESTIONS))
        .branch("key_terms", branch(KEY_TERMS))
        .branch("topic", Arc::new(topic));
    let chain = map.pipe(prompt(SYNTHESIS, ORIGINAL)).pipe(InProcess).pipe(text()).pipe(StringParser);

    // `stream` gives one chunk, and `batch` loses the order of its inputs: neither is measured.
    Row::new("cognis").invoke(async || {
        let variables = HashMap::from([("topic".to_string(), TOPIC.to_string())]);
        chain.invoke(variables, RunnableConfig::default()).await.unwrap()
    });
}
