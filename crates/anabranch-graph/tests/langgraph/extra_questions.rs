//! What LangGraph gets wrong or has no case of: questions.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anabranch_core::{BoxRunnable, Error, ErrorKind, RunnableExt, lambda, lambda_with_state};
use anabranch_graph::{CompiledGraph, END, MemoryStore, START, StateGraph, step};

use super::extra::Notes;
use super::watch::{Count, asks, done};

/// Works, and asks.
fn asking(worked: &Count) -> CompiledGraph<Notes> {
    StateGraph::new()
        .node(
            "work",
            lambda_with_state(worked.clone(), async |worked, _: Arc<Notes>| {
                worked.up();
                Ok(())
            }),
        )
        .ask("sure", |_| "Sure?", Notes::approved)
        .edge(START, "work")
        .edge("work", "sure")
        .edge("sure", END)
        .compile()
        .unwrap()
}

/// LangGraph: an interrupt is an exception, and `except Exception` in a node swallows it. Ours: a question is no failure,
/// so that neither `optional` nor a fallback takes it for one.
#[tokio::test]
async fn f5_a_question_is_swallowed_by_no_fallback() {
    let (worked, manual) = (Count::default(), Count::default());
    let write = |done: Notes| Notes::lines([format!("approved: {}", done.approved)]);
    let graph = StateGraph::new()
        .node("desk", step(|_: &Notes| Notes::default(), asking(&worked), write))
        .node("news", step(|_: &Notes| Notes::default(), asking(&worked), write))
        .node(
            "manual",
            lambda_with_state(manual.clone(), async |manual, _: Arc<Notes>| {
                manual.up();
                Ok(Notes::lines(["by hand"]))
            }),
        )
        .fallback("desk", "manual")
        .optional("news")
        .edge(START, ["desk", "news"])
        .edge(["desk", "news", "manual"], END)
        .compile()
        .unwrap();
    let questions = asks(graph.start(Notes::default()).await.unwrap());
    assert_eq!(questions.len(), 2);
    let state = done(questions.answer_all([("desk/sure", true), ("news/sure", false)]).await.unwrap());
    assert_eq!(state.lines, ["approved: true", "approved: false"]);
    assert_eq!((worked.get(), manual.get()), (2, 0));
}

/// LangGraph: an interrupt in whatever is called inside a node pauses the run. Ours: a graph inside of a chain cannot ask;
/// it fails before any of it runs, and as any failure that falls back where the chain says so.
#[tokio::test]
async fn f5_a_graph_inside_a_chain_cannot_ask() {
    let worked = Count::default();
    let write = |done: Notes| Notes::verdict(done.verdict);
    let around = |chain: BoxRunnable<Notes, Notes>| {
        StateGraph::new()
            .node("chain", step(|_: &Notes| Notes::default(), chain, write))
            .edge(START, "chain")
            .edge("chain", END)
            .compile()
            .unwrap()
    };
    let error = around(asking(&worked).boxed()).start(Notes::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("asks somebody"), "{error}");
    let manual = lambda(async |state: Notes| Ok(Notes { verdict: "by hand".to_string(), ..state }));
    let graph = around(asking(&worked).with_fallback(manual).boxed());
    assert_eq!(done(graph.start(Notes::default()).await.unwrap()).verdict, "by hand");
    assert_eq!(worked.get(), 0);
}

/// LangGraph: where one interrupts and one fails, the error is raised and the interrupt stays recorded. Ours: the error;
/// an open question is not in the log, since it is asked again as soon as the run is resumed.
#[tokio::test]
async fn e22_a_question_beside_a_failure_is_asked_again() {
    let works = Arc::new(AtomicBool::new(false));
    let graph = StateGraph::new()
        .ask("sure", |_| "Sure?", Notes::approved)
        .node(
            "shaky",
            lambda_with_state(works.clone(), async |works, _: Arc<Notes>| match works.load(Ordering::SeqCst) {
                true => Ok(Notes::lines(["shaky"])),
                false => Err(Error::new(ErrorKind::Server, "broken")),
            }),
        )
        .edge(START, ["sure", "shaky"])
        .edge(["sure", "shaky"], END)
        .compile()
        .unwrap();
    let thread = graph.with_store(MemoryStore::new()).thread("t");
    assert_eq!(thread.start(Notes::default()).await.unwrap_err().kind(), ErrorKind::Server);
    assert!(thread.history().await.unwrap().is_empty());
    works.store(true, Ordering::SeqCst);
    assert_eq!(asks(thread.resume().await.unwrap())[0].path(), "sure");
    let state = done(thread.answer("sure", true).await.unwrap());
    assert!(state.approved && state.lines == ["shaky"]);
}

/// LangGraph: `Command(resume=None)` ends in an `UnboundLocalError`. Ours: nothing is an answer where the type has it, and
/// an error elsewhere.
#[tokio::test]
async fn f4_nothing_is_an_answer_where_the_type_has_it() {
    let graph = StateGraph::new()
        .ask("name", |_| "A name?", |name: Option<String>| Notes::verdict(name.unwrap_or("nobody".to_string())))
        .ask("sure", |_| "Sure?", Notes::approved)
        .edge(START, "name")
        .edge("name", "sure")
        .edge("sure", END)
        .compile()
        .unwrap();
    let questions = asks(graph.start(Notes::default()).await.unwrap());
    let questions = asks(questions.answer("name", ()).await.unwrap());
    assert_eq!(questions.answer("sure", ()).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(done(questions.answer("sure", true).await.unwrap()).verdict, "nobody");
}
