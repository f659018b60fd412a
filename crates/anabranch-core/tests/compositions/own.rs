//! Steps as users write them, around other steps.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{BoxRunnable, Chunks, Result, RunConfig, Runnable};
use futures::Stream;

use crate::joint::Joint;
use crate::world::World;

#[derive(Debug, Clone, Copy)]
pub enum Around {
    Named,
    Unnamed,
}

/// A step around another, as the documentation says that one is written.
pub struct Own<T> {
    pub step: BoxRunnable<T, T>,
    pub around: Around,
}

impl<T: Joint> Runnable for Own<T> {
    type Input = T;
    type Output = T;

    async fn call(&self, input: T, config: &RunConfig) -> Result<T> {
        config.run(&self.step, input).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, T>, config: &'a RunConfig) -> Chunks<'a, T> {
        config.stream(&self.step, input)
    }

    fn label(&self) -> Option<Label<'_>> {
        match self.around {
            Around::Named => Some(Label::new(Kind::STEP, "own")),
            Around::Unnamed => None,
        }
    }

    fn describe(&self) -> Description {
        Description::around(Kind::STEP, self.step.describe())
    }
}

/// Notes when a step fails after it has handed on a chunk.
pub struct Probe<T> {
    step: BoxRunnable<T, T>,
    world: Arc<World>,
}

impl<T: Joint> Probe<T> {
    pub fn new(step: BoxRunnable<T, T>, world: &Arc<World>) -> Self {
        Self { step, world: world.clone() }
    }
}

impl<T: Joint> Runnable for Probe<T> {
    type Input = T;
    type Output = T;

    async fn call(&self, input: T, config: &RunConfig) -> Result<T> {
        config.run(&self.step, input).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, T>, config: &'a RunConfig) -> Chunks<'a, T> {
        let chunks = config.stream(&self.step, input);
        let law = chunks.merge();
        Chunks::new(Probed { chunks, began: false, world: &self.world }, law)
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        self.step.describe()
    }
}

struct Probed<'a, T> {
    chunks: Chunks<'a, T>,
    began: bool,
    world: &'a World,
}

impl<T: Joint> Stream for Probed<'_, T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<T>>> {
        let next = ready!(Pin::new(&mut self.chunks).poll_next(cx));
        match &next {
            Some(Ok(_)) => self.began = true,
            Some(Err(_)) if self.began => self.world.fail_midway(),
            _ => {}
        }
        Poll::Ready(next)
    }
}
