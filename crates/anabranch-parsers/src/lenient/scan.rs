//! Looking ahead in a text that is almost JSON.

use crate::work::looked_at;

/// How far ahead is looked to see what a quote or a comma means.
const AHEAD: usize = 512;

/// The next byte that is neither white space nor in a comment, and where.
pub(super) fn next(bytes: &[u8], from: usize) -> (usize, Option<u8>) {
    let found = ahead(bytes, from);
    looked_at(1 + found.0 - from.min(found.0));
    found
}

fn ahead(bytes: &[u8], mut at: usize) -> (usize, Option<u8>) {
    let end = bytes.len().min(at.saturating_add(AHEAD));
    loop {
        while at < end && bytes[at].is_ascii_whitespace() {
            at += 1;
        }
        match comment(&bytes[at.min(end)..end]) {
            Some(length) => at += length,
            None => return (at, bytes.get(at).copied()),
        }
        if at >= bytes.len() {
            return (bytes.len(), None);
        }
    }
}

/// The length of the comment that a text begins with.
pub(super) fn comment(bytes: &[u8]) -> Option<usize> {
    let to_end_of_line = || bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len());
    match bytes {
        [b'/', b'/', ..] | [b'#', ..] => Some(to_end_of_line()),
        [b'/', b'*', rest @ ..] => {
            Some(rest.windows(2).position(|pair| pair == b"*/").map_or(bytes.len(), |end| end + 4))
        }
        _ => None,
    }
}

/// Whether a key and its colon stand here: in quotes, or a word.
pub(super) fn is_key(bytes: &[u8], at: usize) -> bool {
    key(bytes, at) == Some(true)
}

/// [`is_key`]; nothing where the text ends before that is known.
pub(super) fn key(bytes: &[u8], at: usize) -> Option<bool> {
    let (at, first) = next(bytes, at);
    let end = bytes.len().min(at.saturating_add(AHEAD));
    let after = match first {
        Some(quote @ (b'"' | b'\'' | b'`')) => {
            // A quote twice, with something behind it, is one quote.
            let is_doubled =
                bytes.get(at + 1) == Some(&quote) && bytes.get(at + 2).is_some_and(u8::is_ascii_alphanumeric);
            let mut place = at + 1 + usize::from(is_doubled);
            loop {
                match bytes.get(place) {
                    None => return None,
                    Some(b'\n') => return Some(false),
                    Some(b'\\') => place += 2,
                    Some(byte) if *byte == quote => break,
                    Some(_) if place >= end => return Some(false),
                    Some(_) => place += 1,
                }
            }
            place + 1 + usize::from(is_doubled && bytes.get(place + 1) == Some(&quote))
        }
        Some(byte) if byte.is_ascii_digit() => {
            at + bytes[at..end].iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count()
        }
        Some(byte) if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 0x80 => {
            let is_part =
                |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ') || *byte >= 0x80;
            let length = bytes[at..end].iter().take_while(|byte| is_part(byte)).count();
            if bytes[at..at + length].iter().filter(|byte| **byte == b' ').count() > 2 {
                return Some(false);
            }
            at + length
        }
        None => return None,
        _ => return Some(false),
    };
    looked_at(after - at);
    let (colon, found) = next(bytes, after);
    // Of `https://` the colon makes no key.
    Some(found? == b':' && !bytes[colon + 1..].starts_with(b"//"))
}

/// Whether nothing but white space stands before on this line.
pub(super) fn begins_line(bytes: &[u8], at: usize) -> bool {
    let before = bytes[..at].iter().rev().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    before.is_none_or(|byte| *byte == b'\n')
}

/// Whether nothing but white space stands behind on this line.
pub(super) fn ends_line(bytes: &[u8], at: usize) -> bool {
    let after = bytes[at..].iter().find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'));
    after.is_none_or(|byte| *byte == b'\n')
}

/// Whether a fence stands here.
pub(super) fn is_fence(bytes: &[u8], at: usize) -> bool {
    bytes[at.min(bytes.len())..].starts_with(b"```")
}
