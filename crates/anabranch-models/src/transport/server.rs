//! [`Server`]: where requests go, and what each of them carries.

use std::fmt;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request};
use reqwest::Url;

use super::exchange::{Exchange, Wait};
use super::failure::{ErrorTable, Errors};
use super::reqwest_transport::{ReqwestTransport, is_loopback};
use super::secrets::Secrets;
use super::{Connection, Credentials, Limits, Secret, Transport};
use crate::backend::ChatCall;
use crate::options::ChatOptions;

/// Where requests go, and what each of them carries: what a provider's backend holds.
///
/// ```
/// use anabranch_core::ErrorKind;
/// use anabranch_models::transport::{Connection, ErrorTable, Secret, Server};
///
/// const ERRORS: ErrorTable = ErrorTable { words: &[("no_credit", ErrorKind::QuotaExceeded)], sentences: &[], statuses: &[] };
///
/// # fn main() -> anabranch_core::Result<()> {
/// let key = Secret::from("k-1").after("Bearer ");
/// let server = Server::new(Connection::new(), "https://api.example.com/v1", Some(("authorization", key)), &ERRORS)?;
/// assert_eq!((server.domain(), server.base_path()), ("api.example.com", "/v1"));
/// # Ok(()) }
/// ```
pub struct Server {
    transport: Arc<dyn Transport>,
    base: Url,
    host: Arc<str>,
    headers: HeaderMap,
    credentials: Option<Arc<dyn Credentials>>,
    secrets: Secrets,
    limits: Limits,
    /// Whether what is secret may go there.
    private: bool,
    table: &'static ErrorTable,
}

/// One request, as a provider makes it.
pub struct Call<'a> {
    /// What follows the base URL: `["chat", "completions"]`. Empty for the base URL itself.
    pub path: &'a [&'a str],
    /// Further members of the query: `("alt", "sse")`.
    pub query: &'a [(&'a str, &'a str)],
    /// Headers that hold no secret and depend on the call, such as `anthropic-beta`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The JSON document.
    pub body: Vec<u8>,
    /// `text/event-stream`, `application/json`, ...
    pub accept: &'static str,
}

impl Server {
    /// A server. `base` is where it is unless the connection's settings say so; the key, if there is one, goes into
    /// `key.0`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the base URL is none or holds a password, when a header cannot be sent, or
    /// when something secret would go out in the open.
    pub fn new(
        connection: Connection,
        base: &str,
        key: Option<(&'static str, Secret)>,
        table: &'static ErrorTable,
    ) -> Result<Self> {
        let unusable = |message: String| Err(Error::new(ErrorKind::Configuration, message));
        let Ok(base) = Url::parse(connection.base_url.as_deref().unwrap_or(base).trim()) else {
            return unusable("the base URL is no URL: it should look like `https://api.example.com/v1`".into());
        };
        let Some(host) = base.host_str().filter(|_| matches!(base.scheme(), "http" | "https")) else {
            return unusable("a base URL must start with `https://` or `http://` and name a host".into());
        };
        if !base.username().is_empty() || base.password().is_some() {
            return unusable("a base URL must not hold a user name or password: use the API key or a header".into());
        }
        let mut secrets = Secrets::default();
        let mut headers = HeaderMap::new();
        // What the user sets wins: gateways want other keys in the same place.
        let own = key.into_iter().map(|(name, key)| (name.to_string(), key));
        for (name, value) in own.chain(connection.headers) {
            let name = header_name(&name)?;
            secrets.add(value.reveal());
            headers.insert(name, value.header()?);
        }
        base.query_pairs().for_each(|(_, value)| secrets.add(&value));
        let private = base.scheme() == "https" || is_loopback(host) || connection.allow_http;
        let is_secret = !headers.is_empty() || connection.credentials.is_some() || base.query().is_some();
        if is_secret && !private {
            return unusable(open(host));
        }
        let host = match base.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let transport = match connection.transport {
            Some(transport) => transport,
            None if connection.connect == super::limits::CONNECT => Arc::new(ReqwestTransport::shared()),
            None => Arc::new(ReqwestTransport::builder().connect_timeout(connection.connect).build()),
        };
        Ok(Self {
            transport,
            base,
            host: host.into(),
            headers,
            credentials: connection.credentials,
            secrets,
            limits: connection.limits,
            private,
            table,
        })
    }

    /// The host, without the port: by which dialects are known.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// The path of the base URL.
    #[must_use]
    pub fn base_path(&self) -> &str {
        self.base.path()
    }

    /// Posts a JSON document, with the headers that the options hold. No redirect is followed and nothing tried again.
    ///
    /// # Errors
    /// Whatever is no success, by the provider's table; and when there is no answer in time, or none at all.
    pub async fn post(&self, call: Call<'_>, options: &ChatOptions, circumstances: ChatCall) -> Result<Exchange> {
        let mut errors = Errors { host: self.host.clone(), secrets: self.secrets.clone(), table: self.table };
        let mut wait = Wait::new(self.limits, circumstances.deadline);
        let send = async {
            let request = self.request(call, options, &mut errors.secrets).await?;
            self.transport.send(request).await
        };
        let response = match wait.during(self.limits.first_token, send).await {
            Ok(sent) => sent?,
            Err(over) => return Err(over.error(&self.host, "no answer came from")),
        };
        let (head, body) = response.into_parts();
        let exchange = Exchange::new(head.headers, body, errors, self.limits, wait, options.keep_raw);
        if head.status.is_success() {
            return Ok(exchange);
        }
        Err(exchange.into_failure(head.status).await)
    }

    async fn request(&self, call: Call<'_>, options: &ChatOptions, secrets: &mut Secrets) -> Result<Request<Bytes>> {
        let mut headers = self.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
        headers.extend(call.headers);
        let mut secret = |name: &str, value: &Secret| -> Result<()> {
            if !self.private {
                return Err(Error::new(ErrorKind::Configuration, open(&self.host)));
            }
            secrets.add(value.reveal());
            headers.insert(header_name(name)?, value.header()?);
            Ok(())
        };
        if let Some(credentials) = &self.credentials {
            for (name, value) in credentials.headers().await? {
                secret(&name, &value)?;
            }
        }
        for (name, value) in &options.headers {
            secret(name, &Secret::from(value.as_str()))?;
        }
        if let Some(key) = &options.idempotency_key {
            headers.insert("idempotency-key", Secret::from(key.as_str()).header()?);
        }
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = Request::builder().method(Method::POST).uri(url.as_str());
        if let Some(there) = request.headers_mut() {
            *there = headers;
        }
        // The error would quote the address.
        request.body(call.body.into()).map_err(|_| {
            Error::new(ErrorKind::Configuration, "the base URL or the model's name cannot stand in a request")
        })
    }
}

fn open(host: &str) -> String {
    format!(
        "a key, header or query would go to {host} over an unencrypted connection: use `https://`, or say \
         `allow_http(true)`"
    )
}

fn header_name(name: &str) -> Result<HeaderName> {
    HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| Error::new(ErrorKind::Configuration, "a header has a name that is none"))
}

/// Without the body, which is what was asked.
impl fmt::Debug for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call").field("path", &self.path).field("accept", &self.accept).finish_non_exhaustive()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("host", &self.host).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: ErrorTable = ErrorTable { words: &[], sentences: &[], statuses: &[] };

    fn refused(url: &str, header: Option<&str>, allow_http: bool) -> Option<String> {
        let headers = header.map(|name| (name.to_string(), Secret::from("hunter2"))).into_iter().collect();
        let connection = Connection { headers, allow_http, ..Connection::default() };
        Server::new(connection, url, None, &TABLE).err().map(|error| error.to_string())
    }

    #[test]
    fn what_is_secret_goes_over_http_to_this_machine_only() {
        for own in ["http://localhost:8080/v1", "http://127.0.0.1/v1", "http://127.8.9.1", "http://[::1]:1/v1?key=k"] {
            assert_eq!(refused(own, Some("authorization"), false), None, "{own}");
        }
        for other in ["http://example.com/v1", "http://10.0.0.1", "http://localhost.evil.com", "http://[::2]"] {
            for header in ["authorization", "x-anything"] {
                assert!(refused(other, Some(header), false).unwrap().contains("unencrypted"), "{other}");
                assert_eq!(refused(other, Some(header), true), None, "{other}");
            }
            assert_eq!(refused(other, None, false), None, "{other}");
            let query = format!("{other}?key=hunter2");
            let error = refused(&query, None, false).unwrap();
            assert!(error.contains("unencrypted") && !error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn strange_urls_are_refused_without_showing_them() {
        assert!(refused("ftp://example.com", None, false).is_some());
        let error = refused("https://me:hunter2@example.com", None, false).unwrap();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
