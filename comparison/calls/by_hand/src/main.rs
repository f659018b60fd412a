//! One streamed call without a framework: reqwest, and the server-sent events by hand.

use std::error::Error;
use std::io::Write;

use futures::StreamExt;
use serde_json::{Value, json};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let body =
        json!({ "model": "tiny", "stream": true, "messages": [{ "role": "user", "content": "Count to three." }] });
    let request = reqwest::Client::new().post(format!("{base_url}/chat/completions")).bearer_auth("none").json(&body);
    let mut bytes = request.send().await?.error_for_status()?.bytes_stream();

    let mut buffer = Vec::new();
    while let Some(piece) = bytes.next().await {
        buffer.extend_from_slice(&piece?);
        while let Some(end) = buffer.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = buffer.drain(..=end).collect();
            let Some(data) = str::from_utf8(&line)?.trim().strip_prefix("data: ") else { continue };
            if data == "[DONE]" {
                return Ok(());
            }
            let event: Value = serde_json::from_str(data)?;
            print!("{}", event["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
            std::io::stdout().flush()?;
        }
    }
    Err("the answer broke off".into())
}
