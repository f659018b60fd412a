//! [`Cassette`]: exchanges that are recorded, and replayed.

mod difference;
mod recording;
mod scrub;
mod tape;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderName, HeaderValue, Request, Response};

use super::{ByteStream, ReqwestTransport, Transport};
use recording::Recording;
use scrub::Scrub;
use tape::{End, Exchange, RecordedRequest, RecordedResponse, Tape};

/// A [`Transport`] that records real exchanges to a file, or replays them: so that chains are tested offline with what
/// providers really say.
///
/// ```
/// use anabranch_core::{Result, RunnableExt};
/// use anabranch_models::OpenAi;
/// use anabranch_models::transport::Cassette;
/// # use anabranch_models::transport::http::{Request, Response};
/// # use anabranch_models::transport::{ByteStream, Bytes, Transport};
/// # use futures::StreamExt;
/// # struct Server;
/// # #[async_trait::async_trait]
/// # impl Transport for Server {
/// #     async fn send(&self, _: Request<Bytes>) -> Result<Response<ByteStream>> {
/// #         let body = r#"{"choices": [{"message": {"content": "Hello!"}, "finish_reason": "stop"}]}"#;
/// #         Ok(Response::new(futures::stream::iter([Ok(Bytes::from(body))]).boxed()))
/// #     }
/// # }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// # let file = std::env::temp_dir().join(format!("anabranch-doc-{}.json", std::process::id()));
/// let llm = |cassette: Cassette| OpenAi::new("gpt-4o-mini").api_key("sk-...").transport(cassette).build();
/// // Once, by hand:
/// # let cassette = Cassette::record_with(&file, Server);
/// # if false {
/// let cassette = Cassette::record("tests/cassettes/greeting.json");
/// # }
/// llm(cassette)?.invoke("Hi").await?;
/// // In the test:
/// let cassette = Cassette::replay(&file)?;
/// assert_eq!(llm(cassette.clone())?.invoke("Hi").await?.text(), "Hello!");
/// assert_eq!(cassette.remaining(), 0);
/// # std::fs::remove_file(file).ok();
/// # Ok(()) }
/// ```
///
/// # What is recorded
///
/// A JSON file that a person can read, written anew whenever an exchange ends: method, address and body of each request;
/// status, headers and body of each response, in the pieces and at the times in which it came. Secrets are removed: of
/// headers only those are kept that are known to hold none, of a query only what says which API is meant, and wherever
/// a value that was left out so stands in a response, it is taken out there as well. Prompts and answers are kept:
/// do not record what nobody may read.
///
/// # How it is replayed
///
/// Strictly: a request gets the first recorded exchange with the same method, address and body (the same JSON, in whatever
/// order its keys are) that was not used yet. One that was not recorded is an error of the kind
/// [`Configuration`](ErrorKind::Configuration) that shows the difference, texts included. Pieces come as they were cut
/// and without delay, or [at the pace](Self::at_recorded_pace) at which they came.
#[derive(Clone)]
pub struct Cassette(Arc<Mode>);

enum Mode {
    Record { file: PathBuf, tape: Arc<Mutex<Tape>>, inner: Box<dyn Transport> },
    Replay { tape: Mutex<Replayed>, at_pace: bool },
}

#[derive(Clone)]
struct Replayed {
    exchanges: Vec<Option<Exchange>>,
}

impl Cassette {
    /// Records to a file what the [shared transport](ReqwestTransport::shared) does. What the file held is replaced when
    /// the first exchange ends.
    pub fn record(file: impl AsRef<Path>) -> Self {
        Self::record_with(file, ReqwestTransport::shared())
    }

    /// [`record`](Self::record), with another transport.
    pub fn record_with(file: impl AsRef<Path>, transport: impl Transport) -> Self {
        let file = file.as_ref().to_path_buf();
        Self(Arc::new(Mode::Record { file, tape: Arc::default(), inner: Box::new(transport) }))
    }

    /// Replays a file. Nothing goes over the network.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the file cannot be read, or is no cassette.
    pub fn replay(file: impl AsRef<Path>) -> Result<Self> {
        let exchanges = Tape::load(file.as_ref())?.exchanges.into_iter().flatten().map(Some).collect();
        Ok(Self(Arc::new(Mode::Replay { tape: Mutex::new(Replayed { exchanges }), at_pace: false })))
    }

    /// Lets each piece come as long after the one before as it did when it was recorded. For a recording nothing changes.
    #[must_use]
    pub fn at_recorded_pace(self) -> Self {
        match &*self.0 {
            Mode::Record { .. } => self,
            Mode::Replay { tape, .. } => {
                let tape = Mutex::new(lock(tape).clone());
                Self(Arc::new(Mode::Replay { tape, at_pace: true }))
            }
        }
    }

    /// How many recorded exchanges were not asked for: zero at the end of a test that does all that was recorded.
    #[must_use]
    pub fn remaining(&self) -> usize {
        match &*self.0 {
            Mode::Record { .. } => 0,
            Mode::Replay { tape, .. } => lock(tape).exchanges.iter().flatten().count(),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Transport for Cassette {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
        match &*self.0 {
            Mode::Record { file, tape, inner } => {
                let scrub = Scrub::of(&request);
                let recorded = scrub.request(&request);
                // The place of a request is where it was sent.
                let place = lock(tape).reserve();
                let response = inner.send(request).await?;
                let (head, body) = response.into_parts();
                let response = RecordedResponse {
                    status: head.status.as_u16(),
                    headers: scrub.response_headers(&head.headers),
                    chunks: Vec::new(),
                    end: End::Dropped,
                };
                let exchange = Exchange { request: recorded, response };
                let recording = Recording::new(body, exchange, scrub, place, tape.clone(), file.clone());
                Ok(Response::from_parts(head, recording.boxed()))
            }
            Mode::Replay { tape, at_pace } => {
                let asked = Scrub::of(&request).request(&request);
                let exchange = lock(tape).take(&asked)?;
                respond(exchange.response, *at_pace)
            }
        }
    }
}

impl Replayed {
    fn take(&mut self, asked: &RecordedRequest) -> Result<Exchange> {
        let found = self.exchanges.iter_mut().find(|one| one.as_ref().is_some_and(|one| one.request == *asked));
        if let Some(exchange) = found.and_then(Option::take) {
            return Ok(exchange);
        }
        let nearest = self.exchanges.iter().flatten().map(|one| difference::between(&one.request, asked));
        let message = match nearest.min_by_key(Vec::len) {
            None => "the cassette has no exchange left, and a request came that was not recorded".to_string(),
            Some(differences) => {
                format!("the cassette has no such request; the nearest differs in {}", difference::shown(&differences))
            }
        };
        Err(Error::new(ErrorKind::Configuration, message))
    }
}

fn respond(response: RecordedResponse, at_pace: bool) -> Result<Response<ByteStream>> {
    let unusable = || Error::new(ErrorKind::Configuration, "the cassette holds a response that is none");
    let RecordedResponse { status, headers, chunks, end } = response;
    let chunks = futures_util::stream::iter(chunks).then(move |chunk| async move {
        if at_pace {
            tokio::time::sleep(Duration::from_millis(chunk.after_ms)).await;
        }
        chunk.into_bytes()
    });
    let end = match end {
        End::Ended => None,
        End::Broke => Some(Error::new(ErrorKind::Connection, "the connection broke when this was recorded")),
        End::Dropped => {
            Some(Error::new(ErrorKind::Configuration, "nobody read on when this was recorded: the cassette ends here"))
        }
    };
    let body = chunks.chain(futures_util::stream::iter(end.map(Err)));
    let mut response = Response::builder().status(status).body(body.boxed()).map_err(|_| unusable())?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unusable())?;
        let value = HeaderValue::from_str(&value).map_err(|_| unusable())?;
        response.headers_mut().append(name, value);
    }
    Ok(response)
}

impl fmt::Debug for Cassette {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Mode::Record { file, .. } => f.debug_struct("Cassette").field("record", file).finish(),
            Mode::Replay { .. } => f.debug_struct("Cassette").field("remaining", &self.remaining()).finish(),
        }
    }
}

#[cfg(all(test, feature = "openai"))]
mod tests;
