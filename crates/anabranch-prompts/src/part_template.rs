//! [`PartTemplate`]: one part of a message of a prompt.

use std::fmt;

use anabranch_core::{Error, Result};
use anabranch_messages::{ContentPart, Media};
use serde::Deserialize;
use serde_json::Value;

use crate::template::{Language, Limits, Stop, Template};
use crate::values::Values;

/// One part of a message of a prompt: text with variables, or an image, a sound or a file whose address has variables.
///
/// What stands in place of an address is an address (`https://…`, `data:…`), or an object: an image, sound or file as
/// it stands in JSON, for bytes and for what was uploaded before. The path of a file is refused, since nothing of a
/// value is ever read from the disk. A part that is empty is left out.
///
/// ```
/// use anabranch_core::RunnableExt;
/// use anabranch_messages::{Media, Role};
/// use anabranch_prompts::{ChatPromptTemplate, MessageTemplate, PartTemplate};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let prompt = ChatPromptTemplate::from_messages([MessageTemplate::parts(Role::User, [
///     PartTemplate::text("Is this the {river}?"),
///     PartTemplate::image("{picture}"),
/// ])])?;
/// let picture = Media::bytes("image/png", [0x89, b'P', b'N', b'G']);
/// let messages = prompt.invoke(json!({"river": "Weser", "picture": picture})).await?;
/// assert_eq!(messages[0].content().parts().len(), 2);
///
/// let path = json!({"river": "Weser", "picture": "/etc/passwd"});
/// assert!(prompt.invoke(path).await.unwrap_err().message().contains("no address"));
/// # Ok(()) }
/// ```
#[derive(Clone, PartialEq)]
pub struct PartTemplate(Form);

#[derive(Clone, PartialEq)]
enum Form {
    Text(String),
    Media(Sort, String),
    Fixed(ContentPart),
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Sort {
    Image,
    Audio,
    File,
}

impl PartTemplate {
    /// Text with variables.
    pub fn text(template: impl Into<String>) -> Self {
        Self(Form::Text(template.into()))
    }

    /// A picture, whose address has variables.
    pub fn image(template: impl Into<String>) -> Self {
        Self(Form::Media(Sort::Image, template.into()))
    }

    /// A sound, whose address has variables.
    pub fn audio(template: impl Into<String>) -> Self {
        Self(Form::Media(Sort::Audio, template.into()))
    }

    /// A document, whose address has variables.
    pub fn file(template: impl Into<String>) -> Self {
        Self(Form::Media(Sort::File, template.into()))
    }

    pub(crate) fn parse(self, language: Language) -> Result<Part> {
        Ok(match self.0 {
            Form::Text(template) => Part::Text(Template::parse(language, template)?),
            Form::Media(sort, template) => Part::Media(sort, Template::parse(language, template)?),
            Form::Fixed(part) => Part::Fixed(part),
        })
    }
}

/// A part as it is: braces in it are text.
impl From<ContentPart> for PartTemplate {
    fn from(part: ContentPart) -> Self {
        Self(Form::Fixed(part))
    }
}

/// Text with variables.
impl From<&str> for PartTemplate {
    fn from(template: &str) -> Self {
        Self::text(template)
    }
}

/// A part that was parsed.
#[derive(Clone)]
pub(crate) enum Part {
    Text(Template),
    Media(Sort, Template),
    Fixed(ContentPart),
}

impl Part {
    pub(crate) fn each_variable(&self, add: &mut dyn FnMut(&str, bool)) {
        match self {
            Self::Text(template) | Self::Media(_, template) => template.each_variable(add),
            Self::Fixed(_) => {}
        }
    }

    pub(crate) fn set_steps(&mut self, steps: u64) {
        match self {
            Self::Text(template) | Self::Media(_, template) => template.set_steps(steps),
            Self::Fixed(_) => {}
        }
    }

    pub(crate) fn language(&self) -> Option<Language> {
        match self {
            Self::Text(template) | Self::Media(_, template) => Some(template.language()),
            Self::Fixed(_) => None,
        }
    }

    /// `None` for a part that turned out to be empty.
    pub(crate) fn render(&self, values: &Values<'_>, limits: Limits) -> Result<Option<ContentPart>, Stop> {
        match self {
            Self::Fixed(part) => Ok(Some(part.clone())),
            Self::Text(template) => {
                let text = template.render(values, limits)?;
                Ok((!text.is_empty()).then(|| ContentPart::text(text)))
            }
            Self::Media(sort, template) => {
                let only = template.only_variable();
                let media = match only.and_then(|name| values.get(name)) {
                    Some(object @ Value::Object(_)) => Media::deserialize(object).map_err(|error| {
                        let name = only.unwrap_or_default();
                        let what = sort.name();
                        Stop::Failed(Error::invalid_input(format!("the variable `{name}` is no {what}: {error}")))
                    })?,
                    _ => {
                        let address = template.render(values, limits)?;
                        if address.is_empty() {
                            return Ok(None);
                        }
                        if !is_address(&address) {
                            if values.shows_missing() {
                                return Ok(Some(ContentPart::text(format!("[{} {address}]", sort.name()))));
                            }
                            return Err(Stop::Failed(sort.no_address()));
                        }
                        Media::url(address)
                    }
                };
                Ok(Some(match sort {
                    Sort::Image => ContentPart::Image(media),
                    Sort::Audio => ContentPart::Audio(media),
                    Sort::File => ContentPart::File(media),
                }))
            }
        }
    }

    pub(crate) fn pretty(&self, pretty: &mut String) {
        match self {
            Self::Text(template) => *pretty += &template.source(),
            Self::Media(sort, template) => *pretty += &format!("[{} {}]", sort.name(), template.source()),
            Self::Fixed(ContentPart::Text(text)) => *pretty += text.text(),
            Self::Fixed(ContentPart::Image(_)) => *pretty += "[image]",
            Self::Fixed(ContentPart::Audio(_)) => *pretty += "[audio]",
            Self::Fixed(_) => *pretty += "[file]",
        }
    }
}

impl Sort {
    fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Audio => "audio",
            Self::File => "file",
        }
    }

    #[cold]
    fn no_address(self) -> Error {
        Error::invalid_input(format!(
            "what stands for {} {} is no address such as `https://…` or `data:…`: files are not read from the disk, their \
             bytes are given as `Media::bytes(..)`",
            if self == Self::File { "a" } else { "an" },
            self.name()
        ))
    }
}

/// Whether it begins with a scheme (RFC 3986, section 3.1), and that is no way to a file. A scheme of one letter is the
/// drive of a path.
fn is_address(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    is_scheme && scheme.len() > 1 && !scheme.eq_ignore_ascii_case("file") && !rest.is_empty()
}

/// Shows no text.
impl fmt::Debug for PartTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Text(template) => write!(f, "Text({} chars)", template.chars().count()),
            Form::Media(sort, template) => write!(f, "{}({} chars)", sort.name(), template.chars().count()),
            Form::Fixed(part) => part.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn paths_are_no_addresses() {
        for address in ["https://e.org/a.png", "data:image/png;base64,AA==", "gs://bucket/a", "s3://b/a"] {
            assert!(is_address(address), "{address}");
        }
        for path in
            ["/etc/passwd", "a.png", "../a.png", "C:\\a.png", "c:/a", "file:///etc/passwd", "FILE:a", "", ":", "https:"]
        {
            assert!(!is_address(path), "{path}");
        }
    }
}
