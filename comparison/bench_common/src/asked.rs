//! Do all programs ask the model the same?

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::texts::{ANSWER, KEY_TERMS, QUESTIONS, SUMMARY, TOPIC};

/// System and user message of one call. Where a library's system message is fixed, all is in the user's.
pub type Conversation = (String, String);

static LISTENING: AtomicBool = AtomicBool::new(false);
static HEARD: Mutex<Vec<Conversation>> = Mutex::new(Vec::new());

/// Every model in the process says here what it was asked. The closure runs once, before the clock starts.
pub fn asked(conversation: impl FnOnce() -> Conversation) {
    if LISTENING.load(Ordering::Relaxed) {
        HEARD.lock().expect("no model panics while it listens").push(conversation());
    }
}

/// Runs `work`, and stops the program unless it asked the model what the chain should ask.
pub(crate) fn check_asked(name: &str, work: impl FnOnce() -> String) {
    LISTENING.store(true, Ordering::Relaxed);
    let answer = work();
    LISTENING.store(false, Ordering::Relaxed);
    assert_eq!(answer, ANSWER, "{name} gives another answer than its model");

    let heard = std::mem::take(&mut *HEARD.lock().expect("no model panics while it listens"));
    let synthesis = format!(
        "Based on the following information:\nSummary: {ANSWER}\nRelated Questions: {ANSWER}\nKey Terms: {ANSWER}\n\
         Synthesize a comprehensive answer."
    );
    let branch = |task: &str| (task.to_string(), TOPIC.to_string());
    let expected =
        vec![branch(SUMMARY), branch(QUESTIONS), branch(KEY_TERMS), (synthesis, format!("Original topic: {TOPIC}"))];
    let mut heard: Vec<String> = heard.into_iter().map(joined).collect();
    let mut expected: Vec<String> = expected.into_iter().map(joined).collect();
    // The branches may start in any order.
    heard.sort();
    expected.sort();
    assert_eq!(heard, expected, "{name} asks its model something else than the chain of the comparison");
}

fn joined((system, user): Conversation) -> String {
    format!("{system}\n{user}").trim().to_string()
}
