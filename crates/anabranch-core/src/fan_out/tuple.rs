//! A tuple of runnables is a runnable that gives a tuple: the fan-out without JSON.

use std::future::Future;
use std::task::Poll;

use crate::description::{Composed, Description, Gives, Kind, Label};
use crate::error::Result;
use crate::fan_out::join;
use crate::run::config::RunConfig;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::work::panics::poll_caught;
use crate::work::task::drop_and_wait;

/// One step of a tuple: its place is its name.
struct Place<'a, R> {
    step: &'a R,
    index: usize,
}

impl<R: Runnable> Runnable for Place<'_, R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        run(config, self.step, input)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::BRANCH, format!("tuple {}", self.index)))
    }
}

macro_rules! runnable_tuple {
    ($count:literal: $first:ident $first_index:tt $first_done:ident, $($rest:ident $index:tt $done:ident),+) => {
        /// Each step on the same input, all at once; a tuple of their outputs. The first failure in time stops the
        /// others. A tuple has no partial form, so its stream has one chunk.
        ///
        /// The orphan rule keeps a tuple from the left of a `|`; use [`.pipe(…)`](crate::RunnableExt::pipe) there.
        impl<$first, $($rest),+> Runnable for ($first, $($rest),+)
        where
            $first: Runnable<Input: Clone>,
            $($rest: Runnable<Input = $first::Input>),+
        {
            type Input = $first::Input;
            type Output = ($first::Output, $($rest::Output),+);

            async fn call(&self, input: $first::Input, config: &RunConfig) -> Result<Self::Output> {
                $(let $done = {
                    let (input, place) = (input.clone(), Place { step: &self.$index, index: $index });
                    Box::pin(async move { run(config, &place, input).await })
                };)+
                let $first_done = {
                    let place = Place { step: &self.$first_index, index: $first_index };
                    Box::pin(async move { run(config, &place, input).await })
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

            /// The steps are named; the tuple itself is not.
            fn label(&self) -> Option<Label<'_>> {
                None
            }

            fn describe(&self) -> Description {
                Description::new(Kind::TUPLE, concat!("tuple of ", $count))
                    .gives(Gives::Unknown)
                    .with_children(Composed::AllOf, [self.$first_index.describe(), $(self.$index.describe()),+])
            }
        }
    };
    (@poll $failures:ident $outputs:ident $running:ident $cx:ident $($index:tt)+) => {
        $(if $outputs.$index.is_none() {
            match poll_caught(|| $running.$index.as_mut().poll($cx)) {
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
