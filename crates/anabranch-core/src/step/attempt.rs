//! One attempt at a step that may be tried again: reported by itself, whatever the step is.

use crate::error::{Error, Result};
use crate::run::config::RunConfig;
use crate::run::observer::{Observer, StepEvent};
use crate::run::watch;
use crate::step::naming::label_from_outside;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::step::watched;
use crate::stream::chunks::Chunks;
use crate::stream::exit::Names;

/// An attempt as the observers know it: nothing where there are none.
#[derive(Debug, Clone)]
pub(crate) struct Attempt(Option<RunConfig>);

impl Attempt {
    /// An attempt at a step that begins now.
    pub(crate) fn at<R: Runnable>(config: &RunConfig, step: &R) -> Self {
        Self(config.is_observed().then(|| config.at(label_from_outside(step))))
    }

    /// Tells the observers something about it.
    pub(crate) fn tell(&self, event: impl Fn(&dyn Observer, &StepEvent<'_>)) {
        if let Some(own) = &self.0 {
            watch::tell(own, event);
        }
    }

    /// The whole.
    pub(crate) async fn run<R: Runnable>(&self, config: &RunConfig, step: &R, input: R::Input) -> Result<R::Output> {
        match &self.0 {
            None => run(config, step, input).await,
            Some(own) => {
                watched::call_at(own.clone(), step, input).await.map_err(|error: Error| step.name_error(error))
            }
        }
    }

    /// The stream, once its first chunk is there.
    pub(crate) async fn open<'a, R: Runnable>(
        &self,
        config: &'a RunConfig,
        step: &'a R,
        input: R::Input,
    ) -> Result<Chunks<'a, R::Output>> {
        let input = Chunks::once(input);
        match &self.0 {
            None => stream(config, step, input),
            Some(own) => watched::stream_at(own.clone(), step, input).named(step),
        }
        .begun_lawfully()
        .await
    }
}
