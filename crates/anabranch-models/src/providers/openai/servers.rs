//! The servers that are known by name: only what differs.

use std::sync::Arc;

use anabranch_core::Result;
use reqwest::Url;

use super::config::OpenAi;
use super::dialect::OpenAiDialect;
use crate::backend::ChatBackend;
use crate::providers::Environment;

/// A server that speaks the language of OpenAI's APIs.
#[derive(Debug)]
pub(super) struct KnownServer {
    /// In the names of models, and in provider data.
    pub(super) name: &'static str,
    /// As it calls itself.
    pub(super) title: &'static str,
    /// Where it is. `None` where everybody has an address of his own.
    pub(super) base_url: Option<&'static str>,
    /// The variable with another address.
    pub(super) base_variable: &'static str,
    pub(super) key_variable: &'static str,
    /// Whether it answers nobody without one.
    pub(super) needs_key: bool,
    /// The names of its hosts.
    pub(super) hosts: &'static [&'static str],
    pub(super) speaks: fn() -> OpenAiDialect,
}

/// OpenAI itself.
pub(super) const OPENAI: &KnownServer = &KnownServer {
    name: "openai",
    title: "OpenAI",
    base_url: Some("https://api.openai.com/v1"),
    base_variable: "OPENAI_BASE_URL",
    key_variable: "OPENAI_API_KEY",
    needs_key: true,
    hosts: &["openai.com"],
    speaks: OpenAiDialect::openai,
};

/// A row of the table and the constructor for it.
macro_rules! servers {
    ($($name:ident $title:literal $base:expr, $base_variable:literal, $key:literal $needs:expr, $hosts:expr, $speaks:expr;)*) => {
        /// All but OpenAI, in the order in which they are listed.
        pub(super) const SERVERS: &[KnownServer] = &[$(
            KnownServer {
                name: stringify!($name),
                title: $title,
                base_url: $base,
                base_variable: $base_variable,
                key_variable: $key,
                needs_key: $needs,
                hosts: &$hosts,
                speaks: $speaks,
            },
        )*];
    };
}

servers! {
    azure "Azure OpenAI" None, "AZURE_OPENAI_ENDPOINT", "AZURE_OPENAI_API_KEY" true,
        ["openai.azure.com", "cognitiveservices.azure.com", "services.ai.azure.com"], OpenAiDialect::openai;
    openrouter "OpenRouter" Some("https://openrouter.ai/api/v1"), "OPENROUTER_BASE_URL", "OPENROUTER_API_KEY" true,
        ["openrouter.ai"], OpenAiDialect::openrouter;
    groq "Groq" Some("https://api.groq.com/openai/v1"), "GROQ_BASE_URL", "GROQ_API_KEY" true,
        ["groq.com"], OpenAiDialect::compatible;
    mistral "Mistral" Some("https://api.mistral.ai/v1"), "MISTRAL_BASE_URL", "MISTRAL_API_KEY" true,
        ["mistral.ai"], OpenAiDialect::mistral;
    deepseek "DeepSeek" Some("https://api.deepseek.com/v1"), "DEEPSEEK_BASE_URL", "DEEPSEEK_API_KEY" true,
        ["deepseek.com"], OpenAiDialect::deepseek;
    xai "xAI" Some("https://api.x.ai/v1"), "XAI_BASE_URL", "XAI_API_KEY" true,
        ["x.ai"], OpenAiDialect::compatible;
    together "Together" Some("https://api.together.xyz/v1"), "TOGETHER_BASE_URL", "TOGETHER_API_KEY" true,
        ["together.xyz", "together.ai"], OpenAiDialect::compatible;
    perplexity "Perplexity" Some("https://api.perplexity.ai"), "PERPLEXITY_BASE_URL", "PERPLEXITY_API_KEY" true,
        ["perplexity.ai"], OpenAiDialect::compatible;
    vllm "vLLM" Some("http://localhost:8000/v1"), "VLLM_BASE_URL", "VLLM_API_KEY" false, [], OpenAiDialect::compatible;
    llamacpp "llama.cpp" Some("http://localhost:8080/v1"), "LLAMACPP_BASE_URL", "LLAMACPP_API_KEY" false,
        [], OpenAiDialect::compatible;
    lmstudio "LM Studio" Some("http://localhost:1234/v1"), "LMSTUDIO_BASE_URL", "LM_API_TOKEN" false,
        [], OpenAiDialect::compatible;
}

impl KnownServer {
    pub(super) fn all() -> impl Iterator<Item = &'static Self> {
        [OPENAI].into_iter().chain(SERVERS)
    }

    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SERVERS.iter().find(|server| server.name == name)
    }

    pub(super) fn dialect(&self) -> OpenAiDialect {
        OpenAiDialect { provider: self.name.into(), ..(self.speaks)() }
    }

    /// Whether the key goes in a header of its own, and a deployment is what models are elsewhere.
    pub(super) fn is_azure(&self) -> bool {
        self.name == "azure"
    }
}

macro_rules! constructors {
    ($($name:ident $title:literal $model:literal;)*) => {
        impl OpenAi {
            $(
                #[doc = concat!("A model of ", $title, ". By name it is `", stringify!($name), ":…`.")]
                ///
                /// ```
                /// use anabranch_models::OpenAi;
                ///
                /// # fn main() -> anabranch_core::Result<()> {
                #[doc = concat!("let llm = OpenAi::", stringify!($name), "(\"", $model, "\").api_key(\"sk-...\").build()?;")]
                #[doc = concat!("assert_eq!(llm.name(), \"", stringify!($name), ":", $model, "\");")]
                /// # Ok(()) }
                /// ```
                pub fn $name(model: impl Into<String>) -> Self {
                    Self::named(stringify!($name), model)
                }
            )*
        }
    };
}

constructors! {
    openrouter "OpenRouter" "openai/gpt-5-mini";
    groq "Groq" "llama-3.3-70b-versatile";
    mistral "Mistral" "mistral-small-latest";
    deepseek "DeepSeek" "deepseek-chat";
    xai "xAI" "grok-4";
    together "Together" "meta-llama/Llama-3.3-70B-Instruct-Turbo";
    perplexity "Perplexity" "sonar";
    vllm "a vLLM server, on this machine unless [`base_url`](OpenAi::base_url) says otherwise" "qwen3";
    llamacpp "a llama.cpp server, on this machine unless [`base_url`](OpenAi::base_url) says otherwise" "tiny";
    lmstudio "LM Studio, on this machine unless [`base_url`](OpenAi::base_url) says otherwise" "qwen3";
}

impl OpenAi {
    fn named(name: &str, model: impl Into<String>) -> Self {
        Self::of_server(KnownServer::named(name).unwrap_or(OPENAI), model)
    }

    /// A deployment of Azure OpenAI, at an endpoint such as `https://me.openai.azure.com`. By name it is `azure:…`, with
    /// the endpoint in `AZURE_OPENAI_ENDPOINT`.
    ///
    /// It is asked by the v1 API unless an [`api_version`](Self::api_version) is set. The key goes as `api-key`; a token
    /// of Entra, which expires, is given with [`credentials`](Self::credentials) in its place.
    ///
    /// ```
    /// use anabranch_models::OpenAi;
    ///
    /// # fn main() -> anabranch_core::Result<()> {
    /// let llm = OpenAi::azure("https://me.openai.azure.com", "my-gpt").api_key("...").build()?;
    /// assert_eq!(llm.name(), "azure:my-gpt");
    /// # Ok(()) }
    /// ```
    #[doc(alias = "AzureChatOpenAI")]
    pub fn azure(endpoint: impl Into<String>, deployment: impl Into<String>) -> Self {
        Self::named("azure", deployment).base_url(endpoint)
    }
}

/// The address of a deployment: with a dated version of the API it is part of the path, and the version of the query;
/// without one, or with `preview`, it is the model's name in a request of the v1 API.
pub(super) fn azure_base(endpoint: &str, deployment: &str, version: Option<&str>, is_chat: bool) -> String {
    let Ok(mut url) = Url::parse(endpoint.trim()) else { return endpoint.to_string() };
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix("/openai/v1").or(path.strip_suffix("/openai")).unwrap_or(path).to_string();
    url.set_path(&path);
    let is_dated = version.is_some_and(|version| version.starts_with(|first: char| first.is_ascii_digit()));
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push("openai");
        match (is_dated, is_chat) {
            (false, _) => _ = path.push("v1"),
            (true, true) => _ = path.extend(["deployments", deployment]),
            (true, false) => {}
        }
    }
    if let Some(version) = version {
        url.query_pairs_mut().append_pair("api-version", version);
    }
    url.into()
}

/// The model that `groq:…` means, or `groq-responses:…`. `None` where there is no such server.
pub(crate) fn by_name(name: &str, model: &str, environment: Environment<'_>) -> Option<Result<Arc<dyn ChatBackend>>> {
    let (server, responses) = match name.strip_suffix("-responses") {
        Some(name) => (KnownServer::named(name)?, true),
        None => (KnownServer::named(name)?, false),
    };
    let config = OpenAi::of_server(server, model).configured(environment);
    let config = if responses { config.responses() } else { config };
    Some(config.into_backend().map(|backend| Arc::new(backend) as Arc<dyn ChatBackend>))
}

#[cfg(test)]
mod tests;
