//! The clients.

use std::fs;
use std::hint::black_box;
use std::sync::Arc;

use anabranch_core::RunnableExt;
use anabranch_models::{ChatModel, OpenAi};
use memchr::memchr;
use serde::Deserialize;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use super::{CLIENTS, Load};

pub(super) fn run(load: Load, client: &str, address: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let llm = OpenAi::new("gpt-4o-mini").base_url(format!("{address}/v1")).build().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let url: Arc<str> = format!("{address}/v1/chat/completions").into();
        let ready = Arc::new(Barrier::new(load.streams));
        let (memory, cpu) = (status("VmRSS:"), cpu());
        let mut streams = JoinSet::new();
        for _ in 0..load.streams {
            let ready = ready.clone();
            let (llm, http, url) = (llm.clone(), http.clone(), url.clone());
            match client {
                _ if client == CLIENTS[0] => streams.spawn(async move {
                    ready.wait().await;
                    ours(&llm).await
                }),
                _ if client == CLIENTS[1] => streams.spawn(async move {
                    ready.wait().await;
                    by_hand(&http, &url, |_| 1).await
                }),
                _ => streams.spawn(async move {
                    ready.wait().await;
                    by_hand(&http, &url, parsed).await
                }),
            };
        }
        let mut tokens = 0;
        while let Some(read) = streams.join_next().await {
            tokens += read.unwrap();
        }
        assert!(tokens >= load.streams * load.tokens, "{tokens} tokens");
        let all = (load.streams * load.tokens) as f64;
        let cpu = (self::cpu() - cpu) as f64 * 1e9 / TICKS / all;
        println!("{cpu} {}", (status("VmHWM:") - memory) as f64 / load.streams as f64);
    });
}

async fn ours(llm: &ChatModel) -> usize {
    let mut chunks = llm.stream("What is an anabranch?");
    let mut tokens = 0;
    while let Some(chunk) = chunks.next().await {
        tokens += usize::from(!black_box(chunk.unwrap().into_text()).is_empty());
    }
    tokens
}

/// As short as it can be: what a line is, is up to `read`.
async fn by_hand(http: &reqwest::Client, url: &str, read: impl Fn(&[u8]) -> usize) -> usize {
    let body =
        r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"What is an anabranch?"}],"stream":true}"#;
    let request = http.post(url).header("content-type", "application/json").body(body);
    let mut response = request.send().await.unwrap();
    let (mut buffer, mut tokens) = (Vec::new(), 0);
    while let Some(bytes) = response.chunk().await.unwrap() {
        buffer.extend_from_slice(&bytes);
        let mut start = 0;
        while let Some(length) = memchr(b'\n', &buffer[start..]) {
            let line = &buffer[start..start + length];
            start += length + 1;
            match line.strip_prefix(b"data: ") {
                Some(b"[DONE]") => return tokens,
                Some(data) => tokens += read(black_box(data)),
                None => {}
            }
        }
        buffer.drain(..start);
    }
    tokens
}

fn parsed(data: &[u8]) -> usize {
    #[derive(Deserialize)]
    struct Chat {
        choices: Vec<Choice>,
    }
    #[derive(Deserialize)]
    struct Choice {
        delta: Delta,
        finish_reason: Option<String>,
    }
    #[derive(Deserialize)]
    struct Delta {
        content: Option<String>,
    }
    let Some(choice) = serde_json::from_slice::<Chat>(data).unwrap().choices.into_iter().next() else { return 0 };
    black_box(choice.finish_reason);
    usize::from(black_box(choice.delta.content).is_some())
}

/// A second of processor time: what Linux shows user programs, on every machine.
const TICKS: f64 = 100.0;

/// The processor time of this process, in ticks.
fn cpu() -> u64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name of the program is in brackets, and may hold anything.
    let fields: Vec<_> = stat[stat.rfind(')').unwrap() + 2..].split(' ').collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// A size in `/proc/self/status`, in bytes.
fn status(key: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
