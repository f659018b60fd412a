//! [`ReqwestTransport`]: the transport that models use unless told otherwise.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::{Poll, ready};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result};
use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use http::{Request, Response};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity, Proxy};
use tokio::runtime::{self, Handle};
use tokio::time::Instant;

use super::limits::CONNECT;
use super::reused::{AT_ONCE, NoteConnects, on_kept_connection, was_closed};
use super::{ByteStream, Transport};

/// HTTP/1.1 and, where the server offers it, HTTP/2; TLS by rustls with the system's certificates; proxies as the
/// environment says (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) for all servers but those on this machine.
///
/// Connections are kept for half a minute and used again. A server may close one just as a request goes out on it: a
/// request that meets a closed connection at once, before anything of a response, is sent again on a new one, one time.
/// Nothing else is ever sent twice.
///
/// All models share one, and with it their connections, unless their builder is given another. It lives as long as the
/// last of them. In a program with several runtimes, each has connections of its own. A private CA, a client certificate or a proxy is set here:
///
/// ```no_run
/// use anabranch_models::OpenAi;
/// use anabranch_models::transport::ReqwestTransport;
///
/// # fn main() -> anabranch_core::Result<()> {
/// let transport = ReqwestTransport::builder()
///     .root_certificate(&std::fs::read("our-ca.pem")?)?
///     .client_certificate(&std::fs::read("me-and-my-key.pem")?)?
///     .proxy("http://proxy.example.com:3128")?
///     .build();
/// let llm = OpenAi::new("our-model").base_url("https://llm.example.com/v1").transport(transport).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct ReqwestTransport(Arc<Clients>);

struct Clients {
    settings: ReqwestTransportBuilder,
    /// One client serves every request.
    given: Option<Client>,
    /// Made when they are needed, because certificates are loaded from disk: one for each [`Way`] of each runtime, since
    /// what a client spawns ends with the runtime, and its connections with that. The oldest stand first.
    made: Mutex<VecDeque<(Option<runtime::Id>, Way, Client)>>,
}

/// The most clients that are kept: a few runtimes, with what each of them needs. Nobody is told when one ends.
const CLIENTS: usize = 32;

/// How a request goes out.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Way {
    encrypted: bool,
    /// To this machine's own servers.
    own: bool,
    /// On a connection that was kept, where there is one; else on one made for this request alone.
    kept: bool,
}

/// What a [`ReqwestTransport`] is made of.
#[derive(Clone)]
#[must_use]
pub struct ReqwestTransportBuilder {
    connect: Duration,
    roots: Vec<Certificate>,
    identity: Option<Identity>,
    proxy: Option<Proxy>,
}

impl ReqwestTransport {
    /// The transport that models use unless told otherwise: the one that lives, or a new one.
    #[must_use]
    pub fn shared() -> Self {
        static SHARED: Mutex<Weak<Clients>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        let clients = shared.upgrade().unwrap_or_else(|| {
            let clients = Self::builder().build().0;
            *shared = Arc::downgrade(&clients);
            clients
        });
        Self(clients)
    }

    /// A transport with settings of its own.
    pub fn builder() -> ReqwestTransportBuilder {
        ReqwestTransportBuilder { connect: CONNECT, roots: Vec::new(), identity: None, proxy: None }
    }
}

impl ReqwestTransportBuilder {
    /// How long a connection may take, TLS included: 10 seconds unless set.
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect = limit;
        self
    }

    /// Trusts the certificates in a PEM file as well as those of the system.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when there is none in it.
    pub fn root_certificate(mut self, pem: &[u8]) -> Result<Self> {
        let found = Certificate::from_pem_bundle(pem).map_err(|error| unusable("the CA certificate", error))?;
        if found.is_empty() {
            return Err(Error::new(ErrorKind::Configuration, "there is no certificate in the PEM text of the CA"));
        }
        self.roots.extend(found);
        Ok(self)
    }

    /// Shows a certificate to servers that ask for one: a PEM file with the certificate, its chain and its private key.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when one of them is missing.
    pub fn client_certificate(mut self, pem: &[u8]) -> Result<Self> {
        let identity = Identity::from_pem(pem).map_err(|error| unusable("the client certificate", error))?;
        self.identity = Some(identity);
        Ok(self)
    }

    /// Sends everything by way of a proxy, this machine's own servers included, whatever the environment says.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the address is none.
    pub fn proxy(mut self, url: &str) -> Result<Self> {
        self.proxy = Some(Proxy::all(url).map_err(|error| unusable("the proxy's address", error))?);
        Ok(self)
    }

    /// The transport.
    #[must_use]
    pub fn build(self) -> ReqwestTransport {
        ReqwestTransport(Arc::new(Clients { settings: self, given: None, made: Default::default() }))
    }

    fn client(&self, Way { encrypted, own, kept }: Way) -> Result<Client> {
        let mut client = strict(Client::builder().tls_backend_rustls())
            .connect_timeout(self.connect)
            .tcp_keepalive(Duration::from_secs(60))
            .pool_max_idle_per_host(if kept { 64 } else { 0 })
            .pool_idle_timeout(Duration::from_secs(30))
            .connector_layer(NoteConnects)
            .user_agent(concat!("anabranch/", env!("CARGO_PKG_VERSION")));
        if !encrypted {
            // Certificates are loaded from disk, and nobody will show any here.
            client = client.tls_certs_only([]);
        } else if !self.roots.is_empty() {
            client = client.tls_certs_merge(self.roots.iter().cloned());
        }
        if let (Some(identity), true) = (&self.identity, encrypted) {
            client = client.identity(identity.clone());
        }
        match &self.proxy {
            Some(proxy) => client = client.proxy(proxy.clone()),
            // No proxy can reach this machine's own servers.
            None if own => client = client.no_proxy(),
            None => {}
        }
        client.build().map_err(|error| unusable("the HTTP client", error))
    }
}

/// Nothing that anabranch does not know of: no redirects with the key in them, no address in a `Referer`, no bytes that
/// grow while they are unpacked. Other crates of the program may have switched such features on. What reqwest sends
/// again by itself is what a server of HTTP/2 says it did not look at (RFC 9113, section 8.7).
fn strict(client: ClientBuilder) -> ClientBuilder {
    client.redirect(Policy::none()).referer(false).no_gzip().no_brotli().no_zstd().no_deflate()
}

impl Clients {
    fn client(&self, way: Way) -> Result<Client> {
        let runtime = Handle::try_current().ok().map(|handle| handle.id());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((.., client)) = made.iter().find(|(of, to, _)| (*of, *to) == (runtime, way)) {
            return Ok(client.clone());
        }
        let client = self.settings.client(way)?;
        if made.len() >= CLIENTS {
            made.pop_front();
        }
        made.push_back((runtime, way, client.clone()));
        Ok(client)
    }

    async fn execute(&self, request: reqwest::Request, host: &str) -> Result<reqwest::Response> {
        let failed = |error| no_response(error, host);
        if let Some(client) = &self.given {
            return client.execute(request).await.map_err(failed);
        }
        let url = request.url();
        let (encrypted, own) = (url.scheme() == "https", url.host_str().is_some_and(is_loopback));
        let way = Way { encrypted, own, kept: true };
        let client = self.client(way)?;
        let again = request.try_clone();
        let began = Instant::now();
        let (answer, was_kept) = on_kept_connection(client.execute(request)).await;
        match (answer, again) {
            // llama.cpp, for one, closes after every streamed answer, though it promised to keep the connection.
            (Err(error), Some(again)) if was_kept && began.elapsed() < AT_ONCE && was_closed(&error) => {
                self.client(Way { kept: false, ..way })?.execute(again).await.map_err(failed)
            }
            (answer, _) => answer.map_err(failed),
        }
    }
}

/// Uses a client of your own, as it is. It must follow no redirects (`redirect(Policy::none())`): of the headers that
/// hold keys, reqwest takes only a few out when it goes to another host. What it does when a kept connection turns out to
/// be closed is up to its own settings.
impl From<Client> for ReqwestTransport {
    fn from(client: Client) -> Self {
        let settings = Self::builder();
        Self(Arc::new(Clients { settings, given: Some(client), made: Default::default() }))
    }
}

#[async_trait]
impl Transport for ReqwestTransport {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
        let uri = request.uri();
        let host = uri.authority().map_or_else(String::new, |authority| match authority.port_u16() {
            // Not the whole authority: it may hold a password.
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_string(),
        });
        let request =
            reqwest::Request::try_from(request).map_err(|error| unusable("the address of a request", error))?;
        let mut response = self.0.execute(request, &host).await?;

        let mut head = Response::builder().status(response.status()).version(response.version());
        if let Some(headers) = head.headers_mut() {
            std::mem::swap(headers, response.headers_mut());
        }
        let body = futures_util::stream::poll_fn(move |context| {
            // A future for each look keeps nothing, and the response is not moved about.
            let chunk = ready!(pin!(response.chunk()).poll(context));
            Poll::Ready(match chunk {
                Ok(bytes) => bytes.map(Ok),
                Err(error) => Some(Err(failed(format!("the connection broke while reading from {host}"), error))),
            })
        });
        head.body(body.boxed()).map_err(|error| {
            Error::new(ErrorKind::Connection, "the head of a response cannot be read").with_source(error)
        })
    }
}

fn unusable(what: &str, error: reqwest::Error) -> Error {
    Error::new(ErrorKind::Configuration, format!("{what} cannot be used")).with_source(error.without_url())
}

/// An error before there was a response. Some of them no second attempt can help.
fn no_response(error: reqwest::Error, host: &str) -> Error {
    if let Some(why) = never(&error) {
        let message = format!("cannot connect to {host}: {why}");
        return Error::new(ErrorKind::Configuration, message).with_source(error.without_url());
    }
    match error.is_connect() {
        true => failed(format!("cannot connect to {host}"), error),
        false => failed(format!("the connection broke before an answer from {host}"), error),
    }
}

/// The URL goes: it may hold what nobody should read.
fn failed(message: String, error: reqwest::Error) -> Error {
    let kind = if error.is_timeout() { ErrorKind::Timeout } else { ErrorKind::Connection };
    Error::new(kind, message).with_source(error.without_url())
}

/// Why it will not work the next time either: a certificate that is not trusted, a host that does not exist.
fn never(error: &reqwest::Error) -> Option<&'static str> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let mut inner = error;
        // The source of an `io::Error` is that of the error inside of it, not the error itself.
        while let Some(next) = inner.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            inner = next;
        }
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return match tls {
                rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented => Some(
                    "its certificate is not trusted; a private CA is set with `ReqwestTransport::builder().root_certificate(..)`",
                ),
                rustls::Error::AlertReceived(alert) if is_about_certificates(*alert) => Some(
                    "it wants a certificate of the client's, or another one; it is set with `ReqwestTransport::builder().client_certificate(..)`",
                ),
                _ => None,
            };
        }
        // The standard library has no kind for it, and hyper-util no type: words are all there is.
        if error.to_string() == "dns error" {
            let text = error.source().map(ToString::to_string).unwrap_or_default().to_ascii_lowercase();
            let passes = ["temporary", "try again", "timed out"].iter().any(|word| text.contains(word));
            return (!passes).then_some("there is no such host; check the base URL");
        }
        cause = error.source();
    }
    None
}

/// What a server says when it does not know its client (RFC 8446, section 6.2).
fn is_about_certificates(alert: rustls::AlertDescription) -> bool {
    use rustls::AlertDescription as Alert;
    let refusals = [
        Alert::CertificateRequired,
        Alert::BadCertificate,
        Alert::UnsupportedCertificate,
        Alert::CertificateRevoked,
        Alert::CertificateExpired,
        Alert::CertificateUnknown,
        Alert::UnknownCA,
        // One whose signature cannot be verified.
        Alert::DecryptError,
    ];
    refusals.contains(&alert)
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

impl fmt::Debug for ReqwestTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransport").finish_non_exhaustive()
    }
}

impl fmt::Debug for ReqwestTransportBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReqwestTransportBuilder")
            .field("connect", &self.connect)
            .field("roots", &self.roots.len())
            .field("identity", &self.identity.is_some())
            .field("proxy", &self.proxy.is_some())
            .finish()
    }
}
