//! What the pages tell users to type, and where they send them, exists.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The Markdown files of the project: those at the root and everything under `docs`.
fn pages() -> Vec<PathBuf> {
    fn collect(folder: &Path, deep: bool, pages: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && deep {
                collect(&path, true, pages);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path);
            }
        }
    }
    let mut pages = Vec::new();
    collect(&root(), false, &mut pages);
    collect(&root().join("docs"), true, &mut pages);
    pages.sort();
    assert!(pages.len() > 5, "{pages:?}");
    pages
}

/// The lines of the code blocks in this language.
fn code_lines<'a>(page: &'a str, language: &str) -> Vec<&'a str> {
    let mut inside = None;
    let mut lines = Vec::new();
    for line in page.lines() {
        match (line.trim_start().strip_prefix("```"), inside) {
            (Some(opened), None) => inside = Some(opened.trim() == language),
            (Some(_), Some(_)) => inside = None,
            (None, Some(true)) => lines.push(line.trim()),
            (None, _) => {}
        }
    }
    assert_eq!(inside, None, "a code block is not closed");
    lines
}

/// The keys of a table of a manifest, or the names in its `[[…]]` entries.
fn manifest_names(manifest: &str, table: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut here = "";
    for line in fs::read_to_string(root().join(manifest)).unwrap().lines().map(str::trim) {
        if line.starts_with('[') {
            here = if line.trim_matches(['[', ']']) == table { table } else { "" };
        } else if let (false, Some((key, value))) = (here.is_empty() || line.starts_with('#'), line.split_once('=')) {
            let array_entry = key.trim() == "name";
            names.insert(if array_entry { value } else { key }.trim().trim_matches('"').to_string());
        }
    }
    names
}

#[test]
fn commands_name_what_exists() {
    let examples = manifest_names("crates/anabranch/Cargo.toml", "example");
    let benches = manifest_names("crates/anabranch/Cargo.toml", "bench");
    let features = manifest_names("crates/anabranch/Cargo.toml", "features");
    let suites = manifest_names("tests/Cargo.toml", "test");
    assert!(examples.contains("parallel_chain") && features.contains("openai"), "{examples:?} {features:?}");
    let mut seen = 0;
    for path in pages() {
        let page = fs::read_to_string(&path).unwrap();
        for line in code_lines(&page, "sh") {
            // What stands before the command are variables, what stands behind `#` is a remark.
            let words: Vec<&str> = line.split_whitespace().take_while(|word| *word != "#").collect();
            for pair in words.windows(2) {
                let there = match pair[0] {
                    "--example" => examples.contains(pair[1]),
                    "--bench" => benches.contains(pair[1]),
                    "--features" => pair[1].split(',').all(|feature| features.contains(feature)),
                    "--test" => {
                        suites.contains(pair[1])
                            || root().join("crates").read_dir().unwrap().any(|member| {
                                member.unwrap().path().join("tests").join(format!("{}.rs", pair[1])).exists()
                            })
                    }
                    "-p" | "--package" => {
                        pair[1] == "anabranch-tests" || root().join("crates").join(pair[1]).join("Cargo.toml").exists()
                    }
                    _ => continue,
                };
                assert!(there, "{}: `{line}`: there is no `{}`", path.display(), pair[1]);
                seen += 1;
            }
        }
    }
    assert!(seen > 3, "no commands were found");
}

#[test]
fn the_gate_runs_what_the_readme_tells_users_to_run() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let gate = fs::read_to_string(root().join(".ci/run")).unwrap();
    for command in ["cargo run --example parallel_chain", "cargo test --workspace"] {
        assert!(code_lines(&readme, "sh").contains(&command), "README.md: {command}");
        assert!(gate.contains(command), ".ci/run: {command}");
    }
}

/// What a page says outside of its code.
fn prose(page: &str) -> String {
    let mut code = false;
    let lines = page.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    });
    // Every second part between backticks is code, too.
    lines.collect::<Vec<_>>().join("\n").split('`').step_by(2).collect()
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut seen = 0;
    for path in pages() {
        let prose = prose(&fs::read_to_string(&path).unwrap());
        let written_out = prose.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let definitions: Vec<(&str, &str)> =
            prose.lines().filter_map(|line| line.strip_prefix('[')?.split_once("]: ")).collect();
        for label in prose.split("][").skip(1).filter_map(|rest| rest.split(']').next()) {
            assert!(
                definitions.iter().any(|(there, _)| *there == label),
                "{}: [{label}] leads nowhere",
                path.display()
            );
        }
        for target in written_out.chain(definitions.iter().map(|(_, target)| *target)) {
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.starts_with("https://") {
                continue;
            }
            assert!(path.parent().unwrap().join(file).exists(), "{}: {target}", path.display());
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen} links were found");
}

#[test]
fn the_compiler_says_what_the_readme_shows() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown: Vec<&str> = code_lines(&readme, "text")
        .into_iter()
        .filter(|line| line.starts_with("error[") || line.starts_with("| "))
        .collect();
    assert!(shown.len() > 1, "{shown:?}");
    let said: String = fs::read_dir(root().join("tests/compile_fail"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "stderr"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    for line in shown {
        assert!(said.contains(line), "no compile-fail test says `{line}`");
    }
}

#[test]
fn every_test_that_the_list_of_faults_names_is_there() {
    let page = fs::read_to_string(root().join("docs/faults.md")).unwrap();
    let mut named = 0;
    for row in page.lines().filter(|line| line.starts_with("| ") && line.contains(".rs`: `")) {
        let mut quoted = row.rsplit('|').nth(1).unwrap().split('`');
        let (file, test) = (quoted.nth(1).unwrap(), quoted.nth(1).unwrap());
        let text = fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(&format!("fn {test}(")), "{file} has no test `{test}`");
        named += 1;
    }
    assert!(named > 30, "{named} tests are named");
}
