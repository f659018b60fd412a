//! How pieces of tool calls find their call.

use std::collections::HashMap;

use crate::tool_call::ToolCall;

/// The calls of a message, and what is needed to add up more pieces of them.
///
/// Where a piece belongs depends on the pieces before it, and a part of a stream may be added up before it is known
/// what came before. So a message remembers its pieces in their order, unless its calls tell it: pieces that came one
/// call after the other, which nearly all do. Adding a message to another adds its pieces, and what comes out does not
/// depend on which were added up first.
#[derive(Clone, Default)]
pub(crate) struct Calls {
    /// What the pieces add up to.
    list: Vec<ToolCall>,
    /// The pieces in their order, where `list` is not the same.
    log: Option<Vec<ToolCall>>,
    /// Made when a second piece comes.
    router: Option<Box<Router>>,
}

/// Where the next piece goes.
#[derive(Clone, Default)]
struct Router {
    /// The call that was written to last of those with this index.
    by_index: HashMap<u64, usize>,
    /// The call that was written to last of those with this id.
    by_id: HashMap<String, usize>,
    /// The call that was written to last.
    current: usize,
}

impl Calls {
    pub(crate) fn as_slice(&self) -> &[ToolCall] {
        &self.list
    }

    pub(crate) fn each(&mut self, change: impl FnMut(&mut ToolCall)) {
        self.list.iter_mut().for_each(change);
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut ToolCall> {
        self.list.get_mut(place)
    }

    pub(crate) fn set_id(&mut self, place: usize, id: String) {
        let Some(call) = self.list.get_mut(place) else { return };
        if let Some(last) = self.log.as_mut().and_then(|log| log.last_mut()).filter(|last| last.id == call.id) {
            last.id.clone_from(&id);
        }
        call.id = id;
        if let Some(router) = &mut self.router {
            router.enter(place, call);
        }
    }

    /// Adds the calls of what comes next. Gives the places of all calls that were added or grew to `changed`.
    pub(crate) fn append(&mut self, next: Self, mut changed: impl FnMut(&mut ToolCall)) {
        for piece in next.log.unwrap_or(next.list) {
            let place = self.add(piece);
            self.list.get_mut(place).map(&mut changed);
        }
    }

    /// Adds a call that is no piece of another.
    pub(crate) fn push(&mut self, call: ToolCall) {
        if let Some(log) = &mut self.log {
            log.push(call.clone());
        }
        if let Some(router) = &mut self.router {
            router.enter(self.list.len(), &call);
        }
        self.list.push(call);
    }

    /// Puts the next piece into the call it belongs to, or begins a new one. Gives the place of the call.
    pub(crate) fn add(&mut self, piece: ToolCall) -> usize {
        let place = self.place(&piece);
        self.remember(&piece, place);
        let place = match place.and_then(|place| Some((place, self.list.get_mut(place)?))) {
            Some((place, call)) => {
                join(call, piece);
                place
            }
            None => {
                self.list.push(piece);
                self.list.len() - 1
            }
        };
        if let (Some(router), Some(call)) = (&mut self.router, self.list.get(place)) {
            router.enter(place, call);
        }
        place
    }

    fn remember(&mut self, piece: &ToolCall, place: Option<usize>) {
        if self.log.is_none() && place.is_some() && !self.list.last().is_some_and(|last| goes_on(last, piece)) {
            self.log = Some(self.list.clone());
        }
        if let Some(log) = &mut self.log {
            match log.last_mut().filter(|last| goes_on(last, piece)) {
                Some(last) => join(last, piece.clone()),
                None => log.push(piece.clone()),
            }
        }
    }

    /// The call a piece belongs to.
    ///
    /// A call that came whole stays one of its own. A piece belongs to the call with its id, but for one with another
    /// index; some servers give the same id twice. Else it belongs to the call with its index, unless it names a tool
    /// under another id: some servers send index 0 for all calls. Another id without a name is the same call: some
    /// send a fresh id with every piece. A piece with neither index nor id belongs to the call that was written to
    /// last.
    fn place(&mut self, piece: &ToolCall) -> Option<usize> {
        let index = piece.streamed?;
        if self.list.is_empty() {
            return None;
        }
        let router = self.router.get_or_insert_with(|| Box::new(Router::of(&self.list)));
        let call = |place: &usize| Some((*place, self.list.get(*place)?));
        let by_id = if piece.id.is_empty() { None } else { router.by_id.get(&piece.id).and_then(call) };
        let (place, _) = match index {
            None if !piece.id.is_empty() => by_id?,
            None => {
                call(&router.current).filter(|(_, call)| call.streamed.is_some() && !begins_another(call, piece))?
            }
            Some(index) => match by_id.filter(|(_, call)| call.index().is_none_or(|of| of == index)) {
                Some(found) => found,
                None => router
                    .by_index
                    .get(&index)
                    .and_then(call)
                    .filter(|(_, call)| !begins_another_at_index(call, piece))?,
            },
        };
        Some(place)
    }
}

impl Router {
    fn of(calls: &[ToolCall]) -> Self {
        let mut this = Self::default();
        calls.iter().enumerate().for_each(|(place, call)| this.enter(place, call));
        this
    }

    fn enter(&mut self, place: usize, call: &ToolCall) {
        self.current = place;
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
}

impl PartialEq for Calls {
    fn eq(&self, other: &Self) -> bool {
        self.list == other.list
    }
}

/// Whether a piece, right behind another, goes to the same call whatever came before them, and the two are as good as
/// one. Where this says no, it may be the same call all the same.
fn goes_on(last: &ToolCall, piece: &ToolCall) -> bool {
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
    call.signature = piece.signature.or(call.signature.take());
}
