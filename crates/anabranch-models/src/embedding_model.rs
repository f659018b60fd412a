//! [`EmbeddingModel`]: text to vector.

use std::fmt;
use std::sync::Arc;

use anabranch_core::describe::{Kind, Label};
use anabranch_core::{Error, ErrorKind, Result, RunConfig, Runnable, ServerLimits, pipe_operator};
use futures_util::{StreamExt, TryStreamExt};

use crate::backend::ChatCall;
use crate::embedding_backend::{EmbeddingBackend, EmbeddingPurpose, EmbeddingRequest};

/// A model that turns texts into vectors, as a step: takes a text by which something is looked for, gives its vector.
///
/// [`documents`](Self::documents) is the step for the texts that are to be found, many in one request:
///
/// ```
/// use anabranch_core::{Result, RunnableExt};
/// use anabranch_models::{ChatCall, EmbeddingBackend, EmbeddingModel, EmbeddingRequest, Embeddings};
///
/// /// Knows how long a text is, and nothing else.
/// struct Lengths;
///
/// #[async_trait::async_trait]
/// impl EmbeddingBackend for Lengths {
///     fn name(&self) -> &str {
///         "lengths"
///     }
///
///     fn most_texts(&self) -> usize {
///         2
///     }
///
///     async fn embed(&self, request: EmbeddingRequest<'_>, _call: ChatCall) -> Result<Embeddings> {
///         Ok(Embeddings::new(request.texts.iter().map(|text| vec![text.len() as f32]).collect()))
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<()> {
/// let model = EmbeddingModel::from_backend(Lengths);
/// assert_eq!(model.invoke("river").await?, [5.0]);
///
/// // In two requests, in order.
/// let texts: Vec<String> = ["a", "bb", "ccc"].map(String::from).to_vec();
/// assert_eq!(model.documents().invoke(texts).await?, [[1.0], [2.0], [3.0]]);
/// # Ok(()) }
/// ```
#[doc(alias = "OpenAIEmbeddings")]
#[derive(Clone)]
pub struct EmbeddingModel {
    backend: Arc<dyn EmbeddingBackend>,
    /// As it stands in error paths.
    label: Arc<str>,
    dimensions: Option<u32>,
    most_texts: usize,
}

const LABEL: &str = "EmbeddingModel ";

/// How many requests of one list are under way at once.
const AT_ONCE: usize = 8;

impl EmbeddingModel {
    /// The model of this name: `openai:text-embedding-3-small`, `gemini:gemini-embedding-001`, `ollama:nomic-embed-text`.
    /// Keys and base URLs come from the environment: `OPENAI_API_KEY` and `OPENAI_BASE_URL`; `GEMINI_API_KEY` or
    /// `GOOGLE_API_KEY`, and `GOOGLE_GEMINI_BASE_URL`; `OLLAMA_HOST` and `OLLAMA_API_KEY`.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] when there is no such provider, when its feature is off, or when its key is missing.
    pub fn new(name: &str) -> Result<Self> {
        crate::providers::embeddings_by_name(name, &crate::providers::environment).map(Self::from_shared)
    }

    /// The model behind an adapter of your own.
    pub fn from_backend(backend: impl EmbeddingBackend) -> Self {
        Self::from_shared(Arc::new(backend))
    }

    pub(crate) fn from_shared(backend: Arc<dyn EmbeddingBackend>) -> Self {
        let label = format!("{LABEL}{}", backend.name()).into();
        let most_texts = backend.most_texts().max(1);
        Self { backend, label, dimensions: None, most_texts }
    }

    /// Provider and model: `openai:text-embedding-3-small`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.label[LABEL.len()..]
    }

    /// The same model with vectors of so many numbers. Not every model can do that.
    #[must_use]
    pub fn dimensions(&self, dimensions: u32) -> Self {
        Self { dimensions: Some(dimensions), ..self.clone() }
    }

    /// The same model with no more than so many texts in one request, for servers that take fewer than is known here.
    #[must_use]
    pub fn batch_size(&self, texts: usize) -> Self {
        Self { most_texts: texts.max(1), ..self.clone() }
    }

    /// The same model as a step for texts that are to be found: takes a list, gives a vector for each, in order. The list
    /// goes in as few requests as the provider's limits allow.
    #[must_use]
    #[doc(alias = "embed_documents")]
    pub fn documents(&self) -> EmbedDocuments {
        EmbedDocuments(self.clone())
    }

    async fn embed(&self, texts: &[String], purpose: EmbeddingPurpose, config: &RunConfig) -> Result<Vec<Vec<f32>>> {
        let permit = config.permit().await;
        let request = EmbeddingRequest::new(texts, purpose, self.dimensions);
        let embeddings = permit.during(self.backend.embed(request, ChatCall::new(config))).await;
        let embeddings = embeddings.inspect_err(|error| {
            error.partial::<ServerLimits>().into_iter().for_each(|limits| config.server_limits(limits));
        })?;
        if config.is_rate_limited() {
            config.server_limits(&embeddings.limits);
            embeddings.tokens.into_iter().for_each(|tokens| config.units_used(tokens));
        }
        match embeddings.vectors.len() {
            count if count == texts.len() => Ok(embeddings.vectors),
            count => {
                let message = format!("{count} vectors came for {} texts", texts.len());
                Err(Error::new(ErrorKind::Parse, message))
            }
        }
    }

    /// The texts of each request.
    fn requests<'t>(&self, texts: &'t [String]) -> Vec<&'t [String]> {
        let most_bytes = self.backend.most_bytes();
        let (mut requests, mut start, mut bytes) = (Vec::new(), 0, 0_usize);
        for (place, text) in texts.iter().enumerate() {
            let is_full = place - start == self.most_texts || bytes.saturating_add(text.len()) > most_bytes;
            if is_full && place > start {
                requests.push(&texts[start..place]);
                (start, bytes) = (place, 0);
            }
            bytes = bytes.saturating_add(text.len());
        }
        if start < texts.len() {
            requests.push(&texts[start..]);
        }
        requests
    }
}

impl Runnable for EmbeddingModel {
    type Input = String;
    type Output = Vec<f32>;

    async fn call(&self, text: String, config: &RunConfig) -> Result<Vec<f32>> {
        let mut vectors = self.embed(&[text], EmbeddingPurpose::Query, config).await?;
        vectors.pop().ok_or_else(|| Error::new(ErrorKind::Parse, "no vector came"))
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("embedding_model"), &*self.label))
    }
}

/// An [`EmbeddingModel`] for the texts that are to be found: see [`EmbeddingModel::documents`].
#[derive(Clone)]
pub struct EmbedDocuments(EmbeddingModel);

impl Runnable for EmbedDocuments {
    type Input = Vec<String>;
    type Output = Vec<Vec<f32>>;

    async fn call(&self, texts: Vec<String>, config: &RunConfig) -> Result<Vec<Vec<f32>>> {
        let model = &self.0;
        let requests: Vec<_> = model
            .requests(&texts)
            .into_iter()
            .map(|texts| model.embed(texts, EmbeddingPurpose::Document, config))
            .collect();
        let vectors: Vec<Vec<Vec<f32>>> = futures_util::stream::iter(requests).buffered(AT_ONCE).try_collect().await?;
        Ok(vectors.into_iter().flatten().collect())
    }

    fn label(&self) -> Option<Label<'_>> {
        self.0.label()
    }
}

impl fmt::Debug for EmbeddingModel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddingModel").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl fmt::Debug for EmbedDocuments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EmbedDocuments").field(&self.0).finish()
    }
}

pipe_operator!(impl for EmbeddingModel);
pipe_operator!(impl for EmbedDocuments);

#[cfg(test)]
mod tests;
