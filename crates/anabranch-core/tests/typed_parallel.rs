//! `parallel!` with a struct: branches of different types, joined by the compiler.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

mod common;

use anabranch_core::*;
use common::{Gauge, leaf};
use serde_json::Value;
use tokio::time::Instant;

#[derive(Debug, Clone, PartialEq)]
struct Research {
    summary: String,
    terms: usize,
    topic: String,
}

fn length() -> impl Runnable<Input = String, Output = usize> + Clone {
    lambda(async |text: String| Ok(text.len()))
}

fn loud() -> impl Runnable<Input = String, Output = String> + Clone {
    lambda(async |text: String| Ok(text.to_uppercase()))
}

#[tokio::test(start_paused = true)]
async fn branches_of_different_types_join_in_a_struct() {
    let map = parallel!(Research { summary: loud(), terms: length(), topic: passthrough() });
    let chain = map.clone() | lambda(async |found: Research| Ok(format!("{found:?}")));
    let whole = Research { summary: "ABC".into(), terms: 3, topic: "abc".into() };
    assert_eq!(map.invoke("abc").await.unwrap(), whole);
    assert_eq!(map.stream("abc").collect().await.unwrap(), whole);
    let mut chunks = map.stream("abc");
    assert_eq!(chunks.next().await.unwrap().unwrap(), whole);
    assert!(chunks.next().await.is_none(), "a struct has no partial form");
    assert_eq!(chain.invoke("abc").await.unwrap(), format!("{whole:?}"));
    assert!(map.check().unwrap().is_empty());
}

struct Wide {
    a: usize,
    b: usize,
    c: usize,
    d: usize,
    e: usize,
    f: usize,
    g: usize,
    h: usize,
    i: usize,
    j: usize,
    k: usize,
    l: usize,
    m: usize,
    n: usize,
    o: usize,
    p: String,
}

#[tokio::test(start_paused = true)]
async fn sixteen_branches_run_at_once_or_as_many_as_may() {
    let gauge = Gauge::default();
    let step = || leaf(&gauge, 10).pipe(async |_: Value| Ok(1_usize));
    let wide = parallel!(Wide {
        a: step(),
        b: step(),
        c: step(),
        d: step(),
        e: step(),
        f: step(),
        g: step(),
        h: step(),
        i: step(),
        j: step(),
        k: step(),
        l: step(),
        m: step(),
        n: step(),
        o: step(),
        p: async |_: Value| Ok("p".to_string()),
    });
    let sum = |w: Wide| (w.a + w.b + w.c + w.d + w.e + w.f + w.g + w.h + w.i + w.j + w.k + w.l + w.m + w.n + w.o, w.p);
    let start = Instant::now();
    assert_eq!(sum(wide.invoke(1).await.unwrap()), (15, "p".to_string()));
    assert_eq!((start.elapsed(), gauge.most()), (Duration::from_millis(10), 15));

    let (gauge, start) = (Gauge::default(), Instant::now());
    let step = || leaf(&gauge, 10);
    #[derive(Debug)]
    struct Three {
        x: Value,
        y: Value,
        z: Value,
    }
    let three = parallel!(Three { x: step(), y: step(), z: step() }).max_concurrency(2);
    let three = three.invoke(1).await.unwrap();
    assert!([&three.x, &three.y, &three.z].iter().all(|it| **it == 1));
    assert_eq!((start.elapsed(), gauge.most()), (Duration::from_millis(20), 2));
}

#[derive(Debug)]
#[expect(dead_code, reason = "only its failures are looked at")]
struct Pair {
    left: String,
    right: String,
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_stops_the_rest_and_names_its_branch() {
    let live = Arc::new(AtomicUsize::new(0));
    let counted = live.clone();
    let hangs = lambda(move |_: String| {
        let live = counted.clone();
        async move {
            live.fetch_add(1, Ordering::SeqCst);
            let _guard = Leave(live);
            std::future::pending::<Result<String>>().await
        }
    });
    let fails = lambda(async |_: String| Err::<String, _>(Error::new(ErrorKind::Server, "down"))).with_name("asks");
    let pair = parallel!(Pair { left: hangs.clone(), right: fails.clone() });
    let error = pair.invoke("x").await.unwrap_err();
    assert_eq!(error.to_string(), "parallel \"right\" > asks: server error: down");
    assert_eq!(live.load(Ordering::SeqCst), 0);

    let both = parallel!(Pair { left: fails.clone(), right: fails });
    let error = both.invoke("x").await.unwrap_err();
    assert_eq!(error.path().next(), Some("parallel \"left\""));
    assert_eq!(error.related()[0].path().next(), Some("parallel \"right\""));

    let panics = lambda(async |text: String| if text.is_empty() { Ok(text) } else { panic!("no") });
    let error = parallel!(Pair { left: hangs.clone(), right: panics }).invoke("x").await.unwrap_err();
    assert_eq!((error.kind(), error.path().next()), (ErrorKind::Panic, Some("parallel \"right\"")));

    let config = RunConfig::new().timeout(Duration::from_secs(1));
    let slow = parallel!(Pair { left: hangs.clone(), right: hangs });
    assert_eq!(slow.invoke_with("x", &config).await.unwrap_err().kind(), ErrorKind::DeadlineExceeded);
    assert_eq!(live.load(Ordering::SeqCst), 0);
}

struct Leave(Arc<AtomicUsize>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Default)]
struct Log(std::sync::Mutex<Vec<String>>);

impl Observer for Log {
    fn finished(&self, step: &StepEvent<'_>) {
        self.0.lock().unwrap().push(step.path().to_string());
    }
}

#[tokio::test(start_paused = true)]
async fn observers_hear_of_every_branch() {
    let log = Arc::new(Log::default());
    let map = parallel!(Research { summary: loud(), terms: length(), topic: passthrough() });
    map.invoke_with("abc", &RunConfig::new().observer(log.clone())).await.unwrap();
    let log = log.0.lock().unwrap();
    assert_eq!(log[0], "parallel \"summary\" > lambda");
    assert_eq!(log.last().unwrap(), "parallel \"topic\"");
    assert_eq!(log.len(), 6);
}
