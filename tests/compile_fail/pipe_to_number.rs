use anabranch::prelude::*;

fn main() {
    let llm = ChatModel::from(ScriptedModel::new());
    let _ = llm | 42;
}
