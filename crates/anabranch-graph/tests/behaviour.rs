//! What users meet: order, errors, questions, what is passed over.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result, Retry, RunnableExt};
use anabranch_graph::{
    BadChoice, BuildErrors, END, EndNotReached, NeedsAnswers, Progress, START, State, StateGraph, StepLimit, Update,
    step,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Barrier;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Notes {
    topic: String,
    #[reduce(append)]
    lines: Vec<String>,
    #[reduce(add)]
    count: u64,
    verdict: String,
    yes: bool,
}

/// Takes a time, and says its name and what it saw.
async fn says(name: &str, millis: u64, state: &Notes) -> String {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    format!("{name}<{}>", state.lines.join(","))
}

macro_rules! node {
    ($name:literal, $millis:literal) => {
        async |state: Arc<Notes>| Ok((Notes::lines([says($name, $millis, &state).await]), Notes::count(1_u64)))
    };
}

#[tokio::test(start_paused = true)]
async fn updates_come_in_the_order_of_the_declaration_whoever_is_first() {
    let graph = StateGraph::<Notes>::new()
        .node("a", node!("a", 30))
        .node("b", node!("b", 10))
        .node("c", node!("c", 20))
        .node("join", node!("join", 0))
        .edge(START, ["a", "b", "c"])
        .edge(["a", "b", "c"], "join")
        .edge("join", END)
        .compile()
        .unwrap();
    let began = tokio::time::Instant::now();
    let done = graph.invoke(Notes::default()).await.unwrap();
    assert_eq!(done.lines, ["a<>", "b<>", "c<>", "join<a<>,b<>,c<>>"]);
    assert_eq!((done.count, began.elapsed().as_millis()), (4, 30));
    assert_eq!(graph.stream(Notes::default()).collect().await.unwrap(), done);
}

#[tokio::test]
async fn branches_run_side_by_side() {
    let barrier = Arc::new(Barrier::new(2));
    let meets = |barrier: &Arc<Barrier>| {
        let barrier = barrier.clone();
        move |_: Arc<Notes>| {
            let barrier = barrier.clone();
            async move {
                barrier.wait().await;
                Ok(Notes::count(1_u64))
            }
        }
    };
    let graph = StateGraph::<Notes>::new()
        .node("a", meets(&barrier))
        .node("b", meets(&barrier))
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END)
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Notes::default()).await.unwrap().count, 2);
}

async fn breaks(_: Arc<Notes>) -> Result<impl Update<Notes>> {
    Err::<(), _>(Error::new(ErrorKind::Overloaded, "busy"))
}

#[tokio::test]
async fn an_error_names_the_node_in_every_graph_around_it() {
    let inner =
        StateGraph::<Notes>::new().node("legal", breaks).edge(START, "legal").edge("legal", END).compile().unwrap();
    let alone = inner.invoke(Notes::default()).await.unwrap_err();
    assert_eq!(alone.path().collect::<Vec<_>>()[..2], ["graph", "node \"legal\""]);
    assert_eq!((alone.kind(), alone.is_retryable()), (ErrorKind::Overloaded, true));
    let outer = StateGraph::<Notes>::new()
        .node("desk", step(|state: &Notes| state.clone(), inner, |inner: Notes| Notes::verdict(inner.verdict)))
        .edge(START, "desk")
        .edge("desk", END)
        .compile()
        .unwrap();
    let error = outer.invoke(Notes::default()).await.unwrap_err();
    assert_eq!(error.path().collect::<Vec<_>>()[..3], ["graph", "node \"desk\"", "node \"legal\""]);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_a_step_and_retries_as_one() {
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = tries.clone();
    let shaky = anabranch_core::lambda(move |_: Arc<Notes>| {
        let counted = counted.clone();
        async move {
            match counted.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => Err(Error::new(ErrorKind::Overloaded, "busy")),
                _ => Ok(Notes::count(1_u64)),
            }
        }
    });
    let graph = StateGraph::<Notes>::new()
        .node("shaky", shaky.with_retry(Retry::attempts(3)))
        .edge(START, "shaky")
        .edge("shaky", END)
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(Notes::default()).await.unwrap().count, 1);
    assert_eq!(tries.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_wrong_answer_changes_nothing_and_a_right_one_counts_once() {
    let graph = StateGraph::<Notes>::new()
        .node("before", node!("before", 0))
        .ask("sure", |state: &Notes| format!("{} lines?", state.lines.len()), Notes::yes)
        .edge(START, "before")
        .edge("before", "sure")
        .edge("sure", END)
        .compile()
        .unwrap();
    let error = graph.invoke(Notes::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.downcast_ref::<NeedsAnswers>().unwrap().node.as_deref(), Some("sure"));
    let around = StateGraph::<Notes>::new()
        .node("inner", step(|state: &Notes| state.clone(), graph.clone(), |_: Notes| ()))
        .edge(START, "inner")
        .edge("inner", END)
        .compile()
        .unwrap();
    let error = around.invoke(Notes::default()).await.unwrap_err();
    assert_eq!(error.downcast_ref::<NeedsAnswers>().unwrap().node.as_deref(), Some("inner/sure"));
    let Progress::Asks(questions) = graph.start(Notes::default()).await.unwrap() else { panic!("it asks") };
    assert_eq!((questions.len(), questions[0].node(), questions[0].text()), (1, "sure", Some("1 lines?")));
    let wrong = questions.answer("sure", "yes, please").await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::InvalidInput);
    assert!(wrong.to_string().contains("text") && !wrong.to_string().contains("please"), "{wrong}");
    let unknown = questions.answer("before", true).await.unwrap_err();
    assert!(unknown.to_string().contains("`sure`"), "{unknown}");
    let Progress::Done(state) = questions.answer("sure", true).await.unwrap() else { panic!("it is done") };
    assert!(state.yes && state.count == 1);
    assert_eq!(questions.answer("sure", true).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn an_endless_loop_is_ended_and_named() {
    let graph = StateGraph::<Notes>::new()
        .node("round", async |_: Arc<Notes>| Ok(Notes::count(1_u64)))
        .edge(START, "round")
        .route("round", |state: &Notes| if state.count > 1_000_000 { END } else { "round" }, ["round", END])
        .compile()
        .unwrap();
    let error = graph.invoke(Notes::default()).await.unwrap_err();
    let limit = error.downcast_ref::<StepLimit>().unwrap();
    assert_eq!((limit.limit, limit.header.as_deref()), (1000, Some("round")));
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let error = StateGraph::<Notes>::new()
        .node("a", async |_: Arc<Notes>| Ok(Notes::verdict("a")))
        .node("b", async |_: Arc<Notes>| Ok(Notes::verdict("b")))
        .edge(START, ["a", "b", "c"])
        .edge(["a", "b"], END)
        .compile()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let errors = error.downcast_ref::<BuildErrors>().unwrap();
    let found: Vec<_> = errors.iter().map(|one| (one.kind().as_str(), one.nodes().join(" "))).collect();
    assert_eq!(found, [("UnknownNode", "c".to_string()), ("Conflict", "a b".to_string())]);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_run_leaves_nothing() {
    struct Inside(Arc<AtomicUsize>);
    impl Drop for Inside {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    let inside = Arc::new(AtomicUsize::new(0));
    let counted = inside.clone();
    let waits = move |_: Arc<Notes>| {
        let counted = counted.clone();
        async move {
            counted.fetch_add(1, Ordering::SeqCst);
            let _inside = Inside(counted);
            tokio::time::sleep(Duration::from_secs(60)).await;
            Ok(Notes::count(1_u64))
        }
    };
    let graph = StateGraph::<Notes>::new()
        .node("a", waits.clone())
        .node("b", waits)
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END)
        .compile()
        .unwrap();
    let run = graph.invoke(Notes::default());
    assert!(tokio::time::timeout(Duration::from_secs(1), run).await.is_err());
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

/// Nodes that are always ready do not keep the task for themselves: a time limit around them is heard.
#[tokio::test]
async fn an_endless_loop_of_ready_nodes_lets_others_run() {
    let graph = StateGraph::<Notes>::new()
        .node("round", async |_: Arc<Notes>| Ok(Notes::count(1_u64)))
        .edge(START, "round")
        .route("round", |state: &Notes| if state.yes { END } else { "round" }, ["round", END])
        .step_limit(usize::MAX)
        .compile()
        .unwrap();
    let run = graph.invoke(Notes::default());
    assert!(tokio::time::timeout(Duration::from_millis(50), run).await.is_err());
}

/// Each answer begins the step limit anew of every graph that it was given in, and of no other.
#[tokio::test]
async fn an_answer_counts_in_every_graph_around_its_question() {
    let inner = StateGraph::<Notes>::new()
        .node("round", async |_: Arc<Notes>| Ok(Notes::count(1_u64)))
        .ask("again", |_| "again?", Notes::yes)
        .edge(START, "round")
        .edge("round", "again")
        .route("again", |state: &Notes| if state.yes { "round" } else { END }, ["round", END])
        .step_limit(3)
        .compile()
        .unwrap();
    let middle = StateGraph::<Notes>::new()
        .node("inner", step(|state: &Notes| state.clone(), inner, |inner: Notes| Notes::count(inner.count)))
        .edge(START, "inner")
        .edge("inner", END)
        .compile()
        .unwrap();
    let outer = StateGraph::<Notes>::new()
        .node("middle", step(|state: &Notes| state.clone(), middle, |middle: Notes| Notes::count(middle.count)))
        .edge(START, "middle")
        .edge("middle", END)
        .step_limit(1)
        .compile()
        .unwrap();
    let mut progress = outer.start(Notes::default()).await.unwrap();
    for again in [true, true, true, false] {
        let Progress::Asks(questions) = progress else { panic!("it asks") };
        progress = questions.answer("again", again).await.unwrap();
    }
    let Progress::Done(state) = progress else { panic!("it is done") };
    assert_eq!(state.count, 4);
}

/// Nothing is said of a way that went on.
#[tokio::test]
async fn a_run_that_does_not_reach_its_end_says_where_its_ways_stopped() {
    let fails = async |_: Arc<Notes>| Err::<(), _>(Error::new(ErrorKind::Server, "down"));
    let graph = StateGraph::<Notes>::new()
        .node("chooses", node!("chooses", 0))
        .node("fails", fails)
        .node("wants both", node!("wants both", 0))
        .node("passes on", node!("passes on", 0))
        .node("untold", node!("untold", 0))
        .edge(START, ["chooses", "fails", "passes on"])
        .route_many("chooses", |_| [""; 0], ["untold"])
        .optional("fails")
        .edge("untold", END)
        .edge(["passes on", "fails"], "wants both")
        .join_all("wants both")
        .edge("wants both", END)
        .compile()
        .unwrap();
    let error = graph.invoke(Notes::default()).await.unwrap_err();
    let stopped = &error.downcast_ref::<EndNotReached>().unwrap().stopped;
    assert_eq!(*stopped, ["chooses", "fails", "wants both"], "{error}");
    assert!(error.to_string().contains("`chooses`, `fails`, `wants both`"), "{error}");
}

#[tokio::test]
async fn of_answers_to_several_questions_all_are_accepted_or_none() {
    let graph = StateGraph::<Notes>::new()
        .ask("yes", |_| "?", Notes::yes)
        .ask("verdict", |_| "?", |verdict: String| Notes::verdict(verdict))
        .edge(START, ["yes", "verdict"])
        .edge(["yes", "verdict"], END)
        .compile()
        .unwrap();
    let Progress::Asks(questions) = graph.start(Notes::default()).await.unwrap() else { panic!("it asks") };
    let wrong = [
        (vec![("yes", json!(false)), ("verdict", json!(1))], "the answer is a number"),
        (vec![("yes", json!(false)), ("else", json!(1))], "`else` asks nothing; open questions: `verdict`"),
        (vec![("yes", json!(false)), ("yes", json!(true))], "`yes` is answered more than once"),
    ];
    for (answers, said) in wrong {
        let error = questions.answer_all(answers).await.unwrap_err();
        assert!(error.kind() == ErrorKind::InvalidInput && error.message().starts_with(said), "{error}");
    }
    let right = [("yes", json!(true)), ("verdict", json!("good"))];
    let Progress::Done(done) = questions.answer_all(right).await.unwrap() else { panic!("it is done") };
    assert_eq!((done.yes, done.verdict.as_str()), (true, "good"));
}

#[test]
fn an_error_tells_what_is_wrong_with_a_graph_in_one_line() {
    let error = StateGraph::<Notes>::new().edge(START, "a").edge("b", END).compile().unwrap_err();
    let errors: Vec<_> = error.downcast_ref::<BuildErrors>().unwrap().iter().map(ToString::to_string).collect();
    assert!(errors.len() > 1);
    assert_eq!(error.to_string(), format!("configuration: {}", errors.join("; ")));
}

/// What a route chose may be what a model said.
#[tokio::test]
async fn what_is_no_target_is_shown_only_if_it_is_a_name() {
    let chooses = |chosen: &'static [&'static str]| async move {
        let graph = StateGraph::<Notes>::new().node("a", node!("a", 0)).edge(START, "a");
        let graph = graph.route_many("a", move |_| chosen.to_vec(), [END]).compile().unwrap();
        graph.invoke(Notes::default()).await.unwrap_err()
    };
    for (chosen, said) in [
        (&["b"][..], "chose `b`, which is none of its targets, `END`: choose one of them, or declare it there"),
        (
            &["It was the butler."],
            "chose 1 name not shown, which is none of its targets, `END`: choose one of them, or declare it there",
        ),
        (
            &["END", "b"],
            "chose `END` and `b`: `route` takes one of its targets, and `route_many` any; declared are `END`",
        ),
    ] {
        let error = chooses(chosen).await;
        assert!(error.message().starts_with(&format!("the route of `a` {said}")), "{error}");
        let choice = error.downcast_ref::<BadChoice>().unwrap();
        assert!(choice.chosen == chosen && choice.targets == [END], "{choice:?}");
        assert!(!format!("{choice:?}").contains("butler"), "{choice:?}");
    }
}

#[tokio::test]
async fn each_listener_hears_of_everything() {
    let heard = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let hears = |place: usize| {
        let heard = heard.clone();
        move |_| {
            heard[place].fetch_add(1, Ordering::Relaxed);
        }
    };
    let graph = StateGraph::<Notes>::new().node("a", node!("a", 0)).edge(START, "a").edge("a", END).compile().unwrap();
    graph.on_event(hears(0)).on_event(hears(1)).invoke(Notes::default()).await.unwrap();
    let heard = heard.each_ref().map(|count| count.load(Ordering::Relaxed));
    assert_eq!(heard, [3, 3]);
}
