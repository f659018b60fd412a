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
    /// `POST /models/{model}:predict`, below a publisher.
    Vertex,
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
    #[serde(default)]
    predictions: Vec<Prediction>,
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

/// What Vertex AI answers.
#[derive(Deserialize)]
struct Prediction {
    embeddings: Values,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f32>,
    statistics: Option<Statistics>,
}

#[derive(Deserialize)]
struct Statistics {
    /// A whole number that is written as a fraction.
    token_count: Option<f64>,
}

#[derive(Deserialize)]
struct Usage {
    total_tokens: Option<u64>,
    prompt_tokens: Option<u64>,
}

impl Backend {
    fn document(&self, request: &EmbeddingRequest<'_>) -> Value {
        let purpose = match request.purpose {
            EmbeddingPurpose::Query => "RETRIEVAL_QUERY",
            EmbeddingPurpose::Document => "RETRIEVAL_DOCUMENT",
        };
        let mut document = match self.format {
            Format::OpenAi | Format::Compatible => json!({"model": self.model, "input": request.texts}),
            // Else what does not fit is cut off, and nobody is told.
            Format::Ollama => json!({"model": self.model, "input": request.texts, "truncate": false}),
            Format::Vertex => {
                let one = |text: &String| json!({"content": text, "task_type": purpose});
                let mut parameters = json!({"autoTruncate": false});
                if let Some(dimensions) = request.dimensions {
                    parameters["outputDimensionality"] = dimensions.into();
                }
                json!({"instances": request.texts.iter().map(one).collect::<Vec<_>>(), "parameters": parameters})
            }
            Format::Gemini => {
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
            (Format::Gemini | Format::Vertex, _) | (_, None) => {}
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

    /// OpenAI: 2048 (API reference, "Create embeddings"). Gemini: 100. Vertex AI: 250, and one for Gemini's models
    /// (<https://cloud.google.com/vertex-ai/generative-ai/docs/embeddings/get-text-embeddings>). Text Embeddings Inference
    /// takes 32 unless it is told otherwise, and other servers that speak as OpenAI does take no fewer. Ollama names no
    /// limit.
    fn most_texts(&self) -> usize {
        match self.format {
            Format::OpenAi => 2048,
            Format::Gemini => 100,
            Format::Vertex if self.model.contains("gemini") => 1,
            Format::Vertex => 250,
            Format::Compatible => 32,
            Format::Ollama => 64,
        }
    }

    /// OpenAI takes 300,000 tokens in one request, Vertex AI 20,000, and no token is less than a byte.
    fn most_bytes(&self) -> usize {
        match self.format {
            Format::Vertex => 20_000,
            _ => 300_000,
        }
    }

    async fn embed(&self, request: EmbeddingRequest<'_>, call: ChatCall) -> Result<Embeddings> {
        let verb = if self.format == Format::Vertex { "predict" } else { "batchEmbedContents" };
        let last = format!("{}:{verb}", self.model);
        let path: &[&str] = match self.format {
            Format::OpenAi | Format::Compatible => &["embeddings"],
            Format::Gemini | Format::Vertex => &["models", &last],
            // Some write the base URL with it.
            Format::Ollama if self.server.base_path().trim_end_matches('/').ends_with("/api") => &["embed"],
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
        let counts = answer.predictions.iter().map(|one| one.embeddings.statistics.as_ref()?.token_count);
        let counted = counts.collect::<Option<Vec<_>>>().filter(|counts| !counts.is_empty());
        let counted = counted.map(|counts| counts.into_iter().sum::<f64>().max(0.0) as u64);
        let tokens = tokens.or(answer.prompt_eval_count).or(counted);
        let vectors = match answer.data.is_empty() {
            true => {
                let embeddings = answer.embeddings.into_iter().map(|vector| match vector {
                    Vector::Bare(values) | Vector::Values { values } => values,
                });
                embeddings.chain(answer.predictions.into_iter().map(|one| one.embeddings.values)).collect()
            }
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

#[cfg(test)]
mod tests;
