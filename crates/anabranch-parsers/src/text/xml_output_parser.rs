//! [`XmlOutputParser`]: XML as a tree.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Value, json};

use crate::json::MAX_DEPTH;
use crate::output_parser::parser_of_words;
use crate::parse_error::{ParseError, ParseErrorKind};

/// Takes the one XML element out of an answer, in a fence or among words, as JSON: an element is an object with its name
/// as the key, and what is in it as the value: a text, a list of elements, or null where it is empty.
///
/// ```
/// use anabranch_parsers::XmlOutputParser;
/// use serde_json::json;
///
/// let parser = XmlOutputParser::new();
/// let tree = parser.parse("```xml\n<rivers><river>Weser</river><river/></rivers>\n```")?;
/// assert_eq!(tree, json!({"rivers": [{"river": "Weser"}, {"river": null}]}));
/// # Ok::<(), anabranch_core::Error>(())
/// ```
///
/// A tag in the middle of a line that nothing ends is a word, and so are those that have no end in HTML, such as `<br>`.
///
/// Attributes and text between elements have no place in that, so they are an error and not left out. So are document
/// types and entities of one's own, whatever they would grow to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct XmlOutputParser;

/// An element that is open.
struct Open {
    name: String,
    elements: Vec<Value>,
    text: String,
}

impl XmlOutputParser {
    /// A parser for any XML.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }

    fn read(&self, text: &str) -> Result<Value, ParseError> {
        let mut candidates = Candidates { text, at: 0, ends: None };
        let mut has_tag = false;
        while let Some(start) = candidates.next() {
            has_tag = true;
            let Some((element, end)) = self.element(text, start)? else { continue };
            candidates.at = end;
            // Another element would be another document.
            for start in candidates {
                if !matches!(self.element(text, start), Ok(None)) {
                    let message = "the answer has several XML documents where one is wanted";
                    return Err(ParseError::new(ParseErrorKind::Several(2), message));
                }
            }
            return Ok(element);
        }
        Err(nothing(has_tag || candidates.ends.is_some()))
    }

    /// The element that begins at a byte of a text, and where it ends. Nothing where it is a tag in words.
    fn element(self, text: &str, start: usize) -> Result<Option<(Value, usize)>, ParseError> {
        let mut reader = Reader::from_str(&text[start..]);
        let mut open: Vec<Open> = Vec::new();
        let mut tags = 0;
        loop {
            let at = |reader: &Reader<&[u8]>| start + usize::try_from(reader.error_position()).unwrap_or(0);
            let wrong = |words: &str, byte| ParseError::new(ParseErrorKind::Xml, words).at(text, byte);
            let event = reader.read_event().map_err(|_| wrong("the answer is no valid XML", at(&reader)))?;
            let place = start + usize::try_from(reader.buffer_position()).unwrap_or(0);
            let done = match event {
                Event::Start(_) if open.len() >= MAX_DEPTH => return Err(wrong("the XML is nested too deeply", place)),
                Event::Start(element) => {
                    tags += 1;
                    open.push(Open::of(&element).map_err(|words| wrong(words, place))?);
                    None
                }
                Event::Empty(element) => {
                    tags += 1;
                    Some(Open::of(&element).map_err(|words| wrong(words, place))?)
                }
                Event::End(_) => open.pop(),
                Event::Text(words) => {
                    let words = words.decode().map_err(|_| wrong("the XML has a text that is none", place))?;
                    add(&mut open, &words);
                    None
                }
                Event::CData(words) => {
                    add(&mut open, &String::from_utf8_lossy(&words));
                    None
                }
                Event::GeneralRef(entity) => {
                    let name = String::from_utf8_lossy(&entity).into_owned();
                    let c = match entity.resolve_char_ref() {
                        Ok(Some(c)) => Some(c.to_string()),
                        _ => quick_xml::escape::resolve_predefined_entity(&name).map(str::to_string),
                    };
                    let c = c.ok_or_else(|| wrong("the XML has an entity that is not one of XML's own", place))?;
                    add(&mut open, &c);
                    None
                }
                Event::DocType(_) => return Err(wrong("the XML has a document type, which is refused", place)),
                Event::Eof if tags == 0 && !text[start..].starts_with("<?xml") => return Err(nothing(false)),
                // Of one that begins a line, or holds others, the end may have been cut off.
                Event::Eof if tags == 1 && !begins_line(text, start) => return Ok(None),
                Event::Eof => {
                    let error = ParseError::new(ParseErrorKind::Truncated, "the XML in the answer is truncated");
                    return Err(error.at(text, text.len()));
                }
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => None,
            };
            let Some(done) = done else { continue };
            let element = done.into_value().map_err(|words| wrong(words, place))?;
            match open.last_mut() {
                Some(parent) => parent.elements.push(element),
                None => return Ok(Some((element, place))),
            }
        }
    }
}

/// The elements of HTML that have no end.
const VOID: [&str; 6] = ["br", "hr", "img", "input", "link", "wbr"];

/// Where in a text an element may begin.
struct Candidates<'a> {
    text: &'a str,
    at: usize,
    /// Where the last end of each of the elements stands that have none in HTML, once that is asked for.
    ends: Option<[Option<usize>; VOID.len()]>,
}

impl Iterator for Candidates<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        loop {
            let start = self.at + begin(&self.text[self.at..])?;
            self.at = start + 1;
            let rest = &self.text[start + 1..];
            let name = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len())];
            let Some(place) = VOID.iter().position(|void| void.eq_ignore_ascii_case(name)) else { return Some(start) };
            // `<br/>` on a line of its own is an element.
            let is_closed = rest.find(['>', '<']).is_some_and(|end| rest[..=end].ends_with("/>"));
            let ends = self.ends.get_or_insert_with(|| VOID.map(|name| self.text.rfind(&format!("</{name}"))));
            if (is_closed && begins_line(self.text, start)) || ends[place].is_some_and(|end| end > start) {
                return Some(start);
            }
        }
    }
}

fn nothing(has_tags: bool) -> ParseError {
    let message = match has_tags {
        true => "the answer has no XML but tags among words, which nothing ends",
        false => "the answer has no XML",
    };
    ParseError::new(ParseErrorKind::Missing, message)
}

fn begins_line(text: &str, at: usize) -> bool {
    text[..at].rsplit('\n').next().is_none_or(|before| before.trim().is_empty())
}

fn add(open: &mut [Open], words: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(words);
    }
}

impl Open {
    fn of(element: &BytesStart<'_>) -> Result<Self, &'static str> {
        if element.attributes().next().is_some() {
            return Err("an element has attributes, which have no place in the tree");
        }
        let name = String::from_utf8_lossy(element.name().as_ref()).into_owned();
        Ok(Self { name, elements: Vec::new(), text: String::new() })
    }

    fn into_value(self) -> Result<Value, &'static str> {
        let text = self.text.trim();
        let value = match (self.elements.is_empty(), text.is_empty()) {
            (true, true) => Value::Null,
            (true, false) => text.into(),
            (false, true) => self.elements.into(),
            (false, false) => return Err("an element has text between its elements, which has no place in the tree"),
        };
        Ok(json!({ self.name: value }))
    }
}

/// Where the first element, or what stands before it, begins.
fn begin(text: &str) -> Option<usize> {
    let begins = |rest: &str| {
        let mut chars = rest.chars().skip(1);
        match chars.next() {
            Some('?') => rest.starts_with("<?xml"),
            Some('!') => rest.starts_with("<!DOCTYPE") || rest.starts_with("<!--"),
            Some(c) => c.is_alphabetic() || c == '_',
            None => false,
        }
    };
    text.match_indices('<').map(|(at, _)| at).find(|at| begins(&text[*at..]))
}

parser_of_words!(impl for XmlOutputParser => Value, "XmlOutputParser", |_| {
    "Answer with one XML element and nothing else, without attributes.".to_string()
});
