//! What a thousand streams at once cost a client, beside bare `reqwest` that splits lines, over loopback.
//!
//! `cargo bench -p anabranch-models --features openai --bench loopback` prints the table. The server is a process of its
//! own, and so is each client: what is counted is the client alone, its processor time from `/proc/self/stat` and its
//! memory from `/proc/self/status` (Linux). Both clients have a runtime with two threads. Each row is the median of
//! rounds in which the clients take turns. `-- --test` reads a few short streams once.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod client;
mod server;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// How many streams at once, how many tokens each, and how many milliseconds between two tokens.
#[derive(Clone, Copy)]
struct Load {
    streams: usize,
    tokens: usize,
    pause: u64,
}

impl Load {
    fn arguments(self) -> [String; 3] {
        [self.streams.to_string(), self.tokens.to_string(), self.pause.to_string()]
    }

    fn parse(arguments: &[String]) -> Self {
        let number = |at: usize| arguments[at].parse::<u64>().unwrap();
        Self { streams: number(0) as usize, tokens: number(1) as usize, pause: number(2) }
    }
}

/// What a client took.
#[derive(Clone, Copy)]
struct Took {
    /// Nanoseconds of processor time for each token.
    cpu: f64,
    /// Bytes for each stream, at most, over those before the first.
    memory: f64,
}

const CLIENTS: [&str; 3] = ["anabranch", "reqwest, splits lines", "reqwest, splits lines and parses"];

/// This program in another role.
fn role(name: &str, load: Load, more: &[&str]) -> Child {
    let mut program = Command::new(std::env::current_exe().unwrap());
    // No proxy of the environment's has anything to do with it.
    program.arg(name).args(load.arguments()).args(more).env("NO_PROXY", "*");
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
}

fn line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    line.trim().to_string()
}

fn round(load: Load, client: &str) -> Took {
    let mut server = role("--server", load, &[]);
    let address = line(&mut server);
    let mut child = role("--client", load, &[client, &address]);
    let said = line(&mut child);
    assert!(child.wait().unwrap().success(), "{client}");
    server.kill().unwrap();
    server.wait().unwrap();
    let (cpu, memory) = said.split_once(' ').unwrap();
    Took { cpu: cpu.parse().unwrap(), memory: memory.parse().unwrap() }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn table(load: Load, rounds: usize) {
    let all: Vec<[Took; 3]> = (0..rounds).map(|_| CLIENTS.map(|client| round(load, client))).collect();
    println!("{} streams at once, {} tokens each, one every {} ms", load.streams, load.tokens, load.pause);
    println!("{:<36}{:>16}{:>9}{:>20}{:>9}", "", "CPU per token", "ratio", "memory per stream", "ratio");
    for (at, client) in CLIENTS.iter().enumerate() {
        let of = |take: &dyn Fn(&[Took; 3]) -> f64| median(all.iter().map(take).collect());
        println!(
            "{client:<36}{:>13.0} ns{:>8.2}x{:>14.1} KiB{:>8.2}x",
            of(&|took| took[at].cpu),
            of(&|took| took[0].cpu / took[at].cpu),
            of(&|took| took[at].memory) / 1024.0,
            of(&|took| took[0].memory / took[at].memory),
        );
    }
}

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.first().map(String::as_str) {
        Some("--server") => server::run(Load::parse(&arguments[1..])),
        Some("--client") => client::run(Load::parse(&arguments[1..]), &arguments[4], &arguments[5]),
        Some("--test") => table(Load { streams: 5, tokens: 10, pause: 1 }, 1),
        _ => table(Load { streams: 1_000, tokens: 500, pause: 20 }, 5),
    }
}
