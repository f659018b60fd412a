//! [`CircuitBreaker`]: when a step that fails and fails is left alone for a while.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// Leaves a step alone for a while when it fails and fails: see
/// [`RunnableExt::with_circuit_breaker`](crate::RunnableExt::with_circuit_breaker). Clones share it, so one breaker can
/// stand before everything that calls the same server. A builder method makes another one, closed.
#[derive(Clone)]
pub struct CircuitBreaker {
    settings: Settings,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug, Clone, Copy)]
struct Settings {
    failures: u32,
    open_for: Duration,
    probes: u32,
}

/// What a [`CircuitBreaker`] does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CircuitState {
    /// It lets all through.
    Closed,
    /// It lets none through.
    Open,
    /// It lets a few through, to see whether the step works again.
    HalfOpen,
}

struct Shared {
    phase: Phase,
    /// Counts changes of the phase: a call that began in an earlier one has no say in the present one.
    era: u64,
}

enum Phase {
    Closed { failures: u32 },
    Open { until: Instant },
    HalfOpen { probing: u32 },
}

impl CircuitBreaker {
    /// Opens after 5 failures in a row, for 30 seconds, then lets one probe through at a time.
    #[must_use]
    pub fn new() -> Self {
        Self::with(Settings { failures: 5, open_for: Duration::from_secs(30), probes: 1 })
    }

    /// Opens after so many failures in a row. Zero counts as one.
    #[must_use]
    pub fn failures(self, failures: u32) -> Self {
        Self::with(Settings { failures: failures.max(1), ..self.settings })
    }

    /// How long it stays open before it lets a probe through.
    #[must_use]
    pub fn open_for(self, time: Duration) -> Self {
        Self::with(Settings { open_for: time, ..self.settings })
    }

    /// How many probes may be under way at once while it is half open. The first that succeeds closes it, the first
    /// that fails opens it again. Zero counts as one.
    #[must_use]
    pub fn probes(self, probes: u32) -> Self {
        Self::with(Settings { probes: probes.max(1), ..self.settings })
    }

    fn with(settings: Settings) -> Self {
        let shared = Shared { phase: Phase::Closed { failures: 0 }, era: 0 };
        Self { settings, shared: Arc::new(Mutex::new(shared)) }
    }

    /// What it does with calls at this moment.
    #[must_use]
    pub fn state(&self) -> CircuitState {
        match self.lock().phase {
            Phase::Closed { .. } => CircuitState::Closed,
            Phase::Open { until } if Instant::now() < until => CircuitState::Open,
            Phase::Open { .. } | Phase::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    /// How many failures in a row there were, while it is closed.
    #[must_use]
    pub fn consecutive_failures(&self) -> u32 {
        match self.lock().phase {
            Phase::Closed { failures } => failures,
            Phase::Open { .. } | Phase::HalfOpen { .. } => self.settings.failures,
        }
    }

    /// Closes it, whatever was before.
    pub fn reset(&self) {
        self.lock().enter(Phase::Closed { failures: 0 });
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call through, or not.
    pub(crate) fn admit(&self) -> Result<Call<'_>> {
        let mut shared = self.lock();
        if let Phase::Open { until } = shared.phase {
            let left = until.saturating_duration_since(Instant::now());
            if !left.is_zero() {
                return Err(open("it is left alone for now").with_retry_after(left));
            }
            shared.enter(Phase::HalfOpen { probing: 0 });
        }
        let probe = match &mut shared.phase {
            Phase::HalfOpen { probing } if *probing >= self.settings.probes => {
                return Err(open("another call is trying whether it works again"));
            }
            Phase::HalfOpen { probing } => {
                *probing += 1;
                true
            }
            _ => false,
        };
        Ok(Call { breaker: self, era: shared.era, probe, ended: false })
    }

    fn opened(&self) -> Phase {
        let now = Instant::now();
        const FAR: Duration = Duration::from_secs(365 * 24 * 3600);
        Phase::Open { until: now.checked_add(self.settings.open_for).unwrap_or_else(|| now + FAR) }
    }
}

#[cold]
fn open(why: &'static str) -> Error {
    Error::new(ErrorKind::CircuitOpen, format!("the step failed too often in a row: {why}"))
}

impl Shared {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.era += 1;
    }
}

/// A call that was let through. Dropped without a verdict, it counts as neither success nor failure.
pub(crate) struct Call<'a> {
    breaker: &'a CircuitBreaker,
    era: u64,
    probe: bool,
    ended: bool,
}

impl Call<'_> {
    pub(crate) fn ended(mut self, error: Option<&Error>) {
        match error {
            None => self.succeeded(),
            Some(error) if counts(error) => self.failed(),
            Some(_) => {}
        }
    }

    fn succeeded(&mut self) {
        self.ended = true;
        let mut shared = self.breaker.lock();
        if shared.era != self.era {
            return;
        }
        match &mut shared.phase {
            Phase::Closed { failures } => *failures = 0,
            _ => shared.enter(Phase::Closed { failures: 0 }),
        }
    }

    #[cold]
    fn failed(&mut self) {
        self.ended = true;
        let mut shared = self.breaker.lock();
        if shared.era != self.era {
            return;
        }
        if let Phase::Closed { failures } = &mut shared.phase {
            *failures += 1;
            if *failures < self.breaker.settings.failures {
                return;
            }
        }
        shared.enter(self.breaker.opened());
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        if self.ended || !self.probe {
            return;
        }
        let mut shared = self.breaker.lock();
        if shared.era == self.era {
            if let Phase::HalfOpen { probing } = &mut shared.phase {
                *probing -= 1;
            }
        }
    }
}

/// Whether the failure says that the server is in trouble. One that came in with the input says nothing.
fn counts(error: &Error) -> bool {
    !error.is_passing()
        && matches!(
            error.kind(),
            ErrorKind::Overloaded
                | ErrorKind::Server
                | ErrorKind::Timeout
                | ErrorKind::Connection
                | ErrorKind::IncompleteStream
        )
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CircuitBreaker").field("state", &self.state()).finish_non_exhaustive()
    }
}
