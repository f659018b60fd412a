//! What cargo does and knows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::Result;
use crate::commands::output;

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments).args(["--quiet", "--locked"]);
    command
}

/// So that no later step waits for the network.
pub fn fetch() -> Result<()> {
    output(&mut cargo(&["fetch"])).map(drop)
}

/// Builds one program alone, so that it has the features that its own dependencies ask for and no others.
pub fn build(package: &str) -> Result<PathBuf> {
    output(&mut cargo(&["build", "--release", "--offline", "--package", package]))?;
    Ok(target()?.join("release").join(package))
}

/// The same program, built to count allocations.
pub fn build_counting(package: &str) -> Result<PathBuf> {
    let counting = ["--package", "bench_common", "--features", "bench_common/allocations"];
    output(cargo(&["build", "--release", "--offline", "--package", package]).args(counting))?;
    let counts = target()?.join("counting");
    std::fs::create_dir_all(&counts)?;
    let copy = counts.join(package);
    std::fs::copy(target()?.join("release").join(package), &copy)?;
    Ok(copy)
}

/// How long a build takes when nothing is there but the sources.
pub fn cold_build(package: &str) -> Result<Duration> {
    let cold = target()?.join("cold");
    if cold.exists() {
        std::fs::remove_dir_all(&cold)?;
    }
    let mut command = cargo(&["build", "--release", "--offline", "--package", package]);
    let start = Instant::now();
    output(command.env("CARGO_TARGET_DIR", &cold))?;
    let took = start.elapsed();
    std::fs::remove_dir_all(&cold)?;
    Ok(took)
}

/// How many crates are compiled for a program, without those of the comparison itself.
pub fn crates(package: &str) -> Result<usize> {
    let tree = ["tree", "--offline", "--package", package, "--edges", "no-dev", "--prefix", "none", "--format", "{p}"];
    let listed = output(&mut cargo(&tree))?;
    let ours = |name: &str| name == "bench_common" || name == package;
    let crates: BTreeSet<(&str, &str)> = listed
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?))
        })
        .filter(|(name, _)| !ours(name))
        .collect();
    Ok(crates.len())
}

/// The version of `name` that a program depends on.
pub fn version(package: &str, name: &str) -> Result<String> {
    let tree = ["tree", "--offline", "--package", package, "--edges", "normal", "--prefix", "none", "--depth", "1"];
    let listed = output(&mut cargo(&tree))?;
    let version = listed.lines().find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix('v'));
    let version = version.and_then(|rest| rest.split(' ').next());
    Ok(version.ok_or_else(|| format!("{package} does not depend on {name}"))?.to_string())
}

/// Where all is built and installed.
pub fn target() -> Result<PathBuf> {
    let metadata = output(Command::new("cargo").args(["metadata", "--no-deps", "--format-version", "1"]))?;
    let metadata: Value = serde_json::from_str(&metadata)?;
    Ok(Path::new(metadata["target_directory"].as_str().ok_or("cargo names no target directory")?).to_path_buf())
}
