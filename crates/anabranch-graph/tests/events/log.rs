//! Events of a run whose log is kept.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_says_what_it_knows_and_tells_of_the_rest() {
    let stored = parts_and_rounds().with_store(MemoryStore::new());
    let thread = stored.thread("t");
    let mut events = thread.events(Notes::default());
    while short(&events.next().await.unwrap().unwrap()) != "parts[1]: failed: error" {}
    // The process dies.
    drop(events);
    let mut events = stored.thread("t").resume_events();
    let told = all(&mut events).await;
    let wanted = [
        "parts: started",
        "parts[0]: replayed",
        "parts[1]: replayed failure",
        "parts[2]: started",
        "parts[2]: update [{\"lines\":[\"part 2\"]}]",
        "parts[2]: done",
        "parts: done",
        "parts: chose round",
    ];
    assert_eq!(told[..wanted.len()], wanted);
    let state = done(events).await;
    let mut events = stored.thread("t").resume_events();
    let wanted = [
        "parts: replayed",
        "parts: chose round",
        "round#0: replayed",
        "round#0: chose round",
        "never: passedover",
        "round#1: replayed",
        "round#1: chose rumour",
        "rumour: replayed failure",
    ];
    let mut told = all(&mut events).await;
    told.sort();
    let mut wanted = wanted.map(String::from);
    wanted.sort();
    assert_eq!(told, wanted);
    assert_eq!(done(events).await, state);
}
