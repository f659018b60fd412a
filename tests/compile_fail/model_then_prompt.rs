use anabranch::prelude::*;

fn main() -> anabranch::Result<()> {
    let llm = ChatModel::from(ScriptedModel::new());
    let prompt = ChatPromptTemplate::from_template("Translate: {text}")?;
    let _ = llm | prompt;
    Ok(())
}
