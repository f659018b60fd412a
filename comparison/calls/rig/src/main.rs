//! One streamed call with rig 0.44.

use std::error::Error;
use std::io::Write;

use futures::TryStreamExt;
use rig_agent::prelude::*;
use rig_core::providers::openai::OpenAIConfig;
use rig_core::streaming::{Item, StreamEvent};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let model = OpenAIConfig::new("none").with_base_url(base_url).client().chat("tiny");
    let mut events = AgentBuilder::new(model).build().prompt("Count to three.").stream();
    while let Some(event) = events.try_next().await? {
        if let MultiTurnStreamItem::StreamAssistantItem(Item::Event(StreamEvent::Text { text, .. })) = event {
            print!("{text}");
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}
