//! [`Endpoint`]: one URL that requests are posted to.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use tokio::time::Instant;

use anabranch_core::{Error, ErrorKind, Result};

use super::body::{Body, connection, within};
use super::failure::{Failure, redirect, with_headers};
use super::{MAX_FAILURE, tls};

/// How patient the transport is. There is no limit on a whole answer but the run's deadline.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Settings {
    /// To a connection.
    pub(crate) connect: Duration,
    /// From the request to the head of the answer, and without data in a stream that is kept alive. Reasoning models are
    /// silent for minutes.
    pub(crate) response: Duration,
    /// Between bytes of the answer.
    pub(crate) idle: Duration,
    /// Whether a key may go over an unencrypted connection to another machine.
    pub(crate) allow_http: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            response: Duration::from_secs(600),
            idle: Duration::from_secs(90),
            allow_http: false,
        }
    }
}

/// One URL that requests are posted to, with the headers each of them carries.
pub(crate) struct Endpoint {
    client: Client,
    url: Url,
    host: Arc<str>,
    headers: HeaderMap,
    settings: Settings,
}

impl Endpoint {
    /// An endpoint. `has_key` says that the headers hold a secret.
    pub(crate) fn new(url: Url, mut headers: HeaderMap, has_key: bool, settings: Settings) -> Result<Self> {
        let unusable = |message: String| Err(Error::new(ErrorKind::Configuration, message));
        let Some(host) = url.host_str().filter(|_| matches!(url.scheme(), "http" | "https")) else {
            return unusable("a base URL must start with `https://` or `http://` and name a host".into());
        };
        if !url.username().is_empty() || url.password().is_some() {
            return unusable("a base URL must not hold a user name or password: use the API key or a header".into());
        }
        let (encrypted, loopback) = (url.scheme() == "https", is_loopback(host));
        if has_key && !encrypted && !loopback && !settings.allow_http {
            return unusable(format!(
                "the key would go to {host} over an unencrypted connection: use `https://`, or say `allow_http(true)`"
            ));
        }
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let mut client = Client::builder()
            .tls_backend_preconfigured(tls::client_config(encrypted)?)
            .redirect(Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(settings.connect)
            .tcp_keepalive(Duration::from_secs(60))
            // A server may close a connection in the moment it is used again, and a request that was sent is not sent
            // twice. llama.cpp closes after every streamed answer, though it promised to keep the connection. So a
            // connection is kept only where a new one is dear, and not for long.
            .pool_max_idle_per_host(if encrypted { 64 } else { 0 })
            .pool_idle_timeout(Duration::from_secs(30))
            .user_agent(concat!("anabranch/", env!("CARGO_PKG_VERSION")));
        if loopback {
            // No proxy can reach this machine's own servers.
            client = client.no_proxy();
        }
        let client = client.build().map_err(|error| {
            Error::new(ErrorKind::Configuration, "the HTTP client cannot be set up").with_source(error.without_url())
        })?;
        Ok(Self { client, url, host: host.into(), headers, settings })
    }

    /// The host and port, as they stand in errors.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// Posts a JSON document. Whatever is no success becomes an error by the provider's table.
    pub(crate) async fn post(
        &self,
        document: Vec<u8>,
        accept: &'static str,
        deadline: Option<Instant>,
        table: impl Fn(Failure<'_>) -> Error,
    ) -> Result<Body> {
        let request = self
            .client
            .post(self.url.clone())
            .headers(self.headers.clone())
            .header(ACCEPT, HeaderValue::from_static(accept))
            .body(document)
            .send();
        let response = match within(self.settings.response, deadline, request).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) if error.is_connect() => return Err(connection("cannot connect to", &self.host, error)),
            Ok(Err(error)) => return Err(connection("the connection broke before an answer from", &self.host, error)),
            Err(over) => return Err(over.error(&self.host, "no answer", self.settings.response)),
        };
        let status = response.status();
        let host = self.host.clone();
        if status.is_success() {
            let Settings { idle, response: patience, .. } = self.settings;
            return Ok(Body { response, host, idle, patience, deadline });
        }
        if status.is_redirection() {
            return Err(redirect(status, &host, response.headers()));
        }
        let headers = response.headers().clone();
        // What went wrong is known; its explanation is not worth a long wait.
        let idle = self.settings.idle.min(Duration::from_secs(10));
        let body = Body { response, host, idle, patience: idle, deadline }.read_start(MAX_FAILURE).await;
        Err(with_headers(table(Failure { status: status.as_u16(), body: &body }), &headers))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Endpoint").field("host", &self.host).finish_non_exhaustive()
    }
}

fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(url: &str, has_key: bool, settings: Settings) -> Option<String> {
        let url = Url::parse(url).unwrap();
        Endpoint::new(url, HeaderMap::new(), has_key, settings).err().map(|error| error.to_string())
    }

    #[test]
    fn a_key_goes_over_http_to_this_machine_only() {
        let strict = Settings::default();
        for own in ["http://localhost:8080/v1", "http://127.0.0.1/v1", "http://127.8.9.1", "http://[::1]:1/v1"] {
            assert_eq!(refused(own, true, strict), None, "{own}");
        }
        for other in ["http://example.com/v1", "http://10.0.0.1", "http://localhost.evil.com", "http://[::2]"] {
            assert!(refused(other, true, strict).unwrap().contains("unencrypted"), "{other}");
            assert_eq!(refused(other, false, strict), None, "{other}");
            assert_eq!(refused(other, true, Settings { allow_http: true, ..strict }), None, "{other}");
        }
    }

    #[test]
    fn strange_urls_are_refused_without_showing_them() {
        assert!(refused("ftp://example.com", false, Settings::default()).is_some());
        let error = refused("https://me:hunter2@example.com", false, Settings::default()).unwrap();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
