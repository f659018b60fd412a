//! From text to nodes.

use super::{Node, Path};
use crate::format::is_name;
use crate::template_error::{TemplateError, TemplateErrorKind as Kind};

const EXPECTED: &str = "a variable is a plain name in double braces such as `{{topic}}` or `{{place.city}}`, a section is \
                        `{{#name}}…{{/name}}` or `{{^name}}…{{/name}}`";

/// How deep sections may nest.
const DEPTH: usize = 100;

/// A section that is open: where it began, and what stood before it.
struct Open {
    place: usize,
    path: Path,
    inverted: bool,
    before: Vec<Node>,
}

pub(super) fn parse(source: &str) -> Result<Vec<Node>, TemplateError> {
    let problem = |place, kind, what: &'static str| TemplateError::new(source, place, kind, what, EXPECTED);
    let mut nodes = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    let mut at = 0;
    while let Some(found) = source[at..].find("{{") {
        let place = at + found;
        let triple = source[place..].starts_with("{{{");
        let (begin, end) = if triple { ("{{{", "}}}") } else { ("{{", "}}") };
        let inside = &source[place + begin.len()..];
        let Some(length) = inside.find(end) else {
            return Err(problem(place, Kind::Unclosed, "a tag that is not closed"));
        };
        let tag = &inside[..length];
        let after = place + begin.len() + length + end.len();
        let sign = if triple { None } else { tag.chars().next().filter(|c| !c.is_whitespace() && !is_in_name(*c)) };
        let text = &source[at..place];
        // The line of a tag that gives nothing is no line of the text.
        let alone = matches!(sign, Some('#' | '^' | '/' | '!')).then(|| alone(source, place, after)).flatten();
        let (text, next) = match alone {
            Some(next) => (text.trim_end_matches([' ', '\t']), next),
            None => (text, after),
        };
        if !text.is_empty() {
            nodes.push(Node::Text(text.to_string()));
        }
        let name = |skipped: usize| {
            path(&tag[skipped..])
                .map_err(|(offset, what)| problem(place + begin.len() + skipped + offset, Kind::InvalidName, what))
        };
        match sign {
            None => nodes.push(Node::Value(place, name(0)?)),
            Some('&') => nodes.push(Node::Value(place, name(1)?)),
            Some('!') => {}
            Some(sign @ ('#' | '^')) => {
                if open.len() == DEPTH {
                    return Err(problem(place, Kind::TooComplex, "sections that nest too deep"));
                }
                let before = std::mem::take(&mut nodes);
                open.push(Open { place, path: name(1)?, inverted: sign == '^', before });
            }
            Some('/') => {
                let path = name(1)?;
                let Some(section) = open.pop() else {
                    return Err(problem(place, Kind::Unopened, "the end of a section that was not begun"));
                };
                if section.path != path {
                    return Err(problem(place, Kind::Unopened, "the end of another section than the one that is open"));
                }
                let body = std::mem::replace(&mut nodes, section.before);
                nodes.push(Node::Section { path, inverted: section.inverted, body });
            }
            Some('>' | '<' | '$') => {
                return Err(problem(place, Kind::LoadsTemplate, "another template, which a prompt cannot load"));
            }
            Some('=') => return Err(problem(place, Kind::Syntax, "other delimiters than `{{` and `}}`")),
            Some(_) => {
                let (offset, what) = path(tag).err().unwrap_or((0, "a tag that is none"));
                return Err(problem(place + begin.len() + offset, Kind::InvalidName, what));
            }
        }
        at = next;
    }
    if let Some(section) = open.pop() {
        return Err(problem(section.place, Kind::Unclosed, "a section without its end"));
    }
    if at < source.len() {
        nodes.push(Node::Text(source[at..].to_string()));
    }
    Ok(nodes)
}

fn is_in_name(c: char) -> bool {
    c == '_' || c == '.' || c.is_alphanumeric()
}

/// A path, or where it stops being one and why.
fn path(text: &str) -> Result<Path, (usize, &'static str)> {
    let name = text.trim();
    let start = text.len() - text.trim_start().len();
    if name == "." {
        return Ok(Path(Vec::new()));
    }
    if name.is_empty() {
        return Err((0, "a tag without a name"));
    }
    let mut offset = start;
    let mut names = Vec::new();
    for part in name.split('.') {
        if !is_name(part) {
            let bad =
                part.char_indices().find(|(at, c)| !(*c == '_' || c.is_alphabetic() || *at > 0 && c.is_alphanumeric()));
            let (at, what) = match bad {
                None => (0, "a path with an empty name"),
                Some((at, '"' | '\'')) => (at, "a quote in a name"),
                Some((at, c)) if c.is_whitespace() => (at, "white space in a name"),
                Some((at, c)) if c.is_numeric() => (at, "a name that begins with a digit"),
                Some((at, _)) => (at, "a character that cannot be in a name"),
            };
            return Err((offset + at, what));
        }
        offset += part.len() + 1;
        names.push(part.to_string());
    }
    Ok(Path(names))
}

/// Where the text goes on behind a tag that has a line for itself; `None` where other things stand on it.
fn alone(source: &str, place: usize, after: usize) -> Option<usize> {
    // Only the white space before it is looked at: a long line with many tags is not read again for each of them.
    let before = source[..place].trim_end_matches([' ', '\t']);
    let rest = source[after..].trim_start_matches([' ', '\t']);
    let end = source.len() - rest.len();
    if !before.is_empty() && !before.ends_with('\n') {
        return None;
    }
    match rest {
        "" => Some(end),
        _ if rest.starts_with('\n') => Some(end + 1),
        _ if rest.starts_with("\r\n") => Some(end + 2),
        _ => None,
    }
}
