//! One streamed call with entelix.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use entelix::auth::BearerProvider;
use entelix::codecs::OpenAiChatCodec;
use entelix::ir::Message;
use entelix::stream::StreamDelta;
use entelix::transports::DirectTransport;
use entelix::{ChatModel, ExecutionContext};
use futures::TryStreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    entelix::install_default_tls();
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    // The codec adds the `/v1` itself.
    let host = base_url.trim_end_matches("/v1");
    let transport = DirectTransport::new(host, Arc::new(BearerProvider::new("none")))?;
    let model = ChatModel::new(OpenAiChatCodec::new(), transport, "tiny");
    let answer = model.stream_deltas(vec![Message::user("Count to three.")], &ExecutionContext::new()).await?;
    let mut deltas = answer.stream;
    while let Some(delta) = deltas.try_next().await? {
        if let StreamDelta::TextDelta { text, .. } = delta {
            print!("{text}");
            std::io::stdout().flush()?;
        }
    }
    Ok(())
}
