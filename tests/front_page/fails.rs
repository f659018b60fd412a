use std::time::Duration;
use anabranch::{Error, ErrorKind, prelude::*};

#[tokio::main]
async fn main() -> anabranch::Result<()> {
    // A model for tests, which fails as it is told to.
    let busy = Error::new(ErrorKind::RateLimited, "status 429").with_retry_after(Duration::from_millis(20));
    let llm = ChatModel::from(ScriptedModel::new().otherwise(busy))
        .with_timeout(Duration::from_secs(30)) // of each attempt
        .with_retry(Retry::attempts(3));
    let research = parallel! {
        "summary": ChatPromptTemplate::from_template("Summarize {topic}.")? | llm | StrOutputParser,
        "topic": RunnablePassthrough,
    };
    let named = research.clone().with_name("research");
    println!("{}", named.invoke("tides").await.unwrap_err());

    // A misspelt variable is found before any model is asked.
    let misspelt = ChatPromptTemplate::from_template("{topic}: {sumary}")?;
    println!("{}", (research | misspelt).check().unwrap_err());
    Ok(())
}
