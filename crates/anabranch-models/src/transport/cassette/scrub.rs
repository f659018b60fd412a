//! [`Scrub`]: what of an exchange is kept.

use bytes::Bytes;
use http::{HeaderMap, Request, Uri};
use serde_json::Value;
use zeroize::Zeroizing;

use super::tape::RecordedRequest;

/// What stands in the place of a secret.
const REMOVED: &str = "[removed]";

/// Headers of requests that say what is meant, and prove nothing.
const REQUEST_HEADERS: &[&str] = &["accept", "content-type", "anthropic-version", "anthropic-beta", "openai-beta"];
/// What of a query says which API is meant.
const QUERY: &[&str] = &["alt", "api-version", "beta"];
/// Headers of responses that mean something to a client.
const RESPONSE_HEADERS: &[&str] = &["content-type", "content-encoding", "x-should-retry", "openai-processing-ms"];
const RESPONSE_WORDS: &[&str] = &["retry-after", "ratelimit", "tokenlimit", "request-id"];
/// Shorter values stand everywhere by chance.
const SHORTEST: usize = 6;

/// The values of one exchange that nobody may see.
pub(super) struct Scrub {
    secrets: Vec<Zeroizing<String>>,
}

impl Scrub {
    pub(super) fn of(request: &Request<Bytes>) -> Self {
        let mut secrets = Vec::new();
        let mut add = |value: &str| {
            // `Bearer` is none.
            for part in value.split_whitespace().filter(|part| part.len() >= SHORTEST) {
                secrets.push(Zeroizing::new(part.to_string()));
            }
        };
        for (name, value) in request.headers() {
            if !REQUEST_HEADERS.contains(&name.as_str()) {
                value.to_str().into_iter().for_each(&mut add);
            }
        }
        members(request.uri()).filter(|(key, _)| !QUERY.contains(key)).for_each(|(_, value)| add(value));
        secrets.retain(|secret| !["Bearer", "Basic"].contains(&secret.as_str()));
        Self { secrets }
    }

    /// Without its secrets.
    pub(super) fn request(&self, request: &Request<Bytes>) -> RecordedRequest {
        let uri = request.uri();
        let query: Vec<String> = members(uri)
            .map(|(key, value)| format!("{key}={}", if QUERY.contains(&key) { value } else { REMOVED }))
            .collect();
        let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
        let host = uri.authority().map(|authority| match authority.port() {
            Some(port) => format!("{}:{port}", authority.host()),
            None => authority.host().to_string(),
        });
        let url = format!(
            "{}://{}{}{query}",
            uri.scheme_str().unwrap_or("http"),
            host.unwrap_or_default(),
            self.text(uri.path())
        );
        let headers = request.headers().iter().filter_map(|(name, value)| {
            let known = REQUEST_HEADERS.contains(&name.as_str());
            Some((name.to_string(), if known { value.to_str().ok()? } else { REMOVED }.to_string()))
        });
        let text = self.text(&String::from_utf8_lossy(request.body()));
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        RecordedRequest { method: request.method().to_string(), url, headers: headers.collect(), body }
    }

    pub(super) fn response_headers(&self, headers: &HeaderMap) -> Vec<(String, String)> {
        let kept = headers.iter().filter(|(name, _)| {
            let name = name.as_str();
            RESPONSE_HEADERS.contains(&name) || RESPONSE_WORDS.iter().any(|word| name.contains(word))
        });
        kept.filter_map(|(name, value)| Some((name.to_string(), self.text(value.to_str().ok()?)))).collect()
    }

    /// The pieces of a body. One that a secret reaches into from another becomes one with it.
    pub(super) fn pieces(&self, pieces: Vec<(u64, Bytes)>) -> Vec<(u64, Bytes)> {
        let whole: Vec<u8> = pieces.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        let Some(clean) = self.bytes(&whole) else { return pieces };
        let mut each = Vec::with_capacity(pieces.len());
        for (after, bytes) in &pieces {
            each.push((*after, self.bytes(bytes).map_or_else(|| bytes.clone(), Bytes::from)));
        }
        let together: Vec<u8> = each.iter().flat_map(|(_, bytes)| bytes.iter().copied()).collect();
        match together == clean {
            true => each,
            false => vec![(pieces.iter().map(|(after, _)| after).sum(), clean.into())],
        }
    }

    fn text(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_string(), |text, secret| text.replace(secret.as_str(), REMOVED))
    }

    /// Without the secrets, if there is any.
    fn bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let mut clean: Option<Vec<u8>> = None;
        for secret in &self.secrets {
            let secret = secret.as_bytes();
            loop {
                let now = clean.as_deref().unwrap_or(bytes);
                let Some(at) = memchr::memmem::find(now, secret) else { break };
                clean = Some([&now[..at], REMOVED.as_bytes(), &now[at + secret.len()..]].concat());
            }
        }
        clean
    }
}

fn members(uri: &Uri) -> impl Iterator<Item = (&str, &str)> {
    let members = uri.query().unwrap_or_default().split('&').filter(|member| !member.is_empty());
    members.map(|member| member.split_once('=').unwrap_or((member, "")))
}
