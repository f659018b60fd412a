use futures_util::{StreamExt, TryStreamExt};
use tokio::time::Instant;

use super::*;
use crate::RunnableExt;
use crate::{Merge, generator, lambda};

const SECOND: Duration = Duration::from_secs(1);

/// A letter after each of these pauses.
fn letters(pauses: &'static [u64]) -> impl Runnable<Input = String, Output = String> {
    let step = generator(move |input: Chunks<'_, String>| {
        let letters = futures_util::stream::once(input.collect()).map_ok(move |letter| {
            futures_util::stream::iter(pauses).then(move |pause| {
                let letter = letter.clone();
                async move {
                    tokio::time::sleep(Duration::from_secs(*pause)).await;
                    Ok(letter)
                }
            })
        });
        Chunks::new(letters.try_flatten(), Merge::append())
    });
    step.with_name("letters")
}

#[tokio::test(start_paused = true)]
async fn only_the_longest_wait_counts() {
    let step = letters(&[2, 2, 2, 2]).with_idle_timeout(3 * SECOND);
    assert_eq!(step.stream("a").collect().await.unwrap(), "aaaa");
    assert_eq!(step.invoke("a").await.unwrap(), "aaaa", "no limit on the whole");

    let step = letters(&[1, 5]).with_idle_timeout(3 * SECOND);
    let began = Instant::now();
    let mut stream = step.stream("a");
    assert_eq!(stream.try_next().await.unwrap().as_deref(), Some("a"));
    let error = stream.try_next().await.unwrap_err();
    assert_eq!(error.to_string(), "letters: timed out: no chunk came for 3s");
    assert_eq!(began.elapsed(), 4 * SECOND);
    assert!(stream.next().await.is_none());
    assert_eq!(step.invoke("a").await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn the_wait_before_the_first_chunk_counts() {
    let hung = lambda(async |_: String| std::future::pending::<Result<String>>().await).with_idle_timeout(SECOND);
    assert_eq!(hung.stream("a").try_next().await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(hung.invoke("a").await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_not_the_streams_fault() {
    let step = letters(&[1, 1]).with_idle_timeout(3 * SECOND / 2);
    let mut stream = step.stream("a");
    assert!(stream.try_next().await.unwrap().is_some());
    tokio::time::advance(60 * SECOND).await;
    assert!(stream.try_next().await.unwrap().is_some());
    assert!(stream.try_next().await.unwrap().is_none());
}

#[derive(Clone, Debug, PartialEq)]
struct Wrapped(String);

impl From<String> for Wrapped {
    fn from(text: String) -> Self {
        Self(text)
    }
}

#[tokio::test(start_paused = true)]
async fn chunks_that_only_their_source_can_add_up() {
    let chain = letters(&[1, 1]).pipe(crate::passthrough::<Wrapped>()).with_idle_timeout(3 * SECOND);
    assert_eq!(chain.invoke("a").await.unwrap(), Wrapped("aa".into()));
    assert_eq!(chain.stream("a").collect().await.unwrap(), Wrapped("aa".into()));
}

#[tokio::test(start_paused = true)]
async fn silence_is_counted_from_the_last_chunk_on_a_task_of_its_own_too() {
    for spawned in [false, true] {
        // Chunks after one and two seconds, and then nothing for an hour.
        let letters = letters(&[1, 1, 3600]);
        let step = if spawned { letters.spawned().boxed() } else { letters.boxed() };
        let began = Instant::now();
        let error = step.with_idle_timeout(3 * SECOND).invoke("a").await.unwrap_err();
        assert_eq!((error.kind(), began.elapsed()), (ErrorKind::Timeout, 5 * SECOND), "spawned: {spawned}");
    }
}
