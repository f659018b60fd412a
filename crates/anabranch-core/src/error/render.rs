//! An [`Error`] in one line (`Display`) and as a report (`Debug`). Neither holds a prompt, an answer or a key.

use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};
use std::iter::successors;

use super::convert::text;
use super::error::Error;
use super::kind::ErrorKind;

/// How many lines of one sort a report has.
const SHOWN: usize = 10;

impl Display for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, step) in self.path().enumerate() {
            if index > 0 {
                f.write_str(" > ")?;
            }
            write!(f, "{}", OneLine(step))?;
        }
        if self.path().len() > 0 {
            f.write_str(": ")?;
        }
        f.write_str(self.kind().as_str())?;
        if !self.message().is_empty() {
            write!(f, ": {}", OneLine(self.message()))?;
        }
        if let Some(delay) = self.retry_after() {
            write!(f, " (retry after {delay:?})")?;
        }
        if self.attempts().len() > 1 {
            write!(f, " (after {} attempts)", self.attempts().len())?;
        }
        for note in self.notes() {
            write!(f, " ({})", OneLine(note))?;
        }
        match self.related().len() {
            0 => Ok(()),
            1 => f.write_str(" (and 1 more failure)"),
            more => write!(f, " (and {more} more failures)"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let first = self.to_string();
        f.write_str(&first)?;
        if self.attempts().len() > 1 {
            write_lines(f, "", self.attempts(), "attempts")?;
        }
        write_lines(f, "also failed: ", self.related(), "failures")?;
        write_lines(f, "caused by: ", &causes(self, first), "causes")?;
        match hint(self) {
            Some(hint) => write!(f, "\n  hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// One line for each, up to a limit, and one that counts the rest.
fn write_lines(f: &mut Formatter<'_>, label: &str, items: &[impl Display], what: &str) -> fmt::Result {
    for item in items.iter().take(SHOWN) {
        write!(f, "\n  {label}{item}")?;
    }
    match items.len().saturating_sub(SHOWN) {
        0 => Ok(()),
        more => write!(f, "\n  and {more} more {what}"),
    }
}

/// What the errors underneath say, as far as it is new.
fn causes(error: &Error, first: String) -> Vec<String> {
    let mut said = vec![first];
    for cause in successors(error.source(), |&cause| cause.source()) {
        let text = OneLine(&text(cause)).to_string();
        if !said.iter().any(|said| holds(said, &text)) {
            said.push(text);
        }
    }
    said.split_off(1)
}

/// Whether a text holds another one, not only as a part of a word.
fn holds(text: &str, part: &str) -> bool {
    text.match_indices(part).any(|(at, part)| {
        let before = text[..at].chars().next_back();
        let after = text[at + part.len()..].chars().next();
        !before.into_iter().chain(after).any(char::is_alphanumeric)
    })
}

/// What to do about it.
fn hint(error: &Error) -> Option<String> {
    let hint = match error.kind() {
        ErrorKind::Parse | ErrorKind::IncompleteStream if error.has_partial() => {
            Some("what came is in `Error::partial`")
        }
        kind => kind.hint(),
    };
    // Where it was tried again already, that is no advice.
    let again = error.kind().is_retryable() && error.is_retryable() && !error.is_exhausted();
    match (hint, again) {
        (Some(hint), true) => Some(format!("{hint}, or try again (`.with_retry(..)`)")),
        (None, true) => Some("try again (`.with_retry(..)`)".to_string()),
        (hint, false) => hint.map(str::to_string),
    }
}

/// Keeps a rendering on one line, whatever a server put into its message.
struct OneLine<'a>(&'a str);

impl Display for OneLine<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, line) in self.0.split(char::is_control).filter(|line| !line.is_empty()).enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(line)?;
        }
        Ok(())
    }
}
