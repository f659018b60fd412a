//! [`Room`]: how much the expressions of one rendering may make on their way to the text.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use minijinja::value::{Object, ObjectRepr, ValueKind};
use minijinja::{Error, ErrorKind, State, Value};

use super::stand_in::StandIn;
use crate::template::Limits;

/// The variable it stands in.
pub(super) const ROOM: &str = "__room";

/// What one value may be in any case: a limit on a short text says nothing about the lists it is made from.
const LEAST: usize = 16 << 20;

/// So many bytes that are made take as long as a step.
const BYTES_OF_A_STEP: u64 = 64;

/// The text that a step may make without saying so.
pub(super) const SHORT: usize = 64;

/// How deep values may nest: they are compared, measured and dropped one inside the other.
pub(super) const DEPTH: usize = 256;

/// What an element of a list takes besides what it is.
pub(super) const ELEMENT: usize = 32;

/// What is left of the limits of one rendering.
#[derive(Debug)]
pub(super) struct Room {
    /// The most bytes of one value.
    value: usize,
    made: AtomicU64,
    written: AtomicU64,
}

impl Object for Room {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
}

/// Why there is no more room.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Full {
    /// One value is too large, or nests too deep.
    Value,
    /// The text is too long.
    Written,
    /// It takes too many steps.
    Made,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room left")
    }
}

impl std::error::Error for Full {}

impl From<Full> for Error {
    #[cold]
    fn from(full: Full) -> Self {
        Self::new(ErrorKind::InvalidOperation, "no room left").with_source(full)
    }
}

impl Full {
    /// What an error of a rendering is about, if it is about this.
    pub(super) fn of(error: &Error) -> Option<Self> {
        let mut source: Option<&(dyn std::error::Error + 'static)> = Some(error);
        while let Some(error) = source {
            if let Some(full) = error.downcast_ref() {
                return Some(*full);
            }
            source = error.source();
        }
        None
    }
}

impl Room {
    pub(super) fn new(limits: Limits) -> Self {
        let value = limits.output.max(LEAST);
        Self {
            value,
            made: AtomicU64::new(limits.steps.saturating_mul(BYTES_OF_A_STEP)),
            written: AtomicU64::new(value as u64),
        }
    }

    /// That of this rendering.
    pub(super) fn of(state: &State<'_, '_>) -> Result<Arc<Self>, Error> {
        let room = state.lookup(ROOM).and_then(|room| room.downcast_object());
        room.ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "no room"))
    }

    /// The most bytes of one value.
    pub(super) fn largest(&self) -> usize {
        self.value
    }

    /// A value of so many bytes is to be made.
    pub(super) fn make(&self, bytes: usize) -> Result<(), Error> {
        self.fits(bytes)?;
        self.work(bytes)
    }

    /// A value of so many bytes may be made.
    pub(super) fn fits(&self, bytes: usize) -> Result<(), Error> {
        if bytes > self.value { Err(Full::Value.into()) } else { Ok(()) }
    }

    /// What takes as long as making so many bytes is to be done.
    pub(super) fn work(&self, bytes: usize) -> Result<(), Error> {
        take(&self.made, bytes).ok_or_else(|| Full::Made.into())
    }

    /// So many bytes of text are to be written.
    pub(super) fn write(&self, bytes: usize) -> Result<(), Error> {
        take(&self.written, bytes).ok_or_else(|| Full::Written.into())
    }

    /// How large a value is with all that is in it, each as often as it is there. Looking at it is work, too.
    pub(super) fn measure(&self, value: &Value) -> Result<Size, Error> {
        let mut size = Size::default();
        self.add_up(value, 0, &mut size)?;
        self.work(size.elements)?;
        Ok(size)
    }

    fn add_up(&self, value: &Value, depth: usize, size: &mut Size) -> Result<(), Error> {
        if depth > DEPTH {
            return Err(Full::Value.into());
        }
        size.depth = size.depth.max(depth);
        size.elements += 1;
        size.bytes += ELEMENT + value.as_str().map_or(0, str::len) + value.as_bytes().map_or(0, <[u8]>::len);
        if size.bytes > self.value {
            return Err(Full::Value.into());
        }
        size.has_namespace |= value.as_object().is_some_and(|object| object.type_name().ends_with("::Namespace"));
        match value.kind() {
            _ if StandIn::of(value).is_some() => {}
            ValueKind::Map => {
                for key in value.try_iter()? {
                    self.add_up(&value.get_item(&key)?, depth + 1, size)?;
                    self.add_up(&key, depth + 1, size)?;
                }
            }
            ValueKind::Seq | ValueKind::Iterable => {
                for element in value.try_iter()? {
                    self.add_up(&element, depth + 1, size)?;
                }
            }
            _ => {}
        }
        Ok(())
    }
}

fn take(left: &AtomicU64, bytes: usize) -> Option<()> {
    // One rendering is on one thread.
    let rest = left.load(Ordering::Relaxed).checked_sub(bytes as u64)?;
    left.store(rest, Ordering::Relaxed);
    Some(())
}

/// How large a value is.
#[derive(Default, Debug)]
pub(super) struct Size {
    pub(super) bytes: usize,
    pub(super) elements: usize,
    pub(super) depth: usize,
    /// The only values that change.
    pub(super) has_namespace: bool,
}

#[cfg(test)]
mod tests;
