//! [`Secret`]: a key that cannot be printed.

use std::fmt;

use http::HeaderValue;
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

    pub(super) fn reveal(&self) -> &str {
        self.0.trim()
    }

    /// The secret behind a prefix, such as `Bearer `.
    #[must_use]
    pub fn after(&self, prefix: &str) -> Self {
        Self::new(format!("{prefix}{}", self.reveal()))
    }

    /// The value of a header, marked so that no log of the HTTP stack shows it.
    pub(crate) fn header(&self) -> Result<HeaderValue> {
        let mut value = HeaderValue::from_str(self.reveal()).map_err(|_| {
            Error::new(
                ErrorKind::Configuration,
                "an API key or a header's value has characters that cannot stand in an HTTP header",
            )
        })?;
        value.set_sensitive(true);
        Ok(value)
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
        let secret = Secret::from("sk-very-secret").after("Bearer ");
        let header = secret.header().unwrap();
        assert_eq!(header, "Bearer sk-very-secret");
        assert!(!format!("{secret:?} {header:?}").contains("secret\""));
        assert!(!format!("{secret:?} {header:?}").contains("very"));
    }

    #[test]
    fn a_key_with_a_line_break_is_an_error_without_the_key() {
        assert!(Secret::from("sk-a\n").header().is_ok(), "white space around a key is a slip of the clipboard");
        let error = Secret::from("sk-a\r\nx-evil: 1").header().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        assert!(!format!("{error} {error:?}").contains("evil"));
    }
}
