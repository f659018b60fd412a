//! Flowcharts, and the part of their language that every version of Mermaid reads alike.

use super::{Rest, Seen, indented};

pub(crate) fn mermaid(picture: &str) -> Seen {
    let body = picture.strip_prefix("flowchart TD\n").expect("a flowchart");
    assert!(body.ends_with('\n'));
    let (mut seen, mut open, mut classes) = (Seen::default(), Vec::new(), Vec::new());
    for line in body.split_terminator('\n') {
        if line.trim_start() == "end" {
            assert!(open.pop().is_some(), "an end of nothing");
            indented(line, open.len() + 1, "    ");
            continue;
        }
        let mut rest = indented(line, open.len() + 1, "    ");
        if rest.takes("subgraph ") {
            let id = rest.id();
            rest.expect("[");
            let label = label(&mut rest);
            rest.expect("]");
            rest.ends();
            seen.frames.push((id.clone(), label));
            open.push(id);
        } else if rest.takes("classDef ") {
            classes.push(rest.id());
            rest.expect(" ");
            let style = rest.while_is(|char| char.is_ascii_alphanumeric() || ":#,- ".contains(char));
            assert!(style.split(',').all(|one| one.split_once(':').is_some()), "{style:?}");
            rest.ends();
        } else if rest.takes("linkStyle ") {
            loop {
                let link: usize = rest.while_is(|char| char.is_ascii_digit()).parse().expect("a number");
                assert!(link < seen.edges.len(), "there is no link {link}");
                if !rest.takes(",") {
                    break;
                }
            }
            rest.expect(" ");
            let style = rest.while_is(|char| char.is_ascii_alphanumeric() || ":#,-".contains(char));
            assert!(style.split(',').all(|one| one.split_once(':').is_some()), "{style:?}");
            rest.ends();
        } else if rest.takes("class ") {
            loop {
                let id = rest.id();
                assert!(seen.nodes.iter().chain(&seen.frames).any(|(one, _)| *one == id), "{id} is nowhere");
                if !rest.takes(",") {
                    break;
                }
            }
            rest.expect(" ");
            assert!(classes.contains(&rest.id()));
            rest.ends();
        } else {
            statement(rest, &open, &mut seen);
        }
    }
    assert!(open.is_empty(), "something is not ended");
    seen.checked()
}

/// A node or an edge.
fn statement(mut rest: Rest<'_>, open: &[String], seen: &mut Seen) {
    let id = rest.id();
    for (begin, end) in [("([", "])"), ("[[", "]]"), ("{{", "}}"), ("[", "]")] {
        if rest.takes(begin) {
            let label = label(&mut rest);
            rest.expect(end);
            rest.ends();
            return seen.nodes.push((id, label));
        }
    }
    rest.expect(" ");
    let arrows = ["--> ", "-.-> ", "-. any of .-> ", "-. on failure .-> "];
    assert!(arrows.iter().any(|arrow| rest.takes(arrow)), "expected an arrow before {:?}", rest.0);
    let to = rest.id();
    rest.ends();
    for end in [&id, &to] {
        assert!(!open.contains(end), "an edge leads from {id} to {to}, and {end} is around it");
    }
    assert!(id != to || seen.nodes.iter().any(|(one, _)| *one == id), "{id} is open, and leads to itself");
    seen.edges.push((id, to));
}

fn label(rest: &mut Rest<'_>) -> String {
    rest.expect("\"");
    let mut label = String::new();
    loop {
        if rest.takes("\"") {
            assert!(!label.is_empty());
            return label;
        }
        if rest.takes("<br/>") {
            label.push('\n');
        } else if rest.takes("#") {
            let number: u32 = rest.while_is(|char| char.is_ascii_digit()).parse().expect("a number");
            rest.expect(";");
            let char = char::from_u32(number).expect("a character");
            // Mermaid would end a line there, so a joiner keeps the two apart.
            assert!(char != '\\' || !rest.0.starts_with('n'));
            label.extend(Some(char).filter(|char| *char != '\u{2060}'));
        } else {
            let char = rest.char();
            assert!(char.is_alphanumeric() || " .,:_-".contains(char), "{char:?} is not escaped");
            // Mermaid cuts `style …:…#…;` short, wherever it stands.
            assert!(char != ':' || rest.0.starts_with(' '), "{char:?} is not escaped");
            label.push(char);
        }
    }
}
