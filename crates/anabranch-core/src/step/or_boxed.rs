//! [`OrBoxed`]: a future that stands in its place, or a boxed one for what happens seldom.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;

pin_project! {
    /// Wrappers are made of it where the usual way should allocate nothing. (An async block around the future of a step
    /// would do, too, but the compiler gives up where many stand inside each other.)
    #[project = OrBoxedProjection]
    pub(crate) enum OrBoxed<'a, F, T> {
        InPlace { #[pin] running: F },
        Boxed { running: BoxFuture<'a, T> },
    }
}

impl<F: Future> Future for OrBoxed<'_, F, F::Output> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            OrBoxedProjection::InPlace { running } => running.poll(cx),
            OrBoxedProjection::Boxed { running } => running.as_mut().poll(cx),
        }
    }
}
