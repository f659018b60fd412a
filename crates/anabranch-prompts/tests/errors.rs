//! What is wrong with a template is something to match on.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::Result;
use anabranch_prompts::{ChatPromptTemplate, PromptTemplate, TemplateError, TemplateErrorKind as Kind};
use serde_json::json;

fn kind(made: Result<PromptTemplate>) -> Kind {
    let made = made.and_then(|prompt| Ok((prompt.format(&json!({"a": {}, "xs": [1]}))?, prompt.pretty())));
    let error = made.unwrap_err();
    error.downcast_ref::<TemplateError>().unwrap_or_else(|| panic!("{error}")).kind()
}

#[test]
fn f_strings() {
    for (template, expected) in [
        ("{\"a\": 1}", Kind::InvalidName),
        ("{a.b}", Kind::InvalidName),
        ("{}", Kind::InvalidName),
        ("{a", Kind::Unclosed),
        ("{", Kind::Unclosed),
        ("a}", Kind::Unopened),
    ] {
        assert_eq!(kind(PromptTemplate::from_template(template)), expected, "{template}");
    }
}

#[test]
fn mustache() {
    for (template, expected) in [
        ("{{a b}}", Kind::InvalidName),
        ("{{a", Kind::Unclosed),
        ("{{#a}}", Kind::Unclosed),
        ("{{/a}}", Kind::Unopened),
        ("{{#a}}{{/b}}", Kind::Unopened),
        ("{{> a}}", Kind::LoadsTemplate),
        ("{{=<% %>=}}", Kind::Syntax),
        ("{{a.b}}", Kind::Undefined),
        (&"{{#a}}".repeat(1000), Kind::TooComplex),
    ] {
        assert_eq!(kind(PromptTemplate::mustache(template)), expected, "{template}");
    }
}

#[cfg(feature = "jinja")]
#[test]
fn jinja() {
    for (template, expected) in [
        ("{{ a b }}", Kind::Syntax),
        ("{% if a %}", Kind::Syntax),
        ("{{ a ~ }}", Kind::Syntax),
        ("{{ a + }}", Kind::Syntax),
        ("{{ a * + 1 }}", Kind::Syntax),
        ("{{ ~ a }}", Kind::Syntax),
        ("{{ a - }}", Kind::Syntax),
        ("{{ a ~ - }}", Kind::Syntax),
        ("{{ (a ~ ) }}", Kind::Syntax),
        ("{{ a", Kind::Unclosed),
        ("{{ (a }}", Kind::Unclosed),
        ("{{ 'a }}", Kind::Unclosed),
        ("{# a", Kind::Unclosed),
        ("{% raw %}a", Kind::Unclosed),
        ("{{ a|nope }}", Kind::UnknownFilter),
        ("{{ xs|map('nope') }}", Kind::UnknownFilter),
        ("{{ a is nope }}", Kind::UnknownTest),
        ("{{ nope() }}", Kind::UnknownFunction),
        ("{{ a.nope() }}", Kind::UnknownMethod),
        ("{% include 'a' %}", Kind::LoadsTemplate),
        ("{{ a|replace }}", Kind::WrongArguments),
        ("{{ a + 1 }}", Kind::InvalidOperation),
        ("{{ a - 1 }}", Kind::InvalidOperation),
        ("{{ a.b }}", Kind::Undefined),
        ("{{ 'a' * 1000000000 }}", Kind::TooLarge),
        (&format!("{{{{ {}a }}}}", "a + ".repeat(1000)), Kind::TooComplex),
        (&format!("{{{{ {}a{} }}}}", "(".repeat(200), ")".repeat(200)), Kind::TooComplex),
    ] {
        assert_eq!(kind(PromptTemplate::jinja(template)), expected, "{template}");
    }
}

/// Where it is in a message of a chat prompt is in the path; what it is, is the same.
#[test]
fn of_a_message() {
    let error = ChatPromptTemplate::from_messages([("system", "fine"), ("user", "{a")]).unwrap_err();
    assert!(error.to_string().starts_with("message 1: "));
    assert_eq!(error.downcast_ref::<TemplateError>().unwrap().kind(), Kind::Unclosed);
}

/// A place is told by characters, however they are encoded, and what turns a line or ends it does not pass.
#[test]
fn errors_of_odd_templates() {
    let odd = "\u{202e}\u{0}\u{7}\r\u{85}\u{2028}{ä b}\u{1b}[31m";
    for made in
        [PromptTemplate::from_template(odd), PromptTemplate::mustache(odd.replace('{', "{{").replace('}', "}}"))]
    {
        let error = made.unwrap_err();
        let place = error.downcast_ref::<TemplateError>().unwrap();
        for shown in [error.to_string(), format!("{error:?}"), place.excerpt().to_string(), format!("{place:?}")] {
            assert!(!shown.contains(['\u{202e}', '\u{0}', '\u{7}', '\r', '\u{85}', '\u{2028}', '\u{1b}']), "{shown:?}");
        }
    }
}
