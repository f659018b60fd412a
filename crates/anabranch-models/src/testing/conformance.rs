//! The suite that every backend should pass, whoever wrote it: what [`ChatBackend`](crate::ChatBackend) promises, tried
//! out over real sockets on this machine.
//!
//! The author of an adapter says how to make a model of a server's address, and writes down what the provider's server
//! says when it answers `Hello, world!`: as a document, and as a stream. Everything else is the suite's work.
//!
//! ```
//! use anabranch_models::OpenAi;
//! use anabranch_models::testing::conformance::{self, Subject};
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() {
//! let document = r#"{"choices": [{"message": {"content": "Hello, world!"}, "finish_reason": "stop"}]}"#;
//! let frames = [
//!     "data: {\"choices\": [{\"delta\": {\"content\": \"Hello, \"}}]}\n\n",
//!     "data: {\"choices\": [{\"delta\": {\"content\": \"world!\"}}]}\n\n",
//!     "data: {\"choices\": [{\"delta\": {}, \"finish_reason\": \"stop\"}]}\n\n",
//!     "data: [DONE]\n\n",
//! ];
//! let model = |url: &str| OpenAi::new("m").base_url(url).api_key(conformance::KEY).build();
//! conformance::run(&Subject::new(model, document, frames)).await;
//! # }
//! ```
//!
//! [`run`] does all cases; each is a function of its own as well, for a test of its own. A case that does not hold
//! panics and says what was expected. Backends that do without a network need none of this but the first law: a stream
//! adds up to the answer.

mod answers;
mod failures;
mod requests;

use anabranch_core::{Result, RunnableExt};
use anabranch_messages::AiMessage;

pub use answers::{
    a_cut_stream_is_never_whole, a_dropped_call_ends_the_connection, a_stream_adds_up_to_the_answer,
    calls_are_read_whole_or_not_at_all, nothing_is_sent_before_it_is_read,
};
pub use failures::{a_deadline_holds, failures_have_their_kinds_and_hide_what_was_said, redirects_are_not_followed};
pub use requests::what_is_asked_for_is_sent_or_warned_of;

use super::loopback::Script;
use crate::chat_model::ChatModel;

/// The key that the models of a [`Subject`] should have: no error may show any of it.
pub const KEY: &str = "conformance-key-7f3a9";

/// What is answered.
const TEXT: &str = "Hello, world!";
/// What is asked: no error may show it.
const PROMPT: &str = "A prompt that nobody may see";

type Build = Box<dyn Fn(&str) -> Result<ChatModel> + Send + Sync>;

/// A backend, and what its provider's server says.
pub struct Subject {
    build: Build,
    document: String,
    frames: Vec<String>,
    content_type: String,
    call: Option<(String, Vec<String>)>,
}

impl Subject {
    /// How to make a model of a server's address, such as `http://127.0.0.1:4711`; the answer `Hello, world!` as a
    /// document; and the same as a stream, in the pieces that the provider sends (events, lines), with at least two
    /// pieces of text.
    pub fn new<F, S>(model: F, document: impl Into<String>, frames: impl IntoIterator<Item = S>) -> Self
    where
        F: Fn(&str) -> Result<ChatModel> + Send + Sync + 'static,
        S: Into<String>,
    {
        Self {
            build: Box::new(model),
            document: document.into(),
            frames: frames.into_iter().map(Into::into).collect(),
            content_type: "text/event-stream".into(),
            call: None,
        }
    }

    /// The content type of the stream: `text/event-stream` unless set.
    #[must_use]
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = content_type.into();
        self
    }

    /// An answer that calls the function `weather` with `{"city": "Bremen"}` and nothing else: as a document, and as a
    /// stream.
    #[must_use]
    pub fn call<S>(mut self, document: impl Into<String>, frames: impl IntoIterator<Item = S>) -> Self
    where
        S: Into<String>,
    {
        self.call = Some((document.into(), frames.into_iter().map(Into::into).collect()));
        self
    }

    fn model(&self, url: &str) -> ChatModel {
        (self.build)(url).expect("a model of the server's address")
    }

    fn plain(&self) -> Script {
        Script::new("application/json", &self.document)
    }

    fn streamed(&self, body: &[u8], size: usize) -> Script {
        Script::new(&self.content_type, "").in_pieces(body, size)
    }
}

impl std::fmt::Debug for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subject").field("frames", &self.frames.len()).finish_non_exhaustive()
    }
}

/// All cases.
///
/// # Panics
/// When one of them does not hold.
pub async fn run(subject: &Subject) {
    a_stream_adds_up_to_the_answer(subject).await;
    nothing_is_sent_before_it_is_read(subject).await;
    a_cut_stream_is_never_whole(subject).await;
    calls_are_read_whole_or_not_at_all(subject).await;
    a_dropped_call_ends_the_connection(subject).await;
    a_deadline_holds(subject).await;
    failures_have_their_kinds_and_hide_what_was_said(subject).await;
    redirects_are_not_followed(subject).await;
    what_is_asked_for_is_sent_or_warned_of(subject).await;
}

/// A stream read chunk by chunk: what came, and how it ended.
async fn read(llm: &ChatModel) -> (Vec<AiMessage>, Result<()>) {
    let mut chunks = llm.stream(PROMPT);
    let mut came = Vec::new();
    while let Some(chunk) = chunks.next().await {
        match chunk {
            Ok(chunk) => came.push(chunk),
            Err(error) => return (came, Err(error)),
        }
    }
    (came, Ok(()))
}

fn added_up(chunks: &[AiMessage]) -> AiMessage {
    chunks.iter().cloned().fold(AiMessage::default(), |mut whole, chunk| {
        whole.append(chunk);
        whole
    })
}
