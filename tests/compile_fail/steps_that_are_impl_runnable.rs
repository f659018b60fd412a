use anabranch::prelude::*;

fn step() -> impl Runnable<Input = String, Output = String> {
    lambda(async |text: String| Ok(text))
}

fn main() {
    let _ = step() | step();
}
