use std::sync::Arc;

use anabranch::prelude::*;

struct Lookup;

impl Lookup {
    async fn look(&self, text: &str) -> anabranch::Result<usize> {
        Ok(text.len())
    }
}

fn main() {
    let lookup = Arc::new(Lookup);
    let llm = ChatModel::from(ScriptedModel::new());
    let _ = llm.pipe(StrOutputParser).pipe(async move |text: String| lookup.look(&text).await);
}
