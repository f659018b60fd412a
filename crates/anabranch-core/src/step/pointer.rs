//! `Runnable` for `&R`, `Box<R>` and `Arc<R>`.

use std::sync::Arc;

use crate::description::{Description, Label};
use crate::error::Result;
use crate::run::config::RunConfig;
use crate::step::runnable::Runnable;
use crate::stream::chunks::Chunks;

macro_rules! runnable_behind {
    ($($pointer:ty),*) => {$(
        impl<R: Runnable> Runnable for $pointer {
            type Input = R::Input;
            type Output = R::Output;

            fn call<'a>(
                &'a self,
                input: R::Input,
                config: &'a RunConfig,
            ) -> impl Future<Output = Result<R::Output>> + Send {
                (**self).call(input, config)
            }

            fn call_stream<'a>(
                &'a self,
                input: Chunks<'a, R::Input>,
                config: &'a RunConfig,
            ) -> Chunks<'a, R::Output> {
                (**self).call_stream(input, config)
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
