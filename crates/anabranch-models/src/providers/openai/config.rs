//! [`OpenAi`]: which model of which server, and how to get there.

use std::fmt;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};

use super::dialect::OpenAiDialect;
use super::error::ERRORS;
use super::servers::{KnownServer, OPENAI, azure_base};
use super::{Api, Backend};
use crate::backend::ChatBackend;
use crate::chat_model::ChatModel;
use crate::embedding_backend::EmbeddingBackend;
use crate::embedding_model::EmbeddingModel;
use crate::providers::{Environment, embeddings};
use crate::transport::{Connection, Secret, Server, connection_settings};

/// A model of OpenAI, or of any server that speaks the same language: llama.cpp, vLLM, Ollama (`/v1`), Groq, Mistral,
/// DeepSeek, OpenRouter, Azure and many more.
///
/// ```
/// use anabranch_models::OpenAi;
///
/// # fn main() -> anabranch_core::Result<()> {
/// let local = OpenAi::new("tiny").base_url("http://localhost:8080/v1").build()?;
/// assert_eq!(local.name(), "openai:tiny");
/// # Ok(()) }
/// ```
///
/// No key and no address is read from the environment here; [`ChatModel::new`] does that. A proxy is: `HTTPS_PROXY`,
/// `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` hold for all servers but those on this machine.
#[doc(alias = "ChatOpenAI")]
#[derive(Clone)]
pub struct OpenAi {
    server: &'static KnownServer,
    model: String,
    key: Option<Secret>,
    dialect: Option<OpenAiDialect>,
    api: Api,
    api_version: Option<String>,
    connection: Connection,
}

connection_settings!(OpenAi);

impl OpenAi {
    /// A model by its name, such as `gpt-4o-mini`.
    pub fn new(model: impl Into<String>) -> Self {
        Self::of_server(OPENAI, model)
    }

    pub(super) fn of_server(server: &'static KnownServer, model: impl Into<String>) -> Self {
        Self {
            server,
            model: model.into(),
            key: None,
            dialect: None,
            api: Api::Chat,
            api_version: None,
            connection: Connection::default(),
        }
    }

    /// Where the server is, up to and with its version: `http://localhost:8080/v1`. A query, such as Azure's
    /// `api-version`, is kept. `https://api.openai.com/v1` unless set.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.connection.base_url = Some(url.into());
        self
    }

    /// The key, which goes as a bearer token; at Azure as `api-key`. Servers of your own may need none.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.key = Some(key.into()).filter(|key| !key.is_empty());
        self
    }

    /// The organization that pays.
    #[must_use]
    pub fn organization(self, organization: impl Into<Secret>) -> Self {
        self.header("OpenAI-Organization", organization)
    }

    /// The project the call belongs to.
    #[must_use]
    pub fn project(self, project: impl Into<Secret>) -> Self {
        self.header("OpenAI-Project", project)
    }

    /// What the server says differently from others, where the name of its host does not tell.
    #[must_use]
    pub fn dialect(mut self, dialect: OpenAiDialect) -> Self {
        self.dialect = Some(dialect);
        self
    }

    /// Asks by the Responses API, which has OpenAI's own tools, keeps what reasoning models thought from turn to turn, and
    /// is spoken by OpenAI, Azure, OpenRouter, xAI and some local servers. Chat completions, which all servers speak, are
    /// what is used otherwise. By name it is `openai-responses:gpt-5`.
    ///
    /// ```
    /// use anabranch_models::OpenAi;
    ///
    /// # fn main() -> anabranch_core::Result<()> {
    /// let llm = OpenAi::new("gpt-5").api_key("sk-...").responses().build()?;
    /// assert_eq!(llm.name(), "openai-responses:gpt-5");
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn responses(mut self) -> Self {
        self.api = Api::Responses;
        self
    }

    /// The version of Azure's API, such as `2024-10-21`: with one, the deployment is part of the address. Other servers
    /// have none.
    #[must_use]
    pub fn api_version(mut self, version: impl Into<String>) -> Self {
        self.api_version = Some(version.into());
        self
    }

    /// The model, ready to be a step.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the base URL is none, when a header cannot be sent, when a server that wants a
    /// key would be asked without one, or a key would go out in the open.
    pub fn build(self) -> Result<ChatModel> {
        self.into_backend().map(ChatModel::from_backend)
    }

    /// The model, ready to be a step that turns texts into vectors: for models such as `text-embedding-3-small`.
    ///
    /// ```
    /// use anabranch_models::OpenAi;
    ///
    /// # fn main() -> anabranch_core::Result<()> {
    /// let local = OpenAi::new("bge-m3").base_url("http://localhost:8080/v1").build_embeddings()?;
    /// assert_eq!(local.name(), "openai:bge-m3");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As for [`build`](Self::build).
    pub fn build_embeddings(self) -> Result<EmbeddingModel> {
        self.into_embeddings().map(EmbeddingModel::from_backend)
    }

    fn into_embeddings(self) -> Result<embeddings::Backend> {
        let Backend { name, model, dialect, server, .. } = self.into_backend()?;
        let format = if dialect.strict { embeddings::Format::OpenAi } else { embeddings::Format::Compatible };
        Ok(embeddings::Backend { name, model, format, server })
    }

    pub(super) fn into_backend(mut self) -> Result<Backend> {
        let Self { server: known, api, .. } = self;
        let has_way_in = self.key.is_some() || self.connection.has_secrets() || self.connection.transport.is_some();
        let KnownServer { title, key_variable, base_variable, .. } = known;
        if known.base_url.or(self.connection.base_url.as_deref()).is_none() {
            let message = format!("no endpoint for {title}: set {base_variable}, or use `OpenAi::azure(endpoint, …)`");
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        if known.needs_key && (self.connection.base_url.is_none() || known.is_azure()) && !has_way_in {
            let message = match known.is_azure() {
                true => format!("no key for {title}: set {key_variable}, or use `.api_key(key)` or `.credentials(…)`"),
                false => format!(
                    "no key for {title}: set {key_variable}, or {base_variable} for a server that needs none, or use \
                     `OpenAi::{}(model).api_key(key)`",
                    if known.name == OPENAI.name { "new" } else { known.name }
                ),
            };
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        if let (true, Some(endpoint)) = (known.is_azure(), &self.connection.base_url) {
            let version = self.api_version.as_deref();
            self.connection.base_url = Some(azure_base(endpoint, &self.model, version, api == Api::Chat));
        }
        let key = self.key.map(|key| match known.is_azure() {
            true => ("api-key", key),
            false => ("authorization", key.after("Bearer ")),
        });
        let server = Server::new(self.connection, known.base_url.unwrap_or_default(), key, &ERRORS)?;
        let dialect = self.dialect.unwrap_or_else(|| match known.name == OPENAI.name {
            true => OpenAiDialect::of_host(server.domain()),
            false => known.dialect(),
        });
        let name = match api {
            Api::Chat => format!("{}:{}", known.name, self.model),
            Api::Responses => format!("{}-responses:{}", known.name, self.model),
        };
        Ok(Backend { name, model: self.model, api, dialect, server })
    }

    /// With what the environment says of the server.
    pub(super) fn configured(mut self, environment: Environment<'_>) -> Self {
        if let Some(url) = environment(self.server.base_variable) {
            self = self.base_url(url);
        }
        if let Some(key) = environment(self.server.key_variable) {
            self = self.api_key(key);
        }
        if self.server.is_azure() {
            self.api_version = environment("OPENAI_API_VERSION").or(self.api_version);
        }
        if self.server.name == OPENAI.name {
            if let Some(organization) = environment("OPENAI_ORG_ID") {
                self = self.organization(organization);
            }
            if let Some(project) = environment("OPENAI_PROJECT_ID") {
                self = self.project(project);
            }
        }
        self
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("model", &self.model)
            .field("key", &self.key)
            .field("headers", &self.connection.header_names())
            .finish_non_exhaustive()
    }
}

/// The model that `openai:…` means: `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`.
pub(crate) fn from_environment(model: &str, environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    Ok(Arc::new(OpenAi::new(model).configured(environment).into_backend()?))
}

/// The model that `openai-responses:…` means.
pub(crate) fn responses_from_environment(model: &str, environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    Ok(Arc::new(OpenAi::new(model).responses().configured(environment).into_backend()?))
}

/// The embedding model that `openai:…` means.
pub(crate) fn embeddings_from_environment(
    model: &str,
    environment: Environment<'_>,
) -> Result<Arc<dyn EmbeddingBackend>> {
    Ok(Arc::new(OpenAi::new(model).configured(environment).into_embeddings()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_key() {
        let config =
            OpenAi::new("m").api_key("sk-hidden").header("api-key", "also-hidden").base_url("https://u:hidden@x/");
        assert_eq!(format!("{config:?}"), r#"OpenAi { model: "m", key: Some([redacted]), headers: ["api-key"], .. }"#);
        let error = config.build().unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hidden"), "{error:?}");
        let model = OpenAi::new("m").api_key("sk-hidden").base_url("http://localhost/v1").build().unwrap();
        assert!(!format!("{model:?}").contains("hidden"));
    }

    #[test]
    fn what_cannot_work_is_found_when_it_is_built() {
        let kind = |config: OpenAi| config.build().unwrap_err().kind();
        assert_eq!(kind(OpenAi::new("m")), ErrorKind::Configuration);
        assert_eq!(kind(OpenAi::new("m").api_key(" \n")), ErrorKind::Configuration);
        assert_eq!(kind(OpenAi::new("m").base_url("nowhere")), ErrorKind::Configuration);
        assert_eq!(kind(OpenAi::new("m").base_url("mailto:me@example.com")), ErrorKind::Configuration);
        assert_eq!(kind(OpenAi::new("m").base_url("http://example.com").api_key("k")), ErrorKind::Configuration);
        assert_eq!(
            kind(OpenAi::new("m").base_url("http://example.com").header("api-key", "k")),
            ErrorKind::Configuration
        );
        assert_eq!(kind(OpenAi::new("m").base_url("http://localhost").header("a b", "k")), ErrorKind::Configuration);
    }
}
