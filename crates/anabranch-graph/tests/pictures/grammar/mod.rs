//! What the pictures may consist of, strictly: anything else is a failure. Parsers that share nothing with what draws.

use std::collections::HashSet;

mod dot;
mod mermaid;
mod text;

pub(crate) use dot::dot;
pub(crate) use mermaid::mermaid;
pub(crate) use text::{Line, text};

/// What a picture shows.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Nodes that are not open, by id, each with its label.
    pub(crate) nodes: Vec<(String, String)>,
    /// Nodes that are open.
    pub(crate) frames: Vec<(String, String)>,
    pub(crate) edges: Vec<(String, String)>,
}

impl Seen {
    /// Each id is there once, and edges lead to what is there.
    fn checked(self) -> Self {
        let mut ids = HashSet::new();
        for (id, _) in self.nodes.iter().chain(&self.frames) {
            assert!(ids.insert(id), "{id} is there twice");
        }
        for end in self.edges.iter().flat_map(|(from, to)| [from, to]) {
            assert!(ids.contains(end), "{end} is nowhere");
        }
        self
    }
}

/// What stands at the beginning of a text.
pub(crate) struct Rest<'a>(pub(crate) &'a str);

impl<'a> Rest<'a> {
    pub(crate) fn takes(&mut self, word: &str) -> bool {
        match self.0.strip_prefix(word) {
            Some(rest) => {
                self.0 = rest;
                true
            }
            None => false,
        }
    }

    pub(crate) fn expect(&mut self, word: &str) {
        assert!(self.takes(word), "expected {word:?} before {:?}", self.0);
    }

    pub(crate) fn char(&mut self) -> char {
        let char = self.0.chars().next().expect("a character");
        self.0 = &self.0[char.len_utf8()..];
        char
    }

    pub(crate) fn while_is(&mut self, is: impl Fn(char) -> bool) -> &'a str {
        let end = self.0.find(|char| !is(char)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken
    }

    /// An id: it begins with a letter.
    pub(crate) fn id(&mut self) -> String {
        let id = self.while_is(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '_');
        assert!(id.starts_with(|char: char| char.is_ascii_lowercase()), "expected an id before {:?}", self.0);
        id.to_owned()
    }

    pub(crate) fn ends(&self) {
        assert_eq!(self.0, "", "nothing more was expected");
    }
}

/// A line without its indentation, which is `depth` times `step`.
fn indented<'a>(line: &'a str, depth: usize, step: &str) -> Rest<'a> {
    let rest = line.strip_prefix(&step.repeat(depth)).unwrap_or_else(|| panic!("{line:?} is not {depth} deep"));
    assert!(!rest.starts_with(' '), "{line:?} is deeper than {depth}");
    Rest(rest)
}
