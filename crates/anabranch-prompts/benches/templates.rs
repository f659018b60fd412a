//! What rendering a template costs: f-strings beside `format!`, Jinja beside minijinja used directly, and templates with
//! very many variables.
//!
//! `cargo bench -p anabranch-prompts --features jinja --bench templates` runs the benchmarks and then prints the table,
//! each row measured in turns with its yardstick in one run. `-- --table` prints the table alone.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use anabranch_prompts::{ChatPromptTemplate, PromptTemplate};
use divan::Bencher;
use minijinja::{AutoEscape, Environment};
use serde_json::{Map, Value, json};

const FORMAT: &str = "You are a {profession} on the {river}.\nAnswer briefly: {question}";
const MUSTACHE: &str = "You are a {{profession}} on the {{river}}.\nAnswer briefly: {{question}}";
const JINJA: &str = "You are a {{ profession }} on the {{ river }}.\nAnswer briefly: {{ question }}";
const LOOP: &str =
    "Compare:{% for river in rivers %}\n- {{ river.name }}{% if river.deep %}, deep{% endif %}{% endfor %}";
/// Operators and filters, which are bounded here and not in minijinja.
const FILTERS: &str = "{% for river in rivers %}{{ river.name|upper ~ ', ' ~ (loop.index + 1) }}\n{% endfor %}{{ rivers[:10]|map(attribute='name')|join(', ')|replace('river', 'the') }}";

fn values() -> Value {
    json!({"profession": "pilot", "river": "Weser", "question": "How deep is it here, and where does the tide turn?"})
}

fn rivers() -> Value {
    let river = |n: u32| json!({"name": format!("river {n}"), "deep": n % 3 == 0});
    json!({"rivers": (0..50).map(river).collect::<Vec<_>>()})
}

fn by_hand(profession: &str, river: &str, question: &str) -> String {
    format!("You are a {profession} on the {river}.\nAnswer briefly: {question}")
}

fn text<'a>(values: &'a Value, name: &str) -> &'a str {
    values[name].as_str().unwrap()
}

/// The setup of somebody who uses minijinja directly.
fn environment(template: &'static str) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.add_template("prompt", template).unwrap();
    environment
}

fn many() -> (String, Value) {
    let template = (0..10_000).map(|n| format!("{{name_{n}}} ")).collect();
    let values: Map<String, Value> = (300..10_000).map(|n| (format!("name_{n}"), json!(n))).collect();
    (template, values.into())
}

fn with_partials(template: &str) -> ChatPromptTemplate {
    let prompt = ChatPromptTemplate::from_template(template).unwrap();
    (0..300).fold(prompt, |prompt, n| prompt.partial(format!("name_{n}"), n))
}

#[divan::bench]
fn f_string(bencher: Bencher<'_, '_>) {
    let (prompt, values) = (PromptTemplate::from_template(FORMAT).unwrap(), values());
    bencher.bench_local(|| prompt.format(black_box(&values)).unwrap());
}

#[divan::bench]
fn format_macro(bencher: Bencher<'_, '_>) {
    let values = values();
    let [profession, river, question] = ["profession", "river", "question"].map(|name| text(&values, name));
    bencher.bench_local(|| by_hand(black_box(profession), black_box(river), black_box(question)));
}

#[divan::bench]
fn mustache(bencher: Bencher<'_, '_>) {
    let (prompt, values) = (PromptTemplate::mustache(MUSTACHE).unwrap(), values());
    bencher.bench_local(|| prompt.format(black_box(&values)).unwrap());
}

#[divan::bench]
fn jinja(bencher: Bencher<'_, '_>) {
    let (prompt, values) = (PromptTemplate::jinja(JINJA).unwrap(), values());
    bencher.bench_local(|| prompt.format(black_box(&values)).unwrap());
}

#[divan::bench]
fn ten_thousand_variables_and_300_partials(bencher: Bencher<'_, '_>) {
    let (template, values) = many();
    let prompt = with_partials(&template);
    bencher.bench_local(|| prompt.format(black_box(&values)).unwrap());
}

/// Median nanoseconds of both, measured in turns, and the median of their ratios.
fn in_turns(mut ours: impl FnMut(), mut theirs: impl FnMut()) -> (f64, f64, f64) {
    fn time(work: &mut impl FnMut(), runs: u32) -> f64 {
        let start = Instant::now();
        for _ in 0..runs {
            work();
        }
        start.elapsed().as_nanos() as f64 / f64::from(runs)
    }
    fn median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    }
    let once = time(&mut ours, 20).max(1.0);
    let runs = (2_000_000.0 / once).clamp(1.0, 20_000.0) as u32;
    let rounds: Vec<(f64, f64)> = (0..101).map(|_| (time(&mut ours, runs), time(&mut theirs, runs))).collect();
    let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs).collect());
    (median(rounds.iter().map(|r| r.0).collect()), median(rounds.iter().map(|r| r.1).collect()), ratio)
}

fn row(name: &str, (ours, theirs, ratio): (f64, f64, f64)) {
    println!("{name:<52}{ours:>11.0} ns{theirs:>11.0} ns{ratio:>8.2}x");
}

/// The best of several, for what is done once.
fn once<T>(name: &str, mut work: impl FnMut() -> T) {
    let time = |work: &mut dyn FnMut() -> T| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    };
    let best = (0..11).map(|_| time(&mut work)).min().unwrap_or(Duration::ZERO);
    println!("{name:<52}{:>11.2} ms", best.as_secs_f64() * 1e3);
}

fn table() {
    println!("\n{:<52}{:>14}{:>14}{:>9}", "", "anabranch", "yardstick", "ratio");
    let values = values();
    let [profession, river, question] = ["profession", "river", "question"].map(|name| text(&values, name));
    let format_macro = || drop(black_box(by_hand(black_box(profession), black_box(river), black_box(question))));
    let looked_up = || {
        let values = black_box(&values);
        drop(black_box(by_hand(text(values, "profession"), text(values, "river"), text(values, "question"))));
    };
    let prompt = PromptTemplate::from_template(FORMAT).unwrap();
    let ours = || drop(black_box(prompt.format(black_box(&values)).unwrap()));
    row("f-string; `format!` of texts that are at hand", in_turns(ours, format_macro));
    row("f-string; `format!` of values of the same object", in_turns(ours, looked_up));
    let prompt = PromptTemplate::mustache(MUSTACHE).unwrap();
    let ours = || drop(black_box(prompt.format(black_box(&values)).unwrap()));
    row("mustache; `format!` of values of the same object", in_turns(ours, looked_up));
    let rivers = rivers();
    for (name, template, values) in [
        ("Jinja; minijinja", JINJA, &values),
        ("Jinja, a loop over 50; minijinja", LOOP, &rivers),
        ("Jinja, a loop over 50 with filters; minijinja", FILTERS, &rivers),
    ] {
        let prompt = PromptTemplate::jinja(template).unwrap();
        let environment = environment(template);
        let ours = || drop(black_box(prompt.format(black_box(values)).unwrap()));
        let theirs = || {
            let template = environment.get_template("prompt").unwrap();
            drop(black_box(template.render(minijinja::value::Serde(black_box(values))).unwrap()));
        };
        row(name, in_turns(ours, theirs));
    }
    println!();
    let (template, values) = many();
    once("10,000 variables, 300 partials: made", || with_partials(&template));
    let prompt = with_partials(&template);
    once("the same: rendered", || prompt.format(&values).unwrap());
    let missing: Map<String, Value> = (0..100_000).map(|n| (format!("nmae_{n}"), json!(n))).collect();
    let missing = Value::from(missing);
    once("the same: 10,000 missing among 100,000 keys", || prompt.format(&missing).unwrap_err().to_string());
    let elements = json!({"xs": (0..200_000).collect::<Vec<_>>()});
    let prompt = PromptTemplate::jinja("{% for x in xs %}{{ x }};{% endfor %}").unwrap();
    once("Jinja: a loop over 200,000", || prompt.format(&elements).unwrap());
}

fn main() {
    if std::env::args().any(|argument| argument == "--table") {
        return table();
    }
    divan::main();
    // `cargo test --benches` looks only whether it runs.
    if std::env::args().any(|argument| argument == "--bench") {
        table();
    }
}
