//! LAM, GEN, BR: functions, generators, branches.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anabranch::prelude::*;
use anabranch::{Error, ErrorKind, Merge, Observer, StepEvent};
use futures::TryStreamExt;

use crate::{chunks, failure, spelling};

fn sum() -> Merge<i64> {
    Merge::fold(|sum: &mut i64, next| {
        *sum += next;
        Ok(())
    })
}

#[tokio::test]
async fn functions() {
    // LAM-01
    let range = lambda(async |n: i64| Ok((0..n).collect::<Vec<_>>()));
    assert_eq!(chunks(range.stream(5)).await.unwrap(), [[0, 1, 2, 3, 4]]);

    // LAM-02
    let model = dynamic(async |_: Messages| Ok((spelling("hello") | StrOutputParser).boxed()));
    assert_eq!(chunks(model.stream("")).await.unwrap(), ["h", "e", "l", "l", "o"]);

    // LAM-03 D: the law of the chunks comes with them; the last one wins only where that is the law.
    let identity = lambda(async |text: String| Ok(text));
    let pieces = |merge| Chunks::from_values(["a", "n"].map(str::to_string), merge);
    assert_eq!(chunks(identity.transform(pieces(Merge::last()))).await.unwrap(), ["n"]);
    assert_eq!(chunks(identity.transform(pieces(Merge::append()))).await.unwrap(), ["an"]);

    // LAM-04
    let through = passthrough::<String>();
    assert_eq!(chunks(through.transform(pieces(Merge::append()))).await.unwrap(), ["a", "n"]);
}

#[tokio::test]
async fn generators() {
    // GEN-01
    let three = generator(|input: Chunks<'_, i64>| {
        let numbers = futures::stream::once(input.collect()).map_ok(|_| futures::stream::iter([1, 2, 3].map(Ok)));
        Chunks::new(numbers.try_flatten(), sum())
    });
    assert_eq!(three.invoke(0).await.unwrap(), 6);
    assert_eq!(chunks(three.stream(0)).await.unwrap(), [1, 2, 3]);
    assert_eq!(three.batch([0, 0]).await.unwrap(), [6, 6]);

    // GEN-03: item by item: the second gets the first item before the first makes the next.
    let trace = Arc::new(Mutex::new(Vec::new()));
    let (made, taken) = (trace.clone(), trace.clone());
    let indices = generator(move |length: Chunks<'_, i64>| {
        let made = made.clone();
        let indices = futures::stream::once(length.collect())
            .map_ok(|length| futures::stream::iter((0..length).map(Ok)))
            .try_flatten()
            .inspect_ok(move |index| made.lock().unwrap().push(format!("made {index}")));
        Chunks::new(indices, sum())
    });
    let plus_one = generator(move |numbers: Chunks<'_, i64>| {
        let taken = taken.clone();
        let plus_one = move |n: i64| {
            taken.lock().unwrap().push(format!("took {n}"));
            Ok(n + 1)
        };
        numbers.map_chunks(plus_one, sum())
    });
    let chain = indices | plus_one;
    assert_eq!(chunks(chain.stream(3)).await.unwrap(), [1, 2, 3]);
    assert_eq!(*trace.lock().unwrap(), ["made 0", "took 0", "made 1", "took 1", "made 2", "took 2"]);
    assert_eq!(chunks(chain.stream(4)).await.unwrap(), [1, 2, 3, 4]);
}

#[derive(Default)]
struct Ids(Mutex<Vec<(u64, Option<u64>)>>);

impl Observer for Ids {
    fn started(&self, step: &StepEvent<'_>) {
        self.0.lock().unwrap().push((step.id(), step.parent_id()));
    }
}

#[tokio::test]
async fn a_function_that_runs_others() {
    // GEN-04
    let thrice = lambda_with(|n: i64, config: RunConfig| async move {
        let double = lambda(async |n: i64| Ok(n * 2));
        let once = config.run(&double, n).await?;
        let twice = config.run(&double, once).await?;
        config.run(&double, twice).await
    });
    let ids = Arc::new(Ids::default());
    assert_eq!(thrice.invoke_with(1, &RunConfig::new().observer(ids.clone())).await.unwrap(), 8);
    let seen = std::mem::take(&mut *ids.0.lock().unwrap());
    let (root, parent) = seen[0];
    assert_eq!((seen.len(), parent), (4, None));
    assert!(seen[1..].iter().all(|(_, parent)| *parent == Some(root)));
    assert_eq!(seen.iter().map(|(id, _)| id).collect::<HashSet<_>>().len(), 4);
    thrice.invoke(1).await.unwrap();
    assert!(ids.0.lock().unwrap().is_empty(), "the observer of one call hears nothing of the next");
}

#[tokio::test]
async fn chunks_that_do_not_add_up() {
    let no_sum = || Merge::fold(|_: &mut i64, _| Err(Error::new(ErrorKind::Parse, "these do not add up")));
    // GEN-06: where the chunks are taken one by one, the failure upstream is what is reported.
    let upstream = generator(move |_: Chunks<'_, i64>| {
        Chunks::new(futures::stream::iter([Ok(1), Ok(2), Err(failure("upstream"))]), no_sum())
    });
    let mut stream = upstream.stream(0);
    assert_eq!((stream.next().await.unwrap().unwrap(), stream.next().await.unwrap().unwrap()), (1, 2));
    assert_eq!(stream.next().await.unwrap().unwrap_err().message(), "upstream");
    assert!(stream.next().await.is_none());

    // GEN-07
    let log = Arc::new(crate::Log::default());
    let chain = (generator(move |_: Chunks<'_, i64>| Chunks::new(futures::stream::iter([Ok(1), Ok(2)]), no_sum()))
        | lambda(async |n: i64| Ok(n)))
    .with_name("chain");
    let config = RunConfig::new().observer(log.clone());
    assert_eq!(chain.stream_with(0, &config).collect().await.unwrap_err().message(), "these do not add up");
    let heard = log.take();
    assert!(heard.iter().any(|line| line == "failed (these do not add up) chain"), "{heard:?}");
}

#[tokio::test]
async fn branches() {
    // BR-02
    let asked = Arc::new(AtomicUsize::new(0));
    let positive = |asked: &Arc<AtomicUsize>| {
        let asked = asked.clone();
        move |n: &i64| {
            asked.fetch_add(1, Ordering::SeqCst);
            *n > 0
        }
    };
    let add = |more: i64| lambda(move |n: i64| async move { Ok(n + more) });
    let branch = RunnableBranch::when(positive(&asked), add(1)).or_when(positive(&asked), add(1)).otherwise(add(-1));
    for (input, output, times) in [(1, 2, 1), (2, 3, 1), (-3, -4, 2)] {
        assert_eq!(branch.invoke(input).await.unwrap(), output);
        assert_eq!(asked.swap(0, Ordering::SeqCst), times);
    }

    // BR-03
    let too_large = lambda(async |_: i64| Err::<i64, _>(Error::invalid_input("x is too large")));
    let times_ten = || lambda(async |n: i64| Ok(n * 10));
    let branch = RunnableBranch::when(|n: &i64| *n > 100, too_large)
        .or_when(|n: &i64| 0 < *n && *n < 5, add(1))
        .or_when(|n: &i64| *n > 5, times_ten())
        .otherwise(add(-1));
    assert_eq!(branch.batch([1, 10, 0]).await.unwrap(), [2, 100, -1]);
    assert_eq!(branch.invoke(1000).await.unwrap_err().message(), "x is too large");
    // BR-04
    let branch = RunnableBranch::when(|n: &i64| 0 < *n && *n < 5, add(1))
        .or_when(|n: &i64| *n > 5, times_ten())
        .otherwise(add(-1));
    assert_eq!(branch.batch([1, 10, 0]).await.unwrap(), [2, 100, -1]);
}

#[tokio::test]
async fn a_branch_streams_its_body() {
    // BR-05
    let other = ScriptedModel::new().otherwise("never");
    let branch = RunnableBranch::when(|text: &String| text.is_empty(), lambda(async |_: String| Err(failure("empty"))))
        .or_when(
            |text: &String| text == "other",
            lambda(async |text: String| Ok(Messages::from(text))) | ChatModel::from(other.clone()) | StrOutputParser,
        )
        .otherwise(lambda(async |text: String| Ok(Messages::from(text))) | spelling("hello") | StrOutputParser)
        .with_name("branch");
    assert_eq!(chunks(branch.stream("?")).await.unwrap(), ["h", "e", "l", "l", "o"]);
    assert!(other.requests().is_empty());
    let log = Arc::new(crate::Log::default());
    let config = RunConfig::new().observer(log.clone());
    assert_eq!(chunks(branch.stream_with("", &config)).await.unwrap_err().message(), "empty");
    assert!(log.take().contains(&"failed (empty) branch".to_string()));
}
