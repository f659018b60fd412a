//! Values, lists and objects of what is almost JSON.

use serde_json::map::Entry;
use serde_json::{Map, Value};

use super::{Lenient, RepairKind, Unrepaired, scan};
use crate::json::fault::JsonFault;

type Result<T> = std::result::Result<T, Unrepaired>;

impl Lenient<'_> {
    /// A value; nothing where the text, or what holds it, ends before one.
    pub(super) fn value(&mut self) -> Result<Option<Value>> {
        self.skip();
        let Some(byte) = self.byte() else { return Ok(None) };
        match byte {
            b'{' => self.nested(byte, Self::object).map(Some),
            b'[' => self.nested(byte, Self::list).map(Some),
            b'(' if !self.open.is_empty() || scan::next(self.bytes(), self.at + 1).1.is_some() => {
                self.repaired(RepairKind::List);
                self.nested(byte, Self::list).map(Some)
            }
            b'"' | b'\'' | b'`' => self.quoted_value(),
            b'\\' if matches!(self.bytes().get(self.at + 1), Some(b'"' | b'\'')) => self.quoted_value(),
            b',' | b'}' | b']' | b')' => Ok(None),
            _ if self.text[self.at..].starts_with(super::PRINTED) => self.quoted_value(),
            _ => self.bare_value(),
        }
    }

    fn nested(&mut self, bracket: u8, read: fn(&mut Self) -> Result<Value>) -> Result<Value> {
        if self.open.len() >= self.max_depth {
            return Err(Unrepaired::Broken(JsonFault::TooDeep, self.at));
        }
        self.at += 1;
        self.open.push(bracket);
        let value = read(self);
        self.open.pop();
        value
    }

    /// At the end of the text, inside a list or an object.
    fn closed_by_the_end(&mut self) {
        self.repaired(RepairKind::MissingCloser);
    }

    fn list(&mut self) -> Result<Value> {
        let is_tuple = self.open.last() == Some(&b'(');
        let (mut list, mut commas, mut is_due) = (Vec::new(), 0, false);
        loop {
            self.skip();
            let before = self.at;
            match self.byte() {
                Some(b']') if !is_tuple => {
                    self.at += 1;
                    break;
                }
                Some(b')') if is_tuple => {
                    self.at += 1;
                    break;
                }
                Some(b',') => {
                    self.at += 1;
                    commas += 1;
                    if !is_due {
                        self.repaired_at(RepairKind::ExtraComma, before);
                    }
                    is_due = false;
                    let (next, after) = scan::next(self.bytes(), self.at);
                    if matches!(after, Some(b']' | b')')) && next >= self.at && !is_tuple {
                        self.repaired_at(RepairKind::ExtraComma, before);
                    }
                    continue;
                }
                // A bracket that closes what is around the list closes the list, too.
                Some(b'}') if self.open.contains(&b'{') && !self.is_stray_in_list() => {
                    self.closed_by_the_end();
                    break;
                }
                Some(b'}' | b']' | b')') => {
                    self.repaired(RepairKind::ExtraCloser);
                    self.at += 1;
                    continue;
                }
                _ if self.at >= self.text.len() => {
                    self.closed_by_the_end();
                    break;
                }
                _ if scan::is_fence(self.bytes(), self.at) && !self.fence_is_a_text() => {
                    self.closed_by_the_end();
                    break;
                }
                _ => {}
            }
            if is_due {
                self.repaired(RepairKind::MissingComma);
            }
            if scan::is_key(self.bytes(), self.at) && matches!(self.byte(), Some(b'"' | b'\'' | b'`')) {
                self.repaired(RepairKind::Member);
                self.open.push(b'{');
                let object = self.members(Map::new(), true);
                self.open.pop();
                list.push(object?);
            } else {
                match self.value()? {
                    Some(value) => list.push(value),
                    None if self.is_at_end() => continue,
                    None => return Err(Unrepaired::Broken(JsonFault::ExpectedValue, self.at)),
                }
            }
            is_due = true;
            if self.at == before {
                return Err(Unrepaired::Broken(JsonFault::ExpectedValue, self.at));
            }
        }
        // Parentheses around one value are only parentheses.
        match list.pop() {
            Some(only) if is_tuple && commas == 0 && list.is_empty() => Ok(only),
            last => {
                list.extend(last);
                Ok(Value::Array(list))
            }
        }
    }

    /// A brace behind a complete element, with another element behind it, closes nothing.
    fn is_stray_in_list(&self) -> bool {
        let (comma, found) = scan::next(self.bytes(), self.at + 1);
        found == Some(b',') && matches!(scan::next(self.bytes(), comma + 1).1, Some(b'{' | b'['))
    }

    fn object(&mut self) -> Result<Value> {
        if self.is_set() {
            self.repaired(RepairKind::List);
            return self.set();
        }
        self.members(Map::new(), false)
    }

    /// Members up to the end of the object. Where they stand in a list without braces, they end with it.
    pub(super) fn members(&mut self, mut object: Map<String, Value>, in_list: bool) -> Result<Value> {
        let mut is_due = !object.is_empty();
        loop {
            self.skip();
            let before = self.at;
            match self.byte() {
                Some(b'}') => {
                    self.at += 1;
                    break;
                }
                Some(b',') => {
                    self.at += 1;
                    if !is_due || scan::next(self.bytes(), self.at).1 == Some(b'}') {
                        self.repaired_at(RepairKind::ExtraComma, before);
                    }
                    is_due = false;
                    continue;
                }
                Some(b']') if in_list => break,
                Some(b']') if self.open.contains(&b'[') => {
                    self.closed_by_the_end();
                    break;
                }
                Some(b']' | b')') => {
                    self.repaired(RepairKind::ExtraCloser);
                    self.at += 1;
                    continue;
                }
                _ if self.is_at_end() => {
                    self.closed_by_the_end();
                    break;
                }
                _ => {}
            }
            if is_due {
                self.repaired(RepairKind::MissingComma);
            }
            let Some(key) = self.key()? else {
                self.closed_by_the_end();
                break;
            };
            match self.value()? {
                Some(value) => self.place(&mut object, key, value)?,
                // Nothing was said of it before the text ended.
                None if self.is_at_end() => {
                    self.repaired(RepairKind::KeyWithoutValue);
                    continue;
                }
                None => return Err(Unrepaired::Broken(JsonFault::ExpectedValue, self.at)),
            }
            is_due = true;
            if self.at == before {
                return Err(Unrepaired::Broken(JsonFault::ExpectedKey, self.at));
            }
        }
        Ok(Value::Object(object))
    }

    fn place(&mut self, object: &mut Map<String, Value>, key: String, value: Value) -> Result<()> {
        match object.entry(key) {
            Entry::Vacant(place) => drop(place.insert(value)),
            // The same again is nothing new, and nothing is lost.
            Entry::Occupied(there) if *there.get() == value => {}
            Entry::Occupied(_) => return Err(Unrepaired::Broken(JsonFault::DuplicateKey, self.at)),
        }
        Ok(())
    }

    /// Whether braces hold texts alone, with commas between them.
    fn is_set(&self) -> bool {
        let bytes = self.bytes();
        let (at, quote) = scan::next(bytes, self.at);
        let Some(quote) = quote.filter(|byte| matches!(byte, b'"' | b'\'')) else { return false };
        let Some(length) = bytes[at + 1..].iter().position(|byte| *byte == quote) else { return false };
        if bytes[at + 1..at + 1 + length].contains(&b'\\') {
            return false;
        }
        let (comma, found) = scan::next(bytes, at + length + 2);
        found == Some(b',')
            && matches!(scan::next(bytes, comma + 1).1, Some(b'"' | b'\''))
            && !scan::is_key(bytes, comma + 1)
    }

    fn set(&mut self) -> Result<Value> {
        let mut list = Vec::new();
        loop {
            self.skip();
            match self.byte() {
                Some(b'}') => {
                    self.at += 1;
                    return Ok(Value::Array(list));
                }
                Some(b',') => self.at += 1,
                Some(b'"' | b'\'') => {
                    self.open.push(b'[');
                    let value = self.value();
                    self.open.pop();
                    list.extend(value?);
                }
                _ => return Err(Unrepaired::Broken(JsonFault::ExpectedColon, self.at)),
            }
        }
    }
}
