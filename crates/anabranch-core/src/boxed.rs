//! [`BoxRunnable`]: the one erased type.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use crate::error::Result;
use crate::pipe_operator;
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// A runnable whose type is erased, cheap to clone: for fields, lists of chains, and functions that return one of
/// several. Made by [`.boxed()`](Runnable::boxed).
pub struct BoxRunnable<I, O>(Arc<dyn Erased<I, O>>);

trait Erased<I, O>: Send + Sync {
    fn invoke<'a>(&'a self, input: I, config: &'a RunConfig) -> BoxFuture<'a, Result<O>>;
    fn transform<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O>;
    fn label(&self) -> Option<Label<'_>>;
    fn describe(&self) -> Description;
}

impl<R: Runnable> Erased<R::Input, R::Output> for R {
    fn invoke<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> BoxFuture<'a, Result<R::Output>> {
        Box::pin(self.invoke_with(input, config))
    }

    fn transform<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        self.transform_with(input, config)
    }

    fn label(&self) -> Option<Label<'_>> {
        Runnable::label(self)
    }

    fn describe(&self) -> Description {
        Runnable::describe(self)
    }
}

impl<I: Send + 'static, O: Send + 'static> BoxRunnable<I, O> {
    /// Erases the type of a runnable.
    pub fn new(runnable: impl Runnable<Input = I, Output = O> + 'static) -> Self {
        Self(Arc::new(runnable))
    }

    /// [`invoke_with`](Runnable::invoke_with), boxed as it is anyway.
    pub(crate) fn call<'a>(&'a self, input: I, config: &'a RunConfig) -> BoxFuture<'a, Result<O>> {
        self.0.invoke(input, config)
    }

    /// A stream that owns its chain, for web handlers and tasks that outlive the scope they start in.
    pub fn stream_owned(&self, input: impl Into<I>, config: RunConfig) -> Chunks<'static, O> {
        Arc::new(self.clone()).stream_owned(input, config)
    }
}

impl<I: Send + 'static, O: Send + 'static> Runnable for BoxRunnable<I, O> {
    type Input = I;
    type Output = O;

    async fn invoke_with(&self, input: I, config: &RunConfig) -> Result<O> {
        self.0.invoke(input, config).await
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        self.0.transform(input, config)
    }

    fn label(&self) -> Option<Label<'_>> {
        self.0.label()
    }

    fn describe(&self) -> Description {
        self.0.describe()
    }

    fn boxed(self) -> BoxRunnable<I, O> {
        self
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

pipe_operator!(impl<I, O> for BoxRunnable<I, O> where I: Send + 'static, O: Send + 'static);
