use anabranch::prelude::*;

fn main() -> anabranch::Result<()> {
    let chain = ChatModel::from(ScriptedModel::new()) | StrOutputParser;
    let _ = chain.invoke(42);
    Ok(())
}
