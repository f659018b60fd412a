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
pub(crate) struct Head {
    pub(crate) version: u32,
    pub(crate) fingerprint: String,
    pub(crate) shape: Shape,
    pub(crate) initial: Value,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) entries: Vec<Entry>,
    /// Whether there were such entries when it was read.
    #[serde(skip)]
    pub(crate) was_led_over: bool,
}

impl Head {
    pub(crate) fn new(shape: &Shape, initial: Value) -> Self {
        let fingerprint = shape.fingerprint();
        Self { version: VERSION, fingerprint, shape: shape.clone(), initial, entries: Vec::new(), was_led_over: false }
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

/// The last head, and the entries that count with it.
pub(crate) fn read(thread: &str, records: &[String]) -> Result<(Head, Vec<Entry>)> {
    let mut read: Option<(Head, Vec<Entry>)> = None;
    for (position, text) in (0_u64..).zip(records) {
        if let Ok(Versioned { head: Version { version } }) = serde_json::from_str(text) {
            if version > VERSION {
                let message =
                    format!("the log of {thread:?} is of version {version}, and this program reads up to {VERSION}");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
        }
        match serde_json::from_str(text) {
            Ok(Record::Head(mut head)) => {
                let entries = std::mem::take(&mut head.entries);
                head.was_led_over = !entries.is_empty();
                let entries = entries.into_iter().map(|entry| Entry { position, ..entry }).collect();
                read = Some((head, entries));
            }
            Ok(Record::Entry(entry)) => match &mut read {
                Some((_, entries)) => entries.push(Entry { position, ..entry }),
                None => return Err(DamagedRecord::error(thread, position)),
            },
            Err(_) => return Err(DamagedRecord::error(thread, position)),
        }
    }
    let message = || format!("there is no thread {thread:?}: `start` it");
    read.ok_or_else(|| Error::new(ErrorKind::NotFound, message()))
}
