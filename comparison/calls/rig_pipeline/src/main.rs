//! One streamed call with rig 0.39.

use std::error::Error;
use std::io::Write;

use futures::TryStreamExt;
use rig_pipeline::agent::MultiTurnStreamItem;
use rig_pipeline::client::CompletionClient;
use rig_pipeline::providers::openai::CompletionsClient;
use rig_pipeline::streaming::{StreamedAssistantContent, StreamingPrompt};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let client: CompletionsClient = CompletionsClient::builder().api_key("none").base_url(&base_url).build()?;
    let agent = client.agent("tiny").build();
    let mut events = agent.stream_prompt("Count to three.").await;
    while let Some(event) = events.try_next().await? {
        if let MultiTurnStreamItem::StreamAssistantItem(StreamedAssistantContent::Text(text)) = event {
            print!("{}", text.text);
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}
