//! [`pipe_operator!`](crate::pipe_operator): the `|` for a type.

use crate::step::boxed::BoxRunnable;

/// Lets a runnable of your own stand at the left of a `|`.
///
/// The orphan rule forbids one `BitOr` for all runnables, so each type that may stand on the left gets it from this
/// macro. (At the right of a `|` every runnable may stand, and [`.pipe(…)`](crate::RunnableExt::pipe) works for
/// everything.)
///
/// ```
/// use anabranch_core::{Result, RunConfig, Runnable, pipe_operator};
///
/// #[derive(Clone)]
/// struct Twice<R>(R);
///
/// impl<R: Runnable<Input = String, Output = String>> Runnable for Twice<R> {
///     type Input = String;
///     type Output = String;
///
///     async fn call(&self, text: String, config: &RunConfig) -> Result<String> {
///         let once = config.run(&self.0, text).await?;
///         config.run(&self.0, once).await
///     }
/// }
///
/// pipe_operator!(impl<R> for Twice<R> where R: Runnable<Input = String, Output = String>);
/// ```
///
/// Lifetimes and constants are named as in any `impl`; bounds go after `where`:
/// `pipe_operator!(impl<'t, T, const N: usize> for Window<'t, T, N> where T: Send + Sync + 'static)`.
#[macro_export]
macro_rules! pipe_operator {
    (impl for $($rest:tt)*) => {
        $crate::pipe_operator!(@type [] $($rest)*);
    };
    (impl<> for $($rest:tt)*) => {
        $crate::pipe_operator!(@type [] $($rest)*);
    };
    (impl<$($rest:tt)*) => {
        $crate::pipe_operator!(@generics [] $($rest)*);
    };
    (@generics [$($generic:tt)*] > for $($rest:tt)*) => {
        $crate::pipe_operator!(@type [$($generic)*] $($rest)*);
    };
    (@generics [$($generic:tt)*] , > for $($rest:tt)*) => {
        $crate::pipe_operator!(@type [$($generic)*] $($rest)*);
    };
    (@generics [$($generic:tt)*] $next:tt $($rest:tt)*) => {
        $crate::pipe_operator!(@generics [$($generic)* $next] $($rest)*);
    };
    (@type [$($generic:tt)*] $type:ty) => {
        $crate::pipe_operator!(@type [$($generic)*] $type where);
    };
    (@type [$($generic:tt)*] $type:ty where $($bounds:tt)*) => {
        $crate::pipe_operator!(@impl [$($generic)*] $type, $($bounds)*);
    };
    (@impl [] $type:ty, $($bounds:tt)*) => {
        $crate::pipe_operator!(@write [Next] $type, $($bounds)*);
    };
    (@impl [$($generic:tt)+] $type:ty, $($bounds:tt)*) => {
        $crate::pipe_operator!(@write [$($generic)+, Next] $type, $($bounds)*);
    };
    (@write [$($generic:tt)*] $type:ty, $($bounds:tt)*) => {
        impl<$($generic)*> ::core::ops::BitOr<Next> for $type
        where
            Self: $crate::Runnable,
            Next: $crate::Runnable<Input: $crate::Accepts<<$type as $crate::Runnable>::Output>>,
            $($bounds)*
        {
            type Output = $crate::RunnableSequence<($type, Next)>;

            fn bitor(self, next: Next) -> Self::Output {
                $crate::RunnableSequence::new(self, next)
            }
        }
    };
}

pipe_operator!(impl<I, O> for BoxRunnable<I, O> where I: Send + 'static, O: Send + 'static);

pub(crate) use pipe_operator;
