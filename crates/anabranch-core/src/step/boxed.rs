//! [`BoxRunnable`]: the one erased type.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use typewit::TypeEq;

use crate::description::{Description, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::into_input::{IntoInput, chunks_of};
use crate::step::runnable::Runnable;
use crate::step::stream::{opened, stream_of};
use crate::stream::chunks::Chunks;

/// A runnable whose type is erased, cheap to clone: for fields, lists of chains, and functions that return one of
/// several. Made by [`.boxed()`](crate::RunnableExt::boxed).
pub struct BoxRunnable<I, O>(Arc<dyn Erased<I, O>>);

trait Erased<I, O>: Send + Sync {
    fn call<'a>(&'a self, input: I, config: &'a RunConfig) -> BoxFuture<'a, Result<O>>;
    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O>;
    fn label(&self) -> Option<Label<'_>>;
    fn describe(&self) -> Description;
}

impl<R: Runnable> Erased<R::Input, R::Output> for R {
    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> BoxFuture<'a, Result<R::Output>> {
        Box::pin(Runnable::call(self, input, config))
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        Runnable::call_stream(self, input, config)
    }

    fn label(&self) -> Option<Label<'_>> {
        Runnable::label(self)
    }

    fn describe(&self) -> Description {
        Runnable::describe(self)
    }
}

impl<I: Send + 'static, O: Send + 'static> BoxRunnable<I, O> {
    /// Erases the type of a runnable. One that is erased already stays as it is.
    pub fn new<R: Runnable<Input = I, Output = O> + 'static>(runnable: R) -> Self {
        match TypeEq::<R, Self>::with_any() {
            Some(same) => same.to_right(runnable),
            None => Self(Arc::new(runnable)),
        }
    }

    /// Erases the type of a runnable that somebody else keeps, too.
    pub(crate) fn shared<R: Runnable<Input = I, Output = O> + 'static>(runnable: Arc<R>) -> Self {
        Self(runnable)
    }

    /// A stream that owns its chain, for web handlers and tasks that outlive the scope they start in.
    pub fn stream_owned<Input, Marker>(&self, input: Input, config: RunConfig) -> Chunks<'static, O>
    where
        Input: IntoInput<I, Marker>,
    {
        opened(stream_of(config.started().unwrap_or(config), Arc::new(self.clone()), chunks_of(input)))
    }

    /// [`call`](Runnable::call), boxed as it is anyway.
    pub(crate) fn start<'a>(&'a self, input: I, config: &'a RunConfig) -> BoxFuture<'a, Result<O>> {
        self.0.call(input, config)
    }
}

impl<I: Send + 'static, O: Send + 'static> Runnable for BoxRunnable<I, O> {
    type Input = I;
    type Output = O;

    fn call<'a>(&'a self, input: I, config: &'a RunConfig) -> impl Future<Output = Result<O>> + Send {
        self.0.call(input, config)
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        self.0.call_stream(input, config)
    }

    fn label(&self) -> Option<Label<'_>> {
        self.0.label()
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }
}

impl<I, O> Clone for BoxRunnable<I, O> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I, O> fmt::Debug for BoxRunnable<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BoxRunnable").field(&self.0.describe().name).finish()
    }
}
