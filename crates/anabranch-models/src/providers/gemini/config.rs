//! [`Gemini`]: which model of which server, and how to get there.

use std::fmt;
use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};

use super::Backend;
use super::error::ERRORS;
use crate::backend::ChatBackend;
use crate::chat_model::ChatModel;
use crate::embedding_backend::EmbeddingBackend;
use crate::embedding_model::EmbeddingModel;
use crate::providers::{Environment, embeddings};
use crate::transport::{Connection, Secret, Server, connection_settings};

const BASE_URL: &str = "https://generativelanguage.googleapis.com/v1beta";

/// A model of Google's, by the API of Google AI Studio or by that of Vertex AI.
///
/// ```
/// use anabranch_models::Gemini;
///
/// # fn main() -> anabranch_core::Result<()> {
/// let llm = Gemini::new("gemini-3-flash-preview").api_key("AIza...").build()?;
/// assert_eq!(llm.name(), "gemini:gemini-3-flash-preview");
/// # Ok(()) }
/// ```
///
/// On Vertex AI the project and the place are part of the address, and a token that expires stands in for the key:
///
/// ```
/// use anabranch_core::Result;
/// use anabranch_models::Gemini;
/// use anabranch_models::transport::{Credentials, Secret};
///
/// struct Tokens;
///
/// #[async_trait::async_trait]
/// impl Credentials for Tokens {
///     async fn headers(&self) -> Result<Vec<(String, Secret)>> {
///         // From `gcloud auth print-access-token`, the metadata server, a library: keep it until it expires.
///         let token = "ya29...";
///         Ok(vec![("authorization".into(), Secret::new(format!("Bearer {token}")))])
///     }
/// }
///
/// # fn main() -> Result<()> {
/// let llm = Gemini::new("gemini-2.5-flash")
///     .base_url("https://aiplatform.googleapis.com/v1/projects/mine/locations/global/publishers/google")
///     .credentials(Tokens)
///     .build()?;
/// # Ok(()) }
/// ```
///
/// No key and no address is read from the environment here; [`ChatModel::new`] does that. A proxy is: `HTTPS_PROXY`,
/// `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` hold for all servers but those on this machine.
#[doc(alias = "ChatGoogleGenerativeAI")]
#[doc(alias = "ChatVertexAI")]
#[derive(Clone)]
pub struct Gemini {
    model: String,
    key: Option<Secret>,
    connection: Connection,
}

connection_settings!(Gemini);

impl Gemini {
    /// A model by its name, such as `gemini-3-flash-preview`. A name with slashes is a path of its own:
    /// `tunedModels/mine`.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), key: None, connection: Connection::default() }
    }

    /// Where the server is, up to what stands before `models/`: its version, or the publisher on Vertex AI.
    /// `https://generativelanguage.googleapis.com/v1beta` unless set.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.connection.base_url = Some(url.into());
        self
    }

    /// The key, which goes into the header `x-goog-api-key` and never into the address.
    #[must_use]
    pub fn api_key(mut self, key: impl Into<Secret>) -> Self {
        self.key = Some(key.into()).filter(|key| !key.is_empty());
        self
    }

    /// The model, ready to be a step.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the base URL is none, when a header cannot be sent, when Google's own server
    /// would be asked without a key, or a key would go out in the open.
    pub fn build(self) -> Result<ChatModel> {
        self.into_backend().map(ChatModel::from_backend)
    }

    /// The model, ready to be a step that turns texts into vectors: for models such as `gemini-embedding-001`. A list goes
    /// in requests of at most 100 texts; on Vertex AI of 250, or of one where the model takes no more.
    ///
    /// ```
    /// use anabranch_models::Gemini;
    ///
    /// # fn main() -> anabranch_core::Result<()> {
    /// let model = Gemini::new("gemini-embedding-001").api_key("AIza...").build_embeddings()?;
    /// assert_eq!(model.name(), "gemini:gemini-embedding-001");
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
        let is_vertex = server.base_path().trim_end_matches('/').contains("/publishers/");
        let format = if is_vertex { embeddings::Format::Vertex } else { embeddings::Format::Gemini };
        Ok(embeddings::Backend { name, model, format, server })
    }

    fn into_backend(self) -> Result<Backend> {
        let has_way_in = self.key.is_some() || self.connection.has_secrets() || self.connection.transport.is_some();
        if self.connection.base_url.is_none() && !has_way_in {
            let message = "no key for Gemini: set GEMINI_API_KEY or GOOGLE_API_KEY, or use \
                           `Gemini::new(model).api_key(key)`";
            return Err(Error::new(ErrorKind::Configuration, message));
        }
        let key = self.key.map(|key| ("x-goog-api-key", key));
        let server = Server::new(self.connection, BASE_URL, key, &ERRORS)?;
        // As the API itself names its models.
        let model = self.model.strip_prefix("models/").map(str::to_string).unwrap_or(self.model);
        Ok(Backend { name: format!("gemini:{model}"), model, server })
    }
}

impl fmt::Debug for Gemini {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gemini")
            .field("model", &self.model)
            .field("key", &self.key)
            .field("headers", &self.connection.header_names())
            .finish_non_exhaustive()
    }
}

/// The model that `gemini:…` means: `GOOGLE_API_KEY` or `GEMINI_API_KEY`, and `GOOGLE_GEMINI_BASE_URL`. Where both keys
/// are set the first one counts, as it does in Google's own clients.
pub(crate) fn from_environment(model: &str, environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    Ok(Arc::new(configured(model, environment).into_backend()?))
}

/// The embedding model that `gemini:…` means.
pub(crate) fn embeddings_from_environment(
    model: &str,
    environment: Environment<'_>,
) -> Result<Arc<dyn EmbeddingBackend>> {
    Ok(Arc::new(configured(model, environment).into_embeddings()?))
}

fn configured(model: &str, environment: Environment<'_>) -> Gemini {
    let mut config = Gemini::new(model);
    if let Some(url) = environment("GOOGLE_GEMINI_BASE_URL") {
        config = config.base_url(url);
    }
    if let Some(key) = environment("GOOGLE_API_KEY").or_else(|| environment("GEMINI_API_KEY")) {
        config = config.api_key(key);
    }
    config
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_shows_a_key() {
        let config = Gemini::new("m").api_key("AIza-hidden").header("x-more", "also-hidden");
        assert_eq!(format!("{config:?}"), r#"Gemini { model: "m", key: Some([redacted]), headers: ["x-more"], .. }"#);
        let model = config.build().unwrap();
        assert!(!format!("{model:?}").contains("hidden"));
    }

    #[test]
    fn what_cannot_work_is_found_when_it_is_built() {
        let kind = |config: Gemini| config.build().unwrap_err().kind();
        assert_eq!(kind(Gemini::new("m")), ErrorKind::Configuration);
        assert_eq!(kind(Gemini::new("m").api_key(" ")), ErrorKind::Configuration);
        assert_eq!(kind(Gemini::new("m").api_key("k").base_url("nowhere")), ErrorKind::Configuration);
        assert_eq!(kind(Gemini::new("m").api_key("k").base_url("http://example.com")), ErrorKind::Configuration);
    }

    #[test]
    fn either_key_will_do() {
        for variable in ["GEMINI_API_KEY", "GOOGLE_API_KEY"] {
            let set = |name: &str| (name == variable).then(|| "key".to_string());
            assert_eq!(from_environment("models/m", &set).unwrap().name(), "gemini:m");
        }
        let url = |name: &str| (name == "GOOGLE_GEMINI_BASE_URL").then(|| "http://localhost:1".to_string());
        assert!(from_environment("m", &url).is_ok());
        assert!(from_environment("m", &|_| None).is_err());
    }
}
