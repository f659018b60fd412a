use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::values::{Names, Partials};

fn try_render(template: &str, values: &Value) -> Result<String, Stop> {
    let (names, partials) = (Names::default(), Partials::default());
    let mustache = Mustache::parse(template.to_string()).unwrap();
    mustache.render(&Values::new(values, &names, &partials).unwrap(), Limits::default())
}

fn render(template: &str, values: Value) -> String {
    try_render(template, &values).unwrap_or_else(|_| panic!("{template} failed"))
}

fn names(template: &str) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    Mustache::parse(template.into()).unwrap().each_variable(&mut |name, may_miss| names.push((name.into(), may_miss)));
    names
}

#[test]
fn values() {
    assert_eq!(render("This is a {{foo}} test.", json!({"foo": "bar"})), "This is a bar test.");
    assert_eq!(
        render("{{bar}} {{&foo}} {{{foo}}} {{ foo }} {{{ foo }}}", json!({"bar": 1, "foo": "<&>"})),
        "1 <&> <&> <&> <&>"
    );
    assert_eq!(render("{{obj.bar}}{{obj.foo}}", json!({"obj": {"bar": "a", "foo": [1]}})), "a[1]");
    assert_eq!(render("{{a}}|{{b}}|{{c}}|{{d}}", json!({"a": 0, "b": false, "c": null, "d": []})), "0|false||[]");
    assert_eq!(render("{{.}}", json!({"foo": "baz"})), r#"{"foo":"baz"}"#);
    assert_eq!(render("{ {a} }} {{! {{x }}", json!({})), "{ {a} }} ");
    assert_eq!(render("{{a}}", json!({"a": "{{b}} {{{c}}}"})), "{{b}} {{{c}}}");
}

#[test]
fn sections() {
    let each = "This{{#foo}}\n    {{bar}}\n{{/foo}}is a test.";
    assert_eq!(render(each, json!({"foo": {"bar": "yo"}})), "This\n    yo\nis a test.");
    let indented = "This{{#foo}}\n        {{bar}}\n    {{/foo}}is a test.";
    assert_eq!(
        render(indented, json!({"foo": [{"bar": "yo"}, {"bar": "hello"}]})),
        "This\n        yo\n    \n        hello\n    is a test."
    );
    assert_eq!(render("{{^foo}}none{{/foo}}", json!({})), "none");
    for nothing in [json!(null), json!(false), json!(""), json!([])] {
        assert_eq!(render("{{#foo}}a{{/foo}}{{^foo}}b{{/foo}}", json!({"foo": nothing})), "b");
    }
    for something in [json!(true), json!(0), json!("x"), json!({})] {
        assert_eq!(render("{{#foo}}a{{/foo}}{{^foo}}b{{/foo}}", json!({"foo": something})), "a");
    }
    assert_eq!(render("{{#xs}}{{.}},{{/xs}}", json!({"xs": [1, "two", {"a": 3}]})), "1,two,{\"a\":3},");
    assert_eq!(render("{{#xs}}{{a}}{{b}}{{/xs}}", json!({"b": "!", "xs": [{"a": 1}, {"a": 2, "b": "?"}]})), "1!2?");
    let nested = "This{{#foo}}\n  {{#baz.qux}}\n    {{#barfoo}}\n      {{foobar}}\n    {{/barfoo}}\n    {{foobar}}\n  \
                  {{/baz.qux}}\n  {{quux}}\n{{/foo}}.";
    let values = json!({"foo": {"quux": "hello", "baz": {"qux": [
        {"foobar": "wassup"}, {"foobar": "yoyo", "barfoo": {"foobar": "hello there"}},
    ]}}});
    assert_eq!(render(nested, values), "This\n    wassup\n      hello there\n    yoyo\n  hello\n.");
}

#[test]
fn the_lines_of_tags_are_no_lines() {
    assert_eq!(render("a\n{{#x}}\nb\n{{/x}}\nc", json!({"x": 1})), "a\nb\nc");
    assert_eq!(render("a\r\n  {{#x}} \r\nb\r\n{{/x}}", json!({"x": 1})), "a\r\nb\r\n");
    assert_eq!(render("{{! note }}\na", json!({})), "a");
    assert_eq!(render("a\n{{#x}}b{{/x}}\nc", json!({"x": 1})), "a\nb\nc");
    assert_eq!(render("a\n  {{x}}\nc", json!({"x": 1})), "a\n  1\nc");
}

#[test]
fn names_are_those_outside_of_sections() {
    assert_eq!(
        names("{{a.b}} {{#c}}{{d}}{{/c}} {{^e.f}}{{/e.f}} {{.}}"),
        [("a".into(), false), ("c".into(), true), ("e".into(), true)]
    );
}

#[test]
fn what_is_missing_is_an_error() {
    assert!(matches!(try_render("{{a}}", &json!({})), Err(Stop::Missing)));
    for (template, values) in [
        ("{{a.b}}", json!({"a": {}})),
        ("{{a.b}}", json!({"a": "text"})),
        ("{{a.b}}", json!({"a": [1]})),
        ("{{#xs}}{{a}}{{/xs}}", json!({"xs": [{"a": 1}, {}]})),
    ] {
        let Err(Stop::Failed(error)) = try_render(template, &values) else { panic!("{template}") };
        assert!(error.message().contains("met a variable that is not there at line 1"), "{error}");
    }
}

#[test]
fn what_is_no_mustache_is_an_error_with_its_place() {
    for (template, part, place) in [
        ("{{a", "not closed", "line 1 column 1"),
        ("{{}}", "without a name", "line 1 column 3"),
        ("{{a b}}", "white space", "line 1 column 4"),
        ("{{\"a\": 1}}", "a quote", "line 1 column 3"),
        ("{{a.}}", "empty name", "line 1 column 5"),
        ("{{0}}", "begins with a digit", "line 1 column 3"),
        ("{{a-b}}", "cannot be in a name", "line 1 column 4"),
        ("{{-a}}", "cannot be in a name", "line 1 column 3"),
        ("x\n{{#a}}", "without its end", "line 2 column 1"),
        ("{{/a}}", "was not begun", "line 1 column 1"),
        ("{{#a}}{{/b}}", "another section", "line 1 column 7"),
        ("{{> file}}", "cannot load", "line 1 column 1"),
        ("{{=<% %>=}}", "other delimiters", "line 1 column 1"),
    ] {
        let error = Mustache::parse(template.into()).unwrap_err().to_string();
        assert!(error.contains(part) && error.contains(place), "{template}: {error}");
    }
    let deep = format!("{}{}", "{{#a}}".repeat(1000), "{{/a}}".repeat(1000));
    assert!(Mustache::parse(deep).unwrap_err().problem().contains("too deep"));
}

#[test]
fn limits() {
    let (names, partials) = (Names::default(), Partials::default());
    let many = json!({"xs": vec![0; 1000]});
    let stop = |template: &str, limits| {
        let mustache = Mustache::parse(template.into()).unwrap();
        match mustache.render(&Values::new(&many, &names, &partials).unwrap(), limits) {
            Err(Stop::Failed(error)) => error.message().to_string(),
            _ => panic!("{template}"),
        }
    };
    let steps = stop("{{#xs}}{{#xs}}{{/xs}}{{/xs}}", Limits { steps: 10_000, ..Limits::default() });
    assert!(steps.contains("more than 10000 steps"), "{steps}");
    let output = stop("{{#xs}}abc{{/xs}}", Limits { output: 2_000, ..Limits::default() });
    assert!(output.contains("longer than 2000 bytes"), "{output}");
    let rendered = render("{{#xs}}{{.}} {{/xs}}", json!({"xs": vec![7; 200_000]}));
    assert_eq!(rendered.len(), 400_000);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn any_template_parses_or_says_why(template in "([{}#^/&!.a-c \\n]|\\{\\{|\\}\\}){0,40}|\\PC{0,60}") {
        match Mustache::parse(template.clone()) {
            Ok(mustache) => {
                let values = json!({"a": [{"b": "x"}], "b": "{{a}}", "c": {"a": null}});
                let (names, partials) = (Names::default(), Partials::default());
                let values = Values::new(&values, &names, &partials).unwrap();
                let _ = mustache.render(&values, Limits { output: 10_000, steps: 10_000 });
            }
            Err(error) => prop_assert!(error.line() >= 1 && error.column() >= 1),
        }
    }

    #[test]
    fn any_value_stands_as_it_is(value in "[{}#a-c]{0,20}|\\PC{0,40}", other in "[{}&a-c]{0,20}") {
        let values = json!({"a": value, "b": other, "xs": [value]});
        let rendered = render("<{{a}}|{{{b}}}|{{&a}}|{{#xs}}{{.}}{{/xs}}>", values);
        prop_assert_eq!(rendered, format!("<{value}|{other}|{value}|{value}>"));
    }

    #[test]
    fn text_without_tags_stays(text in "[{}a-z\\n ]{0,60}|\\PC{0,60}") {
        prop_assume!(!text.contains("{{"));
        prop_assert_eq!(render(&text, json!({})), text);
    }
}
