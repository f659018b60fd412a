//! [`ToolCalls`]: the calls among the parts of an answer.

use std::fmt;
use std::iter::FilterMap;
use std::ops::Index;
use std::slice::Iter;

use crate::part::ContentPart;
use crate::tool_call::ToolCall;

/// The calls a model asks for, in their order among the parts of its answer: a view of the parts that are calls.
///
/// ```
/// use anabranch_messages::{AiMessage, ToolCall};
/// use serde_json::json;
///
/// let answer = AiMessage::new("Let me look.").with_tool_call(ToolCall::new("1", "weather", json!({"city": "Bremen"})));
/// for call in answer.tool_calls() {
///     assert_eq!(call.name(), "weather");
/// }
/// assert_eq!(answer.tool_calls()[0].id(), "1");
/// ```
#[derive(Clone, Copy)]
pub struct ToolCalls<'a> {
    parts: &'a [ContentPart],
    /// Where the calls are among the parts, if it is known.
    places: Option<&'a [usize]>,
}

impl<'a> ToolCalls<'a> {
    pub(crate) fn new(parts: &'a [ContentPart], places: Option<&'a [usize]>) -> Self {
        Self { parts, places }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self.places {
            Some(places) => places.len(),
            None => self.iter().count(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }

    /// The call at this place among the calls.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&'a ToolCall> {
        match self.places {
            Some(places) => of_part(self.parts.get(*places.get(place)?)?),
            None => self.iter().nth(place),
        }
    }

    /// The first call.
    #[must_use]
    pub fn first(&self) -> Option<&'a ToolCall> {
        self.iter().next()
    }

    /// The last call.
    #[must_use]
    pub fn last(&self) -> Option<&'a ToolCall> {
        self.parts.iter().rev().find_map(of_part)
    }

    /// The calls, one by one.
    pub fn iter(&self) -> <Self as IntoIterator>::IntoIter {
        self.into_iter()
    }

    /// The calls, cloned.
    #[must_use]
    pub fn to_vec(&self) -> Vec<ToolCall> {
        self.iter().cloned().collect()
    }
}

fn of_part(part: &ContentPart) -> Option<&ToolCall> {
    match part {
        ContentPart::ToolCall(call) => Some(call),
        _ => None,
    }
}

/// Panics where there is no such call, as a slice does.
impl Index<usize> for ToolCalls<'_> {
    type Output = ToolCall;

    #[allow(clippy::panic, reason = "as a slice does")]
    fn index(&self, place: usize) -> &ToolCall {
        match self.get(place) {
            Some(call) => call,
            None => panic!("there is no tool call {place}: there are {}", self.len()),
        }
    }
}

impl<'a> IntoIterator for ToolCalls<'a> {
    type Item = &'a ToolCall;
    type IntoIter = FilterMap<Iter<'a, ContentPart>, fn(&'a ContentPart) -> Option<&'a ToolCall>>;

    fn into_iter(self) -> Self::IntoIter {
        self.parts.iter().filter_map(of_part)
    }
}

impl PartialEq for ToolCalls<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl PartialEq<[ToolCall]> for ToolCalls<'_> {
    fn eq(&self, other: &[ToolCall]) -> bool {
        self.iter().eq(other)
    }
}

impl<const N: usize> PartialEq<[ToolCall; N]> for ToolCalls<'_> {
    fn eq(&self, other: &[ToolCall; N]) -> bool {
        self.iter().eq(other)
    }
}

impl PartialEq<Vec<ToolCall>> for ToolCalls<'_> {
    fn eq(&self, other: &Vec<ToolCall>) -> bool {
        self.iter().eq(other)
    }
}

impl fmt::Debug for ToolCalls<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(*self).finish()
    }
}
