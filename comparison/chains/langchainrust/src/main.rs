//! langchainrust (the crates `lc-*`): `.pipe()`, `RunnableParallel` and `ChatPromptTemplate`.

use std::collections::HashMap;
use std::pin::Pin;

use async_trait::async_trait;
use bench_common::texts::{ANSWER, BRANCH, KEY_TERMS, ORIGINAL, QUESTIONS, STORY, SUMMARY, SYNTHESIS, TOPIC, WORD};
use bench_common::{AT_ONCE, CHUNKS, Row, asked, read};
use futures::{Stream, stream};
use lc_core::language_models::LLMResult;
use lc_core::output_parsers::StrOutputParser;
use lc_core::runnables::{LcelError, Runnable, RunnableConfig, RunnableExt, RunnableLambda, RunnableParallel};
use lc_prompts::ChatPromptTemplate;
use lc_schema::Message;
use serde_json::Value;

type Variables = HashMap<String, String>;

/// The models of `lc-providers` are steps of the same shape.
#[derive(Clone, Copy)]
struct InProcess;

fn result(content: &str) -> LLMResult {
    LLMResult {
        content: content.to_string(),
        model: String::new(),
        token_usage: None,
        tool_calls: None,
        thinking_content: None,
    }
}

#[async_trait]
impl Runnable<Vec<Message>, LLMResult> for InProcess {
    type Error = LcelError;

    async fn invoke(&self, messages: Vec<Message>, _: Option<RunnableConfig>) -> Result<LLMResult, LcelError> {
        asked(|| (messages[0].content.clone(), messages[1].content.clone()));
        Ok(result(ANSWER))
    }

    async fn stream(
        &self,
        _: Vec<Message>,
        _: Option<RunnableConfig>,
    ) -> Result<Pin<Box<dyn Stream<Item = Result<LLMResult, LcelError>> + Send>>, LcelError> {
        Ok(Box::pin(stream::iter((0..CHUNKS).map(|_| Ok(result(WORD))))))
    }
}

fn prompt(system: &str, user: &str) -> ChatPromptTemplate {
    ChatPromptTemplate::new(vec![Message::system(system), Message::human(user)])
}

fn variables(topic: String) -> Variables {
    HashMap::from([("topic".to_string(), topic)])
}

fn main() {
    let branch = |task: &str| prompt(task, BRANCH).pipe(InProcess).pipe(StrOutputParser::new());
    let topic = RunnableLambda::new_sync(|mut variables: Variables| variables.remove("topic").unwrap_or_default());
    let map = RunnableParallel::<Variables>::new()
        .with("summary", branch(SUMMARY))
        .with("questions", branch(QUESTIONS))
        .with("key_terms", branch(KEY_TERMS))
        .with("topic", topic);
    // The parallel gives a map of JSON values, the prompt takes a map of strings.
    let to_strings = RunnableLambda::new_sync(|map: HashMap<String, Value>| -> Variables {
        let text = |value| if let Value::String(text) = value { text } else { String::new() };
        map.into_iter().map(|(key, value)| (key, text(value))).collect()
    });
    let chain = map.pipe(to_strings).pipe(prompt(SYNTHESIS, ORIGINAL)).pipe(InProcess).pipe(StrOutputParser::new());
    let story = ChatPromptTemplate::new(vec![Message::human(STORY)]).pipe(InProcess).pipe(StrOutputParser::new());

    Row::new("langchainrust")
        .invoke(async || chain.invoke(variables(TOPIC.to_string()), None).await.unwrap())
        .stream(async || read(story.stream(variables(TOPIC.to_string()), None).await.unwrap()).await)
        .batch(async |topics| {
            let inputs = topics.into_iter().map(variables).collect();
            let config = RunnableConfig::new().with_max_concurrency(AT_ONCE);
            chain.batch(inputs, Some(config)).await.unwrap()
        });
}
