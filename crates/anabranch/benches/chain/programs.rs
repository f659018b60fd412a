//! The programs that are measured: with this library, and by hand.

use std::hint::black_box;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use anabranch::Observer;
use anabranch::prelude::*;
use futures::{FutureExt, StreamExt};
use serde_json::Value;

pub(crate) const CHUNKS: usize = 1_000;

/// A model in this process: answers at once, or word by word.
#[derive(Clone)]
pub(crate) struct InProcess;

fn answer(messages: &Messages) -> String {
    let asked = messages.last().map_or(0, |message| match message {
        Message::User(user) => user.text().len(),
        _ => 0,
    });
    format!("an answer to {asked} bytes")
}

impl Runnable for InProcess {
    type Input = Messages;
    type Output = AiMessage;

    async fn call(&self, messages: Messages, _: &RunConfig) -> anabranch::Result<AiMessage> {
        Ok(AiMessage::new(answer(&messages)))
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, Messages>, _: &'a RunConfig) -> Chunks<'a, AiMessage> {
        let mut asked = Some(Box::pin(input.collect()));
        let mut left = CHUNKS;
        let words = futures::stream::poll_fn(move |cx| {
            if let Some(asking) = &mut asked {
                black_box(std::task::ready!(asking.poll_unpin(cx)).unwrap());
                asked = None;
            }
            if left == 0 {
                return Poll::Ready(None);
            }
            left -= 1;
            Poll::Ready(Some(Ok(AiMessage::new("word "))))
        });
        Chunks::new(words, AiMessage::merge())
    }
}

pipe_operator!(impl for InProcess);

/// Three chains over one topic at the same time, then one synthesis: the program of the README.
pub(crate) fn three_branches() -> impl Runnable<Input = Value, Output = String> {
    let chain = |system: &str| {
        ChatPromptTemplate::from_messages([("system", system), ("user", "{topic}")]).unwrap()
            | InProcess
            | StrOutputParser
    };
    let map = parallel! {
        "summary": chain("Summarize the following topic concisely:"),
        "questions": chain("Generate three interesting questions about the following topic:"),
        "key_terms": chain("Identify 5-10 key terms from the following topic, separated by commas:"),
        "topic": RunnablePassthrough,
    };
    let synthesis = ChatPromptTemplate::from_messages([
        (
            "system",
            "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
             Key Terms: {key_terms}\nSynthesize a comprehensive answer.",
        ),
        ("user", "Original topic: {topic}"),
    ])
    .unwrap();
    map | synthesis | InProcess | StrOutputParser
}

/// What the branches of the typed program give.
pub(crate) struct Research {
    summary: String,
    questions: String,
    key_terms: String,
    topic: String,
}

/// The same with typed joints.
pub(crate) fn three_branches_typed() -> impl Runnable<Input = String, Output = String> {
    let ask =
        |task: &'static str| prompt!(|topic: String| system: "{task}", user: "{topic}") | InProcess | StrOutputParser;
    let map = parallel!(Research {
        summary: ask("Summarize the following topic concisely:"),
        questions: ask("Generate three interesting questions about the following topic:"),
        key_terms: ask("Identify 5-10 key terms from the following topic, separated by commas:"),
        topic: passthrough(),
    });
    let synthesis = prompt!(|Research { summary, questions, key_terms, topic }|
        system: "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
                 Key Terms: {key_terms}\nSynthesize a comprehensive answer.",
        user: "Original topic: {topic}",
    );
    map | synthesis | InProcess | StrOutputParser
}

/// The same by hand.
pub(crate) mod by_hand {
    use super::*;

    type Conversation = Vec<(&'static str, String)>;

    async fn model(messages: Conversation) -> Result<String, std::io::Error> {
        let asked = messages.last().map_or(0, |(_, text)| text.len());
        Ok(format!("an answer to {asked} bytes"))
    }

    pub(crate) async fn three_branches(topic: String) -> Result<String, std::io::Error> {
        let ask = |system: &str| model(vec![("system", system.to_string()), ("user", topic.clone())]);
        let (summary, questions, key_terms) = futures::join!(
            ask("Summarize the following topic concisely:"),
            ask("Generate three interesting questions about the following topic:"),
            ask("Identify 5-10 key terms from the following topic, separated by commas:"),
        );
        let (summary, questions, key_terms) = (summary?, questions?, key_terms?);
        let synthesis = format!(
            "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
             Key Terms: {key_terms}\nSynthesize a comprehensive answer."
        );
        model(vec![("system", synthesis), ("user", format!("Original topic: {topic}"))]).await
    }

    /// The same with the library's messages, and without its chains.
    pub(crate) async fn three_branches_of_messages(topic: String) -> Result<String, std::io::Error> {
        async fn model(messages: Messages) -> Result<AiMessage, std::io::Error> {
            Ok(AiMessage::new(answer(&messages)))
        }
        let ask = async |system: &str| {
            let mut messages = Messages::with_capacity(2);
            messages.push(SystemMessage::new(system.to_string()));
            messages.push(UserMessage::new(topic.clone()));
            Ok::<_, std::io::Error>(model(messages).await?.into_text())
        };
        let (summary, questions, key_terms) = futures::join!(
            ask("Summarize the following topic concisely:"),
            ask("Generate three interesting questions about the following topic:"),
            ask("Identify 5-10 key terms from the following topic, separated by commas:"),
        );
        let (summary, questions, key_terms) = (summary?, questions?, key_terms?);
        let mut messages = Messages::with_capacity(2);
        messages.push(SystemMessage::new(format!(
            "Based on the following information:\nSummary: {summary}\nRelated Questions: {questions}\n\
             Key Terms: {key_terms}\nSynthesize a comprehensive answer."
        )));
        messages.push(UserMessage::new(format!("Original topic: {topic}")));
        Ok(model(messages).await?.into_text())
    }

    /// A client's stream of messages, boxed here as everywhere, with the text taken out.
    pub(crate) fn stream_of_messages(
        subject: &str,
    ) -> impl futures::Stream<Item = Result<String, std::io::Error>> + Unpin {
        let messages: Conversation = vec![("user", format!("Tell a short story about {subject}."))];
        let stream = futures::stream::iter((0..CHUNKS).map(move |_| {
            black_box(&messages);
            Ok::<_, std::io::Error>(AiMessage::new("word "))
        }));
        stream.boxed().map(|chunk| chunk.map(AiMessage::into_text))
    }

    /// A client's stream of bare texts, boxed here as everywhere.
    pub(crate) fn stream(subject: &str) -> futures::stream::BoxStream<'static, Result<String, std::io::Error>> {
        let messages: Conversation = vec![("user", format!("Tell a short story about {subject}."))];
        futures::stream::iter((0..CHUNKS).map(move |_| {
            black_box(&messages);
            Ok("word ".to_string())
        }))
        .boxed()
    }

    /// So many ready calls in boxes, as a fan-out whose branches are a list has them.
    pub(crate) async fn fan_out(step: &impl Runnable<Input = u64, Output = u64>, branches: usize) -> usize {
        futures::future::join_all((0..branches).map(|_| step.invoke(black_box(1_u64)).boxed())).await.len()
    }
}

pub(crate) const TOPIC: &str = "The history of space exploration";

pub(crate) fn ready<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

pub(crate) async fn read<T, E>(mut stream: impl futures::Stream<Item = Result<T, E>> + Unpin) -> usize {
    let mut chunks = 0;
    while let Some(Ok(chunk)) = stream.next().await {
        black_box(chunk);
        chunks += 1;
    }
    chunks
}

pub(crate) fn story() -> impl Runnable<Input = Value, Output = String> {
    ChatPromptTemplate::from_template("Tell a short story about {subject}.").unwrap() | InProcess | StrOutputParser
}

pub(crate) const STEPS: usize = 16;

/// Sixteen named steps one after the other.
pub(crate) fn steps() -> BoxRunnable<u64, u64> {
    let step = || lambda(async |n: u64| Ok(n + 1));
    let four = || step() | step() | step() | step();
    (four() | four() | four() | four()).boxed()
}

/// A step that takes a permit of the run, and a run that has enough of them.
pub(crate) fn limited() -> (impl Runnable<Input = u64, Output = u64>, RunConfig) {
    (lambda(async |n: u64| Ok(n + 1)).limited(), RunConfig::new().max_concurrency(1_000))
}

/// So many branches that are ready at once.
pub(crate) fn fan_out(branches: usize) -> RunnableParallel<u64> {
    (0..branches)
        .fold(RunnableParallel::new(), |map, index| map.branch(index.to_string(), lambda(async |n: u64| Ok(n))))
}

/// A run with a deadline that it keeps.
pub(crate) fn in_an_hour() -> RunConfig {
    RunConfig::new().deadline_at(tokio::time::Instant::now() + Duration::from_secs(3600))
}

/// A run with an observer that does nothing.
pub(crate) fn observed() -> RunConfig {
    struct Nothing;

    impl Observer for Nothing {}

    RunConfig::new().observer(Arc::new(Nothing))
}
