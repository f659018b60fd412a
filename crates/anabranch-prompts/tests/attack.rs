//! Values and templates as nobody writes them.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::{RunnableExt, lambda, parallel};
use anabranch_messages::Role;
use anabranch_prompts::{
    ChatPromptTemplate, FewShotChatMessagePromptTemplate, FewShotPromptTemplate, MessageTemplate, MessagesPlaceholder,
    PartTemplate, PromptTemplate,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Text that looks like a template in every language, or like nothing.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "([{}%#a-c ]|\\{\\{|\\}\\}|\\{%|%\\}|\\{#|#\\}|'|\"|\\\\|\\n){0,20}",
        "\\PC{0,40}",
        prop::sample::select(vec![
            "{a}",
            "{{a}}",
            "{{{a}}}",
            "{a?}",
            "{{#a}}",
            "{{/a}}",
            "{{>a}}",
            "{{=<% %>=}}",
            "{{ a }}",
            "{% raw %}",
            "{% include 'a' %}",
            "{{ 7 * 7 }}",
            "{#",
            "%s",
            "%(a)s",
            "$a",
            "${a}",
            "\u{0}",
            "\u{202e}",
            "\r\n",
            "\u{feff}",
            "{{ a|upper }}",
            "{{a.__class__}}",
            "{!r}",
            "{:>10}",
            "{0}",
            "<&>'\"",
            "\\u0041",
            "\\n",
        ])
        .prop_map(String::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1000, ..ProptestConfig::default() })]

    #[test]
    fn any_text_survives_in_any_place(value in any_text(), other in any_text()) {
        let values = json!({"a": value, "b": other, "history": [value.clone(), ["ai", other.clone()]]});
        let plain = format!("<{value}|{other}|{value}>");
        let f_string = PromptTemplate::from_template("<{a}|{b}|{a?}>").unwrap();
        prop_assert_eq!(f_string.format(&values).unwrap(), plain.clone());
        let mustache = PromptTemplate::mustache("<{{a}}|{{{b}}}|{{#a}}{{a}}{{/a}}>").unwrap();
        prop_assert_eq!(mustache.format(&values).unwrap(), plain.clone());
        // As a partial, and in an example.
        let one = json!({"b": other});
        prop_assert_eq!(f_string.clone().partial("a", value.clone()).format(&one).unwrap(), plain.clone());
        let given = value.clone();
        prop_assert_eq!(f_string.clone().partial_with("a", move || given.clone()).format(&one).unwrap(), plain.clone());
        let few = FewShotPromptTemplate::new(f_string.clone(), [values.clone()]).unwrap().build().unwrap();
        prop_assert_eq!(few.format(&values).unwrap(), plain.clone());
        let message = ChatPromptTemplate::from_messages([("user", "<{a}|{b}|{a?}>")]).unwrap();
        let few = FewShotChatMessagePromptTemplate::new(message, [values.clone()]).unwrap();
        let chat = ChatPromptTemplate::from_messages([
            few.into(),
            MessagesPlaceholder::new("history").into(),
            MessageTemplate::parts(Role::User, [PartTemplate::text("<{a}|{b}|{a}>")]),
        ]).unwrap();
        let texts: Vec<_> = chat.format(&values).unwrap().iter().map(|message| message.text().into_owned()).collect();
        prop_assert_eq!(texts, [plain.clone(), value, other, plain]);
    }

    #[cfg(feature = "jinja")]
    #[test]
    fn any_text_survives_whatever_jinja_does_with_it(value in any_text(), other in any_text()) {
        let values = json!({"a": value, "b": other, "xs": [value, other]});
        let both = format!("{value}{other}");
        for template in [
            "{{ a }}{{ b }}", "{{ a ~ b }}", "{{ a + b }}", "{{ xs|join }}", "{{ [a, b]|join('') }}", "{{ a|string }}{{ b|safe }}",
            "{% for x in xs %}{{ x }}{% endfor %}", "{% set t %}{{ a }}{{ b }}{% endset %}{{ t }}",
            "{% macro f(x) %}{{ x }}{% endmacro %}{{ f(a) }}{{ f(b) }}", "{% set t = [a, b] %}{{ t[0] ~ t[1] }}",
            "{{ '%s%s'|format(a, b) }}", "{{ '(a)(b)'|replace('(a)', '')|replace('(b)', a ~ b) }}",
            "{% with t = a ~ b %}{{ t }}{% endwith %}", "{{ {'k': a}.k ~ (a, b)[1] }}", "{{ a * 1 ~ b }}",
            "{% filter string %}{{ a }}{{ b }}{% endfilter %}", "{{ (a if true else b) ~ xs|last }}",
            "{% set ns = namespace(t='') %}{% for x in xs %}{% set ns.t = ns.t ~ x %}{% endfor %}{{ ns.t }}",
        ] {
            prop_assert_eq!(&PromptTemplate::jinja(template).unwrap().format(&values).unwrap(), &both, "{}", template);
        }
    }

    /// Whatever the keys and values are, an error shows none that is no short name.
    #[test]
    fn errors_show_no_value(key in any_text(), value in "[a-z]{30,40}") {
        let values: Value = Map::from_iter([(key.clone(), json!(value))]).into();
        for prompt in [PromptTemplate::from_template("{topic} {x}").unwrap(), PromptTemplate::mustache("{{topic}}{{x}}").unwrap()] {
            let error = prompt.format(&values).unwrap_err();
            let shown = format!("{error} {error:?}");
            prop_assert!(!shown.contains(&value) && !shown.contains(['\u{202e}', '\u{0}', '\r']), "{}", shown);
        }
        for bad in [json!({"photo": {key.clone(): value}}), json!({"photo": value}), json!({"photo": [value]}), json!({"photo": {"url": [value]}})] {
            let parts = MessageTemplate::parts(Role::User, [PartTemplate::image("{photo}")]);
            let error = ChatPromptTemplate::from_messages([parts]).unwrap().format(&bad).unwrap_err();
            prop_assert!(!format!("{error} {error:?}").contains(&value), "{error:?}");
        }
    }
}

/// Megabytes of a template take as long as there are megabytes.
#[test]
fn long_templates() {
    let pieces = 100_000;
    let text = "plain text of a line that is long ".repeat(pieces);
    assert_eq!(PromptTemplate::from_template(text.clone()).unwrap().format(&json!({})).unwrap(), text);
    assert_eq!(PromptTemplate::mustache(text.clone()).unwrap().format(&json!({})).unwrap(), text);
    let f_string = PromptTemplate::from_template("{a} and {b?} ".repeat(pieces)).unwrap();
    assert_eq!(f_string.format(&json!("x")).unwrap().len(), pieces * 7);
    assert_eq!((f_string.variables().len(), f_string.optional_variables().len()), (1, 1));
    // All on one line, which is looked at once.
    let mustache = PromptTemplate::mustache("{{a}} {{#b}}{{c}}{{/b}}{{!d}} ".repeat(pieces)).unwrap();
    assert_eq!(mustache.format(&json!({"a": "x", "b": false})).unwrap().len(), pieces * 3);
    for open in ["{a", "{a} ", "{{"] {
        let broken = format!("{}{{", open.repeat(pieces));
        assert!(PromptTemplate::from_template(broken.clone()).unwrap_err().to_string().len() < 1000);
        assert!(PromptTemplate::mustache(broken.replace('{', "{{")).unwrap_err().to_string().len() < 1000);
    }
}

#[cfg(feature = "jinja")]
#[test]
fn long_jinja_templates() {
    let pieces = 10_000;
    let text = "plain text of a line that is long ".repeat(pieces);
    assert_eq!(PromptTemplate::jinja(text.clone()).unwrap().format(&json!({})).unwrap(), text);
    for (piece, length) in [
        ("{{ a }}", 1),
        ("{{ a|upper ~ 'b' }} ", 3),
        ("{% if a %}{{ a }}{% endif %}", 1),
        ("{% set b = [a, a] %}{{ b|map('upper')|join }}", 2),
        ("{# {{ #}{% raw %}{{{% endraw %}", 2),
    ] {
        let prompt = PromptTemplate::jinja(piece.repeat(pieces)).unwrap();
        assert_eq!(prompt.format(&json!({"a": "x"})).unwrap().len(), pieces * length, "{piece}");
    }
    let assignments = vec!["b = a ~ a"; pieces].join(", ");
    let with = PromptTemplate::jinja(format!("{{% with {assignments} %}}{{{{ b }}}}{{% endwith %}}")).unwrap();
    assert_eq!(with.format(&json!("x")).unwrap(), "xx");
    for open in ["{{ (", "{% if a %}", "{{ a|map(1,", "{#", "{% raw %}", "{{ '"] {
        assert!(PromptTemplate::jinja(open.repeat(pieces)).unwrap_err().to_string().len() < 1000, "{open}");
    }
}

/// What the check of a chain says of names that are nearly right.
#[test]
fn near_misses() {
    let give = || parallel! { "topic": lambda(async |_: Value| Ok("t")), "histroy": lambda(async |_: Value| Ok("h")) };
    let warns = |chain: anabranch_core::Result<Vec<anabranch_core::describe::Warning>>| {
        chain.unwrap().iter().map(|warning| warning.message().to_string()).collect::<Vec<_>>().join("; ")
    };
    let placeholder = ChatPromptTemplate::from_messages([("placeholder", "{history}"), ("user", "{topic}")]).unwrap();
    assert!(warns((give() | placeholder).check()).contains("`histroy`"));
    let optional = ChatPromptTemplate::from_template("{topic}{history?}").unwrap();
    assert!(warns((give() | optional).check()).contains("`histroy`"));
    let section = ChatPromptTemplate::mustache("{{topic}}{{#history}}{{.}}{{/history}}").unwrap();
    assert!(warns((give() | section).check()).contains("`histroy`"));
    // An optional name that is like nothing is no mistake.
    let far = ChatPromptTemplate::from_template("{topic}{wish?}").unwrap();
    assert_eq!(warns((give() | far).check()), "");
    // What must be given is an error.
    let needed = ChatPromptTemplate::from_messages([
        MessagesPlaceholder::new("history").into(),
        MessageTemplate::user("{topic}"),
    ]);
    let error = (give() | needed.unwrap()).check().unwrap_err();
    assert!(error.message().contains("did you mean `histroy` for `history`"), "{error}");
}

/// Names that stand twice, in places of different kinds.
#[test]
fn duplicate_names() {
    let prompt = ChatPromptTemplate::from_messages([
        MessagesPlaceholder::new("x").into(),
        MessageTemplate::user("{x} {x?} {y?}"),
        MessageTemplate::placeholder("y"),
    ])
    .unwrap();
    assert_eq!((prompt.variables(), prompt.optional_variables()), (&["x".to_string()][..], &["y".to_string()][..]));
    let messages = prompt.format(&json!({"x": ["a"], "y": ["b"]})).unwrap();
    assert_eq!(messages.to_text(), "Human: a\nHuman: [\"a\"] [\"a\"] [\"b\"]\nHuman: b");
    // One value beforehand for both of a sum, whatever the order.
    let one = ChatPromptTemplate::from_template("{x}").unwrap().partial("x", 1);
    for sum in [
        one.clone() + ChatPromptTemplate::from_template("{x}").unwrap(),
        ChatPromptTemplate::from_template("{x}").unwrap() + one,
    ] {
        let sum = sum.unwrap();
        assert!(sum.variables().is_empty());
        assert_eq!(sum.format(&json!({})).unwrap().to_text(), "Human: 1\nHuman: 1");
        let longer = sum.append(("ai", "{x}{z}")).unwrap().extend([("user", "{z}")]).unwrap();
        assert_eq!(longer.variables(), ["z"]);
        assert_eq!(longer.slice(2..).unwrap().format(&json!("!")).unwrap().to_text(), "AI: 1!\nHuman: !");
    }
}
