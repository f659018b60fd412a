//! One reader for the answers of all providers: it finds the frames in whatever bytes a server sends, is patient as long
//! as something brings the answer forward, keeps what may be kept, and hands out what was decoded before anything broke.
//! A provider only says what a frame means and what the end means: [`Decode`].

mod assembly;
mod brackets;
mod framer;
mod halves;
mod in_place;
mod json;
mod json_array;
mod json_lines;
mod lenient;
mod lists;
mod read;
mod sse;

use std::borrow::Cow;

use anabranch_core::Result;
use anabranch_messages::AiMessage;

pub(crate) use assembly::Assembly;
pub(crate) use framer::Framing;
pub(crate) use in_place::{InPlace, Key, Place, in_place};
pub(crate) use json::{Documents, document, text, value};
pub(crate) use lenient::{Bounded, Text, TextOrList};
#[cfg(feature = "openai")]
pub(crate) use lenient::{First, Wanted};
pub(crate) use lists::Lists;
pub(crate) use read::{read_answer, read_stream};
#[cfg(feature = "testing")]
pub(crate) use sse::SseDecoder;

/// One piece of a streamed body: an event, a line, an element of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame<'a> {
    /// What the server calls it: `"message"` where it says nothing.
    pub(crate) event: Cow<'a, str>,
    /// What is in it. Bytes that are no UTF-8 are U+FFFD.
    pub(crate) data: Cow<'a, str>,
}

/// What a provider knows about its own streams.
///
/// The reader asks [`frame`](Self::frame) for each frame until that says [`Flow::End`] or the body ends, and then
/// [`last`](Self::last) once. It deals with everything else: bytes that come in any pieces, bodies that are something
/// else than a stream, silence, size, broken connections, what came before an error.
pub(crate) trait Decode: Send {
    /// How the frames are told apart.
    fn framing(&self) -> Framing {
        Framing::Events
    }

    /// What a frame means: chunks go into the assembly. A frame that says nothing of the answer puts nothing in.
    ///
    /// # Errors
    /// [`Parse`](anabranch_core::ErrorKind::Parse) for a frame that is none, which the reader forgives at the very end
    /// of a body, where it is cut; and what the provider reports inside of a stream ([`Assembly::errors`]).
    fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow>;

    /// Whether the answer could end here. Asked when the body ends, breaks or falls silent.
    fn standing(&self) -> Standing;

    /// What counts once: finish reason, usage, model, id, metadata. Without the finish reason when the answer is not
    /// `complete`, because nobody may take it for complete then.
    fn last(&mut self, complete: bool, out: &mut Assembly) -> AiMessage;

    /// A whole answer, which some servers send where a stream was asked for. Plain calls read it in the same way.
    ///
    /// # Errors
    /// When it is no answer, or the provider reports an error in it.
    fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()>;
}

/// Whether more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// More may come.
    More,
    /// That was the end mark.
    End,
}

/// Whether an answer could end here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// No: what ends here is incomplete.
    Open,
    /// Yes, though more may come: usage, or more text after a first finish reason.
    Finished,
    /// Yes, and nothing is missing but the end mark, which is not waited for long.
    Settled,
}
