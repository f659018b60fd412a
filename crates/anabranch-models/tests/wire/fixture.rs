//! [`Fixture`]: a recorded body and what a correct client reads from it.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::say;

pub(crate) struct Fixture {
    pub(crate) name: String,
    pub(crate) api: String,
    pub(crate) streamed: bool,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) expect: Value,
}

/// The folder with `manifest.json`. `None`, and a line that says so, where there is none.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("ANABRANCH_WIRE_FIXTURES").map(PathBuf::from);
    let beside = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/wire");
    let folder = named.unwrap_or_else(beside);
    // Either the folder with the cases or the one with the bodies may be named.
    let found = [folder.join("fixtures"), folder].into_iter().find(|folder| folder.join("manifest.json").is_file());
    if found.is_none() {
        say("wire: SKIPPED: no recorded traffic here; set ANABRANCH_WIRE_FIXTURES to its folder");
    }
    found
}

pub(crate) fn all() -> Option<Vec<Fixture>> {
    let folder = folder()?;
    let read = |path: &Path| std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let manifest: Value = serde_json::from_slice(&read(&folder.join("manifest.json"))).unwrap();
    let load = |entry: &Value| {
        let path = folder.join(entry["file"].as_str().unwrap());
        let mut expect: Value = serde_json::from_slice(&read(&path.with_extension("expect.json"))).unwrap();
        let header = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_string()));
        Fixture {
            name: path.strip_prefix(&folder).unwrap().with_extension("").display().to_string(),
            api: entry["api"].as_str().unwrap().to_string(),
            streamed: entry["transport"] != "json",
            status: u16::try_from(entry["http_status"].as_u64().unwrap()).unwrap(),
            headers: entry["headers"].as_object().unwrap().iter().filter_map(header).collect(),
            body: read(&path),
            expect: expect["expect"].take(),
        }
    };
    Some(manifest.as_array().unwrap().iter().map(load).collect())
}

impl Fixture {
    /// Where the body may be cut so that every frame is whole.
    pub(crate) fn ends_of_frames(&self) -> Vec<usize> {
        let ends: &[&[u8]] = if self.body.starts_with(b"{") { &[b"\n"] } else { &[b"\n\n", b"\r\n\r\n"] };
        (1..=self.body.len()).filter(|at| ends.iter().any(|end| self.body[..*at].ends_with(end))).collect()
    }
}
