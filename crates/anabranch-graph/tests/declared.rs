//! Fields that are declared by value, and what is wrong with values, seen by who runs the graph.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, RunnableExt};
use anabranch_graph::dynamic::{DynamicFields, DynamicState, DynamicWrite, FieldType, Reducer};
use anabranch_graph::{BuildErrorKind, BuildErrors, END, MemoryStore, START, StateGraph};
use serde_json::{Value, json};

fn fields() -> DynamicFields {
    let declared = json!({
        "text": {"type": "text"},
        "number": {"type": "number"},
        "list": {"type": "list", "reduce": "append"},
        "done": {"type": "bool"},
        "any": {"type": "any"},
    });
    serde_json::from_value(declared).unwrap()
}

/// A graph of one node `a` that writes this.
fn graph_of(write: DynamicWrite) -> StateGraph<DynamicState> {
    StateGraph::dynamic(fields())
        .node("a", move |_: Arc<DynamicState>| {
            let write = write.clone();
            async move { Ok::<_, Error>(write) }
        })
        .edge(START, "a")
        .edge("a", END)
}

async fn error_of(graph: StateGraph<DynamicState>, initial: Value) -> Error {
    let initial: DynamicState = serde_json::from_value(initial).unwrap();
    graph.compile().unwrap().invoke(initial).await.unwrap_err()
}

#[tokio::test]
async fn what_does_not_fit_names_the_node_and_the_field() {
    for (value, came) in [
        (json!(null), "null"),
        (json!(true), "true or false"),
        (json!(1.5), "a number"),
        (json!(["a secret"]), "a list"),
        (json!({"a secret": 1}), "an object"),
    ] {
        let error = error_of(graph_of(DynamicWrite::new("text", value)).writes("a", ["text"]), json!({})).await;
        let expected =
            format!("graph > node \"a\": invalid input: the field `text` is a text, and {came} was to be written");
        assert_eq!((error.to_string(), error.kind()), (expected, ErrorKind::InvalidInput));
    }
    let graph = graph_of(DynamicWrite::new("number", "a secret").overwrite()).overwrites("a", ["number"]);
    let error = error_of(graph, json!({})).await.to_string();
    assert_eq!(
        error,
        "graph > node \"a\": invalid input: the field `number` is a number, and a text was to be written"
    );
}

#[tokio::test]
async fn a_write_that_was_not_declared() {
    let error = error_of(graph_of(DynamicWrite::new("text", "a secret")).writes("a", ["number"]), json!({})).await;
    let expected = "graph > node \"a\": error: Write { field: \"text\", .. } was not declared for this node: say so by `writes` or \
                    `overwrites`";
    assert_eq!(error.to_string(), expected);
    // A write is no overwrite, and the other way round.
    let graph = graph_of(DynamicWrite::new("list", json!([1]))).overwrites("a", ["list"]);
    assert!(error_of(graph, json!({})).await.to_string().contains("Write { field: \"list\", reduce: Append, .. }"));
    let graph = graph_of(DynamicWrite::new("list", json!([1])).overwrite()).writes("a", ["list"]);
    assert!(error_of(graph, json!({})).await.to_string().contains("Overwrite { field: \"list\", reduce: Append, .. }"));

    let error = error_of(graph_of(DynamicWrite::new("txet", "a")), json!({})).await;
    let expected = "graph > node \"a\": invalid input: there is no field `txet` in the state: declared are `text`, `number`, `list`, \
                    `done`, `any`";
    assert_eq!(error.to_string(), expected);
}

/// An overwrite of a field without a reducer is the write that it is.
#[tokio::test]
async fn an_overwrite_without_a_reducer_is_a_write() {
    let graph = graph_of(DynamicWrite::new("text", "a").overwrite()).overwrites("a", ["text"]);
    let done = graph.compile().unwrap().invoke(DynamicState::default()).await.unwrap();
    assert_eq!(done.get("text"), Some(&json!("a")));
}

#[tokio::test]
async fn a_state_that_does_not_fit_runs_nothing() {
    for (initial, expected) in [
        (json!({"text": null}), "the field `text` is a text, and the state has null there"),
        (json!({"number": "1"}), "the field `number` is a number, and the state has a text there"),
        (json!({"more": 1}), "there is no field `more` in the state"),
    ] {
        let error = error_of(graph_of(DynamicWrite::new("text", 1)), initial).await;
        assert!(error.to_string().contains(expected), "{error}");
    }
}

/// Missing is what the type has by default, and null is null.
#[tokio::test]
async fn nothing_is_not_null() {
    let graph = graph_of(DynamicWrite::new("done", true)).writes("a", ["done"]).compile().unwrap();
    let done = graph.invoke(DynamicState::from_iter([("any", Value::Null)])).await.unwrap();
    assert_eq!(json!(done), json!({"any": null, "text": "", "number": 0, "list": [], "done": true}));
}

#[tokio::test]
async fn values_come_back_from_the_log_as_they_were() {
    let deep = (0..60).fold(json!("deep"), |inner, _| json!([{"in": inner}]));
    for value in [
        json!(u64::MAX),
        json!(i64::MIN),
        json!(0.1),
        json!(-0.0),
        json!(5e-324),
        json!(f64::MAX),
        serde_json::from_str("123456789012345678901234567890").unwrap(),
        json!("\u{0}\u{10ffff} \"\\ ä"),
        json!({"": [null, {"a.overwrite": true}], "ключ": {}}),
        deep,
    ] {
        let graph = graph_of(DynamicWrite::new("any", value.clone())).writes("a", ["any"]).compile().unwrap();
        let stored = graph.with_store(MemoryStore::new());
        let thread = stored.thread("t");
        thread.start(DynamicState::default()).await.unwrap();
        let read = thread.state().await.unwrap();
        // As text, in which `-0.0` is no `0.0`.
        assert_eq!(read.get("any").map(ToString::to_string), Some(value.to_string()));
    }
}

#[test]
fn names_of_fields() {
    let error = DynamicFields::new().field("", FieldType::Any).unwrap_err();
    assert_eq!(
        (error.message(), error.kind()),
        ("a field needs a name, and this one is empty", ErrorKind::Configuration)
    );
    let error = serde_json::from_str::<DynamicFields>(r#"{"": {"type": "any"}}"#).unwrap_err();
    assert!(error.to_string().starts_with("configuration: a field needs a name"), "{error}");
    // Any other is one.
    let odd = ["ключ", "a b", "a.overwrite", "`", "\"", "\u{0}", "field", "END"];
    let fields = odd.iter().try_fold(DynamicFields::new(), |fields, name| fields.field(*name, FieldType::Any)).unwrap();
    let names: Vec<_> = fields.to_vec().into_iter().map(|field| field.name).collect();
    assert_eq!(names, odd);
}

#[tokio::test]
async fn a_name_that_looks_like_an_overwrite_is_a_name() {
    let fields = DynamicFields::new().field("a", FieldType::Any).unwrap().field("a.overwrite", FieldType::Any).unwrap();
    let graph = StateGraph::dynamic(fields)
        .node("n", async |_: Arc<DynamicState>| {
            Ok(vec![DynamicWrite::new("a.overwrite", 1), DynamicWrite::new("a", 2)])
        })
        .writes("n", ["a", "a", "a.overwrite"])
        .edge(START, "n")
        .edge("n", END);
    let stored = graph.compile().unwrap().with_store(MemoryStore::new());
    let thread = stored.thread("t");
    thread.start(DynamicState::default()).await.unwrap();
    assert_eq!(json!(thread.state().await.unwrap()), json!({"a": 2, "a.overwrite": 1}));
}

/// As one that is made by a program, or by somebody who means no good.
#[test]
fn very_many_fields_are_one_error() {
    let all: serde_json::Map<String, Value> =
        (0..10_000).map(|place| (format!("f{place}"), json!({"type": "any"}))).collect();
    let error = serde_json::from_value::<DynamicFields>(all.into()).unwrap_err().to_string();
    assert_eq!(error, "configuration: `f128` is one field too many: there is room for 128, and an object is one");
}

#[test]
fn writers_at_the_same_time_conflict_as_those_of_types_do() {
    let kinds = |overwrites: bool, field: &str| {
        let nothing = async |_: Arc<DynamicState>| Ok(Vec::<DynamicWrite>::new());
        let graph = StateGraph::dynamic(fields()).node("a", nothing).node("b", nothing).writes("a", [field]);
        let graph = if overwrites { graph.overwrites("b", [field]) } else { graph.writes("b", [field]) };
        let built = graph.edge(START, ["a", "b"]).edge(["a", "b"], END).compile();
        let error = built.err()?;
        let errors = error.downcast_ref::<BuildErrors>().expect("what is wrong");
        let [error] = &errors.iter().collect::<Vec<_>>()[..] else { return None };
        Some((error.kind(), error.field().map(str::to_owned)))
    };
    assert_eq!(kinds(false, "text"), Some((BuildErrorKind::Conflict, Some("text".to_owned()))));
    assert_eq!(kinds(true, "text"), Some((BuildErrorKind::Conflict, Some("text".to_owned()))));
    assert_eq!(kinds(false, "list"), None);
    assert_eq!(kinds(true, "list"), Some((BuildErrorKind::Conflict, Some("list".to_owned()))));
}

#[tokio::test]
async fn each_reducer_in_a_run() {
    let reduced = [
        ("append", FieldType::List, Reducer::Append, json!([1]), json!([1, 1])),
        ("add", FieldType::Number, Reducer::Add, json!(u64::MAX), json!(u64::MAX as f64 * 2.0)),
        ("max", FieldType::Number, Reducer::Max, json!(2), json!(2)),
        ("min", FieldType::Text, Reducer::Min, json!("a"), json!("")),
        ("union", FieldType::List, Reducer::Union, json!([2, 1]), json!([1, 2])),
        ("messages", FieldType::List, Reducer::Messages, json!([{"id": 1}]), json!([{"id": 1}])),
    ];
    let fields = reduced
        .iter()
        .try_fold(DynamicFields::new(), |fields, (name, ty, reducer, ..)| fields.reduced(*name, *ty, *reducer));
    let writes: Vec<_> = reduced.iter().map(|(name, _, _, value, _)| DynamicWrite::new(*name, value.clone())).collect();
    let node = move |_: Arc<DynamicState>| {
        let writes = writes.clone();
        async move { Ok::<_, Error>(writes) }
    };
    let names = reduced.each_ref().map(|(name, ..)| *name);
    let graph = StateGraph::dynamic(fields.unwrap())
        .node("a", node.clone())
        .node("b", node)
        .writes("a", names)
        .writes("b", names)
        .edge(START, ["a", "b"])
        .edge(["a", "b"], END);
    let done = graph.compile().unwrap().invoke(DynamicState::default()).await.unwrap();
    for (name, .., expected) in &reduced {
        assert_eq!(done.get(name), Some(expected), "{name}");
    }
}
