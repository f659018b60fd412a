//! What an update may be, and that a graph knows from its type what it can write.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use anabranch_core::{Result, RunnableExt};
use anabranch_graph::{BuildErrorKind, BuildErrors, END, Overwrite, START, State, StateGraph, Update, Write};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, State)]
#[state(crate = "anabranch_graph")]
struct Analysis {
    document: String,
    legal: String,
    technical: String,
    #[reduce(append)]
    notes: Vec<String>,
    #[reduce(add)]
    rounds: u32,
}

/// What two nodes that run side by side conflict in.
fn conflicts<A: Update<Analysis>, B: Update<Analysis>>() -> Vec<String> {
    let graph = StateGraph::<Analysis>::new()
        .node("a", async |_: Arc<Analysis>| nothing::<A>())
        .node("b", async |_: Arc<Analysis>| nothing::<B>())
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END);
    let Err(error) = graph.compile() else { return Vec::new() };
    let errors = error.downcast_ref::<BuildErrors>().expect("what is wrong");
    errors
        .iter()
        .map(|error| {
            assert_eq!(
                (error.kind(), error.nodes()),
                (BuildErrorKind::Conflict, &["a".to_owned(), "b".to_owned()][..])
            );
            error.field().expect("a conflict has one").to_owned()
        })
        .collect()
}

fn nothing<T>() -> Result<T> {
    Err(anabranch_core::Error::invalid_input("never run"))
}

type Legal = Write<Analysis, 1>;
type Technical = Write<Analysis, 2>;
type Notes = Write<Analysis, 3>;
type Anew = Overwrite<Analysis, 3>;

#[test]
fn what_can_be_written_counts_however_deep_it_is() {
    assert_eq!(conflicts::<Legal, Technical>(), [""; 0]);
    assert_eq!(conflicts::<Legal, Legal>(), ["legal"]);
    assert_eq!(conflicts::<Legal, Option<Legal>>(), ["legal"]);
    assert_eq!(conflicts::<Vec<Legal>, [Legal; 1]>(), ["legal"]);
    assert_eq!(conflicts::<[Legal; 0], Legal>(), ["legal"], "by its type, whatever there is of it");
    assert_eq!(conflicts::<(Technical, (Option<(Legal, ())>,)), Vec<(Notes, Legal)>>(), ["legal"]);
    assert_eq!(conflicts::<(Legal, Technical), (Technical, Legal)>(), ["legal", "technical"]);
    assert_eq!(conflicts::<Notes, Notes>(), [""; 0]);
    assert_eq!(conflicts::<Notes, Anew>(), ["notes"]);
    assert_eq!(conflicts::<(Notes, Option<Anew>), Vec<Notes>>(), ["notes"]);
    assert_eq!(conflicts::<Anew, Anew>(), ["notes"]);
    assert_eq!(conflicts::<Anew, Legal>(), [""; 0]);
    assert_eq!(conflicts::<(), (Legal, Technical, Notes, Anew)>(), [""; 0]);
}

#[test]
fn twelve_writes_are_one_update() {
    let n = || Analysis::notes(["n"]);
    let update = (n(), n(), n(), n(), n(), n(), n(), n(), n(), n(), n(), Analysis::rounds(12));
    let mut writes = Vec::new();
    update.into_writes(&mut writes);
    let mut state = Analysis::default();
    writes.iter().for_each(|write| state.apply(write));
    assert_eq!((state.notes.len(), state.rounds), (11, 12));
}

/// One way or the other: a tuple of options.
async fn one_of_two(state: Arc<Analysis>) -> Result<impl Update<Analysis>> {
    let is_contract = state.document.contains("contract");
    let legal = is_contract.then(|| Analysis::legal("binds"));
    let technical = (!is_contract).then(|| (Analysis::technical("turns"), Analysis::notes(["a machine"])));
    Ok((legal, technical))
}

/// The type of an update can be said.
fn noted(text: &str) -> (Option<Legal>, Notes) {
    (Some(Analysis::legal(text)), Analysis::notes([text]))
}

#[tokio::test]
async fn writes_that_may_be_absent() {
    let graph = StateGraph::<Analysis>::new()
        .node("read", one_of_two)
        .node("note", async |_: Arc<Analysis>| Ok(noted("seen")))
        .edge(START, "read")
        .edge("read", "note")
        .edge("note", END)
        .compile()
        .unwrap();
    let of = |document: &str| Analysis { document: document.into(), ..Default::default() };
    let done = graph.invoke(of("a contract")).await.unwrap();
    assert_eq!((&*done.legal, &*done.technical, &done.notes[..]), ("seen", "", &["seen".to_owned()][..]));
    let done = graph.invoke(of("a turbine")).await.unwrap();
    assert_eq!((&*done.technical, done.notes.join(" ")), ("turns", "a machine seen".to_owned()));
}
