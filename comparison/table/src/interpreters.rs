//! Python and Node: what they need is installed below the target folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::cargo::target;
use crate::commands::output;
use crate::relatives::Interpreter;

/// An interpreter with the packages of the comparison.
pub struct Installed {
    interpreter: Interpreter,
    program: PathBuf,
    folder: PathBuf,
}

impl Installed {
    /// An error says what is missing.
    pub fn new(interpreter: Interpreter) -> Result<Self> {
        let sources = std::env::current_dir()?.join("interpreters").join(interpreter.folder());
        let folder = target()?.join("interpreters").join(interpreter.folder());
        std::fs::create_dir_all(&folder)?;
        for entry in std::fs::read_dir(&sources)? {
            let entry = entry?;
            std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
        }
        let program = match interpreter {
            Interpreter::Python => python(&folder)?,
            Interpreter::Node => node(&folder)?,
        };
        Ok(Self { interpreter, program, folder })
    }

    fn script(&self, name: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).arg(format!("{name}.{}", self.interpreter.extension()));
        command
    }

    /// Its own version and name.
    pub fn version(&self) -> Result<String> {
        let version = output(Command::new(&self.program).arg("--version"))?;
        Ok(match self.interpreter {
            Interpreter::Python => version.trim().to_string(),
            Interpreter::Node => version.trim().replace('v', "Node "),
        })
    }

    pub fn chain(&self) -> Result<String> {
        output(&mut self.script("chain"))
    }

    pub fn call(&self, base_url: &str) -> Result<String> {
        output(self.script("call").arg(base_url))
    }

    /// Number, megabytes and version of a package and all that it needs.
    pub fn packages(&self, name: &str) -> Result<(usize, f64, String)> {
        let printed = output(self.script("packages").arg(name))?;
        let words: Vec<&str> = printed.split_whitespace().collect();
        let [count, size, version] = words[..] else { return Err(format!("packages printed {printed}").into()) };
        Ok((count.parse()?, size.parse()?, version.to_string()))
    }
}

fn python(folder: &Path) -> Result<PathBuf> {
    let found = output(Command::new("python3").args(["-c", "import venv, ensurepip"]));
    found.map_err(|error| format!("Python 3 with venv is missing ({error})"))?;
    let program = folder.join("venv/bin/python");
    if !program.exists() {
        output(Command::new("python3").args(["-m", "venv"]).arg(folder.join("venv")))?;
    }
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    output(Command::new(&program).args(install).arg(folder.join("requirements.txt")))?;
    Ok(program)
}

fn node(folder: &Path) -> Result<PathBuf> {
    let version = output(Command::new("node").arg("--version"));
    let version = version.map_err(|error| format!("Node is missing ({error})"))?;
    let major = version.trim().trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 20) {
        return Err(format!("Node 20 or newer is needed, and this is {}", version.trim()).into());
    }
    let install = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
    output(Command::new("npm").current_dir(folder).args(install))?;
    Ok(PathBuf::from("node"))
}
