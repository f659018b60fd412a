//! A run that outlives its process: what a node did is in a file before the next one starts. Stop the program whenever
//! you like, with Ctrl-C or `kill -9`, and start it again: it goes on where it was, and nothing that is in the file is
//! done again. When it is done, starting it shows the report once more; without the file it begins anew.
//!
//! `cargo run --example durable_graph --features sqlite -- report.sqlite`

use std::sync::Arc;
use std::time::Duration;

use anabranch::graph::{CompiledGraph, END, Progress, START, SqliteStore, State, StateGraph, step};
use anabranch::{Error, ErrorKind};
use serde::{Deserialize, Serialize};

/// A report that is written in three rounds.
#[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
struct Report {
    round: u32,
    topics: Vec<String>,
    #[reduce(append)]
    findings: Vec<String>,
    chart: String,
    law: String,
    #[reduce(append)]
    drafts: Vec<String>,
    text: String,
}

/// A part of it is a graph of its own.
#[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
struct Figures {
    round: u32,
    level: u32,
    chart: String,
}

/// Work that takes its time: a question to a model, in a program that does something. It says where it is in the words
/// of the log: `research#2[0]` is the first item of `research` in the third round.
async fn work(path: String, time: Duration) {
    println!("works: {path}");
    tokio::time::sleep(time).await;
}

fn graph(time: Duration) -> anabranch::Result<CompiledGraph<Report>> {
    let figures = StateGraph::<Figures>::new()
        .node("measure", move |state: Arc<Figures>| async move {
            work(format!("figures#{}/measure", state.round), time).await;
            Ok(Figures::level(3 * state.round + 1))
        })
        .node("draw", move |state: Arc<Figures>| async move {
            work(format!("figures#{}/draw", state.round), time).await;
            Ok(Figures::chart("*".repeat(state.level as usize)))
        })
        .edge(START, "measure")
        .edge("measure", "draw")
        .edge("draw", END)
        .compile()?;

    StateGraph::<Report>::new()
        .node("plan", move |state: Arc<Report>| async move {
            work(format!("plan#{}", state.round), time).await;
            Ok(Report::topics(["ebb", "flood", "moon"].map(String::from).to_vec()))
        })
        // One item for each topic, side by side: each is in the file when it is done, whatever becomes of the others.
        .map(
            "research",
            |state| (0..).zip(state.topics.clone()).map(|(at, topic)| (state.round, at, topic)).collect::<Vec<_>>(),
            move |(round, at, topic): (u32, usize, String)| async move {
                work(format!("research#{round}[{at}]"), time).await;
                Ok(Report::findings([format!("{topic}, as of round {round}")]))
            },
        )
        // The graph in the graph is in the file node by node, too.
        .node(
            "figures",
            step(
                |state: &Report| Figures { round: state.round, ..Default::default() },
                figures,
                |done: Figures| Report::chart(done.chart),
            ),
        )
        .node("law", move |state: Arc<Report>| async move {
            work(format!("law#{}", state.round), time).await;
            Ok(Report::law(format!("nothing new after round {}", state.round)))
        })
        .node("write", move |state: Arc<Report>| async move {
            work(format!("write#{}", state.round), time).await;
            let draft = format!("{} findings; {}; {}", state.findings.len(), state.chart, state.law);
            Ok((Report::drafts([draft]), Report::round(state.round + 1)))
        })
        .node("print", move |state: Arc<Report>| async move {
            work("print".into(), time).await;
            Ok(Report::text(state.drafts.join("\n")))
        })
        .edge(START, "plan")
        .edge("plan", ["research", "figures", "law"])
        .edge(["research", "figures", "law"], "write")
        .route("write", |state| if state.round < 3 { "plan" } else { "print" }, ["plan", "print"])
        .edge("print", END)
        .compile()
}

#[tokio::main]
async fn main() -> anabranch::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let usage = || Error::invalid_input("expected: the file of the run, and the milliseconds a piece of work takes");
    let file = arguments.next().ok_or_else(usage)?;
    let time = arguments.next().map_or(Ok(200), |time| time.parse()).map_err(|_| usage())?;

    let graph = graph(Duration::from_millis(time))?.with_store(SqliteStore::open(file).await?);
    let thread = graph.thread("report");
    let progress = match thread.history().await {
        Ok(done) => {
            println!("goes on: {} things are done", done.len());
            thread.resume().await?
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("begins");
            thread.start(Report::default()).await?
        }
        Err(error) => return Err(error),
    };
    if let Progress::Done(report) = progress {
        println!("done:\n{}", report.text);
    }
    Ok(())
}
