//! A run as a stream of events.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Observer, Result, Retry, RunConfig, RunnableExt, StepEvent, lambda_with};
use anabranch_graph::{
    CompiledGraph, END, EventKind, GraphEvent, GraphEvents, MemoryStore, Progress, Questions, START, State, StateGraph,
    Update, step,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Notes {
    topic: String,
    #[reduce(append)]
    lines: Vec<String>,
    #[reduce(add)]
    count: u64,
    yes: bool,
}

/// An event in short: `path: kind`, an update with its JSON.
fn short(event: &GraphEvent) -> String {
    let kind = match &event.kind {
        EventKind::Token(token) => format!("token {:?}", token.text()),
        EventKind::Update(update) => format!("update {}", update.to_json().unwrap()),
        EventKind::Asks(question) => format!("asks {:?}", question.text().unwrap()),
        EventKind::Failed(kind) => format!("failed: {kind}"),
        EventKind::Broke(kind) => format!("broke: {kind}"),
        EventKind::Replayed { failed } => (if *failed { "replayed failure" } else { "replayed" }).to_string(),
        kind => format!("{kind:?}").to_lowercase(),
    };
    format!("{}: {kind}", event.path)
}

async fn all<S: State>(events: &mut GraphEvents<S>) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.map_or_else(|error| error.to_string(), |event| short(&event)));
    }
    all
}

/// The same, each with the milliseconds since `began`.
async fn timed<S: State>(events: &mut GraphEvents<S>) -> Vec<(u128, String)> {
    let (began, mut all) = (Instant::now(), Vec::new());
    while let Some(event) = events.next().await {
        all.push((began.elapsed().as_millis(), short(&event.unwrap())));
    }
    all
}

async fn done<S: State>(events: GraphEvents<S>) -> S {
    let Progress::Done(state) = events.finish().await.unwrap() else { panic!("it asks") };
    state
}

async fn asked<S: State>(events: GraphEvents<S>) -> Questions<S> {
    let Progress::Asks(questions) = events.finish().await.unwrap() else { panic!("it is done") };
    questions
}

async fn line(name: &'static str, millis: u64) -> Result<impl Update<Notes>> {
    sleep(Duration::from_millis(millis)).await;
    Ok(Notes::lines([name]))
}

fn one(name: &'static str) -> String {
    json!([{ "lines": [name] }]).to_string()
}

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

/// A step that tells two tokens, the second one later.
fn talking(graph_step: &'static str) -> CompiledGraph<Notes> {
    let talk = lambda_with(move |text: String, config: RunConfig| async move {
        config.token("Before");
        sleep(Duration::from_millis(200)).await;
        config.token("After");
        Ok(text)
    })
    .with_name("talk");
    StateGraph::<Notes>::new()
        .node(graph_step, step(|notes: &Notes| notes.topic.clone(), talk, |text: String| Notes::lines([text])))
        .edge(START, graph_step)
        .edge(graph_step, END)
        .compile()
        .unwrap()
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

#[tokio::test(start_paused = true)]
async fn a_token_says_which_step_made_it_whoever_else_watches() {
    #[derive(Default)]
    struct Seen(Mutex<Vec<(String, u64)>>);
    impl Observer for Seen {
        fn wants_tokens(&self) -> bool {
            true
        }

        fn token(&self, step: &StepEvent<'_>, _: &str) {
            self.0.lock().unwrap().push((step.path().to_string(), step.id()));
        }
    }
    let outer = StateGraph::<Notes>::new()
        .map("each", |_| [1, 2], step(|_: &i32| Notes::default(), talking("node"), |_: Notes| ()))
        .edge(START, "each")
        .edge("each", END)
        .compile()
        .unwrap();
    let seen = Arc::new(Seen::default());
    for config in [RunConfig::new(), RunConfig::new().observer(seen.clone())] {
        let mut events = outer.events_with(Notes::default(), &config);
        let mut tokens = Vec::new();
        while let Some(event) = events.next().await {
            let event = event.unwrap();
            if let EventKind::Token(token) = &event.kind {
                tokens.push((event.path.clone(), token.step().to_string(), token.execution()));
            }
        }
        let of = |path: &str| tokens.iter().filter(|token| token.0 == path).map(|token| token.2).collect::<Vec<_>>();
        let (one, two) = (of("each[0]/node"), of("each[1]/node"));
        assert!(one.len() == 2 && one[0] == one[1] && two.len() == 2 && two[0] == two[1] && one[0] != two[0]);
        assert!(tokens.iter().all(|token| token.1 == "talk"), "{tokens:?}");
    }
    // The observer heard the same ones.
    assert_eq!(seen.0.lock().unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn another_attempt_is_another_execution() {
    let tries = AtomicUsize::new(0);
    let flaky = lambda_with(move |_: String, config: RunConfig| {
        let is_first = tries.fetch_add(1, Ordering::SeqCst) == 0;
        async move {
            config.token("ha");
            config.token("lf");
            if is_first { Err(Error::new(ErrorKind::Server, "down")) } else { Ok("half".to_string()) }
        }
    });
    let graph = StateGraph::<Notes>::new()
        .node("a", step(|_: &Notes| String::new(), flaky.with_retry(Retry::attempts(2)), |_: String| ()))
        .edge(START, "a")
        .edge("a", END)
        .compile()
        .unwrap();
    let (mut events, mut tokens) = (graph.events(Notes::default()), Vec::<(u64, String)>::new());
    while let Some(event) = events.next().await {
        if let EventKind::Token(token) = event.unwrap().kind {
            match tokens.last_mut().filter(|(execution, _)| *execution == token.execution()) {
                Some((_, text)) => text.push_str(token.text()),
                None => tokens.push((token.execution(), token.text().to_string())),
            }
        }
    }
    assert_eq!(tokens.iter().map(|(_, text)| text.as_str()).collect::<Vec<_>>(), ["half", "half"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_step_on_another_thread_wakes_the_reader() {
    let goes_on = Arc::new(Notify::new());
    let waiting = goes_on.clone();
    let talk = lambda_with(move |_: String, config: RunConfig| {
        let waiting = waiting.clone();
        async move {
            for text in ["one", "two", "three"] {
                config.token(text);
                // Until the reader has it: were it not woken, this would last for ever.
                waiting.notified().await;
            }
            Ok(String::new())
        }
    });
    let graph = StateGraph::<Notes>::new()
        .node("a", step(|_: &Notes| String::new(), talk.spawned(), |_: String| ()))
        .edge(START, "a")
        .edge("a", END)
        .compile()
        .unwrap();
    let (mut events, mut texts) = (graph.events(Notes::default()), Vec::new());
    while let Some(event) = events.next().await {
        if let EventKind::Token(token) = event.unwrap().kind {
            texts.push(token.text().to_string());
            goes_on.notify_one();
        }
    }
    assert_eq!(texts, ["one", "two", "three"]);
}

#[tokio::test]
async fn events_are_handed_on_before_the_run_goes_on() {
    let ran = Arc::new(AtomicUsize::new(0));
    let counter = ran.clone();
    let graph = StateGraph::<Notes>::new()
        .node("again", move |_: Arc<Notes>| {
            counter.fetch_add(1, Ordering::SeqCst);
            async { Ok(Notes::count(1_u64)) }
        })
        .edge(START, "again")
        .route("again", |notes| if notes.count < 300 { "again" } else { END }, ["again", END])
        .compile()
        .unwrap();
    let mut events = graph.events(Notes::default());
    assert_eq!(ran.load(Ordering::SeqCst), 0, "nothing runs before it is read");
    while let Some(event) = events.next().await {
        let event = event.unwrap();
        let (iteration, ran) = (event.iteration().unwrap(), ran.load(Ordering::SeqCst) as u64);
        assert_eq!(ran, iteration + u64::from(event.kind != EventKind::Started), "{event:?}");
    }
    assert_eq!(done(events).await.count, 300);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_events_drops_the_run_and_finishing_them_runs_it_to_its_end() {
    struct AtWork(Arc<AtomicUsize>);
    impl Drop for AtWork {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let at_work = Arc::new(AtomicUsize::new(0));
    let wanted = Arc::new(Mutex::new(Vec::new()));
    let (count, wants) = (at_work.clone(), wanted.clone());
    let work = lambda_with(move |_: String, config: RunConfig| {
        let (count, wants) = (count.clone(), wants.clone());
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            let _at_work = AtWork(count);
            sleep(Duration::from_secs(1)).await;
            wants.lock().unwrap().push(config.wants_tokens());
            Ok(String::new())
        }
    });
    let graph = StateGraph::<Notes>::new()
        .node("a", step(|_: &Notes| String::new(), work, |_: String| Notes::count(1_u64)))
        .node("b", async |_: Arc<Notes>| line("b", 0).await)
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END)
        .compile()
        .unwrap();
    let until_b_is_done = async |events: &mut GraphEvents<Notes>| {
        while short(&events.next().await.unwrap().unwrap()) != "b: done" {}
    };
    let mut events = graph.events(Notes::default());
    until_b_is_done(&mut events).await;
    assert_eq!(at_work.load(Ordering::SeqCst), 1);
    drop(events);
    assert_eq!(at_work.load(Ordering::SeqCst), 0);

    let mut events = graph.events(Notes::default());
    until_b_is_done(&mut events).await;
    assert_eq!(done(events).await.count, 1);
    let mut events = graph.events(Notes::default());
    all(&mut events).await;
    assert_eq!(done(events).await.count, 1);
    // Nobody reads tokens any more when it is only finished.
    assert_eq!(*wanted.lock().unwrap(), [false, true]);
}

#[tokio::test(start_paused = true)]
async fn an_error_is_the_last_item_and_what_comes_of_it() {
    let graph = StateGraph::<Notes>::new()
        .node("slow", async |_: Arc<Notes>| line("slow", 9).await)
        .map(
            "parts",
            |_| [0, 1],
            async |item: i32| match item {
                1 => Err(Error::new(ErrorKind::Overloaded, "busy")),
                _ => Ok(Notes::count(1_u64)),
            },
        )
        .edge(START, ["slow", "parts"])
        .edge(["slow", "parts"], END)
        .compile()
        .unwrap();
    let mut events = graph.events(Notes::default());
    let error = "graph > node \"parts\" > item 1 > lambda: overloaded: busy";
    let wanted = [
        "slow: started",
        "parts: started",
        "parts[0]: started",
        "parts[1]: started",
        "parts[0]: update [{\"count\":1}]",
        "parts[0]: done",
        "parts[1]: broke: overloaded",
        "parts: broke: overloaded",
        error,
    ];
    assert_eq!(all(&mut events).await, wanted);
    assert!(events.next().await.is_none());
    assert_eq!(events.finish().await.unwrap_err().to_string(), error);
    assert_eq!(graph.events(Notes::default()).finish().await.unwrap_err().to_string(), error);
}

/// A list of which one element fails, then a loop.
fn parts_and_rounds() -> CompiledGraph<Notes> {
    StateGraph::<Notes>::new()
        .map(
            "parts",
            |_| 0..3,
            async |item: i32| {
                sleep(Duration::from_millis(10 * item as u64)).await;
                if item == 1 { Err(Error::other("no")) } else { Ok(Notes::lines([format!("part {item}")])) }
            },
        )
        .node("round", async |notes: Arc<Notes>| Ok((Notes::lines([""]).overwrite(), Notes::count(notes.count + 1))))
        .node("never", async |_: Arc<Notes>| Ok(()))
        .node("rumour", async |_: Arc<Notes>| Err::<(), _>(Error::new(ErrorKind::Timeout, "late")))
        .edge(START, "parts")
        .route("parts", |_| "round", ["round", "never"])
        .route("round", |notes| if notes.count < 2 { "round" } else { "rumour" }, ["round", "rumour"])
        .edge(["round", "never", "rumour"], END)
        .settled("parts")
        .optional("rumour")
        .compile()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn each_event_has_its_node_item_and_iteration() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = heard.clone();
    let graph = parts_and_rounds().on_event(move |event| hears.lock().unwrap().push(short(&event)));
    let mut events = graph.events(Notes::default());
    let mut all = Vec::new();
    while let Some(event) = events.next().await {
        all.push(event.unwrap());
    }
    let wanted = [
        "parts: started",
        "parts[0]: started",
        "parts[1]: started",
        "parts[2]: started",
        "parts[0]: update [{\"lines\":[\"part 0\"]}]",
        "parts[0]: done",
        "parts[1]: failed: error",
        "parts[2]: update [{\"lines\":[\"part 2\"]}]",
        "parts[2]: done",
        "parts: done",
        "round#0: started",
        "never: passedover",
        "round#0: update [{\"lines.overwrite\":[\"\"]},{\"count\":1}]",
        "round#0: done",
        "round#1: started",
        "round#1: update [{\"lines.overwrite\":[\"\"]},{\"count\":2}]",
        "round#1: done",
        "rumour: started",
        "rumour: failed: timed out",
    ];
    assert_eq!(all.iter().map(short).collect::<Vec<_>>(), wanted);
    assert_eq!(*heard.lock().unwrap(), wanted, "`on_event` hears the same");

    let of = |event: &GraphEvent| (event.node().to_string(), event.item(), event.iteration());
    assert_eq!(of(&all[0]), ("parts".to_string(), None, None));
    assert_eq!(of(&all[8]), ("parts".to_string(), Some(2), None));
    assert_eq!(of(&all[15]), ("round".to_string(), None, Some(1)));
    let EventKind::Update(update) = &all[15].kind else { panic!() };
    let writes = update.writes().unwrap();
    let fields: Vec<_> = writes.iter().map(|write| (write.field.as_str(), write.overwrite, &write.value)).collect();
    assert_eq!(fields, [("lines", true, &json!([""])), ("count", false, &json!(2))]);
    // Nothing of what was written is shown.
    let shown = format!("{:?} {:?} {:?}", all[7], writes, all);
    assert!(!shown.contains("part 2"), "{shown}");
    assert!(format!("{:?}", all[7]).contains("NodeUpdate { writes: 1, .. }"), "{:?}", all[7]);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_says_what_it_knows_and_tells_of_the_rest() {
    let stored = parts_and_rounds().with_store(MemoryStore::new());
    let thread = stored.thread("t");
    let mut events = thread.events(Notes::default());
    while short(&events.next().await.unwrap().unwrap()) != "parts[1]: failed: error" {}
    // The process dies.
    drop(events);
    let mut events = stored.thread("t").resume_events();
    let told = all(&mut events).await;
    let wanted = [
        "parts: started",
        "parts[0]: replayed",
        "parts[1]: replayed failure",
        "parts[2]: started",
        "parts[2]: update [{\"lines\":[\"part 2\"]}]",
        "parts[2]: done",
        "parts: done",
    ];
    assert_eq!(told[..wanted.len()], wanted);
    let state = done(events).await;
    let mut events = stored.thread("t").resume_events();
    let wanted =
        ["parts: replayed", "round#0: replayed", "never: passedover", "round#1: replayed", "rumour: replayed failure"];
    let mut told = all(&mut events).await;
    told.sort();
    let mut wanted = wanted.map(String::from);
    wanted.sort();
    assert_eq!(told, wanted);
    assert_eq!(done(events).await, state);
}

/// The engine of a graph inside lets others run now and then: that is no waiting for answers.
#[tokio::test]
async fn a_loop_inside_that_is_not_at_its_end_is_waited_for_before_somebody_is_asked() {
    let inner = StateGraph::<Notes>::new()
        .node("again", async |_: Arc<Notes>| Ok(Notes::count(1_u64)))
        .ask("two", |_| "?", Notes::yes)
        .edge(START, "again")
        .route("again", |notes| if notes.count < 500 { "again" } else { "two" }, ["again", "two"])
        .edge("two", END)
        .compile()
        .unwrap();
    let graph = StateGraph::<Notes>::new()
        .ask("one", |_| "?", Notes::yes)
        .node("inner", step(|_: &Notes| Notes::default(), inner, |notes: Notes| Notes::count(notes.count)))
        .edge(START, ["one", "inner"])
        .edge(["one", "inner"], END)
        .compile()
        .unwrap();
    let paths =
        |questions: &Questions<Notes>| questions.iter().map(|question| question.path().to_string()).collect::<Vec<_>>();
    let Progress::Asks(questions) = graph.start(Notes::default()).await.unwrap() else { panic!("it asks") };
    assert_eq!(paths(&questions), ["one", "inner/two"]);
    let mut events = graph.events(Notes::default());
    all(&mut events).await;
    assert_eq!(paths(&asked(events).await), ["one", "inner/two"]);
}
