//! A tuple of runnables is a runnable that gives a tuple: the fan-out without JSON.

use crate::error::Result;
use crate::fan_out::join;
use crate::panics::poll_caught;
use crate::run::config::RunConfig;
use crate::run::describe::{Composed, Description, Gives};
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::steps::spawned::drop_and_wait;
use crate::stream::chunks::Chunks;

use std::task::Poll;

/// One step of a tuple: its place is its name.
struct Place<'a, R> {
    step: &'a R,
    index: usize,
}

impl<R: Runnable> Runnable for Place<'_, R> {
    type Input = R::Input;
    type Output = R::Output;

    fn invoke_with(&self, input: R::Input, config: &RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        config.run(self.step, input)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new("branch", format!("tuple {}", self.index)))
    }
}

macro_rules! runnable_tuple {
    ($count:literal: $first:ident $first_index:tt $first_done:ident, $($rest:ident $index:tt $done:ident),+) => {
        /// Each step on the same input, all at once; a tuple of their outputs. The first failure in time stops the
        /// others. A tuple has no partial form, so its stream has one chunk.
        ///
        /// The orphan rule keeps a tuple from the left of a `|`; use [`.pipe(…)`](Runnable::pipe) there.
        impl<$first, $($rest),+> Runnable for ($first, $($rest),+)
        where
            $first: Runnable<Input: Clone>,
            $($rest: Runnable<Input = $first::Input>),+
        {
            type Input = $first::Input;
            type Output = ($first::Output, $($rest::Output),+);

            async fn invoke_with(&self, input: $first::Input, config: &RunConfig) -> Result<Self::Output> {
                $(let $done = {
                    let (input, place) = (input.clone(), Place { step: &self.$index, index: $index });
                    Box::pin(async move { config.run(&place, input).await })
                };)+
                let $first_done = {
                    let place = Place { step: &self.$first_index, index: $first_index };
                    Box::pin(async move { config.run(&place, input).await })
                };
                let mut running = ($first_done, $($done),+);
                let mut outputs = (None::<$first::Output>, $(None::<$rest::Output>),+);
                let failures = std::future::poll_fn(|cx| {
                    let mut failures = Vec::new();
                    runnable_tuple!(@poll failures outputs running cx $first_index $($index)+);
                    let done = outputs.$first_index.is_some() $(&& outputs.$index.is_some())+;
                    if done || !failures.is_empty() { Poll::Ready(failures) } else { Poll::Pending }
                })
                .await;
                drop_and_wait(running).await;
                match outputs {
                    (Some($first_done), $(Some($done)),+) => Ok(($first_done, $($done),+)),
                    _ => Err(join::first_of(failures)),
                }
            }

            fn transform_with<'a>(
                &'a self,
                input: Chunks<'a, Self::Input>,
                config: &'a RunConfig,
            ) -> Chunks<'a, Self::Output> {
                Chunks::from_future(async move { self.invoke_with(input.collect().await?, config).await })
            }

            /// The steps are named; the tuple itself is not.
            fn label(&self) -> Option<Label<'_>> {
                None
            }

            fn describe(&self) -> Description {
                Description::new("tuple", concat!("tuple of ", $count))
                    .gives(Gives::Unknown)
                    .with_children(Composed::SideBySide, [self.$first_index.describe(), $(self.$index.describe()),+])
            }
        }
    };
    (@poll $failures:ident $outputs:ident $running:ident $cx:ident $($index:tt)+) => {
        $(if $outputs.$index.is_none() {
            match poll_caught($running.$index.as_mut(), $cx) {
                Poll::Ready(Ok(output)) => $outputs.$index = Some(output),
                Poll::Ready(Err(error)) => $failures.push(($index, error)),
                Poll::Pending => {}
            }
        })+
    };
}

runnable_tuple!("2": A 0 a, B 1 b);
runnable_tuple!("3": A 0 a, B 1 b, C 2 c);
runnable_tuple!("4": A 0 a, B 1 b, C 2 c, D 3 d);
runnable_tuple!("5": A 0 a, B 1 b, C 2 c, D 3 d, E 4 e);
runnable_tuple!("6": A 0 a, B 1 b, C 2 c, D 3 d, E 4 e, F 5 f);
runnable_tuple!("7": A 0 a, B 1 b, C 2 c, D 3 d, E 4 e, F 5 f, G 6 g);
runnable_tuple!("8": A 0 a, B 1 b, C 2 c, D 3 d, E 4 e, F 5 f, G 6 g, H 7 h);
