//! What an observer hears of a graph: which node a step belongs to.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::{Error, Observer, Result, RunConfig, RunnableExt, StepEvent, lambda, lambda_with};
use anabranch_graph::{END, EventKind, MemoryStore, START, State, StateGraph, Update, step};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Essay {
    #[reduce(append)]
    notes: Vec<String>,
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn push(&self, what: &str, step: &StepEvent<'_>) {
        self.0.lock().expect("nobody panics").push(format!("{what} {}", step.path()));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("nobody panics"))
    }
}

impl Observer for Log {
    fn started(&self, step: &StepEvent<'_>) {
        self.push(">", step);
    }

    fn finished(&self, step: &StepEvent<'_>) {
        self.push("<", step);
    }

    fn failed(&self, step: &StepEvent<'_>, _: &Error) {
        self.push("!", step);
    }

    fn cancelled(&self, step: &StepEvent<'_>) {
        self.push("x", step);
    }

    fn wants_tokens(&self) -> bool {
        true
    }

    fn token(&self, step: &StepEvent<'_>, text: &str) {
        self.push(text, step);
    }
}

async fn note(_: Arc<Essay>) -> Result<impl Update<Essay>> {
    Ok(Essay::notes(["read"]))
}

async fn telling(_: Arc<Essay>, config: RunConfig) -> Result<impl Update<Essay>> {
    config.token("written");
    Ok(Essay::notes(["written"]))
}

fn observed() -> (Arc<Log>, RunConfig) {
    let log = Arc::new(Log::default());
    (log.clone(), RunConfig::new().observer(log))
}

#[tokio::test]
async fn a_step_belongs_to_its_node_item_and_iteration() -> Result<()> {
    let upper = lambda(async |text: String| Ok(text.to_uppercase())).with_name("upper");
    let inner = StateGraph::<Essay>::new().node("read", note).edge(START, "read").edge("read", END).compile()?;
    let graph = StateGraph::<Essay>::new()
        .map("words", |_| ["a".to_string()], step(String::clone, upper, |word| Essay::notes([word])))
        .node("inner", step(|_: &Essay| Essay::default(), inner, |done| Essay::notes(done.notes)))
        .node("again", note)
        .edge(START, "words")
        .edge("words", "inner")
        .edge("inner", "again")
        .route("again", |essay| if essay.notes.len() < 4 { "again" } else { END }, ["again", END])
        .compile()?;

    let (log, config) = observed();
    graph.invoke_with(Essay::default(), &config).await?;
    let wanted = [
        "> graph",
        "> graph > node \"words[0]\"",
        "> graph > node \"words[0]\" > upper",
        "< graph > node \"words[0]\" > upper",
        "< graph > node \"words[0]\"",
        "> graph > node \"inner/read\"",
        "> graph > node \"inner/read\" > lambda",
        "< graph > node \"inner/read\" > lambda",
        "< graph > node \"inner/read\"",
        "> graph > node \"again#0\"",
        "> graph > node \"again#0\" > lambda",
        "< graph > node \"again#0\" > lambda",
        "< graph > node \"again#0\"",
        "> graph > node \"again#1\"",
        "> graph > node \"again#1\" > lambda",
        "< graph > node \"again#1\" > lambda",
        "< graph > node \"again#1\"",
        "< graph",
    ];
    assert_eq!(log.take(), wanted);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_of_the_node_and_named_once() -> Result<()> {
    let graph = StateGraph::<Essay>::new()
        .node("down", async |_: Arc<Essay>| {
            tokio::time::sleep(Duration::from_millis(1)).await;
            Err::<(), _>(Error::other("down"))
        })
        .node("slow", async |_: Arc<Essay>| {
            tokio::time::sleep(Duration::from_secs(1)).await;
            Ok(())
        })
        .edge(START, ["down", "slow"])
        .edge(["down", "slow"], END)
        .compile()?;

    let (log, config) = observed();
    let error = graph.invoke_with(Essay::default(), &config).await.expect_err("it is down");
    assert_eq!(error.path().collect::<Vec<_>>(), ["graph", "node \"down\"", "lambda"]);
    let unobserved = graph.invoke(Essay::default()).await.expect_err("it is down");
    assert_eq!(error.to_string(), unobserved.to_string());

    let told = log.take();
    for wanted in ["! graph > node \"down\"", "x graph > node \"slow\"", "! graph"] {
        assert_eq!(told.iter().filter(|one| *one == wanted).count(), 1, "{wanted}: {told:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_token_is_one_of_the_step_in_the_node_whoever_observes() -> Result<()> {
    let graph = StateGraph::<Essay>::new()
        .node("write", lambda_with(telling))
        .edge(START, "write")
        .edge("write", END)
        .compile()?;
    let (log, config) = observed();
    for config in [&RunConfig::new(), &config] {
        let mut events = graph.events_with(Essay::default(), config);
        let mut tokens = Vec::new();
        while let Some(event) = events.next().await {
            let event = event?;
            if let EventKind::Token(token) = &event.kind {
                tokens.push(format!("{}: {} of {}", event.path, token.text(), token.step()));
            }
        }
        assert_eq!(tokens, ["write: written of lambda"]);
    }
    let told: Vec<_> = log.take().into_iter().filter(|one| one.starts_with("written")).collect();
    assert_eq!(told, ["written graph > node \"write\" > lambda"]);
    Ok(())
}

/// The store of a thread is no step of the run.
#[tokio::test]
async fn a_thread_tells_what_a_run_tells() {
    let graph = StateGraph::<Essay>::new().node("note", note).edge(START, "note").edge("note", END).compile().unwrap();
    for name in [None, Some("essays")] {
        let (log, config) = observed();
        let config = name.map_or(config.clone(), |name| config.name(name)).timeout(Duration::from_secs(9));
        graph.start_with(Essay::default(), &config).await.unwrap();
        let of_run = log.take();
        assert!(!of_run.is_empty());
        let thread = graph.with_store(MemoryStore::new()).thread("t").with_config(config);
        thread.start(Essay::default()).await.unwrap();
        assert_eq!(log.take(), of_run);
        thread.resume().await.unwrap();
        assert_eq!(log.take(), ["> graph", "< graph"]);
    }
}
