//! Runs the comparison and prints its table: `comparison/run`, see `README.md`.

mod cargo;
mod commands;
mod endpoint;
mod interpreters;
mod measure;
mod relatives;
mod render;

use std::error::Error;

use measure::Measured;
use relatives::RELATIVES;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const USAGE: &str = "usage: comparison/run [--all] [--passes N] [--only NAME]

  --all        build each program with a real call from nothing, too, and say how long it takes (half an hour)
  --passes N   how often each program runs, in turns; the lowest number of each counts (5)
  --only NAME  these rows only; may be given several times";

struct Options {
    cold: bool,
    passes: usize,
    only: Vec<String>,
}

fn options() -> Result<Options> {
    let mut options = Options { cold: false, passes: 5, only: Vec::new() };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--all" => options.cold = true,
            "--passes" => options.passes = arguments.next().ok_or(USAGE)?.parse().map_err(|_| USAGE)?,
            "--only" => options.only.push(arguments.next().ok_or(USAGE)?),
            _ => return Err(USAGE.into()),
        }
    }
    Ok(options)
}

fn run() -> Result<()> {
    let options = options()?;
    let setting = render::Setting::new()?;
    cargo::fetch()?;
    if let Some(unknown) = options.only.iter().find(|only| RELATIVES.iter().all(|relative| relative.name != **only)) {
        let names: Vec<&str> = RELATIVES.iter().map(|relative| relative.name).collect();
        return Err(format!("there is no `{unknown}`, but: {}", names.join(", ")).into());
    }
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    let relatives = RELATIVES.iter().filter(|relative| wanted(relative.name));
    let mut measured: Vec<Measured> = relatives.map(Measured::new).collect();

    for one in &mut measured {
        one.prepare();
    }
    for pass in 1..=options.passes {
        eprintln!("pass {pass} of {}", options.passes);
        for one in &mut measured {
            one.time();
        }
    }
    for one in &mut measured {
        one.call(options.cold);
    }
    print!("{}", render::page(&setting, &options, &measured));
    Ok(())
}

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(1);
    }
}
