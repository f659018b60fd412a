//! The table.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

use crate::commands::output;
use crate::measure::Measured;
use crate::{Options, Result};

/// Where and when.
pub struct Setting {
    date: String,
    processor: String,
    rustc: String,
    load: String,
    commit: String,
}

impl Setting {
    pub fn new() -> Result<Self> {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let cpu = read("/proc/cpuinfo");
        let model =
            cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
        let cores = std::thread::available_parallelism()?;
        let commit = output(Command::new("git").args(["describe", "--always", "--dirty"])).unwrap_or_default();
        Ok(Self {
            date: output(Command::new("date").args(["-u", "+%Y-%m-%d"]))?.trim().to_string(),
            processor: format!("{}, {cores} cores", model.unwrap_or(std::env::consts::ARCH)),
            rustc: output(Command::new("rustc").arg("--version"))?.trim().to_string(),
            load: read("/proc/loadavg").split(' ').next().unwrap_or("unknown").to_string(),
            commit: commit.trim().to_string(),
        })
    }
}

const NOTHING: &str = "–";

/// Three digits at most that mean something.
fn time(nanoseconds: f64) -> String {
    let (number, unit) = match nanoseconds {
        n if n < 1e3 => (n, "ns"),
        n if n < 1e6 => (n / 1e3, "µs"),
        n => (n / 1e6, "ms"),
    };
    let digits = if number < 10.0 && unit != "ns" {
        2
    } else if number < 100.0 {
        1
    } else {
        0
    };
    format!("{number:.digits$} {unit}")
}

fn or_nothing<T>(value: Option<T>, show: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NOTHING.to_string(), show)
}

/// `rig, agents` and `0.44.0` are `rig 0.44.0, agents`.
fn label(row: &str, version: &str) -> String {
    let (name, rest) = row.split_at(row.find(',').unwrap_or(row.len()));
    if version.is_empty() { row.to_string() } else { format!("{name} {version}{rest}") }
}

pub fn page(setting: &Setting, options: &Options, measured: &[Measured]) -> String {
    let mut page = String::new();
    let mut line = |text: &str| writeln!(page, "{text}").expect("a string takes everything");
    let hand = measured.iter().flat_map(|one| &one.rows).find(|(name, _)| name == "by hand");
    let hand = hand.and_then(|(_, numbers)| numbers.get("invoke")).copied();

    line(
        "| | per invoke | beside by hand | allocations | per streamed chunk | batch of 10,000, per element | crates | crates with a call | cold build | binary with a call |",
    );
    line("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|");
    for one in measured {
        let none = [(one.relative.name.to_string(), BTreeMap::new())];
        let rows = if one.rows.is_empty() { &none[..] } else { &one.rows[..] };
        for (name, numbers) in rows {
            // A program by hand in another language shares nothing but the process with the library's.
            let by_hand = name.ends_with("by hand") && one.interpreter.is_some();
            let shared = |cell: String| if by_hand { NOTHING.to_string() } else { cell };
            let number = |what: &str, show: fn(f64) -> String| or_nothing(numbers.get(what).copied(), show);
            let ratio = numbers.get("invoke").zip(hand).map(|(invoke, hand)| invoke / hand);
            let version = if by_hand { "" } else { &one.version };
            line(&format!(
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                label(name, version),
                number("invoke", time),
                or_nothing(ratio, |ratio| if ratio < 100.0 {
                    format!("{ratio:.1} ×")
                } else {
                    format!("{ratio:.0} ×")
                }),
                number("allocations", |count| format!("{count:.0}")),
                number("chunk", time),
                number("batch", time),
                shared(or_nothing(one.crates, |count| count.to_string())),
                shared(or_nothing(one.crates_with_call, |count| count.to_string())),
                or_nothing(one.cold_build, |took| format!("{:.0} s", took.as_secs_f64())),
                shared(or_nothing(one.size, |size| format!("{size:.1} MB"))),
            ));
        }
    }
    line("");
    let passes = options.passes;
    let interpreters: Vec<String> = measured.iter().filter_map(|one| one.interpreter.clone()).collect();
    line(&format!(
        "{}; {}; {}{}. Cargo's default release profile, a runtime of one thread. Passes in turns: {passes}, the \
         lowest number counts. Load at the start: {}. anabranch at `{}`.",
        setting.date,
        setting.processor,
        setting.rustc,
        interpreters.iter().map(|name| format!(", {name}")).collect::<String>(),
        setting.load,
        setting.commit
    ));
    if !options.cold {
        line("");
        line("Cold builds were not measured: `--all` does.");
    }
    line("");
    line("What each leaves out, or does besides:");
    line("");
    for one in measured {
        let failures = one.failures.iter().map(|failure| format!(" **Failed here:** {failure}."));
        let notes: String = one.relative.notes.iter().map(|note| format!(" {note}")).chain(failures).collect();
        line(&format!("- {}:{notes}", one.relative.name));
    }
    page
}
