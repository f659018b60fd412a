//! [`RunnableRouter`]: a chain by its key.

use std::fmt;
use std::sync::Arc;

use crate::description::{Composed, Description, Gives, Kind, Label, closest, listed, listed_or};
use crate::error::{Error, Result};
use crate::run::config::RunConfig;
use crate::step::boxed::BoxRunnable;
use crate::step::pipe_operator::pipe_operator;
use crate::step::run::run;
use crate::step::runnable::Runnable;
use crate::step::stream::stream;
use crate::stream::chunks::Chunks;

/// Runs the chain whose key a function reads from the input. A key that is not there is an error before anything runs;
/// in a [`batch`](Self::batch), before any element runs.
///
/// ```
/// use anabranch_core::{RunnableExt, RunnableRouter, lambda};
/// use serde_json::{Value, json};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let router = RunnableRouter::by(|input: &Value| input["subject"].as_str().unwrap_or_default().to_string())
///     .route("math", lambda(async |_: Value| Ok("a mathematician")))
///     .route("history", lambda(async |_: Value| Ok("a historian")));
///
/// assert_eq!(router.invoke(json!({"subject": "math"})).await?, "a mathematician");
/// assert_eq!(
///     router.invoke(json!({"subject": "maths"})).await.unwrap_err().to_string(),
///     "invalid input: the router has no route `maths`: there are `math` and `history`; did you mean `math`?"
/// );
/// # Ok(()) }
/// ```
#[doc(alias = "RouterRunnable")]
pub struct RunnableRouter<I, O> {
    key: Arc<dyn Fn(&I) -> String + Send + Sync>,
    routes: Vec<(String, BoxRunnable<I, O>)>,
}

impl<I: Send + 'static, O: Send + 'static> RunnableRouter<I, O> {
    /// A router that reads the key from the input with a function.
    pub fn by(key: impl Fn(&I) -> String + Send + Sync + 'static) -> Self {
        Self { key: Arc::new(key), routes: Vec::new() }
    }

    /// Adds a route. A key that is there already gets the new chain.
    #[must_use]
    pub fn route(mut self, key: impl Into<String>, chain: impl Runnable<Input = I, Output = O> + 'static) -> Self {
        let (key, chain) = (key.into(), BoxRunnable::new(chain));
        match self.routes.iter_mut().find(|(there, _)| *there == key) {
            Some((_, old)) => *old = chain,
            None => self.routes.push((key, chain)),
        }
        self
    }

    pub(crate) fn choose(&self, input: &I) -> Result<&BoxRunnable<I, O>> {
        let wanted = (self.key)(input);
        match self.routes.iter().find(|(key, _)| *key == wanted) {
            Some((_, chain)) => Ok(chain),
            None => Err(self.no_route(&wanted)),
        }
    }

    #[cold]
    fn no_route(&self, wanted: &str) -> Error {
        let keys: Vec<_> = self.routes.iter().map(|(key, _)| key).collect();
        // The key comes from the input, which may be a whole prompt: only a short name is quoted.
        let quoted = listed(&[wanted]);
        let mut message = format!("the router has no route {quoted}: there are {}", listed_or(&keys, "none"));
        if let Some(meant) = closest(wanted, &keys) {
            message += &format!("; did you mean `{meant}`?");
        }
        Error::invalid_input(message)
    }
}

impl<I: Send + 'static, O: Send + 'static> Runnable for RunnableRouter<I, O> {
    type Input = I;
    type Output = O;

    async fn call(&self, input: I, config: &RunConfig) -> Result<O> {
        run(config, self.choose(&input)?, input).await
    }

    fn call_stream<'a>(&'a self, input: Chunks<'a, I>, config: &'a RunConfig) -> Chunks<'a, O> {
        Chunks::deferred(async move {
            let input = input.collect().await?;
            Ok(stream(config, self.choose(&input)?, Chunks::once(input)))
        })
    }

    /// The routes are named; the router itself is not.
    fn label(&self) -> Option<Label<'_>> {
        None
    }

    fn describe(&self) -> Description {
        let routes = self.routes.iter().map(|(_, chain)| chain.describe());
        Description::new(Kind::ROUTER, "router").gives(Gives::Children).with_children(Composed::OneOf, routes)
    }
}

impl<I, O> Clone for RunnableRouter<I, O> {
    fn clone(&self) -> Self {
        Self { key: self.key.clone(), routes: self.routes.clone() }
    }
}

impl<I, O> fmt::Debug for RunnableRouter<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<_> = self.routes.iter().map(|(key, _)| key).collect();
        f.debug_struct("RunnableRouter").field("routes", &keys).finish_non_exhaustive()
    }
}

pipe_operator!(impl<I, O> for RunnableRouter<I, O> where I: Send + 'static, O: Send + 'static);
