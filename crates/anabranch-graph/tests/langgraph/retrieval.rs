//! Fan-out and fan-in by the graph that LangGraph tests it with: a query is rewritten, two retrievers look for
//! documents, one of them behind an analyser, and a last node answers. LG-14 to LG-18, and LG-22.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use anabranch_core::RunnableExt;
use anabranch_graph::{END, MemoryStore, Progress, START, State, StateGraph, Write};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::common::Record;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Retrieval {
    query: String,
    #[reduce(append)]
    docs: Vec<String>,
    answer: String,
}

fn weather() -> Retrieval {
    Retrieval { query: "what is weather in sf".into(), ..Default::default() }
}

fn rewritten(state: &Arc<Retrieval>) -> Write<Retrieval, 0> {
    Retrieval::query(format!("query: {}", state.query))
}

fn analyzed(state: &Arc<Retrieval>) -> Write<Retrieval, 0> {
    Retrieval::query(format!("analyzed: {}", state.query))
}

/// The nodes, and how long the analyser and the second retriever take; edges in and out.
fn nodes(record: &Record, analyzer: u64, retriever_two: u64) -> StateGraph<Retrieval> {
    nodes_with(record, analyzer, retriever_two, |state| Retrieval::answer(state.docs.join(",")))
}

fn nodes_with(
    record: &Record,
    analyzer: u64,
    retriever_two: u64,
    answer: fn(&Arc<Retrieval>) -> Write<Retrieval, 2>,
) -> StateGraph<Retrieval> {
    let finds = |docs: [&'static str; 2]| move |_: &Arc<Retrieval>| Retrieval::docs(docs);
    StateGraph::new()
        .node("rewrite", record.step("rewrite", 0, rewritten))
        .node("analyzer", record.step("analyzer", analyzer, analyzed))
        .node("retriever one", record.step("retriever one", 0, finds(["doc1", "doc2"])))
        .node("retriever two", record.step("retriever two", retriever_two, finds(["doc3", "doc4"])))
        .node("qa", record.step("qa", 0, answer))
        .edge(START, "rewrite")
        .edge("qa", END)
}

const FOUR: &str = "doc1,doc2,doc3,doc4";

/// The join runs once with all documents, however unequal the ways to it are: with a list of edges there, with any here.
#[tokio::test(start_paused = true)]
async fn lg_14_a_join_of_unequal_ways_runs_once() {
    for (analyzer, retriever_two) in [(0, 100), (100, 0), (50, 50)] {
        let record = Record::new();
        let graph = nodes(&record, analyzer, retriever_two)
            .edge("rewrite", ["analyzer", "retriever two"])
            .edge("analyzer", "retriever one")
            .edge(["retriever one", "retriever two"], "qa")
            .compile()
            .unwrap();
        let done = graph.invoke(weather()).await.unwrap();
        assert_eq!((done.answer.as_str(), done.docs.join(",").as_str()), (FOUR, FOUR));
        assert_eq!(done.query, "analyzed: query: what is weather in sf");
        assert_eq!(record.began("qa"), u128::from(analyzer.max(retriever_two)));
        let done = record.done();
        assert_eq!((done[0], done.len(), done[4]), ("rewrite", 5, "qa"));
    }
}

/// The same, with one retriever behind a route.
#[tokio::test(start_paused = true)]
async fn lg_15_a_join_counts_what_a_route_leads_to() {
    let record = Record::new();
    let graph = nodes(&record, 0, 100)
        .edge("rewrite", "analyzer")
        .route("rewrite", |_| "retriever two", ["retriever two"])
        .edge("analyzer", "retriever one")
        .edge("retriever one", "qa")
        .edge("retriever two", "qa")
        .compile()
        .unwrap();
    let done = graph.invoke(weather()).await.unwrap();
    assert_eq!((done.answer.as_str(), done.query.as_str()), (FOUR, "analyzed: query: what is weather in sf"));
    assert_eq!(record.began("qa"), 100);
}

/// With one more edge to the join it runs twice, the first time without documents. Ours waits for that edge, too, and
/// runs once.
#[tokio::test(start_paused = true)]
async fn lg_16_an_edge_more_into_a_join_is_one_more_to_wait_for() {
    let record = Record::new();
    let graph = nodes(&record, 100, 200)
        .edge("rewrite", ["analyzer", "retriever two", "qa"])
        .edge("analyzer", "retriever one")
        .edge(["retriever one", "retriever two"], "qa")
        .compile()
        .unwrap();
    assert_eq!(graph.invoke(weather()).await.unwrap().answer, FOUR);
    assert_eq!(record.began("qa"), 200);
}

/// The LG-14 graph in a loop.
fn looped(nodes: StateGraph<Retrieval>, record: &Record) -> StateGraph<Retrieval> {
    let is_good = |state: &Retrieval| state.query.matches("analyzed").count() > 1;
    nodes
        .node("decider", record.step("decider", 0, |_: &Arc<Retrieval>| ()))
        .edge("rewrite", ["analyzer", "retriever two"])
        .edge("analyzer", "retriever one")
        .edge(["retriever one", "retriever two"], "decider")
        .route("decider", move |state| if is_good(state) { "qa" } else { "rewrite" }, ["rewrite", "qa"])
}

/// A join in a loop is armed anew in each round. A cached node runs once for each input; there is no cache here, and a
/// node that should remember does so itself, as the second graph shows.
#[tokio::test(start_paused = true)]
async fn lg_17_a_join_in_a_loop_runs_once_a_round() {
    let record = Record::new();
    let graph = looped(nodes(&record, 0, 100), &record).compile().unwrap();
    for round in 1..=2 {
        let done = graph.invoke(weather()).await.unwrap();
        assert_eq!(done.query, "analyzed: query: analyzed: query: what is weather in sf");
        // In the order of the rounds. LangGraph's test sorts them.
        assert_eq!(done.answer, format!("{FOUR},{FOUR}"));
        let counts = ["rewrite", "analyzer", "retriever one", "retriever two", "decider", "qa"];
        assert_eq!(counts.map(|name| record.count(name)), [2, 2, 2, 2, 2, 1].map(|count| count * round));
    }

    let record = Record::new();
    let cache = Arc::new(Mutex::new(HashMap::new()));
    let (kept, counted) = (cache.clone(), record.step("work", 0, rewritten));
    let counted = Arc::new(counted);
    let remembers = move |state: Arc<Retrieval>| {
        let (kept, counted) = (kept.clone(), counted.clone());
        async move {
            let known = kept.lock().unwrap().get(&state.query).cloned();
            if let Some(update) = known {
                return Ok(update);
            }
            let query = state.query.clone();
            let update = counted(state).await?;
            kept.lock().unwrap().insert(query, update.clone());
            Ok(update)
        }
    };
    let graph = StateGraph::<Retrieval>::new()
        .node("rewrite", remembers)
        .node("analyzer", record.step("analyzer", 0, analyzed))
        .edge(START, "rewrite")
        .edge("rewrite", "analyzer")
        .route(
            "analyzer",
            |state| if state.query.matches("analyzed").count() > 1 { END } else { "rewrite" },
            ["rewrite", END],
        )
        .compile()
        .unwrap();
    let queries = [graph.invoke(weather()).await.unwrap().query, graph.invoke(weather()).await.unwrap().query];
    assert_eq!(queries, ["analyzed: query: analyzed: query: what is weather in sf"; 2]);
    assert_eq!((record.count("work"), record.count("analyzer")), (2, 4));
    cache.lock().unwrap().clear();
    graph.invoke(weather()).await.unwrap();
    assert_eq!(record.count("work"), 4);
}

/// A deferred node runs when nothing else can, so also after what it does not depend on. Ours needs no such mark: it
/// waits for the edges into it, single or by a list, and one more edge makes it wait for the analyser.
#[tokio::test(start_paused = true)]
async fn lg_18_a_join_needs_no_defer() {
    let analyzer_last = |record: &Record| {
        nodes_with(record, 300, 100, |state| Retrieval::answer(format!("{}: {}", state.query, state.docs.join(","))))
            .edge("rewrite", ["retriever one", "retriever two"])
            .edge("retriever one", "analyzer")
    };
    for by_list in [true, false] {
        let record = Record::new();
        let graph = analyzer_last(&record).edge("analyzer", END);
        let graph = match by_list {
            true => graph.edge(["retriever one", "retriever two"], "qa"),
            false => graph.edge("retriever one", "qa").edge("retriever two", "qa"),
        };
        let done = graph.compile().unwrap().invoke(weather()).await.unwrap();
        // Nothing is left out at the end, and nothing waits without a reason.
        assert_eq!(done.query, "analyzed: query: what is weather in sf");
        assert_eq!(done.answer, format!("query: what is weather in sf: {FOUR}"));
        assert_eq!((record.began("qa"), record.elapsed()), (100, 300));
    }
    let record = Record::new();
    let graph = analyzer_last(&record).edge(["analyzer", "retriever two"], "qa").compile().unwrap();
    let done = graph.invoke(weather()).await.unwrap();
    assert_eq!(done.answer, format!("analyzed: query: what is weather in sf: {FOUR}"));
    assert_eq!(record.began("qa"), 300);
}

/// A run is stopped before or behind a node and its state changed from outside. Ours stops where an `ask` stands, whose
/// answer is the change; what stood before it is not run again, in another process neither.
#[tokio::test(start_paused = true)]
async fn lg_22_a_question_stops_before_or_behind_a_join() {
    let record = Record::new();
    let asked = |record: &Record| {
        nodes(record, 0, 100).edge("rewrite", ["analyzer", "retriever two"]).edge("analyzer", "retriever one")
    };
    // `interrupt_after=["retriever one"]`: what runs beside it goes on.
    let graph = asked(&record)
        .ask("behind", |_| "go on?", |_: bool| ())
        .edge("retriever one", "behind")
        .edge(["behind", "retriever two"], "qa")
        .compile()
        .unwrap();
    let Progress::Asks(questions) = graph.start(weather()).await.unwrap() else { panic!("it asks") };
    assert_eq!((questions.len(), questions[0].node()), (1, "behind"));
    assert_eq!(record.done(), ["rewrite", "analyzer", "retriever one", "retriever two"]);
    let Progress::Done(done) = questions.answer("behind", true).await.unwrap() else { panic!("it is done") };
    assert_eq!(done.answer, FOUR);
    assert_eq!((record.done().len(), record.done()[4]), (5, "qa"));

    // `interrupt_before=["qa"]`, and a document more by hand.
    let record = Record::new();
    let store = MemoryStore::new();
    let build = || {
        let graph = asked(&record)
            .ask("before", |state| state.docs.clone(), |more: Vec<String>| Retrieval::docs(more))
            .edge(["retriever one", "retriever two"], "before")
            .edge("before", "qa");
        graph.compile().unwrap().with_store(store.clone())
    };
    let Progress::Asks(questions) = build().thread("2").start(weather()).await.unwrap() else { panic!("it asks") };
    assert_eq!(questions[0].question(), &json!(["doc1", "doc2", "doc3", "doc4"]));
    assert_eq!((record.count("qa"), build().thread("2").state().await.unwrap().docs.len()), (0, 4));
    drop(questions);
    let Progress::Done(done) = build().thread("2").answer("before", ["doc5"]).await.unwrap() else { panic!("it asks") };
    assert_eq!(done.answer, "doc1,doc2,doc3,doc4,doc5");
    assert_eq!(record.done(), ["rewrite", "analyzer", "retriever one", "retriever two", "qa"]);
}
