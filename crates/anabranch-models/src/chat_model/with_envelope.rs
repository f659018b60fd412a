//! [`WithEnvelope`]: answers with what belongs to the exchange.

use std::fmt;

use anabranch_core::describe::Label;
use anabranch_core::{Chunks, Result, RunConfig, Runnable, pipe_operator};
use anabranch_messages::Messages;

use super::ChatModel;
use crate::answer::ChatAnswer;

/// A [`ChatModel`] that gives its answers with their envelope: see [`ChatModel::with_envelope`].
#[derive(Clone)]
pub struct WithEnvelope(pub(super) ChatModel);

impl Runnable for WithEnvelope {
    type Input = Messages;
    type Output = ChatAnswer;

    async fn call(&self, input: Messages, config: &RunConfig) -> Result<ChatAnswer> {
        self.0.answer(input, config).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, Messages>, config: &'a RunConfig) -> Chunks<'a, ChatAnswer> {
        Chunks::new(self.0.chunks(input, config), ChatAnswer::merge())
    }

    fn label(&self) -> Option<Label<'_>> {
        self.0.label()
    }
}

impl fmt::Debug for WithEnvelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WithEnvelope").field(&self.0).finish()
    }
}

pipe_operator!(impl for WithEnvelope);
