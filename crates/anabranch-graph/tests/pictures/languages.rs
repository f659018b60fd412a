//! What the pictures look like.

use anabranch_core::Runnable;
use anabranch_core::describe::{Composed, Description};

use super::*;
use crate::check::keep;

#[test]
fn text_opens_graphs_and_chains_to_a_depth() {
    let graph = everything();
    let at = |depth: usize| graph.drawing().depth(depth).to_text();
    let closed = "\
START -> write, research, rumours
write (map, settled) -> join
research -> join
rumours (optional) -> join
review (graph) -> one of join, END
join (join_all) -> any of review, lawyer
lawyer -> END; on failure manual
manual -> END
";
    assert_eq!(at(0), closed);
    assert_eq!(graph.to_text(), closed);
    let open = "\
START -> write, research, rumours
write (map, settled) -> join
research -> join
  parallel
    summary
      prompt
      | model
    terms
      look up
  | lambda
rumours (optional) -> join
review (graph) -> one of join, END
  START -> judge
  judge (retry) -> one of judge, sign
    prompt
    | model
  sign (ask) -> END
join (join_all) -> any of review, lawyer
lawyer -> END; on failure manual
manual -> END
";
    assert_eq!(at(3), open);
    assert_eq!(at(usize::MAX), open);
    let deeper = |one: &str, other: &str| one.lines().count() < other.lines().count();
    assert!(deeper(&at(0), &at(1)) && deeper(&at(1), &at(2)) && deeper(&at(2), &at(3)));
    (0..4).for_each(|depth| keep(&format!("everything-{depth}"), &graph.drawing().depth(depth)));
}

#[test]
fn mermaid_and_dot_look_like_this() {
    let review = StateGraph::<Notes>::new()
        .node("judge", chain_node((named("prompt") | named("model")).boxed()).with_retry(Retry::attempts(2)))
        .ask("sign", |_| "sign?", Notes::yes)
        .edge(START, "judge")
        .edge("judge", "sign")
        .edge("sign", END)
        .compile()
        .unwrap();
    let graph = StateGraph::<Notes>::new()
        .map("write", |state| state.topics.clone(), async |topic: String| Ok(Notes::lines([topic])))
        .node("review", step(|state: &Notes| state.clone(), review, |_| ()))
        .node("the \"end\"", nothing)
        .edge(START, "write")
        .edge("write", "review")
        .route("review", |_| END, ["review", "the \"end\""])
        .edge("the \"end\"", END)
        .fallback("write", "the \"end\"")
        .compile()
        .unwrap();
    let mermaid = r#"flowchart TD
    start(["START"])
    n0[["write<br/>map"]]
    subgraph n1["review<br/>graph"]
        n1_start(["START"])
        n1_n0["judge<br/>retry"]
        n1_n1{{"sign<br/>ask"}}
        n1_stop(["END"])
        n1_start --> n1_n0
        n1_n0 --> n1_n1
        n1_n1 --> n1_stop
    end
    n2["the #34;end#34;"]
    stop(["END"])
    start --> n0
    n0 --> n1
    n1_stop -.-> n1_start
    n1 -.-> n2
    n2 --> stop
    n0 -. on failure .-> n2
"#;
    assert_eq!(graph.drawing().depth(1).to_mermaid(), mermaid);
    let dot = r#"digraph {
    compound=true;
    graph [fontname="Helvetica"];
    node [fontname="Helvetica", shape=box, style="rounded,filled", fillcolor=white, margin="0.2,0.1"];
    edge [fontname="Helvetica", fontsize=11];
    start [label="START", shape=oval];
    n0 [label="write\nmap", shape=box3d];
    n1 [label="review\ngraph", shape=component];
    n2 [label="the \"end\""];
    stop [label="END", shape=oval];
    start -> n0;
    n0 -> n1;
    n1 -> n1 [style=dashed];
    n1 -> n2 [style=dashed];
    n2 -> stop;
    n0 -> n2 [style=dotted, label="on failure"];
}
"#;
    assert_eq!(graph.to_dot(), dot);
    let open = graph.drawing().depth(2).to_dot();
    assert!(
        open.contains("    n0 -> n1_start [lhead=cluster_n1];\n    n1_stop -> n1_start [style=dashed];\n"),
        "{open}"
    );
    assert!(open.contains("        n1_n0_n1 -> n1_n1 [ltail=cluster_n1_n0];\n"), "{open}");
    keep("look", &graph.drawing().depth(2));
}

#[test]
fn a_graph_in_a_chain_says_what_it_is_made_of() {
    let graph = everything();
    let chain = lambda(async |text: String| Ok(Notes { text, ..Notes::default() })) | graph.clone();
    let described = chain.describe();
    let inside: &Description = &described.children[1];
    let names: Vec<_> = inside.children.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(names, ["write", "research", "rumours", "review", "join", "lawyer", "manual"]);
    let Composed::Graph { edges } = &inside.composed else { panic!("{inside:?}") };
    let certain = edges.iter().filter(|edge| edge.is_certain).count();
    assert_eq!((edges.len(), certain), (13, 8));
    assert_eq!((edges[0].from, edges[0].to), (None, Some(0)));
    assert_eq!(inside.children[1].children[0].children[0].name, "parallel");
    chain.check().unwrap();

    // A chain with a graph in it is a node of another graph.
    let small = StateGraph::<Notes>::new()
        .node("judge", nothing)
        .ask("sign", |_| "?", Notes::yes)
        .edge(START, "judge")
        .route("judge", |_| "sign", ["sign", END])
        .edge("sign", END)
        .compile()
        .unwrap();
    let chain = lambda(async |text: String| Ok(Notes { text, ..Notes::default() })).with_name("begin") | small;
    let outer = StateGraph::<Notes>::new()
        .node("outer", step(|state: &Notes| state.text.clone(), chain, |_| ()))
        .edge(START, "outer")
        .edge("outer", END)
        .compile()
        .unwrap();
    let text = "\
START -> outer
outer -> END
  begin
  | graph
    START -> judge
    judge -> one of sign, END
    sign (ask) -> END
";
    assert_eq!(outer.drawing().depth(2).to_text(), text);
    keep("graph-in-chain", &outer.drawing().depth(2));
}
