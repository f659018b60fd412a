//! Embeddings over HTTP: OpenAI and everybody who speaks the same, Gemini, Ollama.

use anabranch_core::{ErrorKind, Result};
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::ChatAnswer;
use crate::backend::ChatCall;
use crate::embedding_backend::{EmbeddingBackend, EmbeddingPurpose, EmbeddingRequest, Embeddings};
use crate::options::ChatOptions;
use crate::transport::{Call, Server};

/// How a server is asked for vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(all(feature = "gemini", feature = "ollama", feature = "openai")), allow(dead_code))]
pub(crate) enum Format {
    /// `POST /embeddings`, at OpenAI itself.
    OpenAi,
    /// The same at other servers, which take fewer texts.
    Compatible,
    /// `POST /models/{model}:batchEmbedContents`.
    Gemini,
    /// `POST /api/embed`.
    Ollama,
}

/// One model of one server.
pub(crate) struct Backend {
    pub(crate) name: String,
    pub(crate) model: String,
    pub(crate) format: Format,
    pub(crate) server: Server,
}

/// What OpenAI and Ollama answer, and Gemini.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    data: Vec<Indexed>,
    #[serde(default)]
    embeddings: Vec<Vector>,
    usage: Option<Usage>,
    prompt_eval_count: Option<u64>,
}

#[derive(Deserialize)]
struct Indexed {
    index: Option<usize>,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Vector {
    Bare(Vec<f32>),
    Values { values: Vec<f32> },
}

#[derive(Deserialize)]
struct Usage {
    total_tokens: Option<u64>,
    prompt_tokens: Option<u64>,
}

impl Backend {
    fn document(&self, request: &EmbeddingRequest<'_>) -> Value {
        let mut document = match self.format {
            Format::OpenAi | Format::Compatible | Format::Ollama => {
                json!({"model": self.model, "input": request.texts})
            }
            Format::Gemini => {
                let purpose = match request.purpose {
                    EmbeddingPurpose::Query => "RETRIEVAL_QUERY",
                    EmbeddingPurpose::Document => "RETRIEVAL_DOCUMENT",
                };
                let model = format!("models/{}", self.model);
                let one = |text: &String| {
                    let mut one = json!({"model": model, "content": {"parts": [{"text": text}]}, "taskType": purpose});
                    if let Some(dimensions) = request.dimensions {
                        one["outputDimensionality"] = dimensions.into();
                    }
                    one
                };
                json!({"requests": request.texts.iter().map(one).collect::<Vec<_>>()})
            }
        };
        match (self.format, request.dimensions) {
            (Format::Gemini, _) | (_, None) => {}
            (_, Some(dimensions)) => document["dimensions"] = dimensions.into(),
        }
        document
    }
}

#[async_trait]
impl EmbeddingBackend for Backend {
    fn name(&self) -> &str {
        &self.name
    }

    /// OpenAI: 2048 (API reference, "Create embeddings"). Gemini: 100. Text Embeddings Inference takes 32 unless it is
    /// told otherwise, and other servers that speak as OpenAI does take no fewer.
    fn most_texts(&self) -> usize {
        match self.format {
            Format::OpenAi => 2048,
            Format::Gemini => 100,
            Format::Compatible => 32,
            Format::Ollama => 64,
        }
    }

    /// OpenAI takes 300,000 tokens in one request, and no token is less than a byte.
    fn most_bytes(&self) -> usize {
        300_000
    }

    async fn embed(&self, request: EmbeddingRequest<'_>, call: ChatCall) -> Result<Embeddings> {
        let last = format!("{}:batchEmbedContents", self.model);
        let path: &[&str] = match self.format {
            Format::OpenAi | Format::Compatible => &["embeddings"],
            Format::Gemini => &["models", &last],
            Format::Ollama => &["api", "embed"],
        };
        let body = serde_json::to_vec(&self.document(&request))?;
        let post = Call { path, query: &[], headers: Vec::new(), body, accept: "application/json" };
        let mut exchange = self.server.post(post, &ChatOptions::default(), call).await?;
        let body = exchange.read(Vec::new()).await?;
        let wrong = |what: &str| exchange.errors.error(ErrorKind::Parse, what);
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            wrong("sent something else than vectors").with_partial(String::from_utf8_lossy(&body).into_owned())
        })?;
        let tokens = answer.usage.and_then(|usage| usage.total_tokens.or(usage.prompt_tokens));
        let tokens = tokens.or(answer.prompt_eval_count);
        let vectors = match answer.data.is_empty() {
            true => answer
                .embeddings
                .into_iter()
                .map(|vector| match vector {
                    Vector::Bare(values) | Vector::Values { values } => values,
                })
                .collect(),
            false => {
                in_order(answer.data, request.texts.len()).ok_or_else(|| wrong("mixed up the places of vectors"))?
            }
        };
        if vectors.len() != request.texts.len() {
            let message = format!("sent {} vectors for {} texts", vectors.len(), request.texts.len());
            return Err(wrong(&message));
        }
        let headers = exchange
            .headers
            .iter()
            .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_string())));
        let limits = ChatAnswer::new("").with_headers(headers).server_limits();
        Ok(Embeddings { vectors, tokens, limits })
    }
}

/// Each in the place that it names; where none does, as they came.
fn in_order(data: Vec<Indexed>, count: usize) -> Option<Vec<Vec<f32>>> {
    if data.iter().all(|one| one.index.is_none()) {
        return Some(data.into_iter().map(|one| one.embedding).collect());
    }
    let mut places: Vec<Option<Vec<f32>>> = vec![None; count];
    for one in data {
        let place = places.get_mut(one.index?)?;
        if place.replace(one.embedding).is_some() {
            return None;
        }
    }
    places.into_iter().collect()
}

/// A server of Gemini's, as the environment says.
#[cfg(feature = "gemini")]
pub(crate) fn gemini(model: &str, environment: super::Environment<'_>) -> Result<Backend> {
    use crate::transport::{Connection, Secret};

    let key = environment("GEMINI_API_KEY").or_else(|| environment("GOOGLE_API_KEY"));
    let base_url = environment("GEMINI_BASE_URL");
    if key.is_none() && base_url.is_none() {
        return Err(anabranch_core::Error::new(ErrorKind::Configuration, "no key for Gemini: set GEMINI_API_KEY"));
    }
    let connection = Connection { base_url, ..Connection::default() };
    let key = key.map(|key| ("x-goog-api-key", Secret::new(key)));
    let server = Server::new(connection, "https://generativelanguage.googleapis.com/v1beta", key, &ERRORS)?;
    Ok(Backend { name: format!("gemini:{model}"), model: model.to_string(), format: Format::Gemini, server })
}

/// A server of Ollama's, as the environment says: `OLLAMA_HOST` may lack scheme and port.
#[cfg(feature = "ollama")]
pub(crate) fn ollama(model: &str, environment: super::Environment<'_>) -> Result<Backend> {
    let host = environment("OLLAMA_HOST").unwrap_or_else(|| "127.0.0.1:11434".into());
    let url = if host.contains("://") { host } else { format!("http://{host}") };
    // Where a server listens on every address, it is found on this machine's own.
    let url = url.replace("://0.0.0.0", "://127.0.0.1");
    let connection = crate::transport::Connection { base_url: Some(url), ..Default::default() };
    let server = Server::new(connection, "", None, &ERRORS)?;
    Ok(Backend { name: format!("ollama:{model}"), model: model.to_string(), format: Format::Ollama, server })
}

/// What HTTP's statuses mean everywhere will do: there is nothing to be filtered or to be cut off.
#[cfg(any(feature = "gemini", feature = "ollama"))]
static ERRORS: crate::transport::ErrorTable =
    crate::transport::ErrorTable { words: &[], sentences: &[], statuses: &[] };

#[cfg(test)]
mod tests;
