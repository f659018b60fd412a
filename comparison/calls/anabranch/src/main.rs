//! One streamed call with anabranch.

use std::io::Write;

use anabranch::models::OpenAi;
use anabranch::prelude::*;
use futures::TryStreamExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anabranch::Result<()> {
    let base_url = std::env::args().nth(1).expect("the base URL is missing");
    let chain = OpenAi::new("tiny").base_url(base_url).api_key("none").build()? | StrOutputParser;
    let mut texts = chain.stream("Count to three.");
    while let Some(text) = texts.try_next().await? {
        print!("{text}");
        std::io::stdout().flush().expect("stdout is open");
    }
    Ok(())
}
