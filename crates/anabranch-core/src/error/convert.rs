//! What becomes an [`Error`], and how an [`Error`] becomes an [`Attempt`].

use std::any::Any;
use std::convert::Infallible;
use std::env::VarError;
use std::error::Error as StdError;
use std::io;
use std::time::Duration;

use tokio::task::JoinError;
use tokio::time::error::Elapsed;

use super::attempt::{Attempt, Attempts};
use super::error::Error;
use super::kind::ErrorKind;

type Boxed = Box<dyn StdError + Send + Sync>;

impl Error {
    /// Wraps an error of user code: its `Display` becomes the message, and what it says lies underneath becomes the
    /// [`source`](StdError::source). The error itself can be had with [`downcast_ref`](Self::downcast_ref).
    ///
    /// An error that `?` makes more of than that is the same here: an [`Error`] in a box comes out as it went in, and a
    /// `serde_json::Error` is not quoted. (An `anyhow::Error` hides what it holds: for that one use `?`.)
    ///
    /// ```
    /// use anabranch_core::{Error, ErrorKind};
    ///
    /// let error = "x".parse::<u32>().map_err(Error::other).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Other);
    /// assert_eq!(error.to_string(), "error: invalid digit found in string");
    ///
    /// let boxed: Box<dyn std::error::Error + Send + Sync> = Error::new(ErrorKind::Server, "status 500").into();
    /// assert_eq!(Error::other(boxed).kind(), ErrorKind::Server);
    /// ```
    pub fn other(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        recognized(source.into()).unwrap_or_else(wrapped)
    }

    /// What `catch_unwind` gives of a panic. The panic's text may quote anything, so it is kept out of the message, in
    /// [`partial`](Self::partial).
    ///
    /// ```
    /// use anabranch_core::{Error, ErrorKind};
    ///
    /// let error = Error::from_panic(std::panic::catch_unwind(|| panic!("at the end")).unwrap_err());
    /// assert_eq!(error.kind(), ErrorKind::Panic);
    /// assert_eq!(error.partial::<String>().unwrap(), "at the end");
    /// ```
    #[must_use]
    pub fn from_panic(panic: Box<dyn Any + Send>) -> Self {
        let text = match panic.downcast::<String>() {
            Ok(text) => *text,
            Err(panic) => panic.downcast::<&'static str>().map(|text| text.to_string()).unwrap_or_default(),
        };
        Self::new(ErrorKind::Panic, "the step panicked; its message is in `Error::partial::<String>()`")
            .with_partial(text)
    }
}

/// Makes the `From`s. Those of `recognized` become more than their own text, in a box too.
macro_rules! conversions {
    (
        recognized { $($known:ty => $convert:path,)+ }
        wrapped { $($plain:ty,)+ }
        only_the_text { $($generic:ident<T> of $($module:ident)::+,)+ }
    ) => {
        $(impl From<$known> for Error {
            fn from(error: $known) -> Self {
                $convert(error)
            }
        })+

        $(impl From<$plain> for Error {
            fn from(error: $plain) -> Self {
                wrapped(error.into())
            }
        })+

        $(impl<T> From<$($module)::+::$generic<T>> for Error {
            fn from(error: $($module)::+::$generic<T>) -> Self {
                Self::new(ErrorKind::Other, error.to_string())
            }
        })+

        /// What a box holds, if it is one of those that become more than their own text.
        fn recognized(error: Boxed) -> Result<Error, Boxed> {
            let error = error.downcast().map(|error: Box<Error>| *error);
            $(let error = error.or_else(|error| error.downcast().map(|error: Box<$known>| $convert(*error)));)+
            error
        }
    };
}

conversions! {
    recognized {
        serde_json::Error => json,
        VarError => variable,
        JoinError => task,
        Elapsed => elapsed,
        io::Error => io,
    }
    // None of these quotes the text or the value it met.
    wrapped {
        std::fmt::Error,
        std::num::ParseIntError,
        std::num::ParseFloatError,
        std::num::TryFromIntError,
        std::str::ParseBoolError,
        std::str::Utf8Error,
        std::string::FromUtf8Error,
        std::string::FromUtf16Error,
        std::char::ParseCharError,
        std::char::CharTryFromError,
        std::array::TryFromSliceError,
        std::net::AddrParseError,
        std::time::SystemTimeError,
        std::time::TryFromFloatSecsError,
        std::sync::mpsc::RecvError,
        std::sync::mpsc::RecvTimeoutError,
        tokio::sync::oneshot::error::RecvError,
        tokio::sync::broadcast::error::RecvError,
        tokio::sync::watch::error::RecvError,
        tokio::sync::AcquireError,
    }
    // What these hold (a guard, the value that was to be sent) is not kept: it may be anything.
    only_the_text {
        PoisonError<T> of std::sync,
        SendError<T> of std::sync::mpsc,
        SendError<T> of tokio::sync::mpsc::error,
    }
}

impl From<Boxed> for Error {
    fn from(error: Boxed) -> Self {
        Self::other(error)
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// An error that is what it says.
fn wrapped(error: Boxed) -> Error {
    Error::new(ErrorKind::Other, text(error.as_ref())).with_original(error)
}

fn json(error: serde_json::Error) -> Error {
    Error::new(ErrorKind::Parse, text(&error)).with_original(error)
}

fn variable(error: VarError) -> Error {
    Error::new(ErrorKind::Configuration, text(&error)).with_original(error)
}

fn task(error: JoinError) -> Error {
    error.try_into_panic().map_or_else(|cancelled| wrapped(cancelled.into()), Error::from_panic)
}

fn elapsed(error: Elapsed) -> Error {
    wrapped(error.into()).with_kind(ErrorKind::Timeout)
}

fn io(error: io::Error) -> Error {
    error.downcast().unwrap_or_else(|error: io::Error| wrapped(error.into()))
}

/// What an error says; where its own text quotes what it met (a part of a prompt or an answer, or a key), only what
/// may be shown of it.
pub(super) fn text(error: &(dyn StdError + 'static)) -> String {
    if let Some(json) = error.downcast_ref::<serde_json::Error>() {
        return format!("JSON {:?} error at line {} column {}", json.classify(), json.line(), json.column());
    }
    if let Some(VarError::NotUnicode(_)) = error.downcast_ref() {
        return "environment variable was not valid unicode".to_string();
    }
    if error.downcast_ref().is_some_and(JoinError::is_panic) {
        return "the task panicked".to_string();
    }
    // It says what the error says that somebody put into it.
    if let Some(inside) = error.downcast_ref().and_then(io::Error::get_ref) {
        return text(inside);
    }
    error.to_string()
}

impl Attempt {
    /// The attempt that failed with `error`, counted from one, and how long was waited after it.
    #[must_use]
    pub fn new(number: usize, error: &Error, wait: Option<Duration>) -> Self {
        Self::of(number, error.kind(), error.to_string(), wait)
    }
}

impl Attempts {
    /// Records a failure: as the attempts that were made inside, if it says so.
    pub(crate) fn failed(&mut self, error: &Error, wait: Option<Duration>) -> &Attempt {
        match error.attempts().split_last() {
            Some((last, before)) => self.add(before, last.clone(), wait),
            None => self.add(&[], Attempt::new(0, error, None), wait),
        }
    }

    /// The last failure with all that came before it.
    pub(crate) fn into_error(mut self, error: Error) -> Error {
        self.failed(&error, None);
        error.with_attempts(self.into_vec())
    }
}
