//! The cases of LangGraph about streams.

use super::*;

/// LangGraph gives an update, the values, the interrupt; when it goes on it gives the values first that it has. Here
/// the question is an event like the others, the state is in the snapshots and the log, and what is known is not told
/// anew.
#[tokio::test(start_paused = true)]
async fn lg_58_updates_and_a_question_come_in_order_and_an_answer_goes_on() {
    let graph = StateGraph::<Notes>::new()
        .node("write", async |_: Arc<Notes>| line("a", 1).await)
        .ask("approve", |notes| notes.lines.join(" "), Notes::yes)
        .node("send", async |_: Arc<Notes>| line("b", 1).await)
        .edge(START, "write")
        .edge("write", "approve")
        .edge("approve", "send")
        .edge("send", END)
        .compile()
        .unwrap();
    let before = [
        "write: started".to_string(),
        format!("write: update {}", one("a")),
        "write: done".to_string(),
        "approve: started".to_string(),
        "approve: asks \"a\"".to_string(),
    ];
    let after = [
        "approve: update [{\"yes\":true}]".to_string(),
        "approve: done".to_string(),
        "send: started".to_string(),
        format!("send: update {}", one("b")),
        "send: done".to_string(),
    ];
    let mut events = graph.events(Notes::default());
    assert_eq!(all(&mut events).await, before);
    let questions = asked(events).await;
    assert_eq!(questions[0].path(), "approve");

    // Nothing changes by a wrong answer.
    assert_eq!(questions.answer_events("approve", "perhaps").unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(questions.answer_events("send", true).unwrap_err().kind(), ErrorKind::InvalidInput);
    let mut events = questions.answer_events("approve", true).unwrap();
    assert_eq!(questions.answer_events("approve", true).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(all(&mut events).await, after);
    assert_eq!(done(events).await.lines, ["a", "b"]);

    // With a log, where another process answers: what is known is told as that, and once.
    let stored = graph.with_store(MemoryStore::new());
    let thread = stored.thread("t");
    let mut events = thread.events(Notes::default());
    assert_eq!(all(&mut events).await, before);
    drop(events);
    assert_eq!(thread.state().await.unwrap().lines, ["a"], "the values so far");
    let mut events = stored.thread("t").answer_events("approve", true);
    let again = ["write: replayed", "approve: started", "approve: asks \"a\""].map(String::from);
    assert_eq!(all(&mut events).await, [&again[..], &after[..]].concat());
    assert_eq!(done(events).await.lines, ["a", "b"]);
    let mut events = thread.resume_events();
    assert_eq!(all(&mut events).await, ["write: replayed", "approve: replayed", "send: replayed"]);
    assert_eq!(done(events).await.lines, ["a", "b"]);
}

/// LangGraph gives the chunks of a graph inside while it runs, if it is asked for them.
#[tokio::test(start_paused = true)]
async fn lg_59_what_happens_in_a_graph_inside_is_told_when_it_does() {
    let inner = StateGraph::<Notes>::new()
        .node("inner_1", async |_: Arc<Notes>| line("inner_1", 0).await)
        .node("inner_2", async |_: Arc<Notes>| line("inner_2", 500).await)
        .edge(START, "inner_1")
        .edge("inner_1", "inner_2")
        .edge("inner_2", END)
        .compile()
        .unwrap();
    let graph = StateGraph::<Notes>::new()
        .node("inner", step(|_: &Notes| Notes::default(), inner, |done: Notes| Notes::lines(done.lines)))
        .node("outer_1", async |_: Arc<Notes>| line("outer_1", 200).await)
        .node("outer_2", async |_: Arc<Notes>| line("outer_2", 0).await)
        .edge(START, ["inner", "outer_1"])
        .edge(["inner", "outer_1"], "outer_2")
        .edge("outer_2", END)
        .compile()
        .unwrap();
    let mut events = graph.events(Notes::default());
    let told = timed(&mut events).await;
    let updates: Vec<_> = told.iter().filter(|(_, event)| event.contains("update")).cloned().collect();
    let wanted = [
        (0, format!("inner/inner_1: update {}", one("inner_1"))),
        (200, format!("outer_1: update {}", one("outer_1"))),
        (500, format!("inner/inner_2: update {}", one("inner_2"))),
        (500, "inner: update [{\"lines\":[\"inner_1\",\"inner_2\"]}]".to_string()),
        (500, format!("outer_2: update {}", one("outer_2"))),
    ];
    assert_eq!(updates, wanted);
    let begun: Vec<_> = told.iter().filter(|(_, event)| event.ends_with("started")).cloned().collect();
    let started = |time: u128, node: &str| (time, format!("{node}: started"));
    assert_eq!(
        begun,
        [
            started(0, "inner"),
            started(0, "outer_1"),
            started(0, "inner/inner_1"),
            started(0, "inner/inner_2"),
            started(500, "outer_2")
        ]
    );
    assert_eq!(done(events).await.lines, ["inner_1", "inner_2", "outer_1", "outer_2"]);
}

/// LangGraph's stream writer is `RunConfig::token`.
#[tokio::test(start_paused = true)]
async fn lg_60_what_a_node_says_is_not_held_back_until_it_is_done() {
    let mut events = talking("node").events(Notes::default());
    let told = timed(&mut events).await;
    let wanted = [
        (0, "node: started"),
        (0, "node: token \"Before\""),
        (200, "node: token \"After\""),
        (200, "node: update [{\"lines\":[\"\"]}]"),
        (200, "node: done"),
    ];
    assert_eq!(told, wanted.map(|(time, event)| (time, event.to_string())));
}
