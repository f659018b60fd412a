//! One streamed call with wesichain.

use std::error::Error;
use std::io::Write;

use futures::TryStreamExt;
use wesichain_core::{Message, Runnable, StreamEvent};
use wesichain_llm::{LlmRequest, OpenAiCompatibleClient};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let client = OpenAiCompatibleClient::builder().base_url(base_url)?.api_key("none").default_model("tiny").build()?;
    let request = LlmRequest {
        model: "tiny".to_string(),
        messages: vec![Message::user("Count to three.")],
        tools: Vec::new(),
        temperature: None,
        max_tokens: None,
        stop_sequences: Vec::new(),
    };
    let mut events = client.stream(request);
    while let Some(event) = events.try_next().await? {
        if let StreamEvent::ContentChunk(text) = event {
            print!("{text}");
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}
