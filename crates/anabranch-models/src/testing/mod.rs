//! What backends are tested with (feature `testing`): [`conformance`], the suite that anabranch runs on its own adapters.

pub mod conformance;
mod loopback;

use crate::reader::SseDecoder;

/// The type of an event, and its data.
pub type Event = (String, String);

/// The server-sent events in bytes that come in these pieces, by type and data: those that are complete, and with them
/// the one that lacks its end when the bytes are at an end. This is the decoder that all providers read with.
///
/// ```
/// use anabranch_models::testing::server_sent_events;
///
/// let (complete, all) = server_sent_events([&b"data: one\n"[..], b"\ndata: two"].into_iter());
/// assert_eq!(complete, [("message".to_string(), "one".to_string())]);
/// assert_eq!(all.len(), 2);
/// ```
///
/// An event of more than 16 MiB ends both lists.
pub fn server_sent_events<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> (Vec<Event>, Vec<Event>) {
    let mut decoder = SseDecoder::new(16 << 20);
    let mut complete = Vec::new();
    for piece in pieces {
        decoder.push(piece);
        while let Ok(Some(event)) = decoder.next_event() {
            complete.push((event.event.into_owned(), event.data.into_owned()));
        }
    }
    let mut all = complete.clone();
    all.extend(decoder.finish().map(|event| (event.event.into_owned(), event.data.into_owned())));
    (complete, all)
}
