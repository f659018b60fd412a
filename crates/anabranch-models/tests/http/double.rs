//! A transport without a network, for tests that ask many thousand times.

use std::future::Future;
use std::sync::{Arc, Mutex};

use anabranch_core::Result;
use anabranch_models::transport::http::{Request, Response};
use anabranch_models::transport::{ByteStream, Bytes, Transport};
use futures::StreamExt as _;
use serde_json::Value;

/// Answers with one body in pieces, and keeps what it was asked last.
#[derive(Clone)]
pub(crate) struct Double {
    content_type: &'static str,
    body: Arc<str>,
    size: usize,
    asked: Arc<Mutex<Value>>,
}

impl Double {
    pub(crate) fn new(content_type: &'static str, body: String, size: usize) -> Self {
        Self { content_type, body: body.into(), size, asked: Arc::default() }
    }

    pub(crate) fn asked(&self) -> Value {
        self.asked.lock().unwrap().take()
    }
}

#[async_trait::async_trait]
impl Transport for Double {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<ByteStream>> {
        *self.asked.lock().unwrap() = serde_json::from_slice(request.body()).unwrap();
        let pieces = self.body.as_bytes().chunks(self.size).map(|piece| Ok(Bytes::copy_from_slice(piece)));
        let pieces: Vec<Result<Bytes>> = pieces.collect();
        let response = Response::builder().header("content-type", self.content_type);
        Ok(response.body(futures::stream::iter(pieces).boxed() as ByteStream).unwrap())
    }
}

pub(crate) fn block_on(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}
