//! Where the recorded traffic lies that some tests read.

use std::io::Write;
use std::path::PathBuf;

/// The folder with `manifest.json`: what `ANABRANCH_WIRE_FIXTURES` names, or `../shared/wire/fixtures` beside the
/// workspace. `None`, and a line that says so, where there is none.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("ANABRANCH_WIRE_FIXTURES").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire");
    let folder = named.unwrap_or_else(beside);
    // Either the folder with the cases or the one with the bodies may be named.
    let found = [folder.join("fixtures"), folder].into_iter().find(|folder| folder.join("manifest.json").is_file());
    if found.is_none() {
        say("SKIPPED: no recorded traffic here; set ANABRANCH_WIRE_FIXTURES to its folder");
    }
    found
}

/// Shows a line that the test harness does not swallow.
pub(crate) fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "\n{line}");
}
