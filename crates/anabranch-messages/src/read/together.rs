//! Calls that stand in several places of a message.

use std::collections::HashMap;

use serde_json::Value;

use super::fields::{Read, Unreadable};
use crate::part::ContentPart;
use crate::tool_call::ToolCall;

/// The parts of a message, among which each call is once.
pub(super) struct Together {
    parts: Vec<ContentPart>,
    /// Where the calls with an id are. Some servers give the same id twice.
    places: HashMap<String, Vec<usize>>,
    /// Where the calls without an id are.
    nameless: Vec<usize>,
}

impl Together {
    pub(super) fn of(parts: Vec<ContentPart>) -> Self {
        let mut this = Self { parts, places: HashMap::new(), nameless: Vec::new() };
        this.enter_from(0);
        this
    }

    pub(super) fn into_parts(self) -> Vec<ContentPart> {
        self.parts
    }

    fn enter_from(&mut self, start: usize) {
        for (place, part) in self.parts.iter().enumerate().skip(start) {
            match part {
                ContentPart::ToolCall(call) if call.id().is_empty() => self.nameless.push(place),
                ContentPart::ToolCall(call) => self.places.entry(call.id().to_string()).or_default().push(place),
                _ => {}
            }
        }
    }

    /// Adds the calls of one place that are not there. One with the id of another is the same call, or cannot be read:
    /// which of the two is to be run?
    pub(super) fn add(&mut self, calls: Vec<ToolCall>) -> Read<()> {
        let there = self.parts.len();
        for call in calls {
            let with_its_id = self.places.get(call.id()).map(Vec::as_slice);
            let twin = match with_its_id {
                Some(places) => {
                    let Some(twin) = self.first(places, |there| agree(there, &call)) else {
                        return Err(Unreadable::new(
                            "a message with two calls of one id that differ: one among its parts, the other beside them",
                        ));
                    };
                    Some(twin)
                }
                None => self.first(&self.nameless, |there| says_the_same(there, &call)),
            };
            match twin.and_then(|place| self.parts.get_mut(place)?.call_mut()) {
                Some(there) => fill(there, call),
                None => self.parts.push(call.into()),
            }
        }
        self.enter_from(there);
        Ok(())
    }

    fn first(&self, places: &[usize], is_it: impl Fn(&ToolCall) -> bool) -> Option<usize> {
        let call = |place: &usize| self.parts.get(*place).and_then(ContentPart::call);
        places.iter().find(|place| call(place).is_some_and(&is_it)).copied()
    }
}

fn says_the_same(one: &ToolCall, other: &ToolCall) -> bool {
    one.name() == other.name() && one.raw_arguments() == other.raw_arguments()
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

/// Adds to a call what only the other place says.
fn fill(there: &mut ToolCall, call: ToolCall) {
    let is_piece = call.streamed.is_some() && there.streamed.is_none();
    if is_piece {
        (there.streamed, there.end) = (call.streamed, call.end);
    }
    if there.has_no_arguments() && (is_piece || !call.has_no_arguments()) {
        (there.arguments, there.as_object) = (call.arguments, call.as_object);
    }
    if there.id.is_empty() {
        there.id = call.id;
    }
    let mut extras = call.extras;
    extras.append(std::mem::take(&mut there.extras));
    there.extras = extras;
}

impl ToolCall {
    fn has_no_arguments(&self) -> bool {
        self.has_blank_arguments() || self.raw_arguments() == "{}"
    }
}
