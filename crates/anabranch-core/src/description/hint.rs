//! How names stand in messages, and which one was probably meant.
//!
//! Names come from templates, but from objects as well, and those may be a model's words: 100,000 keys, a key of a
//! megabyte, a key that is a sentence or turns the direction of the line. So only short plain names are shown, only some
//! of them, and a suggestion costs no more than it may.

use std::borrow::Cow;

/// How many names are shown; the rest is counted.
const SHOWN: usize = 20;

/// How many names are looked at for the one that was meant.
const CANDIDATES: usize = 1_000;

/// How many characters a name has at most that is shown or compared.
const LONGEST: usize = 64;

/// How many characters of a step's name are shown. It is the program's own and may be a sentence.
const LONGEST_STEP: usize = 200;

/// Whether a name may be shown: letters, digits, `_`, `-` and `.`, and not many of them.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && is_short(name) && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'))
}

fn is_short(name: &str) -> bool {
    // Characters have at most four bytes each, so a long name is not read to its end.
    name.len() <= 4 * LONGEST && name.chars().count() <= LONGEST
}

/// `` `a`, `b` and `c` ``; of many, and of those that are no plain names, how many there are.
pub fn listed<S: AsRef<str>>(names: &[S]) -> String {
    let plain = names.iter().map(AsRef::as_ref).filter(|name| is_plain(name));
    let mut items: Vec<_> = plain.take(SHOWN).map(|name| format!("`{name}`")).collect();
    match (names.len() - items.len(), items.is_empty()) {
        (0, _) => {}
        (1, true) => items.push("1 name not shown".into()),
        (rest, true) => items.push(format!("{} names not shown", thousands(rest))),
        (rest, false) => items.push(format!("{} more", thousands(rest))),
    }
    match items.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

/// [`listed`], or these words where there is nothing to list.
pub fn listed_or<S: AsRef<str>>(names: &[S], none: &str) -> String {
    if names.is_empty() { none.to_string() } else { listed(names) }
}

/// The name that was probably meant: the nearest by edit distance, if it is near. What was wanted may be any short text;
/// whoever shows it sees to that.
pub fn closest<'a, S: AsRef<str>>(wanted: &str, there: &'a [S]) -> Option<&'a str> {
    if !is_short(wanted) {
        return None;
    }
    let folded = Folded::new(wanted);
    there
        .iter()
        .take(CANDIDATES)
        .map(AsRef::as_ref)
        .filter(|name| is_plain(name))
        .filter_map(|name| folded.near(&Folded::new(name)).map(|distance| (distance, name)))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// ``did you mean `topic` for `tpoic`?``, for as many of the missing names as are shown.
pub fn did_you_mean<S: AsRef<str>, T: AsRef<str>>(missing: &[S], there: &[T]) -> Option<String> {
    let missing = missing.iter().map(AsRef::as_ref).filter(|name| is_plain(name)).take(SHOWN);
    let meant: Vec<_> =
        missing.filter_map(|name| closest(name, there).map(|there| format!("`{there}` for `{name}`"))).collect();
    (!meant.is_empty()).then(|| format!("did you mean {}?", meant.join(", ")))
}

/// `["a", "b"]`, as it is written in a program; `[...]` where not all of it can be shown.
pub(super) fn as_array<S: AsRef<str>>(names: &[S]) -> String {
    if names.len() > SHOWN || !names.iter().all(|name| is_plain(name.as_ref())) {
        return "[...]".into();
    }
    let quoted: Vec<_> = names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    format!("[{}]", quoted.join(", "))
}

/// The name of a step on one line and in one direction.
pub(super) fn tame(name: &str) -> Cow<'_, str> {
    let wild = |c: char| {
        c.is_control()
            || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let long = name.len() > LONGEST_STEP && name.chars().count() > LONGEST_STEP;
    if !long && !name.contains(wild) {
        return Cow::Borrowed(name);
    }
    let mut tamed: String = name.chars().take(LONGEST_STEP).map(|c| if wild(c) { ' ' } else { c }).collect();
    if long {
        tamed.push('…');
    }
    Cow::Owned(tamed)
}

/// `99,980`.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A plain name to be compared without regard to case.
struct Folded {
    /// How long the name itself is.
    length: usize,
    chars: Vec<char>,
}

impl Folded {
    fn new(name: &str) -> Self {
        Self { length: name.chars().count(), chars: name.to_lowercase().chars().collect() }
    }

    /// Levenshtein distance, if it is small beside the length of the names.
    fn near(&self, other: &Self) -> Option<usize> {
        let length = self.length.max(other.length);
        let limit = if length < 3 { 0 } else { length.div_ceil(3) };
        if self.chars.len().abs_diff(other.chars.len()) > limit {
            return None;
        }
        let mut row: Vec<usize> = (0..=other.chars.len()).collect();
        for (i, from) in self.chars.iter().enumerate() {
            let mut diagonal = row[0];
            row[0] = i + 1;
            let mut least = row[0];
            for (j, to) in other.chars.iter().enumerate() {
                let substituted = diagonal + usize::from(from != to);
                diagonal = row[j + 1];
                row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
                least = least.min(row[j + 1]);
            }
            // It only grows from here.
            if least > limit {
                return None;
            }
        }
        row.last().copied().filter(|distance| *distance <= limit)
    }
}
