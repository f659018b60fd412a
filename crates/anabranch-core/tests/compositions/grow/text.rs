//! What a chain looks like, for whoever reads of a seed that fails.

use std::fmt;

/// A chain as one can read it: a line, and what is inside.
#[derive(Clone)]
pub struct Text(pub(super) String, pub(super) Vec<Text>);

impl Text {
    pub(super) fn line(line: impl Into<String>) -> Self {
        Self(line.into(), Vec::new())
    }

    fn write(&self, f: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        writeln!(f, "{:depth$}{}", "", self.0, depth = 2 * depth)?;
        self.1.iter().try_for_each(|inside| inside.write(f, depth + 1))
    }

    pub fn lines(&self) -> usize {
        1 + self.1.iter().map(Self::lines).sum::<usize>()
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, 0)
    }
}
