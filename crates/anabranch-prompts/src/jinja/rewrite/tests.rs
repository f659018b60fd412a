//! What is rewritten means what it meant before.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::jinja::tests::{parse, try_render};
use crate::jinja::{tags, written};
use crate::template::Limits;

fn rewritten(source: &str) -> String {
    match rewrite(source, &tags::tags(source)) {
        Ok((rewritten, _)) => rewritten.source,
        Err(_) => panic!("{source}"),
    }
}

#[test]
fn operators_become_filters() {
    for (source, expected) in [
        ("{{ a ~ b }}", "{{ (a )|__concat( b) }}"),
        ("{{ a ~ b ~ c }}", "{{ (a )|__concat( b , c) }}"),
        ("{{ a+b-c+d }}", "{{ ((a)|__add(b)-c)|__add(d) }}"),
        ("{{ a+b+c }}", "{{ (a)|__add(b)|__add(c) }}"),
        ("{{ a*b+1 }}", "{{ (a)|__multiply(b)+1 }}"),
        ("{{ 2*3+4 }}{{ x.y[0].z+1 }}", "{{ 2*3+4 }}{{ x.y[0].z+1 }}"),
        ("{{ 'a' 'b'*3 }}", "{{ ('a' 'b')|__multiply(3) }}"),
        ("{{ f(*a, **b) }}", "{{ f(*a, **b) }}"),
        ("{{ [1, 2] }}{{ [a, [b]] }}", "{{ [1, 2] }}{{ ([a, [b]]|__keep) }}"),
        ("{% set a, (b, c) = d, e %}", "{% set a, (b, c) = (d, e)|__keep %}"),
        ("{% set ns.a = true %}", "{% set ns.a = true %}"),
        ("{% with a = b+c, (d, e) = f %}", "{% with a = ((b)|__add(c))|__keep, (d, e) = f %}"),
        ("{% for (a, b) in c+d if a %}", "{% for (a, b) in (c)|__add(d) if a %}"),
        ("{% call(a, b) f(c~d) %}", "{% call(a, b) f((c)|__concat(d)) %}"),
        ("{% raw %}{{ a ~ b }}{% endraw %}{# a ~ b #}a ~ b", "{% raw %}{{ a ~ b }}{% endraw %}{# a ~ b #}a ~ b"),
        ("{{- -a~b -}}", "{{- (-a)|__concat(b) -}}"),
        ("{{ a is divisibleby 3 ~ b }}", "{{ (a is divisibleby 3 )|__concat( b) }}"),
        (
            "{{ -a[1:] ~ b[:c+d:][e] }}",
            "{{ (-((a)|__slice(1,none)) )|__concat( ((b)|__slice(none,(c)|__add(d),none))[e]) }}",
        ),
        ("{{ a[::-1][:] }}", "{{ ((((a)|__slice(none,none,-1)))|__slice(none,none)) }}"),
        ("{{ 'a ~ b' }}{{ 1e+5 }}{{ 0xe+a }}", "{{ 'a ~ b' }}{{ 1e+5 }}{{ 0xe+a }}"),
    ] {
        let spaces = |text: &str| text.replace(' ', "");
        assert_eq!(spaces(&rewritten(source)), spaces(expected), "{source}: {}", rewritten(source));
    }
}

#[test]
fn a_place_is_where_it_was() {
    let source = "{{ a ~ b }} {{ nonsense }}";
    let tags = tags::tags(source);
    let Ok((rewritten, _)) = rewrite(source, &tags) else { panic!() };
    for word in ["a ", "b", "nonsense", " {{ n"] {
        let place = rewritten.source.find(word).unwrap();
        assert_eq!(rewritten.before(place), source.find(word).unwrap(), "{word}");
    }
    assert_eq!(rewritten.before(rewritten.source.len()), source.len());
}

/// Rendered by minijinja as it is.
fn plain(source: &str, values: &Value) -> Option<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(written::write_value);
    environment.render_str(source, minijinja::value::Serde(values)).ok()
}

/// Expressions of numbers, texts and lists, with brackets and without.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[0-9]{1,2}",
        Just("1.5".to_string()),
        Just("n".to_string()),
        Just("t".to_string()),
        Just("xs".to_string()),
        Just("o.k".to_string()),
        Just("'a~b'".to_string()),
        Just("\"c\" 'd'".to_string()),
        Just("-n".to_string()),
    ];
    leaf.prop_recursive(5, 40, 3, |inner| {
        let operator =
            prop::sample::select(vec!["~", "+", "*", "-", "//", "%", "+", "*", "~", " and ", " or ", "==", " in "]);
        prop_oneof![
            4 => (inner.clone(), operator, inner.clone()).prop_map(|(a, o, b)| format!("{a} {o} {b}")),
            2 => inner.clone().prop_map(|a| format!("({a})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}, {b})[1]")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{{'k': {a}, 'l': {b}}}.k")),
            1 => inner.clone().prop_map(|a| format!("({a})|upper")),
            1 => inner.clone().prop_map(|a| format!("[{a}]|join('+')")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} if n is odd else {b}")),
            1 => (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("xs[{a}:{b}]")),
            1 => inner.clone().prop_map(|a| format!("{a} is divisibleby 3")),
            1 => inner.prop_map(|a| format!("(not {a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 4000, ..ProptestConfig::default() })]

    /// Lists and truth are written in another way as texts, so what is asked is where none of them is written.
    #[test]
    fn an_expression_gives_what_minijinja_gives(expression in expression()) {
        let values = json!({"n": 3, "t": "text", "xs": [1, 2, "three"], "o": {"k": 7}});
        let source = format!("{{% set made = {expression} %}}{{% if made is string or made is number %}}{{{{ made }}}}{{% endif %}}");
        let theirs = plain(&source, &values);
        prop_assume!(!theirs.as_ref().is_some_and(|text| text.contains("True") || text.contains("False") || text.contains('[') || text.contains("None")));
        let ours = parse(&source).is_ok().then(|| try_render(&source, &values, Limits::default()).ok()).flatten();
        if !ours.as_ref().is_some_and(|text| text.contains(['[', '{']) || text.contains("true") || text.contains("false")) {
            prop_assert_eq!(ours, theirs, "{}", expression);
        }
    }
}
