//! Auto traits are part of the promise: what users hold can be shared, sent, cloned and printed.

#![allow(clippy::unwrap_used)]

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anabranch_core::combinators::*;
use anabranch_core::describe::Description;
use anabranch_core::*;
use serde_json::Value;

fn shared<T: Send + Sync + Debug + 'static>() {}
fn value<T: Send + Sync + Clone + Debug + 'static>() {}
fn sent<T: Send + Unpin + Debug>() {}

#[test]
fn promised() {
    type Step = RunnablePassthrough;
    value::<Error>();
    value::<ErrorKind>();
    value::<RunConfig>();
    value::<Merge<Value>>();
    value::<Description>();
    value::<Outcome>();
    value::<BoxRunnable<Value, Value>>();
    value::<RunnableSequence<(Step, Step)>>();
    value::<RunnableParallel>();
    value::<SettledParallel>();
    value::<RunnableAssign>();
    value::<RunnablePick>();
    value::<RunnableEach<Step>>();
    value::<RunnableBranch<Value, Value>>();
    value::<RunnableRouter<Value, Value>>();
    value::<Race<Value, Value>>();
    value::<Quorum<Value, Value>>();
    value::<Named<Step>>();
    value::<WithConfig<Step>>();
    value::<Spawned<Step>>();
    value::<RunnableResult<Step>>();
    value::<Passthrough<Value>>();
    shared::<BranchArms<Value, Value>>();
    shared::<Permit>();
    sent::<Chunks<'static, Value>>();
    sent::<Collector<Value>>();
    sent::<BatchAsCompleted<'static, Value>>();
}

#[tokio::test]
async fn a_run_can_be_spawned() {
    let chain = Arc::new(lambda(async |n: Value| Ok(n)).pipe(parallel! { "a": RunnablePassthrough }));
    let one = chain.clone();
    tokio::spawn(async move { one.invoke(1).await }).await.unwrap().unwrap();
    tokio::spawn(async move { chain.batch([1, 2]).await }).await.unwrap().unwrap();
}

/// Counts its clones.
#[derive(Debug)]
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::SeqCst);
        Self(self.0.clone())
    }
}

#[tokio::test]
async fn the_input_is_cloned_once_per_branch_less_one() {
    let branch = || lambda(async |_: Counted| Ok(1));
    let fan = RunnableParallel::new().branch("a", branch()).branch("b", branch()).branch("c", branch());
    let clones = Arc::new(AtomicUsize::new(0));
    fan.invoke(Counted(clones.clone())).await.unwrap();
    assert_eq!(clones.swap(0, Ordering::SeqCst), 2);
    fan.stream(Counted(clones.clone())).collect().await.unwrap();
    assert_eq!(clones.swap(0, Ordering::SeqCst), 2);
    (branch(), branch()).invoke(Counted(clones.clone())).await.unwrap();
    assert_eq!(clones.swap(0, Ordering::SeqCst), 1);
    RunnableParallel::new().branch("a", branch()).invoke(Counted(clones.clone())).await.unwrap();
    assert_eq!(clones.load(Ordering::SeqCst), 0);
}
