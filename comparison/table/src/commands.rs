//! Programs that are run, and what they say.

use std::process::{Command, Output};

use crate::Result;

/// What the program writes to stdout. When it fails, the error is the end of what it wrote to stderr.
pub fn output(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let Output { status, stdout, stderr } = command.output().map_err(|error| format!("{name}: {error}"))?;
    if status.success() {
        return Ok(String::from_utf8(stdout)?);
    }
    let stderr = String::from_utf8_lossy(&stderr);
    eprintln!("{stderr}");
    let said = stderr.lines().filter(|line| line.starts_with("error") || line.contains("rror: ")).next();
    Err(said.or(stderr.lines().last()).unwrap_or("it failed and did not say why").trim().into())
}
