//! Halves of surrogate pairs, which no JSON reader takes.

use super::Frame;

/// A text of JSON, mended where it has half a surrogate pair: U+FFFD stands there then.
pub(super) fn mended(text: &str) -> Option<String> {
    if !has_surrogates(text) {
        return None;
    }
    let places = lone(text);
    (!places.is_empty()).then(|| written(text, &places, &mut |_, _| Half::Lost))
}

/// Halves of surrogate pairs. Servers that cut a text anywhere put one at the end of a piece and the other at the
/// beginning of the next.
///
/// A frame with a first half at the end of a text is held until the next one comes, which has the second or not. Some
/// servers send empty pieces in between: those wait behind it.
#[derive(Default)]
pub(super) struct Halves {
    held: Option<Whole>,
    empty: Vec<Whole>,
}

/// No more empty pieces than these come between two halves.
const BETWEEN: usize = 8;

/// A frame of which a part had to be written anew.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    event: String,
    data: String,
    /// Where first halves at the end of a text were taken out.
    places: Vec<(usize, u16)>,
}

impl Whole {
    pub(super) fn frame(&self) -> Frame<'_> {
        Frame { event: self.event.as_str().into(), data: self.data.as_str().into() }
    }

    /// Its halves have no other, but for so many of them.
    fn without(mut self, found: usize) -> Self {
        for (place, _) in self.places.drain(..).skip(found).rev() {
            self.data.insert(place, '\u{fffd}');
        }
        self
    }
}

impl Halves {
    /// Whether a frame can be read as it is, and no other comes before it. That is the common case.
    pub(super) fn have_no_part_in(&self, frame: &Frame<'_>) -> bool {
        self.held.is_none() && !has_surrogates(&frame.data)
    }

    /// The frames that are to be read now, since this one came.
    pub(super) fn take(&mut self, frame: &Frame<'_>) -> Vec<Whole> {
        let places = lone(&frame.data);
        let event = frame.event.to_string();
        let is_empty = places.is_empty() && frame.data.contains("\"\"");
        if self.held.is_some() && is_empty && self.empty.len() < BETWEEN {
            self.empty.push(Whole { event, data: frame.data.to_string(), places: Vec::new() });
            return Vec::new();
        }
        let firsts = self.held.as_ref().map_or(&[][..], |held| &held.places);
        let (mut seconds, mut waiting) = (0, Vec::new());
        let data = written(&frame.data, &places, &mut |half, written| match (half.unit, firsts.get(seconds)) {
            (0xdc00.., Some((_, first))) if half.begins => {
                seconds += 1;
                Half::Found(*first)
            }
            (..0xdc00, _) if half.ends => {
                waiting.push((written, half.unit));
                Half::Waits
            }
            _ => Half::Lost,
        });
        let mut ready = self.let_go(seconds);
        let now = Whole { event, data, places: waiting };
        match now.places.is_empty() {
            true => ready.push(now),
            false => self.held = Some(now),
        }
        ready
    }

    /// The frames that are held, when no other comes.
    pub(super) fn rest(&mut self) -> Vec<Whole> {
        self.let_go(0)
    }

    fn let_go(&mut self, found: usize) -> Vec<Whole> {
        let mut ready: Vec<_> = self.held.take().into_iter().map(|held| held.without(found)).collect();
        ready.append(&mut self.empty);
        ready
    }
}

/// A half that has no other beside it.
#[derive(Clone, Copy)]
struct Lone {
    place: usize,
    unit: u16,
    /// Whether it stands at the beginning, or at the end, of a text.
    begins: bool,
    ends: bool,
}

enum Half {
    /// Its first half.
    Found(u16),
    Waits,
    Lost,
}

/// The text with other halves. `decide` is told where in the new text a half would stand.
fn written(text: &str, places: &[Lone], decide: &mut dyn FnMut(Lone, usize) -> Half) -> String {
    let (mut written, mut done) = (String::with_capacity(text.len()), 0);
    for half in places {
        written.push_str(&text[done..half.place]);
        done = half.place + 6;
        match decide(*half, written.len()) {
            Half::Found(first) => written.push_str(&format!("\\u{first:04x}\\u{:04x}", half.unit)),
            Half::Waits => {}
            Half::Lost => written.push('\u{fffd}'),
        }
    }
    written.push_str(&text[done..]);
    written
}

/// Whether any surrogate is written as such. The common case is none.
fn has_surrogates(text: &str) -> bool {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'\\', bytes).any(|at| matches!(bytes.get(at + 1..at + 3), Some(b"ud" | b"uD")))
}

/// Where halves stand that have no other beside them.
fn lone(text: &str) -> Vec<Lone> {
    let bytes = text.as_bytes();
    let unit = |at: usize| {
        let escape = bytes.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&escape[2..]).ok()?, 16).ok()
    };
    let (mut places, mut at) = (Vec::new(), 0);
    while let Some(offset) = bytes.get(at..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        at += offset;
        at += match unit(at) {
            Some(0xd800..0xdc00) if matches!(unit(at + 6), Some(0xdc00..0xe000)) => 12,
            Some(half @ 0xd800..0xe000) => {
                let begins = at > 0 && bytes[at - 1] == b'"' && (at < 2 || bytes[at - 2] != b'\\');
                let ends = bytes.get(at + 6) == Some(&b'"');
                places.push(Lone { place: at, unit: half, begins, ends });
                6
            }
            Some(_) => 6,
            None => 2,
        };
    }
    places
}

#[cfg(test)]
mod tests;
