use std::sync::Mutex;
use std::time::Duration;

use anabranch_core::{RateLimiter, RunnableExt, TokenBucket};
use async_trait::async_trait;

use super::*;
use crate::embedding_backend::Embeddings;

/// Gives the number in each text; the later a request, the sooner it is done.
#[derive(Clone, Default)]
struct Numbers(Arc<Mutex<Vec<usize>>>);

#[async_trait]
impl EmbeddingBackend for Numbers {
    fn name(&self) -> &str {
        "test:numbers"
    }

    fn most_texts(&self) -> usize {
        3
    }

    fn most_bytes(&self) -> usize {
        10
    }

    async fn embed(&self, request: EmbeddingRequest<'_>, _: ChatCall) -> Result<Embeddings> {
        self.0.lock().unwrap().push(request.texts.len());
        let vectors: Vec<Vec<f32>> = request.texts.iter().map(|text| vec![text.trim().parse().unwrap()]).collect();
        tokio::time::sleep(Duration::from_secs_f32(1000.0 / (1.0 + vectors[0][0]))).await;
        let vectors = if vectors[0][0] == 666.0 { Vec::new() } else { vectors };
        Ok(Embeddings { tokens: Some(7), ..Embeddings::new(vectors) })
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_goes_in_few_requests_and_keeps_its_order() {
    let backend = Numbers::default();
    let model = EmbeddingModel::from_backend(backend.clone());
    let texts: Vec<String> =
        ["0", "1", "2", "3", "  4      ", "   5    ", "         6         ", "7"].map(String::from).into();
    let vectors = model.documents().invoke(texts.clone()).await.unwrap();
    assert_eq!(vectors.concat(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]);
    assert_eq!(*backend.0.lock().unwrap(), [3, 2, 1, 1, 1]);
    assert_eq!(model.batch_size(1).documents().invoke(texts).await.unwrap(), vectors);
    assert_eq!(backend.0.lock().unwrap().len(), 5 + 8);
    assert!(model.documents().invoke(Vec::new()).await.unwrap().is_empty());
    assert_eq!(backend.0.lock().unwrap().len(), 5 + 8, "nothing is asked for nothing");
}

#[tokio::test(start_paused = true)]
async fn no_vector_lands_in_another_slot_and_limits_hold() {
    let model = EmbeddingModel::from_backend(Numbers::default());
    let error = model.documents().invoke(vec!["666".into(), "1".into()]).await.unwrap_err();
    assert_eq!(error.to_string(), "EmbeddingModel test:numbers: parse error: 0 vectors came for 2 texts");
    let bucket = TokenBucket::new().units(100, Duration::from_secs(86_400));
    model.clone().with_rate_limiter(bucket.clone()).invoke("9").await.unwrap();
    assert_eq!(bucket.snapshot().units_left, Some(93));
    let config = RunConfig::new().max_concurrency(1);
    let began = tokio::time::Instant::now();
    model.documents().invoke_with(["9"; 9].map(String::from).to_vec(), &config).await.unwrap();
    assert_eq!(began.elapsed(), Duration::from_secs(300));
}
