//! [`Record`]: what a log consists of, as text.

use anabranch_core::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DamagedRecord, Entry};
use crate::shape::Shape;

/// Of the format of the records.
const VERSION: u32 = 1;

/// How deep JSON may be nested that can be read again.
const DEPTH: usize = 127;

/// How deep JSON is nested.
fn depth(json: &str) -> usize {
    let (mut depth, mut deepest, mut is_text, mut is_escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_text = !is_text,
            b'{' | b'[' if !is_text => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !is_text => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// One record of a log.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Record {
    /// The first record; later ones where the log was migrated, with the entries instead of those before.
    Head(Head),
    Entry(Entry),
}

/// What a run begins with.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Head {
    pub(crate) version: u32,
    pub(crate) fingerprint: String,
    pub(crate) shape: Shape,
    pub(crate) initial: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) entries: Vec<Entry>,
    /// Which run wrote it, where it is not the first record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) run: Option<u64>,
    /// Whether there were such entries when it was read.
    #[serde(skip)]
    pub(crate) was_led_over: bool,
}

impl Head {
    pub(crate) fn new(shape: &Shape, initial: Value) -> Self {
        let fingerprint = shape.fingerprint();
        let (shape, entries) = (shape.clone(), Vec::new());
        Self { version: VERSION, fingerprint, shape, initial, entries, run: None, was_led_over: false }
    }

    /// What changed since it was written.
    pub(crate) fn difference(&self, shape: &Shape) -> Option<String> {
        if self.fingerprint == shape.fingerprint() {
            return None;
        }
        self.shape.difference(shape)
    }
}

impl Record {
    /// Says which run writes it.
    pub(super) fn of_run(self, run: u64) -> Self {
        let run = Some(run);
        match self {
            Self::Head(head) => Self::Head(Head { run, ..head }),
            Self::Entry(entry) => Self::Entry(Entry { run, ..entry }),
        }
    }

    pub(crate) fn to_text(&self) -> Result<String> {
        let text = serde_json::to_string(self)?;
        if depth(&text) > DEPTH {
            let message = format!(
                "a record of the log would be nested more than {DEPTH} levels deep, and could not be read again: make the \
                 state flatter, or nest fewer graphs in one another"
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        Ok(text)
    }
}

/// Only to find out of which version a record is that this one cannot read.
#[derive(Deserialize)]
struct Versioned {
    head: Version,
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn later(thread: &str, version: u32) -> Error {
    let message = format!("the log of {thread:?} is of version {version}, and this program reads up to {VERSION}");
    Error::new(ErrorKind::Unsupported, message)
}

pub(crate) fn not_begun(thread: &str) -> Error {
    Error::new(ErrorKind::NotFound, format!("there is no thread {thread:?}: `start` it"))
}

/// The last head, and the entries that count with it.
pub(crate) fn read(thread: &str, records: &[String]) -> Result<(Head, Vec<Entry>)> {
    let mut read: Option<(Head, Vec<Entry>)> = None;
    for (position, text) in (0_u64..).zip(records) {
        match serde_json::from_str(text) {
            Ok(Record::Head(head)) if head.version > VERSION => return Err(later(thread, head.version)),
            Ok(Record::Head(mut head)) => {
                let entries = std::mem::take(&mut head.entries);
                head.was_led_over = !entries.is_empty();
                let entries = entries.into_iter().map(|entry| Entry { position, run: None, ..entry }).collect();
                read = Some((head, entries));
            }
            Ok(Record::Entry(entry)) => match &mut read {
                Some((_, entries)) => entries.push(Entry { position, run: None, ..entry }),
                None => return Err(DamagedRecord::error(thread, position)),
            },
            Err(_) => {
                return Err(match serde_json::from_str(text) {
                    Ok(Versioned { head: Version { version } }) if version > VERSION => later(thread, version),
                    _ => DamagedRecord::error(thread, position),
                });
            }
        }
    }
    read.ok_or_else(|| not_begun(thread))
}
