//! Waiting with an end: timers that are only made where something really waits.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use crate::error::{Error, ErrorKind, Result};

pub(crate) fn sleep_until(moment: Instant) -> Result<Sleep> {
    // Without a runtime tokio would panic.
    match tokio::runtime::Handle::try_current() {
        Ok(_) => Ok(tokio::time::sleep_until(moment)),
        Err(_) => Err(Error::new(
            ErrorKind::Unsupported,
            "waiting needs a tokio runtime: run the chain under `#[tokio::main]`, or with `invoke_blocking`",
        )),
    }
}

/// Polls a timer so that it is heard even when the work beside it has used up the task's share of the processor.
pub(crate) fn poll_timer(timer: Pin<&mut Sleep>, cx: &mut Context<'_>) -> Poll<()> {
    Pin::new(&mut tokio::task::unconstrained(timer)).poll(cx)
}

/// Waits.
pub(crate) async fn pause(wait: Duration) -> Result<()> {
    match Instant::now().checked_add(wait) {
        Some(moment) => sleep_until(moment)?.await,
        None => std::future::pending().await,
    }
    Ok(())
}

/// The output of a future, or nothing if `moment` comes first. Makes no timer for a future that need not wait.
pub(crate) async fn until<F: Future>(moment: Instant, mut running: Pin<&mut F>) -> Result<Option<F::Output>> {
    let mut timer = pin!(None::<Sleep>);
    std::future::poll_fn(|cx| {
        if let Poll::Ready(done) = running.as_mut().poll(cx) {
            return Poll::Ready(Ok(Some(done)));
        }
        if timer.is_none() {
            timer.set(Some(sleep_until(moment)?));
        }
        match timer.as_mut().as_pin_mut() {
            Some(timer) => poll_timer(timer, cx).map(|()| Ok(None)),
            None => Poll::Pending,
        }
    })
    .await
}

#[cfg(test)]
mod tests;
