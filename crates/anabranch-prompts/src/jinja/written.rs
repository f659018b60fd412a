//! How values are written: text as it is, everything else as compact JSON, as in the other languages.

use std::borrow::Cow;
use std::fmt::{self, Write};

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Output, State, Value};

use super::room::{DEPTH, Full, Room};
use super::stand_in::StandIn;

/// What an expression in the text gives.
pub(super) fn write_value(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        return Ok(output.write_str(text)?);
    }
    if let Some(stand_in) = StandIn::of(value) {
        return Ok(write!(output, "{stand_in}")?);
    }
    match value.kind() {
        ValueKind::Undefined => Ok(()),
        ValueKind::Number if value.is_integer() => Ok(write!(output, "{value}")?),
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => {
            // Where nothing is made, there is nothing larger than what was given.
            let left = Room::of(state).ok().map_or(usize::MAX, |room| room.largest());
            Json { out: output, left }.value(value, 0)
        }
        _ => Json { out: output, left: usize::MAX }.value(value, 0),
    }
}

/// The same where text is kept in values, all of which is counted.
pub(super) fn write_counted(output: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_undefined() {
        return Ok(());
    }
    let text = text(value, state)?;
    Room::of(state)?.write(text.len())?;
    Ok(output.write_str(&text)?)
}

/// A value as text.
pub(super) fn text<'a>(value: &'a Value, state: &State<'_, '_>) -> Result<Cow<'a, str>, Error> {
    if let Some(text) = value.as_str() {
        return Ok(text.into());
    }
    if value.is_integer() {
        return Ok(value.to_string().into());
    }
    if let Some(stand_in) = StandIn::of(value) {
        return Ok(stand_in.to_string().into());
    }
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    let mut text = String::new();
    Json { out: &mut text, left: Room::of(state)?.largest() }.value(value, 0)?;
    Ok(text.into())
}

/// Writes JSON, as much as there may be.
struct Json<'a, W> {
    out: &'a mut W,
    left: usize,
}

impl<W: Put> Json<'_, W> {
    fn put(&mut self, text: &str) -> Result<(), Error> {
        self.left = self.left.checked_sub(text.len()).ok_or(Full::Value)?;
        Ok(self.out.put(text)?)
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > DEPTH {
            return Err(Full::Value.into());
        }
        match value.kind() {
            ValueKind::Map => {
                self.put("{")?;
                for (index, key) in value.try_iter()?.enumerate() {
                    if index > 0 {
                        self.put(",")?;
                    }
                    match key.as_str() {
                        Some(key) => self.scalar(key)?,
                        None => self.scalar(key.to_string())?,
                    }
                    self.put(":")?;
                    self.value(&value.get_item(&key)?, depth + 1)?;
                }
                self.put("}")
            }
            ValueKind::Seq | ValueKind::Iterable if StandIn::of(value).is_none() => {
                self.put("[")?;
                for (index, element) in value.try_iter()?.enumerate() {
                    if index > 0 {
                        self.put(",")?;
                    }
                    self.value(&element, depth + 1)?;
                }
                self.put("]")
            }
            ValueKind::Seq | ValueKind::Iterable | ValueKind::Plain => self.put(&value.to_string()),
            ValueKind::Number if value.is_integer() => self.put(&value.to_string()),
            ValueKind::Undefined => self.put("null"),
            ValueKind::Invalid => Err(ErrorKind::BadSerialization.into()),
            _ => self.scalar(value),
        }
    }

    fn scalar(&mut self, value: impl serde::Serialize) -> Result<(), Error> {
        let json = serde_json::to_string(&value).map_err(|_| Error::from(ErrorKind::BadSerialization))?;
        self.put(&json)
    }
}

/// Where text goes.
pub(super) trait Put {
    fn put(&mut self, text: &str) -> fmt::Result;
}

impl Put for String {
    fn put(&mut self, text: &str) -> fmt::Result {
        self.write_str(text)
    }
}

impl Put for Output<'_> {
    fn put(&mut self, text: &str) -> fmt::Result {
        self.write_str(text)
    }
}
