//! [`RunnableSequence`]: one step after the other.

use std::any::TypeId;

use serde_json::Value;

use crate::accepts::Accepts;
use crate::error::Result;
use crate::pipe_operator;
use crate::run::check::Checked;
use crate::run::config::RunConfig;
use crate::run::describe::{Description, Gives};
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

/// Two steps, the output of the first converted into the input of the second: `a | b`, or
/// [`a.pipe(b)`](Runnable::pipe).
#[derive(Debug, Clone)]
pub struct RunnableSequence<A, B> {
    first: A,
    second: B,
    checked: Checked,
}

impl<A, B> RunnableSequence<A, B> {
    /// `first | second`.
    pub const fn new(first: A, second: B) -> Self {
        Self { first, second, checked: Checked::not_yet() }
    }
}

impl<A, B> Runnable for RunnableSequence<A, B>
where
    A: Runnable,
    B: Runnable<Input: Accepts<A::Output>>,
{
    type Input = A::Input;
    type Output = B::Output;

    async fn invoke_with(&self, input: A::Input, config: &RunConfig) -> Result<B::Output> {
        self.checked.once(|| self.describe())?;
        let between = config.run(&self.first, input).await?;
        config.run(&self.second, B::Input::accept(between)).await
    }

    fn transform_with<'a>(&'a self, input: Chunks<'a, A::Input>, config: &'a RunConfig) -> Chunks<'a, B::Output> {
        if let Err(error) = self.checked.once(|| self.describe()) {
            return Chunks::failed(error);
        }
        let between = config.stream(&self.first, input).convert();
        config.stream(&self.second, between).leaving_joint()
    }

    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let mut first = self.first.describe();
        if first.gives == Gives::Unknown && meets_json::<A::Output, B::Input>() {
            first.gives = Gives::Bare;
        }
        Description::sequence(first, self.second.describe())
    }
}

/// Whether a step that gives text or a number, and so no object with keys, stands before one that takes JSON.
fn meets_json<Given: 'static, Taken: 'static>() -> bool {
    let given = TypeId::of::<Given>();
    TypeId::of::<Taken>() == TypeId::of::<Value>()
        && [
            TypeId::of::<String>(),
            TypeId::of::<bool>(),
            TypeId::of::<i32>(),
            TypeId::of::<i64>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
            TypeId::of::<f32>(),
            TypeId::of::<f64>(),
        ]
        .contains(&given)
}

pipe_operator!(impl<A, B> for RunnableSequence<A, B> where A: Runnable, B: Runnable<Input: Accepts<A::Output>>);
