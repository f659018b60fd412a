//! What is measured of one relative.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::commands::output;
use crate::interpreters::Installed;
use crate::relatives::{Programs, Relative};
use crate::{Result, cargo, endpoint};

/// The programs of a relative, ready to run.
enum Ready {
    Built(PathBuf),
    Installed(Installed),
}

pub struct Measured {
    pub relative: &'static Relative,
    ready: Option<Ready>,
    pub version: String,
    /// By row and what was measured: nanoseconds, or allocations. Rows stand as they are printed.
    pub rows: Vec<(String, BTreeMap<String, f64>)>,
    pub crates: Option<usize>,
    pub crates_with_call: Option<usize>,
    pub cold_build: Option<Duration>,
    /// In megabytes.
    pub size: Option<f64>,
    /// The interpreter, where there is one.
    pub interpreter: Option<String>,
    /// What failed, and why.
    pub failures: Vec<String>,
}

impl Measured {
    pub fn new(relative: &'static Relative) -> Self {
        Self {
            relative,
            ready: None,
            version: String::new(),
            rows: Vec::new(),
            crates: None,
            crates_with_call: None,
            cold_build: None,
            size: None,
            interpreter: None,
            failures: Vec::new(),
        }
    }

    fn attempt(&mut self, what: &str, work: impl FnOnce(&mut Self) -> Result<()>) {
        eprintln!("{}: {what}", self.relative.name);
        if let Err(error) = work(self) {
            eprintln!("{}: {what}: {error}", self.relative.name);
            self.failures.push(format!("{what}: {error}"));
        }
    }

    /// Builds or installs, and counts.
    pub fn prepare(&mut self) {
        self.attempt("preparing", |this| {
            match this.relative.programs {
                Programs::Rust { chain, call, library } => {
                    if let Some(library) = library {
                        this.version = cargo::version(call, library)?;
                    }
                    this.crates_with_call = Some(cargo::crates(call)?);
                    let Some(chain) = chain else { return Ok(()) };
                    this.crates = Some(cargo::crates(chain)?);
                    let counting = cargo::build_counting(chain)?;
                    this.note(&output(&mut Command::new(counting))?);
                    this.ready = Some(Ready::Built(cargo::build(chain)?));
                }
                Programs::Interpreted { interpreter, core, provider } => {
                    let installed = Installed::new(interpreter)?;
                    let (packages, _, version) = installed.packages(core)?;
                    let (with_call, size, _) = installed.packages(provider)?;
                    (this.crates, this.crates_with_call, this.size) = (Some(packages), Some(with_call), Some(size));
                    this.version = version;
                    this.interpreter = Some(installed.version()?);
                    this.ready = Some(Ready::Installed(installed));
                }
            }
            Ok(())
        });
    }

    /// One pass.
    pub fn time(&mut self) {
        let printed = match &self.ready {
            None => return,
            Some(Ready::Built(program)) => output(&mut Command::new(program)),
            Some(Ready::Installed(installed)) => installed.chain(),
        };
        match printed {
            Ok(printed) => self.note(&printed),
            Err(error) => {
                self.ready = None;
                self.failures.push(format!("running the chain: {error}"));
            }
        }
    }

    /// Of several passes the lowest number counts: others on the machine only make it higher.
    fn note(&mut self, printed: &str) {
        for line in printed.lines() {
            let mut parts = line.split('\t');
            let (Some(name), Some(what), Some(number)) = (parts.next(), parts.next(), parts.next()) else { continue };
            let Ok(number) = number.parse::<f64>() else { continue };
            let row = match self.rows.iter().position(|(row, _)| row == name) {
                Some(index) => index,
                None => {
                    self.rows.push((name.to_string(), BTreeMap::new()));
                    self.rows.len() - 1
                }
            };
            let lowest = self.rows[row].1.entry(what.to_string()).or_insert(number);
            *lowest = lowest.min(number);
        }
    }

    /// The program with a real call: that it works, its size, and how long it takes to build.
    pub fn call(&mut self, cold: bool) {
        self.attempt("calling", |this| {
            let base_url = endpoint::start()?;
            let answer = match this.relative.programs {
                Programs::Rust { call, .. } => {
                    let program = cargo::build(call)?;
                    this.size = Some(std::fs::metadata(&program)?.len() as f64 / 1e6);
                    output(Command::new(program).arg(base_url))?
                }
                Programs::Interpreted { .. } => {
                    let Some(Ready::Installed(installed)) = &this.ready else { return Ok(()) };
                    installed.call(&base_url)?
                }
            };
            if answer.trim() != endpoint::ANSWER {
                return Err(format!("the answer was {answer:?} instead of {:?}", endpoint::ANSWER).into());
            }
            Ok(())
        });
        if let (true, Programs::Rust { call, .. }) = (cold, self.relative.programs) {
            self.attempt("building from nothing", |this| {
                this.cold_build = Some(cargo::cold_build(call)?);
                Ok(())
            });
        }
    }
}
