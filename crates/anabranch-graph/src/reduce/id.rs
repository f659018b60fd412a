//! The id of a list's element, whatever its type, as it shows when it is serialized.

use std::fmt::Error;

use serde::Serialize;
use serde::ser::{Impossible, SerializeMap, SerializeStruct, Serializer};
use serde_json::{Number, Value};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Id {
    Text(String),
    Number(Number),
}

/// The id of this element, if it has one.
pub(crate) fn of(element: &(impl Serialize + ?Sized)) -> Option<Id> {
    element.serialize(Top).unwrap_or(None)
}

fn of_value(value: Value) -> Option<Id> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(Id::Text(text)),
        Value::Number(number) => Some(Id::Number(number)),
        _ => None,
    }
}

/// Looks at the entries of an object and leaves out all others, so that a long text costs nothing.
struct Top;

#[derive(Default)]
struct Found {
    id: Option<Id>,
    in_metadata: Option<Id>,
    key: Option<String>,
}

impl Found {
    fn see(&mut self, key: &str, value: &(impl Serialize + ?Sized)) {
        match key {
            "id" => self.id = serde_json::to_value(value).ok().and_then(of_value),
            "metadata" => self.in_metadata = of(value),
            _ => {}
        }
    }
}

impl SerializeStruct for Found {
    type Ok = Option<Id>;
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Error> {
        self.see(key, value);
        Ok(())
    }

    fn end(self) -> Result<Option<Id>, Error> {
        Ok(self.id.or(self.in_metadata))
    }
}

impl SerializeMap for Found {
    type Ok = Option<Id>;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = match serde_json::to_value(key) {
            Ok(Value::String(key)) => Some(key),
            _ => None,
        };
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        if let Some(key) = self.key.take() {
            self.see(&key, value);
        }
        Ok(())
    }

    fn end(self) -> Result<Option<Id>, Error> {
        Ok(self.id.or(self.in_metadata))
    }
}

macro_rules! without_id {
    ($($method:ident($type:ty)),* $(,)?) => {
        $(fn $method(self, _value: $type) -> Result<Option<Id>, Error> {
            Ok(None)
        })*
    };
}

impl Serializer for Top {
    type Ok = Option<Id>;
    type Error = Error;
    type SerializeSeq = Impossible<Option<Id>, Error>;
    type SerializeTuple = Impossible<Option<Id>, Error>;
    type SerializeTupleStruct = Impossible<Option<Id>, Error>;
    type SerializeTupleVariant = Impossible<Option<Id>, Error>;
    type SerializeMap = Found;
    type SerializeStruct = Found;
    type SerializeStructVariant = Impossible<Option<Id>, Error>;

    without_id! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_none(self) -> Result<Option<Id>, Error> {
        Ok(None)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Option<Id>, Error> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<Option<Id>, Error> {
        Ok(None)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<Option<Id>, Error> {
        Ok(None)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<Option<Id>, Error> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<Option<Id>, Error> {
        // An object with one entry, named as the variant.
        Ok(None)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Error> {
        Err(Error)
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Error> {
        Err(Error)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Error> {
        Err(Error)
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(Error)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Found, Error> {
        Ok(Found::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Found, Error> {
        Ok(Found::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(Error)
    }
}
