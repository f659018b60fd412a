//! One reader for the answers of all providers: it finds the frames in whatever bytes a server sends, is patient as long
//! as something brings the answer forward, keeps what may be kept, and hands out what was decoded before anything broke.
//! A provider only says what a frame means and what the end means: [`Decode`].
//!
//! The guide's chapter "Adding a provider" builds one.

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
#[cfg(any(feature = "gemini", feature = "openai"))]
mod repeated;
mod sse;

use std::borrow::Cow;

use anabranch_core::Result;
use anabranch_messages::AiMessage;

pub use assembly::Assembly;
pub use framer::Framing;
pub(crate) use in_place::{InPlace, Key, Place, in_place, key_of};
pub(crate) use json::{Documents, is_small, reported, value, weight_apart};
pub use json::{document, text};
#[cfg(feature = "anthropic")]
pub(crate) use lenient::ignore_map;
pub(crate) use lenient::{Bounded, Text, TextOrList};
#[cfg(any(feature = "gemini", feature = "openai"))]
pub(crate) use lenient::{First, Wanted};
pub(crate) use lists::Lists;
pub use read::{read_answer, read_stream};
#[cfg(any(feature = "gemini", feature = "openai"))]
pub(crate) use repeated::Repeated;
#[cfg(feature = "testing")]
pub(crate) use sse::SseDecoder;

/// One piece of a streamed body: an event, a line, an element of a list.
#[derive(PartialEq, Eq)]
pub struct Frame<'a> {
    /// What the server calls it: `"message"` where it says nothing.
    pub event: Cow<'a, str>,
    /// What is in it. Bytes that are no UTF-8 are U+FFFD.
    pub data: Cow<'a, str>,
}

/// Without what was said.
impl std::fmt::Debug for Frame<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame").field("event", &self.event).field("bytes", &self.data.len()).finish()
    }
}

/// What a provider knows about its own streams.
///
/// The reader asks [`frame`](Self::frame) for each frame until that says [`Flow::End`] or the body ends, and then
/// [`last`](Self::last) once. It deals with everything else: bytes that come in any pieces, bodies that are something
/// else than a stream, silence, size, broken connections, what came before an error.
///
/// A server that says `{"text": "Hel"}` and `{"text": "lo", "done": true}`, each on a line of its own:
///
/// ```
/// use anabranch_core::{ErrorKind, Result};
/// use anabranch_messages::{AiMessage, FinishReason};
/// use anabranch_models::reader::{self, Assembly, Decode, Flow, Frame, Framing};
/// use serde_json::Value;
///
/// struct Lines;
///
/// impl Decode for Lines {
///     fn framing(&self) -> Framing {
///         Framing::Lines
///     }
///
///     fn frame(&mut self, frame: &Frame<'_>, out: &mut Assembly) -> Result<Flow> {
///         let line: Value = reader::document(&frame.data, out.errors())?;
///         if !line["error"].is_null() {
///             return Err(out.errors().inside(line["error"].clone()));
///         }
///         out.push(line["text"].as_str().unwrap_or_default())?;
///         Ok(if line["done"] == true { Flow::End } else { Flow::More })
///     }
///
///     fn last(&mut self, complete: bool, _: &mut Assembly) -> AiMessage {
///         let last = AiMessage::default();
///         if complete { last.with_finish_reason(FinishReason::stop()) } else { last }
///     }
///
///     fn document(&mut self, body: &[u8], out: &mut Assembly) -> Result<()> {
///         let whole: Value = reader::document(&reader::text(body), out.errors())?;
///         let Some(text) = whole["text"].as_str() else {
///             return Err(out.errors().error(ErrorKind::Parse, "sent an answer without a text"));
///         };
///         out.push(AiMessage::new(text).with_finish_reason(FinishReason::stop()))
///     }
/// }
/// ```
pub trait Decode: Send {
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

    /// Whether the answer could end here. Asked when the body ends, breaks or falls silent. Not before its end mark,
    /// unless a provider says otherwise.
    fn standing(&self) -> Standing {
        Standing::Open
    }

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
pub enum Flow {
    /// More may come.
    More,
    /// That was the end mark.
    End,
}

/// Whether an answer could end here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No: what ends here is incomplete.
    Open,
    /// Yes, though more may come: usage, or more text after a first finish reason.
    Finished,
    /// Yes, and nothing is missing but the end mark, which is not waited for long.
    Settled,
}
