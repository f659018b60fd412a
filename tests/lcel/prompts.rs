//! PR, CH, FS: prompts.

use anabranch::ErrorKind;
use anabranch::messages::Role;
use anabranch::prelude::*;
use serde_json::{Value, json};

use crate::prompt;

async fn text(prompt: &ChatPromptTemplate, values: Value) -> String {
    prompt.invoke(values).await.unwrap()[0].text().into_owned()
}

#[tokio::test]
async fn variables() {
    // PR-01, with the variables in order of first appearance
    let one = prompt("This is a {foo} test.");
    assert_eq!(
        (text(&one, json!({ "foo": "bar" })).await.as_str(), one.variables()),
        ("This is a bar test.", &["foo".into()][..])
    );
    let more = prompt("{foo} {bar} {foo}");
    assert_eq!(text(&more, json!({ "foo": "a", "bar": "b" })).await, "a b a");
    assert_eq!(more.variables(), ["foo", "bar"]);

    // PR-02
    let error = prompt("{foo} {goingtobemissing}").invoke(json!({ "foo": 1 })).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("missing `goingtobemissing`") && error.message().contains("doubled"), "{error}");

    // PR-03, as JSON writes them
    for (value, expected) in
        [(json!(0), "0"), (json!(false), "false"), (json!(null), "null"), (json!([]), "[]"), (json!({}), "{}")]
    {
        assert_eq!(text(&one, json!({ "foo": value })).await, format!("This is a {expected} test."));
    }

    // PR-04
    assert_eq!(text(&one, json!("x")).await, "This is a x test.");
    for template in ["none", "{a} {b}"] {
        assert_eq!(prompt(template).invoke("x").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(text(&one, json!({ "foo": "y" })).await, "This is a y test.");

    // PR-05, for values
    let partial = prompt("{foo}{bar}").partial("foo", "foo");
    assert_eq!(text(&partial, json!({ "bar": "baz" })).await, "foobaz");
    assert_eq!(text(&partial, json!({ "foo": "own", "bar": "baz" })).await, "ownbaz");
}

#[tokio::test]
async fn names_are_plain() {
    // PR-07 D, PR-08, PR-09 D: a variable is an identifier; everything else fails when the prompt is made, and says where.
    for template in [
        "{x:.2f}",
        "{x!r}",
        "{name:{name.__class__}}",
        "{msg.content}",
        "{msg[0]}",
        "{0}",
        "{user-name}",
        "{2fast}",
        "{my var}",
        r#"{"a": 1}"#,
        "{",
        "}",
        "{}",
    ] {
        let error = ChatPromptTemplate::from_template(template).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidChain, "{template}");
        assert!(error.message().contains("line 1 column "), "{template}: {error}");
    }
}

#[tokio::test]
async fn jinja() {
    // PR-12
    let list =
        ChatPromptTemplate::jinja("{% for x in xs %}{% if x > 1 %}{{ x }};{% endif %}{% endfor %}{{ end }}").unwrap();
    let mut variables = list.variables().to_vec();
    variables.sort();
    assert_eq!(variables, ["end", "xs"]);
    assert_eq!(text(&list, json!({ "xs": [1, 2, 3], "end": "." })).await, "2;3;.");
    for unsafe_template in ["{{ ''.__class__.__mro__ }}", "{% include 'file' %}", "{{ x.__init__.__globals__ }}"] {
        let made = ChatPromptTemplate::jinja(unsafe_template);
        let done = match made {
            Ok(prompt) => prompt.invoke(json!({ "x": "y" })).await.map(drop),
            Err(error) => Err(error),
        };
        assert!(done.is_err(), "{unsafe_template}");
    }
}

#[tokio::test]
async fn conversations() {
    // CH-01
    let chat = ChatPromptTemplate::from_messages([
        ("system", "Here's some context: {context}"),
        ("human", "Hello {foo}, I'm {bar}."),
        ("ai", "I'm an AI. I'm {foo}."),
    ])
    .unwrap();
    let messages = chat.invoke(json!({ "context": "c", "foo": "f", "bar": "b" })).await.unwrap();
    let shown: Vec<_> = messages.iter().map(|message| (message.role(), message.text().into_owned())).collect();
    assert_eq!(
        shown,
        [
            (Role::System, "Here's some context: c".to_string()),
            (Role::User, "Hello f, I'm b.".into()),
            (Role::Assistant, "I'm an AI. I'm f.".into()),
        ]
    );

    // CH-02
    let roles = ["system", "human", "ai", "user", "assistant"].map(|role| (role, "{x}"));
    let messages = ChatPromptTemplate::from_messages(roles).unwrap().invoke("y").await.unwrap();
    let roles: Vec<_> = messages.iter().map(Message::role).collect();
    assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User, Role::Assistant]);
    assert_eq!(ChatPromptTemplate::from_messages([("nobody", "x")]).unwrap_err().kind(), ErrorKind::InvalidChain);
}

#[tokio::test]
async fn placeholders() {
    let of = |placeholder: MessagesPlaceholder| ChatPromptTemplate::from_messages([placeholder]).unwrap();
    // CH-03
    let required = of(MessagesPlaceholder::new("history"));
    assert!(required.invoke(json!({})).await.unwrap_err().message().contains("missing `history`"));
    let optional = of(MessagesPlaceholder::new("history").optional());
    assert!(optional.invoke(json!({})).await.unwrap().is_empty());
    let given = json!({ "history": [("system", "You are an AI."), "Hello!"] });
    let given = required.invoke(given).await;
    // A pair and a bare text stand in one list of JSON.
    let roles: Vec<_> = given.unwrap().iter().map(Message::role).collect();
    assert_eq!(roles, [Role::System, Role::User]);

    // CH-05
    let pair = ChatPromptTemplate::from_messages([("placeholder", "{convo}")]).unwrap();
    assert!(pair.invoke(json!({})).await.unwrap().is_empty());
    assert_eq!(pair.optional_variables(), ["convo"]);
}

#[tokio::test]
async fn values_go_in_as_they_are() {
    // FS-04 D: whatever stands in a value or an example stays as it is.
    let prompt = ChatPromptTemplate::from_messages([
        MessageTemplate::placeholder("examples"),
        AiMessage::new(r#"{"a": 1}"#).into(),
        MessageTemplate::user("{question}"),
    ])
    .unwrap();
    let example = r#"{"a": 1} {question} {{x}}"#;
    let messages = prompt.invoke(json!({ "examples": [("user", example)], "question": "{examples}" })).await.unwrap();
    let texts: Vec<_> = messages.iter().map(|message| message.text().into_owned()).collect();
    assert_eq!(texts, [example, r#"{"a": 1}"#, "{examples}"]);
}
