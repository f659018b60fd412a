//! [`Media`]: an image, a sound or a file, by reference or as bytes.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;

use crate::extras::{Extras, by_provider, cacheable};

/// An image, a sound or a file: where it is, or what it holds.
///
/// The library never fetches an address; it is handed to the provider as it stands. Bytes are shared between clones
/// and are base64 in JSON.
///
/// ```
/// use anabranch_messages::Media;
///
/// let logo = Media::bytes("image/png", [0x89, b'P', b'N', b'G']);
/// assert_eq!(serde_json::to_string(&logo)?, r#"{"data":"iVBORw==","media_type":"image/png"}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(into = "Form")]
pub struct Media {
    source: MediaSource,
    media_type: Option<String>,
    name: Option<String>,
    detail: Option<String>,
    extras: Extras,
}

/// Where the bytes of a [`Media`] are.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaSource {
    /// At an address the provider can read. It may be a `data:` address.
    Url(String),
    /// Here.
    Bytes(Arc<Vec<u8>>),
    /// With the provider, uploaded before, under this id.
    FileId(String),
}

impl Media {
    /// What is at this address.
    pub fn url(url: impl Into<String>) -> Self {
        Self::new(MediaSource::Url(url.into()))
    }

    /// These bytes, of a media type such as `image/png`.
    pub fn bytes(media_type: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self::new(MediaSource::Bytes(Arc::new(bytes.into()))).with_media_type(media_type)
    }

    /// What was uploaded to the provider before.
    pub fn file_id(id: impl Into<String>) -> Self {
        Self::new(MediaSource::FileId(id.into()))
    }

    pub(crate) fn untyped_bytes(bytes: Vec<u8>) -> Self {
        Self::new(MediaSource::Bytes(Arc::new(bytes)))
    }

    pub(crate) fn with_optional(
        self,
        media_type: Option<String>,
        name: Option<String>,
        detail: Option<String>,
        extras: Extras,
    ) -> Self {
        Self { media_type, name, detail, extras, ..self }
    }

    fn new(source: MediaSource) -> Self {
        Self { source, media_type: None, name: None, detail: None, extras: Extras::default() }
    }

    /// Says what it is: `image/png`.
    #[must_use]
    pub fn with_media_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = Some(media_type.into());
        self
    }

    /// Gives it a file name.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Says how closely the model should look, in the provider's words: `low`, `high`, `auto`.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Sets the provider's name for it, such as the id of a sound that a model made. Pieces of a sound with the same id
    /// add up in a stream.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.extras.get_mut().id = Some(id.into());
        self
    }

    /// Adds the words of a sound.
    #[must_use]
    pub fn with_transcript(mut self, transcript: impl Into<String>) -> Self {
        self.extras.get_mut().transcript = Some(transcript.into());
        self
    }

    /// Adds what the provider wants back with it unchanged.
    #[must_use]
    pub fn with_signature(mut self, signature: impl Into<String>) -> Self {
        self.extras.get_mut().signature = Some(signature.into());
        self
    }

    /// The provider's name for it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.extras.id()
    }

    /// The words of a sound.
    #[must_use]
    pub fn transcript(&self) -> Option<&str> {
        self.extras.get()?.transcript.as_deref()
    }

    /// What the provider wants back with it unchanged.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.extras.signature()
    }

    /// Appends the next piece of the same sound, or gives it back.
    pub(crate) fn append(&mut self, next: Self) -> Option<Self> {
        match (&mut self.source, &next.source) {
            (MediaSource::Bytes(bytes), MediaSource::Bytes(more))
                if self.extras.id().is_some() && self.extras.id() == next.extras.id() =>
            {
                Arc::make_mut(bytes).extend_from_slice(more);
            }
            _ => return Some(next),
        }
        self.media_type = self.media_type.take().or(next.media_type);
        self.name = self.name.take().or(next.name);
        self.detail = self.detail.take().or(next.detail);
        self.extras.append(next.extras);
        None
    }

    pub(crate) fn extras(&self) -> &Extras {
        &self.extras
    }

    pub(crate) fn extras_mut(&mut self) -> &mut Extras {
        &mut self.extras
    }

    /// Where the bytes are.
    #[must_use]
    pub fn source(&self) -> &MediaSource {
        &self.source
    }

    /// What it is: `image/png`.
    #[must_use]
    pub fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// Its file name.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// How closely the model should look.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// The bytes in base64, if they are here.
    #[must_use]
    pub fn base64(&self) -> Option<String> {
        match &self.source {
            MediaSource::Bytes(bytes) => Some(BASE64_STANDARD.encode(bytes.as_slice())),
            _ => None,
        }
    }

    /// An address for it, if it has one: its own, or a `data:` address with its bytes.
    #[must_use]
    pub fn to_url(&self) -> Option<String> {
        match &self.source {
            MediaSource::Url(url) => Some(url.clone()),
            MediaSource::Bytes(bytes) => {
                let media_type = self.media_type.as_deref().unwrap_or("application/octet-stream");
                let mut url = format!("data:{media_type};base64,");
                BASE64_STANDARD.encode_string(bytes.as_slice(), &mut url);
                Some(url)
            }
            MediaSource::FileId(_) => None,
        }
    }
}

by_provider!(Media);
cacheable!(Media);

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Media");
        shown.field("source", &self.source);
        if let Some(media_type) = &self.media_type {
            shown.field("media_type", media_type);
        }
        shown.finish_non_exhaustive()
    }
}

impl fmt::Debug for MediaSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(_) => f.write_str("Url(..)"),
            Self::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
            Self::FileId(_) => f.write_str("FileId(..)"),
        }
    }
}

/// How it stands in JSON.
#[derive(Serialize)]
struct Form {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(flatten)]
    extras: Extras,
}

impl From<Media> for Form {
    fn from(media: Media) -> Self {
        let data = media.base64();
        let (url, file_id) = match media.source {
            MediaSource::Url(url) => (Some(url), None),
            MediaSource::FileId(id) => (None, Some(id)),
            MediaSource::Bytes(_) => (None, None),
        };
        Self {
            url,
            data,
            file_id,
            media_type: media.media_type,
            name: media.name,
            detail: media.detail,
            extras: media.extras,
        }
    }
}
