//! What the pages tell users to type, and where they send them, exists.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The commands of a page: those in its code blocks for a shell, and those between backticks in its prose.
fn commands(page: &str) -> Vec<String> {
    let mut commands: Vec<String> = code_lines(page, "sh").into_iter().map(str::to_string).collect();
    let mut code = false;
    let lines = page.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    });
    let prose = lines.collect::<Vec<_>>().join(" ");
    commands.extend(prose.split('`').skip(1).step_by(2).filter(|code| code.contains("cargo ")).map(str::to_string));
    commands
}

/// What the examples say of themselves: the comment at the head of each.
fn heads_of_examples() -> Vec<(PathBuf, String)> {
    let examples = fs::read_dir(root().join("examples")).unwrap().map(|entry| entry.unwrap().path());
    let heads = examples.filter(|path| path.extension().is_some_and(|extension| extension == "rs")).map(|path| {
        let program = fs::read_to_string(&path).unwrap();
        let head = program.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let head = head.collect::<Vec<_>>().join("\n");
        assert!(!head.is_empty(), "{}: it does not say what it shows", path.display());
        (path, head)
    });
    heads.collect()
}

/// A table of the manifests of all members.
fn of_all_members(table: &str) -> BTreeSet<String> {
    let members = root().join("crates").read_dir().unwrap().map(|member| member.unwrap().file_name());
    members
        .flat_map(|member| manifest_names(&format!("crates/{}/Cargo.toml", member.to_string_lossy()), table))
        .collect()
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
    let benches = of_all_members("bench");
    let features = of_all_members("features");
    let suites = manifest_names("tests/Cargo.toml", "test");
    assert!(examples.contains("parallel_chain") && features.contains("openai"), "{examples:?} {features:?}");
    let mut seen = 0;
    let pages = pages().into_iter().map(|path| {
        let page = fs::read_to_string(&path).unwrap();
        (path, page)
    });
    for (path, page) in pages.chain(heads_of_examples()) {
        for line in commands(&page) {
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
                                let tests = member.unwrap().path().join("tests");
                                tests.join(format!("{}.rs", pair[1])).exists()
                                    || tests.join(pair[1]).join("main.rs").exists()
                            })
                    }
                    "-p" | "--package" => {
                        ["anabranch-tests", "your-crate"].contains(&pair[1])
                            || root().join("crates").join(pair[1]).join("Cargo.toml").exists()
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

/// The code blocks of a page: the language, and what stands in it.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let mut parts = page.split("```").skip(1).step_by(2);
    let mut blocks = Vec::new();
    while let Some((opened, text)) = parts.next().and_then(|part| part.split_once('\n')) {
        blocks.push((opened.split(',').next().unwrap(), text));
    }
    blocks
}

/// The program of the front page with this name, what stands below it on the page, and what it prints.
fn front_page(name: &str) -> (String, String) {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let program = fs::read_to_string(root().join(format!("tests/front_page/{name}.rs"))).unwrap();
    let blocks = blocks(&readme);
    let at = blocks.iter().position(|(language, text)| *language == "rust" && *text == program);
    let at = at.unwrap_or_else(|| panic!("README.md does not have the program of tests/front_page/{name}.rs"));
    let (language, shown) = blocks[at + 1];
    assert_eq!(language, "text", "what {name} prints stands below it");
    let ran = Command::new(env!("CARGO_BIN_EXE_front_page")).arg(name).env("ANABRANCH_MODEL", "offline").output();
    let ran = ran.unwrap();
    assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    (shown.to_string(), String::from_utf8(ran.stdout).unwrap())
}

/// Lines are broken differently on the page.
fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn the_front_page_shows_no_other_programs() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = blocks(&readme).into_iter().filter(|(language, _)| *language == "rust").count();
    assert_eq!(shown, 4, "each has a test here that compares what it prints");
}

#[test]
fn the_typed_chain_prints_what_the_front_page_shows() {
    let (shown, printed) = front_page("typed");
    let shown = shown.trim_end().strip_suffix("...").unwrap();
    assert!(words(&printed).starts_with(&words(shown)), "{printed}");
}

#[test]
fn the_graph_prints_what_the_front_page_shows() {
    let (shown, printed) = front_page("graph");
    assert_eq!(words(&shown), words(&printed));
}

#[test]
fn the_failing_chain_prints_what_the_front_page_shows() {
    let (shown, printed) = front_page("fails");
    assert_eq!(words(&shown), words(&printed));
}

#[test]
fn the_streaming_chain_prints_what_the_front_page_shows() {
    let (shown, printed) = front_page("streamed");
    let shown = shown.trim_end().strip_suffix("...").unwrap();
    // Which branch is first is a matter of time; what each gives is not.
    for key in ["upside", "downside"] {
        fn of<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
            text.lines().filter(|line| line.starts_with(&format!("{{\"{key}\":"))).collect()
        }
        let shown = of(shown, key);
        assert!(shown.len() > 1 && of(&printed, key).starts_with(&shown), "{printed}");
    }
}

#[test]
fn the_compiler_says_what_the_readme_shows() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown = blocks(&readme).into_iter().filter(|(_, text)| text.starts_with("error["));
    // All but the line that names the file.
    let without_place = |text: &str| {
        let lines = text.lines().filter(|line| !line.trim_start().starts_with("--> "));
        lines.map(str::trim).collect::<Vec<_>>().join("\n")
    };
    let said: Vec<String> = fs::read_dir(root().join("tests/compile_fail"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "stderr"))
        .map(|path| without_place(&fs::read_to_string(path).unwrap()))
        .collect();
    let mut seen = 0;
    for (_, text) in shown {
        let text = without_place(text);
        assert!(said.iter().any(|said| said.starts_with(&text)), "no compile-fail test says `{text}`");
        seen += 1;
    }
    assert_eq!(seen, 2);
    // The misspelt variable stands in the chain of the page.
    let misspelt = fs::read_to_string(root().join("tests/compile_fail/front_page.rs")).unwrap();
    let typed = fs::read_to_string(root().join("tests/front_page/typed.rs")).unwrap();
    let prompt = |text: &str| {
        let prompt = &text[text.find("prompt!(|Research").unwrap()..];
        words(&prompt[..prompt.find(";\n").unwrap()]).join(" ")
    };
    assert_eq!(prompt(&misspelt).replace("{topik}", "{topic}"), prompt(&typed));
}

#[test]
fn the_table_of_features_says_what_the_comparison_found() {
    let cells = |row: &str| -> Vec<String> {
        let row = row.replace(" ▶", "");
        row.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).collect()
    };
    let found = fs::read_to_string(root().join("comparison/features.md")).unwrap();
    let found: Vec<Vec<String>> = found
        .lines()
        .filter(|line| line.starts_with('|'))
        .map(|line| {
            let mut cells = cells(line);
            // Rows have numbers there.
            if let Some((number, name)) = cells[0].split_once(". ") {
                assert!(number.parse::<usize>().is_ok(), "{line}");
                cells[0] = name.to_string();
            }
            cells
        })
        .collect();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let shown: Vec<&str> = readme.lines().skip_while(|line| !line.starts_with("| | anabranch |")).collect();
    let shown: Vec<&str> = shown.into_iter().take_while(|line| line.starts_with('|')).collect();
    assert!(shown.len() > 10, "{shown:?}");
    for row in shown {
        assert!(found.contains(&cells(row)), "comparison/features.md does not say `{row}`");
    }
}

#[test]
fn the_table_of_speed_is_part_of_what_the_comparison_printed() {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().to_string()).filter(|cell| !cell.is_empty()).collect()
    };
    let results = fs::read_to_string(root().join("comparison/results.md")).unwrap();
    let printed: Vec<Vec<String>> = results.lines().filter(|line| line.starts_with('|')).map(cells).collect();
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    let quoted = readme.split("<!-- comparison -->").nth(1).unwrap().split("<!-- /comparison -->").next().unwrap();
    let rows: Vec<&str> = quoted.lines().filter(|line| line.starts_with('|') && !line.contains("--:")).collect();
    assert!(rows.len() > 5, "{rows:?}");
    let columns: Vec<Option<usize>> =
        cells(rows[0]).iter().map(|name| printed[0].iter().position(|there| there == name)).collect();
    for row in &rows[1..] {
        let row = cells(row);
        let found = printed.iter().find(|there| there[0] == row[0]);
        let found = found.unwrap_or_else(|| panic!("comparison/results.md has no row `{}`", row[0]));
        for (cell, column) in row[1..].iter().zip(&columns) {
            let column = column.expect("a column of the comparison's");
            assert_eq!(*cell, found[column + 1], "{}: {}", row[0], printed[0][column]);
        }
    }
}

/// `docs/fan-out.svg` and the badges as the documentation has them: an address that is the picture itself, since
/// rustdoc copies no files.
#[test]
fn the_documentation_has_the_pictures_of_the_front_page() {
    let mut pictures = String::new();
    for (label, file) in
        [("badge-licence", "badges/licence.svg"), ("badge-rust", "badges/rust.svg"), ("picture", "fan-out.svg")]
    {
        let picture = fs::read_to_string(root().join("docs").join(file)).unwrap();
        assert!(picture.len() < 4_000, "docs/{file} has {} bytes", picture.len());
        let mut address = String::new();
        for char in picture.replace("\n  ", "").replace('\n', "").chars() {
            match char {
                '<' | '>' | '#' | '%' | '"' | ' ' | '{' | '}' | '|' => {
                    address.push_str(&format!("%{:02X}", u32::from(char)))
                }
                other => address.push(other),
            }
        }
        pictures.push_str(&format!("[{label}]: <data:image/svg+xml,{address}>\n"));
    }
    let path = root().join("crates/anabranch/src/pictures.md");
    if std::env::var_os("ANABRANCH_WRITE").is_some() {
        fs::write(&path, &pictures).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(there, pictures, "run this test with ANABRANCH_WRITE=1 after a picture has changed");
}

#[test]
fn the_badges_say_what_the_manifest_says() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let badge = |name: &str| fs::read_to_string(root().join(format!("docs/badges/{name}.svg"))).unwrap();
    let of = |key: &str| {
        let line = manifest.lines().find_map(|line| line.strip_prefix(&format!("{key} = \""))).unwrap();
        line.trim_end_matches('"').to_string()
    };
    assert!(badge("rust").contains(&format!("{} or newer", of("rust-version"))));
    assert!(badge("licence").contains(&of("license").replace("OR", "or")));
}

#[test]
fn the_cassette_that_the_guide_shows_is_the_one_it_replays() {
    let page = fs::read_to_string(root().join("docs/guide/18-testing-with-cassettes.md")).unwrap();
    let file = fs::read_to_string(root().join("crates/anabranch/tests/cassettes/greeting.json")).unwrap();
    assert!(blocks(&page).contains(&("json", file.as_str())));
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
