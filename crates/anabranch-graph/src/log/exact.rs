//! [`exact`]: JSON from which the same value can be read again, or an error.

use std::fmt;

use anabranch_core::{Error, ErrorKind};
use serde::ser::{self, Serialize, Serializer};
use serde_json::{Map, Value, value};

/// The JSON of a value. What JSON cannot tell apart is an error, where `serde_json` writes something else for it:
/// numbers that are none or infinite, `Some` of nothing, two keys of a map with the same text.
pub(crate) fn exact<T: Serialize + ?Sized>(value: &T) -> Result<Value, Lossy> {
    value.serialize(Exact)
}

/// What cannot be kept, and where. It shows names of fields and variants, and no value.
#[derive(Debug)]
pub(crate) struct Lossy {
    /// From the inside out.
    path: Vec<String>,
    what: What,
}

#[derive(Debug)]
enum What {
    Said(&'static str),
    /// A `Serialize` fails. What it says may show a value.
    Failed,
}

impl Lossy {
    fn new(what: &'static str) -> Self {
        Self { path: Vec::new(), what: What::Said(what) }
    }

    fn below(mut self, name: impl Into<String>) -> Self {
        self.path.push(name.into());
        self
    }
}

impl fmt::Display for Lossy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut path = String::new();
        for name in self.path.iter().rev() {
            if !path.is_empty() && !name.starts_with('[') {
                path.push('.');
            }
            path.push_str(name);
        }
        let place = if path.is_empty() { "it".to_owned() } else { format!("`{path}`") };
        match &self.what {
            What::Said(what) => write!(f, "{place} {what}"),
            What::Failed => write!(f, "the `Serialize` of {place} fails"),
        }
    }
}

impl std::error::Error for Lossy {}

impl ser::Error for Lossy {
    fn custom<T: fmt::Display>(_message: T) -> Self {
        Self { path: Vec::new(), what: What::Failed }
    }
}

impl Lossy {
    pub(crate) fn error(self, of: &str) -> Error {
        let message = format!("{of} cannot be kept: {self}");
        Error::new(ErrorKind::InvalidInput, message).with_source(self)
    }
}

const NO_NUMBER: &str = "is NaN or infinite, and JSON has no such number: check it first, or make it an `Option`";
const SOME_OF_NOTHING: &str =
    "is `Some` of what is `null` in JSON, which is read as `None`: say it by an enum with a name for each case";
const TOO_LARGE: &str = "is a number of more than 64 bits: make it a text";
const SAME_KEYS: &str = "has two keys that are the same text in JSON: give them different ones";
const NO_KEY: &str = "has a key that is no text in JSON: make it a list of pairs";

struct Exact;

macro_rules! as_they_are {
    ($($method:ident: $ty:ty),*) => {
        $(fn $method(self, value: $ty) -> Result<Value, Lossy> {
            Ok(Value::from(value))
        })*
    };
}

fn number<F: Into<Value>>(value: F, is_finite: bool) -> Result<Value, Lossy> {
    if is_finite { Ok(value.into()) } else { Err(Lossy::new(NO_NUMBER)) }
}

impl Serializer for Exact {
    type Ok = Value;
    type Error = Lossy;
    type SerializeSeq = List;
    type SerializeTuple = List;
    type SerializeTupleStruct = List;
    type SerializeTupleVariant = List;
    type SerializeMap = Object;
    type SerializeStruct = Object;
    type SerializeStructVariant = Object;

    as_they_are! {
        serialize_bool: bool, serialize_i8: i8, serialize_i16: i16, serialize_i32: i32, serialize_i64: i64,
        serialize_u8: u8, serialize_u16: u16, serialize_u32: u32, serialize_u64: u64, serialize_str: &str,
        serialize_bytes: &[u8]
    }

    fn serialize_i128(self, value: i128) -> Result<Value, Lossy> {
        serde_json::to_value(value).map_err(|_| Lossy::new(TOO_LARGE))
    }

    fn serialize_u128(self, value: u128) -> Result<Value, Lossy> {
        serde_json::to_value(value).map_err(|_| Lossy::new(TOO_LARGE))
    }

    fn serialize_f32(self, value: f32) -> Result<Value, Lossy> {
        number(value, value.is_finite())
    }

    fn serialize_f64(self, value: f64) -> Result<Value, Lossy> {
        number(value, value.is_finite())
    }

    fn serialize_char(self, value: char) -> Result<Value, Lossy> {
        Ok(Value::String(value.to_string()))
    }

    fn serialize_none(self) -> Result<Value, Lossy> {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Value, Lossy> {
        match exact(value)? {
            Value::Null => Err(Lossy::new(SOME_OF_NOTHING)),
            value => Ok(value),
        }
    }

    fn serialize_unit(self) -> Result<Value, Lossy> {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, _name: &'static str) -> Result<Value, Lossy> {
        Ok(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<Value, Lossy> {
        Ok(Value::from(variant))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Value, Lossy> {
        exact(value)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<Value, Lossy> {
        Ok(under(Some(variant), exact(value).map_err(|lossy| lossy.below(variant))?))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<List, Lossy> {
        Ok(List { values: Vec::with_capacity(length.unwrap_or_default().min(4096)), variant: None })
    }

    fn serialize_tuple(self, length: usize) -> Result<List, Lossy> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<List, Lossy> {
        self.serialize_seq(Some(length))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        length: usize,
    ) -> Result<List, Lossy> {
        Ok(List { variant: Some(variant), ..self.serialize_seq(Some(length))? })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object, Lossy> {
        Ok(Object::new(None))
    }

    fn serialize_struct(self, name: &'static str, length: usize) -> Result<Object, Lossy> {
        let mut object = Object::new(None);
        // Numbers of any length and raw JSON, which only `serde_json` can write.
        if name.starts_with("$serde_json::private::") {
            object.own = Some(failing(value::Serializer.serialize_struct(name, length))?);
        }
        Ok(object)
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object, Lossy> {
        Ok(Object::new(Some(variant)))
    }
}

fn failing<T>(result: serde_json::Result<T>) -> Result<T, Lossy> {
    result.map_err(ser::Error::custom)
}

fn under(variant: Option<&str>, value: Value) -> Value {
    match variant {
        Some(variant) => Value::Object(Map::from_iter([(variant.to_owned(), value)])),
        None => value,
    }
}

fn in_variant(variant: Option<&str>, lossy: Lossy) -> Lossy {
    match variant {
        Some(variant) => lossy.below(variant),
        None => lossy,
    }
}

struct List {
    values: Vec<Value>,
    variant: Option<&'static str>,
}

impl List {
    fn push<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Lossy> {
        let place = self.values.len();
        let value = exact(value).map_err(|lossy| in_variant(self.variant, lossy.below(format!("[{place}]"))))?;
        self.values.push(value);
        Ok(())
    }

    fn into_value(self) -> Value {
        under(self.variant, Value::Array(self.values))
    }
}

macro_rules! list {
    ($($of:ident $method:ident),*) => {
        $(impl ser::$of for List {
            type Ok = Value;
            type Error = Lossy;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Lossy> {
                self.push(value)
            }

            fn end(self) -> Result<Value, Lossy> {
                Ok(self.into_value())
            }
        })*
    };
}

list!(SerializeSeq serialize_element, SerializeTuple serialize_element);
list!(SerializeTupleStruct serialize_field, SerializeTupleVariant serialize_field);

struct Object {
    values: Map<String, Value>,
    variant: Option<&'static str>,
    key: Option<String>,
    /// What `serde_json` makes of a struct of its own.
    own: Option<<value::Serializer as Serializer>::SerializeStruct>,
}

impl Object {
    fn new(variant: Option<&'static str>) -> Self {
        Self { values: Map::new(), variant, key: None, own: None }
    }

    fn put<T: Serialize + ?Sized>(&mut self, key: String, shown: &str, value: &T) -> Result<(), Lossy> {
        let value = exact(value).map_err(|lossy| in_variant(self.variant, lossy.below(shown)))?;
        match self.values.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(in_variant(self.variant, Lossy::new(SAME_KEYS))),
        }
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Lossy> {
        match &mut self.own {
            Some(own) => failing(ser::SerializeStruct::serialize_field(own, key, value)),
            None => self.put(key.to_owned(), key, value),
        }
    }

    fn into_value(self) -> Result<Value, Lossy> {
        match self.own {
            Some(own) => failing(ser::SerializeStruct::end(own)),
            None => Ok(under(self.variant, Value::Object(self.values))),
        }
    }
}

impl ser::SerializeMap for Object {
    type Ok = Value;
    type Error = Lossy;

    /// As `serde_json` writes it: numbers, truth values and characters are texts there, and can be read again.
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Lossy> {
        if let Ok(Value::String(key)) = exact(key) {
            self.key = Some(key);
            return Ok(());
        }
        let mut one = failing(value::Serializer.serialize_map(Some(1)))?;
        let entry = ser::SerializeMap::serialize_entry(&mut one, key, &()).and_then(|()| ser::SerializeMap::end(one));
        let key = match entry {
            Ok(Value::Object(entry)) => entry.into_iter().next().map(|(key, _)| key),
            _ => None,
        };
        self.key = Some(key.ok_or_else(|| Lossy::new(NO_KEY))?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Lossy> {
        let key = self.key.take().ok_or_else(|| Lossy::new("has a value without a key"))?;
        // A key may be what a person said.
        self.put(key, "[…]", value)
    }

    fn end(self) -> Result<Value, Lossy> {
        self.into_value()
    }
}

macro_rules! object {
    ($($of:ident),*) => {
        $(impl ser::$of for Object {
            type Ok = Value;
            type Error = Lossy;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Lossy> {
                self.field(key, value)
            }

            fn end(self) -> Result<Value, Lossy> {
                self.into_value()
            }
        })*
    };
}

object!(SerializeStruct, SerializeStructVariant);
