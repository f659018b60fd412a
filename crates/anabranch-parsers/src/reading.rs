//! Reading the document of an answer, whole or piece by piece.

use anabranch_core::{Chunks, Error, Merge, Result};
use anabranch_messages::AiMessage;
use futures_util::stream::unfold;
use serde_json::Value;

use crate::answer::Answer;
use crate::json::found::Missing;
use crate::json::scanner::Scanner;
use crate::json_settings::JsonSettings;
use crate::lenient_reading::{Read, settle, so_far};
use crate::parse_error::{ParseError, ParseErrorKind};

/// The document of an answer.
pub(crate) fn document(settings: &JsonSettings, answer: &Answer<'_>) -> Result<Read> {
    let mut scanner = Scanner::new(settings.max_depth);
    if settings.max_bytes.is_none_or(|max| answer.text.len() <= max) {
        scanner.push(&answer.text);
    }
    conclude(settings, scanner, answer)
}

/// The document of an answer that was read to its end.
pub(crate) fn conclude(settings: &JsonSettings, scanner: Scanner, answer: &Answer<'_>) -> Result<Read> {
    if let Some(max) = settings.max_bytes.filter(|max| answer.text.len() > *max) {
        let message = format!("the answer has {} bytes, and may have {max}", answer.text.len());
        return Err(ParseError::new(ParseErrorKind::TooLarge, message).with_text(&answer.text));
    }
    let found = scanner.finish();
    let was_cut = answer.was_cut();
    let document = if settings.exact { found.exact(was_cut) } else { found.document(was_cut) };
    settle(settings, document, answer)
}

#[cold]
pub(crate) fn missing(answer: &Answer<'_>, why: &Missing) -> Error {
    let (text, cause) = (&answer.text, answer.cause());
    let error = match why {
        Missing::Truncated(byte) => {
            ParseError::new(ParseErrorKind::Truncated, format!("the JSON in the answer is truncated{cause}"))
                .at(text, *byte)
        }
        Missing::CutOff(byte) => {
            let message = format!("the answer is truncated, and no JSON ends it{cause}");
            ParseError::new(ParseErrorKind::Truncated, message).at(text, *byte)
        }
        Missing::UnclosedFence(byte) => {
            ParseError::new(ParseErrorKind::UnclosedFence, format!("the fence around the JSON does not end{cause}"))
                .at(text, *byte)
        }
        Missing::Broken(fault, byte, path) => {
            let message = format!("the answer is no valid JSON: {fault}");
            ParseError::new(ParseErrorKind::Json(*fault), message).in_path(path).at(text, *byte)
        }
        Missing::Several(count) => ParseError::new(
            ParseErrorKind::Several(*count),
            format!("the answer has {count} JSON documents where one is wanted"),
        ),
        Missing::Thought => {
            ParseError::new(ParseErrorKind::Thought, format!("the answer is a thought that does not end{cause}"))
        }
        Missing::Nothing { .. } if text.trim().is_empty() => return answer.empty(),
        Missing::Nothing { lists: 0 } => {
            let message = format!("the answer has no JSON in its {} characters{cause}", text.chars().count());
            ParseError::new(ParseErrorKind::Missing, message)
        }
        Missing::Nothing { lists } => {
            let message = format!(
                "the answer has no JSON but {lists} lists among words: a list counts on a line of its own, or in a \
                 `json` fence{cause}"
            );
            ParseError::new(ParseErrorKind::Missing, message)
        }
    };
    error.with_text(text)
}

/// A document up to this size is copied for each piece that adds something.
const SMALL: usize = 4096;

/// For each byte that comes, so many may be copied: all snapshots together cost no more than that many copies.
const COPIES: usize = 64;

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
        let is_cheap = length <= SMALL || self.since.saturating_mul(COPIES) >= length;
        if !is_another && (!is_cheap || self.since < self.settings.interval) {
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

/// What there is by now of the document of a text that is not at its end.
pub(crate) fn parse_so_far(settings: &JsonSettings, text: &str) -> Option<Value> {
    let mut scanner = Scanner::new(settings.max_depth);
    scanner.push(text);
    let strict = scanner.so_far();
    match (strict, settings.schema.as_deref()) {
        (Some(value), None) => Some(value),
        (Some(value), Some(schema)) => schema.align(&value, settings.is_lenient, true).ok().map(|(value, _)| value),
        (None, _) if settings.is_lenient => so_far(text, settings),
        (None, _) => None,
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
