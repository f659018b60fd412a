//! One streamed call with langchain-rust.

use std::error::Error;
use std::io::Write;

use futures::TryStreamExt;
use langchain_rust::language_models::llm::LLM;
use langchain_rust::llm::openai::{OpenAI, OpenAIConfig};
use langchain_rust::schemas::Message;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let config = OpenAIConfig::new().with_api_base(base_url).with_api_key("none");
    let llm = OpenAI::new(config).with_model("tiny");
    let mut chunks = llm.stream(&[Message::new_human_message("Count to three.")]).await?;
    while let Some(chunk) = chunks.try_next().await? {
        print!("{}", chunk.content);
        std::io::stdout().flush()?;
    }
    Ok(())
}
