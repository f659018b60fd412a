//! [`RunnableSequence`]: steps one after the other.

use std::any::TypeId;
use std::future::Future;
use std::ops::BitOr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;
use serde_json::Value;

use crate::description::{Checked, Description, Label};
use crate::error::{Error, Result};
use crate::run::config::RunConfig;
use crate::run::watch;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::step::watched;
use crate::steps::into_runnable::IntoRunnable;
use crate::stream::accepts::Accepts;
use crate::stream::chunks::Chunks;
use crate::stream::exit::Names;

/// Steps one after the other, the output of each converted into the input of the next: `a | b | c`, or
/// [`a.pipe(b)`](crate::RunnableExt::pipe).
///
/// Up to eight steps stand side by side in one sequence; a longer chain is a sequence that begins with a sequence.
#[derive(Debug, Clone)]
pub struct RunnableSequence<Steps> {
    steps: Steps,
    checked: Checked,
}

impl<A, B> RunnableSequence<(A, B)> {
    /// `first | second`.
    pub const fn new(first: A, second: B) -> Self {
        Self { steps: (first, second), checked: Checked::not_yet() }
    }
}

impl<Steps> RunnableSequence<Steps> {
    fn warn(&self, config: &RunConfig) {
        watch::warn(config, self.checked.warnings());
    }
}

/// A sequence and its future, for each number of steps. The future is one of its own and not an async block: those nest
/// so deep in a long chain that the compiler gives up.
macro_rules! sequence {
    (
        $future:ident $projection:ident $steps:ty, $starting:ty;
        first $first:ident $first_index:tt $first_future:ident
        $(then $step:ident $index:tt $future_of:ident $start:ident $starts:ident $place:tt after $before:ident $before_index:tt)+
        last $last:ident $last_index:tt
    ) => {
        impl<$first, $($step),+> Runnable for RunnableSequence<$steps>
        where
            $first: Runnable,
            $($step: Runnable<Input: Accepts<$before::Output>>,)+
        {
            type Input = $first::Input;
            type Output = $last::Output;

            fn call<'a>(
                &'a self,
                input: $first::Input,
                config: &'a RunConfig,
            ) -> impl Future<Output = Result<$last::Output>> + Send {
                $future::new(
                    self,
                    config,
                    input,
                    |steps, input, config| steps.$first_index.call(input, config),
                    $(|steps, between, config| steps.$index.call($step::Input::accept(between), config),)+
                )
            }

            fn call_stream<'a>(
                &'a self,
                input: Chunks<'a, $first::Input>,
                config: &'a RunConfig,
            ) -> Chunks<'a, $last::Output> {
                if let Err(error) = self.checked.once(|| self.describe()) {
                    return Chunks::failed(error);
                }
                self.warn(config);
                let chunks = stream(config, &self.steps.$first_index, input);
                $(let chunks = stream(config, &self.steps.$index, chunks.convert());)+
                chunks
            }

            fn label(&self) -> Option<Label<'_>> {
                None
            }

            fn describe(&self) -> Description {
                let chain = self.steps.$first_index.describe();
                $(let chain = Description::sequence(
                    bare_before_json::<$before::Output, $step::Input>(chain),
                    self.steps.$index.describe(),
                );)+
                chain.with_checked(&self.checked)
            }
        }

        pin_project! {
            #[project = $projection]
            enum $future<'a, $first, $($step,)+ $first_future, $($future_of, $start,)+ T> {
                $first {
                    #[pin]
                    running: $first_future,
                    rest: Rest<'a, $steps, $starting>,
                },
                $($step {
                    #[pin]
                    running: $future_of,
                    rest: Rest<'a, $steps, $starting>,
                },)+
                Boxed { running: BoxFuture<'a, Result<T>> },
                Failed { error: Option<Error> },
            }
        }

        impl<'a, $first, $($step,)+ $first_future, $($future_of, $start,)+>
            $future<'a, $first, $($step,)+ $first_future, $($future_of, $start,)+ $last::Output>
        where
            $first: Runnable,
            $($step: Runnable<Input: Accepts<$before::Output>>,)+
            $first_future: Future<Output = Result<$first::Output>> + Send,
            $(
                $future_of: Future<Output = Result<$step::Output>> + Send,
                $start: Fn(&'a $steps, $before::Output, &'a RunConfig) -> $future_of + Copy,
            )+
        {
            #[inline]
            #[allow(clippy::too_many_arguments, reason = "one way to start each step")]
            fn new(
                sequence: &'a RunnableSequence<$steps>,
                config: &'a RunConfig,
                input: $first::Input,
                first: impl FnOnce(&'a $steps, $first::Input, &'a RunConfig) -> $first_future,
                $($starts: $start,)+
            ) -> Self {
                if let Err(error) = sequence.checked.once(|| sequence.describe()) {
                    return Self::Failed { error: Some(error) };
                }
                let steps = &sequence.steps;
                if config.watches() {
                    let running = Box::pin(async move {
                        sequence.warn(config);
                        let between = watched::within(config, &steps.$first_index, input).await?;
                        $(let between = watched::within(config, &steps.$index, $step::Input::accept(between)).await?;)+
                        Ok(between)
                    });
                    return Self::Boxed { running };
                }
                let running = first(steps, input, config);
                Self::$first { running, rest: Rest { steps, config, starts: ($($starts,)+) } }
            }
        }

        impl<'a, $first, $($step,)+ $first_future, $($future_of, $start,)+> Future
            for $future<'a, $first, $($step,)+ $first_future, $($future_of, $start,)+ $last::Output>
        where
            $first: Runnable,
            $($step: Runnable<Input: Accepts<$before::Output>>,)+
            $first_future: Future<Output = Result<$first::Output>> + Send,
            $(
                $future_of: Future<Output = Result<$step::Output>> + Send,
                $start: Fn(&'a $steps, $before::Output, &'a RunConfig) -> $future_of + Copy,
            )+
        {
            type Output = Result<$last::Output>;

            #[inline]
            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                loop {
                    match self.as_mut().project() {
                        $($projection::$before { running, rest } => match ready!(running.poll(cx)) {
                            Ok(between) => {
                                let rest = *rest;
                                let running = (rest.starts.$place)(rest.steps, between, rest.config);
                                self.set(Self::$step { running, rest });
                            }
                            Err(error) => return Poll::Ready(Err(rest.steps.$before_index.name_error(error))),
                        },)+
                        $projection::$last { running, rest } => match ready!(running.poll(cx)) {
                            Err(error) => return Poll::Ready(Err(rest.steps.$last_index.name_error(error))),
                            done => return Poll::Ready(done),
                        },
                        $projection::Boxed { running } => return running.as_mut().poll(cx),
                        $projection::Failed { error } => match error.take() {
                            Some(error) => return Poll::Ready(Err(error)),
                            None => return Poll::Pending,
                        },
                    }
                }
            }
        }
    };
}

/// What a sequence needs for the steps that are left.
struct Rest<'a, Steps, Starts> {
    steps: &'a Steps,
    config: &'a RunConfig,
    /// How each step but the first is started.
    starts: Starts,
}

impl<Steps, Starts: Copy> Clone for Rest<'_, Steps, Starts> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Steps, Starts: Copy> Copy for Rest<'_, Steps, Starts> {}

sequence! {
    Joined2 Joined2Projection (A, B), (SB,);
    first A 0 FA
    then B 1 FB SB start_b 0 after A 0
    last B 1
}
sequence! {
    Joined3 Joined3Projection (A, B, C), (SB, SC,);
    first A 0 FA
    then B 1 FB SB start_b 0 after A 0
    then C 2 FC SC start_c 1 after B 1
    last C 2
}
sequence! {
    Joined4 Joined4Projection (A, B, C, D), (SB, SC, SD,);
    first A 0 FA
    then B 1 FB SB start_b 0 after A 0
    then C 2 FC SC start_c 1 after B 1
    then D 3 FD SD start_d 2 after C 2
    last D 3
}
sequence! {
    Joined5 Joined5Projection (A, B, C, D, E), (SB, SC, SD, SE,);
    first A 0 FA
    then B 1 FB SB start_b 0 after A 0
    then C 2 FC SC start_c 1 after B 1
    then D 3 FD SD start_d 2 after C 2
    then E 4 FE SE start_e 3 after D 3
    last E 4
}
sequence! {
    Joined6 Joined6Projection (A, B, C, D, E, F), (SB, SC, SD, SE, SF,);
    first A 0 FA
    then B 1 FB SB start_b 0 after A 0
    then C 2 FC SC start_c 1 after B 1
    then D 3 FD SD start_d 2 after C 2
    then E 4 FE SE start_e 3 after D 3
    then F 5 FF SF start_f 4 after E 4
    last F 5
}
sequence! {
    Joined7 Joined7Projection (A, B, C, D, E, F, G), (SB, SC, SD, SE, SF, SG,);
    first A 0 FA
    then B 1 FB SB start_b 0 after A 0
    then C 2 FC SC start_c 1 after B 1
    then D 3 FD SD start_d 2 after C 2
    then E 4 FE SE start_e 3 after D 3
    then F 5 FF SF start_f 4 after E 4
    then G 6 FG SG start_g 5 after F 5
    last G 6
}
sequence! {
    Joined8 Joined8Projection (A, B, C, D, E, F, G, H), (SB, SC, SD, SE, SF, SG, SH,);
    first A 0 FA
    then B 1 FB SB start_b 0 after A 0
    then C 2 FC SC start_c 1 after B 1
    then D 3 FD SD start_d 2 after C 2
    then E 4 FE SE start_e 3 after D 3
    then F 5 FF SF start_f 4 after E 4
    then G 6 FG SG start_g 5 after F 5
    then H 7 FH SH start_h 6 after G 6
    last H 7
}

/// `|` and `.pipe(…)` on a sequence, which is lengthened until it is as long as one can be.
macro_rules! lengthen {
    ($($step:ident $index:tt),+ => $last:ident) => {
        impl<$($step,)+ Next> BitOr<Next> for RunnableSequence<($($step,)+)>
        where
            Self: Runnable,
            $last: Runnable,
            Next: Runnable<Input: Accepts<$last::Output>>,
        {
            type Output = RunnableSequence<($($step,)+ Next)>;

            fn bitor(self, next: Next) -> Self::Output {
                RunnableSequence { steps: ($(self.steps.$index,)+ next), checked: Checked::not_yet() }
            }
        }

        impl<$($step),+> RunnableSequence<($($step,)+)> {
            /// `self | next`: see [`RunnableExt::pipe`](crate::RunnableExt::pipe).
            pub fn pipe<Next, Marker>(self, next: Next) -> RunnableSequence<($($step,)+ Next::Runnable)>
            where
                Self: Runnable,
                $last: Runnable,
                Next: IntoRunnable<Marker>,
                <Next::Runnable as Runnable>::Input: Accepts<$last::Output>,
            {
                let next = next.into_runnable();
                RunnableSequence { steps: ($(self.steps.$index,)+ next), checked: Checked::not_yet() }
            }
        }
    };
}

lengthen!(A 0, B 1 => B);
lengthen!(A 0, B 1, C 2 => C);
lengthen!(A 0, B 1, C 2, D 3 => D);
lengthen!(A 0, B 1, C 2, D 3, E 4 => E);
lengthen!(A 0, B 1, C 2, D 3, E 4, F 5 => F);
lengthen!(A 0, B 1, C 2, D 3, E 4, F 5, G 6 => G);

impl<A, B, C, D, E, F, G, H, Next> BitOr<Next> for RunnableSequence<(A, B, C, D, E, F, G, H)>
where
    Self: Runnable<Output = H::Output>,
    H: Runnable,
    Next: Runnable<Input: Accepts<H::Output>>,
{
    type Output = RunnableSequence<(Self, Next)>;

    fn bitor(self, next: Next) -> Self::Output {
        RunnableSequence::new(self, next)
    }
}

/// Text and numbers have no keys, whatever is known of the step that gives them.
fn bare_before_json<Given: 'static, Taken: 'static>(mut chain: Description) -> Description {
    if meets_json::<Given, Taken>() {
        chain.set_bare_output();
    }
    chain
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
