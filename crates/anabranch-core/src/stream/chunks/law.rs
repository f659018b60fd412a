//! What is known of how the chunks of a stream add up, and when.

use futures_core::Stream;

use crate::error::Result;
use crate::stream::chunks::Chunks;
use crate::stream::chunks::source::Source;
use crate::stream::late::LateLaw;
use crate::stream::merge::Merge;

/// What is known of the law of the chunks.
pub(super) enum Law<T> {
    Known(Merge<T>),
    Late(LateLaw<T>),
    /// Whether there is one at all is known later.
    Maybe(LateLaw<T>),
    /// The chunks were converted one by one and do not add up: only their source gives the whole.
    Missing,
}

impl<'a, T: Send + 'static> Chunks<'a, T> {
    /// The law by which the chunks add up. Asked before the first chunk, it may be one that only passes on to the law
    /// of a step that is found later.
    ///
    /// Chunks that are converted one by one at a joint of two steps may have no law. Who asks for it wants them to add
    /// up, and then gets the whole as the only chunk.
    pub fn merge(&self) -> Merge<T> {
        self.asked.set(true);
        match &self.law {
            Law::Known(merge) => merge.clone(),
            Law::Late(law) | Law::Maybe(law) => law.as_merge(),
            Law::Missing => LateLaw::missing().as_merge(),
        }
    }

    /// Chunks made one by one out of these, which add up by the law that these have after the conversion, if there is
    /// one. Where it is not known yet, the stream is handed a cell to fill with its first chunk.
    pub(crate) fn converted_by<U, S>(self, stream: impl FnOnce(Self, Option<LateLaw<U>>) -> S) -> Chunks<'a, U>
    where
        U: Send + 'static,
        S: Stream<Item = Result<U>> + Send + 'a,
    {
        let (law, late) = match &self.law {
            Law::Known(merge) => (merge.converted().map_or(Law::Missing, Law::Known), None),
            Law::Missing => (Law::Missing, None),
            Law::Late(_) | Law::Maybe(_) => {
                let late = LateLaw::new();
                (Law::Maybe(late.clone()), Some(late))
            }
        };
        Chunks::from_source(Source::Stream(Box::pin(stream(self, late))), law)
    }

    /// The same chunks, which add up by the same law, read through another stream.
    pub(crate) fn through<S>(self, wrap: impl FnOnce(Self) -> S) -> Self
    where
        S: Stream<Item = Result<T>> + Send + 'a,
    {
        let law = match &self.law {
            Law::Known(merge) => Law::Known(merge.clone()),
            // Where it is found, it is found by both.
            Law::Late(law) | Law::Maybe(law) => Law::Late(law.clone()),
            Law::Missing => Law::Missing,
        };
        Self::from_source(Source::Stream(Box::pin(wrap(self))), law)
    }

    /// Fills a cell with the law: with what is known, or with the cell that will be filled.
    pub(crate) fn tell_law(&mut self, cell: &LateLaw<T>) {
        self.begin();
        match &self.law {
            Law::Known(merge) => cell.set(Some(merge.clone())),
            Law::Missing => cell.set(None),
            Law::Late(late) | Law::Maybe(late) => cell.link(late),
        }
    }

    /// The cell of a law that is not known yet.
    pub(crate) fn late_law(&self) -> Option<&LateLaw<T>> {
        match &self.law {
            Law::Late(law) | Law::Maybe(law) => Some(law),
            Law::Known(_) | Law::Missing => None,
        }
    }

    /// The chunks add up: of those that would not, the whole is the only one. No step gives chunks that do not add up:
    /// they exist only between a joint and the step behind it.
    pub(crate) fn make_lawful(&mut self) {
        self.asked.set(true);
        self.begin();
    }

    /// The chunks are what a step gives: they add up, and where nothing is no value, nothing is an error, as it is for
    /// who invokes the step.
    pub(crate) fn make_output(&mut self) {
        self.make_lawful();
        self.needs_a_chunk = true;
    }

    /// The same chunks once their law is known: at once, or with the first chunk.
    pub(crate) async fn with_law_known(mut self) -> Result<Self> {
        self.begin();
        if self.late_law().is_none() {
            return Ok(self);
        }
        let mut this = self.begun().await?;
        if this.late_law().is_some() {
            this.law = this.known_law().map_or(Law::Missing, Law::Known);
        }
        Ok(this)
    }
}

impl<T: 'static> Chunks<'_, T> {
    /// The law, if it is known by now.
    pub(crate) fn known_law(&self) -> Option<Merge<T>> {
        match &self.law {
            Law::Known(merge) => Some(merge.clone()),
            Law::Late(law) | Law::Maybe(law) => law.get().flatten().cloned(),
            Law::Missing => None,
        }
    }
}
