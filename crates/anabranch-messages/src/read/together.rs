//! Calls that stand in several places of a message.

use std::collections::HashMap;

use serde_json::Value;

use super::fields::{Read, Unreadable};
use crate::tool_call::ToolCall;

/// The calls of a message, each once.
pub(super) struct Together {
    calls: Vec<ToolCall>,
    /// Where the calls with an id are. Some servers give the same id twice.
    places: HashMap<String, Vec<usize>>,
}

impl Together {
    pub(super) fn of(calls: Vec<ToolCall>) -> Self {
        let mut places: HashMap<String, Vec<usize>> = HashMap::new();
        for (place, call) in calls.iter().enumerate().filter(|(_, call)| !call.id().is_empty()) {
            places.entry(call.id().to_string()).or_default().push(place);
        }
        Self { calls, places }
    }

    pub(super) fn into_vec(self) -> Vec<ToolCall> {
        self.calls
    }

    /// Adds the calls that are not there. One with the id of another is the same call, or cannot be read: which of the
    /// two is to be run?
    pub(super) fn add(&mut self, calls: Vec<ToolCall>) -> Read<()> {
        for call in calls {
            match self.places.get(call.id()) {
                Some(places) => {
                    let same =
                        places.iter().find(|place| self.calls.get(**place).is_some_and(|there| agree(there, &call)));
                    let Some(there) = same.and_then(|place| self.calls.get_mut(*place)) else {
                        return Err(Unreadable::new(
                            "a message with two calls of one id that differ: one among its parts, the other beside them",
                        ));
                    };
                    if there.has_no_arguments() {
                        there.arguments = call.arguments;
                        there.as_object = call.as_object;
                    }
                    there.signature = there.signature.take().or(call.signature);
                }
                None if self.calls.iter().any(|there| is_nameless_twin(there, &call)) => {}
                None => {
                    if !call.id().is_empty() {
                        self.places.entry(call.id().to_string()).or_default().push(self.calls.len());
                    }
                    self.calls.push(call);
                }
            }
        }
        Ok(())
    }
}

/// Two calls without an id, or one of them, that say the same.
fn is_nameless_twin(one: &ToolCall, other: &ToolCall) -> bool {
    (one.id().is_empty() || other.id().is_empty())
        && one.name() == other.name()
        && one.raw_arguments() == other.raw_arguments()
}

fn agree(one: &ToolCall, other: &ToolCall) -> bool {
    let json = |call: &ToolCall| serde_json::from_str::<Value>(call.raw_arguments()).ok();
    let same_name = one.name() == other.name() || one.name().is_empty() || other.name().is_empty();
    same_name
        && (one.has_no_arguments()
            || other.has_no_arguments()
            || one.raw_arguments() == other.raw_arguments()
            || json(one).is_some_and(|one| json(other) == Some(one)))
}

impl ToolCall {
    fn has_no_arguments(&self) -> bool {
        self.has_blank_arguments() || self.raw_arguments() == "{}"
    }
}
