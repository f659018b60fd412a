//! Questions to people, alone and side by side: LG-44 to LG-51.

use std::sync::Arc;
use std::time::Duration;

use anabranch_core::{ErrorKind, lambda_with_state};
use anabranch_graph::{CompiledGraph, END, MemoryStore, START, State, StateGraph, step};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::watch::{Count, asks, done};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
pub(crate) struct Talk {
    pub(crate) about: String,
    pub(crate) answer: String,
    pub(crate) number: i64,
    pub(crate) items: Vec<String>,
    #[reduce(append)]
    pub(crate) lines: Vec<String>,
}

/// LangGraph: one node asks twice. It runs from its start again after each answer, and the state is empty until it
/// returns. Ours: two nodes ask, what stands before them runs once, and an answer is in the state when it is given.
#[tokio::test]
async fn lg_44_two_questions_one_after_the_other() {
    let before = Count::default();
    let line = |answer: String| Talk::lines([answer]);
    let graph = StateGraph::new()
        .node(
            "before",
            lambda_with_state(before.clone(), async |before, _: Arc<Talk>| {
                before.up();
                Ok(())
            }),
        )
        .ask("first", |_| "First?", line)
        .ask("second", |state| format!("Second, after {}?", state.lines.concat()), line)
        .edge(START, "before")
        .edge("before", "first")
        .edge("first", "second")
        .edge("second", END)
        .compile()
        .unwrap();
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    let questions = asks(thread.start(Talk::default()).await.unwrap());
    assert_eq!((questions.len(), questions[0].text()), (1, Some("First?")));
    assert!(thread.state().await.unwrap().lines.is_empty());
    let questions = asks(thread.answer("first", "step1").await.unwrap());
    assert_eq!((questions.len(), questions[0].text()), (1, Some("Second, after step1?")));
    assert_eq!(thread.state().await.unwrap().lines, ["step1"]);
    assert_eq!(done(thread.answer("second", "step2").await.unwrap()).lines, ["step1", "step2"]);
    assert_eq!(before.get(), 1);
}

/// LangGraph: a node asks in a loop until the answer is valid. The same, by an edge from the question to itself. An
/// answer of the wrong type is an error for whoever answers, and no round.
#[tokio::test]
async fn lg_45_asks_until_the_answer_is_valid() {
    let question = |state: &Talk| match state.number {
        0 => "How old are you?".to_string(),
        age => format!("{age} is invalid: how old are you?"),
    };
    let graph = StateGraph::new()
        .ask("age", question, Talk::number)
        .node("done", async |state: Arc<Talk>| Ok(Talk::lines([format!("age {}", state.number)])))
        .edge(START, "age")
        .route("age", |state| if state.number < 18 { "age" } else { "done" }, ["age", "done"])
        .edge("done", END)
        .compile()
        .unwrap();
    let mut questions = asks(graph.start(Talk::default()).await.unwrap());
    assert_eq!(questions[0].text(), Some("How old are you?"));
    for (answer, next) in [(13, "13 is invalid: how old are you?"), (15, "15 is invalid: how old are you?")] {
        questions = asks(questions.answer("age", answer).await.unwrap());
        assert_eq!(questions[0].text(), Some(next));
    }
    assert_eq!(questions.answer("age", "nineteen").await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(done(questions.answer("age", 19).await.unwrap()).lines, ["age 19"]);
}

/// A graph that prepares, and asks so many questions one after the other.
fn asking(prepared: &Count, questions: usize) -> CompiledGraph<Talk> {
    let prepare = lambda_with_state(prepared.clone(), async |prepared, state: Arc<Talk>| {
        prepared.up();
        Ok(Talk::about(format!("about {}", state.about)))
    });
    let mut graph = StateGraph::new().node("prepare", prepare).edge(START, "prepare");
    let mut last = "prepare".to_string();
    for number in 1..=questions {
        let name = format!("ask{number}");
        graph = graph
            .ask(&name, |state: &Talk| state.about.clone(), |answer: String| Talk::lines([answer]))
            .edge(last, name.clone());
        last = name;
    }
    graph.edge(last, END).compile().unwrap()
}

/// A list of them.
fn list_of(asking: CompiledGraph<Talk>) -> CompiledGraph<Talk> {
    let read = |item: &String| Talk { about: item.clone(), ..Talk::default() };
    let write = |done: Talk| Talk::lines([format!("{}: {}", done.about, done.lines.join("+"))]);
    StateGraph::new()
        .map("each", |state: &Talk| state.items.clone(), step(read, asking, write))
        .edge(START, "each")
        .edge("each", END)
        .compile()
        .unwrap()
}

fn items<const N: usize>(items: [&str; N]) -> Talk {
    Talk { items: items.map(String::from).to_vec(), ..Talk::default() }
}

/// LangGraph: one resume with a map from interrupt to answer. The same, with paths, in any order; the list stays in its
/// order.
#[tokio::test]
async fn lg_46_five_graphs_of_a_list_ask_and_are_answered_at_once() {
    let prepared = Count::default();
    let graph = list_of(asking(&prepared, 1));
    let questions = asks(graph.start(items(["a", "b", "c", "d", "e"])).await.unwrap());
    let asked: Vec<_> = questions.iter().map(|question| (question.path(), question.text().unwrap())).collect();
    assert_eq!(asked[0], ("each[0]/ask1", "about a"));
    assert_eq!(asked.len(), 5);
    let answers: Vec<_> = asked.iter().rev().map(|(path, text)| (*path, format!("yes, {text}"))).collect();
    let state = done(questions.answer_all(answers).await.unwrap());
    let lines = ["a", "b", "c", "d", "e"].map(|item| format!("about {item}: yes, about {item}"));
    assert_eq!(state.lines, lines);
    assert_eq!(prepared.get(), 5);
}

/// Two such graphs side by side.
fn two_of(asking: CompiledGraph<Talk>) -> CompiledGraph<Talk> {
    let read = |name: &'static str| move |_: &Talk| Talk { about: name.to_string(), ..Talk::default() };
    let write = |done: Talk| Talk::lines(done.lines);
    StateGraph::new()
        .node("left", step(read("left"), asking.clone(), write))
        .node("right", step(read("right"), asking, write))
        .edge(START, ["left", "right"])
        .edge(["left", "right"], END)
        .compile()
        .unwrap()
}

/// LangGraph: three invocations for two graphs with a question each, five for two each; the answered one is not asked
/// again. The same, and what was done before a question is not done again either.
#[tokio::test]
async fn lg_47_graphs_side_by_side_are_answered_one_at_a_time() {
    let prepared = Count::default();
    let thread = two_of(asking(&prepared, 1)).with_store(MemoryStore::new()).thread("t");
    let questions = asks(thread.start(Talk::default()).await.unwrap());
    assert_eq!([questions[0].path(), questions[1].path()], ["left/ask1", "right/ask1"]);
    let questions = asks(thread.answer("right/ask1", "R").await.unwrap());
    assert_eq!((questions.len(), questions[0].path()), (1, "left/ask1"));
    assert_eq!(done(thread.answer("ask1", "L").await.unwrap()).lines, ["L", "R"]);
    assert_eq!(prepared.get(), 2);

    let prepared = Count::default();
    let thread = two_of(asking(&prepared, 2)).with_store(MemoryStore::new()).thread("t");
    asks(thread.start(Talk::default()).await.unwrap());
    let open = async |path: &str, answer: &str| {
        let questions = asks(thread.answer(path, answer).await.unwrap());
        questions.iter().map(|question| question.path().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(open("left/ask1", "L1").await, ["left/ask2", "right/ask1"]);
    assert_eq!(open("left/ask2", "L2").await, ["right/ask1"]);
    assert_eq!(open("right/ask1", "R1").await, ["right/ask2"]);
    assert_eq!(done(thread.answer("right/ask2", "R2").await.unwrap()).lines, ["L1", "L2", "R1", "R2"]);
    assert_eq!(prepared.get(), 2);
}

/// LangGraph: with two pending interrupts, a bare resume value is an error. Ours: there are no bare answers, and a name
/// that asks twice is an error that says which there are. It changes nothing.
#[tokio::test]
async fn lg_48_an_answer_that_fits_two_questions_is_refused() {
    let thread = list_of(asking(&Count::default(), 1)).with_store(MemoryStore::new()).thread("t");
    asks(thread.start(items(["a", "b"])).await.unwrap());
    let before = thread.history().await.unwrap();
    let error = thread.answer("ask1", "x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.message().contains("`each[0]/ask1`, `each[1]/ask1`"), "{error}");
    assert_eq!(thread.history().await.unwrap(), before);
    // One that is left needs no path.
    asks(thread.answer("each[1]/ask1", "y").await.unwrap());
    assert_eq!(done(thread.answer("ask1", "x").await.unwrap()).lines, ["about a: x", "about b: y"]);
}

/// LangGraph: an interrupt does not cancel the long node beside it, which runs once. The same; the run rests when it is
/// done.
#[tokio::test(start_paused = true)]
async fn lg_49_a_question_does_not_cancel_what_runs_beside_it() {
    let (calls, cancelled) = (Count::default(), Count::default());
    let long = lambda_with_state((calls.clone(), cancelled.clone()), async |counts, _: Arc<Talk>| {
        counts.0.up();
        let unfinished = counts.1.if_dropped();
        sleep(Duration::from_secs(60)).await;
        unfinished.done();
        Ok(Talk::lines(["long"]))
    });
    let graph = StateGraph::new()
        .node("long", long)
        .ask("sure", |_| "Sure?", |answer: String| Talk::lines([answer]))
        .edge(START, ["long", "sure"])
        .edge(["long", "sure"], END)
        .compile()
        .unwrap();
    let stored = graph.with_store(MemoryStore::new());
    let began = Instant::now();
    asks(stored.thread("t").start(Talk::default()).await.unwrap());
    assert_eq!(began.elapsed(), Duration::from_secs(60));
    assert_eq!(stored.thread("t").state().await.unwrap().lines, ["long"]);
    asks(stored.thread("t").resume().await.unwrap());
    assert_eq!(done(stored.thread("t").answer("sure", "yes").await.unwrap()).lines, ["long", "yes"]);
    assert_eq!((calls.get(), cancelled.get()), (1, 0));
}

fn says(calls: &Count, line: &'static str) -> impl anabranch_core::Runnable<Input = Arc<Talk>, Output = Line> + use<> {
    lambda_with_state((calls.clone(), line), async |said, _: Arc<Talk>| {
        said.0.up();
        Ok(Talk::lines([said.1]))
    })
}

/// A write of `lines`, the fifth field.
type Line = anabranch_graph::Write<Talk, 4>;

/// LangGraph: a sub-graph stops before its second node, beside `outer_1`; on resume `outer_1` is not called again, and
/// its update comes from the cache. The same, of the log; where it stops, there is a question.
#[cfg(feature = "sqlite")]
#[tokio::test]
async fn lg_50_what_stands_beside_a_graph_that_asks_is_not_called_again() {
    let path = super::watch::file("nested");
    let calls: [Count; 4] = Default::default();
    let build = || {
        let inner = StateGraph::new()
            .node("inner_1", says(&calls[0], "inner_1"))
            .ask("go", |_| "Go on?", |_: bool| ())
            .node("inner_2", says(&calls[1], "inner_2"))
            .edge(START, "inner_1")
            .edge("inner_1", "go")
            .edge("go", "inner_2")
            .edge("inner_2", END)
            .compile()
            .unwrap();
        StateGraph::new()
            .node("inner", step(|_: &Talk| Talk::default(), inner, |done: Talk| Talk::lines(done.lines)))
            .node("outer_1", says(&calls[2], "outer_1"))
            .node("outer_2", says(&calls[3], "outer_2"))
            .edge(START, ["inner", "outer_1"])
            .edge(["inner", "outer_1"], "outer_2")
            .edge("outer_2", END)
            .compile()
            .unwrap()
    };
    let thread = async || build().with_store(anabranch_graph::SqliteStore::open(&path).await.unwrap()).thread("t");
    let questions = asks(thread().await.start(Talk::default()).await.unwrap());
    assert_eq!(questions[0].path(), "inner/go");
    assert_eq!(calls.clone().map(|calls| calls.get()), [1, 0, 1, 0]);
    let state = done(thread().await.answer("inner/go", true).await.unwrap());
    assert_eq!(state.lines, ["inner_1", "inner_2", "outer_1", "outer_2"]);
    assert_eq!(calls.map(|calls| calls.get()), [1, 1, 1, 1]);
}

/// LangGraph: of the nodes that were sent, those that are done are not run again on resume; the one that interrupted is,
/// from its start. Ours: none is.
#[tokio::test]
async fn lg_51_nothing_of_a_list_is_run_twice_since_one_item_asked() {
    let (work, flaky) = (Count::default(), Count::default());
    let inner = StateGraph::new()
        .node(
            "work",
            lambda_with_state((work.clone(), flaky.clone()), async |counts, state: Arc<Talk>| {
                counts.0.up();
                if state.about == "flaky" {
                    counts.1.up();
                }
                Ok(Talk::lines([format!("2|{}", state.about)]))
            }),
        )
        .ask("sure", |_| "Sure?", |answer: String| Talk::answer(answer))
        .edge(START, "work")
        .route("work", |state| if state.about == "flaky" { "sure" } else { END }, ["sure", END])
        .edge("sure", END)
        .compile()
        .unwrap();
    let (first, last) = (Count::default(), Count::default());
    let read = |item: &String| Talk { about: item.clone(), ..Talk::default() };
    let graph = StateGraph::new()
        .node("1", says(&first, "1"))
        .map("2", |state: &Talk| state.items.clone(), step(read, inner, |done: Talk| Talk::lines(done.lines)))
        .node("3", says(&last, "3"))
        .edge(START, "1")
        .edge("1", "2")
        .edge("2", "3")
        .edge("3", END)
        .compile()
        .unwrap()
        .with_store(MemoryStore::new());
    asks(graph.thread("t").start(items(["a", "flaky", "b"])).await.unwrap());
    let state = done(graph.thread("t").answer("sure", "yes").await.unwrap());
    assert_eq!(state.lines, ["1", "2|a", "2|flaky", "2|b", "3"]);
    assert_eq!((first.get(), work.get(), flaky.get(), last.get()), (1, 3, 1, 1));
}
