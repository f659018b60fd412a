//! Optional variables, partials, addition, parts, few-shot, and what a prompt shows of itself.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anabranch_core::{ErrorKind, RunnableExt, RunnablePassthrough, lambda, parallel};
use anabranch_messages::{AiMessage, ContentPart, Media, Message, Messages, Role, ToolCall};
use anabranch_prompts::{
    ChatPromptTemplate, Example, FewShotChatMessagePromptTemplate, FewShotPromptTemplate, LengthBasedExampleSelector,
    MessageTemplate, MessagesPlaceholder, PartTemplate, PromptTemplate, SimilarityExampleSelector,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn chat(template: &str) -> ChatPromptTemplate {
    ChatPromptTemplate::from_template(template).unwrap()
}

fn text(template: &str) -> PromptTemplate {
    PromptTemplate::from_template(template).unwrap()
}

#[tokio::test]
async fn what_may_be_missing_is_known_to_the_check() {
    let prompt = chat("{topic}{wish?}");
    assert_eq!((prompt.variables(), prompt.optional_variables()), (&["topic".into()][..], &["wish".into()][..]));
    assert_eq!(prompt.invoke("x").await.unwrap()[0].text(), "x", "a bare value is for the one that must be given");
    // Optional in one place, needed in another: needed.
    assert_eq!(chat("{a?}{a}").variables(), ["a"]);

    let map = || parallel! { "topic": RunnablePassthrough, "wihs": lambda(async |_: Value| Ok("w")) };
    let warnings = (map() | prompt).check().unwrap();
    assert!(warnings[0].message().contains("did you mean `wihs`"), "{warnings:?}");

    let history = parallel! { "topic": RunnablePassthrough, "histroy": lambda(async |_: Value| Ok("h")) };
    let talk =
        ChatPromptTemplate::from_messages([MessageTemplate::placeholder("{history}"), ("user", "{topic}").into()]);
    let warnings = (history | talk.unwrap()).check().unwrap();
    assert!(
        warnings[0].message().contains("`history` is optional and never given; did you mean `histroy`"),
        "{warnings:?}"
    );
}

#[tokio::test]
async fn a_placeholder_may_be_written_as_in_a_template() {
    for placeholder in [
        MessageTemplate::placeholder("{history}"),
        MessageTemplate::placeholder("history"),
        MessagesPlaceholder::new("{history?}").into(),
        ("placeholder", " {history} ").into(),
        MessagesPlaceholder::new("{history}").into(),
    ] {
        let prompt = ChatPromptTemplate::from_messages([placeholder]).unwrap();
        assert_eq!(prompt.invoke(json!({"history": ["one", "two"]})).await.unwrap().len(), 2);
    }
    for bad in ["{a} {b}", "", "a b", "{}", "a.b", "{{a}}"] {
        let error = ChatPromptTemplate::from_messages([MessagesPlaceholder::new(bad)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidChain);
        assert!(error.to_string().contains("message 0") && error.message().contains("`{history}`"), "{bad}: {error}");
    }
}

#[tokio::test]
async fn a_placeholder_reads_messages_of_other_libraries_or_says_why_not() {
    let prompt = ChatPromptTemplate::from_messages([MessagesPlaceholder::new("history")]).unwrap();
    let call = json!({"type": "ai", "content": "", "tool_calls": [{"name": "f", "args": {"a": 1}, "id": "1"}]});
    let messages = prompt.invoke(json!({"history": [call]})).await.unwrap();
    assert_eq!(messages[0], AiMessage::new("").with_tool_call(ToolCall::new("1", "f", json!({"a": 1}))).into());
    let bad = json!({"history": ["x", {"role": "assistant", "tool_calls": [{"function": {"name": "secret"}}]}]});
    let message = prompt.invoke(bad).await.unwrap_err().message().to_string();
    assert!(message.contains("element 1 of the variable `history`"), "{message}");
    assert!(message.contains("a tool call without arguments") && !message.contains("secret"), "{message}");
}

#[test]
fn partials_are_values_or_functions() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let prompt = chat("{n} {n} {x}").partial_with("n", move || counted.fetch_add(1, Ordering::Relaxed));
    assert_eq!(calls.load(Ordering::Relaxed), 0, "it is asked when it is needed");
    assert_eq!(prompt.format(&json!("a")).unwrap()[0].text(), "0 0 a", "and once for each rendering");
    assert_eq!(prompt.format(&json!("a")).unwrap()[0].text(), "1 1 a");
    assert_eq!(prompt.format(&json!({"n": "own", "x": "a"})).unwrap()[0].text(), "own own a");
    assert_eq!(calls.load(Ordering::Relaxed), 2, "and not where the input has a value");
    let fixed = prompt.clone().partial("n", 7);
    assert_eq!(fixed.format(&json!("a")).unwrap()[0].text(), "7 7 a");
    assert_eq!(fixed.partial_with("n", || 8).format(&json!("a")).unwrap()[0].text(), "8 8 a");
    assert!(format!("{prompt:?}").contains(r#"partials: ["n"]"#), "{prompt:?}");
}

#[test]
fn prompts_add_up() {
    let sum = (text("{a} {b}, ").partial("b", "B") + text("{c}{{").partial_with("d", || 1)).unwrap();
    assert_eq!((sum.variables(), sum.optional_variables()), (&["a".into(), "c".into()][..], &["b".into()][..]));
    assert_eq!(sum.format(&json!({"a": 1, "c": 2})).unwrap(), "1 B, 2{");
    assert_eq!(sum.append("{a}").unwrap().format(&json!({"a": 1, "c": 2})).unwrap(), "1 B, 2{1");

    let both = text("{a}").partial("a", 1) + text("{a}").partial("a", 2);
    assert!(both.unwrap_err().message().contains("both prompts have a partial for `a`"));
    assert!((text("{a}").partial("a", 1) + text("{a}").partial("a", 1)).is_ok());
    let languages = text("{a}") + PromptTemplate::mustache("{{a}}").unwrap();
    assert_eq!(
        languages.unwrap_err().message(),
        "a template in mustache cannot stand behind one in f-string: write both in one language"
    );

    let whole = ChatPromptTemplate::from_messages([("system", "{a}")]).unwrap();
    let whole = (whole + chat("{b}")).unwrap().append(("ai", "{c}")).unwrap();
    let whole = whole.extend([Message::user("{not}"), Message::ai("x")]).unwrap();
    assert_eq!((whole.len(), whole.variables()), (5, &["a".into(), "b".into(), "c".into()][..]));
    assert_eq!(whole.slice(1..3).unwrap().variables(), ["b", "c"]);
    let error = whole.clone().append(("user", "{")).unwrap_err();
    assert!(error.to_string().starts_with("message 5: "), "{error}");
    assert_eq!(whole.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

    /// A sum renders as its parts do, whatever stands where they meet.
    #[test]
    fn a_sum_is_its_parts(one in "([{}]{2}|\\{a\\}|[ \\n]|-){0,6}", other in "([{}]{2}|\\{a\\}|[ \\n]|-){0,6}", value in "[{}a]{0,4}") {
        let values = json!({"a": value});
        for make in [PromptTemplate::from_template, PromptTemplate::mustache] as [fn(String) -> anabranch_core::Result<PromptTemplate>; 2] {
            if let (Ok(one), Ok(other)) = (make(one.clone()), make(other.clone())) {
                let apart = format!("{}{}", one.format(&values).unwrap(), other.format(&values).unwrap());
                prop_assert_eq!((one + other).unwrap().format(&values).unwrap(), apart);
            }
        }
    }

    /// An example's text is never looked at again.
    #[test]
    fn an_example_stands_as_it_is(example in "[{}a-c]{0,20}|\\PC{0,40}", question in "[{}a-c]{0,20}") {
        let few = FewShotPromptTemplate::new(text("<{a}>"), [json!({"a": example})]).unwrap();
        let prompt = few.with_suffix(text("{b}")).with_separator("|").build().unwrap();
        let expected = if question.is_empty() { format!("<{example}>") } else { format!("<{example}>|{question}") };
        prop_assert_eq!(prompt.format(&json!({"b": question})).unwrap(), expected);
    }

    /// Whatever stands in a message, it comes through.
    #[test]
    fn a_message_stands_as_it_is(said in "[{}a-c]{0,20}|\\PC{0,40}") {
        let prompt = ChatPromptTemplate::from_messages([
            MessagesPlaceholder::new("history").into(),
            MessageTemplate::from(Message::ai(said.as_str())),
            MessageTemplate::parts(Role::User, [PartTemplate::text("<{x}>")]),
        ]).unwrap();
        let messages = prompt.format(&json!({"history": [said], "x": said})).unwrap();
        let texts: Vec<_> = messages.iter().map(|message| message.text().into_owned()).collect();
        prop_assert_eq!(texts, [said.clone(), said.clone(), format!("<{said}>")]);
    }
}

#[test]
fn parts_of_a_message() {
    let prompt = ChatPromptTemplate::from_messages([MessageTemplate::parts(
        Role::User,
        [
            PartTemplate::text("What is on the {what}?{hint?}"),
            PartTemplate::image("{base}/{name}.png"),
            PartTemplate::image("{photo?}"),
            PartTemplate::audio("{sound}"),
            PartTemplate::file("{paper}"),
            ContentPart::text("{as it is}").into(),
            PartTemplate::text("{hint?}"),
        ],
    )])
    .unwrap();
    assert_eq!(prompt.variables(), ["what", "base", "name", "sound", "paper"]);
    assert_eq!(prompt.optional_variables(), ["hint", "photo"]);
    let sound = Media::bytes("audio/wav", *b"wav");
    let mut values = json!({
        "what": "map", "base": "https://e.org", "name": "a", "sound": sound,
        "paper": {"file_id": "f1"},
    });
    let messages = prompt.format(&values).unwrap();
    assert_eq!(
        messages[0].content().parts(),
        [
            ContentPart::text("What is on the map?"),
            ContentPart::Image(Media::url("https://e.org/a.png")),
            ContentPart::Audio(sound),
            ContentPart::File(Media::file_id("f1")),
            ContentPart::text("{as it is}"),
        ]
    );
    for path in ["/etc/passwd", "file:///etc/passwd", "secret.png", "C:\\secret.png"] {
        values["base"] = path.into();
        let error = prompt.format(&values).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.message().contains("stands for an image is no address"), "{error}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    values["base"] = "https://e.org".into();
    values["sound"] = json!({"path": "secret"});
    let error = prompt.format(&values).unwrap_err();
    assert!(error.message().contains("the variable `sound` is no audio"), "{error}");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    let tool = MessageTemplate::parts(Role::Tool, ["x"]);
    assert!(ChatPromptTemplate::from_messages([tool]).unwrap_err().message().contains("`tool` cannot have a template"));
    let bad = MessageTemplate::parts(Role::User, ["x", "{"]);
    assert!(ChatPromptTemplate::from_messages([bad]).unwrap_err().to_string().starts_with("message 0 > part 1: "));
}

#[test]
fn few_shot_examples_are_rendered_once() {
    let examples = || [json!({"q": "{question}", "a": r#"{"a": 1}"#}), json!({"q": "two words", "a": "b"})];
    let prompt = FewShotPromptTemplate::new(text("Q: {q} A: {a}"), examples()).unwrap();
    let prompt = prompt.with_prefix(text("In {language?}")).with_suffix(text("Q: {question}")).with_separator("\n");
    let all = prompt.clone().build().unwrap();
    assert_eq!((all.variables(), all.optional_variables()), (&["question".into()][..], &["language".into()][..]));
    assert_eq!(
        all.format(&json!("why {q}")).unwrap(),
        "In \nQ: {question} A: {\"a\": 1}\nQ: two words A: b\nQ: why {q}"
    );
    let error = FewShotPromptTemplate::new(text("{q}{a}"), [json!({"q": 1, "a": 2}), json!({"q": 1})]).unwrap_err();
    assert!(error.to_string().starts_with("example 1: ") && error.message().contains("missing `a`"), "{error}");

    let shorter = prompt.clone().selected_by(LengthBasedExampleSelector::new(6)).build().unwrap();
    assert_eq!(shorter.format(&json!("why")).unwrap().lines().count(), 3);
    assert_eq!(shorter.format(&json!("so many words that none fits")).unwrap().lines().count(), 2);
    let letters = LengthBasedExampleSelector::new(100).measured_by(str::len);
    assert_eq!(prompt.clone().selected_by(letters).build().unwrap().format(&json!("?")).unwrap().lines().count(), 4);

    let alike = SimilarityExampleSelector::new(1, |input: &Value, example: &Value| {
        if example["q"].as_str().unwrap().contains(input.as_str().unwrap()) { 1.0 } else { f64::NAN }
    });
    let chosen = prompt.clone().selected_by(alike).build().unwrap();
    assert_eq!(chosen.format(&json!("two")).unwrap(), "In \nQ: two words A: b\nQ: two");

    let wrong = prompt.selected_by(|_: &Value, examples: &[Example]| vec![examples.len()]).build().unwrap();
    assert!(wrong.format(&json!("x")).unwrap_err().message().contains("chose example 2, but there are 2"));
}

#[test]
fn few_shot_messages() {
    let one = ChatPromptTemplate::from_messages([("user", "{in}"), ("ai", "{out}")]).unwrap();
    let examples = [json!({"in": "2+2", "out": "4"}), json!({"in": "{x}", "out": "5"})];
    let few = FewShotChatMessagePromptTemplate::new(one, examples).unwrap();
    let prompt = |few: FewShotChatMessagePromptTemplate| {
        ChatPromptTemplate::from_messages([few.into(), MessageTemplate::user("{x}")]).unwrap()
    };
    let all = prompt(few.clone());
    assert_eq!(all.variables(), ["x"]);
    let texts = |messages: Messages| messages.to_text();
    assert_eq!(texts(all.format(&json!("?")).unwrap()), "Human: 2+2\nAI: 4\nHuman: {x}\nAI: 5\nHuman: ?");
    let last = prompt(few.selected_by(|_: &Value, _: &[Example]| vec![1, 0]));
    assert_eq!(texts(last.format(&json!("?")).unwrap()), "Human: {x}\nAI: 5\nHuman: 2+2\nAI: 4\nHuman: ?");
    assert!(last.pretty().starts_with("(a selector chooses from these 2 examples)\nHuman: 2+2"), "{}", last.pretty());
    assert!(format!("{last:?}").contains(r#"["examples", "user"]"#) && !format!("{last:?}").contains("2+2"));
}

#[test]
fn a_prompt_shows_itself() {
    let prompt = ChatPromptTemplate::from_messages([
        MessageTemplate::system("You are a {profession}."),
        MessagesPlaceholder::new("history").last(3).into(),
        MessageTemplate::parts(Role::User, [PartTemplate::text("{question?}"), PartTemplate::image("{photo}")]),
        Message::ai("As it is {x}").into(),
    ])
    .unwrap();
    assert_eq!(
        prompt.pretty(),
        "System: You are a {profession}.\nMessages: {history} (the last 3)\nHuman: {question?}\n[image {photo}]\nAI: As it is {x}"
    );
    let preview = prompt.preview(&json!({"question": "What?"})).unwrap();
    assert_eq!(
        preview.to_text(),
        "System: You are a {profession}.\nHuman: {history}\nHuman: What?[image {photo}]\nAI: As it is {x}"
    );
    let mustache = PromptTemplate::mustache("{{a}} {{#b}}{{c}}{{/b}}").unwrap();
    assert_eq!(mustache.preview(&json!({})).unwrap(), "{{a}} ");
    assert_eq!(mustache.pretty(), "{{a}} {{#b}}{{c}}{{/b}}");
    let debug = format!("{:?} {:?}", text("secret {a}"), FewShotPromptTemplate::new(text("secret"), []).unwrap());
    assert!(!debug.contains("secret"), "{debug}");
}

#[tokio::test]
async fn a_text_prompt_is_a_step() {
    let prompt = text("About {topic}");
    assert_eq!(prompt.invoke("x").await.unwrap(), "About x");
    assert_eq!(prompt.stream("x").collect().await.unwrap(), prompt.invoke("x").await.unwrap());
    let shout = prompt.clone() | lambda(async |text: String| Ok(text.to_uppercase()));
    assert_eq!(shout.invoke("x").await.unwrap(), "ABOUT X");
    let messages = prompt.clone() | lambda(async |messages: Messages| Ok(messages.len()));
    assert_eq!(messages.invoke("x").await.unwrap(), 1);
    let map = parallel! { "topci": RunnablePassthrough };
    let error = (map | prompt).check().unwrap_err();
    assert!(error.message().contains("did you mean `topci` for `topic`"), "{error}");
}

/// Names may be a model's words: of those that are no short plain names only the number is told, and nothing that is
/// asked costs more than it may.
#[test]
fn names_are_bounded_in_errors() {
    let keys = |names: &mut dyn Iterator<Item = String>| -> Value {
        names.map(|n| (n, json!("secret"))).collect::<Map<_, _>>().into()
    };
    let prompt = chat("{topic}");
    let odd = [
        "Patient: has a secret".to_string(),
        "secret".repeat(4_000_000),
        "secret\u{202e}".into(),
        "secret\n".into(),
        "top\u{200b}ic".into(),
    ];
    let message = prompt.format(&keys(&mut odd.into_iter())).unwrap_err().to_string();
    assert!(message.contains("missing `topic`; there is 5 names not shown") && message.len() < 400, "{message}");
    let message = prompt.format(&keys(&mut (0..100_000).map(|n| format!("k{n}")))).unwrap_err().to_string();
    assert!(message.contains("and 99,980 more") && message.len() < 700, "{message}");
    let template: String = (0..10_000).map(|n| format!("{{name_{n}}}")).collect();
    let message = chat(&template).format(&keys(&mut (0..10_000).map(|n| format!("nmae_{n}")))).unwrap_err().to_string();
    assert!(message.len() < 3_000, "{} bytes", message.len());
}

#[test]
fn many_variables_and_partials() {
    let template: String = (0..10_000).map(|n| format!("{{name_{n}}} ")).collect();
    let values: Map<String, Value> = (300..10_000).map(|n| (format!("name_{n}"), json!(n))).collect();
    let prompt = (0..300).fold(chat(&template), |prompt, n| prompt.partial(format!("name_{n}"), n));
    let messages = prompt.format(&values.into()).unwrap();
    assert_eq!(messages[0].text(), (0..10_000).map(|n| format!("{n} ")).collect::<String>());
}

#[test]
fn limits_hold_for_every_text() {
    let long = "x".repeat(1000);
    for prompt in [chat("{a}"), ChatPromptTemplate::mustache("{{a}}").unwrap()] {
        assert!(prompt.format(&json!(long)).is_ok());
        let error = prompt.max_output(999).format(&json!(long)).unwrap_err();
        assert!(error.message().contains("longer than 999 bytes"), "{error}");
        assert!(error.to_string().starts_with("message 0: "), "{error}");
    }
    let sum = (text("{a}").max_output(5) + text("{a}")).unwrap();
    assert!(sum.format(&json!("abc")).unwrap_err().message().contains("longer than 5 bytes"));
    let few =
        FewShotPromptTemplate::new(text("{a}"), []).unwrap().with_suffix(text("{a}").max_output(5)).build().unwrap();
    assert!(few.format(&json!("abcdef")).unwrap_err().message().contains("longer than 5 bytes"));
    let loops = ChatPromptTemplate::mustache("{{#xs}}{{#xs}}{{/xs}}{{/xs}}").unwrap().max_steps(1000);
    let xs = json!({"xs": vec![1; 100]});
    assert!(loops.format(&xs).unwrap_err().message().contains("more than 1000 steps"));
    // The limits of both hold for both.
    let sum = (loops.clone() + ChatPromptTemplate::mustache("{{#xs}}{{#xs}}{{/xs}}{{/xs}}").unwrap()).unwrap();
    assert!(sum.slice(1..).unwrap().format(&xs).unwrap_err().message().contains("more than 1000 steps"));
    assert!(loops.max_steps(100_000).format(&xs).is_ok());
}
