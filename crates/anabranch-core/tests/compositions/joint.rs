//! The types at the joints: JSON and text.

use std::fmt::Debug;

use anabranch_core::{Chunks, Merge, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::random::hash;

/// A type that flows through a chain.
pub trait Joint: Clone + PartialEq + Debug + Serialize + Send + Sync + 'static {
    const NAME: &'static str;

    /// A number that stands for the value.
    fn digest(&self) -> u64;

    /// What a step gives that computed a number. Steps differ in the shape of what they give.
    fn make(n: u64, shape: u32) -> Self;

    /// The same in so many pieces, and the law by which they add up.
    fn pieces(n: u64, shape: u32, count: usize) -> (Vec<Self>, Merge<Self>);

    /// A law that is like the one of [`pieces`](Self::pieces), which gives nothing where there was no chunk, or fails.
    fn law_of_nothing(fails: bool) -> Merge<Self>;

    /// Chunk by chunk, so that the whole is the same function of the whole.
    fn map(way: u64, chunks: Chunks<'_, Self>) -> Chunks<'_, Self>;
}

impl Joint for Value {
    const NAME: &'static str = "json";

    fn digest(&self) -> u64 {
        hash(&self.to_string())
    }

    fn make(n: u64, shape: u32) -> Self {
        match shape % 4 {
            0 => json!(n),
            1 => json!({ "n": n, "text": "t" }),
            2 => json!([n % 7, n % 11, n % 13, n]),
            _ => json!(format!("{n:x}")),
        }
    }

    fn pieces(n: u64, shape: u32, count: usize) -> (Vec<Self>, Merge<Self>) {
        let whole = Self::make(n, shape);
        match whole {
            Value::Array(items) => {
                let pieces = split(items.len(), count).map(|range| Value::Array(items[range].to_vec())).collect();
                (pieces, lists())
            }
            // Snapshots.
            whole => {
                let early = (1..count).map(|piece| json!(piece));
                (early.chain([whole.clone()]).collect(), Merge::last())
            }
        }
    }

    fn law_of_nothing(fails: bool) -> Merge<Self> {
        if fails { Merge::last() } else { lists() }
    }

    fn map(way: u64, chunks: Chunks<'_, Self>) -> Chunks<'_, Self> {
        match way % 2 {
            0 => chunks,
            _ => keeping_the_law(chunks),
        }
    }
}

/// Lists that are put one behind the other.
fn lists() -> Merge<Value> {
    let push = |list: &mut Value, piece: Value| -> Result<()> {
        if let (Value::Array(list), Value::Array(mut piece)) = (list, piece) {
            list.append(&mut piece);
        }
        Ok(())
    };
    Merge::fold(push).or_empty(|| json!([]))
}

impl Joint for String {
    const NAME: &'static str = "text";

    fn digest(&self) -> u64 {
        hash(self)
    }

    fn make(n: u64, _: u32) -> Self {
        format!("{n:016x}")
    }

    fn pieces(n: u64, shape: u32, count: usize) -> (Vec<Self>, Merge<Self>) {
        let whole = Self::make(n, shape);
        let pieces = split(whole.len(), count).map(|range| whole[range].to_string()).collect();
        (pieces, Merge::append())
    }

    fn law_of_nothing(fails: bool) -> Merge<Self> {
        if fails { Merge::last() } else { Merge::append() }
    }

    fn map(way: u64, chunks: Chunks<'_, Self>) -> Chunks<'_, Self> {
        match way % 3 {
            0 => chunks,
            1 => keeping_the_law(chunks),
            _ => chunks.map_chunks(|piece| Ok(piece.to_uppercase()), Merge::append()),
        }
    }
}

/// A generator that keeps the law of its input.
fn keeping_the_law<T: Send + 'static>(chunks: Chunks<'_, T>) -> Chunks<'_, T> {
    let law = chunks.merge();
    Chunks::new(chunks, law)
}

/// So many parts of a whole of this length; the last has what is left.
fn split(length: usize, count: usize) -> impl Iterator<Item = std::ops::Range<usize>> {
    let size = length.div_ceil(count.max(1)).max(1);
    (0..count).map(move |part| (part * size).min(length)..((part + 1) * size).min(length))
}
