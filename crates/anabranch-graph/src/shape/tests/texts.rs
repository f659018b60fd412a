//! What each error says.

use super::super::{FieldWrite, NamedWrite, NodeKind, NodeOption};
use super::Draft;

fn good() -> Draft {
    Draft::of("a legal").edges("START>a a>legal legal>END")
}

fn says(draft: &Draft, expected: &str) {
    assert_eq!(draft.text(), expected);
}

#[test]
fn names() {
    says(
        &good().node("a/b", NodeKind::Plain),
        r#"a node cannot be named "a/b", since '/', '#', '[' and ']' are signs of paths: give it a name without them"#,
    );
    says(
        &good().node("END", NodeKind::Plain),
        r#"a node cannot be named "END", which is an end of the graph: give it another name"#,
    );
    says(&good().node("", NodeKind::Plain), "a node has an empty name: give it one");
    says(
        &good().node("a", NodeKind::Plain).node("a", NodeKind::Plain),
        r#"more than one node is named "a": give each node a name of its own"#,
    );
}

#[test]
fn unknown_names() {
    says(
        &good().edges("a>leagl"),
        r#"no node is named "leagl", but an edge of "a" leads to it (is "legal" meant?): correct the name, or add the node"#,
    );
    says(
        &good().edges("a>__end__"),
        r#"no node is named "__end__", but an edge of "a" leads to it (is "END" meant?): correct the name, or add the node"#,
    );
    says(
        &good().edges("unheard_of>a a>unheard_of"),
        r#"no node is named "unheard_of", but an edge to "a" comes from it: correct the name, or add the node"#,
    );
    says(
        &good().optional("Legal"),
        r#"no node is named "Legal", but `optional` names it (is "legal" meant?): correct the name, or add the node"#,
    );
    says(
        &good().fallback("a", "manual"),
        r#"no node is named "manual", but the fallback of "a" leads to it: correct the name, or add the node"#,
    );
    says(&good().join_all("END"), "`join_all` names END, which is no node: name the node that is meant");
}

#[test]
fn edges() {
    says(&good().edges("END>a"), r#"an edge leads from END to "a", but nothing runs after END: lead it from a node"#);
    says(
        &good().edges("legal>START"),
        r#"an edge of "legal" leads to START, which is no node: lead it to the first node of the loop"#,
    );
    says(
        &good().edges("a>legal").fallback("a", "legal"),
        r#"more than one edge leads from "a" to "legal": keep one of them (targets of a route and a fallback are edges, too)"#,
    );
    says(&Draft::of("a").edges("a>END"), "no edge leaves START: add one to the node that runs first");
}

#[test]
fn routes() {
    says(
        &good().one_of("a", "END").one_of("a", "a"),
        r#""a" has more than one route: make it one route with all the targets"#,
    );
    says(&good().one_of("START", ""), "the route of START has no targets: name every node that it may choose, or END");
}

#[test]
fn reach() {
    says(
        &good().node("b", NodeKind::Plain).edges("b>END"),
        r#"no way leads from START to "b": add an edge to it, or take the node away"#,
    );
    says(
        &good().node("b", NodeKind::Plain).node("c", NodeKind::Plain).edges("a>b b>c"),
        r#"no edge leaves "c": add one to the node that comes next, or to END"#,
    );
    says(
        &good().node("b", NodeKind::Plain).node("c", NodeKind::Plain).edges("a>b b>c c>b"),
        r#"nothing leads out of the loop of "b" and "c": add an edge or a route that leaves it"#,
    );
}

#[test]
fn loops() {
    says(
        &good().edges("legal>a"),
        r#"the loop of "a" and "legal" can never end, since an edge back to "a" is always taken: make it the target of a route that can choose a way out, too"#,
    );
    says(
        &good().edges("START>legal").one_of("legal", "a"),
        r#"the loop of "a" and "legal" can be entered at "a" and "legal": choose one of them as its header and lead the nodes before the loop to the header alone"#,
    );
}

#[test]
fn conflicts() {
    let beside = || Draft::of("a b").edges("START>a START>b a>END b>END");
    says(
        &beside().writes("a b", 0, false),
        r#""a" and "b" can run at the same time, and both write the field "x", which has no reducer: give the field a reducer, or add an edge from "a" to "b""#,
    );
    says(
        &beside().writes("a", 1, false).writes("b", 1, true),
        r#""a" and "b" can run at the same time, both write the field "log", and "b" overwrites it: write it without `overwrite`, which the reducer of the field adds up, or add an edge from "a" to "b""#,
    );
    says(
        &beside().writes("a b", 1, true),
        r#""a" and "b" can run at the same time, and both overwrite the field "log": write it without `overwrite`, which the reducer of the field adds up, or add an edge from "a" to "b""#,
    );
    // No edge may lead into a loop but to its header.
    says(
        &Draft::of("a h b").edges("START>a START>h a>END h>b").one_of("b", "h END").writes("a b", 0, false),
        r#""a" and "b" can run at the same time, and both write the field "x", which has no reducer: give the field a reducer, or add an edge from "a" to "h", the header of the loop that "b" is in"#,
    );
    let map = || Draft::default().node("m", NodeKind::Map).edges("START>m m>END");
    let with_fields = |mut draft: Draft| {
        draft.0.fields = Draft::of("").0.fields;
        draft
    };
    says(
        &with_fields(map()).writes("m", 0, false),
        r#"the items of "m" run at the same time, and each writes the field "x", which has no reducer: give the field a reducer, or write it in a node after "m""#,
    );
    says(
        &with_fields(map()).writes("m", 1, true),
        r#"the items of "m" run at the same time, and each overwrites the field "log": write it without `overwrite`, which the reducer of the field adds up, or overwrite it in a node after "m""#,
    );
}

#[test]
fn options() {
    says(
        &Draft::of("r a b j").edges("START>r a>j b>j j>END").one_of("r", "a b").join_all("j"),
        r#""j" never runs: with `join_all` it waits for all its edges, but those from "a" and "b" can never both be taken: take `join_all` away, or lead one of them elsewhere"#,
    );
    says(
        &good().optional("a"),
        r#""a" is optional, but every way to END passes it, so nothing could go on without it: give it a fallback, or add a way around it"#,
    );
    says(
        &good().node("q", NodeKind::Ask).edges("a>q q>END").optional("q"),
        r#""q" is a question and cannot be optional, since it waits for its answer: take `optional` away, or lead to it by a route that can choose another way"#,
    );
}

#[test]
fn options_that_cannot_mean_what_they_say() {
    says(
        &good().option(NodeOption::Settled("a".into())),
        r#""a" is no map, and `settled` is about the items of one: take it away, or make "a" `optional` if it may fail"#,
    );
    says(
        &good().fallback("a", "a"),
        r#""a" is its own fallback and would run again as often as it fails: retry its step, or name another node"#,
    );
    let two = || Draft::of("a b c").edges("START>a a>END b>END c>END").fallback("a", "b").fallback("a", "c");
    says(
        &two(),
        r#""a" has more than one fallback: keep one of them, and give that one a fallback where it may fail, too"#,
    );
    says(
        &good().node("q", NodeKind::Ask).edges("a>q q>END").fallback("q", "legal"),
        r#""q" is a question and has no use for a fallback, since it waits for its answer and cannot fail: take the fallback away, or lead to "legal" by a route that looks at the answer"#,
    );
    // Each once, and without what comes of it.
    assert_eq!(two().fallback("a", "a").errors(), ["DuplicateFallback(a)", "FallbackToItself(a)"]);
    let twice = |draft: Draft, option: &dyn Fn(Draft) -> Draft| option(option(draft)).errors();
    assert_eq!(twice(good(), &|draft| draft.option(NodeOption::Settled("a".into()))), ["SettledNoMap(a)"]);
    assert_eq!(twice(good(), &|draft| draft.fallback("a", "a")), ["FallbackToItself(a)"]);
}

/// What is only said twice, or needs no saying, is no mistake.
#[test]
fn options_that_change_nothing_are_taken() {
    let map = |kind| Draft::of("a").node("m", kind).edges("START>a START>m a>END m>END");
    let settled = |draft: Draft| draft.option(NodeOption::Settled("m".into()));
    assert_eq!(settled(settled(map(NodeKind::Map))).errors(), [""; 0]);
    assert_eq!(settled(map(NodeKind::MapOfGraph(Box::default()))).errors(), [""; 0]);
    assert_eq!(map(NodeKind::Map).join_all("a").join_all("a").optional("a").optional("a").errors(), [""; 0]);
    assert_eq!(good().optional("a").fallback("a", "END").errors(), [""; 0]);
}

#[test]
fn writes_by_name() {
    let draft = |writes: &[(&str, &str, bool)]| {
        let mut draft = good();
        let write = |&(node, field, overwrite): &(&str, &str, bool)| NamedWrite {
            node: node.into(),
            field: field.into(),
            overwrite,
        };
        draft.0.enter_writes(writes.iter().map(write).collect());
        draft
    };
    let good = draft(&[("a", "x", false), ("a", "log", true)]);
    let write = |field, overwrite| FieldWrite { field, overwrite };
    assert_eq!((good.errors(), &*good.0.nodes[0].writes), (vec![], &[write(0, false), write(1, true)][..]));
    says(
        &draft(&[("a", "logg", true), ("a", "logg", true)]),
        r#"no field is named "logg", but `overwrites` of "a" names it (is "log" meant?): correct the name, or declare the field"#,
    );
    says(
        &draft(&[("leagl", "x", false)]),
        r#"no node is named "leagl", but `writes` names it (is "legal" meant?): correct the name, or add the node"#,
    );
    says(&draft(&[("START", "x", false)]), "`writes` names START, which is no node: name the node that is meant");
    let all = draft(&[("a", "nope", false), ("b", "nope", false), ("b", "x", true), ("legal", "other", false)]);
    let errors = ["UnknownNode(c)", "UnknownField(a)/nope", "UnknownNode(b)", "UnknownField(b)/nope"];
    assert_eq!(all.edges("a>c").errors(), [&errors[..], &["UnknownField(legal)/other"]].concat());
}

#[test]
fn a_graph_without_nodes_and_one_of_each_end() {
    assert_eq!(Draft::of("").edges("START>END").errors(), [""; 0]);
    assert_eq!(Draft::of("").errors(), ["NoEntry()"]);
    assert_eq!(good().fallback("END", "a").errors(), ["EdgeFromEnd(a)"]);
    assert_eq!(good().fallback("START", "legal").errors(), ["UnknownNode(START)"]);
    assert_eq!(good().fallback("legal", "START").errors(), ["EdgeToStart(legal)"]);
}

/// All at once, and as an error of a run it says the same, in one line.
#[test]
fn all_at_once() {
    let draft = good().edges("a>nope END>a START>legal").writes("legal", 0, false).optional("a").optional("legal");
    assert_eq!(draft.errors(), ["UnknownNode(nope)", "EdgeFromEnd(a)", "OptionalOnOnlyWay(legal)"]);
    let errors = draft.0.check().unwrap_err();
    let text = errors.to_string();
    assert_eq!(text.lines().count(), 3);
    let error = anabranch_core::Error::from(errors);
    assert_eq!(error.kind(), anabranch_core::ErrorKind::Configuration);
    assert_eq!(error.message(), text.replace('\n', "; "));
}
