use std::sync::{Arc, Mutex};

use anabranch::graph::{END, START, State, StateGraph, Update};
use anabranch::prelude::*;
use serde::{Deserialize, Serialize};

#[derive(Clone, Default, Serialize, Deserialize, State)]
struct Essay {
    draft: String,
}

fn without_async(_: Arc<Essay>) -> anabranch::Result<impl Update<Essay>> {
    Ok(Essay::draft("…"))
}

async fn with_two_arguments(_: Arc<Essay>, _: RunConfig) -> anabranch::Result<impl Update<Essay>> {
    Ok(Essay::draft("…"))
}

async fn of_other_error(_: Arc<Essay>) -> std::io::Result<()> {
    Ok(())
}

async fn that_holds_a_guard(_: Arc<Essay>) -> anabranch::Result<()> {
    let drafts = Mutex::new(0);
    let count = drafts.lock().unwrap();
    std::future::ready(()).await;
    drop(count);
    Ok(())
}

fn main() {
    let part = StateGraph::<Essay>::new().edge(START, END);
    let _ = StateGraph::<Essay>::new()
        .node("without async", without_async)
        .node("without Ok", async |_: Arc<Essay>| Essay::draft("…"))
        .node("with two arguments", with_two_arguments)
        .node("of other error", of_other_error)
        .node("that holds a guard", that_holds_a_guard)
        .node("not compiled", part);
}
