//! The tags between which a model thinks aloud.

/// A tag between which a model thinks aloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tag {
    Think,
    Thinking,
    Reasoning,
}

/// What a byte completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Begin(Tag),
    End(Tag),
}

const TAGS: [(&str, Match); 6] = [
    ("<think>", Match::Begin(Tag::Think)),
    ("</think>", Match::End(Tag::Think)),
    ("<thinking>", Match::Begin(Tag::Thinking)),
    ("</thinking>", Match::End(Tag::Thinking)),
    ("<reasoning>", Match::Begin(Tag::Reasoning)),
    ("</reasoning>", Match::End(Tag::Reasoning)),
];

/// Sees the tags in a text that comes byte by byte.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tags {
    seen: [u8; 12],
    length: usize,
}

impl Tags {
    pub(crate) fn reset(&mut self) {
        self.length = 0;
    }

    /// Whether what came last may be the begin of a tag.
    pub(crate) fn is_in_one(&self) -> bool {
        self.length > 0
    }

    pub(crate) fn push(&mut self, byte: u8) -> Option<Match> {
        if byte == b'<' {
            self.length = 0;
        } else if self.length == 0 || self.length == self.seen.len() {
            self.length = 0;
            return None;
        }
        self.seen[self.length] = byte.to_ascii_lowercase();
        self.length += 1;
        let seen = &self.seen[..self.length];
        let (name, found) = TAGS.into_iter().find(|(name, _)| name.as_bytes().starts_with(seen)).unzip();
        match name {
            None => self.length = 0,
            Some(name) if name.len() == seen.len() => self.length = 0,
            Some(_) => return None,
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<Match> {
        let mut tags = Tags::default();
        text.bytes().filter_map(|byte| tags.push(byte)).collect()
    }

    #[test]
    fn tags_are_seen_wherever_they_stand() {
        assert_eq!(
            all("a <think>b</THINK> <thinking></reasoning>"),
            [Match::Begin(Tag::Think), Match::End(Tag::Think), Match::Begin(Tag::Thinking), Match::End(Tag::Reasoning),]
        );
        assert_eq!(all("<<think>"), [Match::Begin(Tag::Think)]);
        for none in ["<thin", "< think>", "think>", "<b>", "<think >", "</ think>", "<thinker>"] {
            assert_eq!(all(none), [], "{none}");
        }
    }
}
