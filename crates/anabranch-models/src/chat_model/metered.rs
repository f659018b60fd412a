//! [`Metered`]: what the rate limiters around a model learn of its answers.

use anabranch_core::{Error, RunConfig, ServerLimits};
use anabranch_messages::Usage;

use crate::answer::ChatAnswer;

/// What an answer used, told when it is over: once, whether it came to its end or was dropped.
pub(super) struct Metered<'a> {
    /// `None` where nobody limits.
    config: Option<&'a RunConfig>,
    used: Option<Usage>,
}

impl<'a> Metered<'a> {
    pub(super) fn new(config: &'a RunConfig) -> Self {
        Self { config: Some(config).filter(|config| config.is_rate_limited()), used: None }
    }

    /// An answer, or a chunk of one.
    pub(super) fn see(&mut self, answer: &ChatAnswer) {
        let Some(config) = self.config else { return };
        if !answer.headers().is_empty() {
            config.server_limits(&answer.server_limits());
        }
        if let Some(usage) = answer.message.usage() {
            match &mut self.used {
                Some(used) => used.update(usage.clone()),
                None => self.used = Some(usage.clone()),
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

impl Drop for Metered<'_> {
    fn drop(&mut self) {
        if let (Some(config), Some(used)) = (self.config, &self.used) {
            config.units_used(used.total_tokens());
        }
    }
}
