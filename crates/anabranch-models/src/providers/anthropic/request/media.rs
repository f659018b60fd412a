//! Images and documents.

use anabranch_core::{Error, ErrorKind, Result};
use anabranch_messages::{ContentPart, Media, MediaSource};
use serde_json::{Value, json};

use super::{Writer, with_extras};

/// What files that were uploaded before need.
const FILES: &str = "files-api-2025-04-14";

impl Writer<'_> {
    pub(super) fn medium(&mut self, part: ContentPart) -> Result<Value> {
        match part {
            ContentPart::Image(image) => {
                if image.detail().is_some() {
                    self.warn("image", "how closely to look at it was not sent: this API has no such setting");
                }
                let source = match by_reference(&image) {
                    Some(source) => source,
                    None => match bytes(&image) {
                        Some((media_type, data)) if media_type.starts_with("image/") => {
                            json!({"type": "base64", "media_type": media_type, "data": data})
                        }
                        _ => return cannot("an image without its media type: say `image/png`, for instance"),
                    },
                };
                self.file_api(&source);
                let block = json!({"type": "image", "source": source});
                Ok(with_extras(block, image.cache_control(), image.provider_options("anthropic")))
            }
            ContentPart::File(file) => {
                let source = match by_reference(&file) {
                    Some(source) => source,
                    None => document(&file)?,
                };
                self.file_api(&source);
                let mut block = json!({"type": "document", "source": source});
                if let Some(name) = file.name() {
                    block["title"] = name.into();
                }
                Ok(with_extras(block, file.cache_control(), file.provider_options("anthropic")))
            }
            ContentPart::Audio(_) => cannot("audio"),
            _ => cannot("content of this kind"),
        }
    }

    fn file_api(&mut self, source: &Value) {
        if source["type"] == "file" {
            self.beta(FILES);
        }
    }
}

fn cannot<T>(what: &str) -> Result<T> {
    Err(Error::new(ErrorKind::Unsupported, format!("Anthropic's Messages API takes no {what}")))
}

fn by_reference(media: &Media) -> Option<Value> {
    match media.source() {
        MediaSource::FileId(id) => Some(json!({"type": "file", "file_id": id})),
        MediaSource::Url(url) if !url.starts_with("data:") => Some(json!({"type": "url", "url": url})),
        _ => None,
    }
}

/// Media type and bytes in base64 of what is here, or in a `data:` address.
fn bytes(media: &Media) -> Option<(String, String)> {
    match media.source() {
        MediaSource::Url(url) => {
            let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
            let media_type = head.strip_suffix(";base64")?;
            Some((media.media_type().unwrap_or(media_type).to_string(), data.to_string()))
        }
        _ => Some((media.media_type()?.to_string(), media.base64()?)),
    }
}

/// PDF as it is, text as text.
fn document(file: &Media) -> Result<Value> {
    let is_text = |media_type: &str| {
        media_type.starts_with("text/") || ["application/json", "application/xml"].contains(&media_type)
    };
    match (file.source(), bytes(file)) {
        (_, Some((media_type, data))) if media_type == "application/pdf" => {
            Ok(json!({"type": "base64", "media_type": media_type, "data": data}))
        }
        (MediaSource::Bytes(bytes), Some((media_type, _))) if is_text(&media_type) => {
            match std::str::from_utf8(bytes) {
                Ok(text) => Ok(json!({"type": "text", "media_type": "text/plain", "data": text})),
                Err(_) => cannot("text that is no UTF-8"),
            }
        }
        _ => cannot("files but PDF and text: say of the bytes which it is, upload it first, or give its address"),
    }
}
