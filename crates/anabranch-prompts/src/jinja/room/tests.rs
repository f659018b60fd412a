//! Nothing that an expression makes is larger than it may be.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::jinja::tests::{failure, parse, render, try_render};
use crate::template::Limits;
use crate::template_error::{TemplateError, TemplateErrorKind};

/// Each of these made gigabytes, or did not end, or ended the program.
#[test]
fn no_expression_makes_more_than_there_may_be() {
    let big = json!({"t": "a".repeat(1_000_000), "xs": vec![1; 100_000]});
    let doubled = "{% set t = t ~ t %}".repeat(64);
    let carried = "{% set ns = namespace(t='aa') %}{% for i in range(1000) %}{% set ns.t = EXPRESSION %}{% endfor %}";
    for template in [
        "{{ 'a' * 1000000000 }}",
        "{{ 1000000000 * 'a' }}",
        "{{ ([1] * 1000000000)|length }}",
        "{{ ((1, 2) * 50000000)|length }}",
        "{{ 'a' * 90000000 ~ 'a' * 90000000 }}",
        "{{ ('a' * 90000000)|length }}",
        "{{ t|replace('a', t)|length }}",
        "{{ t|replace('', t)|length }}",
        "{{ xs|join(t)|length }}",
        "{{ 'a\nb'|indent(1000000000)|length }}",
        "{{ 'a\nb'|indent(width=1000000000)|length }}",
        "{{ '%1000000000d'|format(1)|length }}",
        "{{ '%*d'|format(1000000000, 1)|length }}",
        "{{ '%.1000000000f'|format(1)|length }}",
        "{{ [1]|batch(1000000000, 'x')|length }}",
        "{{ [1]|slice(1000000000)|length }}",
        "{{ [1]|slice(1000000000, 'x')|length }}",
        "{{ xs|tojson(indent=100000)|length }}",
        "{{ [[[xs * 100] * 1000] * 1000] * 1000 }}",
        "{{ [t]|map('list')|map('join', t)|list|length }}",
        &format!("{doubled}{{{{ t|length }}}}"),
        &doubled.replace("t ~ t", "t + t"),
        &doubled.replace("t ~ t", "[t, t]"),
        &doubled.replace("t ~ t", "t, t"),
        &doubled.replace("t ~ t", "{'a': t, 'b': t}"),
        &doubled.replace("t ~ t", "xs|chain(t)|chain(t)|list").replacen("xs|", "xs|list|", 1),
        &doubled.replace("{% set t = t ~ t %}", "{% set xs = xs + xs %}"),
        &doubled.replace("{% set t = t ~ t %}", "{% set xs = xs|chain(xs) %}"),
        &carried.replace("EXPRESSION", "ns.t ~ ns.t"),
        &carried.replace("EXPRESSION", "[ns.t]"),
        &carried.replace("EXPRESSION", "{'a': ns.t}"),
        &carried.replace("EXPRESSION", "ns.t|batch(1)|list"),
        &carried.replace("EXPRESSION", "ns.t|replace('a', ns.t)"),
        "{% macro f(a, n) %}{% if n %}{{ f([a] * 100, n - 1) }}{% endif %}{% endmacro %}{{ f([1], 20) }}",
    ] {
        let error = failure(template, big.clone());
        let place = error.downcast_ref::<TemplateError>().unwrap_or_else(|| panic!("{template}: {error}"));
        assert_eq!(place.kind(), TemplateErrorKind::TooLarge, "{template}: {error}");
        assert!(!format!("{error} {error:?} {place}").contains("aaaaaaaaaa"), "{template}");
    }
}

#[test]
fn text_that_is_kept_in_values_is_counted() {
    let long = "x".repeat(1000);
    for template in [
        format!("{{% macro f() %}}{{% for i in range(100000) %}}{long}{{% endfor %}}{{% endmacro %}}{{{{ f()|length }}}}"),
        format!("{{% set t %}}{{% for i in range(100000) %}}{long}{{% endfor %}}{{% endset %}}"),
        format!("{{% filter length %}}{{% for i in range(100000) %}}{{% raw %}}{long}{{% endraw %}}{{% endfor %}}{{% endfilter %}}"),
        "{% set t %}{% for i in range(100000) %}{{ long }}{% endfor %}{% endset %}".to_string(),
        "{% macro f() %}{{ caller()|length }}{% endmacro %}{% call f() %}{% for i in range(100000) %}{{ long }}{% endfor %}{% endcall %}".into(),
    ] {
        let error = failure(&template, json!({"long": long}));
        assert!(error.message().contains("longer than 67108864 bytes"), "{error}");
    }
    // What is trimmed stays trimmed.
    for (template, expected) in [
        ("{% set t -%}  a  {%- endset %}[{{ t }}]", "[a]"),
        ("{% macro f() -%}\n a\n{% endmacro %}{{ f() }}{{- f() -}} b", "a\na\nb"),
        ("{% set t %}{% raw -%} {{ a }} {%- endraw %} {% endset %}[{{ t }}]", "[{{ a }} ]"),
        ("{% set t %}{# a -#}  b{% endset %}[{{ t }}]", "[b]"),
    ] {
        assert_eq!(render(template, json!({})), expected, "{template}");
    }
}

#[test]
fn steps_are_what_is_made_as_well() {
    let template = "{% for i in range(10000) %}{% if (t ~ i)|length < 0 %}{% endif %}{% endfor %}";
    let values = json!({"t": "a".repeat(100_000)});
    let error = try_render(template, &values, Limits { steps: 1_000_000, ..Limits::default() }).unwrap_err();
    assert!(error.message().contains("more than 1000000 steps"), "{error}");
    assert_eq!(render(template, values.clone()), "");
    // Many values that are each as large as they may be.
    let xs = json!({"t": "a".repeat(1_000_000), "xs": vec![1; 100_000]});
    for template in ["{{ xs|map('replace', '1', t)|list|length }}", "{{ xs|map('indent', 1000000, true)|list|length }}"]
    {
        let error = try_render(template, &xs, Limits { steps: 1_000_000, ..Limits::default() }).unwrap_err();
        assert!(error.message().contains("more than 1000000 steps"), "{template}: {error}");
    }
}

#[test]
fn a_limit_on_the_text_is_none_on_the_data() {
    let values = json!({"xs": (0..10_000).map(|n| json!({"n": n})).collect::<Vec<_>>()});
    let limits = Limits { output: 100, ..Limits::default() };
    let template = "{% set ns = xs|map(attribute='n')|list|sort(reverse=true) %}{{ ns[0] ~ '/' ~ ns|length }}";
    assert_eq!(try_render(template, &values, limits).unwrap(), "9999/10000");
    let error = try_render("{{ xs|join(',') }}", &values, limits).unwrap_err();
    assert!(error.message().contains("longer than 100 bytes"), "{error}");
    let many: Value = json!({"xs": (0..200_000).map(|n| n.to_string()).collect::<Vec<_>>()});
    assert_eq!(render("{{ (xs + xs)|join|length }}", many), "2177780");
}

#[test]
fn values_are_written_alike_by_filters_and_operators() {
    let values = json!({"n": null, "b": true, "f": 1.0, "l": [1, null, "a"], "o": {"k": null}, "i": 7});
    for (expression, expected) in [
        ("'<' ~ n ~ b ~ f ~ l ~ o ~ i ~ '>'", r#"<nulltrue1.0[1,null,"a"]{"k":null}7>"#),
        ("n|string", "null"),
        ("[n, b, l]|join(',')", r#"null,true,[1,null,"a"]"#),
        ("[n]|join", "null"),
        ("['a', 'b']|join(n)", "ab"),
        ("[{'k': n}]|join(attribute='k')", "null"),
        ("n|upper ~ n|lower ~ n|title ~ n|capitalize ~ n|trim", "NULLnullNullNullnull"),
        ("n|e ~ n|escape ~ n|safe ~ n|indent", "nullnullnullnull"),
        ("b|upper ~ l|upper", r#"TRUE[1,NULL,"A"]"#),
        ("n|replace('u', 'o') ~ 'x'|replace('x', n) ~ 'x'|replace('x', b)", "nollnulltrue"),
        ("'%s %s %d'|format(n, l, 3)", r#"null [1,null,"a"] 3"#),
        ("n|lines ~ n|split('u') ~ n|list|length", r#"["null"]["n","ll"]0"#),
        ("[n]|map('string')|first ~ [n, b]|map('upper')|join", "nullNULLTRUE"),
        ("n|tojson ~ l|pprint|replace('\n', '')", r#"null[  1,  null,  "a"]"#),
        ("(n, b)", "[null,true]"),
        ("l|zip(l)|list", r#"[[1,1],[null,null],["a","a"]]"#),
    ] {
        // A list that is null is none, as in minijinja.
        let expression = expression.replace("n|list|length", "[]|length");
        assert_eq!(render(&format!("{{{{ {expression} }}}}"), values.clone()), expected, "{expression}");
    }
    let kept =
        "{% set t %}{{ n }}{{ b }}{{ l }}{% endset %}{{ t }}{% macro f(x) %}{{ x }}{% endmacro %}{{ f(n) }}{{ f(o) }}";
    assert_eq!(render(kept, values), r#"nulltrue[1,null,"a"]null{"k":null}"#);
}

#[test]
fn what_is_undefined_is_no_text() {
    for template in ["{{ 'a' ~ o.x }}", "{{ o.x|upper }}", "{{ o.x + 'a' }}", "{{ 'a' * o.x }}", "{{ o.x|string }}"] {
        let error = failure(template, json!({"o": {}}));
        let kind = error.downcast_ref::<TemplateError>().unwrap().kind();
        assert!(
            matches!(kind, TemplateErrorKind::Undefined | TemplateErrorKind::InvalidOperation),
            "{template}: {kind:?}"
        );
    }
}

#[test]
fn brackets_end_before_the_stack_does() {
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("a[", "]"), ("[a,", "]")] {
        let source = format!("{{{{ {}1{} }}}}", open.repeat(100_000), close.repeat(100_000));
        assert!(parse(&source).is_err(), "{open}");
    }
}

/// Expressions that are mostly right, with arguments that are mostly not.
fn odd_expression() -> impl Strategy<Value = String> {
    let words = |words: &'static str| prop::sample::select(words.split_whitespace().collect::<Vec<_>>());
    let value = words(
        "0 1 -1 3 2.5 1e308 9223372036854775807 -9223372036854775808 170141183460469231731687303715884105727 4294967296 \
         65536 'a' '' '%s' '%*d' '%.9g' 'ßİ' none true xs o t n big [] () {} (1,) range(5) namespace(a=1) dict(a=1) \
         o.zzz o.a",
    );
    let filter = words(
        "upper lower title capitalize trim replace length dictsort items reverse join split lines default round abs int \
         float attr first last min max sort list string bool batch slice sum indent select reject selectattr rejectattr \
         map groupby unique chain zip pprint format tojson escape safe",
    );
    let test = words(
        "odd even divisibleby number integer float string sequence iterable mapping startingwith endingwith lower upper \
         sameas eq lt in true filter test none defined safe",
    );
    let operator = words("+ - * / // % ** ~ == < in and or");
    let name = words("attribute start precision method indent width d default base reverse by case_sensitive first");
    value.prop_map(String::from).prop_recursive(4, 24, 3, move |inner| {
        let some = (inner.clone(), inner.clone());
        prop_oneof![
            (inner.clone(), filter.clone()).prop_map(|(a, f)| format!("({a})|{f}")),
            (inner.clone(), filter.clone(), inner.clone()).prop_map(|(a, f, b)| format!("({a})|{f}({b})")),
            (inner.clone(), filter.clone(), some.clone()).prop_map(|(a, f, (b, c))| format!("({a})|{f}({b}, {c})")),
            (some.clone(), filter.clone(), name.clone()).prop_map(|((a, b), f, n)| format!("({a})|{f}({n}={b})")),
            (some.clone(), filter.clone()).prop_map(|((a, b), f)| format!("[{a}, {b}]|map('{f}')|list")),
            (inner.clone(), test.clone()).prop_map(|(a, t)| format!("({a}) is {t}")),
            (some.clone(), test.clone()).prop_map(|((a, b), t)| format!("({a}) is {t}({b})")),
            (some.clone(), operator.clone()).prop_map(|((a, b), o)| format!("({a}) {o} ({b})")),
            (some.clone(), some.clone()).prop_map(|((a, b), (c, d))| format!("({a})[{b}:{c}:{d}]")),
            some.clone().prop_map(|(a, b)| format!("({a})[{b}]")),
            some.prop_map(|(a, b)| format!("range({a}, {b})")),
            inner.prop_map(|a| format!("-({a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 3000, ..ProptestConfig::default() })]

    /// It gives a text or an error, soon, and shows no value.
    #[test]
    fn no_expression_ends_the_program(expression in odd_expression()) {
        let values = json!({
            "xs": [1, "b", null, {"a": 1}], "o": {"a": [1], "b": null}, "t": "secrettext", "n": null, "big": u64::MAX,
        });
        let template = format!("{{{{ {expression} }}}}");
        if parse(&template).is_ok() {
            let limits = Limits { output: 1 << 20, steps: 100_000 };
            if let Err(error) = try_render(&template, &values, limits) {
                prop_assert!(!format!("{error} {error:?}").contains("secrettext"), "{}", expression);
            }
            // And where it is only looked at, there is always something to see.
            let prompt = crate::PromptTemplate::jinja(template).unwrap();
            let shown = prompt.preview(&json!({}));
            prop_assert!(shown.is_ok() || prompt.variables().is_empty(), "{}: {:?}", expression, shown);
        }
    }
}
