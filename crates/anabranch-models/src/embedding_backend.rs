//! [`EmbeddingBackend`]: what adapters to embedding models implement.

use anabranch_core::{Result, ServerLimits};
use async_trait::async_trait;

use crate::backend::ChatCall;

/// What an adapter to an embedding model implements. Users hold an [`EmbeddingModel`](crate::EmbeddingModel), which makes
/// steps of it, and sees to batches, limits and deadlines.
#[async_trait]
pub trait EmbeddingBackend: Send + Sync + 'static {
    /// Provider and model, as they stand in error paths: `openai:text-embedding-3-small`.
    fn name(&self) -> &str;

    /// How many texts one request may have at most.
    fn most_texts(&self) -> usize;

    /// How many bytes the texts of one request may have together; a text of more goes alone.
    fn most_bytes(&self) -> usize {
        usize::MAX
    }

    /// A vector for each text, in the order of the texts.
    ///
    /// # Errors
    /// Those of a chat model; and [`Parse`](anabranch_core::ErrorKind::Parse) where the server gives fewer vectors, or
    /// more.
    async fn embed(&self, request: EmbeddingRequest<'_>, call: ChatCall) -> Result<Embeddings>;
}

/// What is asked of an embedding model.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct EmbeddingRequest<'a> {
    /// The texts: at least one, and no more than may be.
    pub texts: &'a [String],
    /// What they are.
    pub purpose: EmbeddingPurpose,
    /// How many numbers a vector should have, where that is not left to the model.
    pub dimensions: Option<u32>,
}

/// What texts are, for models that embed a question in another way than what is to be found by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EmbeddingPurpose {
    /// By which something is looked for.
    Query,
    /// Which is to be found.
    Document,
}

/// What an embedding model gives.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Embeddings {
    /// A vector for each text.
    pub vectors: Vec<Vec<f32>>,
    /// How many tokens the texts had, where the server says so.
    pub tokens: Option<u64>,
    /// What the server said about its limits.
    pub limits: ServerLimits,
}

impl Embeddings {
    /// A vector for each text.
    #[must_use]
    pub fn new(vectors: Vec<Vec<f32>>) -> Self {
        Self { vectors, tokens: None, limits: ServerLimits::new() }
    }
}

impl<'a> EmbeddingRequest<'a> {
    pub(crate) fn new(texts: &'a [String], purpose: EmbeddingPurpose, dimensions: Option<u32>) -> Self {
        Self { texts, purpose, dimensions }
    }
}

/// Texts are counted and not shown.
impl std::fmt::Debug for EmbeddingRequest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddingRequest")
            .field("texts", &self.texts.len())
            .field("purpose", &self.purpose)
            .field("dimensions", &self.dimensions)
            .finish()
    }
}

impl std::fmt::Debug for Embeddings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Embeddings")
            .field("vectors", &self.vectors.len())
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
