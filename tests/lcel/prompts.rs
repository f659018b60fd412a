//! PR, CH, FS: prompts.

use anabranch::ErrorKind;
use anabranch::messages::{Media, Role};
use anabranch::prelude::*;
use anabranch::prompts::{
    Example, FewShotChatMessagePromptTemplate, FewShotPromptTemplate, PartTemplate, SimilarityExampleSelector,
    TemplateError,
};
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

    // PR-05
    let count = std::sync::atomic::AtomicU32::new(1);
    let next = move || count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    for (partial, expected) in [
        (prompt("{foo}{bar}").partial("foo", "foo"), ["foobaz", "foobaz"]),
        (prompt("{foo}{bar}").partial_with("foo", next), ["1baz", "2baz"]),
    ] {
        for expected in expected {
            assert_eq!(text(&partial, json!({ "bar": "baz" })).await, expected);
        }
        assert_eq!(text(&partial, json!({ "foo": "own", "bar": "baz" })).await, "ownbaz");
    }
}

#[tokio::test]
async fn texts_add_up() {
    let of = |template: &str| PromptTemplate::from_template(template).unwrap();
    // PR-06
    let sum = (of("This is a {foo} test.") + of(" And {bar}.")).unwrap();
    assert_eq!(sum.variables(), ["foo", "bar"]);
    assert_eq!(sum.invoke(json!({ "foo": 1, "bar": 2 })).await.unwrap(), "This is a 1 test. And 2.");
    let mixed = of("{foo}") + PromptTemplate::mustache("{{bar}}").unwrap();
    assert_eq!(mixed.unwrap_err().kind(), ErrorKind::InvalidChain);
    let both = of("{foo}").partial("foo", 1) + of("{foo}").partial("foo", 2);
    assert_eq!(both.unwrap_err().kind(), ErrorKind::InvalidChain);
}

#[tokio::test]
async fn names_are_plain() {
    // PR-07 D (format specifications belong to `prompt!`), PR-08, PR-09 D: a variable is an identifier; everything else
    // fails when the prompt is made, and says where.
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
        let place: &TemplateError = error.downcast_ref().unwrap();
        assert!(place.to_string().ends_with('^') && place.to_string().contains(template), "{place}");
    }
    // PR-07: where they belong.
    struct Row {
        price: f64,
        pet: &'static str,
    }
    let typed = text_prompt!(|Row { price, pet }| "{price:.2} {pet:>10} {pet:*^10} {pet:?}");
    let shown = typed.invoke(Row { price: 2.71001, pet: "cat" }).await.unwrap();
    assert_eq!(shown, "2.71        cat ***cat**** \"cat\"");
}

#[tokio::test]
async fn mustache() {
    // PR-10. Nothing is escaped: a prompt is no web page.
    let of = |template: &str| PromptTemplate::mustache(template).unwrap();
    for (template, values, expected) in [
        (
            "This {{bar}} is a {{foo}} test {{&foo}}.",
            json!({ "bar": "baz", "foo": "<b>" }),
            "This baz is a <b> test <b>.",
        ),
        (
            "This {{obj.bar}} is a {{obj.foo}} test {{{foo}}}.",
            json!({ "obj": { "bar": "foo", "foo": "bar" }, "foo": "baz" }),
            "This foo is a bar test baz.",
        ),
        ("This {{.}} is a test.", json!({ "foo": "baz" }), r#"This {"foo":"baz"} is a test."#),
        (
            "This{{#foo}}\n    {{bar}}\n{{/foo}}is a test.",
            json!({ "foo": { "bar": "yo" } }),
            "This\n    yo\nis a test.",
        ),
        (
            "This{{#foo}}\n    {{bar}}\n{{/foo}}is a test.",
            json!({ "foo": [{ "bar": "yo" }, { "bar": "hello" }] }),
            "This\n    yo\n\n    hello\nis a test.",
        ),
        ("This{{^foo}}\n    no foos\n{{/foo}}is a test.", json!({}), "This\n    no foos\nis a test."),
        // PR-03
        ("{{foo}}", json!({ "foo": null }), ""),
        ("{{foo}}", json!({ "foo": 0 }), "0"),
    ] {
        assert_eq!(of(template).invoke(values).await.unwrap(), expected, "{template}");
    }
    let nested = of("{{obj.bar}} {{#foo}}{{inner}}{{/foo}}");
    assert_eq!((nested.variables(), nested.optional_variables()), (&["obj".into()][..], &["foo".into()][..]));

    // PR-11 D: only objects have something inside; what is not there is an error, and not an empty text.
    for value in [json!("text"), json!([1]), json!({ "content": {} })] {
        let error = of("{{message.content.x}}").invoke(json!({ "message": value })).await.unwrap_err();
        assert!(error.message().contains("a variable that is not there at line 1 column 1"), "{error}");
    }
}

#[tokio::test]
async fn jinja() {
    // PR-12: what does not exist is found before any rendering comes to it.
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

    assert_eq!(messages.to_text(), "System: Here's some context: c\nHuman: Hello f, I'm b.\nAI: I'm an AI. I'm f.");

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

    // CH-04
    let last = of(MessagesPlaceholder::new("history").last(2));
    let texts = last.invoke(json!({ "history": ["one", "two", "three"] })).await.unwrap().to_text();
    assert_eq!(texts, "Human: two\nHuman: three");

    // CH-05
    let pair = ChatPromptTemplate::from_messages([("placeholder", "{convo}")]).unwrap();
    assert!(pair.invoke(json!({})).await.unwrap().is_empty());
    assert_eq!(pair.optional_variables(), ["convo"]);
    let wanted = of(MessagesPlaceholder::new("{convo}"));
    assert!(wanted.invoke(json!({})).await.unwrap_err().message().contains("missing `convo`"));
}

#[tokio::test]
async fn prompts_grow() {
    // CH-07
    let one = ChatPromptTemplate::from_messages([("system", "a {x}")]).unwrap();
    let three = one.extend([("user", "b"), ("ai", "c")]).unwrap();
    let rest = three.slice(1..).unwrap();
    assert_eq!((rest.len(), rest.variables().len()), (2, 0));
    let five = three.append(("system", "d {y}")).unwrap().append(Message::user("e {z}")).unwrap();
    assert_eq!((five.len(), five.variables()), (5, &["x".into(), "y".into()][..]));
}

#[tokio::test]
async fn parts() {
    // CH-08, CH-09: what renders empty is no part.
    let chat = ChatPromptTemplate::from_messages([MessageTemplate::parts(
        Role::User,
        [
            PartTemplate::text("What's in this {thing}?{more?}"),
            PartTemplate::text("{more?}"),
            PartTemplate::image("{url}"),
        ],
    )])
    .unwrap();
    let messages = chat.invoke(json!({ "thing": "image", "url": "https://e.org/a.png" })).await.unwrap();
    assert_eq!(
        messages[0].content().parts(),
        [ContentPart::text("What's in this image?"), ContentPart::Image(Media::url("https://e.org/a.png"))]
    );
    let path = chat.invoke(json!({ "thing": "image", "url": "/tmp/a.png" })).await.unwrap_err();
    assert!(path.message().contains("files are not read from the disk"), "{path}");
}

#[tokio::test]
async fn few_shot() {
    let of = |template: &str| PromptTemplate::from_template(template).unwrap();
    // FS-01
    let examples = [json!({ "question": "foo", "answer": "bar" }), json!({ "question": "baz", "answer": "foo" })];
    let few = FewShotPromptTemplate::new(of("{question}: {answer}"), examples)
        .unwrap()
        .with_prefix(of("This is a test about {content}."))
        .with_suffix(of("Now you try to talk about {new_content}."))
        .with_separator("\n");
    let prompt = few.clone().build().unwrap();
    assert_eq!(
        prompt.invoke(json!({ "content": "animals", "new_content": "party" })).await.unwrap(),
        "This is a test about animals.\nfoo: bar\nbaz: foo\nNow you try to talk about party."
    );
    // FS-03: a selector in place of all; there is no way to give both or none.
    let chosen = few.selected_by(|input: &Value, _: &[Example]| vec![usize::from(input["content"] == "animals")]);
    let text = chosen.build().unwrap().invoke(json!({ "content": "animals", "new_content": "party" })).await.unwrap();
    assert!(text.contains("baz: foo") && !text.contains("foo: bar"), "{text}");
    // FS-04 D: examples are rendered once.
    let odd = FewShotPromptTemplate::new(of("{e}"), [json!({ "e": r#"{"a": 1} {question}"# })]).unwrap();
    let odd = odd.with_suffix(of("{question}")).build().unwrap();
    assert_eq!(odd.invoke("why").await.unwrap(), "{\"a\": 1} {question}\n\nwhy");

    // FS-02
    let one = ChatPromptTemplate::from_messages([("human", "{input}"), ("ai", "{output}")]).unwrap();
    let sums = [json!({ "input": "2+2", "output": "4" }), json!({ "input": "2+3", "output": "5" })];
    let few = FewShotChatMessagePromptTemplate::new(one, sums).unwrap();
    let chat = |few: FewShotChatMessagePromptTemplate| {
        let messages = [MessageTemplate::system("You calculate."), few.into(), MessageTemplate::user("{input}")];
        ChatPromptTemplate::from_messages(messages).unwrap()
    };
    assert_eq!(
        chat(few.clone()).invoke("100 + 1").await.unwrap().to_text(),
        "System: You calculate.\nHuman: 2+2\nAI: 4\nHuman: 2+3\nAI: 5\nHuman: 100 + 1"
    );
    let alike = SimilarityExampleSelector::new(1, |_: &Value, example: &Value| {
        example["output"].as_str().map_or(0.0, |n| n.parse().unwrap())
    });
    let messages = chat(few.selected_by(alike)).invoke("100 + 1").await.unwrap();
    assert_eq!(messages[1].text(), "2+3");
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
