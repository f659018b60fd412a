//! How requests get to a server and answers back: [`Transport`], which one can bring oneself, and what all providers
//! share on top of it.
//!
//! There are no retries here: a step retries, or nothing does (law 8). A request that met a connection which the server
//! had closed was not heard, and is no retry.

mod cassette;
mod credentials;
mod exchange;
mod failure;
mod limits;
mod reqwest_transport;
mod retry_after;
mod reused;
mod secret;
mod secrets;
mod server;
mod settings;

use std::sync::Arc;

use anabranch_core::Result;
use async_trait::async_trait;
pub use bytes::Bytes;
use futures_core::stream::BoxStream;
pub use http;
use http::{Request, Response};

pub use cassette::Cassette;
pub use credentials::Credentials;
pub use exchange::Exchange;
pub(crate) use exchange::PACKED;
pub(crate) use failure::is_error;
pub use failure::{ErrorTable, Errors};
pub(crate) use limits::{END_MARK, Limits};
pub use reqwest_transport::{ReqwestTransport, ReqwestTransportBuilder};
pub(crate) use retry_after::moment;
pub use secret::Secret;
pub use server::{Call, Server};
pub use settings::Connection;
pub(crate) use settings::connection_settings;

/// The bytes of a response, as they come. Dropping the stream closes the connection, or gives it back.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Sends one request and gives its response: the one place where anabranch touches a network.
///
/// [`ReqwestTransport`] is the one that models use unless told otherwise. Bring another one for a client of your own, for
/// a recording, or for a test:
///
/// ```
/// use anabranch_core::{Result, RunnableExt};
/// use anabranch_models::OpenAi;
/// use anabranch_models::transport::http::{Request, Response};
/// use anabranch_models::transport::{ByteStream, Bytes, Transport};
/// use futures::StreamExt;
///
/// /// Gives everybody the same answer.
/// struct Parrot;
///
/// #[async_trait::async_trait]
/// impl Transport for Parrot {
///     async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
///         assert_eq!(request.uri().path(), "/v1/chat/completions");
///         let body = r#"{"choices": [{"message": {"content": "Hello!"}, "finish_reason": "stop"}]}"#;
///         Ok(Response::new(futures::stream::iter([Ok(Bytes::from(body))]).boxed()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let llm = OpenAi::new("any").base_url("http://localhost/v1").transport(Parrot).build()?;
/// assert_eq!(llm.invoke("Hi").await?.text(), "Hello!");
/// # Ok(()) }
/// ```
///
/// What an implementation owes:
///
/// - one request for one call: it follows no redirect, and sends nothing again but what met a connection that had been
///   kept and that the server had closed;
/// - the body as the server sent it: pieces when they come, not when they are many, and not unpacked;
/// - a dropped future or stream ends the exchange, and leaves no task behind;
/// - errors of the kinds [`Connection`](anabranch_core::ErrorKind::Connection) and
///   [`Timeout`](anabranch_core::ErrorKind::Timeout) where trying again can help,
///   [`Configuration`](anabranch_core::ErrorKind::Configuration) where it cannot; none of them shows address, header or
///   body.
///
/// A response of any status is a response. Time limits, but for that of the connection, are kept by the caller.
#[async_trait]
pub trait Transport: Send + Sync + 'static {
    /// Sends the request, and gives the response as soon as its head is there.
    ///
    /// # Errors
    /// When there is no response: see the list above.
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>>;
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Arc<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
        (**self).send(request).await
    }
}

#[async_trait]
impl<T: Transport + ?Sized> Transport for Box<T> {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
        (**self).send(request).await
    }
}
