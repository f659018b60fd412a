//! What is heard of a run.

use anabranch_graph::{CompiledGraph, MemoryStore, Progress, RunReport};

use super::*;
use crate::check::keep;

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Failures that stop nothing, a loop, a list, something that is passed over.
fn lively() -> CompiledGraph<Notes> {
    StateGraph::<Notes>::new()
        .map(
            "write",
            |_| ["ebb", "", "flood"],
            async |topic: &'static str| {
                tokio::time::sleep(Duration::from_millis(10 * topic.len() as u64)).await;
                if topic.is_empty() { Err(Error::new(ErrorKind::Server, "secret")) } else { Ok(()) }
            },
        )
        .node("rumours", busy)
        .node("lawyer", busy)
        .node("manual", takes(1_250))
        .node("spare", nothing)
        .node("polish", async |state: Arc<Notes>| {
            tokio::time::sleep(Duration::from_millis(100 + 10 * state.lines.len() as u64)).await;
            Ok(Notes::lines(["secret"]))
        })
        .edge(START, ["write", "rumours", "lawyer"])
        .edge(["write", "rumours", "lawyer", "manual", "spare"], "polish")
        .route("polish", |state| if state.lines.len() < 3 { "polish" } else { END }, ["polish", END])
        .settled("write")
        .optional("rumours")
        .fallback("lawyer", "manual")
        .fallback("manual", "spare")
        .compile()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_ran_how_long_and_what_was_passed_over() {
    let (graph, report) = (lively(), RunReport::new());
    graph.on_event(report.listener()).invoke(Notes::default()).await.unwrap();

    let write = report.node("write").unwrap();
    assert_eq!((write.runs, write.total, write.items), (1, millis(50), 3));
    assert_eq!((write.failed, write.failed_items), (vec![], vec![(ErrorKind::Server, 1)]));
    let polish = report.node("polish").unwrap();
    assert_eq!((polish.runs, polish.total, polish.longest), (3, millis(330), millis(120)));
    let rumours = report.node("rumours").unwrap();
    assert_eq!((rumours.runs, rumours.total, rumours.failed), (1, millis(30), vec![(ErrorKind::Overloaded, 1)]));
    assert_eq!(report.node("spare").unwrap().passed_over, 1);
    assert_eq!(report.node("nobody"), None);
    assert!(report.nodes().iter().all(|node| node.unfinished == 0 && node.replayed == 0));

    let table = "\
node     runs    time  longest
write       1   50 ms    50 ms  3 items, 1 item failed: server error
rumours     1   30 ms    30 ms  failed: overloaded
lawyer      1   30 ms    30 ms  failed: overloaded
manual      1  1.25 s   1.25 s
spare       -       -        -  passed over
polish      3  330 ms   120 ms
";
    assert_eq!(report.to_string(), table);
    let text = "\
START -> write, rumours, lawyer
write (map, settled) -> polish [50 ms, 3 items, 1 item failed: server error]
rumours (optional) -> polish [30 ms, failed: overloaded]
lawyer -> polish; on failure manual [30 ms, failed: overloaded]
manual -> polish; on failure spare [1.25 s]
spare -> polish [passed over]
polish -> one of polish, END [3 runs, 330 ms, longest 120 ms]
";
    assert_eq!(graph.drawing().report(&report).to_text(), text);
    let mermaid = graph.drawing().report(&report).to_mermaid();
    for line in ["class n0,n3,n5 ran", "class n1,n2 failed", "class n4 passed"] {
        assert!(mermaid.contains(&format!("\n    {line}\n")), "{mermaid}");
    }
    assert!(mermaid.contains("n4[\"spare<br/>passed over\"]"), "{mermaid}");
    // In the order in which they are drawn: the edges, then those of fallbacks.
    let taken =
        "    linkStyle 0,1,2,3,6,8,9,10 stroke:#1a7f37,stroke-width:2px\n    linkStyle 4,5,7,11 stroke:#b0bec5\n";
    assert!(mermaid.contains(taken), "{mermaid}");
    let dot = graph.drawing().report(&report).to_dot();
    for edge in [
        r##"n1 -> n5 [color="#b0bec5", fontcolor="#78909c"];"##,
        r##"n5 -> stop [style=dashed, color="#1a7f37", penwidth=2];"##,
        r##"n2 -> n3 [style=dotted, label="on failure", color="#1a7f37", penwidth=2];"##,
        r##"n3 -> n4 [style=dotted, label="on failure", color="#b0bec5", fontcolor="#78909c"];"##,
    ] {
        assert!(dot.contains(edge), "{dot}");
    }
    assert!(graph.drawing().report(&report).to_dot().contains(
        r##"n1 [label="rumours\noptional\n30 ms, failed: overloaded", style="rounded,filled", fillcolor="#ffdddb""##
    ));
    keep("report-lively", &graph.drawing().report(&report));
    assert!(!format!("{report:?}{report}").contains("secret"));

    // A report of two runs adds them up.
    graph.on_event(report.listener()).invoke(Notes::default()).await.unwrap();
    let polish = report.node("polish").unwrap();
    assert_eq!((polish.runs, polish.total, polish.longest), (6, millis(660), millis(120)));
    assert_eq!(report.node("spare").unwrap().to_string(), "passed over 2 times");
}

#[tokio::test(start_paused = true)]
async fn runs_that_overlap_are_added_up() {
    let graph = StateGraph::<Notes>::new().node("a", takes(20)).edge(START, "a").edge("a", END).compile().unwrap();
    let report = RunReport::new();
    let watched = graph.on_event(report.listener());
    let later = async {
        tokio::time::sleep(millis(5)).await;
        watched.invoke(Notes::default()).await
    };
    let at_once = || watched.invoke(Notes::default());
    let _ = tokio::join!(at_once(), at_once(), later);
    let node = report.node("a").unwrap();
    assert_eq!((node.runs, node.unfinished, node.replayed, node.total), (3, 0, 0, millis(60)));
    // Nothing is left of what has ended.
    assert!(watched.invoke(Notes::default()).await.is_ok());
    assert_eq!(report.node("a").unwrap().total, millis(80));
}

#[tokio::test(start_paused = true)]
async fn what_broke_what_it_cut_short_and_what_was_not_reached() {
    let graph = StateGraph::<Notes>::new()
        .node("slow", takes(1_000))
        .node("breaks", busy)
        .node("join", nothing)
        .edge(START, ["slow", "breaks"])
        .edge(["slow", "breaks"], "join")
        .edge("join", END)
        .compile()
        .unwrap();
    let report = RunReport::new();
    graph.on_event(report.listener()).invoke(Notes::default()).await.unwrap_err();
    let text = "\
START -> slow, breaks
slow -> join [not finished]
breaks -> join [30 ms, failed: overloaded]
join -> END [not reached]
";
    assert_eq!(graph.drawing().report(&report).to_text(), text);
    let mermaid = graph.drawing().report(&report).to_mermaid();
    for line in ["class n0 unfinished", "class n1 failed", "class n2 unreached"] {
        assert!(mermaid.contains(&format!("\n    {line}\n")), "{mermaid}");
    }
    keep("report-broken", &graph.drawing().report(&report));
}

#[tokio::test(start_paused = true)]
async fn the_nodes_of_a_graph_inside_are_added_up_over_items_and_iterations() {
    let review = StateGraph::<Notes>::new()
        .node("judge", async |state: Arc<Notes>| {
            tokio::time::sleep(millis(state.text.len() as u64)).await;
            Ok(())
        })
        .edge(START, "judge")
        .edge("judge", END)
        .compile()
        .unwrap();
    let judged =
        step(|text: &String| Notes { text: text.clone(), ..Notes::default() }, review, |_| Notes::lines(["x"]));
    let graph = StateGraph::<Notes>::new()
        .map("review", |state| state.topics.clone(), judged)
        .node("print", nothing)
        .edge(START, "review")
        .route("review", |state| if state.lines.len() < 6 { "review" } else { "print" }, ["review", "print"])
        .edge("print", END)
        .compile()
        .unwrap();
    let report = RunReport::new();
    let topics = ["a", "bb", "cccc"].map(String::from).to_vec();
    graph.on_event(report.listener()).invoke(Notes { topics, ..Notes::default() }).await.unwrap();

    let table = "\
node          runs   time  longest
review           2   8 ms     4 ms  6 items
review/judge     6  14 ms     4 ms
print            1   0 µs     0 µs
";
    assert_eq!(report.to_string(), table);
    let text = "\
START -> review
review (map) -> one of review, print [2 runs, 8 ms, longest 4 ms, 6 items]
  START -> judge
  judge -> END [6 runs, 14 ms, longest 4 ms]
print -> END [0 µs]
";
    assert_eq!(graph.drawing().depth(1).report(&report).to_text(), text);
    keep("report-nested", &graph.drawing().depth(1).report(&report));
}

/// A node, and a question about it.
fn asking() -> CompiledGraph<Notes> {
    StateGraph::<Notes>::new()
        .node("write", takes(20))
        .ask("approve", |_| "?", Notes::yes)
        .edge(START, "write")
        .edge("write", "approve")
        .edge("approve", END)
        .compile()
        .unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_question_takes_as_long_as_its_answer() {
    let graph = asking();
    let report = RunReport::new();
    let Progress::Asks(questions) = graph.on_event(report.listener()).start(Notes::default()).await.unwrap() else {
        panic!("it asks")
    };
    assert_eq!(report.node("approve").unwrap().to_string(), "not finished");
    tokio::time::sleep(Duration::from_secs(90)).await;
    questions.answer("approve", true).await.unwrap();
    assert_eq!(report.node("approve").unwrap().to_string(), "1 min 30 s");
}

#[tokio::test(start_paused = true)]
async fn what_an_earlier_run_did_is_told_from_what_this_one_does() {
    let graph = asking();
    let store = MemoryStore::new();
    assert!(matches!(
        graph.with_store(store.clone()).thread("one").start(Notes::default()).await.unwrap(),
        Progress::Asks(_)
    ));

    let report = RunReport::new();
    let later = graph.on_event(report.listener()).with_store(store);
    assert!(matches!(later.thread("one").answer("approve", true).await.unwrap(), Progress::Done(_)));
    let write = report.node("write").unwrap();
    assert_eq!((write.runs, write.replayed, write.to_string().as_str()), (0, 1, "done before"));
    assert_eq!(report.node("approve").unwrap().runs, 1);
    assert!(graph.drawing().report(&report).to_mermaid().ends_with("class n0,n1 ran\n"));
}

#[test]
fn a_listener_goes_anywhere() {
    fn goes<T: Send + Sync + 'static>(_: &T) {}
    goes(&RunReport::new().listener());
    goes(&RunReport::new());
}

/// What a route chose is told of START, of graphs inside, and of what is read from a log.
#[tokio::test]
async fn which_edges_were_taken() {
    let inner = StateGraph::<Notes>::new()
        .node("one", nothing)
        .node("two", nothing)
        .route(START, |_| "two", ["one", "two"])
        .edge(["one", "two"], END)
        .compile()
        .unwrap();
    let graph = StateGraph::<Notes>::new()
        .node("inner", step(|_: &Notes| Notes::default(), inner, |_: Notes| ()))
        .node("fails", busy)
        .node("other", nothing)
        .route_many(START, |_| ["inner", "fails"], ["inner", "fails", "other"])
        .edge(["inner", "other"], END)
        .fallback("fails", "other")
        .compile()
        .unwrap();
    let styles = |report: &RunReport, depth: usize| -> Vec<String> {
        let picture = graph.drawing().depth(depth).report(report).to_mermaid();
        picture.lines().filter_map(|line| Some(line.trim().strip_prefix("linkStyle ")?.to_string())).collect()
    };
    let (report, none) = (RunReport::new(), RunReport::new());
    assert_eq!(styles(&none, 0), ["0,1,2,3,4,5 stroke:#b0bec5"]);
    let stored = graph.on_event(report.listener()).with_store(MemoryStore::new());
    stored.thread("t").start(Notes::default()).await.unwrap();
    let wanted = ["0,1,3,4,5 stroke:#1a7f37,stroke-width:2px", "2 stroke:#b0bec5"];
    assert_eq!(styles(&report, 0), wanted);
    // The edges inside are drawn first.
    let opened = ["1,3,4,5,7,8,9 stroke:#1a7f37,stroke-width:2px", "0,2,6 stroke:#b0bec5"];
    assert_eq!(styles(&report, 1), opened);

    // A run that reads all from the log.
    let again = RunReport::new();
    let stored = graph.on_event(again.listener()).with_store(stored_of(&graph).await);
    stored.thread("t").resume().await.unwrap();
    assert_eq!(styles(&again, 0), wanted);
}

async fn stored_of(graph: &CompiledGraph<Notes>) -> MemoryStore {
    let store = MemoryStore::new();
    graph.with_store(store.clone()).thread("t").start(Notes::default()).await.unwrap();
    store
}
