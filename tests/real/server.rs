//! The server, and what it says of itself: its slots, its counts.

use std::time::{Duration, Instant};

use anabranch::prelude::*;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};

/// The server, for one test at a time: what its slots do is then what the test does.
pub(crate) struct Server {
    pub(crate) url: String,
    _alone: MutexGuard<'static, ()>,
}

static ALONE: Mutex<()> = Mutex::const_new(());

impl Server {
    /// `None`, and a line that says so, where there is no server.
    pub(crate) async fn find(test: &str) -> Option<Self> {
        let Ok(url) = std::env::var("ANABRANCH_REAL_SERVER") else {
            eprintln!("{test}: skipped, because ANABRANCH_REAL_SERVER is not set (`.ci/run` starts a server)");
            return None;
        };
        let server = Self { url: url.trim_end_matches('/').to_string(), _alone: ALONE.lock().await };
        server.until_idle(Duration::from_secs(30)).await;
        Some(server)
    }

    pub(crate) fn base_url(&self) -> String {
        format!("{}/v1", self.url)
    }

    /// Greedy, and without reuse of earlier prompts: the same request gives the same answer.
    pub(crate) fn model(&self) -> ChatModel {
        let llm = OpenAi::new("tiny").base_url(self.base_url()).build().unwrap();
        llm.temperature(0.0).option("cache_prompt", false)
    }

    async fn get(&self, path: &str) -> String {
        let host = self.url.trim_start_matches("http://");
        let mut socket = TcpStream::connect(host).await.unwrap();
        let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        socket.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        assert!(head.lines().next().unwrap().contains(" 200 "), "GET {path}: {head}");
        body.to_string()
    }

    /// For each slot whether it is at work.
    pub(crate) async fn slots(&self) -> Vec<bool> {
        let slots: Vec<Value> = serde_json::from_str(&self.get("/slots").await).unwrap();
        slots.iter().map(|slot| slot["is_processing"].as_bool().unwrap()).collect()
    }

    pub(crate) async fn busy(&self) -> usize {
        self.slots().await.into_iter().filter(|busy| *busy).count()
    }

    /// How many tokens it has written since it was started.
    pub(crate) async fn tokens_written(&self) -> u64 {
        let metrics = self.get("/metrics").await;
        let line = metrics.lines().find(|line| line.starts_with("llamacpp:tokens_predicted_total")).unwrap();
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until so many slots are at work: on a busy machine the server may still be about to see that an earlier
    /// client is gone.
    pub(crate) async fn until_busy(&self, wanted: usize) {
        let began = Instant::now();
        loop {
            let busy = self.busy().await;
            if busy == wanted {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(1), "{busy} slots are at work, not {wanted}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// How long it took until no slot was at work.
    pub(crate) async fn until_idle(&self, patience: Duration) -> Duration {
        let began = Instant::now();
        while self.busy().await > 0 {
            assert!(began.elapsed() < patience, "a slot is still at work after {patience:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        began.elapsed()
    }
}
