//! The table of the cases in `docs/langgraph-cases.md` against the tests: each row names its tests, each test has a row.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// How many cases there are.
const CASES: usize = 60;

fn table() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/langgraph-cases.md");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All sources of the tests of this crate.
fn sources() -> String {
    fn collect(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                collect(&path, all);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }
    let mut all = String::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"), &mut all);
    all
}

/// `LG-07` as `lg_07`, `E13` as `e13`.
fn prefix_of(id: &str) -> String {
    id.to_lowercase().replace('-', "_")
}

/// The prefix that makes a test that of a case: `lg_07` or `e13`, before an underscore.
fn case_of(test: &str) -> Option<&str> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let end = match test.strip_prefix("lg_") {
        Some(rest) => 3 + rest.find('_')?,
        None => test.find('_')?,
    };
    let case = &test[..end];
    let number = case.strip_prefix("lg_").or_else(|| case.strip_prefix(|first: char| first.is_ascii_lowercase()))?;
    is_number(number).then_some(case)
}

/// The rows of the table: id, and what stands in the last column between backticks.
fn rows(table: &str) -> Vec<(String, Vec<String>)> {
    let row = |line: &str| {
        let cells: Vec<_> = line.strip_prefix('|')?.strip_suffix('|')?.split('|').map(str::trim).collect();
        let (id, last) = (cells.first()?, cells.last()?);
        case_of(&(prefix_of(id) + "_"))?;
        let names = last.split('`').skip(1).step_by(2).map(String::from);
        Some((id.to_string(), names.collect()))
    };
    table.lines().filter_map(|line| row(line.trim())).collect()
}

/// The tests of cases: functions of such a name that are tests and are not ignored.
fn tests(sources: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let (mut is_test, mut is_ignored) = (false, false);
    for line in sources.lines().map(str::trim) {
        if line.starts_with("#[") {
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
            is_ignored |= line.starts_with("#[ignore");
            continue;
        }
        let name =
            line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ").and_then(|rest| rest.split('(').next());
        if let Some(name) = name.filter(|name| is_test && !is_ignored && case_of(name).is_some()) {
            found.insert(name.to_string());
        }
        (is_test, is_ignored) = (false, false);
    }
    found
}

/// What does not fit.
fn differences(table: &str, sources: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut named, mut ids) = (BTreeSet::new(), BTreeMap::<_, usize>::new());
    let tests = tests(sources);
    for (id, names) in rows(table) {
        *ids.entry(id.clone()).or_default() += 1;
        if names.is_empty() {
            found.push(format!("{id} names no test"));
        }
        for name in names {
            if case_of(&name) != Some(&prefix_of(&id)) {
                found.push(format!("{id} names `{name}`, which is not one of its tests"));
            }
            if !tests.contains(&name) {
                found.push(format!("{id} names `{name}`, and there is no such test"));
            }
            named.insert(name);
        }
    }
    found.extend(ids.iter().filter(|(_, count)| **count > 1).map(|(id, _)| format!("{id} has more than one row")));
    found.extend(tests.difference(&named).map(|name| format!("`{name}` is in no row")));
    found
}

/// The cases that have no row.
fn missing(table: &str) -> Vec<String> {
    let ids: BTreeSet<_> = rows(table).into_iter().map(|(id, _)| id).collect();
    (1..=CASES).map(|number| format!("LG-{number:02}")).filter(|id| !ids.contains(id)).collect()
}

#[test]
fn each_row_names_its_tests_and_each_test_has_a_row() {
    let (table, sources) = (table(), sources());
    assert!(!rows(&table).is_empty());
    assert_eq!(differences(&table, &sources), [""; 0]);
}

#[test]
fn all_cases_have_a_row() {
    assert_eq!(missing(&table()), [""; 0]);
}

#[test]
fn a_row_or_a_test_that_is_missing_is_found() {
    let row = |id: &str, names: &str| format!("| {id} | what it does | ours | {names} |\n");
    let test = |name: &str| format!("/// What it is.\n#[test]\nfn {name}() {{}}\n");
    let (table, sources) = (row("LG-01", "`lg_01_a`") + &row("E13", "`e13_b`, `e13_c`"), ["lg_01_a", "e13_b", "e13_c"]);
    let sources = sources.map(test).concat();
    let with = |table: &str, sources: &str| differences(table, sources).join("\n");
    assert_eq!(with(&table, &sources), "");

    assert_eq!(with(&table, &(sources.clone() + &test("lg_02_d"))), "`lg_02_d` is in no row");
    let lost = "LG-02 names `lg_02_d`, and there is no such test";
    let more = table.clone() + &row("LG-02", "`lg_02_d`");
    assert_eq!(with(&more, &sources), lost);
    assert_eq!(with(&more, &(sources.clone() + "fn lg_02_d() {}\n")), lost, "a function that is no test");
    assert_eq!(with(&more, &(sources.clone() + "#[test]\n#[ignore = \"slow\"]\nfn lg_02_d() {}\n")), lost);
    assert_eq!(with(&more, &(sources.clone() + "#[tokio::test(start_paused = true)]\nasync fn lg_02_d() {}\n")), "");
    assert_eq!(with(&(table.clone() + &row("LG-03", "none")), &sources), "LG-03 names no test");
    assert_eq!(with(&(table.clone() + &row("LG-01", "`lg_01_a`")), &sources), "LG-01 has more than one row");
    let other = "LG-03 names `lg_01_a`, which is not one of its tests";
    assert_eq!(with(&(table.clone() + &row("LG-03", "`lg_01_a`")), &sources), other);

    let found = missing(&table);
    assert_eq!((found.len(), found[0].as_str(), found[58].as_str()), (59, "LG-02", "LG-60"));
}
