//! [`LateLaw`]: the law of chunks whose maker is found while the chain runs.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, ErrorKind, Result};
use crate::stream::merge::{Collect, CollectLaw, Collector, Merge, Wanted};

/// A cell that is filled with a [`Merge`] law once: when the step that makes the chunks has been found, at the latest
/// with its first chunk.
pub(crate) struct LateLaw<T>(Arc<OnceLock<Found<T>>>);

enum Found<T> {
    Law(Merge<T>),
    /// The chunks were converted one by one and do not add up.
    Missing,
    /// What was found finds its own law later.
    Link(LateLaw<T>),
}

impl<T> LateLaw<T> {
    pub(crate) fn new() -> Self {
        Self(Arc::default())
    }

    /// There is no law.
    pub(crate) fn missing() -> Self {
        let cell = Self::new();
        cell.set(None);
        cell
    }

    /// Nothing yet, or the law, or that there is none.
    pub(crate) fn get(&self) -> Option<Option<&Merge<T>>> {
        let mut cell = self;
        loop {
            match cell.0.get()? {
                Found::Law(merge) => return Some(Some(merge)),
                Found::Missing => return Some(None),
                Found::Link(other) => cell = other,
            }
        }
    }

    /// There is one stream behind a cell, so it is filled once; whoever comes later knows no better.
    pub(crate) fn set(&self, law: Option<Merge<T>>) {
        let _ = self.0.set(law.map_or(Found::Missing, Found::Law));
    }

    pub(crate) fn link(&self, other: &Self) {
        let _ = self.0.set(Found::Link(other.clone()));
    }
}

impl<T: Send + 'static> LateLaw<T> {
    /// A law that looks into the cell when the first chunk is pushed.
    pub(crate) fn as_merge(&self) -> Merge<T> {
        match self.get() {
            Some(Some(merge)) => merge.clone(),
            _ => Merge::collect_by(self.clone()),
        }
    }
}

impl<T: Send + 'static> CollectLaw<T> for LateLaw<T> {
    fn collector(&self) -> Box<dyn Collect<T>> {
        Box::new(LateCollector { law: self.clone(), found: None })
    }

    fn resolved(&self) -> Option<Merge<T>> {
        self.get().flatten().cloned()
    }
}

struct LateCollector<T> {
    law: LateLaw<T>,
    found: Option<Collector<T>>,
}

impl<T: Send + 'static> Collect<T> for LateCollector<T> {
    fn push(&mut self, chunk: T) -> Result<()> {
        let collector = match &mut self.found {
            Some(collector) => collector,
            None => self.found.insert(self.law.resolved().ok_or_else(do_not_add_up)?.collector()),
        };
        collector.push(chunk)
    }

    fn finish(self: Box<Self>, wanted: Wanted<'_>) -> Result<Option<T>> {
        match self.found.or_else(|| self.law.resolved().map(|merge| merge.collector())) {
            Some(collector) => collector.finish_any(wanted),
            None => Ok(None),
        }
    }
}

#[cold]
pub(crate) fn do_not_add_up() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "these chunks do not add up: they were converted one by one; collect before converting",
    )
}

impl<T> Clone for LateLaw<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for LateLaw<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LateLaw")
    }
}
