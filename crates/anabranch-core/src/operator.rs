//! [`pipe_operator!`](crate::pipe_operator): the `|` for a type.

/// Lets a runnable of your own stand at the left of a `|`.
///
/// The orphan rule forbids one `BitOr` for all runnables, so each type that may stand on the left gets it from this
/// macro. (At the right of a `|` every runnable may stand, and [`.pipe(…)`](crate::Runnable::pipe) works for
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
///     async fn invoke_with(&self, text: String, config: &RunConfig) -> Result<String> {
///         let once = config.run(&self.0, text).await?;
///         config.run(&self.0, once).await
///     }
/// }
///
/// pipe_operator!(impl<R> for Twice<R> where R: Runnable<Input = String, Output = String>);
/// ```
#[macro_export]
macro_rules! pipe_operator {
    (impl for $type:ty) => {
        $crate::pipe_operator!(impl<> for $type where);
    };
    (impl<$($generic:ident),* $(,)?> for $type:ty) => {
        $crate::pipe_operator!(impl<$($generic),*> for $type where);
    };
    (impl<$($generic:ident),* $(,)?> for $type:ty where $($bounds:tt)*) => {
        impl<$($generic,)* Next> ::core::ops::BitOr<Next> for $type
        where
            Self: $crate::Runnable,
            Next: $crate::Runnable<Input: $crate::Accepts<<$type as $crate::Runnable>::Output>>,
            $($bounds)*
        {
            type Output = $crate::RunnableSequence<$type, Next>;

            fn bitor(self, next: Next) -> Self::Output {
                $crate::RunnableSequence::new(self, next)
            }
        }
    };
}
