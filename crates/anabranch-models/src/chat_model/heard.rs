//! [`Heard`]: what others learn of an answer.

use std::pin::Pin;
use std::task::{Context, Poll};

use anabranch_core::{Error, Result, RunConfig, ServerLimits};
use anabranch_messages::Usage;
use futures_core::Stream;

use crate::answer::ChatAnswer;

/// Tells of an answer: the rate limiters around the model of what it used, when it is over, once, whether it came to its
/// end or was dropped; the observers that want tokens of the text, as it comes. Nobody else tells of tokens.
pub(super) struct Heard<'a> {
    /// `None` where nobody listens.
    config: Option<&'a RunConfig>,
    /// Apart, because few streams have it and all are looked at for every piece.
    used: Option<Box<Usage>>,
}

impl<'a> Heard<'a> {
    pub(super) fn new(config: &'a RunConfig) -> Self {
        let is_heard = |config: &&RunConfig| config.is_rate_limited() || config.wants_tokens();
        Self { config: Some(config).filter(is_heard), used: None }
    }

    /// The same stream, of which this sees the chunks.
    pub(super) fn stream<S>(self, chunks: S) -> HeardStream<'a, S> {
        HeardStream { heard: self, chunks }
    }

    /// An answer, or a chunk of one.
    #[inline]
    pub(super) fn see(&mut self, answer: &ChatAnswer) {
        if let Some(config) = self.config {
            self.tell(answer, config);
        }
    }

    fn tell(&mut self, answer: &ChatAnswer, config: &RunConfig) {
        if config.wants_tokens() {
            config.token(&answer.message.text());
        }
        if !config.is_rate_limited() {
            return;
        }
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

/// See [`Heard::stream`].
pub(super) struct HeardStream<'a, S> {
    heard: Heard<'a>,
    chunks: S,
}

impl<S: Stream<Item = Result<ChatAnswer>> + Unpin> Stream for HeardStream<'_, S> {
    type Item = Result<ChatAnswer>;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<ChatAnswer>>> {
        let this = &mut *self;
        let next = Pin::new(&mut this.chunks).poll_next(context);
        match &next {
            Poll::Ready(Some(Ok(chunk))) => this.heard.see(chunk),
            Poll::Ready(Some(Err(error))) => this.heard.see_failure(error),
            Poll::Ready(None) | Poll::Pending => {}
        }
        next
    }
}

impl Drop for Heard<'_> {
    fn drop(&mut self) {
        if let (Some(config), Some(used)) = (self.config, &self.used) {
            config.units_used(used.total_tokens());
        }
    }
}
