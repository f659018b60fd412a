use anabranch_core::ErrorKind;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::values::{Names, Partials};

fn try_render(template: &str, values: &Value, limits: Limits) -> Result<String, Stop> {
    let (names, partials) = (Names::default(), Partials::default());
    Format::parse(template).unwrap().render(&Values::new(values, &names, &partials).unwrap(), limits)
}

fn render(template: &str, values: Value) -> String {
    try_render(template, &values, Limits::default()).unwrap_or_else(|_| panic!("{template} failed"))
}

fn problem(template: &str) -> String {
    let error = Format::parse(template).unwrap_err().into_error(ErrorKind::InvalidChain);
    assert_eq!(error.kind(), ErrorKind::InvalidChain);
    error.message().to_string()
}

#[test]
fn variables_and_doubled_braces() {
    assert_eq!(render("About {topic}.", json!({"topic": "tides"})), "About tides.");
    assert_eq!(render("{{\"a\": {n}}}", json!({"n": 1})), "{\"a\": 1}");
    assert_eq!(render("{{{x}}}", json!({"x": "y"})), "{y}");
    assert_eq!(render("{a}{b}{a}", json!({"a": 1, "b": 2})), "121");
    assert_eq!(render("{größe_2}", json!({"größe_2": "XL"})), "XL");
    assert_eq!(render("", json!({})), "");
}

#[test]
fn values_as_text() {
    let values = json!({"n": null, "b": true, "f": 1.5, "l": [1, "a"], "o": {"z": 1, "a": null}});
    assert_eq!(render("{n} {b} {f} {l} {o}", values), r#"null true 1.5 [1,"a"] {"z":1,"a":null}"#);
}

#[test]
fn what_is_optional_may_be_missing() {
    assert_eq!(render("a{x?}b", json!({})), "ab");
    assert_eq!(render("a{x?}b", json!({"x": null})), "ab");
    assert_eq!(render("a{x?}b{x?}", json!({"x": [1]})), "a[1]b[1]");
    assert_eq!(render("{{x?}}", json!({})), "{x?}");
    for template in ["{?}", "{x??}", "{?x}", "{x?y}"] {
        assert!(problem(template).contains("cannot be in the name"), "{template}");
    }
}

#[test]
fn the_text_has_a_limit() {
    let limits = Limits { output: 10, ..Limits::default() };
    assert!(try_render("{a}{a}", &json!({"a": "12345"}), limits).is_ok());
    let Err(Stop::Failed(error)) = try_render("{a}{a}!", &json!({"a": "secret"}), limits) else { panic!() };
    assert!(error.message().contains("longer than 10 bytes: `.max_output(..)` allows more"), "{error}");
}

#[test]
fn values_are_never_formatted_again() {
    assert_eq!(render("{a} {b}", json!({"a": "{b} {{", "b": "}} {a}"})), "{b} {{ }} {a}");
}

#[test]
fn what_is_no_plain_name_is_an_error_with_its_place() {
    for (template, part, place) in [
        ("{user.name}", "attribute access", "line 1 column 6 (character 6)"),
        ("{rows[0]}", "indexing", "line 1 column 6 (character 6)"),
        ("{price:.2f}", "format specification", "line 1 column 7 (character 7)"),
        ("{name!r}", "conversion", "line 1 column 6 (character 6)"),
        ("{0}", "begins with a digit", "line 1 column 2 (character 2)"),
        ("{}", "without a name", "line 1 column 2 (character 2)"),
        ("{ name }", "white space", "line 1 column 2 (character 2)"),
        ("é\n {\"key\": 1}", "a quote", "line 2 column 3 (character 5)"),
        ("{open", "the end of the template", "line 1 column 6 (character 6)"),
        ("{", "the end of the template", "line 1 column 2 (character 2)"),
        ("a } b", "without its `{`", "line 1 column 3 (character 3)"),
        ("{a{b}}", "a `{` inside", "line 1 column 3 (character 3)"),
        ("{a-b}", "cannot be in the name", "line 1 column 3 (character 3)"),
    ] {
        let problem = problem(template);
        assert!(problem.contains(part) && problem.contains(place), "{template}: {problem}");
        assert!(problem.contains("`{{` and `}}`"), "{problem}");
    }
}

proptest! {
    #[test]
    fn any_template_parses_or_says_why(template in "[{}a-c0?.\\n\"é ]{0,40}|\\PC{0,60}") {
        if let Ok(format) = Format::parse(&template) {
            let mut object = serde_json::Map::new();
            format.each_variable(&mut |name, _| drop(object.insert(name.to_string(), json!("{x}"))));
            prop_assert!(try_render(&template, &object.into(), Limits::default()).is_ok());
            // What is shown of a template is a template that says the same.
            prop_assert_eq!(Format::parse(&format.source()).unwrap(), format);
        }
    }

    #[test]
    fn doubling_braces_makes_any_text_literal(text in "[{}a-z\\n ]{0,60}|\\PC{0,60}") {
        let doubled = text.replace('{', "{{").replace('}', "}}");
        prop_assert_eq!(render(&doubled, json!({})), text);
    }

    #[test]
    fn any_value_stands_as_it_is(value in "[{}a-c]{0,20}|\\PC{0,40}", other in "[{}a-c]{0,20}") {
        let rendered = render("<{a}|{b}|{a}>", json!({"a": value, "b": other}));
        prop_assert_eq!(rendered, format!("<{value}|{other}|{value}>"));
    }
}
