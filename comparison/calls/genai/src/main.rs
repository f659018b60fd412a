//! One streamed call with genai.

use std::error::Error;
use std::io::Write;

use futures::TryStreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatRequest, ChatStreamEvent};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let resolver = ServiceTargetResolver::from_resolver_fn(
        move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
            Ok(ServiceTarget {
                endpoint: Endpoint::from_owned(format!("{base_url}/")),
                auth: AuthData::from_single("none"),
                model: ModelIden::new(AdapterKind::OpenAI, target.model.model_name),
            })
        },
    );
    let client = Client::builder().with_service_target_resolver(resolver).build()?;
    let request = ChatRequest::new(vec![ChatMessage::user("Count to three.")]);
    let mut events = client.exec_chat_stream("tiny", request, None).await?.stream;
    while let Some(event) = events.try_next().await? {
        if let ChatStreamEvent::Chunk(chunk) = event {
            print!("{}", chunk.content);
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}
