//! `examples/durable_graph.rs` as a process of its own, which is killed at any moment and started again.
//!
//! A node whose work is in the log never starts again, each of them is in the log exactly once, and what comes of it is
//! what comes of a run that nobody disturbs. Work that was under way when the process died is not in the log: it starts
//! anew.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

use std::collections::HashSet;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use anabranch::graph::{GraphStore, SqliteStore};
use serde_json::Value;

const KILLS: usize = 100;

/// A file that is not there yet.
fn file(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("durable-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder.join("report.sqlite")
}

fn start(file: &Path) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_durable_graph"));
    program.arg(file).arg("2").stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The paths at which it worked, in the order in which it said so.
fn works(output: &Output) -> Vec<String> {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    // Of a last line that is cut off nothing is known.
    let whole = said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
    whole.filter_map(|line| line.strip_prefix("works: ")).map(String::from).collect()
}

/// What it says when it is done.
fn report(output: &Output) -> String {
    let said = String::from_utf8(output.stdout.clone()).unwrap();
    said.split_once("done:\n").unwrap_or_else(|| panic!("{output:?}")).1.to_string()
}

/// What was entered, but for which run entered it.
fn less_run(record: &str) -> String {
    let mut record: Value = serde_json::from_str(record).unwrap();
    assert!(record["entry"].as_object_mut().unwrap().remove("run").is_some());
    record.to_string()
}

/// The log, less the state it begins with.
async fn entries(file: &Path) -> Vec<String> {
    let store = SqliteStore::open(file).await.unwrap();
    let records = store.read("report", None).await.unwrap().map_or(Vec::new(), |(_, records)| records);
    records.into_iter().skip(1).map(|record| less_run(&record)).collect()
}

fn paths(entries: &[String]) -> HashSet<String> {
    let path = |entry: &String| {
        let entry: Value = serde_json::from_str(entry).unwrap();
        entry["entry"]["path"].as_str().unwrap().to_string()
    };
    let paths: HashSet<_> = entries.iter().map(path).collect();
    assert_eq!(paths.len(), entries.len(), "each of them is in the log once: {entries:?}");
    paths
}

fn in_any_order(mut entries: Vec<String>) -> Vec<String> {
    entries.sort();
    entries
}

#[tokio::test]
async fn what_is_in_the_log_is_not_done_again_however_often_it_is_killed() {
    let undisturbed = file("undisturbed");
    let began = Instant::now();
    let output = start(&undisturbed).wait_with_output().unwrap();
    let time = began.elapsed();
    let (report_of_all, log) = (report(&output), in_any_order(entries(&undisturbed).await));
    let all: HashSet<_> = works(&output).into_iter().collect();
    assert_eq!((all.len(), report_of_all.lines().count()), (3 * 8 + 1, 3));
    // Beside them the lists and the graphs that are closed.
    assert!(paths(&log).is_superset(&all));
    assert_eq!(log.len(), all.len() + 3 * 2);

    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
    let mut random = u64::from(seed | 1);
    let (mut kills, mut amid, mut again, mut runs) = (0, 0, 0, 0);
    while kills < KILLS {
        runs += 1;
        let file = file(&format!("killed-{runs}"));
        let (mut known, mut started) = (HashSet::new(), HashSet::new());
        let last = loop {
            let mut process = start(&file);
            // Marsaglia's xorshift.
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            tokio::time::sleep(Duration::from_micros(random % (time.as_micros() as u64))).await;
            process.kill().unwrap();
            let output = process.wait_with_output().unwrap();
            let works = works(&output);
            let repeated: Vec<_> = works.iter().filter(|path| known.contains(*path)).collect();
            assert!(repeated.is_empty(), "seed {seed}: {repeated:?} worked though in the log");
            let now: HashSet<_> = works.iter().cloned().collect();
            assert_eq!(now.len(), works.len(), "seed {seed}: a process does nothing twice: {works:?}");
            again += now.intersection(&started).count();
            started.extend(now);
            if output.status.success() {
                break output;
            }
            assert_eq!(output.status.signal(), Some(9), "seed {seed}: {output:?}");
            kills += 1;
            let entries = entries(&file).await;
            amid += usize::from(!entries.is_empty() && entries.len() < log.len());
            let now = paths(&entries);
            assert!(now.is_superset(&known), "seed {seed}: the log forgets nothing");
            known = now;
        };
        assert_eq!(report(&last), report_of_all, "seed {seed}");
        assert_eq!(started, all, "seed {seed}");
        assert_eq!(in_any_order(entries(&file).await), log, "seed {seed}");
    }
    println!(
        "{kills} kills in {runs} runs, {amid} amid a log; {again} works that had not come into the log began anew"
    );
    assert!(amid > KILLS / 10, "seed {seed}: only {amid} of {kills} kills came amid a run");
}

/// The last record is torn, or something else than what was written: the program says so, and does nothing.
#[tokio::test]
async fn a_damaged_last_record_is_found() {
    for (number, damage) in
        ["substr(record, 1, length(record) / 2)", "replace(record, 'print', 'plan')"].iter().enumerate()
    {
        let file = file(&format!("damaged-{number}"));
        assert!(start(&file).wait_with_output().unwrap().status.success());
        let last = entries(&file).await.len();
        let raw = rusqlite::Connection::open(&file).unwrap();
        let update = format!("UPDATE anabranch_log SET record = {damage} WHERE position = ?");
        assert_eq!(raw.execute(&update, [last as i64]).unwrap(), 1);
        let output = start(&file).wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        assert!(said.contains(&format!("record {last} of the thread \"report\" is damaged")), "{said}");
        assert!(works(&output).is_empty(), "{output:?}");
    }
}
