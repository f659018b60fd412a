//! The reducers on conversations, which this crate does not know.

use anabranch_graph::{State, Update};
use anabranch_messages::{AiMessage, Message, Messages, UserMessage};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Talk {
    #[reduce(messages)]
    messages: Messages,
    #[reduce(messages)]
    list: Vec<Message>,
    #[reduce(append)]
    all: Messages,
}

fn apply(state: &mut Talk, update: impl Update<Talk>) {
    let mut writes = Vec::new();
    update.into_writes(&mut writes);
    // By way of the log.
    let text = serde_json::to_string(&writes).expect("writes are JSON");
    let writes: Vec<<Talk as State>::Write> = serde_json::from_str(&text).expect("writes are read");
    writes.iter().for_each(|write| state.apply(write));
}

fn texts(messages: &[Message]) -> Vec<String> {
    messages.iter().map(|message| message.text().into_owned()).collect()
}

#[test]
fn an_answer_of_the_same_id_replaces_the_one_before() {
    let answer = |id: &str, text: &str| Message::Ai(AiMessage::new(text).with_id(id));
    let mut talk = Talk::default();
    apply(&mut talk, Talk::messages(vec![Message::user("hello"), answer("a", "draft")].into()));
    apply(&mut talk, Talk::messages(vec![Message::user("hello"), answer("a", "final"), answer("b", "more")].into()));
    assert_eq!(texts(&talk.messages), ["hello", "final", "hello", "more"]);

    apply(&mut talk, (Talk::list(["hello"]), Talk::list([answer("a", "draft")]), Talk::list([answer("a", "final")])));
    assert_eq!(texts(&talk.list), ["hello", "final"]);

    apply(&mut talk, (Talk::all("hello".into()), Talk::all("hello".into())));
    assert_eq!(texts(&talk.all), ["hello", "hello"]);
    apply(&mut talk, Talk::all("anew".into()).overwrite());
    assert_eq!(texts(&talk.all), ["anew"]);
}

#[test]
fn a_question_goes_by_the_id_in_its_metadata() {
    let question = |text: &str| -> UserMessage {
        serde_json::from_value(serde_json::json!({"type": "human", "content": text, "id": "q1"}))
            .expect("LangChain's form")
    };
    let mut talk = Talk::default();
    apply(&mut talk, (Talk::list([question("first")]), Talk::list([question("corrected")])));
    assert_eq!(texts(&talk.list), ["corrected"]);
}
