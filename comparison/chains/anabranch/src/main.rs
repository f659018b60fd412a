//! anabranch: typed joints, JSON joints, and JSON joints with the model behind `ChatModel`.

use anabranch::messages::AiMessage;
use anabranch::models::{ChatAnswer, ChatBackend, ChatCall, ChatRequest};
use anabranch::prelude::*;
use bench_common::texts::{ANSWER, BRANCH, KEY_TERMS, ORIGINAL, QUESTIONS, STORY, SUMMARY, SYNTHESIS, TOPIC, WORD};
use bench_common::{AT_ONCE, CHUNKS, Row, asked, read};
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::Value;

/// The model in this process as a step of its own.
#[derive(Clone)]
struct InProcess;

fn answer(messages: &Messages) -> AiMessage {
    let text = |message: Option<&Message>| message.map(|message| message.text().to_string()).unwrap_or_default();
    asked(|| (text(messages.first()), text(messages.last())));
    AiMessage::new(ANSWER)
}

fn words() -> impl futures::Stream<Item = anabranch::Result<AiMessage>> {
    stream::iter((0..CHUNKS).map(|_| Ok(AiMessage::new(WORD))))
}

impl Runnable for InProcess {
    type Input = Messages;
    type Output = AiMessage;

    async fn call(&self, messages: Messages, _: &RunConfig) -> anabranch::Result<AiMessage> {
        Ok(answer(&messages))
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, Messages>, _: &'a RunConfig) -> Chunks<'a, AiMessage> {
        let words = stream::once(input.collect()).flat_map(|messages| {
            std::hint::black_box(messages).ok();
            words()
        });
        Chunks::new(words, AiMessage::merge())
    }
}

pipe_operator!(impl for InProcess);

/// The same model as an adapter to a provider is written.
struct Backend;

#[async_trait::async_trait]
impl ChatBackend for Backend {
    fn name(&self) -> &str {
        "in-process"
    }

    async fn answer(&self, request: ChatRequest, _: ChatCall) -> anabranch::Result<ChatAnswer> {
        Ok(answer(&request.messages).into())
    }

    fn stream(&self, _: ChatRequest, _: ChatCall) -> BoxStream<'_, anabranch::Result<ChatAnswer>> {
        words().map(|word| word.map(ChatAnswer::from)).boxed()
    }
}

trait Model: Runnable<Input = Messages, Output = AiMessage> + Clone + 'static {}
impl<M: Runnable<Input = Messages, Output = AiMessage> + Clone + 'static> Model for M {}

fn json_joints(model: impl Model) -> impl Runnable<Input = Value, Output = String> {
    let branch = |task: &str| {
        ChatPromptTemplate::from_messages([("system", task), ("user", BRANCH)]).unwrap()
            | model.clone()
            | StrOutputParser
    };
    let map = parallel! {
        "summary": branch(SUMMARY),
        "questions": branch(QUESTIONS),
        "key_terms": branch(KEY_TERMS),
        "topic": RunnablePassthrough,
    };
    let synthesis = ChatPromptTemplate::from_messages([("system", SYNTHESIS), ("user", ORIGINAL)]).unwrap();
    map | synthesis | model.clone() | StrOutputParser
}

struct Research {
    summary: String,
    questions: String,
    key_terms: String,
    topic: String,
}

fn typed_joints() -> impl Runnable<Input = String, Output = String> {
    let branch =
        |task: &'static str| prompt!(|topic: String| system: "{task}", user: "{topic}") | InProcess | StrOutputParser;
    let map = parallel!(Research {
        summary: branch(SUMMARY),
        questions: branch(QUESTIONS),
        key_terms: branch(KEY_TERMS),
        topic: passthrough(),
    });
    let synthesis = prompt!(|Research { summary, questions, key_terms, topic }|
        system: "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
                 Key Terms: {key_terms}\nSynthesize a comprehensive answer.",
        user: "Original topic: {topic}",
    );
    map | synthesis | InProcess | StrOutputParser
}

fn story(model: impl Model) -> impl Runnable<Input = Value, Output = String> {
    ChatPromptTemplate::from_template(STORY).unwrap() | model | StrOutputParser
}

fn typed_story() -> impl Runnable<Input = String, Output = String> {
    prompt!(|topic: String| user: "Tell a short story about {topic}.") | InProcess | StrOutputParser
}

fn measure<I: From<String> + Send + 'static>(
    name: &'static str,
    chain: impl Runnable<Input = I, Output = String>,
    story: impl Runnable<Input = I, Output = String>,
) {
    let limit = RunConfig::new().max_concurrency(AT_ONCE);
    Row::new(name)
        .invoke(async || chain.invoke(I::from(TOPIC.to_string())).await.unwrap())
        .stream(async || read(story.stream(I::from(TOPIC.to_string()))).await)
        .batch(async |topics| chain.batch_with(topics.into_iter().map(I::from), &limit).await.unwrap());
}

fn main() {
    measure("anabranch, typed joints", typed_joints(), typed_story());
    measure("anabranch, JSON joints", json_joints(InProcess), story(InProcess));
    let model = ChatModel::from_backend(Backend);
    measure("anabranch, JSON joints, `ChatModel`", json_joints(model.clone()), story(model));
}
