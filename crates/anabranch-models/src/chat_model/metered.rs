//! [`Metered`]: what the rate limiters around a model learn of its answers.

use std::pin::Pin;
use std::task::{Context, Poll};

use anabranch_core::{Error, Result, RunConfig, ServerLimits};
use anabranch_messages::Usage;
use futures_core::Stream;

use crate::answer::ChatAnswer;

/// What an answer used, told when it is over: once, whether it came to its end or was dropped.
pub(super) struct Metered<'a> {
    /// `None` where nobody limits.
    config: Option<&'a RunConfig>,
    /// Apart, because few streams have it and all are looked at for every piece.
    used: Option<Box<Usage>>,
}

impl<'a> Metered<'a> {
    pub(super) fn new(config: &'a RunConfig) -> Self {
        Self { config: Some(config).filter(|config| config.is_rate_limited()), used: None }
    }

    /// The same stream, of which this sees the chunks.
    pub(super) fn stream<S>(self, chunks: S) -> MeteredStream<'a, S> {
        MeteredStream { metered: self, chunks }
    }

    /// An answer, or a chunk of one.
    #[inline]
    pub(super) fn see(&mut self, answer: &ChatAnswer) {
        if let Some(config) = self.config {
            self.count(answer, config);
        }
    }

    fn count(&mut self, answer: &ChatAnswer, config: &RunConfig) {
        if !answer.headers().is_empty() {
            config.server_limits(&answer.server_limits());
        }
        if let Some(usage) = answer.message.usage() {
            match &mut self.used {
                Some(used) => used.update(usage.clone()),
                None => self.used = Some(Box::new(usage.clone())),
            }
        }
    }

    /// No answer, or the end of one: a server that refuses says in the same headers why.
    pub(super) fn see_failure(&mut self, error: &Error) {
        let said = self.config.zip(error.partial::<ServerLimits>());
        if let Some((config, limits)) = said {
            config.server_limits(limits);
        }
    }
}

/// See [`Metered::stream`].
pub(super) struct MeteredStream<'a, S> {
    metered: Metered<'a>,
    chunks: S,
}

impl<S: Stream<Item = Result<ChatAnswer>> + Unpin> Stream for MeteredStream<'_, S> {
    type Item = Result<ChatAnswer>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<ChatAnswer>>> {
        let this = &mut *self;
        let next = Pin::new(&mut this.chunks).poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(chunk))) => this.metered.see(chunk),
            Poll::Ready(Some(Err(error))) => this.metered.see_failure(error),
            Poll::Ready(None) | Poll::Pending => {}
        }
        next
    }
}

impl Drop for Metered<'_> {
    fn drop(&mut self) {
        if let (Some(config), Some(used)) = (self.config, &self.used) {
            config.units_used(used.total_tokens());
        }
    }
}
