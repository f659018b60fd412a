//! Names may be anything, and a picture shows what there is all the same.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::*;
use crate::check::{agreed, keep};

/// What some language has a meaning for.
const NASTY: [&str; 64] = [
    "\"",
    "'",
    "`",
    "end",
    "END",
    "START",
    "subgraph",
    "graph",
    "click",
    "default",
    "style",
    "style a:#1;",
    "classDef x:#f;",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\\",
    "\\n",
    "\\N",
    "\\G",
    "<b>",
    "</b>",
    "<br/>",
    "<script>",
    "<!--",
    "&",
    "&amp;",
    "&#34;",
    "#",
    "#34;",
    "#quot;",
    "[",
    "]",
    "[[",
    "(",
    ")",
    "{{",
    "}",
    "|",
    "**x**",
    "__x__",
    "1. ",
    "- ",
    "# ",
    "    ",
    "%%",
    "%%{init: {}}%%",
    "---",
    "-->",
    "-.->",
    " -> ",
    ", ",
    "; ",
    " [x]",
    " (map)",
    "one of ",
    "fa:fa-car",
    "$$x$$",
    "www.example.com",
    "ﬂ°°34¶ß",
    "😀",
    "\u{202e}",
    "…",
];

fn name() -> impl Strategy<Value = String> {
    let piece = proptest::sample::select(&NASTY[..]).prop_map(str::to_owned);
    prop_oneof![
        4 => proptest::collection::vec(piece, 1..5).prop_map(|pieces| pieces.concat()),
        2 => proptest::collection::vec(any::<char>(), 0..12).prop_map(|chars| chars.into_iter().collect()),
        2 => proptest::sample::select(&["write", "legal agent", "e\u{301}", "שלום", "👩‍👩‍👧", "a.b-c_d", "日本"][..])
            .prop_map(str::to_owned),
        1 => (0..300_usize, any::<char>()).prop_map(|(count, char)| std::iter::repeat_n(char, count).collect()),
    ]
}

#[derive(Debug, Clone)]
enum What {
    Plain,
    Map,
    Ask,
    Chain(Vec<String>),
    Parallel(Vec<String>),
    Graph(Vec<Node>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    On,
    Route,
    RouteMany,
    Back,
    Fallback,
}

type Node = (String, What, Way);

fn nodes() -> impl Strategy<Value = Vec<Node>> {
    let way = || proptest::sample::select(&[Way::On, Way::Route, Way::RouteMany, Way::Back, Way::Fallback][..]);
    let leaf = || {
        prop_oneof![
            2 => Just(What::Plain),
            1 => Just(What::Map),
            1 => Just(What::Ask),
            3 => proptest::collection::vec(name(), 1..4).prop_map(What::Chain),
            2 => proptest::collection::vec(name(), 1..4).prop_map(|names| What::Parallel(distinct(names))),
        ]
    };
    let flat = proptest::collection::vec((name(), leaf(), way()), 1..5).prop_map(named_apart);
    flat.prop_recursive(3, 24, 4, move |inner| {
        let what = prop_oneof![2 => leaf(), 1 => inner.prop_map(What::Graph)];
        proptest::collection::vec((name(), what, way()), 1..5).prop_map(named_apart)
    })
}

fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// Names and ways that nodes may have.
fn named_apart(mut nodes: Vec<Node>) -> Vec<Node> {
    let mut seen = HashSet::from([String::new(), START.to_owned(), END.to_owned()]);
    for (place, (name, what, way)) in nodes.iter_mut().enumerate() {
        // A question cannot fail.
        if matches!((&what, &way), (What::Ask, Way::Fallback)) {
            *way = Way::On;
        }
        name.retain(|char| !"/#[]".contains(char));
        if !seen.insert(name.clone()) {
            *name = format!("{place}{name}");
            seen.insert(name.clone());
        }
    }
    nodes
}

fn built(nodes: &[Node]) -> CompiledGraph<Notes> {
    let mut graph = StateGraph::<Notes>::new();
    for (name, what, _) in nodes {
        graph = match what {
            What::Plain => graph.node(name, nothing),
            What::Map => graph.map(name, |state| state.topics.clone(), async |_: String| Ok(())),
            What::Ask => graph.ask(name, |_| "?", |_: bool| ()),
            What::Chain(steps) => {
                let chain = steps.iter().map(|step| named(step)).reduce(|one, other| (one | other).boxed());
                graph.node(name, chain_node(chain.unwrap()).with_retry(Retry::attempts(2)))
            }
            What::Parallel(keys) => {
                let parallel = keys.iter().fold(RunnableParallel::new(), |all, key| all.branch(key, named("of it")));
                let chain = parallel | lambda(async |found: serde_json::Value| Ok(found.to_string())).with_name("join");
                graph.node(name, chain_node(chain.boxed()))
            }
            What::Graph(inner) => graph.node(name, step(|state: &Notes| state.clone(), built(inner), |_| ())),
        };
    }
    graph = graph.edge(START, nodes[0].0.as_str());
    for (place, (name, _, way)) in nodes.iter().enumerate() {
        let next = nodes.get(place + 1).map_or(END, |(name, ..)| name).to_owned();
        let targets = distinct(vec![next.clone(), END.to_owned()]);
        graph = match way {
            Way::Route => graph.route(name, |_| END, targets),
            Way::RouteMany => graph.route_many(name, |_| [END], targets),
            Way::Back => graph.route(name, |_| END, [name.clone(), next]),
            Way::Fallback if next != END => graph.edge(name.as_str(), END).fallback(name, next),
            Way::On | Way::Fallback => graph.edge(name.as_str(), next),
        };
    }
    graph.compile().unwrap()
}

/// What there is to see: the name and the words of each node, of each open one, and how many edges.
#[derive(Debug, Default)]
struct There {
    nodes: Vec<(String, &'static str)>,
    frames: Vec<(String, &'static str)>,
    edges: usize,
}

impl There {
    fn graph(&mut self, nodes: &[Node], depth: usize) {
        self.nodes.push((START.to_owned(), ""));
        self.edges += 1;
        for (place, (name, what, way)) in nodes.iter().enumerate() {
            let is_last = place + 1 == nodes.len();
            self.edges += match way {
                Way::On => 1,
                Way::Back => 2,
                Way::Route | Way::RouteMany | Way::Fallback => 2 - usize::from(is_last),
            };
            let words = match what {
                What::Plain | What::Parallel(_) => "",
                What::Map => "map",
                What::Ask => "ask",
                What::Chain(_) => "retry",
                What::Graph(_) => "graph",
            };
            let node = (name.clone(), words);
            match what {
                What::Chain(steps) if depth > 0 && *steps != ["lambda"] => {
                    self.frames.push(node);
                    self.nodes.extend(steps.iter().map(|step| (step.clone(), "")));
                    self.edges += steps.len() - 1;
                }
                What::Parallel(keys) if depth > 0 => {
                    self.frames.push(node);
                    self.edges += 1;
                    self.parallel(keys, depth - 1);
                    self.nodes.push(("join".to_owned(), ""));
                }
                What::Graph(inner) if depth > 0 => {
                    self.frames.push(node);
                    self.graph(inner, depth - 1);
                }
                _ => self.nodes.push(node),
            }
        }
        self.nodes.push((END.to_owned(), ""));
    }

    fn parallel(&mut self, keys: &[String], depth: usize) {
        let parallel = ("parallel".to_owned(), "");
        if depth == 0 {
            return self.nodes.push(parallel);
        }
        self.frames.push(parallel);
        for key in keys {
            if depth == 1 {
                self.nodes.push((key.clone(), ""));
            } else {
                self.frames.push((key.clone(), ""));
                self.nodes.push(("of it".to_owned(), ""));
            }
        }
    }
}

/// What is not shown as it is.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || "\u{ad}\u{61c}\u{180e}\u{200b}\u{200e}\u{200f}\u{feff}".contains(char)
        || ('\u{2028}'..='\u{202e}').contains(&char)
        || ('\u{2060}'..='\u{206f}').contains(&char)
        || ('\u{fff9}'..='\u{fffb}').contains(&char)
        || ('\u{e0000}'..='\u{e007f}').contains(&char)
}

fn shows(seen: &[(String, String)], there: &[(String, &'static str)]) {
    assert_eq!(seen.len(), there.len());
    for ((_, label), (name, words)) in seen.iter().zip(there) {
        let (first, rest) = label.split_once('\n').unwrap_or((label, ""));
        assert_eq!(rest, *words);
        if name.chars().count() > 80 {
            assert!(first.ends_with('…'));
        } else if name.trim().is_empty() {
            assert!(!first.is_empty());
        } else if !name.contains(is_hidden) {
            assert_eq!(first, name);
        }
        assert!(!first.contains(is_hidden) && first.chars().count() <= 80 * 10 + 1, "{first:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_picture_shows_what_there_is_whatever_the_names(nodes in nodes(), depth in 0..5_usize) {
        let graph = built(&nodes);
        let drawing = graph.drawing().depth(depth);
        let seen = agreed(&drawing);
        let mut there = There::default();
        there.graph(&nodes, depth);
        shows(&seen.nodes, &there.nodes);
        shows(&seen.frames, &there.frames);
        prop_assert_eq!(seen.edges.len(), there.edges);

        // In plain text a name can be read back, to the last letter.
        let names: HashSet<_> = there.nodes.iter().chain(&there.frames).map(|(name, _)| name.as_str()).collect();
        for line in grammar::text(&drawing.to_text()) {
            for name in line.targets.iter().chain([&line.name]) {
                prop_assert!(names.contains(name.as_str()) || name.chars().count() == 80, "{:?}", name);
            }
        }
    }
}

#[test]
fn some_are_kept() {
    let mut runner = TestRunner::deterministic();
    for number in 0..60 {
        let nodes = nodes().new_tree(&mut runner).unwrap().current();
        keep(&format!("names-{number}"), &built(&nodes).drawing().depth(number % 4));
    }
    for (number, nasty) in NASTY.iter().enumerate() {
        let name = format!("a{}b", nasty.replace(['/', '#', '[', ']'], "")).to_owned();
        let nodes = [(name, What::Chain(vec![(*nasty).to_owned(), format!("{nasty} b")]), Way::Back)];
        keep(&format!("nasty-{number}"), &built(&nodes).drawing().depth(1));
    }
}
