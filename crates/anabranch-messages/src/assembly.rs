//! How the pieces of a message find their part.

use std::collections::HashMap;

use serde_json::Value;

use crate::part::ContentPart;
use crate::tool_call::ToolCall;

/// What is needed to add up more pieces of a message.
///
/// Where a piece of a call belongs depends on the pieces before it, and a part of a stream may be added up before it is
/// known what came before. So a message remembers its pieces in their order, unless its parts tell it: pieces that came
/// one part after the other, which nearly all do. Adding a message to another adds its pieces, and what comes out does
/// not depend on which were added up first.
#[derive(Clone)]
pub(crate) struct Assembly {
    /// The pieces in their order, where the parts are not the same.
    log: Option<Vec<ContentPart>>,
    /// The call that was written to last of those with this index, by its place among the parts.
    by_index: HashMap<u64, usize>,
    /// The call that was written to last of those with this id.
    by_id: HashMap<String, usize>,
    /// The call that was written to last.
    current: Option<usize>,
    /// Where the calls are that are no calls of the provider's own tools.
    calls: Vec<usize>,
}

impl Assembly {
    pub(crate) fn of(parts: &[ContentPart]) -> Self {
        let mut this =
            Self { log: None, by_index: HashMap::new(), by_id: HashMap::new(), current: None, calls: Vec::new() };
        parts.iter().enumerate().for_each(|(place, part)| this.enter(place, part, true));
        this
    }

    pub(crate) fn calls(&self) -> &[usize] {
        &self.calls
    }

    pub(crate) fn into_log(self) -> Option<Vec<ContentPart>> {
        self.log
    }

    /// Adds a part at the end that is no piece of another.
    pub(crate) fn push(&mut self, parts: &mut Vec<ContentPart>, part: ContentPart) {
        if let Some(log) = &mut self.log {
            log.push(part.clone());
        }
        self.enter(parts.len(), &part, true);
        parts.push(part);
    }

    /// Adds the next piece to the part it belongs to, or begins a new one. Gives the place of a call that grew or was
    /// begun.
    pub(crate) fn add(&mut self, parts: &mut Vec<ContentPart>, piece: ContentPart) -> Option<usize> {
        let Some(call) = piece.call() else {
            if let Some(log) = &mut self.log {
                add_next(log, piece.clone());
            }
            add_next(parts, piece);
            return None;
        };
        if self.log.is_none() && parts.last().is_some_and(|last| goes_on(last, &piece)) {
            let (last, of_server) = (parts.len() - 1, matches!(piece, ContentPart::ServerToolCall(_)));
            add_next(parts, piece);
            if of_server && self.calls.last() == Some(&last) {
                self.calls.pop();
            }
            return Some(last);
        }
        let place = self.place(parts, call);
        if self.log.is_none() && place.is_some() {
            self.log = Some(parts.clone());
        }
        if let Some(log) = &mut self.log {
            add_next(log, piece.clone());
        }
        if let Some((place, part)) = place.and_then(|place| Some((place, parts.get_mut(place)?))) {
            join_parts(part, piece);
            self.enter(place, part, false);
            return Some(place);
        }
        self.enter(parts.len(), &piece, true);
        parts.push(piece);
        Some(parts.len() - 1)
    }

    /// Gives a call another id: the one at this place among the parts.
    pub(crate) fn set_id(&mut self, parts: &mut [ContentPart], place: usize, id: String) {
        let Some(part) = parts.get_mut(place) else { return };
        let Some(call) = part.call_mut() else { return };
        if let Some(last) =
            self.log.as_mut().and_then(|log| log.last_mut()?.call_mut()).filter(|last| last.id == call.id)
        {
            last.id.clone_from(&id);
        }
        call.id = id;
        let current = self.current;
        self.enter(place, part, false);
        self.current = current;
    }

    fn enter(&mut self, place: usize, part: &ContentPart, is_new: bool) {
        let Some(call) = part.call() else { return };
        self.current = Some(place);
        match part {
            ContentPart::ToolCall(_) if is_new => self.calls.push(place),
            // A piece said that the provider runs it.
            ContentPart::ServerToolCall(_) if !is_new => self.calls.retain(|there| *there != place),
            _ => {}
        }
        if call.streamed.is_none() {
            return;
        }
        if let Some(index) = call.index() {
            self.by_index.insert(index, place);
        }
        match self.by_id.get_mut(&call.id) {
            Some(there) => *there = place,
            None if call.id.is_empty() => {}
            None => _ = self.by_id.insert(call.id.clone(), place),
        }
    }

    /// The part a piece of a call belongs to.
    ///
    /// A call that came whole stays one of its own. A piece belongs to the call with its id, but for one with another
    /// index; some servers give the same id twice. Else it belongs to the call with its index, unless it names a tool
    /// under another id: some servers send index 0 for all calls. Another id without a name is the same call: some
    /// send a fresh id with every piece. A piece with neither index nor id belongs to the call that was written to
    /// last.
    fn place(&self, parts: &[ContentPart], piece: &ToolCall) -> Option<usize> {
        let index = piece.streamed?;
        let call = |place: &usize| Some((*place, parts.get(*place)?.call()?));
        let by_id = if piece.id.is_empty() { None } else { self.by_id.get(&piece.id).and_then(call) };
        let found = match index {
            None if !piece.id.is_empty() => by_id,
            None => {
                let current = self.current.as_ref().and_then(call);
                current.filter(|(_, call)| call.streamed.is_some() && !begins_another(call, piece))
            }
            Some(index) => by_id.filter(|(_, call)| call.index().is_none_or(|of| of == index)).or_else(|| {
                let at_index = self.by_index.get(&index).and_then(call);
                at_index.filter(|(_, call)| !begins_another_at_index(call, piece))
            }),
        };
        found.map(|(place, _)| place)
    }
}

/// Adds a piece behind the last one, as part of it where the two are one whatever came before them.
pub(crate) fn add_next(parts: &mut Vec<ContentPart>, next: ContentPart) {
    let rest = match parts.last_mut() {
        Some(last) if goes_on(last, &next) => return join_parts(last, next),
        Some(last) => last.append(next),
        None => Some(next),
    };
    parts.extend(rest);
}

/// Whether a piece, right behind another, goes to the same call whatever came before them, and the two are as good as
/// one. Where this says no, it may be the same call all the same.
pub(crate) fn goes_on(last: &ContentPart, piece: &ContentPart) -> bool {
    let (Some(last), Some(piece)) = (last.call(), piece.call()) else { return false };
    let (Some(last_index), Some(index)) = (last.streamed, piece.streamed) else { return false };
    // Whether an object begins another call depends on what the call has already.
    if last.as_object || piece.as_object {
        return false;
    }
    let has = |text: &str| !text.is_empty();
    match (has(&piece.id), has(&piece.name)) {
        (false, false) => index.is_none() || index == last_index,
        (false, true) if index.is_some() => index == last_index && (!has(&last.id) || has(&last.name)),
        (false, true) => last_index.is_none() && !has(&last.id) && last.name == piece.name,
        (true, named) => last.id == piece.id && index == last_index && (!named || has(&last.name) || index.is_none()),
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

fn join_parts(part: &mut ContentPart, piece: ContentPart) {
    let of_server = matches!(piece, ContentPart::ServerToolCall(_));
    let (ContentPart::ToolCall(piece) | ContentPart::ServerToolCall(piece)) = piece else { return };
    if let Some(call) = part.call_mut() {
        join(call, piece);
    }
    if of_server {
        if let ContentPart::ToolCall(call) = part {
            let call = std::mem::replace(call, ToolCall::new("", "", Value::Null));
            *part = ContentPart::ServerToolCall(call);
        }
    }
}

/// The first id, name and index win and are never joined. Text is appended. An object is all of the arguments; where
/// there are some already, which no provider should do, both are kept as text, which is then no valid JSON: the call
/// does not run.
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
    if call.index().is_none() {
        call.streamed = piece.streamed;
    }
    call.free_form |= piece.free_form;
    call.extras.append(piece.extras);
}
