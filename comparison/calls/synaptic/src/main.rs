//! One streamed call with synaptic.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use futures::TryStreamExt;
use synaptic::core::{ChatModel, ChatRequest, Message};
use synaptic::models::HttpBackend;
use synaptic::openai::{OpenAiChatModel, OpenAiConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let config = OpenAiConfig::new("none", "tiny").with_base_url(base_url);
    let model = OpenAiChatModel::new(config, Arc::new(HttpBackend::new()));
    let mut chunks = model.stream_chat(ChatRequest::new(vec![Message::human("Count to three.")]));
    while let Some(chunk) = chunks.try_next().await? {
        print!("{}", chunk.content);
        std::io::stdout().flush()?;
    }
    Ok(())
}
