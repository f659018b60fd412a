//! The engine of a fan-out whose branches are known to the compiler: their futures side by side in one, nothing boxed.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::future::BoxFuture;
use pin_project_lite::pin_project;

use crate::error::{Error, Result};
use crate::fan_out::join::first_of;
use crate::work::task::after_drop;

pin_project! {
    /// One branch.
    #[project = BranchProjection]
    enum Branch<F, T> {
        Running { #[pin] running: F },
        Done { output: Option<T> },
        Gone,
    }
}

impl<T, F: Future<Output = Result<T>>> Branch<F, T> {
    /// Lets it go on, if it is not over and the limit leaves room; gives the error it fails with.
    fn go_on(mut self: Pin<&mut Self>, room: &mut usize, cx: &mut Context<'_>) -> Option<Error> {
        let BranchProjection::Running { running } = self.as_mut().project() else { return None };
        if *room == 0 {
            return None;
        }
        match running.poll(cx) {
            Poll::Pending => {
                *room -= 1;
                None
            }
            Poll::Ready(Ok(output)) => {
                self.set(Self::Done { output: Some(output) });
                None
            }
            Poll::Ready(Err(error)) => {
                self.set(Self::Gone);
                Some(error)
            }
        }
    }

    fn take(self: Pin<&mut Self>) -> Option<T> {
        match self.project() {
            BranchProjection::Done { output } => output.take(),
            _ => None,
        }
    }

    fn is_done(&self) -> bool {
        matches!(self, Self::Done { .. })
    }
}

/// What is left of a fan-out that failed: its error, which is told when the tasks of its branches are gone.
type Failed = (Option<Error>, Option<BoxFuture<'static, ()>>);

/// A tuple of futures as one that gives a tuple. The first failure in time stops the others; the failures of the same
/// moment are attached to it in order. At most `limit` of them run at once.
macro_rules! together {
    ($name:ident $($branch:ident $field:ident $output:ident $index:tt),+) => {
        pin_project! {
            pub(crate) struct $name<$($branch, $output,)+> {
                $(#[pin] $field: Branch<$branch, $output>,)+
                limit: usize,
                failed: Option<Failed>,
            }
        }

        impl<$($branch, $output,)+> $name<$($branch, $output,)+> {
            #[allow(clippy::too_many_arguments, reason = "one for each branch")]
            pub(crate) fn new(limit: usize, $($field: $branch,)+) -> Self {
                Self { $($field: Branch::Running { running: $field },)+ limit: limit.max(1), failed: None }
            }
        }

        impl<$($branch, $output,)+> Future for $name<$($branch, $output,)+>
        where
            $($branch: Future<Output = Result<$output>>,)+
        {
            type Output = Result<($($output,)+)>;

            fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                let mut this = self.project();
                if this.failed.is_none() {
                    let mut failures = Vec::new();
                    let mut room = *this.limit;
                    $(failures.extend(this.$field.as_mut().go_on(&mut room, cx).map(|error| ($index, error)));)+
                    if failures.is_empty() {
                        return match ($(this.$field.is_done(),)+) {
                            ($(done!($index),)+) => match ($(this.$field.take(),)+) {
                                ($(Some($field),)+) => Poll::Ready(Ok(($($field,)+))),
                                _ => Poll::Pending,
                            },
                            _ => Poll::Pending,
                        };
                    }
                    // One more look at the others: what failed may have woken them.
                    let mut room = *this.limit;
                    $(failures.extend(this.$field.as_mut().go_on(&mut room, cx).map(|error| ($index, error)));)+
                    let gone = after_drop(|| {
                        $(this.$field.set(Branch::Gone);)+
                    });
                    *this.failed = Some((Some(first_of(failures)), gone));
                }
                let Some((error, gone)) = this.failed else { return Poll::Pending };
                if let Some(gone) = gone {
                    ready!(gone.as_mut().poll(cx));
                }
                match error.take() {
                    Some(error) => Poll::Ready(Err(error)),
                    None => Poll::Pending,
                }
            }
        }
    };
}

macro_rules! done {
    ($index:tt) => {
        true
    };
}

together!(Together1 FA a A 0);
together!(Together2 FA a A 0, FB b B 1);
together!(Together3 FA a A 0, FB b B 1, FC c C 2);
together!(Together4 FA a A 0, FB b B 1, FC c C 2, FD d D 3);
together!(Together5 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4);
together!(Together6 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5);
together!(Together7 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6);
together!(Together8 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7);
together!(Together9 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8);
together!(Together10 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9);
together!(Together11 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10);
together!(Together12 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11);
together!(Together13 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11, FM m M 12);
together!(Together14 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11, FM m M 12, FN n N 13);
together!(Together15 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11, FM m M 12, FN n N 13, FO o O 14);
together!(Together16 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11, FM m M 12, FN n N 13, FO o O 14, FP p P 15);
together!(Together17 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11, FM m M 12, FN n N 13, FO o O 14, FP p P 15, FQ q Q 16);
together!(Together18 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11, FM m M 12, FN n N 13, FO o O 14, FP p P 15, FQ q Q 16, FR r R 17);
together!(Together19 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11, FM m M 12, FN n N 13, FO o O 14, FP p P 15, FQ q Q 16, FR r R 17, FS s S 18);
together!(Together20 FA a A 0, FB b B 1, FC c C 2, FD d D 3, FE e E 4, FF f F 5, FG g G 6, FH h H 7, FI i I 8, FJ j J 9, FK k K 10, FL l L 11, FM m M 12, FN n N 13, FO o O 14, FP p P 15, FQ q Q 16, FR r R 17, FS s S 18, FT t T 19);
