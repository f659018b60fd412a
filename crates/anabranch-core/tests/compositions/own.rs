//! Steps as users write them, around other steps.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use anabranch_core::describe::{Description, Kind, Label};
use anabranch_core::{BoxRunnable, Chunks, Result, RunConfig, Runnable};
use futures::{Stream, TryStreamExt};

use crate::joint::Joint;
use crate::world::{Limit, World};

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

/// Works on each chunk of its input by itself, with a permit for each, as a step does that asks a model about each word
/// of another's answer. What it hands on is its input.
pub struct EachChunk<T> {
    pub id: u32,
    pub after: u64,
    pub world: Arc<World>,
    pub limits: Vec<Arc<Limit>>,
    pub types: std::marker::PhantomData<fn(T) -> T>,
}

impl<T> EachChunk<T> {
    async fn work(&self, config: &RunConfig) {
        let permit = config.permit().await;
        let work = async {
            let _working = self.world.enter(self.id, &self.limits);
            tokio::time::sleep(Duration::from_millis(self.after)).await;
        };
        permit.during(work).await;
    }
}

impl<T: Joint> Runnable for EachChunk<T> {
    type Input = T;
    type Output = T;

    async fn call(&self, input: T, config: &RunConfig) -> Result<T> {
        self.work(config).await;
        Ok(input)
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, T>, config: &'a RunConfig) -> Chunks<'a, T> {
        let law = input.merge();
        let worked = input.and_then(move |chunk| async move {
            self.work(config).await;
            Ok(chunk)
        });
        Chunks::new(worked, law)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::STEP, format!("leaf {}", self.id)))
    }
}

/// Notes when a step fails after it has handed on a chunk.
pub struct Probe<I, O> {
    step: BoxRunnable<I, O>,
    world: Arc<World>,
}

impl<I: Joint, O: Joint> Probe<I, O> {
    pub fn new(step: BoxRunnable<I, O>, world: &Arc<World>) -> Self {
        Self { step, world: world.clone() }
    }
}

impl<I: Joint, O: Joint> Runnable for Probe<I, O> {
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        config.run(&self.step, input).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
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
