//! Send, Command, routing: LG-23 to LG-30.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anabranch_core::{Error, ErrorKind, Result, RunConfig, RunnableExt, lambda};
use anabranch_graph::{BadChoice, CompiledGraph, END, Progress, START, State, StateGraph, Update, step};
use serde::{Deserialize, Serialize};
use tokio::sync::Barrier;

use crate::common::Record;

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Run {
    #[reduce(append)]
    list: Vec<String>,
    /// What somebody sent, and what is at work.
    #[reduce(append)]
    sends: Vec<u32>,
    wave: Vec<u32>,
    goto: String,
    goes_on: bool,
}

fn zero() -> Run {
    Run { list: vec!["0".into()], ..Default::default() }
}

/// A node that adds its name.
fn adds(name: &'static str) -> impl Fn(&Arc<Run>) -> anabranch_graph::Write<Run, 0> + Clone + Send + Sync {
    move |_| Run::list([name])
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Weather {
    locations: Vec<String>,
    #[reduce(append)]
    results: Vec<String>,
}

/// One worker is sent for each location, and the results come in the order of the list: by a `map`.
#[tokio::test(start_paused = true)]
async fn lg_23_a_worker_for_each_element() {
    let record = Record::new();
    let looks = lambda(|location: String| async move {
        // The first of the list is the last to be done.
        tokio::time::sleep(Duration::from_millis(10 - location.len() as u64)).await;
        let weather = if location.len() > 2 { "sunny" } else { "cloudy" };
        Ok(Weather::results([format!("It's {weather} in {location}")]))
    });
    let graph = StateGraph::<Weather>::new()
        .map("weather", |state| state.locations.clone(), looks)
        .edge(START, "weather")
        .edge("weather", END)
        .compile()
        .unwrap();
    let locations = ["sf", "nyc"].map(String::from).to_vec();
    let done = graph.invoke(Weather { locations, ..Default::default() }).await.unwrap();
    assert_eq!(done.results, ["It's cloudy in sf", "It's sunny in nyc"]);
    assert_eq!(record.elapsed(), 8);
}

/// The node behind a fan-out runs once. If the workers end in different supersteps, or there is none, it runs more often
/// or never there; here once.
#[tokio::test(start_paused = true)]
async fn lg_24_what_stands_behind_a_fan_out_runs_once() {
    for (items, list) in [(2_u32, "01223"), (0, "013")] {
        let record = Record::new();
        let graph = StateGraph::<Run>::new()
            .node("1", record.step("1", 0, adds("1")))
            .map("2", move |_| 0..items, record.step("2", 10, |_: &u32| Run::list(["2"])))
            .node("3", record.step("3", 0, adds("3")))
            .edge(START, "1")
            .edge("1", "2")
            .edge("2", "3")
            .edge("3", END)
            .compile()
            .unwrap();
        let done = graph.invoke(zero()).await.unwrap();
        assert_eq!(done.list.concat(), list);
        assert_eq!((record.count("2"), record.count("3")), (items as usize, 1));
    }
}

/// Two nodes send to one, beside a plain edge: the order is that of edges before sends, sends by who sent and in which
/// order. Ours is that of the declaration, and the senders write into one list, in the same order.
#[tokio::test(start_paused = true)]
async fn lg_25_two_nodes_send_to_one() {
    for (one, other, beside) in [(0, 0, 0), (30, 10, 50), (10, 30, 0)] {
        let record = Record::new();
        let graph = StateGraph::<Run>::new()
            .node("1", record.step("1", one, |_: &Arc<Run>| (Run::list(["1"]), Run::sends([1_u32, 2]))))
            .node("1.1", record.step("1.1", other, |_: &Arc<Run>| (Run::list(["1.1"]), Run::sends([3_u32, 4]))))
            .node("3.1", record.step("3.1", beside, adds("3.1")))
            .map("2", |state| state.sends.clone(), record.step("2", 10, |item: &u32| Run::list([format!("2|{item}")])))
            .node("3", record.step("3", 0, adds("3")))
            .edge(START, ["1", "1.1"])
            .edge("1", ["2", "3.1"])
            .edge("1.1", "2")
            .edge("2", "3")
            .edge(["3", "3.1"], END)
            .compile()
            .unwrap();
        let done = graph.invoke(zero()).await.unwrap();
        assert_eq!(done.list, ["0", "1", "1.1", "3.1", "2|1", "2|2", "2|3", "2|4", "3"]);
        assert_eq!((record.count("2"), record.began("3")), (4, u128::from(one.max(other)) + 10));
    }
}

/// What was sent sends again, and the node behind runs once in each superstep in which something arrives. Ours is a
/// loop, and what leads out of a loop runs once.
#[tokio::test(start_paused = true)]
async fn lg_26_what_was_sent_sends_again() {
    let record = Record::new();
    let takes = |state: &Arc<Run>| (Run::wave(state.sends.clone()), Run::sends([0_u32; 0]).overwrite());
    let works = |item: &u32| {
        let again = (*item > 10).then(|| Run::sends([item - 10]));
        (Run::list([format!("2|{item}")]), again)
    };
    let graph = StateGraph::<Run>::new()
        .node("1", record.step("1", 0, |_: &Arc<Run>| (Run::list(["1"]), Run::sends([13_u32, 14]))))
        .node("3.1", record.step("3.1", 0, adds("3.1")))
        .node("next", record.step("next", 0, takes))
        .map("2", |state| state.wave.clone(), record.step("2", 10, works))
        .node("3", record.step("3", 0, adds("3")))
        .edge(START, "1")
        .edge("1", ["next", "3.1"])
        .edge("next", "2")
        .route("2", |state| if state.sends.is_empty() { "3" } else { "next" }, ["next", "3"])
        .edge(["3", "3.1"], END)
        .compile()
        .unwrap();
    let done = graph.invoke(zero()).await.unwrap();
    assert_eq!(done.list, ["0", "1", "3.1", "2|13", "2|14", "2|3", "2|4", "3"]);
    assert_eq!((record.count("next"), record.count("2"), record.began("3")), (2, 4, 20));
}

/// A hundred at once, in the order of the list, and with a limit of ten at most ten.
#[tokio::test(start_paused = true)]
async fn lg_27_a_hundred_at_once_in_order() {
    let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (counted, peak) = (at_work.clone(), most.clone());
    let each = lambda(move |item: u64| {
        let (at_work, peak) = (counted.clone(), peak.clone());
        async move {
            peak.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(1 + item * 7919 % 97)).await;
            at_work.fetch_sub(1, Ordering::SeqCst);
            Ok(Run::list([item.to_string()]))
        }
    })
    .limited();
    let graph = StateGraph::<Run>::new()
        .node("1", async |_: Arc<Run>| Ok(Run::list(["1"])))
        .map("2", |_| 0..100_u64, each)
        .node("3", async |_: Arc<Run>| Ok(Run::list(["3"])))
        .edge(START, "1")
        .edge("1", "2")
        .edge("2", "3")
        .edge("3", END)
        .compile()
        .unwrap();
    let mut wanted = vec!["0".to_string(), "1".to_string()];
    wanted.extend((0..100).map(|item| item.to_string()));
    wanted.push("3".into());
    assert_eq!(graph.invoke(zero()).await.unwrap().list, wanted);
    assert_eq!((most.swap(0, Ordering::SeqCst), at_work.load(Ordering::SeqCst)), (100, 0));

    let limited = RunConfig::new().max_concurrency(10);
    assert_eq!(graph.invoke_with(zero(), &limited).await.unwrap().list, wanted);
    assert_eq!((most.load(Ordering::SeqCst), at_work.load(Ordering::SeqCst)), (10, 0));
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Plan {
    plan: Option<Vec<Vec<String>>>,
    next: Vec<String>,
    #[reduce(append)]
    messages: Vec<String>,
}

/// A planner sends to one step or to several, and runs once when all are back. Ours writes where it goes, and a
/// `route_many` reads that; the steps are declared.
#[tokio::test(start_paused = true)]
async fn lg_28_a_planner_chooses_one_step_or_several() {
    let record = Record::new();
    let plans = |state: &Arc<Plan>| {
        let made: [&[&str]; 3] = [&["step1"], &["step2", "step3"], &["step4"]];
        let made = || made.map(|steps| steps.iter().map(ToString::to_string).collect()).to_vec();
        let mut plan: Vec<Vec<String>> = state.plan.clone().unwrap_or_else(made);
        let next = if plan.is_empty() { vec![END.to_string()] } else { plan.remove(0) };
        (Plan::plan(Some(plan)), Plan::next(next))
    };
    let says = |step: &'static str| move |_: &Arc<Plan>| Plan::messages([step]);
    let both = Arc::new(Barrier::new(2));
    let meets = |step: &'static str| {
        let both = both.clone();
        lambda(move |_: Arc<Plan>| {
            let both = both.clone();
            async move {
                let met = tokio::time::timeout(Duration::from_secs(1), both.wait()).await;
                met.map_err(|_| Error::new(ErrorKind::Timeout, "the other step does not run"))?;
                Ok(Plan::messages([step]))
            }
        })
    };
    let steps = ["step1", "step2", "step3", "step4"];
    let graph = StateGraph::<Plan>::new()
        .node("planner", record.step("planner", 0, plans))
        .node("step1", record.step("step1", 0, says("step1")))
        .node("step2", meets("step2"))
        .node("step3", meets("step3"))
        .node("step4", record.step("step4", 0, says("step4")))
        .edge(START, "planner")
        .route_many("planner", |state| state.next.clone(), ["step1", "step2", "step3", "step4", END])
        .edge(steps, "planner")
        .compile()
        .unwrap();
    let done = graph.invoke(Plan { messages: vec!["start".into()], ..Default::default() }).await.unwrap();
    assert_eq!(done.messages, ["start", "step1", "step2", "step3", "step4"]);
    assert_eq!((done.plan, record.count("planner")), (Some(Vec::new()), 4));

    // LangGraph: a line in its log, and the run ends as if all were well.
    let wrong = Plan { plan: Some(vec![vec!["step5".to_string()]]), ..Default::default() };
    let error = graph.invoke(wrong).await.unwrap_err();
    let choice = error.downcast_ref::<BadChoice>().unwrap();
    assert_eq!((choice.node.as_str(), &choice.chosen[..]), ("planner#0", &["step5".to_string()][..]));
}

/// A command that goes to a node is added to the edges into it, and the node runs twice: beside the one before it, and
/// behind it. Ours is one more edge into the node, which runs once, behind both.
#[tokio::test(start_paused = true)]
async fn lg_29_where_an_answer_goes_is_an_edge_more() {
    for goes_to_node_2 in [true, false] {
        let record = Record::new();
        let graph = StateGraph::<Run>::new()
            .ask("begin", |_| "to node 2 at once?", Run::goes_on)
            .node("node 1", record.step("node 1", 10, adds("node-1")))
            .node("node 2", record.step("node 2", 0, adds("node-2")))
            .edge(START, "begin")
            .edge("begin", "node 1")
            .route_many("begin", |state| state.goes_on.then_some("node 2").into_iter().collect::<Vec<_>>(), ["node 2"])
            .edge("node 1", "node 2")
            .edge("node 2", END)
            .compile()
            .unwrap();
        let Progress::Asks(questions) = graph.start(zero()).await.unwrap() else { panic!("it asks") };
        assert!(record.done().is_empty());
        let Progress::Done(done) = questions.answer("begin", goes_to_node_2).await.unwrap() else { panic!("it asks") };
        assert_eq!(done.list, ["0", "node-1", "node-2"]);
        assert_eq!(record.began("node 2"), 10);
    }
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Child {
    goto: String,
    value: String,
}

async fn decides(state: Arc<Child>) -> Result<impl Update<Child>> {
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok((Child::goto("wanted"), Child::value(format!("{} value", state.value))))
}

/// A graph with one inside that says where it goes on; the node that the graph is may take this long.
fn with_child(record: &Record, limit: Option<u64>) -> CompiledGraph<Run> {
    let child = StateGraph::<Child>::new()
        .node("decides", decides)
        .edge(START, "decides")
        .edge("decides", END)
        .compile()
        .unwrap();
    let node = step(
        |state: &Run| Child { value: state.list.join(","), ..Default::default() },
        child,
        |child: Child| (Run::goto(child.goto), Run::list([child.value])),
    );
    let graph = StateGraph::<Run>::new();
    let graph = match limit {
        Some(millis) => graph.node("child", node.with_timeout(Duration::from_millis(millis))),
        None => graph.node("child", node),
    };
    graph
        .node("wanted", record.step("wanted", 0, adds("wanted")))
        .node("other", record.step("other", 0, adds("other")))
        .edge(START, "child")
        .route("child", |state| if state.goto == "wanted" { "wanted" } else { "other" }, ["wanted", "other"])
        .edge(["wanted", "other"], END)
        .compile()
        .unwrap()
}

/// A command to the parent goes up as an exception, and a limit on time is not what comes of it. Ours is no exception:
/// the graph inside ends, what it decided is written, and a route behind it reads that. A limit that is passed is an
/// error that names the node.
#[tokio::test(start_paused = true)]
async fn lg_30_what_a_graph_inside_decides_is_written_and_routed() {
    for limit in [None, Some(1_000)] {
        let record = Record::new();
        let graph = with_child(&record, limit);
        let whole = RunConfig::new().timeout(Duration::from_secs(1));
        let done = graph.invoke_with(zero(), &whole).await.unwrap();
        assert_eq!(done.list, ["0", "0 value", "wanted"]);
        assert_eq!((record.began("wanted"), record.count("other")), (100, 0));
    }
    let record = Record::new();
    let error = with_child(&record, Some(50)).invoke(zero()).await.unwrap_err();
    assert_eq!((error.kind(), record.elapsed()), (ErrorKind::Timeout, 50));
    assert!(error.to_string().starts_with("graph > node \"child\""), "{error}");
    assert_eq!((record.count("wanted"), record.count("other")), (0, 0));
}
