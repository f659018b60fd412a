//! [`OpenAi`]: which model of which server, and how to get there.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use anabranch_core::{Error, ErrorKind, Result};

use super::Backend;
use super::request::Dialect;
use crate::backend::ChatBackend;
use crate::chat_model::ChatModel;
use crate::providers::Environment;
use crate::transport::{Endpoint, Secret, Settings};

const BASE_URL: &str = "https://api.openai.com/v1";

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
    model: String,
    base_url: Option<String>,
    key: Option<Secret>,
    headers: Vec<(String, Secret)>,
    settings: Settings,
}

impl OpenAi {
    /// A model by its name, such as `gpt-4o-mini`.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), base_url: None, key: None, headers: Vec::new(), settings: Settings::default() }
    }

    /// Where the server is, up to and with its version: `http://localhost:8080/v1`. A query, such as Azure's
    /// `api-version`, is kept. `https://api.openai.com/v1` unless set.
    #[must_use]
    pub fn base_url(mut self, url: impl Into<String>) -> Self {
        self.base_url = Some(url.into());
        self
    }

    /// The key, which goes as a bearer token. Servers of your own may need none.
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

    /// A header for every request, such as `api-key` for Azure or `X-Title` for OpenRouter. Its value is treated as a
    /// secret.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// How long a connection may take: 10 seconds unless set.
    #[must_use]
    pub fn connect_timeout(mut self, limit: Duration) -> Self {
        self.settings.connect = limit;
        self
    }

    /// How long the server may take until it begins to answer, and how long it may keep a stream alive without saying
    /// anything: 10 minutes unless set, because reasoning models are silent for long. For a limit on the whole answer set
    /// a deadline on the run.
    #[must_use]
    pub fn response_timeout(mut self, limit: Duration) -> Self {
        self.settings.response = limit;
        self
    }

    /// How long nothing may come once the server has begun to answer: 90 seconds unless set.
    #[must_use]
    pub fn idle_timeout(mut self, limit: Duration) -> Self {
        self.settings.idle = limit;
        self
    }

    /// Lets a key go over an unencrypted connection to another machine. Everybody on the way can read it then.
    #[must_use]
    pub fn allow_http(mut self, allow: bool) -> Self {
        self.settings.allow_http = allow;
        self
    }

    /// The model, ready to be a step.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when the base URL is none, when a header cannot be sent, when OpenAI's own server
    /// would be asked without a key, or a key would go out in the open.
    pub fn build(self) -> Result<ChatModel> {
        self.into_backend().map(ChatModel::from_backend)
    }

    fn into_backend(self) -> Result<Backend> {
        let broken = |message: &'static str| Error::new(ErrorKind::Configuration, message);
        let mut url = Url::parse(self.base_url.as_deref().unwrap_or(BASE_URL).trim())
            .map_err(|_| broken("the base URL is no URL: it should look like `https://api.example.com/v1`"))?;
        if self.base_url.is_none() && self.key.is_none() && self.headers.is_empty() {
            return Err(broken(
                "no key for OpenAI: set OPENAI_API_KEY, or OPENAI_BASE_URL for a server that needs none, or use \
                 `OpenAi::new(model).api_key(key)`",
            ));
        }
        if !url.path().trim_end_matches('/').ends_with("/chat/completions") {
            let mut path = url.path_segments_mut().map_err(|()| broken("the base URL cannot have a path"))?;
            path.pop_if_empty().extend(["chat", "completions"]);
        }
        let mut headers = HeaderMap::new();
        if let Some(key) = &self.key {
            headers.insert(AUTHORIZATION, key.header("Bearer ")?);
        }
        let mut has_key = self.key.is_some();
        for (name, value) in &self.headers {
            let name =
                HeaderName::from_bytes(name.as_bytes()).map_err(|_| broken("a header has a name that is none"))?;
            let value: HeaderValue = value.header("")?;
            has_key |= ["key", "auth", "token", "secret", "cookie"].iter().any(|word| name.as_str().contains(word));
            headers.insert(name, value);
        }
        let dialect = Dialect::of_host(url.host_str().unwrap_or_default());
        let endpoint = Endpoint::new(url, headers, has_key, self.settings)?;
        Ok(Backend { name: format!("openai:{}", self.model), model: self.model, dialect, endpoint, key: self.key })
    }
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi")
            .field("model", &self.model)
            .field("key", &self.key)
            .field("headers", &self.headers.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The model that `openai:…` means: `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `OPENAI_ORG_ID`, `OPENAI_PROJECT_ID`.
pub(crate) fn from_environment(model: &str, environment: Environment<'_>) -> Result<Arc<dyn ChatBackend>> {
    let mut config = OpenAi::new(model);
    if let Some(url) = environment("OPENAI_BASE_URL") {
        config = config.base_url(url);
    }
    if let Some(key) = environment("OPENAI_API_KEY") {
        config = config.api_key(key);
    }
    if let Some(organization) = environment("OPENAI_ORG_ID") {
        config = config.organization(organization);
    }
    if let Some(project) = environment("OPENAI_PROJECT_ID") {
        config = config.project(project);
    }
    Ok(Arc::new(config.into_backend()?))
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
