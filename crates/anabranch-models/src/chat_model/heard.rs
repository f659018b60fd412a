//! [`heard`]: what others learn of an answer while it is streamed.

use anabranch_core::{Result, RunConfig};
use futures_core::Stream;
use futures_util::StreamExt;

use super::Metered;
use crate::answer::ChatAnswer;

/// A stream of which the rate limiters learn what was used, and the observers that want tokens the text. Nobody else
/// tells of tokens, so each is told once.
pub(super) fn heard<'a>(
    answer: impl Stream<Item = Result<ChatAnswer>> + Send + Unpin + 'a,
    config: &'a RunConfig,
) -> impl Stream<Item = Result<ChatAnswer>> + Send + Unpin + 'a {
    let mut metered = Metered::new(config);
    let tells = config.wants_tokens();
    answer.inspect(move |chunk| match chunk {
        Ok(chunk) => {
            metered.see(chunk);
            if tells {
                config.token(&chunk.message.text());
            }
        }
        Err(error) => metered.see_failure(error),
    })
}
