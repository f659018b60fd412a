//! What a log depends on, and what it does not.

use super::super::{NodeKind, Shape};
use super::Draft;

fn shape() -> Draft {
    let inner = Draft::of("p q").edges("START>p p>q q>END").0;
    Draft::of("a b")
        .node("g", NodeKind::Graph(Box::new(inner)))
        .edges("START>a b>g g>END")
        .one_of("a", "b END")
        .optional("b")
}

fn inner(shape: &mut Shape) -> &mut Shape {
    match &mut shape.nodes[2].kind {
        NodeKind::Graph(inner) => inner,
        other => panic!("{other:?}"),
    }
}

/// If this fails, logs that were written before cannot be resumed: then their version must be another.
#[test]
fn it_is_stable() {
    assert_eq!(shape().0.fingerprint(), "c2737bc9673128a5");
}

#[test]
fn order_of_edges_and_fields_written_do_not_matter() {
    let mut other = shape().writes("a", 0, false).0;
    other.edges.reverse();
    inner(&mut other).edges.reverse();
    other.routes[0].targets.reverse();
    assert_eq!(other.fingerprint(), shape().0.fingerprint());
    assert_eq!(shape().0.difference(&other), None);
}

#[test]
fn changes_are_named() {
    type Change = fn(&mut Shape);
    let cases: [(Change, &str); 11] = [
        (|shape| shape.nodes[0].name = "c".to_owned(), "the node \"a\" is gone and the node \"c\" is new"),
        (|shape| shape.nodes.swap(0, 1), "the nodes are declared in another order"),
        (|shape| shape.nodes[0].kind = NodeKind::Ask, "\"a\" was a plain node and is a question"),
        (|shape| shape.nodes[2].kind = NodeKind::Plain, "\"g\" was a graph and is a plain node"),
        (|shape| drop(shape.edges.remove(0)), "the edge from \"START\" to \"a\" is gone"),
        (
            |shape| shape.routes[0].multi = true,
            "the route to one of \"END\" and \"b\" from \"a\" is gone and the route to any of \"END\" and \"b\" from \
             \"a\" is new",
        ),
        (|shape| shape.options.clear(), "`optional` of \"b\" is gone"),
        (|shape| shape.fields[1].reducer = None, "the reducer of the field \"log\" was `append` and is none"),
        (|shape| drop(shape.fields.remove(0)), "the field \"x\" is gone"),
        (|shape| shape.fields.swap(0, 1), "the fields are declared in another order"),
        (|shape| drop(inner(shape).edges.remove(1)), "in the graph of \"g\" the edge from \"p\" to \"q\" is gone"),
    ];
    for (change, expected) in cases {
        let mut other = shape().0;
        change(&mut other);
        assert_eq!(shape().0.difference(&other).as_deref(), Some(expected));
        assert_ne!(other.fingerprint(), shape().0.fingerprint(), "{expected}");
    }
}

#[test]
fn many_changes_are_counted() {
    let sentence = shape().0.difference(&Shape::default()).unwrap();
    assert!(sentence.starts_with("the field \"x\" is gone, the field \"log\" is gone, "), "{sentence}");
    assert!(sentence.ends_with(" and 7 more changes"), "{sentence}");
}
