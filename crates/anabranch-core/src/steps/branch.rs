//! [`RunnableBranch`]: the first chain whose condition holds.

use std::fmt;
use std::sync::Arc;

use crate::description::{Composed, Description, Gives, Kind, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::boxed::BoxRunnable;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::stream::chunks::Chunks;

/// Runs the first body whose condition holds, or the default.
///
/// Conditions are asked in order, and no further than the first that holds. Only the chosen body runs, and it
/// streams.
///
/// ```
/// use anabranch_core::{RunnableBranch, RunnableExt, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let sign = RunnableBranch::when(|n: &i64| *n > 0, lambda(async |_: i64| Ok("plus")))
///     .or_when(|n: &i64| *n < 0, lambda(async |_: i64| Ok("minus")))
///     .otherwise(lambda(async |_: i64| Ok("zero")));
///
/// assert_eq!(sign.batch([7_i64, -7, 0]).await?, ["plus", "minus", "zero"]);
/// # Ok(()) }
/// ```
///
/// A condition that has to ask a model is a runnable that gives a `bool`: see
/// [`when_runnable`](RunnableBranch::when_runnable).
pub struct RunnableBranch<I, O> {
    arms: Arc<Vec<Arm<I, O>>>,
    default: BoxRunnable<I, O>,
}

/// A [`RunnableBranch`] that still lacks its default.
pub struct BranchArms<I, O> {
    arms: Vec<Arm<I, O>>,
}

struct Arm<I, O> {
    condition: Condition<I>,
    body: BoxRunnable<I, O>,
}

enum Condition<I> {
    Function(Box<dyn Fn(&I) -> bool + Send + Sync>),
    Runnable { ask: BoxRunnable<I, bool>, copy: fn(&I) -> I },
}

impl<I: Send + Sync + 'static, O: Send + 'static> RunnableBranch<I, O> {
    /// The first condition and its body.
    pub fn when(
        condition: impl Fn(&I) -> bool + Send + Sync + 'static,
        body: impl Runnable<Input = I, Output = O> + 'static,
    ) -> BranchArms<I, O> {
        BranchArms { arms: Vec::new() }.or_when(condition, body)
    }

    /// The first condition, as a runnable, and its body.
    pub fn when_runnable(
        condition: impl Runnable<Input = I, Output = bool> + 'static,
        body: impl Runnable<Input = I, Output = O> + 'static,
    ) -> BranchArms<I, O>
    where
        I: Clone,
    {
        BranchArms { arms: Vec::new() }.or_when_runnable(condition, body)
    }

    async fn choose(&self, input: &I, config: &RunConfig) -> Result<&BoxRunnable<I, O>> {
        for arm in self.arms.iter() {
            let holds = match &arm.condition {
                Condition::Function(function) => function(input),
                Condition::Runnable { ask, copy } => run(config, ask, copy(input)).await?,
            };
            if holds {
                return Ok(&arm.body);
            }
        }
        Ok(&self.default)
    }
}

impl<I: Send + Sync + 'static, O: Send + 'static> BranchArms<I, O> {
    /// A further condition and its body.
    #[must_use]
    pub fn or_when(
        mut self,
        condition: impl Fn(&I) -> bool + Send + Sync + 'static,
        body: impl Runnable<Input = I, Output = O> + 'static,
    ) -> Self {
        self.arms.push(Arm { condition: Condition::Function(Box::new(condition)), body: BoxRunnable::new(body) });
        self
    }

    /// A further condition, as a runnable, and its body.
    #[must_use]
    pub fn or_when_runnable(
        mut self,
        condition: impl Runnable<Input = I, Output = bool> + 'static,
        body: impl Runnable<Input = I, Output = O> + 'static,
    ) -> Self
    where
        I: Clone,
    {
        let condition = Condition::Runnable { ask: BoxRunnable::new(condition), copy: I::clone };
        self.arms.push(Arm { condition, body: BoxRunnable::new(body) });
        self
    }

    /// What runs when no condition holds.
    pub fn otherwise(self, default: impl Runnable<Input = I, Output = O> + 'static) -> RunnableBranch<I, O> {
        RunnableBranch { arms: Arc::new(self.arms), default: BoxRunnable::new(default) }
    }
}

impl<I: Send + Sync + 'static, O: Send + 'static> Runnable for RunnableBranch<I, O> {
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        let body = self.choose(&input, config).await?;
        run(config, body, input).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        Chunks::deferred(async move {
            let input = input.collect().await?;
            let body = self.choose(&input, config).await?;
            Ok(stream(config, body, Chunks::once(input)))
        })
    }

    /// The bodies are named; the branch itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let conditions = self.arms.iter().map(|arm| match &arm.condition {
            // It stands before the others, so that it is not they that are certain to be asked.
            Condition::Function(_) => Description::new(Kind::LAMBDA, "condition"),
            Condition::Runnable { ask, .. } => ask.describe(),
        });
        let bodies = self.arms.iter().map(|arm| arm.body.describe()).chain([self.default.describe()]);
        Description::new(Kind::CHOICE, "branch")
            .gives(Gives::Children)
            .with_conditions(conditions)
            .with_children(Composed::OneOf, bodies)
    }
}

impl<I, O> Clone for RunnableBranch<I, O> {
    fn clone(&self) -> Self {
        Self { arms: self.arms.clone(), default: self.default.clone() }
    }
}

impl<I, O> fmt::Debug for RunnableBranch<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunnableBranch").field("arms", &self.arms.len()).finish_non_exhaustive()
    }
}

impl<I, O> fmt::Debug for BranchArms<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BranchArms").field("arms", &self.arms.len()).finish_non_exhaustive()
    }
}

pipe_operator!(impl<I, O> for RunnableBranch<I, O> where I: Send + Sync + 'static, O: Send + 'static);
