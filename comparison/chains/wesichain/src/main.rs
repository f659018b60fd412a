//! wesichain: `.then()`, `RunnableParallel` and `ChatPromptTemplate`.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use bench_common::texts::{ANSWER, BRANCH, KEY_TERMS, ORIGINAL, QUESTIONS, SUMMARY, SYNTHESIS, TOPIC, double_braces};
use bench_common::{Row, asked};
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::Value;
use wesichain_core::{
    LlmResponse, Message, Runnable, RunnableExt, RunnableParallel, StrOutputParser, StreamEvent, WesichainError,
};
use wesichain_prompt::{ChatPromptTemplate, MessagePromptTemplate, PromptTemplate};

type Variables = HashMap<String, Value>;
type Events<'a> = BoxStream<'a, Result<StreamEvent, WesichainError>>;

struct InProcess;

#[async_trait]
impl Runnable<Vec<Message>, LlmResponse> for InProcess {
    async fn invoke(&self, messages: Vec<Message>) -> Result<LlmResponse, WesichainError> {
        let text = |index: usize| messages[index].content.to_text_lossy();
        asked(|| (text(0), text(1)));
        Ok(LlmResponse { content: ANSWER.to_string(), ..Default::default() })
    }

    fn stream(&self, _: Vec<Message>) -> Events<'_> {
        stream::empty().boxed()
    }
}

/// There is no step made of a function: what stands between two steps is a type with both methods.
struct Topic;

#[async_trait]
impl Runnable<Variables, String> for Topic {
    async fn invoke(&self, variables: Variables) -> Result<String, WesichainError> {
        Ok(variables.get("topic").and_then(Value::as_str).unwrap_or_default().to_string())
    }

    fn stream(&self, _: Variables) -> Events<'_> {
        stream::empty().boxed()
    }
}

/// The parallel gives a map of strings, the prompt takes a map of JSON values.
struct ToVariables;

#[async_trait]
impl Runnable<BTreeMap<String, String>, Variables> for ToVariables {
    async fn invoke(&self, map: BTreeMap<String, String>) -> Result<Variables, WesichainError> {
        Ok(map.into_iter().map(|(key, text)| (key, Value::String(text))).collect())
    }

    fn stream(&self, _: BTreeMap<String, String>) -> Events<'_> {
        stream::empty().boxed()
    }
}

fn prompt(system: &str, user: &str) -> ChatPromptTemplate {
    ChatPromptTemplate::new(vec![
        MessagePromptTemplate::System(PromptTemplate::new(double_braces(system))),
        MessagePromptTemplate::Human(PromptTemplate::new(double_braces(user))),
    ])
}

fn main() {
    type Branch = Arc<dyn Runnable<Variables, String> + Send + Sync>;
    let branch = |task: &str| -> Branch {
        let asking = RunnableExt::<Variables, Vec<Message>>::then(prompt(task, BRANCH), InProcess);
        Arc::new(RunnableExt::<Variables, LlmResponse>::then(asking, StrOutputParser))
    };
    let map = RunnableParallel::new(BTreeMap::from([
        ("summary".to_string(), branch(SUMMARY)),
        ("questions".to_string(), branch(QUESTIONS)),
        ("key_terms".to_string(), branch(KEY_TERMS)),
        ("topic".to_string(), Arc::new(Topic)),
    ]));
    let asking = map.then(ToVariables).then(prompt(SYNTHESIS, ORIGINAL)).then(InProcess);
    let chain = RunnableExt::<Variables, LlmResponse>::then(asking, StrOutputParser);

    // A chain's `stream` runs all but its last step first and so gives one chunk, and there is no batch.
    Row::new("wesichain").invoke(async || {
        let variables = HashMap::from([("topic".to_string(), Value::String(TOPIC.to_string()))]);
        Runnable::<Variables, String>::invoke(&chain, variables).await.unwrap()
    });
}
