//! Steps and probes shared by the suites of this crate.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use anabranch_core::{Chunks, Error, ErrorKind, Merge, Result, Runnable, RunnableExt, generator, lambda};
use futures::StreamExt;
use serde_json::Value;

/// A step that gives its text letter by letter, whatever comes in, one letter per tick of 1 ms.
pub fn letters(text: &'static str) -> impl Runnable<Input = Value, Output = String> + Clone {
    generator(move |input: Chunks<'_, Value>| {
        let letters = async_letters(input, text);
        Chunks::new(letters, Merge::append())
    })
}

fn async_letters<'a>(
    input: Chunks<'a, Value>,
    text: &'static str,
) -> impl futures::Stream<Item = Result<String>> + Send + 'a {
    futures::stream::once(input.collect())
        .map(move |input| match input {
            Ok(_) => text.chars().map(|letter| Ok(letter.to_string())).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
        .flat_map(futures::stream::iter)
        .then(|letter| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            letter
        })
}

/// Makes each piece of text upper case as it passes.
pub fn shout() -> impl Runnable<Input = String, Output = String> + Clone {
    generator(|text: Chunks<'_, String>| text.map_chunks(|piece| Ok(piece.to_uppercase()), Merge::append()))
}

/// Gives what it takes after so many milliseconds.
pub fn after(millis: u64) -> impl Runnable<Input = Value, Output = Value> + Clone {
    lambda(move |input: Value| async move {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(input)
    })
}

/// Fails after so many milliseconds.
pub fn fails_after(
    millis: u64,
    kind: ErrorKind,
    message: &'static str,
) -> impl Runnable<Input = Value, Output = Value> + Clone {
    lambda(move |_: Value| async move {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Err(Error::new(kind, message))
    })
}

/// Never wakes.
pub fn hangs() -> impl Runnable<Input = Value, Output = Value> + Clone {
    lambda(|_: Value| std::future::pending::<Result<Value>>())
}

/// Counts what is alive, and the most that was at once.
#[derive(Clone, Default)]
pub struct Gauge {
    now: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    total: Arc<AtomicUsize>,
}

impl Gauge {
    pub fn enter(&self) -> Inside {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        self.total.fetch_add(1, Ordering::SeqCst);
        Inside(self.clone())
    }

    pub fn now(&self) -> usize {
        self.now.load(Ordering::SeqCst)
    }

    pub fn most(&self) -> usize {
        self.most.load(Ordering::SeqCst)
    }

    pub fn total(&self) -> usize {
        self.total.load(Ordering::SeqCst)
    }
}

/// Alive until it is dropped.
pub struct Inside(Gauge);

impl Drop for Inside {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A call of so many milliseconds that is counted, and takes a permit of the run's limit.
pub fn leaf(gauge: &Gauge, millis: u64) -> impl Runnable<Input = Value, Output = Value> + Clone + use<> {
    let gauge = gauge.clone();
    lambda(move |input: Value| {
        let gauge = gauge.clone();
        async move {
            let _inside = gauge.enter();
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok(input)
        }
    })
    .limited()
}

/// Law 6, three ways: what `invoke` gives, the stream collected, and its chunks added up one by one.
pub async fn three_ways<R: Runnable<Output: PartialEq + std::fmt::Debug>>(
    step: &R,
    input: impl Fn() -> R::Input,
) -> R::Output {
    let whole = step.invoke(input()).await.unwrap();
    assert_eq!(step.stream(input()).collect().await.unwrap(), whole, "collected");

    let mut chunks = step.stream(input());
    let mut pieces = Vec::new();
    while let Some(piece) = chunks.next().await {
        pieces.push(piece.unwrap());
    }
    let mut collector = chunks.merge().collector();
    for piece in pieces {
        collector.push(piece).unwrap();
    }
    assert_eq!(collector.finish().unwrap(), whole, "added up");
    whole
}

/// The chunks of a stream.
pub async fn chunks_of<R: Runnable>(step: &R, input: impl Into<R::Input>) -> Vec<R::Output> {
    StreamExt::collect(StreamExt::map(step.stream(input), Result::unwrap)).await
}

/// Opens once, for whoever waits for it on its thread; before that it can be waited for that somebody has come.
#[derive(Clone, Default)]
pub struct Gate(Arc<GateState>);

#[derive(Default)]
struct GateState {
    open: Mutex<bool>,
    opened: Condvar,
    arrived: tokio::sync::Notify,
}

impl Gate {
    pub fn open(&self) {
        *self.0.open.lock().unwrap() = true;
        self.0.opened.notify_all();
    }

    /// Leaf work that keeps its thread until the gate is open.
    pub fn keeps_its_thread(&self, gauge: &Gauge) -> impl Runnable<Input = Value, Output = Value> + Clone + use<> {
        let (gate, gauge) = (self.0.clone(), gauge.clone());
        lambda(move |input: Value| {
            let (gate, gauge) = (gate.clone(), gauge.clone());
            async move {
                let _inside = gauge.enter();
                gate.arrived.notify_one();
                drop(gate.opened.wait_while(gate.open.lock().unwrap(), |open| !*open).unwrap());
                Ok(input)
            }
        })
    }

    /// Gives its input, or fails, when somebody has come to the gate.
    pub fn when_somebody_has_come(&self, well: bool) -> impl Runnable<Input = Value, Output = Value> + Clone + use<> {
        let gate = self.0.clone();
        lambda(move |input: Value| {
            let gate = gate.clone();
            async move {
                gate.arrived.notified().await;
                if well { Ok(input) } else { Err(Error::new(ErrorKind::Server, "down")) }
            }
        })
    }
}
