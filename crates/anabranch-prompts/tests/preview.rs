//! Looking at a prompt without all of its values.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_messages::Role;
use anabranch_prompts::{
    ChatPromptTemplate, FewShotPromptTemplate, MessageTemplate, MessagesPlaceholder, PartTemplate, PromptTemplate,
};
use serde_json::json;

#[test]
fn mustache_shows_what_is_missing_inside_too() {
    let prompt = PromptTemplate::mustache("{{user.name}} {{#xs}}{{a.b}}{{/xs}}{{^ys}}none{{/ys}}").unwrap();
    assert_eq!(prompt.preview(&json!({})).unwrap(), "{{user.name}} none");
    assert_eq!(
        prompt.preview(&json!({"user": {}, "xs": [{"a": {"b": 1}}, {}]})).unwrap(),
        "{{user.name}} 1{{a.b}}none"
    );
}

#[test]
fn a_preview_is_the_prompt_where_nothing_is_missing() {
    let prompt = ChatPromptTemplate::from_messages([
        MessageTemplate::system("{a}{b?}"),
        MessagesPlaceholder::new("history").into(),
        MessageTemplate::parts(Role::User, [PartTemplate::text("{c}"), PartTemplate::image("{photo}")]),
    ])
    .unwrap()
    .partial("c", "{a}");
    let values = json!({"a": "{c}", "history": ["one"], "photo": "https://e.org/a.png"});
    assert_eq!(prompt.preview(&values).unwrap(), prompt.format(&values).unwrap());
    let text = prompt.preview(&json!({})).unwrap().to_text();
    assert_eq!(text, "System: {a}\nHuman: {history}\nHuman: {a}[image {photo}]");
}

#[test]
fn examples_are_shown_with_what_is_missing_around_them() {
    let prompt = FewShotPromptTemplate::new(PromptTemplate::from_template("{q}!").unwrap(), [json!({"q": "{r}"})])
        .unwrap()
        .with_suffix(PromptTemplate::from_template("{r}?").unwrap())
        .with_separator(" ")
        .build()
        .unwrap();
    assert_eq!(prompt.preview(&json!({})).unwrap(), "{r}! {r}?");
}

#[cfg(feature = "jinja")]
mod jinja {
    use super::*;

    fn preview(template: &str, values: serde_json::Value) -> String {
        PromptTemplate::jinja(template).unwrap().preview(&values).unwrap_or_else(|error| panic!("{template}: {error}"))
    }

    #[test]
    fn what_is_looked_up_in_a_missing_variable_is_shown() {
        for (template, expected) in [
            (
                "{{ user.name }}, {{ user['age'] }}, {{ user.a.b[0] }}",
                "{{ user.name }}, {{ user.age }}, {{ user.a.b[0] }}",
            ),
            ("{% for r in rivers %}- {{ r.name }}\n{% endfor %}", "- {{ rivers[0].name }}\n"),
            (
                "{% for r in rivers %}{% for x in r.xs %}{{ loop.index }}{{ x }}{% endfor %}{% endfor %}",
                "1{{ rivers[0].xs[0] }}",
            ),
            ("{% if user.deep %}deep{% else %}flat{% endif %}", "deep"),
            ("{{ name|upper }} {{ name|replace('a', 'b')|trim }}", "{{ name|upper }} {{ name|replace|trim }}"),
            ("{{ 'Dear ' ~ name ~ '!' }} {{ names|join(', ') }}", "Dear {{ name }}! {{ names[0] }}"),
            ("{{ name + '!' }}", "{{ name }}"),
            ("{% set n = user.name %}{{ n }}{% set ns = namespace(a=n) %}{{ ns.a }}", "{{ user.name }}{{ user.name }}"),
            ("{% macro f(x) %}[{{ x.y }}]{% endmacro %}{{ f(user) }}", "[{{ user.y }}]"),
            ("{{ [user, {'a': user}] }}", "[{{ user }},{\"a\":{{ user }}}]"),
            ("{{ wish | default('none') }} {% if a is defined %}{{ a }}{% endif %}", "none "),
            ("{{ user == user }} {{ user in [user] }} {{ {user: 1}|length }}", "true true 1"),
        ] {
            assert_eq!(preview(template, json!({})), expected, "{template}");
        }
    }

    #[test]
    fn what_cannot_be_shown_stands_as_it_is_written() {
        for template in
            ["{{ 10 / count }}", "{{ user.name() }}", "{% for a, b, c in pairs %}{% endfor %}", "{{ n - 1 }}"]
        {
            assert_eq!(preview(template, json!({})), template);
        }
        // What is wrong with what is there is an error.
        let prompt = PromptTemplate::jinja("{{ user.name }}").unwrap();
        assert!(prompt.preview(&json!({"user": {}})).unwrap_err().message().contains("not defined"));
    }

    #[test]
    fn each_template_shows_what_is_missing_in_its_own_language() {
        let prompt = ChatPromptTemplate::from_template("{a}").unwrap();
        let prompt = (prompt + ChatPromptTemplate::jinja("{{ b.c }} {{ a }}").unwrap()).unwrap();
        let prompt = (prompt + ChatPromptTemplate::mustache("{{c.d}} {{a}}").unwrap()).unwrap();
        let text = prompt.preview(&json!({})).unwrap().to_text();
        assert_eq!(text, "Human: {a}\nHuman: {{ b.c }} {{ a }}\nHuman: {{c.d}} {{a}}");
        let text = prompt.preview(&json!({"a": 1})).unwrap().to_text();
        assert_eq!(text, "Human: 1\nHuman: {{ b.c }} 1\nHuman: {{c.d}} 1");
    }
}
