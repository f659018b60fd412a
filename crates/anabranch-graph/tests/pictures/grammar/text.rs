//! Plain text: a node a line.

use super::{Rest, indented};

/// A line: how deep it is, the name, the words behind it, and what follows.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) depth: usize,
    /// Whether it comes after the one above it.
    pub(crate) is_next: bool,
    pub(crate) name: String,
    pub(crate) notes: Vec<String>,
    pub(crate) targets: Vec<String>,
    pub(crate) mark: Option<String>,
}

pub(crate) fn text(picture: &str) -> Vec<Line> {
    assert!(picture.ends_with('\n'));
    assert!(!picture.contains(|char: char| char.is_control() && char != '\n'));
    let mut lines: Vec<Line> = Vec::new();
    for line in picture.strip_suffix('\n').unwrap().split('\n') {
        let depth = (line.len() - line.trim_start_matches(' ').len()) / 2;
        assert!(depth <= lines.last().map_or(0, |before| before.depth + 1), "{line:?} is inside of nothing");
        let mut rest = indented(line, depth, "  ");
        let is_next = rest.takes("| ");
        let name = name(&mut rest);
        let mut notes = Vec::new();
        if rest.takes(" (") {
            loop {
                notes.push(rest.while_is(|char| char.is_ascii_lowercase() || char == '_').to_owned());
                if !rest.takes(", ") {
                    break;
                }
            }
            rest.expect(")");
        }
        let mut targets = Vec::new();
        if rest.takes(" -> ") {
            loop {
                let _ = rest.takes("one of ") || rest.takes("any of ") || rest.takes("on failure ");
                targets.push(self::name(&mut rest));
                if !rest.takes(", ") && !rest.takes("; ") {
                    break;
                }
            }
        }
        let mut mark = None;
        if rest.takes(" [") {
            mark = Some(rest.while_is(|char| char.is_alphanumeric() || " .,:".contains(char)).to_owned());
            rest.expect("]");
        }
        rest.ends();
        lines.push(Line { depth, is_next, name, notes, targets, mark });
    }
    lines
}

fn name(rest: &mut Rest<'_>) -> String {
    if rest.takes("\"") {
        let name = quoted(rest);
        rest.takes("…");
        return name;
    }
    // What may stand behind a name begins with a space and a sign.
    let all = rest.0;
    let signs = [" (", " -> ", " [", ", ", "; "].map(|sign| all.find(sign).unwrap_or(all.len()));
    let end = signs.into_iter().min().unwrap_or(all.len());
    let (name, behind) = all.split_at(end);
    rest.0 = behind;
    assert!(!name.is_empty() && name.trim() == name);
    assert!(!name.contains(['"', '\\', '(', ')', '[', ']', ',', ';', '<', '>', '|']), "{name:?} is not quoted");
    name.to_owned()
}

/// As Rust writes it.
fn quoted(rest: &mut Rest<'_>) -> String {
    let mut name = String::new();
    loop {
        match rest.char() {
            '"' => return name,
            '\\' => name.push(match rest.char() {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                char @ ('"' | '\\') => char,
                'u' => {
                    rest.expect("{");
                    let number = rest.while_is(|char| char.is_ascii_hexdigit());
                    rest.expect("}");
                    char::from_u32(u32::from_str_radix(number, 16).unwrap()).unwrap()
                }
                char => panic!("\\{char} is none of ours"),
            }),
            char => name.push(char),
        }
    }
}
