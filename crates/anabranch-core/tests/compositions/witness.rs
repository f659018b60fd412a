//! A step that knows how the one in it may fail, and how not.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use anabranch_core::describe::{Description, Label};
use anabranch_core::{BoxRunnable, Chunks, Error, Result, RunConfig, Runnable};
use futures::Stream;

use crate::joint::Joint;
use crate::script::FAILED;
use crate::world::World;

/// What is known of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Whoever wants the whole of it gets it: what fails in it is tried again.
    GivesTheWhole,
    /// So does who reads it chunk by chunk, since a step in it wants the whole of what fails.
    Gives,
    /// So many of its parts fail at the same moment.
    AllFail(usize),
}

/// A step of which something is known.
pub struct Witness<T> {
    pub step: BoxRunnable<T, T>,
    /// The leaf it is about.
    pub leaf: u32,
    pub known: Known,
    pub world: Arc<World>,
}

impl<T> Witness<T> {
    fn look(&self, error: &Error, whole: bool) {
        let ours = error.message() == FAILED && error.path().last() == Some(&*format!("leaf {}", self.leaf));
        // Where time is short nothing is tried again.
        if !ours || error.to_string().contains("not retried") {
            return;
        }
        let path = || error.to_string();
        match self.known {
            Known::GivesTheWhole if !whole => {}
            Known::GivesTheWhole | Known::Gives => {
                self.world.is_wrong(format!("who wants the whole does not get it: {}", path()));
            }
            Known::AllFail(parts) => {
                let told = error.related().len() + 1;
                if told != parts {
                    self.world.is_wrong(format!("{told} failures of {parts} are told: {}", path()));
                }
            }
        }
    }
}

impl<T: Joint> Runnable for Witness<T> {
    type Input = T;
    type Output = T;

    async fn call(&self, input: T, config: &RunConfig) -> Result<T> {
        config.run(&self.step, input).await.inspect_err(|error| self.look(error, true))
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, T>, config: &'a RunConfig) -> Chunks<'a, T> {
        let chunks = config.stream(&self.step, input);
        let law = chunks.merge();
        Chunks::new(Witnessed { chunks, witness: self }, law)
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        self.step.describe()
    }
}

struct Witnessed<'a, T> {
    chunks: Chunks<'a, T>,
    witness: &'a Witness<T>,
}

impl<T: Joint> Stream for Witnessed<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let next = ready!(Pin::new(&mut self.chunks).poll_next(cx));
        if let Some(Err(error)) = &next {
            self.witness.look(error, false);
        }
        Poll::Ready(next)
    }
}
