//! [`Ollama`]: which model of which server, and how to get there.

use std::fmt;
use std::sync::Arc;

use anabranch_core::Result;

use super::Backend;
use super::error::ERRORS;
use crate::backend::ChatBackend;
use crate::chat_model::ChatModel;
use crate::embedding_backend::EmbeddingBackend;
use crate::embedding_model::EmbeddingModel;
use crate::providers::{Environment, embeddings};
use crate::transport::{Connection, Secret, Server, connection_settings};

const BASE_URL: &str = "http://localhost:11434";

/// A model that Ollama runs, on this machine unless told otherwise.
///
/// ```
/// use anabranch_models::Ollama;
///
/// # fn main() -> anabranch_core::Result<()> {
/// let llm = Ollama::new("llama3.2").build()?;
/// assert_eq!(llm.name(), "ollama:llama3.2");
/// # Ok(()) }
/// ```
///
/// No address and no key is read from the environment here; [`ChatModel::new`] does that. A proxy is: `HTTPS_PROXY`,
/// `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` hold for all servers but those on this machine.
#[doc(alias = "ChatOllama")]
#[derive(Clone)]
pub struct Ollama {
    model: String,
    key: Option<Secret>,
    connection: Connection,
}

connection_settings!(Ollama);

impl Ollama {
    /// A model by its name, such as `llama3.2` or `qwen3:4b`.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), key: None, connection: Connection::default() }
    }

    /// Where the server is: `http://localhost:11434` unless set, `https://ollama.com` for its own cloud.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.connection.base_url = Some(url.into());
        self
    }

    /// The key, which goes as a bearer token. Only Ollama's cloud and gateways want one.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.key = Some(key.into()).filter(|key| !key.is_empty());
        self
    }

    /// The model, ready to be a step.
    ///
    /// # Errors
    /// [`Configuration`](anabranch_core::ErrorKind::Configuration) when the base URL is none, when a header cannot be
    /// sent, or a key would go out in the open.
    pub fn build(self) -> Result<ChatModel> {
        self.into_backend().map(ChatModel::from_backend)
    }

    /// The model, ready to be a step that turns texts into vectors: for models such as `nomic-embed-text`. A text that does
    /// not fit into the model is an error; the server would cut it off in silence.
    ///
    /// ```
    /// use anabranch_models::Ollama;
    ///
    /// # fn main() -> anabranch_core::Result<()> {
    /// let model = Ollama::new("nomic-embed-text").build_embeddings()?;
    /// assert_eq!(model.name(), "ollama:nomic-embed-text");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`build`](Self::build).
    pub fn build_embeddings(self) -> Result<EmbeddingModel> {
        self.into_embeddings().map(EmbeddingModel::from_backend)
    }

    fn into_embeddings(self) -> Result<embeddings::Backend> {
        let Backend { name, model, server } = self.into_backend()?;
        Ok(embeddings::Backend { name, model, format: embeddings::Format::Ollama, server })
    }

    fn into_backend(self) -> Result<Backend> {
        let key = self.key.map(|key| ("authorization", key.after("Bearer ")));
        let server = Server::new(self.connection, BASE_URL, key, &ERRORS)?;
        Ok(Backend { name: format!("ollama:{}", self.model), model: self.model, server })
    }
}

impl fmt::Debug for Ollama {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ollama")
            .field("model", &self.model)
            .field("key", &self.key)
            .field("headers", &self.connection.header_names())
            .finish_non_exhaustive()
    }
}

/// The model that `ollama:…` means: `OLLAMA_HOST`, `OLLAMA_API_KEY`.
pub(crate) fn from_environment(model: &str, environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    Ok(Arc::new(configured(model, environment).into_backend()?))
}

/// The embedding model that `ollama:…` means.
pub(crate) fn embeddings_from_environment(
    model: &str,
    environment: Environment<'_>,
) -> Result<Arc<dyn EmbeddingBackend>> {
    Ok(Arc::new(configured(model, environment).into_embeddings()?))
}

fn configured(model: &str, environment: Environment<'_>) -> Ollama {
    let mut config = Ollama::new(model);
    if let Some(host) = environment("OLLAMA_HOST") {
        config = config.base_url(url(&host));
    }
    if let Some(key) = environment("OLLAMA_API_KEY") {
        config = config.api_key(key);
    }
    config
}

/// The address that `OLLAMA_HOST` means, which is as often what a server listens to: without a scheme, without a port,
/// on all addresses. As Ollama itself reads it (`envconfig/config.go`).
fn url(host: &str) -> String {
    let host = host.trim().trim_matches(['"', '\'']);
    let (scheme, rest) = host.split_once("://").unwrap_or(("", host));
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (name, port) = match authority.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && port.bytes().all(|byte| byte.is_ascii_digit()) => (name, port),
        _ => (authority, ""),
    };
    let name = match name {
        // Where a server listens, nobody can call.
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        name => name,
    };
    let port = match (scheme, port) {
        ("", "") => ":11434".to_string(),
        (_, "") => String::new(),
        (_, port) => format!(":{port}"),
    };
    let scheme = if scheme.is_empty() { "http" } else { scheme };
    format!("{scheme}://{name}{port}{path}")
}

#[cfg(test)]
mod tests {
    use anabranch_core::ErrorKind;

    use super::*;

    #[test]
    fn nothing_shows_a_key() {
        let config = Ollama::new("m").api_key("hidden").header("x-other", "also-hidden");
        assert_eq!(format!("{config:?}"), r#"Ollama { model: "m", key: Some([redacted]), headers: ["x-other"], .. }"#);
        let error = config.base_url("http://example.com").build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }

    #[test]
    fn a_host_is_read_as_ollama_reads_it() {
        for (host, expected) in [
            ("", "http://127.0.0.1:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("0.0.0.0:8080", "http://127.0.0.1:8080"),
            (":8080", "http://127.0.0.1:8080"),
            ("box", "http://box:11434"),
            ("box:1", "http://box:1"),
            ("[::]", "http://[::1]:11434"),
            ("[fe80::1]:9", "http://[fe80::1]:9"),
            ("http://box", "http://box"),
            ("https://ollama.com", "https://ollama.com"),
            (" \"https://box:443/ollama/\" ", "https://box:443/ollama/"),
        ] {
            assert_eq!(url(host), expected, "{host}");
        }
        let find = |name: &str| (name == "OLLAMA_HOST").then(|| "box:1".to_string());
        assert_eq!(from_environment("m", &find).unwrap().name(), "ollama:m");
    }

    #[test]
    fn the_address_is_found_whatever_was_written_of_it() {
        for (base, path) in [
            ("/", &["api", "chat"][..]),
            ("/ollama", &["api", "chat"]),
            ("/api/", &["chat"]),
            ("/api/chat", &[]),
            ("/chat", &["api", "chat"]),
        ] {
            assert_eq!(super::super::path(base), path, "{base}");
        }
    }
}
