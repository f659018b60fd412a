use anabranch::prelude::*;

fn main() -> anabranch::Result<()> {
    let prompt = ChatPromptTemplate::from_template("Define {term}.")?;
    let _ = prompt | StrOutputParser;
    Ok(())
}
