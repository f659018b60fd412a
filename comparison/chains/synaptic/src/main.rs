//! synaptic: `BoxRunnable | BoxRunnable`.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use bench_common::texts::{ANSWER, BRANCH, KEY_TERMS, ORIGINAL, QUESTIONS, SUMMARY, SYNTHESIS, TOPIC, double_braces};
use bench_common::{Row, asked};
use serde_json::Value;
use synaptic::core::{ChatModel, ChatRequest, ChatResponse, Message, RunnableConfig, SynapticError};
use synaptic::parsers::StrOutputParser;
use synaptic::prompts::{ChatPromptTemplate, MessageTemplate, PromptTemplate};
use synaptic::runnables::{BoxRunnable, Runnable, RunnableLambda, RunnableParallel};

type Variables = HashMap<String, Value>;

struct InProcess;

#[async_trait]
impl ChatModel for InProcess {
    async fn chat(&self, request: ChatRequest) -> Result<ChatResponse, SynapticError> {
        let text = |index: usize| request.messages[index].content().to_string();
        asked(|| (text(0), text(1)));
        Ok(ChatResponse { message: Message::ai(ANSWER), usage: None })
    }
}

/// A model is no step, so the step is a function around it.
fn ask(model: &Arc<dyn ChatModel>) -> BoxRunnable<Vec<Message>, Message> {
    let model = model.clone();
    RunnableLambda::new(move |messages: Vec<Message>| {
        let model = model.clone();
        async move { Ok(model.chat(ChatRequest::new(messages)).await?.message) }
    })
    .boxed()
}

fn prompt(system: &str, user: &str) -> BoxRunnable<Variables, Vec<Message>> {
    let template = |text: &str| PromptTemplate::new(double_braces(text));
    ChatPromptTemplate::new(vec![MessageTemplate::System(template(system)), MessageTemplate::Human(template(user))])
        .boxed()
}

fn main() {
    let model: Arc<dyn ChatModel> = Arc::new(InProcess);
    // Every branch of a parallel ends in a JSON value.
    let branch = |task: &str| {
        let to_json = RunnableLambda::new(|text: String| async move { Ok(Value::String(text)) });
        prompt(task, BRANCH) | ask(&model) | StrOutputParser.boxed() | to_json.boxed()
    };
    let topic =
        RunnableLambda::new(
            |mut variables: Variables| async move { Ok(variables.remove("topic").unwrap_or_default()) },
        );
    let map = RunnableParallel::new(vec![
        ("summary".into(), branch(SUMMARY)),
        ("questions".into(), branch(QUESTIONS)),
        ("key_terms".into(), branch(KEY_TERMS)),
        ("topic".into(), topic.boxed()),
    ]);
    // The parallel gives a JSON object, the prompt takes a map.
    let to_map = RunnableLambda::new(|object: Value| async move {
        match object {
            Value::Object(object) => Ok(object.into_iter().collect::<Variables>()),
            _ => Err(SynapticError::Prompt("not an object".into())),
        }
    });
    let chain = map.boxed() | to_map.boxed() | prompt(SYNTHESIS, ORIGINAL) | ask(&model) | StrOutputParser.boxed();

    // `stream` gives one chunk, and `batch` runs one input after the other: neither is measured.
    let config = RunnableConfig::default();
    Row::new("synaptic").invoke(async || {
        let variables = HashMap::from([("topic".to_string(), Value::String(TOPIC.to_string()))]);
        chain.invoke(variables, &config).await.unwrap()
    });
}
