//! What the runnables of a case are made of: a model and steps that count who is at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch::describe::{Kind, Label};
use anabranch::messages::{AiMessage, Messages};
use anabranch::models::{ChatAnswer, ChatBackend, ChatCall, ChatModel, ChatRequest, Reply, ScriptedModel};
use anabranch::{Chunks, Error, ErrorKind, Merge, Result, RunConfig, Runnable, pipe_operator};
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};

/// Stands in every prompt, answer and value, and may stand in no rendering.
pub(crate) const MARKER: &str = "xyzzy";
pub(crate) const TEXT: &str = "one xyzzy three";

const PAUSE: Duration = Duration::from_millis(10);

/// One run's surroundings: everything in it works, or everything in it fails.
pub(crate) struct World {
    pub(crate) fails: bool,
    script: ScriptedModel,
    at_work: Arc<AtomicUsize>,
}

impl World {
    pub(crate) fn new(fails: bool) -> Self {
        let answer = format!(r#"{{"answer": "an {MARKER} of words", "parts": [1, 2, 3]}}"#);
        let reply = if fails { Reply::error(failure()) } else { answer.as_str().into() };
        let script = ScriptedModel::new().otherwise(reply).delay(PAUSE, PAUSE);
        Self { fails, script, at_work: Arc::default() }
    }

    /// A model whose answer is JSON, a word at a time.
    pub(crate) fn llm(&self) -> ChatModel {
        ChatModel::from_backend(Watched { script: self.script.clone(), at_work: self.at_work.clone() })
    }

    /// A step that streams: numbers the words of a text.
    pub(crate) fn words(&self) -> Words {
        Words { fails: self.fails, flaky: None, at_work: self.at_work.clone() }
    }

    /// [`words`](Self::words) that fail so many times first.
    pub(crate) fn flaky(&self, times: usize) -> Words {
        Words { flaky: Some(Arc::new(AtomicUsize::new(times))), ..self.words() }
    }

    /// A step that fails whatever the world.
    pub(crate) fn broken(&self) -> Words {
        Words { fails: true, ..self.words() }
    }

    /// The result of a plain function.
    pub(crate) fn done<T>(&self, value: T) -> Result<T> {
        if self.fails { Err(failure()) } else { Ok(value) }
    }

    /// An object that a prompt can use, or not.
    pub(crate) fn variables(&self) -> Value {
        if self.fails { json!({ "other": MARKER }) } else { json!({ "topic": TEXT }) }
    }

    /// An answer that a JSON parser can use, or not.
    pub(crate) fn answer(&self) -> AiMessage {
        AiMessage::new(if self.fails { r#"{"answer": "xyzzy"#.to_string() } else { format!(r#"["{TEXT}"]"#) })
    }

    pub(crate) fn requests(&self) -> usize {
        self.script.requests().len()
    }

    /// How many answers and steps are under way.
    pub(crate) fn at_work(&self) -> usize {
        self.at_work.load(Ordering::SeqCst)
    }
}

fn failure() -> Error {
    Error::new(ErrorKind::Server, "status 500")
}

/// Held by whoever works.
struct AtWork(Arc<AtomicUsize>);

impl AtWork {
    fn begin(at_work: &Arc<AtomicUsize>) -> Self {
        at_work.fetch_add(1, Ordering::SeqCst);
        Self(at_work.clone())
    }
}

impl Drop for AtWork {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The scripted model, with a count of the answers under way.
struct Watched {
    script: ScriptedModel,
    at_work: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl ChatBackend for Watched {
    fn name(&self) -> &str {
        self.script.name()
    }

    async fn answer(&self, request: ChatRequest, call: ChatCall) -> Result<ChatAnswer> {
        let _at_work = AtWork::begin(&self.at_work);
        self.script.answer(request, call).await
    }

    fn stream(&self, request: ChatRequest, call: ChatCall) -> BoxStream<'_, Result<ChatAnswer>> {
        let chunks = async move {
            let at_work = AtWork::begin(&self.at_work);
            self.script.stream(request, call).inspect(move |_| {
                let _ = &at_work;
            })
        };
        stream::once(chunks).flatten().boxed()
    }
}

/// A user's own step: numbers the words of a text, one chunk a word.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    fails: bool,
    flaky: Option<Arc<AtomicUsize>>,
    at_work: Arc<AtomicUsize>,
}

impl Words {
    async fn begin(&self) -> Result<AtWork> {
        let at_work = AtWork::begin(&self.at_work);
        tokio::time::sleep(PAUSE).await;
        let still = self.flaky.as_ref().is_some_and(|left| {
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
        });
        if self.fails || still { Err(failure()) } else { Ok(at_work) }
    }
}

fn numbered(text: &str) -> Vec<String> {
    text.split(' ').enumerate().map(|(index, word)| format!("{index} {word} ")).collect()
}

impl Runnable for Words {
    type Input = String;
    type Output = String;

    async fn call(&self, text: String, _: &RunConfig) -> Result<String> {
        let _at_work = self.begin().await?;
        tokio::time::sleep(PAUSE).await;
        Ok(numbered(&text).concat())
    }

    fn call_stream<'a>(&'a self, text: Chunks<'a, String>, _: &'a RunConfig) -> Chunks<'a, String> {
        Chunks::deferred(async move {
            let text = text.collect().await?;
            let at_work = self.begin().await?;
            let words = stream::iter(numbered(&text)).then(move |word| {
                let _ = &at_work;
                async move {
                    tokio::time::sleep(PAUSE).await;
                    Ok(word)
                }
            });
            Ok(Chunks::new(words, Merge::append()))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("words"), "Words"))
    }
}

pipe_operator!(impl for Words);

#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Answer {
    pub(crate) answer: String,
    pub(crate) parts: Vec<u32>,
}

/// The messages that stand for [`TEXT`].
pub(crate) fn question() -> Messages {
    TEXT.into()
}
