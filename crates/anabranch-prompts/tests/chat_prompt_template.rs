//! What a prompt takes, gives and says when it cannot.

#![allow(clippy::unwrap_used, clippy::panic)]

use anabranch_core::describe::Needs;
use anabranch_core::{ErrorKind, Runnable, RunnableExt, RunnablePassthrough, lambda, parallel};
use anabranch_messages::{AiMessage, Message, Messages, Role, SystemMessage, ToolCall, UserMessage};
use anabranch_prompts::{ChatPromptTemplate, MessageTemplate, MessagesPlaceholder, TemplateError};
use serde_json::{Value, json};

fn texts(messages: &Messages) -> Vec<(Role, String)> {
    messages.iter().map(|message| (message.role(), message.text().into_owned())).collect()
}

#[tokio::test]
async fn roles_and_variables() {
    let prompt = ChatPromptTemplate::from_messages([
        ("system", "s {a}"),
        ("developer", "d"),
        ("user", "u {b}"),
        ("human", "h"),
        ("assistant", "a"),
        ("ai", "i {a}"),
    ])
    .unwrap();
    assert_eq!(prompt.variables(), ["a", "b"]);
    let messages = prompt.invoke(json!({"a": 1, "b": "x", "unused": true})).await.unwrap();
    let expected = [
        (Role::System, "s 1"),
        (Role::System, "d"),
        (Role::User, "u x"),
        (Role::User, "h"),
        (Role::Assistant, "a"),
        (Role::Assistant, "i 1"),
    ];
    assert_eq!(texts(&messages), expected.map(|(role, text)| (role, text.to_string())));
}

#[test]
fn pairs_of_any_text_compile() {
    let perspective = "legal";
    ChatPromptTemplate::from_messages([("system", "…"), ("user", "{topic}")]).unwrap();
    ChatPromptTemplate::from_messages([
        ("system", format!("You are a {perspective} expert.")),
        ("user", "{text}".to_string()),
    ])
    .unwrap();
    ChatPromptTemplate::from_messages(vec![("system".to_string(), "x".to_string())]).unwrap();
    ChatPromptTemplate::from_messages(vec![(Role::User, "x")]).unwrap();
    ChatPromptTemplate::from_messages([UserMessage::new("x")]).unwrap();
    ChatPromptTemplate::from_messages(Messages::from("{x}")).unwrap();
    ChatPromptTemplate::from_messages([MessageTemplate::from(("user", "x")), SystemMessage::new("{").into()]).unwrap();
}

#[tokio::test]
async fn messages_go_in_as_they_are() {
    let call = AiMessage::new("{not} }a{ variable").with_tool_call(ToolCall::new("1", "f", json!({"a": "{b}"})));
    let prompt = ChatPromptTemplate::from_messages([Message::from(call.clone()), Message::user("{x}")]).unwrap();
    assert!(prompt.variables().is_empty());
    assert_eq!(prompt.invoke(json!({})).await.unwrap().into_vec(), [Message::Ai(call), Message::user("{x}")]);
}

#[tokio::test]
async fn a_bare_value_stands_for_the_only_variable() {
    let one = ChatPromptTemplate::from_template("{x} and {x}").unwrap();
    for (given, text) in [
        (json!("a {x}"), "a {x} and a {x}"),
        (json!(7), "7 and 7"),
        (json!([1, 2]), "[1,2] and [1,2]"),
        (json!(null), "null and null"),
        (json!({"x": {"y": 1}}), r#"{"y":1} and {"y":1}"#),
    ] {
        assert_eq!(one.invoke(given).await.unwrap()[0].text(), text);
    }
    // With a partial for the other one is the only one.
    let two = ChatPromptTemplate::from_template("{x} {y}").unwrap().partial("y", "Y");
    assert_eq!(two.invoke("X").await.unwrap()[0].text(), "X Y");

    let two = ChatPromptTemplate::from_template("{x} {y}").unwrap();
    let error = two.invoke("my secret").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "ChatPromptTemplate: invalid input: the prompt was given text, which can stand for one variable only: give an \
         object with `x` and `y`"
    );
    let none = ChatPromptTemplate::from_template("hello").unwrap();
    assert!(none.invoke("x").await.unwrap_err().message().contains("no variables"));
    assert_eq!(none.invoke(json!({"x": 1})).await.unwrap()[0].text(), "hello");
}

#[tokio::test]
async fn a_missing_variable_is_named_with_the_keys_there_are_and_no_value() {
    let prompt = ChatPromptTemplate::from_template("{topic} {key_terms}").unwrap();
    let error = prompt.invoke(json!({"topic": "my secret", "keyterms": "another secret"})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(
        error.to_string(),
        "ChatPromptTemplate: invalid input: missing `key_terms`; there is `topic` and `keyterms`; did you mean \
         `keyterms` for `key_terms`?; what may be missing is written `{name?}`; what is text and no variable has its \
         braces doubled: `{{` and `}}`"
    );
    assert!(prompt.invoke(json!({})).await.unwrap_err().message().contains("missing `topic` and `key_terms`"));

    let many: Value = (0..1000).map(|n| (format!("k{n}"), json!(n))).collect::<serde_json::Map<_, _>>().into();
    let message = prompt.invoke(many).await.unwrap_err().to_string();
    assert!(message.contains("and 980 more") && message.len() < 600, "{message}");
}

#[tokio::test]
async fn placeholders_take_messages_pairs_and_text() {
    let prompt = ChatPromptTemplate::from_messages([("placeholder", "{history}"), ("user", "{q}")]).unwrap();
    assert_eq!(prompt.variables(), ["q"]);
    assert_eq!(prompt.optional_variables(), ["history"]);

    // Optional: with only one variable that must be given, a bare value will do.
    assert_eq!(prompt.invoke("?").await.unwrap().len(), 1);
    assert_eq!(prompt.invoke(json!({"q": "?", "history": null})).await.unwrap().len(), 1);

    let call = AiMessage::new("").with_tool_call(ToolCall::new("1", "f", json!({"a": 1})));
    let history = Messages::from([Message::system("{q}"), call.into(), Message::tool("1", "done")]);
    let messages = prompt.invoke(json!({"q": "?", "history": history.clone()})).await.unwrap();
    assert_eq!(messages[..3], history[..]);

    let mixed = json!(["one", ["ai", "two"], {"role": "user", "content": "three {q}"}]);
    let messages = prompt.invoke(json!({"q": "?", "history": mixed})).await.unwrap();
    let expected = [(Role::User, "one"), (Role::Assistant, "two"), (Role::User, "three {q}"), (Role::User, "?")];
    assert_eq!(texts(&messages), expected.map(|(role, text)| (role, text.to_string())));

    let one = prompt.invoke(json!({"q": "?", "history": AiMessage::new("hi")})).await.unwrap();
    assert_eq!(one[0], Message::ai("hi"));

    for bad in [
        json!("secret"),
        json!(1),
        json!([1]),
        json!([["secret", "secret"]]),
        json!([["tool", "secret"]]),
        json!([{"role": "secret", "content": "secret"}]),
        json!([{"content": "secret"}]),
        json!([["user", "a", "secret"]]),
    ] {
        let error = prompt.invoke(json!({"q": "?", "history": bad})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("`history`") && !format!("{error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_placeholder_that_must_be_given() {
    let items = [MessagesPlaceholder::new("history").into(), MessageTemplate::user("{q}")];
    let prompt = ChatPromptTemplate::from_messages(items).unwrap();
    assert_eq!(prompt.variables(), ["history", "q"]);
    let error = prompt.invoke(json!({"q": "?"})).await.unwrap_err();
    assert!(error.message().contains("missing `history`"), "{error}");

    let only = ChatPromptTemplate::from_messages([MessagesPlaceholder::new("history")]).unwrap();
    assert_eq!(
        only.invoke(serde_json::to_value(Messages::from("bare")).unwrap()).await.unwrap(),
        Messages::from("bare")
    );
}

#[test]
fn construction_errors_name_the_message_and_quote_nothing() {
    let error = ChatPromptTemplate::from_messages([("system", "fine"), ("narrator", "secret")]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidChain);
    let shown = error.to_string();
    assert!(shown.starts_with("message 1: ") && shown.contains("`placeholder`"), "{shown}");
    assert!(!shown.contains("secret") && !shown.contains("narrator"));

    let error = ChatPromptTemplate::from_template("{\"secret\": 1}").unwrap_err();
    assert!(!error.to_string().contains("secret"), "{error}");
    // The line of the template is in the source, for whoever looks at it.
    let source = error.downcast_ref::<TemplateError>().unwrap();
    assert_eq!(source.excerpt(), "{\"secret\": 1}\n ^");
    assert!(ChatPromptTemplate::from_messages([("tool", "x")]).unwrap_err().message().contains("ToolMessage"));
    for bad in ["{a} {b}", "", "{", "{a}}", "a b", "}{"] {
        assert!(ChatPromptTemplate::from_messages([("placeholder", bad)]).is_err(), "{bad}");
    }
}

#[test]
fn what_one_message_must_have_is_optional_for_none() {
    let prompt = ChatPromptTemplate::from_messages([("placeholder", "{a}"), ("placeholder", "{h}"), ("user", "{a}")]);
    let prompt = prompt.unwrap();
    assert_eq!((prompt.variables(), prompt.optional_variables()), (&["a".to_string()][..], &["h".to_string()][..]));
    assert!(prompt.format(&json!({"h": "x"})).is_err());
}

#[tokio::test]
async fn partials() {
    let base = ChatPromptTemplate::from_template("{a} {b}").unwrap();
    let prompt = base.clone().partial("a", 1).partial("a", 2);
    assert_eq!(prompt.variables(), ["b"]);
    assert_eq!(prompt.optional_variables(), ["a"]);
    assert_eq!(prompt.invoke("x").await.unwrap()[0].text(), "2 x");
    assert_eq!(prompt.invoke(json!({"a": "given", "b": "x"})).await.unwrap()[0].text(), "given x");
    assert_eq!(base.variables(), ["a", "b"], "clones made before are as they were");
}

#[tokio::test]
async fn a_stream_collected_is_what_invoke_gives() {
    let prompt = ChatPromptTemplate::from_messages([("system", "s"), ("user", "{x}")]).unwrap();
    let invoked = prompt.invoke("y").await.unwrap();
    assert_eq!(prompt.stream("y").collect().await.unwrap(), invoked);
    let mut chunks = prompt.stream("y");
    assert_eq!(chunks.next().await.unwrap().unwrap(), invoked);
    assert!(chunks.next().await.is_none());
    let failed = prompt.invoke(json!({})).await.unwrap_err();
    assert_eq!(prompt.stream(json!({})).collect().await.unwrap_err().to_string(), failed.to_string());
}

#[tokio::test]
async fn a_chain_is_checked_before_it_runs() {
    let map = parallel! {
        "summary": lambda(async |_: Value| Ok("s")),
        "topic": RunnablePassthrough,
    };
    let prompt = |template| ChatPromptTemplate::from_template(template).unwrap();
    (map.clone() | prompt("{summary} {topic}")).check().unwrap();
    let error = (map.clone() | prompt("{sumary}")).invoke("x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidChain);
    assert!(error.to_string().contains("did you mean `summary` for `sumary`?"), "{error}");

    let optional = [("placeholder", "{history}"), ("user", "{topic}")];
    (map | ChatPromptTemplate::from_messages(optional).unwrap()).check().unwrap();
    let text = lambda(async |_: Value| Ok("text".to_string()));
    (text.clone() | prompt("{x}")).check().unwrap();
    assert!((text.clone() | prompt("{x} {y}")).check().is_err());
    (text | prompt("{x} {y}").partial("y", 1)).check().unwrap();

    let description = prompt("{x}").describe();
    assert_eq!(description.kind, "prompt");
    assert_eq!(description.needs, Needs::Keys { keys: vec!["x".into()], optional: vec![], or_bare: true });
}

#[test]
fn debug_shows_no_text() {
    let prompt = ChatPromptTemplate::from_messages([("system", "secret {a}"), ("placeholder", "{h}")])
        .unwrap()
        .partial("a", "secret");
    assert_eq!(
        format!("{prompt:?}"),
        r#"ChatPromptTemplate { messages: ["system", "placeholder"], variables: [], optional: ["a", "h"], partials: ["a"] }"#
    );
    assert!(!format!("{:?}", MessageTemplate::user("secret")).contains("secret"));
}

#[test]
fn promises() {
    fn check<T: Clone + Send + Sync + 'static>() {}
    check::<ChatPromptTemplate>();
    check::<MessageTemplate>();
}

#[cfg(feature = "jinja")]
mod jinja {
    use super::*;

    #[tokio::test]
    async fn conditions_loops_and_variables() {
        let prompt = ChatPromptTemplate::from_jinja_messages([
            ("system", "{% if brief %}Be brief.{% endif %}"),
            ("placeholder", "{history}"),
            ("user", "{% set n = items | length %}{% for i in range(n) %}{{ items[i] }};{% endfor %}\n"),
        ])
        .unwrap();
        assert_eq!(prompt.variables(), ["brief", "items"]);
        let messages = prompt.invoke(json!({"brief": true, "items": ["{{ brief }}", "{x}", "<&>"]})).await.unwrap();
        assert_eq!(messages[0].text(), "Be brief.");
        assert_eq!(messages[1].text(), "{{ brief }};{x};<&>;\n");
        assert!(prompt.invoke(json!({"brief": 1})).await.unwrap_err().message().contains("missing `items`"));
        assert_eq!(ChatPromptTemplate::jinja("{{ x }}").unwrap().invoke("y").await.unwrap()[0].text(), "y");
    }

    #[tokio::test]
    async fn what_goes_wrong_is_said_without_quotes() {
        let error = ChatPromptTemplate::jinja("a\n{{ secret secret }}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidChain);
        assert!(error.message().contains("at line 2 column 11") && !error.to_string().contains("secret"), "{error}");

        for (template, part) in [
            ("{{ x.other }}", "not defined"),
            ("{{ x | secret }}", "a filter that does not exist"),
            ("{% include 'secret' %}", "loads another template"),
        ] {
            let error = match ChatPromptTemplate::jinja(template) {
                Ok(prompt) => prompt.invoke(json!({"x": {"a": "secret"}})).await.unwrap_err(),
                Err(error) => error,
            };
            assert!(error.message().contains(part), "{template}: {error}");
            assert!(!error.to_string().contains("secret"), "{error}");
        }
        let many = "{% for i in range(10000) %}{% for i in range(10000) %}{{ x }}{% endfor %}{% endfor %}";
        let many = ChatPromptTemplate::jinja(many).unwrap().max_steps(100_000);
        assert!(many.invoke("x").await.unwrap_err().message().contains("more than 100000 steps"));
    }

    #[tokio::test]
    async fn what_is_missing_gets_the_hint_of_its_language() {
        let prompt = ChatPromptTemplate::jinja("{{ topic }}{{ wish | default('') }}").unwrap();
        assert_eq!((prompt.variables(), prompt.optional_variables()), (&["topic".into()][..], &["wish".into()][..]));
        let message = prompt.invoke(json!({})).await.unwrap_err().message().to_string();
        assert!(message.contains("`is defined`") && !message.contains("braces doubled"), "{message}");
        assert_eq!(prompt.preview(&json!({})).unwrap()[0].text(), "{{ topic }}");
    }
}

#[cfg(feature = "jinja")]
#[test]
fn the_hint_is_that_of_the_message_that_lacks_something() {
    let first = ChatPromptTemplate::from_template("{a}").unwrap();
    let both = (first + ChatPromptTemplate::jinja("{{ b }}").unwrap()).unwrap();
    let error = both.format(&json!({"a": 1})).unwrap_err().to_string();
    assert!(error.contains("is defined") && !error.contains("doubled"), "{error}");
    let error = both.format(&json!({"b": 1})).unwrap_err().to_string();
    assert!(error.contains("doubled"), "{error}");
}

/// The limit on steps is part of what Jinja sets up: of what was added, too.
#[cfg(feature = "jinja")]
#[test]
fn the_limits_of_a_sum_are_those_of_both() {
    use anabranch_prompts::{FewShotPromptTemplate, PromptTemplate};
    let loops = "{% for x in range(1000) %}{{ x }}{% endfor %}";
    let sum =
        ChatPromptTemplate::from_template("a").unwrap().max_steps(100) + ChatPromptTemplate::jinja(loops).unwrap();
    assert!(sum.unwrap().format(&json!({})).unwrap_err().message().contains("more than 100 steps"));
    let sum = PromptTemplate::jinja("a").unwrap().max_steps(100) + PromptTemplate::jinja(loops).unwrap();
    assert!(sum.unwrap().format(&json!({})).unwrap_err().message().contains("more than 100 steps"));
    let few = FewShotPromptTemplate::new(PromptTemplate::from_template("{a}").unwrap(), [])
        .unwrap()
        .with_prefix(PromptTemplate::jinja("a").unwrap().max_steps(100))
        .with_suffix(PromptTemplate::jinja(loops).unwrap())
        .build()
        .unwrap();
    assert!(few.format(&json!({})).unwrap_err().message().contains("more than 100 steps"));
}
