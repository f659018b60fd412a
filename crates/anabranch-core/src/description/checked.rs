//! [`Checked`]: a check that is made once, by whoever comes first.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::description::check::examine;
use crate::description::description::Description;
use crate::description::warning::Warning;
use crate::error::Result;

/// Whether a sequence or a fan-out was found to be sound: looked at once, before its first step runs, by itself or with
/// a chain around it. Clones share what was found.
#[derive(Debug, Default)]
pub(crate) struct Checked(OnceLock<Mark>);

/// What a check leaves at everything it found to be sound.
#[derive(Debug, Clone, Default)]
pub(super) struct Mark(Arc<Found>);

#[derive(Debug, Default)]
struct Found {
    sound: AtomicBool,
    warnings: OnceLock<Vec<Warning>>,
}

impl Checked {
    pub(crate) const fn not_yet() -> Self {
        Self(OnceLock::new())
    }

    /// Whether it is known to be sound. Asked at every run: two loads.
    #[inline]
    pub(crate) fn is_done(&self) -> bool {
        self.0.get().is_some_and(|mark| mark.0.sound.load(Ordering::Acquire))
    }

    /// Checks the chain, unless that was done: an error every time for as long as it cannot work.
    #[inline]
    pub(crate) fn once(&self, describe: impl FnOnce() -> Description) -> Result<()> {
        if self.is_done() {
            return Ok(());
        }
        self.now(describe)
    }

    /// What its check had to say. Nothing, if it was a part of a chain that was checked as a whole: the chain has it.
    pub(crate) fn warnings(&self) -> &[Warning] {
        self.0.get().and_then(|mark| mark.0.warnings.get()).map_or(&[], Vec::as_slice)
    }

    #[cold]
    fn now(&self, describe: impl FnOnce() -> Description) -> Result<()> {
        let chain = describe();
        let verdict = examine(&chain)?;
        // Whoever was quicker found the same. They are there before anybody can see that the check was made.
        let own = self.mark();
        let _ = own.0.warnings.set(verdict.warnings);
        verdict.sound.into_iter().for_each(Mark::set);
        own.set();
        Ok(())
    }

    pub(super) fn mark(&self) -> &Mark {
        self.0.get_or_init(Mark::default)
    }
}

impl Clone for Checked {
    fn clone(&self) -> Self {
        Self(OnceLock::from(self.mark().clone()))
    }
}

impl Mark {
    pub(super) fn set(&self) {
        self.0.sound.store(true, Ordering::Release);
    }
}
