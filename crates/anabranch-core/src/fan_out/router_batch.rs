//! The batch of a [`RunnableRouter`]: all keys are looked up before the first element runs.

use crate::error::Result;
use crate::fan_out::batch;
use crate::run::config::RunConfig;
use crate::step::into_input::IntoInput;
use crate::steps::router::RunnableRouter;
use crate::work::panics::caught_in;

impl<I: Send + 'static, O: Send + 'static> RunnableRouter<I, O> {
    /// [`RunnableExt::batch`](crate::RunnableExt::batch), which looks up all keys before the first element runs.
    ///
    /// # Errors
    /// That of the first element whose key is not there; else as for any batch.
    pub async fn batch<B, Marker>(&self, inputs: B) -> Result<Vec<O>>
    where
        B: IntoIterator<Item: IntoInput<I, Marker>>,
    {
        self.batch_with(inputs, RunConfig::empty()).await
    }

    /// [`batch`](Self::batch) with a configuration.
    ///
    /// # Errors
    /// As for [`batch`](Self::batch).
    pub fn batch_with<B, Marker>(
        &self,
        inputs: B,
        config: &RunConfig,
    ) -> impl Future<Output = Result<Vec<O>>> + Send + use<'_, I, O, B, Marker>
    where
        B: IntoIterator<Item: IntoInput<I, Marker>>,
    {
        let config = config.started().unwrap_or_else(|| config.clone());
        let inputs: Result<Vec<I>> = inputs
            .into_iter()
            .enumerate()
            .map(|(index, input)| {
                let input = input.into_input();
                let known = input.and_then(|input| caught_in(|| self.choose(&input).map(drop)).map(|()| input));
                known.map_err(|error| error.at(format!("batch {index}")))
            })
            .collect();
        async move { batch::all(self, inputs?.into_iter().map(Ok), config).await }
    }
}
