//! One streamed call with cognis.

use std::error::Error;
use std::io::Write;

use cognis_llm::{Client, Message, Provider};
use futures::TryStreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base_url = std::env::args().nth(1).ok_or("the base URL is missing")?;
    let builder = Client::builder().provider(Provider::OpenAI).api_key("none").base_url(base_url).model("tiny");
    let mut chunks = builder.build()?.stream(vec![Message::human("Count to three.")]).await?;
    while let Some(chunk) = chunks.try_next().await? {
        print!("{}", chunk.content);
        std::io::stdout().flush()?;
    }
    Ok(())
}
