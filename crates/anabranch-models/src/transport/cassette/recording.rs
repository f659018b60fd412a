//! [`Recording`]: a body that is noted down while it is read.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use anabranch_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use futures_core::Stream;
use tokio::time::Instant;

use super::lock;
use super::scrub::Scrub;
use super::tape::{Chunk, End, Exchange, Tape};
use crate::transport::ByteStream;

/// A body that is noted down while it is read. It is written to the file when it is over, or dropped.
pub(super) struct Recording {
    body: ByteStream,
    exchange: Option<Exchange>,
    pieces: Vec<(u64, Bytes)>,
    last: Instant,
    scrub: Scrub,
    place: usize,
    tape: Arc<Mutex<Tape>>,
    file: PathBuf,
}

impl Recording {
    pub(super) fn new(
        body: ByteStream,
        exchange: Exchange,
        scrub: Scrub,
        place: usize,
        tape: Arc<Mutex<Tape>>,
        file: PathBuf,
    ) -> Self {
        Self { body, exchange: Some(exchange), pieces: Vec::new(), last: Instant::now(), scrub, place, tape, file }
    }

    fn finish(&mut self, end: End) -> Result<()> {
        let Some(mut exchange) = self.exchange.take() else { return Ok(()) };
        let pieces = self.scrub.pieces(std::mem::take(&mut self.pieces));
        exchange.response.chunks = pieces.iter().map(|(after, bytes)| Chunk::new(*after, bytes)).collect();
        exchange.response.end = end;
        let mut tape = lock(&self.tape);
        if let Some(place) = tape.exchanges.get_mut(self.place) {
            *place = Some(exchange);
        }
        tape.save(&self.file).map_err(|error| {
            let message = format!("the cassette {} cannot be written", self.file.display());
            Error::new(ErrorKind::Configuration, message).with_source(error)
        })
    }
}

impl Stream for Recording {
    type Item = Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes>>> {
        let next = ready!(self.body.as_mut().poll_next(cx));
        Poll::Ready(match next {
            Some(Ok(bytes)) => {
                let now = Instant::now();
                let after = u64::try_from(now.duration_since(self.last).as_millis()).unwrap_or(u64::MAX);
                self.last = now;
                self.pieces.push((after, bytes.clone()));
                Some(Ok(bytes))
            }
            Some(Err(error)) => match self.finish(End::Broke) {
                Ok(()) => Some(Err(error)),
                Err(unsaved) => Some(Err(unsaved)),
            },
            None => self.finish(End::Ended).err().map(Err),
        })
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // Nobody hears of it here; the next exchange tells.
        let _ = self.finish(End::Dropped);
    }
}
