//! [`snapshots`]: the document of an answer as far as it came, again and again.

use anabranch_core::{Chunks, Merge, Result};
use anabranch_messages::AiMessage;
use futures_util::stream::unfold;
use serde_json::Value;

use crate::answer::Answer;
use crate::json::scanner::Scanner;
use crate::json_output::lenient_reading::{Read, so_far};
use crate::json_output::reading::conclude;
use crate::json_output::settings::JsonSettings;

/// A document up to this size is copied for each piece that adds something.
const SMALL: usize = 4096;

/// For each byte that comes, so many may be copied: all snapshots together cost no more than that many copies.
const COPIES: usize = 64;

/// Whether a copy of so much is cheap, when so much came since the last.
pub(crate) fn is_cheap(since: usize, length: usize) -> bool {
    length <= SMALL || since.saturating_mul(COPIES) >= length
}

/// An answer that is read piece by piece.
struct Reading<'a> {
    settings: &'a JsonSettings,
    answer: Chunks<'a, AiMessage>,
    whole: AiMessage,
    scanner: Scanner,
    /// How many bytes came since the last snapshot.
    since: usize,
    /// Of which document the last snapshot was.
    shown: usize,
    /// The last snapshot, where it is made anew each time.
    last: Option<Value>,
}

impl Reading<'_> {
    fn push(&mut self, piece: AiMessage) {
        let text = piece.text();
        self.since += text.len();
        self.scanner.push(&text);
        drop(text);
        self.whole.append(piece);
    }

    fn snapshot(&mut self) -> Option<Value> {
        if self.settings.is_lenient && !self.scanner.is_following() {
            return self.lenient_snapshot();
        }
        if !self.scanner.has_news() {
            return None;
        }
        let length = self.scanner.followed_length();
        let is_another = self.scanner.followed_number() != self.shown;
        if !is_another && (!is_cheap(self.since, length) || self.since < self.settings.interval) {
            return None;
        }
        self.since = 0;
        self.shown = self.scanner.followed_number();
        let snapshot = self.scanner.snapshot()?;
        let Some(schema) = self.settings.schema.as_deref() else {
            return if self.settings.is_lenient { self.changed(snapshot) } else { Some(snapshot) };
        };
        let (aligned, _) = schema.align(&snapshot, self.settings.is_lenient, true).ok()?;
        self.changed(aligned)
    }

    /// What there is of a text that is no JSON by the grammar is read anew, each time it has grown by a sixteenth.
    fn lenient_snapshot(&mut self) -> Option<Value> {
        let text = self.whole.text();
        let is_cheap = text.len() <= SMALL / 4 || self.since.saturating_mul(COPIES / 4) >= text.len();
        if !is_cheap || self.since < self.settings.interval {
            return None;
        }
        let snapshot = so_far(&text, self.settings);
        drop(text);
        self.since = 0;
        // Of a document that this is there is no number: at the end it is said once more, if it differs.
        self.shown = 0;
        self.changed(snapshot?)
    }

    /// The snapshot, if it is not the last once more.
    fn changed(&mut self, snapshot: Value) -> Option<Value> {
        if self.last.as_ref() == Some(&snapshot) {
            return None;
        }
        self.last = Some(snapshot.clone());
        Some(snapshot)
    }

    /// What is left to be said at the end.
    fn last(self) -> Option<Result<Value>> {
        let Self { settings, whole, scanner, shown, last, .. } = self;
        let is_shown = !scanner.has_news();
        let read = Answer::of(&whole).and_then(|answer| conclude(settings, scanner, &answer));
        match read {
            Ok(Read { document, .. }) if last.is_some() && last.as_ref() == Some(&document.value) => None,
            Ok(Read { document, .. })
                if last.is_none() && is_shown && document.number > 0 && document.number == shown =>
            {
                None
            }
            read => Some(read.map(|read| read.document.value)),
        }
    }
}

/// Snapshots of the document, each replacing the one before.
pub(crate) fn snapshots<'a>(settings: &'a JsonSettings, answer: Chunks<'a, AiMessage>) -> Chunks<'a, Value> {
    let reading = Reading {
        settings,
        answer,
        whole: AiMessage::default(),
        scanner: Scanner::new(settings.max_depth),
        since: 0,
        shown: 0,
        last: None,
    };
    let snapshots = unfold(Some(reading), |reading| async move {
        let mut reading = reading?;
        loop {
            match reading.answer.next().await {
                Some(Ok(piece)) => {
                    reading.push(piece);
                    if let Some(snapshot) = reading.snapshot() {
                        return Some((Ok(snapshot), Some(reading)));
                    }
                }
                Some(Err(error)) => return Some((Err(error), None)),
                None => return reading.last().map(|last| (last, None)),
            }
        }
    });
    Chunks::new(snapshots, Merge::last())
}
