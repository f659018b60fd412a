//! `Runnable` for `&R`, `Box<R>` and `Arc<R>`.

use std::sync::Arc;

use crate::error::Result;
use crate::run::config::RunConfig;
use crate::run::describe::Description;
use crate::run::label::Label;
use crate::runnable::Runnable;
use crate::stream::chunks::Chunks;

macro_rules! runnable_behind {
    ($($pointer:ty),*) => {$(
        impl<R: Runnable> Runnable for $pointer {
            type Input = R::Input;
            type Output = R::Output;

            fn invoke_with(
                &self,
                input: R::Input,
                config: &RunConfig,
            ) -> impl Future<Output = Result<R::Output>> + Send {
                (**self).invoke_with(input, config)
            }

            fn transform_with<'a>(
                &'a self,
                input: Chunks<'a, R::Input>,
                config: &'a RunConfig,
            ) -> Chunks<'a, R::Output> {
                (**self).transform_with(input, config)
            }

            fn label(&self) -> Option<Label<'_>> {
                (**self).label()
            }

            fn describe(&self) -> Description {
                (**self).describe()
            }
        }
    )*};
}

runnable_behind!(&R, Box<R>, Arc<R>);
