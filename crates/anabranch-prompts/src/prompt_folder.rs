//! [`PromptFolder`]: prompts from files.

use std::fs;
use std::io::Read;
use std::path::{Component, Path, PathBuf};

use anabranch_core::{Error, ErrorKind, Result};

use crate::prompt_template::PromptTemplate;
use crate::template_error::plain;

/// A folder with prompts in files. Nothing outside of it is ever read: not by `..`, not by an absolute path, not by a
/// link.
///
/// ```
/// use anabranch_prompts::{ChatPromptTemplate, PromptFolder};
///
/// # let base = std::env::temp_dir().join(format!("anabranch-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&base).unwrap();
/// # std::fs::write(base.join("pilot.txt"), "You are a pilot on the {river}.").unwrap();
/// # std::fs::write(base.join("list.mustache"), "{{#rivers}}{{.}} {{/rivers}}").unwrap();
/// let folder = PromptFolder::open(&base)?;
/// let chat = ChatPromptTemplate::from_messages([("system", folder.read("pilot.txt")?), ("user", "{question}".into())])?;
/// assert_eq!(chat.variables(), ["river", "question"]);
///
/// let list = folder.prompt("list.mustache")?;
/// assert_eq!(list.optional_variables(), ["rivers"]);
/// assert!(folder.read("../secrets.txt").is_err());
/// # std::fs::remove_dir_all(&base).unwrap();
/// # Ok::<(), anabranch_core::Error>(())
/// ```
#[derive(Debug, Clone)]
#[doc(alias = "from_file")]
#[doc(alias = "load_prompt")]
pub struct PromptFolder {
    /// Without links in it.
    base: PathBuf,
}

/// The most bytes a file may have.
const MOST: u64 = 16 << 20;

/// The most characters of a file's name that are shown.
const LONGEST_NAME: usize = 80;

impl PromptFolder {
    /// A folder that is there.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] where it is not, or is no folder.
    pub fn open(base: impl AsRef<Path>) -> Result<Self> {
        let base = fs::canonicalize(base).map_err(|error| failed("the folder of prompts cannot be opened", error))?;
        if !base.is_dir() {
            return Err(Error::new(ErrorKind::Configuration, "the folder of prompts is a file"));
        }
        Ok(Self { base })
    }

    /// The text of a file in it or in a folder in it, as it stands there.
    ///
    /// # Errors
    /// [`ErrorKind::Configuration`] for a path that leads out of the folder, for a file that cannot be read, for one
    /// of more than 16 MiB, and for one that is not UTF-8.
    pub fn read(&self, path: impl AsRef<Path>) -> Result<String> {
        let path = path.as_ref();
        let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !stays || path.as_os_str().is_empty() {
            return Err(outside());
        }
        let file = self.inside(path)?;
        // Nothing is opened that waits for somebody to write: a pipe, a device.
        check_facts(&fs::metadata(&file).map_err(unread)?)?;
        let opened = fs::File::open(&file).map_err(unread)?;
        self.read_opened(path, &file, opened)
    }

    /// The text of what was opened for a path, when it led to that file.
    fn read_opened(&self, path: &Path, file: &Path, mut opened: fs::File) -> Result<String> {
        let facts = opened.metadata().map_err(unread)?;
        check_facts(&facts)?;
        // Links may have been changed meanwhile: what was opened must be what is in the folder now.
        let again = self.inside(path)?;
        if !is_same(file, &facts, &again)? {
            return Err(outside());
        }
        let mut bytes = Vec::new();
        // A file that grows is read as far as it may be.
        opened.by_ref().take(MOST + 1).read_to_end(&mut bytes).map_err(unread)?;
        check_length(bytes.len() as u64)?;
        String::from_utf8(bytes).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            Error::new(ErrorKind::Configuration, format!("the file of a prompt is not UTF-8 at byte {place}"))
        })
    }

    /// Where a path leads when its links are followed: into the folder.
    fn inside(&self, path: &Path) -> Result<PathBuf> {
        let file = fs::canonicalize(self.base.join(path)).map_err(unread)?;
        if file.starts_with(&self.base) { Ok(file) } else { Err(outside()) }
    }

    /// The prompt in a file. How its name ends says its language: `.mustache`; `.jinja` or `.j2`, with the feature
    /// `jinja`; else text with `{variables}`.
    ///
    /// # Errors
    /// As for [`read`](Self::read), and [`ErrorKind::InvalidChain`] for a template that is none.
    pub fn prompt(&self, path: impl AsRef<Path>) -> Result<PromptTemplate> {
        let path = path.as_ref();
        let text = self.read(path)?;
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let made = match ending {
            "mustache" => PromptTemplate::mustache(text),
            #[cfg(feature = "jinja")]
            "jinja" | "jinja2" | "j2" => PromptTemplate::jinja(text),
            #[cfg(not(feature = "jinja"))]
            "jinja" | "jinja2" | "j2" => {
                Err(Error::new(ErrorKind::Configuration, "a prompt in Jinja needs the feature `jinja`"))
            }
            _ => PromptTemplate::from_template(text),
        };
        made.map_err(|error| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            error.at(name.chars().take(LONGEST_NAME).map(plain).collect::<String>())
        })
    }
}

#[cold]
fn outside() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "the path of a prompt leads out of its folder: it is relative, and has no `..` and no link that leads elsewhere",
    )
}

fn check_facts(facts: &fs::Metadata) -> Result<()> {
    if !facts.is_file() {
        return Err(Error::new(ErrorKind::Configuration, "what should be the file of a prompt is no file"));
    }
    check_length(facts.len())
}

fn check_length(length: u64) -> Result<()> {
    if length > MOST {
        let message = format!("the file of a prompt has {length} bytes, where at most {MOST} are read");
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    Ok(())
}

/// Whether what was opened is what a path leads to.
#[cfg(unix)]
fn is_same(_: &Path, opened: &fs::Metadata, path: &Path) -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let there = fs::metadata(path).map_err(unread)?;
    Ok((opened.dev(), opened.ino()) == (there.dev(), there.ino()))
}

/// Whether the path leads to where it led when it was opened: elsewhere files have no number that can be compared.
#[cfg(not(unix))]
fn is_same(before: &Path, _: &fs::Metadata, path: &Path) -> Result<bool> {
    Ok(before == path)
}

#[cold]
fn unread(error: std::io::Error) -> Error {
    failed("a prompt cannot be read", error)
}

#[cold]
fn failed(what: &'static str, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Configuration, format!("{what}: {}", error.kind())).with_source(error)
}

#[cfg(test)]
mod tests;
