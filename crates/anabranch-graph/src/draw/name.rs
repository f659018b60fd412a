//! How names are shown: on one line, in one direction, not endlessly, and so that they can be told from what stands
//! around them. A name may be anything.

/// How many characters of a name are shown.
const LONGEST: usize = 80;

/// A name as it is shown, before the language around it escapes what it has to.
pub(super) fn shown(name: &str) -> String {
    let mut out = String::new();
    let mut chars = name.chars();
    for char in chars.by_ref().take(LONGEST) {
        if is_wild(char) {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    if chars.next().is_some() {
        out.push('…');
    }
    if out.trim().is_empty() { "(no name)".to_owned() } else { out }
}

/// A name in plain text: as it is, if it is plain; else in quotation marks.
pub(crate) fn bare_or_quoted(name: &str) -> String {
    let is_plain = |char: char| {
        char.is_ascii_alphanumeric()
            || matches!(char, ' ' | '_' | '-' | '.' | ':' | '/' | '+' | '@' | '=')
            || (!char.is_ascii() && !char.is_whitespace() && !is_wild(char) && char != '…')
    };
    let is_bare = !name.is_empty()
        && name.chars().all(is_plain)
        && name.chars().count() <= LONGEST
        && name.trim() == name
        && !RESERVED.iter().any(|word| name.starts_with(word));
    if is_bare {
        return name.to_owned();
    }
    let mut out = String::from('"');
    let mut chars = name.chars();
    for char in chars.by_ref().take(LONGEST) {
        match char {
            '"' | '\\' => out.extend(['\\', char]),
            char if is_wild(char) => out.extend(char.escape_default()),
            char => out.push(char),
        }
    }
    out.push('"');
    if chars.next().is_some() {
        out.push('…');
    }
    out
}

/// How what stands between names begins.
const RESERVED: [&str; 3] = ["one of ", "any of ", "on failure "];

/// What would break a line, turn its direction, or not be seen.
fn is_wild(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}
