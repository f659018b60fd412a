use anabranch::prelude::*;

fn main() {
    let llm = ChatModel::from(ScriptedModel::new());
    let _ = llm | async |answer: AiMessage| Ok(answer.text().len());
}
