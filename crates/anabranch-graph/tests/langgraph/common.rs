//! What the cases share: nodes that keep a record of what they did, and the errors of a graph in short.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::Result;
use anabranch_graph::{BuildErrors, State, StateGraph};
use futures::future::{BoxFuture, FutureExt};
use tokio::time::Instant;

/// What the nodes did, and when: in milliseconds of the paused clock since the record was begun.
#[derive(Clone)]
pub(crate) struct Record {
    began: Instant,
    started: Arc<Mutex<Vec<(&'static str, u128)>>>,
    done: Arc<Mutex<Vec<&'static str>>>,
}

impl Record {
    pub(crate) fn new() -> Self {
        Self { began: Instant::now(), started: Arc::default(), done: Arc::default() }
    }

    /// A step that takes so many milliseconds, and gives an update.
    pub(crate) fn step<I, U>(
        &self,
        name: &'static str,
        millis: u64,
        update: impl Fn(&I) -> U + Clone + Send + Sync + 'static,
    ) -> impl Fn(I) -> BoxFuture<'static, Result<U>> + Send + Sync + 'static
    where
        I: Send + Sync + 'static,
        U: Send + 'static,
    {
        let record = self.clone();
        move |input: I| {
            let (record, update) = (record.clone(), update.clone());
            async move {
                record.started.lock().unwrap().push((name, record.elapsed()));
                tokio::time::sleep(Duration::from_millis(millis)).await;
                let update = update(&input);
                record.done.lock().unwrap().push(name);
                Ok(update)
            }
            .boxed()
        }
    }

    pub(crate) fn elapsed(&self) -> u128 {
        self.began.elapsed().as_millis()
    }

    /// How often a step began.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.started.lock().unwrap().iter().filter(|(one, _)| *one == name).count()
    }

    /// When a step began that did so once.
    pub(crate) fn began(&self, name: &str) -> u128 {
        assert_eq!(self.count(name), 1, "{name}");
        self.started.lock().unwrap().iter().find(|(one, _)| *one == name).unwrap().1
    }

    /// Which steps were done, in that order.
    pub(crate) fn done(&self) -> Vec<&'static str> {
        self.done.lock().unwrap().clone()
    }
}

/// What is wrong with a graph, as `Kind(node, node; field)`.
pub(crate) fn build_errors<S: State>(graph: StateGraph<S>) -> Vec<String> {
    let error = graph.compile().unwrap_err();
    let errors = error.downcast_ref::<BuildErrors>().unwrap();
    let short = |error: &anabranch_graph::BuildError| {
        let field = error.field().map(|field| format!("; {field}")).unwrap_or_default();
        format!("{}({}{field})", error.kind(), error.nodes().join(", "))
    };
    errors.iter().map(short).collect()
}
