//! What reading JSON costs: collected, as events, as elements and as snapshots, beside `serde_json` on the whole text in
//! the same run.
//!
//! `cargo bench -p anabranch-parsers --bench json` prints the table. Times are medians.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anabranch_core::{Chunks, RunnableExt, generator};
use anabranch_messages::AiMessage;
use anabranch_parsers::JsonOutputParser;
use futures::executor::block_on;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[allow(dead_code)]
struct River {
    name: String,
    length_km: u32,
    ok: bool,
}

/// A list of small objects, so many bytes of it.
fn document(bytes: usize) -> String {
    const ELEMENT: &str = "{\"name\": \"Weser\", \"length_km\": 452, \"ok\": true}";
    format!("[{}]", vec![ELEMENT; (bytes / (ELEMENT.len() + 1)).max(1)].join(","))
}

/// The schema of that list.
fn schema() -> Value {
    json!({"type": "array", "items": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "length_km": {"type": "integer"}, "ok": {"type": "boolean"}},
        "required": ["name", "length_km", "ok"],
    }})
}

fn pieces(text: &str, size: usize) -> Vec<AiMessage> {
    text.as_bytes().chunks(size).map(|piece| AiMessage::new(std::str::from_utf8(piece).unwrap())).collect()
}

fn answer(pieces: &[AiMessage]) -> Chunks<'static, AiMessage> {
    Chunks::from_values(pieces.to_vec(), AiMessage::merge())
}

/// The median of some runs; making the input is no part of it.
fn time<I, O>(runs: usize, mut input: impl FnMut() -> I, mut work: impl FnMut(I) -> O) -> Duration {
    let mut times: Vec<_> = (0..runs)
        .map(|_| {
            let input = input();
            let start = Instant::now();
            let output = black_box(work(black_box(input)));
            let time = start.elapsed();
            drop(output);
            time
        })
        .collect();
    times.sort();
    times[times.len() / 2]
}

/// How many chunks a stream gives.
fn read<T: Send + 'static>(mut chunks: Chunks<'_, T>) -> usize {
    block_on(async {
        let mut count = 0;
        while let Some(chunk) = chunks.next().await {
            black_box(chunk.unwrap());
            count += 1;
        }
        count
    })
}

fn row(name: &str, bytes: usize, time: Duration, yardstick: Duration, note: &str) {
    let per_byte = time.as_nanos() as f64 / bytes as f64;
    let ratio = time.as_secs_f64() / yardstick.as_secs_f64();
    println!("{name:<46}{:>11.3} ms{per_byte:>9.2} ns/B{ratio:>9.2}x  {note}", time.as_secs_f64() * 1e3);
}

fn main() {
    println!("{:<46}{:>14}{:>14}{:>10}", "", "time", "per byte", "serde_json");
    for bytes in [10_000, 78_000, 1_000_000, 10_000_000] {
        let runs = (40_000_000 / bytes).clamp(5, 201);
        let text = document(bytes);
        let bytes = text.len();
        let kilo = pieces(&text, 1024);
        println!("-- {bytes} bytes");
        let serde = time(runs, || (), |()| serde_json::from_str::<Value>(&text).unwrap());
        row("serde_json, the whole text", bytes, serde, serde, "");
        let (any, rivers) = (JsonOutputParser::new(), JsonOutputParser::typed::<Vec<River>>());
        let by_schema = JsonOutputParser::with_schema(schema());
        let lenient = by_schema.clone().lenient();
        let (events, elements) = (JsonOutputParser::new().events(), JsonOutputParser::elements::<River>());
        let parsed = time(runs, || (), |()| any.parse(&text).unwrap());
        row("parse", bytes, parsed, serde, "");
        let parsed = time(runs, || (), |()| by_schema.parse(&text).unwrap());
        row("parse by a schema", bytes, parsed, serde, "");
        let collect = |answer| block_on(any.transform(answer).collect()).unwrap();
        let collected = time(runs, || answer(&kilo), collect);
        row("1 kB chunks, collected", bytes, collected, serde, "");
        let typed = time(runs, || (), |()| serde_json::from_str::<Vec<River>>(&text).unwrap());
        let ours = time(runs, || answer(&kilo), |answer| block_on(rivers.transform(answer).collect()).unwrap());
        row("1 kB chunks, collected, typed (to serde typed)", bytes, ours, typed, "");
        let few = runs.min(if bytes > 2_000_000 { 1 } else { 11 });
        for (name, size) in [("1 kB chunks", 1024), ("4-character chunks", 4), ("1-character chunks", 1)] {
            let all = pieces(&text, size);
            let label = |what: &str| format!("{name}, {what}");
            let alone = time(few, || answer(&all), |answer| block_on(answer.collect()).unwrap());
            row(&label("the answer alone, collected"), bytes, alone, serde, "no parser");
            let collected = time(few, || answer(&all), collect);
            row(&label("collected"), bytes, collected, serde, "");
            let told = time(few, || answer(&all), |answer| read(events.transform(answer)));
            row(&label("events"), bytes, told, serde, "");
            let given = time(few, || answer(&all), |answer| read(elements.transform(answer)));
            row(&label("elements"), bytes, given, serde, "");
            let mut count = 0;
            let snapshots = time(few.min(5), || answer(&all), |answer| count = read(any.transform(answer)));
            row(&label("snapshots read"), bytes, snapshots, serde, &format!("{count} snapshots"));
            // All that has to be said of larger ones is that they cost more in line with their size.
            if bytes > 2_000_000 {
                continue;
            }
            for (parser, what) in [(&by_schema, "by a schema"), (&lenient, "by a schema, leniently")] {
                let snapshots = time(few.min(5), || answer(&all), |answer| count = read(parser.transform(answer)));
                row(&label(&format!("snapshots {what}")), bytes, snapshots, serde, &format!("{count} snapshots"));
            }
        }
    }
    // What a step around the parser adds.
    let text = document(78_000);
    let all = pieces(&text, 1);
    let model = generator(move |_: Chunks<'_, String>| answer(&all));
    let chain = model.clone() | JsonOutputParser::new();
    let limited = chain.clone().with_idle_timeout(Duration::from_secs(60));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let alone = time(21, || (), |()| runtime.block_on(chain.invoke("")).unwrap());
    let wrapped = time(21, || (), |()| runtime.block_on(limited.invoke("")).unwrap());
    row("invoke of a chain, 1-character chunks", text.len(), alone, alone, "(to itself)");
    row("the same .with_idle_timeout(..)", text.len(), wrapped, alone, "(to the one before)");
}
