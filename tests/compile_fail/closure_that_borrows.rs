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
    let _ = lambda(async move |text: String| lookup.look(&text).await);
}
