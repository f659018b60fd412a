//! How pieces of tool calls find their call.

use crate::tool_call::ToolCall;

/// Puts the next piece into the call it belongs to, or begins a new one. Gives the place of the call.
///
/// A call that came whole stays one of its own. A piece with an index belongs to the last call with it, unless it
/// names a tool under another id: some servers send index 0 for all calls. Another id without a name is the same
/// call: some send a fresh id with every piece. A piece without an index belongs to the call with its id, or else to
/// the last one.
pub(crate) fn add(calls: &mut Vec<ToolCall>, piece: ToolCall) -> usize {
    match place(calls, &piece) {
        Some(place) => {
            if let Some(call) = calls.get_mut(place) {
                join(call, piece);
            }
            place
        }
        None => {
            calls.push(piece);
            calls.len() - 1
        }
    }
}

/// Looks from the end: the call under way is nearly always the last, so that assembly is linear. An index is compared
/// and never used as one, however large it is.
fn place(calls: &[ToolCall], piece: &ToolCall) -> Option<usize> {
    match piece.streamed? {
        Some(index) => {
            let place = calls.iter().rposition(|call| call.streamed == Some(Some(index)))?;
            calls.get(place).is_some_and(|call| !begins_another_at_index(call, piece)).then_some(place)
        }
        None if !piece.id.is_empty() => calls.iter().rposition(|call| call.streamed.is_some() && call.id == piece.id),
        None => {
            let last = calls.last().filter(|call| call.streamed.is_some())?;
            (!begins_another(last, piece)).then_some(calls.len() - 1)
        }
    }
}

fn begins_another_at_index(call: &ToolCall, piece: &ToolCall) -> bool {
    if piece.name.is_empty() {
        return false;
    }
    if piece.id.is_empty() {
        return piece.as_object && !call.has_blank_arguments();
    }
    // A piece that bears id and name is the head of a call. What came before it under no id is the tail of another.
    let is_empty_start = call.id.is_empty() && call.arguments.is_empty() && is_or_lacks(&call.name, &piece.name);
    call.id != piece.id && !is_empty_start
}

/// For pieces with neither index nor id, which leaves the name.
fn begins_another(call: &ToolCall, piece: &ToolCall) -> bool {
    if piece.name.is_empty() {
        return false;
    }
    if call.name.is_empty() {
        return !call.arguments.is_empty();
    }
    call.name != piece.name || (piece.as_object && !call.has_blank_arguments())
}

fn is_or_lacks(there: &str, wanted: &str) -> bool {
    there.is_empty() || there == wanted
}

/// The first id and name win and are never joined. Text is appended. An object is all of the arguments; where there are
/// some already, which no provider should do, both are kept as text, which is then no valid JSON: the call does not run.
fn join(call: &mut ToolCall, mut piece: ToolCall) {
    // An empty object is how some begin: it says nothing beside other arguments, and something beside none.
    if call.arguments.is_empty() || (call.is_empty_object() && !piece.arguments.is_empty()) {
        if !piece.arguments.is_empty() {
            call.as_object = piece.as_object;
            call.arguments = std::mem::take(&mut piece.arguments);
        }
    } else if !piece.arguments.is_empty() && !piece.is_empty_object() {
        call.arguments.push_str(&piece.arguments);
        call.as_object = false;
    }
    if call.id.is_empty() {
        call.id = piece.id;
    }
    if call.name.is_empty() {
        call.name = piece.name;
    }
    call.signature = piece.signature.or(call.signature.take());
}
