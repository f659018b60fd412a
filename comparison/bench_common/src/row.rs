//! The clock: one [`Row`] of the table, measured on a runtime of one thread.

use std::hint::black_box;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt};
use tokio::runtime::Runtime;

use crate::asked::check_asked;
use crate::texts::{ANSWER, TOPIC};

/// Chunks of a streamed answer.
pub const CHUNKS: usize = 1_000;
/// Inputs of a batch.
pub const BATCH: usize = 10_000;
/// How many of them may be under way at once.
pub const AT_ONCE: usize = 64;

/// How long each measurement takes, warm-up not counted.
const MEASURE: Duration = Duration::from_millis(400);
const SLICES: u32 = 20;

/// One row of the table. Prints a line for each thing it measures: name, what, number, divided by tabs.
///
/// Built with the feature `allocations` it counts allocations per invoke, and takes no time.
pub struct Row {
    name: &'static str,
    runtime: Runtime,
}

impl Row {
    pub fn new(name: &'static str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Self { name, runtime: runtime.expect("a runtime of one thread can be had") }
    }

    /// The three-branch chain, from the topic to the answer, after a check that it asks what it should.
    pub fn invoke(&self, chain: impl AsyncFn() -> String) -> &Self {
        check_asked(self.name, || self.runtime.block_on(chain()));
        self.time("invoke", 1, &chain)
    }

    /// A chain of prompt, model and parser that streams an answer of [`CHUNKS`] chunks; gives how many came.
    pub fn stream(&self, chain: impl AsyncFn() -> usize) -> &Self {
        if cfg!(feature = "allocations") {
            return self;
        }
        let came = self.runtime.block_on(chain());
        // Some libraries mark the end with a chunk of its own.
        assert!((CHUNKS..=CHUNKS + 2).contains(&came), "{}: {came} chunks came of {CHUNKS}", self.name);
        self.time("chunk", CHUNKS, &chain)
    }

    /// The three-branch chain over [`BATCH`] topics, [`AT_ONCE`] at once, in the library's own way.
    pub fn batch(&self, chain: impl AsyncFn(Vec<String>) -> Vec<String>) -> &Self {
        if cfg!(feature = "allocations") {
            return self;
        }
        let mut took: Vec<f64> = (0..3)
            .map(|_| {
                let topics = vec![TOPIC.to_string(); BATCH];
                let start = Instant::now();
                let answers = self.runtime.block_on(chain(topics));
                let took = start.elapsed();
                assert_eq!(answers.len(), BATCH, "{}: answers of a batch", self.name);
                assert!(answers.iter().all(|answer| answer == ANSWER), "{}: answers of a batch", self.name);
                took.as_nanos() as f64 / BATCH as f64
            })
            .collect();
        self.print("batch", median(&mut took))
    }

    #[cfg(not(feature = "allocations"))]
    fn time<T>(&self, what: &str, parts: usize, work: &impl AsyncFn() -> T) -> &Self {
        let many = |runs: u32| {
            let start = Instant::now();
            self.runtime.block_on(async {
                for _ in 0..runs {
                    black_box(work().await);
                }
            });
            start.elapsed()
        };
        let mut runs = 1;
        let slice = MEASURE / SLICES;
        // Doubles until a slice is full, which is the warm-up, too.
        while many(runs) < slice {
            runs *= 2;
        }
        let mut took: Vec<f64> = (0..SLICES).map(|_| many(runs).as_nanos() as f64 / f64::from(runs)).collect();
        self.print(what, median(&mut took) / parts as f64)
    }

    #[cfg(feature = "allocations")]
    fn time<T>(&self, what: &str, _parts: usize, work: &impl AsyncFn() -> T) -> &Self {
        const RUNS: u64 = 1_000;
        assert_eq!(what, "invoke");
        let counted = allocation_counter::measure(|| {
            self.runtime.block_on(async {
                for _ in 0..RUNS {
                    black_box(work().await);
                }
            });
        });
        self.print("allocations", counted.count_total as f64 / RUNS as f64)
    }

    fn print(&self, what: &str, number: f64) -> &Self {
        println!("{}\t{what}\t{number:.1}", self.name);
        self
    }
}

fn median(numbers: &mut [f64]) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}

/// Reads a stream to its end and gives the number of its chunks. An error ends the program.
pub async fn read<T, E: std::fmt::Debug>(stream: impl Stream<Item = Result<T, E>>) -> usize {
    let mut stream = std::pin::pin!(stream);
    let mut chunks = 0;
    while let Some(chunk) = stream.next().await {
        black_box(chunk.expect("the model in the process does not fail"));
        chunks += 1;
    }
    chunks
}
