use anabranch::prelude::*;

fn main() {
    let llm = ChatModel::from(ScriptedModel::new());
    let _ = llm.pipe(async |words: usize| Ok(words + 1));
}
