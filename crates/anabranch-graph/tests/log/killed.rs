//! A process that is killed at any moment.

use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anabranch_core::{ErrorKind, Result};
use anabranch_graph::{CompiledGraph, END, MemoryStore, Progress, START, SqliteStore, StateGraph, Thread, step};
use futures::future::{BoxFuture, FutureExt};

use super::graphs::Run;
use super::prefixes::entries;
use super::sqlite::file;

/// Where the process that is killed finds its files.
const FOLDER: &str = "ANABRANCH_KILLED_FOLDER";
const KILLS: usize = 100;

/// Says in a file that it works before it does.
fn works<U: Send + 'static>(
    folder: &Path,
    path: impl Fn(&Run) -> String + Clone + Send + Sync + 'static,
    update: impl Fn(&Run) -> U + Clone + Send + Sync + 'static,
) -> impl Fn(Arc<Run>) -> BoxFuture<'static, Result<U>> + Send + Sync + 'static {
    let file = folder.join("works");
    move |state| {
        let (file, path, update) = (file.clone(), path.clone(), update.clone());
        async move {
            let mut file = std::fs::OpenOptions::new().append(true).create(true).open(file).unwrap();
            file.write_all(format!("{}\n", path(&state)).as_bytes()).unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
            Ok(update(&state))
        }
        .boxed()
    }
}

/// Loops, a list of graphs, branches, and a question in each round.
fn graph(folder: &Path) -> CompiledGraph<Run> {
    let inner = StateGraph::new()
        .node(
            "a",
            works(folder, |s| format!("each#{}[{}]/a", s.y, s.x), |s: &Run| Run::log([format!("a {} {}", s.y, s.x)])),
        )
        .node("b", works(folder, |s| format!("each#{}[{}]/b", s.y, s.x), |_: &Run| Run::sum(1)))
        .edge(START, "a")
        .edge("a", "b")
        .edge("b", END)
        .compile()
        .unwrap();
    let of_item = |(round, item): &(u32, u32)| Run { x: *item, y: *round, ..Run::default() };
    let list = |s: &Run| (0..3).map(|item| (s.x, item)).collect::<Vec<_>>();
    let says = |name: &'static str| {
        works(folder, move |s| format!("{name}#{}", s.x), move |s: &Run| Run::log([format!("{name} {}", s.x)]))
    };
    StateGraph::new()
        .node("head", says("head"))
        .map("each", list, step(of_item, inner, |s: Run| (Run::log(s.log), Run::sum(s.sum))))
        .node("left", says("left"))
        .node("right", says("right"))
        .ask("go on", |s: &Run| s.x, Run::approved)
        .node("next", works(folder, |s| format!("next#{}", s.x), |s: &Run| Run::x(s.x + 1)))
        .edge(START, "head")
        .edge("head", ["each", "left", "go on"])
        .edge("left", "right")
        .edge(["each", "right", "go on"], "next")
        .route("next", |s: &Run| if s.approved { "head" } else { END }, ["head", END])
        .compile()
        .unwrap()
}

async fn run(thread: &Thread<Run>) -> Run {
    let mut progress = match thread.resume().await {
        Err(error) if error.kind() == ErrorKind::NotFound => thread.start(Run::default()).await.unwrap(),
        came => came.unwrap(),
    };
    loop {
        match progress {
            Progress::Done(state) => return state,
            Progress::Asks(questions) => {
                let goes_on = questions[0].question().as_u64().unwrap() < 4;
                progress = thread.answer("go on", goes_on).await.unwrap();
            }
        }
    }
}

#[tokio::test]
#[ignore = "it is the process that is killed: `every_node_is_entered_once` starts it"]
async fn the_process() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let folder = Path::new(&folder);
    let store = SqliteStore::open(folder.join("logs.sqlite")).await.unwrap();
    run(&graph(folder).with_store(store).thread("t")).await;
}

/// What is said to have worked since the file had this length.
fn worked(folder: &Path, from: usize) -> (Vec<String>, usize) {
    let text = std::fs::read_to_string(folder.join("works")).unwrap_or_default();
    (text[from..].lines().map(str::to_string).collect(), text.len())
}

#[tokio::test]
async fn every_node_is_entered_once() {
    let path = file("killed");
    let folder = path.parent().unwrap();
    let undisturbed = graph(folder).with_store(MemoryStore::new()).thread("t");
    let state = run(&undisturbed).await;
    let log = entries(&undisturbed.history().await.unwrap());
    assert_eq!((state.x, state.sum), (5, 15));

    let seed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos();
    let mut random = seed | 1;
    let (mut kills, mut amid, mut runs) = (0, 0, 0);
    while kills < KILLS {
        runs += 1;
        let path = file(&format!("killed-{runs}"));
        let folder = path.parent().unwrap();
        let (mut known, mut seen) = (HashSet::new(), 0);
        loop {
            let mut process = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "killed::the_process", "--ignored"])
                .env(FOLDER, folder)
                .stdout(Stdio::null())
                .stderr(Stdio::inherit())
                .spawn()
                .unwrap();
            // Marsaglia's xorshift.
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            tokio::time::sleep(Duration::from_micros(u64::from(random % 60_000))).await;
            process.kill().unwrap();
            let status = process.wait().unwrap();
            // Of what was in the log before, nothing has worked again.
            let (again, length) = worked(folder, seen);
            let again: Vec<_> = again.iter().filter(|path| known.contains(*path)).collect();
            assert!(again.is_empty(), "seed {seed}: {again:?} worked though in the log");
            seen = length;
            if status.success() {
                break;
            }
            assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(9), "seed {seed}: {status}");
            kills += 1;
            let store = SqliteStore::open(&path).await.unwrap();
            let history = graph(folder).with_store(store).thread("t").history().await;
            let history = match history {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                history => history.unwrap(),
            };
            amid += usize::from(!history.is_empty() && history.len() < log.len());
            known = entries(&history).into_keys().collect();
        }
        let thread = graph(folder).with_store(SqliteStore::open(&path).await.unwrap()).thread("t");
        assert_eq!(thread.state().await.unwrap(), state, "seed {seed}");
        assert_eq!(entries(&thread.history().await.unwrap()), log, "seed {seed}");
    }
    assert!(amid > KILLS / 10, "seed {seed}: only {amid} of {kills} kills came amid a run");
}
