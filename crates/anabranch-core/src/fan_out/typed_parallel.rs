//! [`TypedParallel`]: several steps on one input, joined in a struct of yours.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::description::{Checked, Composed, Description, Kind, Label};
use crate::error::{Error, Result};
use crate::fan_out::parallel::branch_name;
use crate::fan_out::together;
use crate::run::config::RunConfig;
use crate::run::watch;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::steps::into_runnable::IntoRunnable;
use crate::stream::chunks::Chunks;
use crate::work::panics::Caught;

/// What [`parallel!`](crate::parallel) gives with the name of a struct: its branches may give values of different types,
/// and every joint is checked by the compiler.
///
/// It runs its branches as a [`RunnableParallel`](crate::RunnableParallel) does: at once on the caller's task, the first
/// failure in time stops the others, limits and observers are the same. It streams as one chunk: a struct has no
/// partial form.
#[derive(Clone)]
pub struct TypedParallel<Branches, Make> {
    branches: Branches,
    make: Make,
    max_concurrency: Option<usize>,
    checked: Checked,
}

/// One branch: a step under the name of its field.
#[derive(Debug, Clone)]
pub struct Keyed<R> {
    key: &'static str,
    /// As it stands in error paths.
    name: String,
    step: R,
}

/// The branches of a [`TypedParallel`].
pub trait Branches {
    /// What they give together.
    type Outputs;
}

/// What a branch takes if it can stand beside one that takes `First`: the same. A trait of its own so that the compiler
/// says so where a branch does not, at its place, and not where the parallel is used.
#[diagnostic::on_unimplemented(
    message = "a branch that takes `{Self}` cannot stand beside one that takes `{First}`",
    label = "the branches of a `parallel!` take one input, and the first takes `{First}`",
    note = "put a step before it that turns one into the other, for instance `lambda(async |input: {First}| ...)`"
)]
pub trait Beside<First> {}

impl<Input> Beside<Input> for Input {}

/// A branch of `parallel!`. The first decides what the input is, and the others are looked at after that is known: so the
/// input stands before the step.
#[doc(hidden)]
pub fn keyed<Input, Step, Marker>(_: PhantomData<Input>, key: &'static str, step: Step) -> Keyed<Step::Runnable>
where
    Step: IntoRunnable<Marker>,
    <Step::Runnable as Runnable>::Input: Beside<Input>,
{
    Keyed { key, name: branch_name(key), step: step.into_runnable() }
}

/// What `parallel!` makes of a struct.
#[doc(hidden)]
pub fn typed_parallel<B, S, Make>(branches: B, make: Make) -> TypedParallel<B, Make>
where
    B: Branches,
    Make: Fn(B::Outputs) -> S + Send + Sync,
{
    TypedParallel { branches, make, max_concurrency: None, checked: Checked::not_yet() }
}

impl<B, Make> TypedParallel<B, Make> {
    /// At most this many branches at once in this parallel. Zero counts as one.
    #[must_use]
    pub fn max_concurrency(mut self, limit: usize) -> Self {
        self.max_concurrency = Some(limit.max(1));
        self
    }

    fn limit(&self, config: &RunConfig) -> usize {
        let own = self.max_concurrency.unwrap_or(usize::MAX);
        config.concurrency_limit().map_or(own, |run| run.min(own))
    }
}

impl<B, Make> fmt::Debug for TypedParallel<B, Make> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TypedParallel")
    }
}

pipe_operator!(impl<B, Make> for TypedParallel<B, Make>);

impl<R: Runnable> Runnable for Keyed<R> {
    type Input = R::Input;
    type Output = R::Output;

    fn call<'a>(&'a self, input: R::Input, config: &'a RunConfig) -> impl Future<Output = Result<R::Output>> + Send {
        Caught::starting(|| run(config, &self.step, input))
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, R::Input>, config: &'a RunConfig) -> Chunks<'a, R::Output> {
        stream(config, &self.step, input)
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::BRANCH, &*self.name))
    }

    fn describe(&self) -> Description {
        Description::around(Kind::BRANCH, self.step.describe()).named(self.key)
    }
}

pin_project! {
    /// The outputs of the branches, made a struct.
    struct Making<'a, F, Make> {
        #[pin]
        running: F,
        make: &'a Make,
        // What was found before a branch begins.
        invalid: Option<Error>,
    }
}

impl<T, S, F: Future<Output = Result<T>>, Make: Fn(T) -> S> Future for Making<'_, F, Make> {
    type Output = Result<S>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<S>> {
        let this = self.project();
        match this.invalid.take() {
            Some(error) => Poll::Ready(Err(error)),
            None => Poll::Ready(ready!(this.running.poll(cx)).map(this.make)),
        }
    }
}

macro_rules! typed_parallel {
    ($together:ident $first:ident $first_index:tt $(, $branch:ident $field:ident $index:tt)*) => {
        impl<$first: Runnable, $($branch: Runnable,)*> Branches for (Keyed<$first>, $(Keyed<$branch>,)*) {
            type Outputs = ($first::Output, $($branch::Output,)*);
        }

        impl<$first, $($branch,)* Joined, Make> Runnable for TypedParallel<(Keyed<$first>, $(Keyed<$branch>,)*), Make>
        where
            $first: Runnable<Input: Clone>,
            $($branch: Runnable<Input = $first::Input>,)*
            Joined: Send + 'static,
            Make: Fn(($first::Output, $($branch::Output,)*)) -> Joined + Send + Sync,
        {
            type Input = $first::Input;
            type Output = Joined;

            fn call<'a>(
                &'a self,
                input: $first::Input,
                config: &'a RunConfig,
            ) -> impl Future<Output = Result<Joined>> + Send {
                $(let $field = run(config, &self.branches.$index, input.clone());)*
                let first = run(config, &self.branches.$first_index, input);
                let running = together::$together::new(self.limit(config), first, $($field,)*);
                let invalid = self.checked.once(|| self.describe()).err();
                watch::warn(config, self.checked.warnings());
                Making { running, make: &self.make, invalid }
            }

            /// The branches are named; the parallel itself is not.
            fn label(&self) -> Option<Label<'_>> {
                None
            }

            fn describe(&self) -> Description {
                let branches = [self.branches.$first_index.describe(), $(self.branches.$index.describe(),)*];
                Description::new(Kind::PARALLEL, "parallel")
                    .with_children(Composed::AllOf, branches)
                    .keyed()
                    .with_checked(&self.checked)
            }
        }
    };
}

typed_parallel!(Together1 A 0);
typed_parallel!(Together2 A 0, B b 1);
typed_parallel!(Together3 A 0, B b 1, C c 2);
typed_parallel!(Together4 A 0, B b 1, C c 2, D d 3);
typed_parallel!(Together5 A 0, B b 1, C c 2, D d 3, E e 4);
typed_parallel!(Together6 A 0, B b 1, C c 2, D d 3, E e 4, F f 5);
typed_parallel!(Together7 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6);
typed_parallel!(Together8 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7);
typed_parallel!(Together9 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8);
typed_parallel!(Together10 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9);
typed_parallel!(Together11 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10);
typed_parallel!(Together12 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11);
typed_parallel!(Together13 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12);
typed_parallel!(Together14 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13);
typed_parallel!(Together15 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14);
typed_parallel!(Together16 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14, P p 15);
typed_parallel!(Together17 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14, P p 15, Q q 16);
typed_parallel!(Together18 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14, P p 15, Q q 16, R r 17);
typed_parallel!(Together19 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14, P p 15, Q q 16, R r 17, S s 18);
typed_parallel!(Together20 A 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14, P p 15, Q q 16, R r 17, S s 18, T t 19);
