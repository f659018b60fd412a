//! Images, sounds and files.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::extras::extra;
use super::fields::{Fields, Read, Unreadable};
use crate::extras::{Extra, Extras};
use crate::media::Media;

#[derive(Clone, Copy)]
pub(super) enum Sort {
    Image,
    Audio,
    Video,
    File,
}

/// What is said of where the bytes are, by whatever name.
#[derive(Default)]
struct Source {
    url: Option<String>,
    data: Option<String>,
    file_id: Option<String>,
    media_type: Option<String>,
    name: Option<String>,
    detail: Option<String>,
    extras: Extras,
}

/// As this crate writes it.
pub(super) fn own(mut fields: Fields) -> Read<Media> {
    let mut source = Source::default();
    source.take(&mut fields)?;
    source.take_extras(&mut fields)?;
    let media = source.media()?;
    fields.end("one of `url`, `data` and `file_id`, and `media_type`, `name` and `detail`").map(|()| media)
}

/// As any of the libraries writes it.
pub(super) fn any(sort: Sort, fields: &mut Fields) -> Read<Media> {
    let mut source = Source::default();
    source.take(fields)?;
    match fields.text("source_type")?.as_deref() {
        None | Some("url" | "base64") => {}
        Some("id") => source.file_id = source.file_id.or(fields.text("id")?),
        Some("text") => source.set_text(fields.text("text")?)?,
        Some(_) => return Err(Unreadable::new("`source_type` is none of `url`, `base64`, `text` and `id`")),
    }
    match sort {
        Sort::Image => source.take_url("image_url", fields)?,
        Sort::Video => source.take_url("video_url", fields)?,
        Sort::Audio => source.take_input_audio(fields)?,
        Sort::File => source.take_file(fields)?,
    }
    if let Some(inner) = fields.take("source") {
        source.take_source(Fields::new("`source`", inner)?)?;
    }
    source.take_extras(fields)?;
    // Anthropic: whether the answer shall cite the document.
    if let (Sort::File, Some(cited)) = (sort, fields.take("citations")) {
        source.extras.get_mut().options.insert("anthropic", "citations", cited);
    }
    source.media()
}

impl Source {
    fn take(&mut self, fields: &mut Fields) -> Read<()> {
        let first = |fields: &mut Fields, names: &[&str], there: &mut Option<String>| -> Read<()> {
            for name in names {
                if there.is_none() {
                    *there = fields.text(name)?;
                }
            }
            Ok(())
        };
        first(fields, &["url", "file_url"], &mut self.url)?;
        first(fields, &["data", "base64"], &mut self.data)?;
        first(fields, &["file_id"], &mut self.file_id)?;
        first(fields, &["media_type", "mime_type"], &mut self.media_type)?;
        first(fields, &["name", "filename"], &mut self.name)?;
        first(fields, &["detail"], &mut self.detail)
    }

    fn take_extras(&mut self, fields: &mut Fields) -> Read<()> {
        let transcript = fields.text("transcript")?;
        self.extras = Extra { transcript, ..extra(fields)? }.into();
        Ok(())
    }

    /// OpenAI: `image_url` is an address, or an object with one; others have `video_url` like it.
    fn take_url(&mut self, key: &str, fields: &mut Fields) -> Read<()> {
        match fields.take(key) {
            None => Ok(()),
            Some(Value::String(url)) => self.set_url(url),
            Some(inner) => {
                let mut inner = Fields::new("`image_url` or `video_url`", inner)?;
                let url = inner.some_text("url")?;
                self.set_url(url)?;
                self.detail = self.detail.take().or(inner.text("detail")?);
                inner.end("`url` and `detail`")
            }
        }
    }

    fn set_url(&mut self, url: String) -> Read<()> {
        match self.url.replace(url) {
            None => Ok(()),
            Some(_) => Err(Unreadable::new("an image or a file with two addresses")),
        }
    }

    fn set_data(&mut self, data: String) -> Read<()> {
        match self.data.replace(data) {
            None => Ok(()),
            Some(_) => Err(Unreadable::new("a file or a sound whose data stand there twice")),
        }
    }

    /// OpenAI: the format is a word of its own.
    fn take_input_audio(&mut self, fields: &mut Fields) -> Read<()> {
        let Some(inner) = fields.take("input_audio") else { return Ok(()) };
        let mut inner = Fields::new("`input_audio`", inner)?;
        let data = inner.some_text("data")?;
        self.set_data(data)?;
        self.media_type = Some(match inner.some_text("format")?.as_str() {
            "mp3" => "audio/mpeg".to_string(),
            format => format!("audio/{format}"),
        });
        inner.end("`data` and `format`")
    }

    /// OpenAI: in a `file`, or beside the type.
    fn take_file(&mut self, fields: &mut Fields) -> Read<()> {
        if let Some(inner) = fields.take("file") {
            let mut inner = Fields::new("`file`", inner)?;
            self.take(&mut inner)?;
            self.set_file_data(inner.text("file_data")?)?;
            inner.end("`file_id`, `file_data` and `filename`")?;
        }
        self.set_file_data(fields.text("file_data")?)?;
        self.set_text(fields.text("text")?)
    }

    fn set_file_data(&mut self, data: Option<String>) -> Read<()> {
        match data {
            Some(data) if data.starts_with("data:") => self.set_url(data),
            Some(data) => self.set_data(data),
            None => Ok(()),
        }
    }

    fn set_text(&mut self, text: Option<String>) -> Read<()> {
        let Some(text) = text else { return Ok(()) };
        self.media_type.get_or_insert_with(|| "text/plain".into());
        self.set_data(BASE64_STANDARD.encode(text))
    }

    /// Anthropic.
    fn take_source(&mut self, mut source: Fields) -> Read<()> {
        let kind = source.some_text("type")?;
        let text = match kind.as_str() {
            "text" => source.text("data")?,
            "base64" | "url" | "file" => None,
            _ => return Err(Unreadable::new("`type` of `source` is none of `base64`, `url`, `file` and `text`")),
        };
        self.take(&mut source)?;
        self.set_text(text)?;
        source.end("`type`, `media_type`, and one of `data`, `url` and `file_id`")
    }

    fn media(self) -> Read<Media> {
        let media = match (self.url, self.data, self.file_id) {
            (Some(url), None, None) => Media::url(url),
            (None, Some(data), None) => {
                // What the decoder says would quote a byte of the data.
                let bytes = BASE64_STANDARD.decode(data).map_err(|_| Unreadable::new("`data` is not base64"))?;
                Media::untyped_bytes(bytes)
            }
            (None, None, Some(id)) => Media::file_id(id),
            _ => return Err(Unreadable::new("expected exactly one of `url`, `data` and `file_id`")),
        };
        Ok(media.with_optional(self.media_type, self.name, self.detail, self.extras))
    }
}
