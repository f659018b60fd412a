//! [`Tape`]: the file.

use std::path::Path;

use anabranch_core::{Error, ErrorKind, Result};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a file says it is.
const VERSION: u32 = 1;

/// What was recorded, in the order in which it was asked. Exchanges that are not over have a place and nothing in it.
#[derive(Default)]
pub(super) struct Tape {
    pub(super) exchanges: Vec<Option<Exchange>>,
}

#[derive(Serialize, Deserialize)]
struct Document<E> {
    cassette: u32,
    exchanges: Vec<E>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Exchange {
    pub(super) request: RecordedRequest,
    pub(super) response: RecordedResponse,
}

/// Headers are for the reader of the file: they are not compared.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RecordedRequest {
    pub(super) method: String,
    pub(super) url: String,
    #[serde(default)]
    pub(super) headers: Vec<(String, String)>,
    /// JSON, or a text where it is none.
    pub(super) body: Value,
}

impl PartialEq for RecordedRequest {
    fn eq(&self, other: &Self) -> bool {
        (&self.method, &self.url, &self.body) == (&other.method, &other.url, &other.body)
    }
}

#[derive(Clone, Serialize, Deserialize)]
pub(super) struct RecordedResponse {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) chunks: Vec<Chunk>,
    pub(super) end: End,
}

/// A piece of a body as it came.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Chunk {
    /// Milliseconds after the piece before, or after the head.
    pub(super) after_ms: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    /// Where it is no text, such as half a letter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hex: Option<String>,
}

/// How a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    /// At its end.
    Ended,
    /// The connection broke.
    Broke,
    /// Nobody read on.
    Dropped,
}

impl Chunk {
    pub(super) fn new(after_ms: u64, bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { after_ms, text: Some(text.to_string()), hex: None },
            Err(_) => {
                let hex = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                Self { after_ms, text: None, hex: Some(hex) }
            }
        }
    }

    pub(super) fn into_bytes(self) -> Result<Bytes> {
        let broken = || Error::new(ErrorKind::Configuration, "the cassette holds a piece that is neither text nor hex");
        match (self.text, self.hex) {
            (Some(text), _) => Ok(text.into()),
            (None, Some(hex)) => {
                let digits = hex.as_bytes().chunks(2).map(|pair| {
                    let pair = std::str::from_utf8(pair).map_err(|_| broken())?;
                    u8::from_str_radix(pair, 16).map_err(|_| broken())
                });
                digits.collect::<Result<Vec<u8>>>().map(Bytes::from)
            }
            (None, None) => Err(broken()),
        }
    }
}

impl Tape {
    /// A place for an exchange that begins.
    pub(super) fn reserve(&mut self) -> usize {
        self.exchanges.push(None);
        self.exchanges.len() - 1
    }

    pub(super) fn load(file: &Path) -> Result<Self> {
        let unusable =
            |what: &str| Error::new(ErrorKind::Configuration, format!("the cassette {} {what}", file.display()));
        let text = std::fs::read(file).map_err(|error| unusable("cannot be read").with_source(error))?;
        let document: Document<Exchange> =
            serde_json::from_slice(&text).map_err(|error| unusable("is no cassette").with_source(error))?;
        if document.cassette != VERSION {
            return Err(unusable("is of another version: record it anew"));
        }
        Ok(Self { exchanges: document.exchanges.into_iter().map(Some).collect() })
    }

    /// Writes what is over. The file is whole at any time.
    pub(super) fn save(&self, file: &Path) -> std::io::Result<()> {
        let exchanges: Vec<&Exchange> = self.exchanges.iter().flatten().collect();
        let mut text = serde_json::to_vec_pretty(&Document { cassette: VERSION, exchanges })?;
        text.push(b'\n');
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let beside = file.with_extension("json.part");
        std::fs::write(&beside, text)?;
        std::fs::rename(beside, file)
    }
}
