//! [`Connection`]: what every provider's builder lets one set about the way to its server, and the methods for it.

use std::sync::Arc;
use std::time::Duration;

use super::Transport;
use super::credentials::Credentials;
use super::limits::{CONNECT, Limits};
use super::secret::Secret;

/// The way to a server: what a provider's builder lets its users set.
///
/// ```
/// use anabranch_models::transport::Connection;
/// use std::time::Duration;
///
/// let connection = Connection::new()
///     .base_url("http://localhost:8080")
///     .header("x-team", "rivers")
///     .between_tokens_timeout(Duration::from_secs(30));
/// assert_eq!(format!("{connection:?}"), r#"Connection { headers: ["x-team"], .. }"#);
/// ```
#[derive(Clone)]
pub struct Connection {
    pub(crate) base_url: Option<String>,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) credentials: Option<Arc<dyn Credentials>>,
    /// `None` for the one that all models share.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) connect: Duration,
    pub(crate) limits: Limits,
    /// Whether a secret may go over an unencrypted connection to another machine.
    pub(crate) allow_http: bool,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            base_url: None,
            headers: Vec::new(),
            credentials: None,
            transport: None,
            connect: CONNECT,
            limits: Limits::default(),
            allow_http: false,
        }
    }
}

impl Connection {
    /// To where the provider is, with the transport that all models share.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where the server is.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// Whether something proves who asks, besides a provider's own key.
    pub(crate) fn has_secrets(&self) -> bool {
        !self.headers.is_empty() || self.credentials.is_some()
    }

    /// For `Debug`.
    pub(crate) fn header_names(&self) -> Vec<&str> {
        self.headers.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// Values of headers may be keys.
impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("headers", &self.header_names()).finish_non_exhaustive()
    }
}

/// The methods of a provider's builder that set the way to its server: the same ones for all. The builder has a field
/// `connection: Connection`.
macro_rules! connection_settings {
    ($builder:ident) => {
        $crate::transport::connection_settings!(@of $builder.connection);
    };
    (@of $builder:ident $(. $field:ident)?) => {
        impl $builder {
            /// A header for every request. Its value is treated as a secret.
            #[must_use]
            pub fn header(mut self, name: impl Into<String>, value: impl Into<$crate::transport::Secret>) -> Self {
                self$(.$field)?.headers.push((name.into(), value.into()));
                self
            }

            /// Headers that are made anew for each request, such as a token that expires.
            #[must_use]
            pub fn credentials(mut self, credentials: impl $crate::transport::Credentials) -> Self {
                self$(.$field)?.credentials = Some(std::sync::Arc::new(credentials));
                self
            }

            /// What sends the requests. All models share one
            /// [`ReqwestTransport`]($crate::transport::ReqwestTransport), and with it their connections, unless this
            /// sets another one.
            #[must_use]
            pub fn transport(mut self, transport: impl $crate::transport::Transport) -> Self {
                self$(.$field)?.transport = Some(std::sync::Arc::new(transport));
                self
            }

            /// How long a connection may take: 10 seconds unless set. A transport of your own sees to that itself.
            #[must_use]
            pub fn connect_timeout(mut self, limit: std::time::Duration) -> Self {
                self$(.$field)?.connect = limit;
                self
            }

            /// How long the model may take until it begins to answer: 10 minutes unless set, because models that reason
            /// say nothing for long. Signs of life are no beginning.
            #[must_use]
            pub fn first_token_timeout(mut self, limit: std::time::Duration) -> Self {
                self$(.$field)?.limits.first_token = limit;
                self
            }

            /// How long the model may pause once it has begun to answer: 5 minutes unless set. Signs of life do not end a
            /// pause.
            #[must_use]
            pub fn between_tokens_timeout(mut self, limit: std::time::Duration) -> Self {
                self$(.$field)?.limits.between_tokens = limit;
                self
            }

            /// How long an answer may take in all: 1 hour unless set. A run's own deadline holds besides.
            #[must_use]
            pub fn total_timeout(mut self, limit: std::time::Duration) -> Self {
                self$(.$field)?.limits.total = limit;
                self
            }

            /// The most bytes an answer may hold: 32 MiB unless set. What is larger is an error.
            #[must_use]
            pub fn max_answer_bytes(mut self, limit: usize) -> Self {
                self$(.$field)?.limits.answer_bytes = limit;
                self
            }

            /// Lets keys, headers and queries go over an unencrypted connection to another machine. Everybody on the way
            /// can read them then.
            #[must_use]
            pub fn allow_http(mut self, allow: bool) -> Self {
                self$(.$field)?.allow_http = allow;
                self
            }
        }
    };
}

pub(crate) use connection_settings;

connection_settings!(@of Connection);
