use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::num::ParseIntError;
use std::time::Duration;

use super::*;

mod conversions;
mod nothing_is_said_twice;
mod report;

const SECRET: &str = "sk-my secret";

/// A link of a chain of errors, as careful authors write them: each says what it knows itself.
#[derive(Debug)]
struct Link(&'static str, Option<Box<dyn StdError + Send + Sync>>);

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl StdError for Link {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.1.as_deref().map(|source| source as _)
    }
}

fn link(text: &'static str) -> Link {
    Link(text, None)
}

fn link_on(text: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Link {
    Link(text, Some(source.into()))
}

fn bad_number() -> ParseIntError {
    "x".parse::<u32>().unwrap_err()
}

fn bad_json() -> serde_json::Error {
    serde_json::from_str::<u32>(&format!("{SECRET:?}")).unwrap_err()
}

/// What the chain below an error says.
fn chain(error: &Error) -> Vec<String> {
    std::iter::successors(error.source(), |&cause| cause.source()).map(ToString::to_string).collect()
}

/// An error with everything that must survive.
fn busy() -> Error {
    let tries = [1, 2].map(|number| Attempt::new(number, &Error::new(ErrorKind::RateLimited, "status 429"), None));
    Error::new(ErrorKind::RateLimited, "status 429").at("lookup").with_attempts(tries).with_retry_after(SECOND)
}

const SECOND: Duration = Duration::from_secs(1);
const BUSY: &str = "lookup: rate limited: status 429 (retry after 1s) (after 2 attempts)";

mod one_line {
    use super::*;

    #[test]
    fn display_is_one_line_and_outermost_first() {
        let error = Error::new(ErrorKind::Server, "status 500:\r\nInternal\u{1b}[31m error")
            .at("ChatModel x")
            .at("parallel \"a\"")
            .with_retry_after(Duration::from_millis(1500));
        assert_eq!(
            error.to_string(),
            "parallel \"a\" > ChatModel x: server error: status 500: Internal [31m error (retry after 1.5s)"
        );
        assert_eq!(error.path().collect::<Vec<_>>(), ["parallel \"a\"", "ChatModel x"]);
    }

    #[test]
    fn notes_stand_one_behind_the_other_and_are_not_said_twice() {
        let error = Error::new(ErrorKind::Server, "").with_note("not safe\nto repeat").with_note("no fallback");
        let error = error.with_note("no fallback").with_related([Error::other("a"), Error::other("b")]);
        assert_eq!(error.to_string(), "server error (not safe to repeat) (no fallback) (and 2 more failures)");
    }
}

mod attempts {
    use super::*;

    #[test]
    fn attempts_made_inside_are_counted_too() {
        let failure = || Error::new(ErrorKind::Server, "status 500");
        let mut attempts = Attempts::default();
        let attempt = attempts.failed(&failure(), Some(SECOND));
        assert_eq!((attempt.number(), attempt.wait()), (1, Some(SECOND)));
        let inner = attempts.into_error(failure());

        let mut attempts = Attempts::default();
        assert_eq!(attempts.failed(&inner, None).number(), 2);
        let outer = attempts.into_error(failure());
        assert_eq!(outer.attempts().iter().map(Attempt::number).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(outer.attempts()[0].to_string(), "attempt 1: server error: status 500, then waited 1s");
        assert_eq!(outer.to_string(), "server error: status 500 (after 3 attempts)");
    }
}

#[test]
fn partials_of_different_types_stand_side_by_side() {
    let error = Error::new(ErrorKind::Other, "").with_partial(1_u8).with_partial("text").with_partial(2_u8);
    assert_eq!((error.partial::<u8>(), error.partial::<&str>()), (Some(&2), Some(&"text")));
    assert_eq!(error.partial::<String>(), None);
}

#[test]
fn an_error_passes_until_it_has_left_what_it_entered() {
    let mut error = Error::other("no luck");
    assert!(!error.is_passing());
    error.enter(2);
    error.leave(1);
    assert!(error.is_passing());
    error.leave(1);
    assert!(!error.is_passing());
    error.leave(1);
    error.enter(u16::MAX);
    error.enter(1);
    assert!(error.is_passing());
    error.leave(u16::MAX);
    assert!(!error.is_passing());
}

#[test]
fn earlier_failures_stand_before_those_that_are_there() {
    let error = Error::other("c").with_related([Error::other("b")]).with_earlier(vec![Error::other("a")]);
    assert_eq!(error.related().iter().map(Error::message).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(error.with_kind(ErrorKind::Timeout).kind(), ErrorKind::Timeout);
}

#[test]
fn an_error_is_small_and_shareable() {
    fn check<T: Send + Sync + Clone + 'static>() {}
    check::<Error>();
    assert_eq!(size_of::<Error>(), size_of::<usize>());
    assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
}
