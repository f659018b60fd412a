//! [`Assembly`]: what came of an answer so far, and what of it is to be handed out.

use std::collections::VecDeque;

use anabranch_core::{ErrorKind, Result};
use anabranch_messages::{AiMessage, Content, ContentPart, Media, ToolCall, ToolCallChunk};
use serde_json::Value;

use crate::answer::Warning;
use crate::transport::Errors;

/// The most calls one answer may ask for.
const MAX_CALLS: usize = 1024;
/// What a part of a content and a call take besides their text, about.
const PART: usize = 256;

/// What came of an answer so far, and what of it is to be handed out.
///
/// It adds up by the law by which the chunks add up elsewhere, so that a stream that breaks off keeps what came, and so
/// that a piece of a call finds its call here as it will there.
pub struct Assembly {
    errors: Errors,
    whole: AiMessage,
    /// `None` where nobody wants chunks.
    ready: Option<Ready>,
    calls: Vec<KnownCall>,
    /// The id of the call that was written to last.
    last_call: String,
    /// Made part of the ids of calls that have none.
    answer_id: String,
    warnings: Vec<Warning>,
    /// How many bytes are kept, about, and how many may be.
    kept: usize,
    limit: usize,
    progress: bool,
}

/// Without what was said.
impl std::fmt::Debug for Assembly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Assembly").field("errors", &self.errors).field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// What is to be handed out: nearly always one chunk, or none.
#[derive(Default)]
struct Ready {
    first: Option<AiMessage>,
    others: VecDeque<AiMessage>,
}

impl Ready {
    fn push(&mut self, chunk: AiMessage) {
        match &self.first {
            None => self.first = Some(chunk),
            Some(_) => self.others.push_back(chunk),
        }
    }

    #[inline]
    fn pop(&mut self) -> Option<AiMessage> {
        let first = self.first.take();
        if !self.others.is_empty() {
            self.first = self.others.pop_front();
        }
        first
    }
}

/// A call that came, in pieces or as a whole.
struct KnownCall {
    index: Option<u64>,
    /// What the server calls it.
    said: String,
    /// What it is called now. Not the same where the server's name is missing, or another call's.
    id: String,
}

impl Assembly {
    /// For an answer in chunks.
    pub(crate) fn in_chunks(errors: Errors, limit: usize) -> Self {
        Self { ready: Some(Ready::default()), ..Self::as_a_whole(errors, limit) }
    }

    /// For an answer that is one document.
    pub(super) fn as_a_whole(errors: Errors, limit: usize) -> Self {
        Self {
            errors,
            whole: AiMessage::default(),
            ready: None,
            calls: Vec::new(),
            last_call: String::new(),
            answer_id: String::new(),
            warnings: Vec::new(),
            kept: 0,
            limit,
            progress: false,
        }
    }

    /// Makes errors of what the provider reports, and names the server in others.
    #[must_use]
    pub fn errors(&self) -> &Errors {
        &self.errors
    }

    /// What came so far.
    #[must_use]
    pub fn whole(&self) -> &AiMessage {
        &self.whole
    }

    /// The provider's name for the answer: calls without a name are given one that is theirs in all answers.
    pub fn set_answer_id(&mut self, id: &str) {
        if self.answer_id.is_empty() {
            id.clone_into(&mut self.answer_id);
        }
    }

    /// Adds a chunk of an answer; one that holds nothing is none. Tool calls go to [`call`](Self::call) and
    /// [`whole_call`](Self::whole_call).
    ///
    /// # Errors
    /// When the answer becomes larger than answers may be.
    pub fn push(&mut self, chunk: impl Into<AiMessage>) -> Result<()> {
        let chunk = chunk.into();
        let bytes = weight(chunk.content());
        self.push_counted(chunk, bytes)
    }

    /// The same for a chunk of so many bytes: for pieces that have a name, which their part has once.
    ///
    /// # Errors
    /// As for [`push`](Self::push).
    pub(crate) fn push_counted(&mut self, chunk: AiMessage, bytes: usize) -> Result<()> {
        if chunk.is_empty() {
            return Ok(());
        }
        self.keep(bytes)?;
        self.add(chunk);
        let parts = match self.whole.content() {
            Content::Parts(parts) => parts.len(),
            Content::Text(_) => 0,
        };
        self.fits(self.kept.saturating_add(parts.saturating_mul(PART)))
    }

    /// Adds a piece of a call. A call that has no id, or one that another call has, is given its own with its first
    /// piece; a piece that names a call by its id goes to that call, whatever its index.
    ///
    /// # Errors
    /// When there are too many of them, or the answer becomes larger than answers may be.
    pub fn call(&mut self, mut piece: ToolCallChunk) -> Result<()> {
        let said = piece.id.take().unwrap_or_default();
        let is_head = piece.name.as_ref().is_some_and(|name| !name.is_empty());
        if let Some(known) = self.known(piece.index, &said, is_head) {
            piece.index = known.index;
            piece.id = Some(known.id.clone());
            let says_nothing = piece.arguments.is_null() || piece.arguments == "";
            if says_nothing && !is_head && piece.signature.is_none() {
                return Ok(());
            }
        } else if !said.is_empty() {
            piece.id = Some(said.clone());
        }
        let arguments = match &piece.arguments {
            Value::String(text) => text.len(),
            Value::Null => 0,
            other => other.to_string().len(),
        };
        // A message remembers the pieces of calls that come in turns, each by itself.
        let goes_on = piece.id.as_deref() == Some(self.last_call.as_str()) && !piece.arguments.is_object();
        let place = if goes_on { 0 } else { PART };
        self.keep(place + arguments + piece.signature.as_ref().map_or(0, String::len))?;

        let before = self.whole.tool_calls().len();
        self.whole.append(piece.clone());
        if self.whole.tool_calls().len() > before {
            let id = self.admit(&said)?;
            self.calls.push(KnownCall { index: piece.index, said, id: id.clone() });
            piece.id = Some(id);
        }
        if !goes_on {
            self.last_call.clear();
            self.last_call.push_str(piece.id.as_deref().unwrap_or_default());
        }
        self.hand_out(piece);
        Ok(())
    }

    /// Adds a call that came as a whole.
    ///
    /// # Errors
    /// As for [`call`](Self::call).
    pub fn whole_call(&mut self, call: ToolCall) -> Result<()> {
        let said = call.id().to_string();
        self.keep(call.raw_arguments().len() + call.signature().map_or(0, str::len))?;
        let copy = self.ready.is_some().then(|| call.clone());
        self.whole.append(AiMessage::default().with_tool_call(call));
        let id = self.admit(&said)?;
        self.calls.push(KnownCall { index: None, said, id: id.clone() });
        match copy {
            Some(copy) => self.hand_out(AiMessage::default().with_tool_call(copy.with_id(id))),
            None => self.progress = true,
        }
        Ok(())
    }

    /// The call that a piece belongs to for certain.
    fn known(&self, index: Option<u64>, said: &str, is_head: bool) -> Option<&KnownCall> {
        let mut here = self.calls.iter().rev();
        let there = here.find(|call| call.index == index && call.said == said);
        // Neither index nor id, and a name: another one of those.
        let there = there.filter(|_| !(is_head && index.is_none() && said.is_empty()));
        let by_id = || self.calls.iter().rev().find(|call| call.said == said && call.said == call.id);
        there.or_else(|| if is_head || said.is_empty() { None } else { by_id() })
    }

    /// The newest call gets an id of its own.
    fn admit(&mut self, said: &str) -> Result<String> {
        self.keep(PART)?;
        let calls = self.whole.tool_calls();
        let place = calls.len().saturating_sub(1);
        let Some(new) = calls.get(place) else { return Ok(said.to_string()) };
        if place >= MAX_CALLS {
            let message = format_args!("asked for more than {MAX_CALLS} tool calls at once");
            return Err(self.errors.error(ErrorKind::Parse, message));
        }
        let is_taken = |id: &str| id.is_empty() || calls.iter().take(place).any(|call| call.id() == id);
        if !is_taken(new.id()) {
            return Ok(new.id().to_string());
        }
        let id = own_id(&self.answer_id, place, new.name());
        self.whole.set_tool_call_id(place, &id);
        Ok(id)
    }

    /// Counts bytes that a provider keeps besides: what is given out with the last chunk.
    ///
    /// # Errors
    /// When the answer becomes larger than answers may be.
    pub fn keep(&mut self, bytes: usize) -> Result<()> {
        self.kept = self.kept.saturating_add(bytes);
        self.fits(self.kept)
    }

    fn fits(&self, bytes: usize) -> Result<()> {
        if bytes <= self.limit {
            return Ok(());
        }
        let message = format_args!("sent an answer of more than {} bytes", self.limit);
        Err(self.errors.error(ErrorKind::Parse, message))
    }

    /// How many bytes of lists may be kept that few read: they grow when they are taken apart.
    pub(crate) fn room_for_lists(&self) -> usize {
        self.limit / 4
    }

    /// How many bytes they may take when they are taken apart.
    pub(crate) fn room_for_lists_apart(&self) -> usize {
        self.limit.saturating_mul(2)
    }

    /// What is said of lists that are left out.
    pub(crate) fn too_many(&self) -> String {
        let (bytes, apart) = (self.room_for_lists(), self.room_for_lists_apart());
        format!("left out of the answer: more than {bytes} bytes of them, or more than {apart} when taken apart")
    }

    /// Says that something of the answer was left out.
    pub fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Says that the answer came forward, though there is no chunk to show for it.
    pub fn progress(&mut self) {
        self.progress = true;
    }

    fn add(&mut self, chunk: AiMessage) {
        if self.ready.is_none() {
            return self.whole.append(chunk);
        }
        self.whole.append_ref(&chunk);
        self.hand_out(chunk);
    }

    fn hand_out(&mut self, chunk: impl Into<AiMessage>) {
        self.progress = true;
        if let Some(ready) = &mut self.ready {
            ready.push(chunk.into());
        }
    }

    #[inline]
    pub(super) fn next_chunk(&mut self) -> Option<AiMessage> {
        self.ready.as_mut()?.pop()
    }

    pub(super) fn hand_out_whole(&mut self, whole: AiMessage) {
        self.hand_out(whole);
    }

    pub(super) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    pub(super) fn take_whole(&mut self) -> AiMessage {
        std::mem::take(&mut self.whole)
    }

    pub(crate) fn take_warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }
}

fn weight(content: &Content) -> usize {
    let media = |media: &Media| media.base64().map_or(0, |data| data.len());
    match content {
        Content::Text(text) => text.len(),
        Content::Parts(parts) => parts
            .iter()
            .map(|part| match part {
                ContentPart::Text(text) | ContentPart::Refusal(text) if text.is_plain() => text.text().len(),
                ContentPart::Reasoning(thought) => {
                    let sealed = [thought.signature(), thought.encrypted()];
                    thought.text().len() + sealed.into_iter().flatten().map(str::len).sum::<usize>()
                }
                ContentPart::Image(one) | ContentPart::Audio(one) | ContentPart::File(one) => media(one),
                // Rare, and of many kinds: as long as they are written.
                other => written(other),
            })
            .sum(),
    }
}

/// How many bytes a part is when it is written, which is counted and not kept: it may be as large as answers may be.
fn written(part: &ContentPart) -> usize {
    struct Count(usize);

    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 = self.0.saturating_add(bytes.len());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let mut count = Count(0);
    serde_json::to_writer(&mut count, part).map_or(0, |()| count.0)
}

/// An id for a call that has none, or one that another call has already. The same answer gets the same ids again, and
/// no two answers share one. Nine letters and digits, which is what the strictest server takes.
fn own_id(answer: &str, place: usize, call: &str) -> String {
    // FNV-1a: short, and the same on every machine.
    let bytes = answer.bytes().chain(*b"/").chain(place.to_le_bytes()).chain(call.bytes());
    let mut hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    std::iter::repeat_with(|| {
        let digit = (hash % 36) as u32;
        hash /= 36;
        char::from_digit(digit, 36).unwrap_or('0')
    })
    .take(9)
    .collect()
}
