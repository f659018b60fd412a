//! The conformance checklist for LCEL: what chains of LangChain do, and where this project means to do better.
//!
//! Each case bears its id. `D` after an id marks a deliberate difference; what is asserted is our expectation.
//!
//! # Cases that are not here
//!
//! | cases | why |
//! |---|---|
//! | SEQ-11, SEQ-20, BR-01, GEN-02 | cannot be written: a setting, a type, a default, a direction that is not there does not compile |
//! | SEQ-12, SEQ-13 | there is no ambient configuration and there are no handler lists: a run's configuration is handed on |
//! | GEN-05 | ids of steps are given by the run, not by the caller |
//! | FB-02, FB-09 | a fallback gets the input of the step it takes the place of, not its error |
//! | FB-10 | no attributes are looked up on a group of alternatives |
//! | STR-02, EV-03, EV-06, EV-07 | observers get no values, choose by themselves, and have no events of others' making; tools come later |
//! | CNF, HIS, LIS | configurable fields, histories and listeners come later |
//! | CH-06 | a prompt's variables are what its templates say: there is no list beside them that could differ |
//! | CAC, GR, MOD-02, MOD-05, RL-03, SER-02 | caches, pictures of chains, ways not to stream, and trimming come later; JSON is read as messages and as nothing else |
//! | RL-01, RL-02 | a `TokenBucket` starts full and waits in order; its own tests are beside it |
//! | OP-16 (the stream) | leaves of a tree do not add up to it, so that what is streamed would not be what `invoke` gives: a tree comes whole |

#![allow(clippy::unwrap_used, clippy::panic)]

mod batches;
mod events;
mod fan_outs;
mod functions;
mod messages;
mod parsers;
mod prompts;
mod retries;
mod sequences;

use std::sync::Mutex;
use std::time::Duration;

use anabranch::models::Pieces;
use anabranch::prelude::*;
use anabranch::{Error, ErrorKind, Observer, StepEvent};
use futures::TryStreamExt;
use serde_json::Value;

/// A model that gives this text to everything, a character at a time.
pub(crate) fn spelling(text: &str) -> ChatModel {
    ScriptedModel::new().otherwise(text).in_pieces(Pieces::Chars).into()
}

pub(crate) fn prompt(template: &str) -> ChatPromptTemplate {
    ChatPromptTemplate::from_template(template).unwrap()
}

pub(crate) fn failure(message: &'static str) -> Error {
    Error::new(ErrorKind::Server, message)
}

pub(crate) async fn chunks<T: Send + 'static>(chunks: Chunks<'_, T>) -> anabranch::Result<Vec<T>> {
    chunks.try_collect().await
}

pub(crate) async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// The one key of a chunk of a parallel.
pub(crate) fn only_key(chunk: &Value) -> &str {
    let object = chunk.as_object().unwrap();
    assert_eq!(object.len(), 1, "{chunk}");
    object.keys().next().unwrap()
}

/// What an observer hears, a line each.
#[derive(Default)]
pub(crate) struct Log(Mutex<Vec<String>>);

impl Log {
    fn add(&self, what: &str, step: &StepEvent<'_>) {
        self.0.lock().unwrap().push(format!("{what} {}", step.path()));
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Log {
    fn started(&self, step: &StepEvent<'_>) {
        self.add("start", step);
    }

    fn chunk(&self, step: &StepEvent<'_>) {
        self.add("chunk", step);
    }

    fn finished(&self, step: &StepEvent<'_>) {
        self.add("end", step);
    }

    fn failed(&self, step: &StepEvent<'_>, error: &Error) {
        self.add(&format!("failed ({})", error.message()), step);
    }

    fn cancelled(&self, step: &StepEvent<'_>) {
        self.add("cancelled", step);
    }

    fn retrying(&self, step: &StepEvent<'_>, _: &anabranch::Attempt, _: &Error) {
        self.add("again", step);
    }
}
