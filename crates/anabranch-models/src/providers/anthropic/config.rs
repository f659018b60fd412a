//! [`Anthropic`]: which model, and how to get there.

use std::fmt;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};
use http::HeaderValue;

use super::Backend;
use super::dialect::AnthropicDialect;
use super::error::ERRORS;
use crate::backend::ChatBackend;
use crate::chat_model::ChatModel;
use crate::providers::Environment;
use crate::transport::{Connection, Secret, Server, connection_settings};

const BASE_URL: &str = "https://api.anthropic.com/v1";
const VERSION: &str = "2023-06-01";

/// A model of Anthropic's, or of any server that speaks its Messages API: llama.cpp, Ollama, OpenRouter, DeepSeek and
/// others.
///
/// ```
/// use anabranch_models::Anthropic;
///
/// # fn main() -> anabranch_core::Result<()> {
/// let llm = Anthropic::new("claude-haiku-4-5").api_key("sk-ant-...").build()?;
/// assert_eq!(llm.name(), "anthropic:claude-haiku-4-5");
/// # Ok(()) }
/// ```
///
/// No key and no address is read from the environment here; [`ChatModel::new`] does that. A proxy is: `HTTPS_PROXY`,
/// `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` hold for all servers but those on this machine.
#[doc(alias = "ChatAnthropic")]
#[derive(Clone)]
pub struct Anthropic {
    model: String,
    key: Option<Secret>,
    betas: Vec<String>,
    dialect: Option<AnthropicDialect>,
    connection: Connection,
}

connection_settings!(Anthropic);

impl Anthropic {
    /// A model by its name, such as `claude-haiku-4-5`.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), key: None, betas: Vec::new(), dialect: None, connection: Connection::default() }
    }

    /// Where the server is, with its version or without: `http://localhost:8080/v1` and `http://localhost:8080` mean the
    /// same. `https://api.anthropic.com/v1` unless set.
    ///
    /// On Google's Vertex it is
    /// `https://{region}-aiplatform.googleapis.com/v1/projects/{project}/locations/{region}/publishers/anthropic/models`,
    /// where the model is named in the address; its tokens expire, and are given by
    /// [`credentials`](Self::credentials).
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.connection.base_url = Some(url.into());
        self
    }

    /// The key, which goes as `x-api-key`. Servers of your own may need none; those that want a bearer token get it by
    /// `header("authorization", "Bearer ...")`.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.key = Some(key.into()).filter(|key| !key.is_empty());
        self
    }

    /// Asks for something that is not yet for everybody, by its name in the header `anthropic-beta`. Another API version
    /// than `2023-06-01` is set with `header("anthropic-version", ...)`. For one call it is
    /// `llm.header("anthropic-beta", name)`, which is added to these.
    #[must_use]
    pub fn beta(mut self, name: impl Into<String>) -> Self {
        self.betas.push(name.into());
        self
    }

    /// What server and model do differently from others, where their names do not tell.
    #[must_use]
    pub fn dialect(mut self, dialect: AnthropicDialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// The model, ready to be a step.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the base URL is none, when a header cannot be sent, when Anthropic's own server
    /// would be asked without a key, or a key would go out in the open.
    pub fn build(self) -> Result<ChatModel> {
        self.into_backend().map(ChatModel::from_backend)
    }

    fn into_backend(self) -> Result<Backend> {
        let has_way_in = self.key.is_some() || self.connection.has_secrets() || self.connection.transport.is_some();
        if self.connection.base_url.is_none() && !has_way_in {
            let message = "no key for Anthropic: set ANTHROPIC_API_KEY, or ANTHROPIC_BASE_URL for a server that needs \
                           none, or use `Anthropic::new(model).api_key(key)`";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let is_name = |beta: &String| beta.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',');
        if !self.betas.iter().all(is_name) {
            return Err(no_beta());
        }
        let own_version =
            self.connection.header_names().iter().any(|name| name.eq_ignore_ascii_case("anthropic-version"));
        let key = self.key.map(|key| ("x-api-key", key));
        let server = Server::new(self.connection, BASE_URL, key, &ERRORS)?;
        let dialect = self.dialect.unwrap_or_else(|| AnthropicDialect::of(server.domain(), &self.model));
        Ok(Backend {
            name: format!("anthropic:{}", self.model),
            model: self.model,
            dialect,
            version: (!own_version).then(|| HeaderValue::from_static(VERSION)),
            betas: self.betas,
            server,
        })
    }
}

pub(super) fn no_beta() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "the name of a beta is letters, digits and `-`, such as `files-api-2025-04-14`",
    )
}

impl fmt::Debug for Anthropic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Anthropic")
            .field("model", &self.model)
            .field("key", &self.key)
            .field("headers", &self.connection.header_names())
            .finish_non_exhaustive()
    }
}

/// The model that `anthropic:…` means: `ANTHROPIC_API_KEY`, `ANTHROPIC_AUTH_TOKEN`, `ANTHROPIC_BASE_URL`.
pub(crate) fn from_environment(model: &str, environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    let mut config = Anthropic::new(model);
    if let Some(url) = environment("ANTHROPIC_BASE_URL") {
        config = config.base_url(url);
    }
    if let Some(key) = environment("ANTHROPIC_API_KEY") {
        config = config.api_key(key);
    }
    if let Some(token) = environment("ANTHROPIC_AUTH_TOKEN") {
        config = config.header("authorization", Secret::from(token).after("Bearer "));
    }
    Ok(Arc::new(config.into_backend()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_key() {
        let config =
            Anthropic::new("m").api_key("sk-hidden").header("x-other", "also-hidden").base_url("https://u:hidden@x/");
        let shown = format!("{config:?}");
        assert_eq!(shown, r#"Anthropic { model: "m", key: Some([redacted]), headers: ["x-other"], .. }"#);
        let error = config.build().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
    }

    #[test]
    fn what_cannot_work_is_found_when_it_is_built() {
        let kind = |config: Anthropic| config.build().unwrap_err().kind();
        assert_eq!(kind(Anthropic::new("m")), ErrorKind::Configuration);
        assert_eq!(kind(Anthropic::new("m").api_key(" \n")), ErrorKind::Configuration);
        assert_eq!(kind(Anthropic::new("m").base_url("nowhere")), ErrorKind::Configuration);
        assert_eq!(kind(Anthropic::new("m").base_url("http://example.com").api_key("k")), ErrorKind::Configuration);
        assert_eq!(kind(Anthropic::new("m").api_key("k").beta("two words")), ErrorKind::Configuration);
    }

    #[test]
    fn the_environment_says_how_to_get_there() {
        let built = |set: &[(&str, &str)]| {
            let find = |name: &str| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string());
            from_environment("claude-x", &find).map(|backend| backend.name().to_string())
        };
        assert_eq!(built(&[("ANTHROPIC_API_KEY", "k")]).unwrap(), "anthropic:claude-x");
        assert!(built(&[("ANTHROPIC_AUTH_TOKEN", "t")]).is_ok());
        assert!(built(&[("ANTHROPIC_BASE_URL", "http://localhost:8080")]).is_ok());
        assert!(built(&[]).unwrap_err().to_string().contains("ANTHROPIC_API_KEY"));
    }

    #[test]
    fn the_address_is_found_whatever_was_written_of_it() {
        for (base, path) in [
            ("/v1", &["messages"][..]),
            ("/v1/", &["messages"]),
            ("/api/v1/messages", &[]),
            ("/", &["v1", "messages"]),
            ("/anthropic", &["v1", "messages"]),
            ("/vertex", &["v1", "messages"]),
        ] {
            assert_eq!(super::super::path(base), path, "{base}");
        }
    }
}
