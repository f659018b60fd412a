use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::values::{Names, Partials};

const STEPS: u64 = 50_000_000;

pub(super) fn parse(template: &str) -> Result<Jinja, TemplateError> {
    Jinja::parse(template.to_string(), STEPS)
}

pub(super) fn try_render(template: &str, values: &Value, limits: Limits) -> Result<String, Error> {
    let (names, partials) = (Names::default(), Partials::default());
    let jinja = parse(template).unwrap_or_else(|error| panic!("{error}")).with_steps(limits.steps);
    jinja.render(&Values::new(values, &names, &partials).unwrap(), limits).map_err(|stop| match stop {
        Stop::Failed(error) => error,
        Stop::Missing => Error::invalid_input("missing"),
    })
}

pub(super) fn render(template: &str, values: Value) -> String {
    try_render(template, &values, Limits::default()).unwrap_or_else(|error| panic!("{template}: {error}"))
}

pub(super) fn failure(template: &str, values: Value) -> Error {
    try_render(template, &values, Limits::default()).unwrap_err()
}

#[test]
fn values_are_written_as_in_the_other_languages() {
    let values =
        json!({"n": null, "b": true, "i": 7, "f": 1.5, "g": 1.0, "l": [1, "a", null], "o": {"z": 1, "a": false}});
    assert_eq!(
        render("{{ n }} {{ b }} {{ i }} {{ f }} {{ g }} {{ l }} {{ o }} {{ '<&>' }}", values),
        r#"null true 7 1.5 1.0 [1,"a",null] {"z":1,"a":false} <&>"#
    );
    assert_eq!(
        render("{{ range(3) }}{{ u }}", json!({"u": 18_446_744_073_709_551_615_u64})),
        "[0,1,2]18446744073709551615"
    );
}

#[test]
fn an_error_of_syntax_has_line_column_and_what_was_expected() {
    for (template, line, column, says) in [
        ("a\n{{ x y }}", 2, 6, "end of variable block was expected"),
        ("{% if x %}", 1, 8, "was expected"),
        ("{% for x %}", 1, 10, "in was expected"),
        ("{% nonsense %}", 1, 4, "`{% … %}` a statement"),
        ("{{ x", 1, 4, "was expected"),
    ] {
        let error = parse(template).err().unwrap();
        assert_eq!(error.line(), line, "{template}: {error}");
        assert!(error.column().abs_diff(column) <= 4, "{template}: {error}");
        assert!(error.expected().contains(says), "{template}: {error}");
        assert!(error.to_string().contains('^'), "{error}");
    }
}

#[test]
fn what_does_not_exist_is_found_when_the_template_is_made() {
    for (template, problem, column) in [
        ("{% if a %}{{ x | nonsense }}{% endif %}", "a filter that does not exist", 18),
        ("{{ x | upper | nonsense(1) }}", "a filter that does not exist", 16),
        ("{% filter nonsense %}x{% endfilter %}", "a filter that does not exist", 11),
        ("{{ x is nonsense }}", "a test that does not exist", 9),
        ("{{ x is not nonsense }}", "a test that does not exist", 13),
        ("{{ nonsense(1) }}", "a call of a function that does not exist", 4),
        ("{% if 0 %}{{ x + (nonsense()) }}{% endif %}", "a call of a function that does not exist", 19),
        ("{% if 0 %}{% include 'file' %}{% endif %}", "a statement that loads another template", 14),
        ("{% extends 'file' %}", "a statement that loads another template", 4),
        ("{% from 'file' import x %}", "a statement that loads another template", 4),
    ] {
        let error = parse(template).err().unwrap_or_else(|| panic!("{template}"));
        assert_eq!((error.problem(), error.column()), (problem, column), "{template}");
    }
}

#[test]
fn names_in_texts_are_found_when_the_template_is_made() {
    use crate::template_error::TemplateErrorKind as Kind;
    for (template, kind, column) in [
        ("{% if 0 %}{{ xs|map('nope') }}{% endif %}", Kind::UnknownFilter, 21),
        ("{{ xs|map(\"nope\", 1) }}", Kind::UnknownFilter, 11),
        ("{{ xs|select('nope') }}", Kind::UnknownTest, 14),
        ("{{ xs|reject('nope', 1)|list }}", Kind::UnknownTest, 14),
        ("{{ xs|selectattr('a', 'nope') }}", Kind::UnknownTest, 23),
        ("{{ xs|rejectattr('a.b', 'nope', 1) }}", Kind::UnknownTest, 25),
        ("{{ xs|selectattr(a ~ [1, (2)], 'nope') }}", Kind::UnknownTest, 32),
        ("{{ xs|map('upper')|map('nope') }}", Kind::UnknownFilter, 24),
        ("{{ xs|map('no\\u0070e') }}", Kind::UnknownFilter, 11),
        ("{% filter upper|map('nope') %}x{% endfilter %}", Kind::UnknownFilter, 21),
        ("{% for x in xs|map('nope') %}{% endfor %}", Kind::UnknownFilter, 20),
    ] {
        let error = parse(template).err().unwrap_or_else(|| panic!("{template}"));
        assert_eq!((error.kind(), error.column()), (kind, column), "{template}: {error}");
    }
    let values = json!({"xs": [{"a": 1}, {"a": 2}], "name": "upper", "ys": ["b", "c"]});
    for (template, expected) in [
        ("{{ ys|map('upper')|join }}{{ ys|map(name)|join }}", "BCBC"),
        ("{{ ys|map('up' ~ 'per')|join }}{{ xs|map(attribute='nope', default=1)|join }}", "BC11"),
        ("{{ xs|selectattr('a', 'odd')|map(attribute='a')|join }}{{ xs|selectattr('a')|length }}", "12"),
        ("{{ [1, 2]|select('==', 2)|join }}{{ [1, 2]|select('odd')|join }}{{ [0, 2]|reject|join }}", "210"),
    ] {
        assert_eq!(render(template, values.clone()), expected, "{template}");
    }
}

#[test]
fn what_exists_is_not_refused() {
    for (template, expected) in [
        ("{{ x | upper }}{{ 'a|nonsense' }}{{ \"is nonsense\" }}", "TEXTa|nonsenseis nonsense"),
        ("{% raw %}{{ x | nonsense }} {% nonsense %}{% endraw %}", "{{ x | nonsense }} {% nonsense %}"),
        ("{# {{ x | nonsense }} #}ok", "ok"),
        ("{% macro f(a) %}[{{ a }}]{% endmacro %}{{ f(1) }}", "[1]"),
        ("{% macro f() %}[{{ caller() }}]{% endmacro %}{% call f() %}x{% endcall %}", "[x]"),
        ("{% for i in [1, 2] %}{{ loop.index }}{% if not loop.last %},{% endif %}{% endfor %}", "1,2"),
        ("{% for i in range(2) if (i) %}{{ i }}{% endfor %}", "1"),
        ("{{ {'a': {}} | length }}", "1"),
        ("{{ 1 if (x is defined and x is not none) else (2) }}", "1"),
        ("{% set y = namespace(a=1) %}{{ y.a }}", "1"),
        ("{{- x -}} {%- if (x) +%} a {%- endif %}", "text a"),
        ("{{ x is startingwith('t') }} {{ x is in(['text']) }}", "true true"),
    ] {
        assert_eq!(render(template, json!({"x": "text"})), expected, "{template}");
    }
}

/// Each of these ended the program, inside of minijinja.
#[test]
fn what_ended_the_program_does_not() {
    let values = json!({"n": 0, "t": "", "xs": [], "least": i64::MIN, "most": i64::MAX});
    for template in [
        "{{ 3 is divisibleby n }}",
        "{{ 3 is divisibleby(0) }}",
        "{{ [3]|select('divisibleby', n)|list }}",
        "{{ least is divisibleby(-1) }}",
        "{{ 3.5 is divisibleby(n) }}",
        "{{ t[::-1] }}",
        "{{ xs[::-1] }}",
        "{{ 'abc'[1:2:-1] }}",
        "{{ [1, 2, 3][0:2:-1] }}",
        "{{ 'abc'[least:] }}{{ 'abc'[:least] }}{{ 'abc'[::least] }}{{ 'abc'[most::-1] }}{{ 'abc'[least:most:most] }}",
        "{{ range(most, least, -1) }}",
        "{{ range(least, most) }}",
        "{{ range(0, 10, least) }}",
        "{{ '%.70000f'|format(1) }}{{ '%70000d'|format(1) }}{{ '%.70000g'|format(1) }}{{ '%.70000e'|format(1.5) }}",
        "{{ 1.5|round(2000000000) }}{{ 1.5|round(-2000000000) }}{{ 5|round(least) }}",
        "{{ 'a'|indent(most) }}",
        "{{ 1|tojson(indent=most) }}",
        "{{ xs|batch(most) }}{{ [1]|batch(most, 1) }}",
        "{{ 'a b'|split(none, most) }}{{ least|abs }}{{ -least }}{{ least // -1 }}{{ least % -1 }}{{ 2 ** most }}",
        "{{ '9'|int(base=most) }}{{ 'z'|int(base=36) }}",
        "{{ xs|first }}{{ xs|last }}{{ xs|min }}{{ t|title }}{{ t|capitalize }}{{ xs|sum }}{{ xs|slice(3) }}",
    ] {
        let _ = parse(template).map(|_| try_render(template, &values, Limits::default()));
    }
    let error = failure("{{ 3 is divisibleby n }}", values);
    assert!(error.message().contains("an operation that does not fit"), "{error}");
}

/// A namespace that is in itself would have no end.
#[test]
fn what_is_in_itself_has_an_end() {
    for assignment in [
        "{% set ns.a = ns %}",
        "{% set ns.a = [ns] %}",
        "{% set ns.a, b = {'b': (1, ns)}, 1 %}",
        "{% set other = ns %}{% set ns.a = other %}",
        "{% set ns.a = [ns]|map('list')|chain([ns]) %}",
        "{% set other = namespace(a=ns) %}{% set ns.a = other.a %}",
        "{% set ns.a = dict(b=ns) %}",
        "{% set ns.a = xs|zip([ns]) %}",
    ] {
        let template = format!("{{% set ns = namespace() %}}{assignment}{{{{ ns ~ [ns == ns.a] ~ (ns in 'text') }}}}");
        let error = failure(&template, json!({"xs": [1]}));
        assert!(error.message().contains("an operation that does not fit"), "{assignment}: {error}");
    }
    let kept = "{% set ns = namespace(a=1, b=[]) %}{% set ns.a = x %}{% set ns.b = ns.b + [x] %}{{ ns }}{{ [ns] }}";
    assert_eq!(
        render(kept, json!({"x": {"k": null}})),
        r#"{"a":{"k":null},"b":[{"k":null}]}[{"a":{"k":null},"b":[{"k":null}]}]"#
    );
}

/// As deep as the values of a program may be.
#[test]
fn deep_values() {
    let deep = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let text = deep.to_string();
    for expression in ["x", "x|string", "x ~ ''", "(x + [])|string", "[x][0]", "x|list|tojson|replace(' ', '')"] {
        assert_eq!(render(&format!("{{{{ {expression} }}}}"), json!({"x": deep})), text, "{expression}");
    }
}

#[test]
fn slices_are_those_of_python() {
    let values = json!({"t": "abcde", "xs": [0, 1, 2, 3, 4], "n": null});
    for (expression, expected) in [
        ("t[1:3] ~ t[:2] ~ t[3:] ~ t[:] ~ t[::2]", "bcabdeabcdeace"),
        ("t[::-1] ~ t[3:0:-1] ~ t[3::-2] ~ t[:1:-1] ~ t[1:3:-1]", "edcbadcbdbedc"),
        ("t[-2:] ~ t[:-2] ~ t[-99:2] ~ t[3:99] ~ t[99:] ~ t[-1:-4:-1]", "deabcabdeedc"),
        ("xs[1:3]", "[1,2]"),
        ("xs[::-2]", "[4,2,0]"),
        ("xs[1:][1:][0] ~ xs[2:]|length ~ (xs[:2] + xs[4:])|join", "23014"),
        ("(1, 2, 3)[1:]", "[2,3]"),
        ("n[1:]", "[]"),
        ("-xs[1:][0]", "-1"),
        ("t[xs[1]:xs[1] + 2] ~ {'a': t[1:]}.a[0]", "bcb"),
    ] {
        assert_eq!(render(&format!("{{{{ {expression} }}}}"), values.clone()), expected, "{expression}");
    }
}

fn names(template: &str) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    let jinja = parse(template).unwrap_or_else(|error| panic!("{template}: {error}"));
    jinja.each_variable(&mut |name, may_miss| names.push((name.to_string(), may_miss)));
    names
}

#[test]
fn variables_are_what_the_template_does_not_set() {
    for (template, expected) in [
        ("{{ b }}{{ a.c }}{{ a['d'] }}{{ b }}", "b a"),
        ("{{ xs[1:] }}{{ ys[a:b:c] }}", "xs ys a b c"),
        ("{% set t = t ~ t %}{{ t }}", "t"),
        ("{% with a = a, b = a %}{{ a }}{{ b }}{% endwith %}{{ b }}", "a b"),
        ("{% filter indent(n) %}x{% endfilter %}{% set a | indent(width=m) %}{{ a }}{% endset %}{{ a }}", "n m a"),
        ("{% autoescape e %}{% endautoescape %}{% do range(f) %}", "e f"),
        (
            "{% for a, (b, c) in xs if a and d recursive %}{{ a ~ b ~ c ~ loop.index }}{{ e }}{% else %}{{ f }}{% endfor %}",
            "xs d e f",
        ),
        ("{% for a in xs %}{% set b = a %}{{ b }}{% endfor %}{{ b }}", "xs b"),
        ("{% macro f(a, b=c, d=[a, e]) %}{{ a ~ b ~ d ~ g ~ caller() }}{% endmacro %}{{ f(h, b=i) }}", "c e g h i"),
        ("{% macro f() %}{% endmacro %}{% call(a, b=c) f(d) %}{{ a }}{{ b }}{{ e }}{% endcall %}", "d c e"),
        ("{% block one %}{% set a = 1 %}{{ a }}{% endblock %}{{ a }}", "a"),
        ("{% set ns = namespace(a=b) %}{% set ns.a = c %}{{ ns.a }}{{ dict(k=d) }}{{ range(n) }}", "b c d n"),
        ("{{ {k: v, 'l': w} }}{{ x if y else z }}{{ p is divisibleby q }}{{ r is not in s }}", "k v w x y z p q r s"),
        ("{{ true }}{{ None }}{{ 'a' }}{{ 1 }}{{ a|map(attribute='b', default=c) }}", "a c"),
        ("{% raw %}{{ a }}{% endraw %}{# {{ b }} #}{{ ' {{ c }} ' }}", ""),
        // What is set in some cases may be given for the others.
        ("{% if a %}{% set b = 1 %}{{ b }}{% endif %}{{ b }}", "a b?"),
        ("{% if a %}{% set b = 1 %}{% else %}{% set b = 2 %}{% endif %}{{ b }}", "a"),
        ("{% if a %}{% set b = 1 %}{% elif c %}{% set b = 2 %}{% endif %}{{ b }}", "a c b?"),
        ("{% if a %}{% set b = 1 %}{% elif c %}{% else %}{% set b = 2 %}{% endif %}{{ b }}", "a c b?"),
        (
            "{% if a %}{% if c %}{% set b = 1 %}{% else %}{% set b = 1 %}{% endif %}{% else %}{% set b = 2 %}{% endif %}{{ b }}",
            "a c",
        ),
        ("{% if a %}{% set b = 1 %}{% endif %}{{ b }}{% for x in [1] %}{{ b }}{% endfor %}", "a b?"),
        ("{{ b }}{% if a %}{% set b = 1 %}{% endif %}{{ b }}", "b a"),
    ] {
        let names: Vec<_> = names(template).into_iter().map(|(name, may)| name + if may { "?" } else { "" }).collect();
        assert_eq!(names.join(" "), expected, "{template}");
    }
    let branches = "{% if a %}{% set b = 'x' %}{% endif %}{{ b }}";
    assert_eq!(render(branches, json!({"a": true})), "x");
    assert_eq!(render(branches, json!({"a": false, "b": "given"})), "given");
    assert!(failure(branches, json!({"a": false})).message().contains("not defined"));
    assert_eq!(render("{{ xs[1:]|join }}{% set t = t ~ t %}{{ t }}", json!({"xs": "abc", "t": "d"})), "bcdd");
}

#[test]
fn what_may_be_missing_is_asked_for() {
    let of = |name: &str, may_miss| (name.to_string(), may_miss);
    assert_eq!(
        names("{% if a is defined %}{{ a }}{% endif %}{{ b | default('x') }}{{ c.d is defined }}"),
        [of("a", true), of("b", true), of("c", false)]
    );
    assert_eq!(render("{% if a is defined %}{{ a }}{% endif %}{{ b | default('x') }}", json!({})), "x");
    // Asked for in one place and used in another: an error where it is used.
    let error = failure("{% if a is defined %}{% endif %}\n{{ a }}", json!({}));
    assert!(error.message().contains("met a value that is not defined at line 2 column 4"), "{error}");
}

#[test]
fn a_rendering_that_fails_says_where_and_shows_no_value() {
    for (template, says, line) in [
        ("\n{{ x.nothing }}", "a value that is not defined", 2),
        ("{{ x + 1 }}", "an operation that does not fit", 1),
        ("{{ x.call() }}", "a call of a method", 1),
        ("{{ x | replace }}", "wrong number of arguments", 1),
        ("{% for a, b in [x] %}{% endfor %}", "an operation that does not fit", 1),
    ] {
        let error = failure(template, json!({"x": "secret"}));
        assert!(error.message().contains(says), "{template}: {error}");
        let source = error.downcast_ref::<TemplateError>().unwrap();
        assert_eq!(source.line(), line);
        assert!(!format!("{error} {error:?} {source}").contains("secret"), "{error:?}");
    }
}

#[test]
fn limits_are_settable_and_much_data_is_no_attack() {
    let many = json!({"xs": (0..200_000).collect::<Vec<_>>()});
    let rendered = render("{% for x in xs %}{% if x is odd %}{{ x }};{% endif %}{% endfor %}", many.clone());
    assert!(rendered.starts_with("1;3;") && rendered.len() > 600_000);
    let endless = "{% for i in range(10000) %}{% for i in range(10000) %}{{ 1 }}{% endfor %}{% endfor %}";
    let error = try_render(endless, &json!({}), Limits { steps: 100_000, ..Limits::default() }).unwrap_err();
    assert!(error.message().contains("more than 100000 steps"), "{error}");
    let error = try_render(endless, &json!({}), Limits { output: 10_000, ..Limits::default() }).unwrap_err();
    assert!(error.message().contains("longer than 10000 bytes"), "{error}");
    let deep = failure("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", json!({}));
    assert_eq!(deep.kind(), anabranch_core::ErrorKind::InvalidInput);
    let _ = parse(&format!("{}x{}", "{% if 1 %}".repeat(5000), "{% endif %}".repeat(5000)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_template_parses_or_says_why(template in "(\\{\\{|\\}\\}|\\{%|%\\}|[a-c|.() '\\-]| is | if |endif|for|set){0,30}|\\PC{0,60}") {
        match parse(&template) {
            Ok(jinja) => {
                let values = json!({"a": ["x"], "b": "{{ a }}", "c": {"a": null}});
                let (names, partials) = (Names::default(), Partials::default());
                let _ = jinja.with_steps(10_000).render(&Values::new(&values, &names, &partials).unwrap(), Limits::default());
            }
            Err(error) => prop_assert!(error.line() >= 1 && error.column() >= 1),
        }
    }

    #[test]
    fn any_value_stands_as_it_is(value in "[{}%#a-c ]{0,20}|\\PC{0,40}", other in "[{}&a-c]{0,20}") {
        let values = json!({"a": value, "b": other, "xs": [value]});
        let rendered = render("<{{ a }}|{{ b }}|{% for x in xs %}{{ x }}{% endfor %}>", values);
        prop_assert_eq!(rendered, format!("<{value}|{other}|{value}>"));
    }
}

#[test]
fn a_chain_of_operators_ends_before_the_stack_does() {
    let chains =
        ["not ", "-", "a.", "a + ", "a ~ ", "a and ", "a|upper|", "a if a else ", "a[0][0]", "a == ", "a is not "];
    for part in chains {
        for count in [100_000, 499 / 2] {
            let source = format!("{{{{ {}a }}}}", part.repeat(count));
            let made = Jinja::parse(source, 1000);
            if count > 1000 {
                assert!(made.is_err(), "{part}");
            }
        }
    }
    let list = format!("{{{{ [{}] }}}}", "a.b, ".repeat(10_000));
    assert!(Jinja::parse(list, 1000).is_ok());
}
