//! The DOT language, as far as the pictures use it.

use super::{Rest, Seen, indented};

pub(crate) fn dot(picture: &str) -> Seen {
    let body = picture.strip_prefix("digraph {\n    compound=true;\n").expect("a digraph");
    let body = body.strip_suffix("}\n").expect("its end");
    let (mut seen, mut open) = (Seen::default(), Vec::new());
    for line in body.split_terminator('\n') {
        if line.trim_start() == "}" {
            let frame: usize = open.pop().expect("something to close");
            indented(line, open.len() + 1, "    ");
            assert!(!seen.frames[frame].1.is_empty(), "a cluster has a label");
            continue;
        }
        let mut rest = indented(line, open.len() + 1, "    ");
        if rest.takes("subgraph cluster_") {
            open.push(seen.frames.len());
            seen.frames.push((rest.id(), String::new()));
            rest.expect(" {");
        } else if rest.takes("graph ") || rest.takes("node ") || rest.takes("edge ") {
            let settings = settings(&mut rest);
            if let (Some(label), Some(&frame)) = (setting(&settings, "label"), open.last()) {
                assert_eq!(std::mem::replace(&mut seen.frames[frame].1, label), "");
            }
            rest.expect(";");
        } else {
            let id = rest.id();
            if rest.takes(" -> ") {
                let to = rest.id();
                if rest.takes(" ") {
                    ends(&settings(&mut rest), &id, &to);
                }
                seen.edges.push((id, to));
            } else {
                rest.expect(" ");
                let label = setting(&settings(&mut rest), "label").expect("a label");
                seen.nodes.push((id, label));
            }
            rest.expect(";");
        }
        rest.ends();
    }
    assert!(open.is_empty());
    seen.checked()
}

/// An edge that ends at a cluster leads to a node inside of it, and its other end is not there.
fn ends(settings: &[(String, String)], from: &str, to: &str) {
    for (key, inner, outer) in [("ltail", from, to), ("lhead", to, from)] {
        if let Some(cluster) = setting(settings, key) {
            let id = cluster.strip_prefix("cluster_").expect("a cluster");
            assert!(inner.starts_with(&format!("{id}_")), "{inner} is not in {id}");
            assert!(!outer.starts_with(&format!("{id}_")), "{outer} is in {id}");
        }
    }
}

fn setting(settings: &[(String, String)], key: &str) -> Option<String> {
    settings.iter().find(|(one, _)| one == key).map(|(_, value)| value.clone())
}

fn settings(rest: &mut Rest<'_>) -> Vec<(String, String)> {
    rest.expect("[");
    let mut settings = Vec::new();
    loop {
        let key = rest.id();
        rest.expect("=");
        let value = if rest.takes("\"") {
            quoted(rest)
        } else {
            rest.while_is(|char| char.is_ascii_alphanumeric() || char == '_').to_owned()
        };
        assert!(!value.is_empty());
        settings.push((key, value));
        if rest.takes("]") {
            return settings;
        }
        rest.expect(", ");
    }
}

/// What is in quotation marks, as it is shown.
fn quoted(rest: &mut Rest<'_>) -> String {
    let mut value = String::new();
    loop {
        if rest.takes("\"") {
            return value;
        }
        if rest.takes("\\") {
            match rest.char() {
                'n' => value.push('\n'),
                char @ ('"' | '\\') => value.push(char),
                char => panic!("\\{char} is none of ours"),
            }
        } else if rest.takes("&") {
            rest.expect("amp;");
            value.push('&');
        } else {
            let char = rest.char();
            assert!(!char.is_control(), "{char:?} is not escaped");
            value.push(char);
        }
    }
}
