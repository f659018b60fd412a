use anabranch::prelude::*;

#[tokio::main]
async fn main() -> anabranch::Result<()> {
    let llm = ChatModel::from_env_or_offline()?;
    let ask = |template| -> anabranch::Result<_> {
        Ok(ChatPromptTemplate::from_template(template)? | llm.clone() | StrOutputParser)
    };
    let both = parallel! {
        "upside": ask("One upside of {plan}?")?,
        "downside": ask("One downside of {plan}?")?,
    };
    let mut growth = both.stream("moving the dam");
    while let Some(chunk) = growth.next().await {
        println!("{}", chunk?);
    }

    // The next prompt finds its variables in the object.
    let chain = both.clone() | ask("Synthesize.\nFor: {upside}\nAgainst: {downside}")?;
    println!("{}", chain.invoke("moving the dam").await?);
    Ok(())
}
