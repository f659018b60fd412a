//! [`Watch`]: what the observers of a run hear of one step.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::description::Warning;
use crate::error::{Error, Result};
use crate::run::config::RunConfig;
use crate::run::observer::{Observer, StepEvent};
use crate::work::drop_reason::drop_reason;

/// Tells the observers how one step goes; says that it was stopped if it is dropped before the end.
#[derive(Debug)]
pub(crate) struct Watch {
    /// The configuration of the step itself: its path is the step's.
    config: RunConfig,
    ended: AtomicBool,
}

impl Watch {
    /// The step begins.
    pub(crate) fn begin(config: RunConfig) -> Self {
        let watch = Self { config, ended: AtomicBool::new(false) };
        watch.tell(|observer, step| observer.started(step));
        watch
    }

    /// The configuration of the step.
    pub(crate) fn config(&self) -> &RunConfig {
        &self.config
    }

    pub(crate) fn chunk(&self) {
        self.tell(|observer, step| observer.chunk(step));
    }

    pub(crate) fn finished(&self) {
        self.ended.store(true, Ordering::Relaxed);
        self.tell(|observer, step| observer.finished(step));
    }

    pub(crate) fn failed(&self, error: &Error) {
        // An error that came in with the input did not happen here: this step never got to run.
        if !error.is_passing() {
            self.ended.store(true, Ordering::Relaxed);
            self.tell(|observer, step| observer.failed(step, error));
        }
    }

    pub(crate) fn ended<T>(&self, done: &Result<T>) {
        match done {
            Ok(_) => self.finished(),
            Err(error) => self.failed(error),
        }
    }

    fn tell(&self, event: impl Fn(&dyn Observer, &StepEvent<'_>)) {
        tell(&self.config, event);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if *self.ended.get_mut() {
            return;
        }
        match drop_reason() {
            Some(error) => self.tell(|observer, step| observer.failed(step, &error)),
            None => self.tell(|observer, step| observer.cancelled(step)),
        }
    }
}

/// Tells the observers something about the step that `config` was handed to. Outside of every step that has a name
/// there is nothing to tell it of.
pub(crate) fn tell(config: &RunConfig, event: impl Fn(&dyn Observer, &StepEvent<'_>)) {
    if let Some(path) = config.path() {
        let step = StepEvent::new(config, path);
        config.observers().iter().for_each(|observer| guarded(observer, |observer| event(observer, &step)));
    }
}

/// Tells the observers what was found before the run.
pub(crate) fn warn(config: &RunConfig, warnings: &[Warning]) {
    for warning in warnings {
        config.observers().iter().for_each(|observer| guarded(observer, |observer| observer.warned(warning)));
    }
}

/// Whether one of the observers wants to hear of tokens.
pub(crate) fn wants_tokens(config: &RunConfig) -> bool {
    let wants = |observer: &Arc<dyn Observer>| {
        let mut wants = false;
        guarded(observer, |observer| wants = observer.wants_tokens());
        wants
    };
    config.observers().iter().any(wants)
}

/// Tells those observers of a token that want them.
pub(crate) fn token(config: &RunConfig, text: &str) {
    if !text.is_empty() {
        tell(config, |observer, step| {
            if observer.wants_tokens() {
                observer.token(step, text);
            }
        });
    }
}

/// An observer that panics must not take the run with it, least of all while one of its steps is dropped. The panic
/// has been reported by the program's hook.
pub(crate) fn guarded(observer: &Arc<dyn Observer>, event: impl FnOnce(&dyn Observer)) {
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| event(&**observer)));
}
