//! What an `anyhow::Error` becomes. With the feature `anyhow`.

use std::error::Error as StdError;
use std::fmt;

use super::error::Error;

/// An [`Error`] inside comes out as itself, whatever context is around it; the context becomes a note.
impl From<anyhow::Error> for Error {
    fn from(error: anyhow::Error) -> Self {
        let Some(inside) = error.downcast_ref::<Self>().cloned() else {
            // Unlike the plain conversion into a box, this keeps the type that `downcast_ref` asks for.
            return Self::other(error.reallocate_into_boxed_dyn_error_without_backtrace());
        };
        let said = inside.to_string();
        let around: Vec<_> = error.chain().map(ToString::to_string).take_while(|text| *text != said).collect();
        let inside = match error.chain().any(|cause| cause.is::<Self>()) {
            true => inside,
            // It was itself put around an error, as a context.
            false => inside.with_original(Tail { error, begins: around.len() }),
        };
        if around.is_empty() { inside } else { inside.with_note(around.join(": ")) }
    }
}

/// The chain of an `anyhow::Error` from one of its contexts on.
#[derive(Debug)]
struct Tail {
    error: anyhow::Error,
    begins: usize,
}

impl fmt::Display for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.chain().nth(self.begins).map_or(Ok(()), |this| write!(f, "{this}"))
    }
}

impl StdError for Tail {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error.chain().nth(self.begins + 1)
    }
}
