//! [`Arguments`]: the arguments of a tool call, read as they come.

use anabranch_core::{Error, Result};
use anabranch_messages::ToolCall;
use serde_json::{Map, Value};

use crate::json::MAX_DEPTH;
use crate::json::fault::JsonFault;
use crate::json::reader::{Read, Reader};
use crate::json::tree::Tree;
use crate::parse_error::{ParseError, ParseErrorKind};
use crate::work::looked_at;

/// The arguments of a call as far as they came. Each byte is looked at once.
pub(super) struct Arguments {
    reader: Reader,
    /// How many bytes were read.
    read: usize,
    state: State,
    /// What there is of them, when somebody asked.
    so_far: Value,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    UnderWay,
    Done,
    Broken(JsonFault, usize),
}

impl Arguments {
    pub(super) fn new() -> Self {
        Self {
            reader: Reader::new(MAX_DEPTH, Tree::default()),
            read: 0,
            state: State::UnderWay,
            so_far: Value::Object(Map::new()),
        }
    }

    /// Reads what is new.
    fn push(&mut self, call: &ToolCall) {
        let raw = call.raw_arguments();
        // With an empty object some begin, and what comes next takes its place.
        let Some(new) = raw.get(self.read..).filter(|_| raw != "{}") else { return };
        looked_at(1 + new.len());
        let mut used = 0;
        if self.state == State::UnderWay {
            match self.reader.push(new) {
                Read::More => used = new.len(),
                Read::Done(end) => {
                    used = end;
                    self.state = State::Done;
                }
                Read::Broken { at, back, fault } => {
                    self.state = State::Broken(fault, (self.read + at).saturating_sub(back));
                }
            }
        }
        let rest = &new[used..];
        if self.state == State::Done && !rest.trim_ascii().is_empty() {
            let at = self.read + used + (rest.len() - rest.trim_ascii_start().len());
            self.state = State::Broken(JsonFault::TextAfter, at);
        }
        self.read = raw.len();
    }

    /// Whether the object that they are has ended.
    pub(super) fn are_complete(&mut self, call: &ToolCall) -> bool {
        if !is_object(call) {
            return call.has_valid_arguments();
        }
        self.push(call);
        self.state == State::Done
    }

    /// What there is of them.
    pub(super) fn so_far(&mut self, call: &ToolCall) -> &Value {
        if is_object(call) {
            self.push(call);
            if let Some(more) = self.reader.snapshot() {
                self.so_far = more;
            }
        }
        &self.so_far
    }

    /// All of them. What is not whole must not run.
    pub(super) fn whole(mut self, call: &ToolCall) -> Result<Value> {
        if !is_object(call) {
            return call.arguments();
        }
        self.push(call);
        match self.state {
            State::Done => Ok(self.reader.tree.into_root().unwrap_or_default()),
            State::UnderWay => Err(cut_off(call)),
            State::Broken(fault, at) => {
                let message = format!("the arguments of the tool call are no valid JSON: {fault}");
                let error = ParseError::new(ParseErrorKind::Json(fault), message);
                let raw = call.raw_arguments();
                Err(error.in_path(self.reader.tree.shown_path()).at(raw, at).with_text(raw))
            }
        }
    }
}

/// Whether there is more than nothing, `null` or an empty object, and the begin of an object.
fn is_object(call: &ToolCall) -> bool {
    let raw = call.raw_arguments();
    raw.trim_ascii_start().starts_with('{') && raw != "{}"
}

fn cut_off(call: &ToolCall) -> Error {
    let raw = call.raw_arguments();
    let error = ParseError::new(ParseErrorKind::Truncated, "the arguments of the tool call are cut off: do not run it");
    error.at(raw, raw.len()).with_text(raw)
}
