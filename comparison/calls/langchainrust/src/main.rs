//! One streamed call with langchainrust.

use std::error::Error;
use std::io::Write;

use futures::TryStreamExt;
use lc_core::language_models::BaseChatModel;
use lc_providers::openai::{OpenAIChat, OpenAIConfig};
use lc_schema::Message;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let model = OpenAIChat::new(OpenAIConfig::new("none").with_base_url(base_url).with_model("tiny"));
    let mut chunks = model.stream_chat(vec![Message::human("Count to three.")], None).await?;
    while let Some(chunk) = chunks.try_next().await? {
        print!("{}", chunk.text);
        std::io::stdout().flush()?;
    }
    Ok(())
}
