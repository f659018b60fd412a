//! [`Secret`]: a key that cannot be printed.

use std::fmt;

use reqwest::header::HeaderValue;
use zeroize::Zeroizing;

use anabranch_core::{Error, ErrorKind, Result};

/// An API key. It cannot be displayed or serialised, `Debug` shows `[redacted]`, and its memory is wiped on drop.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(Zeroizing::new(secret.into()))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// The header value `prefix` + secret, marked so that no log of the HTTP stack shows it.
    pub(crate) fn header(&self, prefix: &str) -> Result<HeaderValue> {
        let text = Zeroizing::new(format!("{prefix}{}", self.0.trim()));
        let mut value = HeaderValue::from_str(&text).map_err(|_| {
            Error::new(ErrorKind::Configuration, "the API key has characters that cannot stand in an HTTP header")
        })?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Whether a text that came from outside shows the key or a good part of it.
    pub(crate) fn is_shown_in(&self, text: &str) -> bool {
        let key = self.0.trim();
        let part = key.char_indices().nth(8).map_or(key, |(end, _)| &key[..end]);
        !part.is_empty() && text.contains(part)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl From<&str> for Secret {
    fn from(secret: &str) -> Self {
        Self::new(secret)
    }
}

impl From<String> for Secret {
    fn from(secret: String) -> Self {
        Self::new(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_and_headers_are_sensitive() {
        let secret = Secret::from("sk-very-secret");
        let header = secret.header("Bearer ").unwrap();
        assert_eq!(header, "Bearer sk-very-secret");
        assert!(!format!("{secret:?} {header:?}").contains("secret\""));
        assert!(!format!("{secret:?} {header:?}").contains("very"));
    }

    #[test]
    fn a_key_with_a_line_break_is_an_error_without_the_key() {
        assert!(
            Secret::from("sk-a\n").header("Bearer ").is_ok(),
            "white space around a key is a slip of the clipboard"
        );
        let error = Secret::from("sk-a\r\nx-evil: 1").header("Bearer ").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error} {error:?}").contains("evil"));
    }
}
