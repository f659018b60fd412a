//! Tokens: what an observer that wants them hears of an answer while it is made.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::{
    BoxRunnable, Error, ErrorKind, Merge, Observer, Retry, RunnableExt, StepEvent, generator, lambda, parallel,
};
use anabranch_messages::{ContentPart, Reasoning};
use serde_json::json;

use super::*;
use crate::scripted::Reply;

/// What each execution of a step told, in the order in which they began to.
#[derive(Default)]
struct Heard(Mutex<Vec<(u64, String, Vec<String>)>>);

impl Observer for Heard {
    fn wants_tokens(&self) -> bool {
        true
    }

    fn token(&self, step: &StepEvent<'_>, text: &str) {
        let mut heard = self.0.lock().unwrap();
        match heard.iter_mut().find(|(id, ..)| *id == step.id()) {
            Some((.., tokens)) => tokens.push(text.to_string()),
            None => heard.push((step.id(), step.path().to_string(), vec![text.to_string()])),
        }
    }
}

impl Heard {
    fn config() -> (Arc<Self>, RunConfig) {
        let heard = Arc::new(Self::default());
        (heard.clone(), RunConfig::new().observer(heard))
    }

    /// By execution: which step, and its tokens with bars between them.
    fn take(&self) -> Vec<(String, String)> {
        let heard = std::mem::take(&mut *self.0.lock().unwrap());
        heard.into_iter().map(|(_, step, tokens)| (step, tokens.join("|"))).collect()
    }
}

fn told(step: &str, tokens: &str) -> (String, String) {
    (step.to_string(), tokens.to_string())
}

fn parser() -> impl Runnable<Input = AiMessage, Output = String> + Clone {
    generator(|answer: Chunks<'_, AiMessage>| {
        answer.map_chunks(|message| Ok(message.text().into_owned()), Merge::append())
    })
}

fn prompt() -> BoxRunnable<String, Messages> {
    lambda(async |topic: String| Ok(Messages::from(format!("Tell me of {topic}")))).boxed()
}

/// Counts how it is asked.
#[derive(Clone)]
struct Asked {
    script: ScriptedModel,
    whole: Arc<AtomicUsize>,
    streamed: Arc<AtomicUsize>,
}

impl Asked {
    fn new(script: ScriptedModel) -> Self {
        Self { script, whole: Arc::default(), streamed: Arc::default() }
    }

    fn count(&self) -> (usize, usize) {
        (self.whole.load(Ordering::SeqCst), self.streamed.load(Ordering::SeqCst))
    }
}

#[async_trait::async_trait]
impl ChatBackend for Asked {
    fn name(&self) -> &str {
        "asked"
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer> {
        self.whole.fetch_add(1, Ordering::SeqCst);
        self.script.answer(request, call).await
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> futures::stream::BoxStream<'_, Result<ChatAnswer>> {
        self.streamed.fetch_add(1, Ordering::SeqCst);
        self.script.stream(request, call)
    }
}

#[tokio::test]
async fn a_chain_that_is_invoked_tells_the_tokens_of_its_model_in_order() {
    let backend = Asked::new(ScriptedModel::new().otherwise("Runs off, runs back."));
    let chain = prompt() | ChatModel::from_backend(backend.clone()) | parser();
    let silent = chain.invoke("rivers").await.unwrap();
    assert_eq!(backend.count(), (1, 0), "nobody listens: it is called");

    let (heard, config) = Heard::config();
    assert_eq!(chain.invoke_with("rivers", &config).await.unwrap(), silent);
    assert_eq!(backend.count(), (1, 1));
    let all = [told("ChatModel asked", "Runs |off, |runs |back.")];
    assert_eq!(heard.take(), all);
    // Streamed it tells the same, once.
    assert_eq!(chain.stream_with("rivers", &config).collect().await.unwrap(), silent);
    assert_eq!(heard.take(), all);
    let mut chunks = chain.stream_with("rivers", &config);
    while let Some(chunk) = chunks.next().await {
        chunk.unwrap();
    }
    assert_eq!(heard.take(), all);
    // And so it does where somebody looks for progress.
    let timed = chain.clone().with_idle_timeout(std::time::Duration::from_secs(9));
    assert_eq!(timed.invoke_with("rivers", &config).await.unwrap(), silent);
    assert_eq!(heard.take(), all);
}

#[tokio::test]
async fn an_observer_that_does_not_want_them_changes_nothing() {
    #[derive(Default)]
    struct Deaf(AtomicUsize);
    impl Observer for Deaf {
        fn token(&self, _: &StepEvent<'_>, _: &str) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let backend = Asked::new(ScriptedModel::new().otherwise("a b"));
    let llm = ChatModel::from_backend(backend.clone());
    let deaf = Arc::new(Deaf::default());
    let config = RunConfig::new().observer(deaf.clone());
    llm.invoke_with("?", &config).await.unwrap();
    llm.stream_with("?", &config).collect().await.unwrap();
    // Beside one that wants them it hears none either.
    let (heard, _) = Heard::config();
    llm.invoke_with("?", &config.clone().observer(heard.clone())).await.unwrap();
    assert_eq!((backend.count(), deaf.0.load(Ordering::SeqCst)), ((2, 1), 0));
    assert_eq!(heard.take(), [told("ChatModel asked", "a |b")]);
}

#[tokio::test(start_paused = true)]
async fn another_attempt_is_another_execution() {
    let broken = Reply::from("one two three").breaking_after(2, Error::new(ErrorKind::IncompleteStream, "cut"));
    let script = ScriptedModel::new().reply(broken).reply("one two three");
    let (heard, config) = Heard::config();
    let chain = prompt() | ChatModel::from(script).with_retry(Retry::attempts(2)) | parser();
    assert_eq!(chain.invoke_with("?", &config).await.unwrap(), "one two three");
    assert_eq!(heard.take(), [told("ChatModel scripted", "one |two "), told("ChatModel scripted", "one |two |three")]);

    let broken = ScriptedModel::new()
        .named("first")
        .reply(Reply::from("half of it").breaking_after(1, Error::new(ErrorKind::Server, "down")));
    let second = ChatModel::from(ScriptedModel::new().named("second").reply("all of it"));
    let chain = prompt() | ChatModel::from(broken).with_fallback(second) | parser();
    assert_eq!(chain.invoke_with("?", &config).await.unwrap(), "all of it");
    assert_eq!(heard.take(), [told("ChatModel first", "half "), told("ChatModel second", "all |of |it")]);
}

#[tokio::test(start_paused = true)]
async fn branches_side_by_side_are_told_apart() {
    let llm = ChatModel::from(ScriptedModel::new().when_contains("ebb", "it falls").when_contains("flood", "it rises"));
    let chain = || prompt() | llm.clone() | parser();
    let both = parallel! {
        "ebb": lambda(async |_: String| Ok("ebb".to_string())) | chain(),
        "flood": lambda(async |_: String| Ok("flood".to_string())) | chain(),
    };
    let (heard, config) = Heard::config();
    let answer = both.invoke_with("?".to_string(), &config).await.unwrap();
    assert_eq!(answer, json!({"ebb": "it falls", "flood": "it rises"}));
    let mut all = heard.take();
    all.sort();
    assert_eq!(
        all,
        [
            told("parallel \"ebb\" > ChatModel scripted", "it |falls"),
            told("parallel \"flood\" > ChatModel scripted", "it |rises"),
        ]
    );
}

#[tokio::test]
async fn what_is_collected_for_the_tokens_is_the_answer() {
    let thinking = ContentPart::from(Reasoning::new("Rivers, hm."));
    let message = AiMessage::from(thinking).with_usage(anabranch_messages::Usage::new(3, 4));
    let mut whole = message;
    whole.append(AiMessage::new("It bends."));
    let script = ScriptedModel::new().otherwise(Reply::from(whole));
    let llm = ChatModel::from(script);
    let (heard, config) = Heard::config();
    let (plain, collected) =
        (llm.with_envelope().invoke("?").await.unwrap(), llm.with_envelope().invoke_with("?", &config).await.unwrap());
    assert_eq!(plain, collected);
    // What it thought is no part of the answer's text.
    assert_eq!(heard.take(), [told("ChatModel scripted", "It |bends.")]);
}

#[tokio::test]
async fn a_failure_is_the_same_failure() {
    let broken = || Reply::error(Error::new(ErrorKind::Overloaded, "too busy"));
    let llm = ChatModel::from(ScriptedModel::new().otherwise(broken()));
    let (heard, config) = Heard::config();
    let plain = llm.invoke("?").await.unwrap_err();
    assert_eq!(llm.invoke_with("?", &config).await.unwrap_err().to_string(), plain.to_string());
    assert_eq!(heard.take(), []);
}

#[tokio::test]
async fn an_observer_that_panics_takes_nothing_along() {
    struct Panics;
    impl Observer for Panics {
        fn wants_tokens(&self) -> bool {
            panic!("wants")
        }
    }
    struct PanicsLater;
    impl Observer for PanicsLater {
        fn wants_tokens(&self) -> bool {
            true
        }

        fn token(&self, _: &StepEvent<'_>, _: &str) {
            panic!("token")
        }
    }
    std::panic::set_hook(Box::new(|_| {}));
    let llm = ChatModel::from(ScriptedModel::new().otherwise("a b"));
    let (heard, config) = Heard::config();
    let config = config.observer(Arc::new(Panics)).observer(Arc::new(PanicsLater));
    assert_eq!(llm.invoke_with("?", &config).await.unwrap().text(), "a b");
    assert_eq!(heard.take(), [told("ChatModel scripted", "a |b")]);
}
