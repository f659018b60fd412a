//! [`Secrets`]: what no error may show.

use std::sync::Arc;

use zeroize::Zeroizing;

/// The values of one request that nobody may see: whatever its user put into headers and address.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Vec<Zeroizing<String>>>);

/// How much of a secret gives it away: servers echo keys in part, from the front and from the back.
const WINDOW: usize = 4;

impl Secrets {
    pub(crate) fn add(&mut self, secret: &str) {
        // `Bearer` is none.
        let secret = secret.trim();
        let bare = secret.split_once(' ').filter(|(scheme, _)| ["Bearer", "Basic"].contains(scheme));
        let secret = bare.map_or(secret, |(_, secret)| secret).trim();
        if !secret.is_empty() {
            Arc::make_mut(&mut self.0).push(Zeroizing::new(secret.to_string()));
        }
    }

    /// Whether a text that came from outside shows one of them, or any part of it that is long enough to tell.
    pub(crate) fn shown_in(&self, text: &str) -> bool {
        let text = text.as_bytes();
        self.0.iter().any(|secret| {
            let secret = secret.as_bytes();
            let window = WINDOW.min(secret.len());
            secret.windows(window).any(|part| text.windows(window).any(|seen| seen.eq_ignore_ascii_case(part)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_window_of_any_secret_counts() {
        let mut secrets = Secrets::default();
        secrets.add("Bearer sk-AbCd-1234-WxYz");
        secrets.add("  ");
        for shown in ["sk-AbCd-1234-WxYz", "sk-AbCd-****", "***WxYz", "x-1234-x", "SK-ABCD"] {
            assert!(secrets.shown_in(shown), "{shown}");
        }
        for hidden in ["", "sk-", "rate_limit_exceeded", "bearer", "xyz"] {
            assert!(!secrets.shown_in(hidden), "{hidden}");
        }
        secrets.add("ab");
        assert!(secrets.shown_in("about"));
    }
}
