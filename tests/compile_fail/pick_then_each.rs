use anabranch::prelude::*;
use serde_json::Value;

fn main() {
    let length = lambda(async |word: String| Ok(word.len()));
    let _ = lambda(async |found: Value| Ok(found)).pick("words") | length.each();
}
