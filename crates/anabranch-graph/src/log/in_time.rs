//! [`in_time`]: a store may hang, and a run has its time.

use std::marker::PhantomData;

use anabranch_core::describe::{Kind, Label};
use anabranch_core::{Result, RunConfig, Runnable};
use futures_util::future::BoxFuture;
use tokio::time::Instant;

/// Until when a run lasts that begins now with this configuration, if it has an end.
pub(crate) async fn end_of(config: &RunConfig) -> Result<Option<Instant>> {
    config.run(&End, ()).await
}

/// What a store does, if it does it in time.
pub(crate) async fn in_time<T: Send + 'static>(
    end: Option<Instant>,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match end {
        None => work.await,
        Some(end) => RunConfig::new().deadline_at(end).run(&Store(PhantomData), Box::pin(work)).await,
    }
}

struct End;

impl Runnable for End {
    type Input = ();
    type Output = Option<Instant>;

    async fn call(&self, (): (), config: &RunConfig) -> Result<Option<Instant>> {
        Ok(config.deadline())
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }
}

/// The store as a step: it has a name in errors, and is stopped when the time is up.
struct Store<T>(PhantomData<fn() -> T>);

impl<T: Send + 'static> Runnable for Store<T> {
    type Input = BoxFuture<'static, Result<T>>;
    type Output = T;

    async fn call(&self, work: Self::Input, _: &RunConfig) -> Result<T> {
        work.await
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("store"), "store"))
    }
}
