//! A value that a type reads exactly, or that says what the type does not take of it: numbers that a float does not hold
//! (integers that it would round, and what is too large for it), and what is of another kind.
//!
//! serde turns an integer into an `f64` without a word, also one that has more digits than it holds, and a number that is
//! too large for an `f32` into infinity.

use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer, MapDeserializer, SeqDeserializer};
use serde::de::{DeserializeOwned, Deserializer, Error, Expected, IntoDeserializer, Unexpected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Number, Value};

use super::place::Thing;

/// Where a type would take a number of this value for a float that does not hold it.
pub(super) fn rounded<T: DeserializeOwned>(value: &Value) -> Option<serde_path_to_error::Path> {
    if !has_large_number(value) {
        return None;
    }
    let error = serde_path_to_error::deserialize::<_, T>(Exact(value)).err()?;
    if let Failed::Rounded = error.inner() { Some(error.path().clone()) } else { None }
}

/// What a type does not take of a value, if it is one thing of a value of JSON.
pub(super) fn refused<T: DeserializeOwned>(value: &Value) -> Option<Thing> {
    match T::deserialize(Exact(value)) {
        Err(Failed::Of(thing)) => Some(thing),
        _ => None,
    }
}

fn has_large_number(value: &Value) -> bool {
    match value {
        // An `f32` is the smaller of the two.
        Value::Number(number) => !is_held(number, f32::MANTISSA_DIGITS, f32::MAX.into()),
        Value::Array(elements) => elements.iter().any(has_large_number),
        Value::Object(fields) => fields.values().any(has_large_number),
        Value::Null | Value::Bool(_) | Value::String(_) => false,
    }
}

fn is_integer(number: &Number) -> bool {
    number.is_i64() || number.is_u64()
}

/// Whether a float of so many bits, and up to this, holds a number as well as a float can.
fn is_held(number: &Number, bits: u32, most: f64) -> bool {
    if is_integer(number) { is_exact(number, bits) } else { number.as_f64().is_some_and(|float| float.abs() <= most) }
}

/// Whether a float with so many bits holds an integer.
fn is_exact(number: &Number, bits: u32) -> bool {
    let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs)).unwrap_or(0);
    let used = u64::BITS - magnitude.leading_zeros();
    used.saturating_sub(magnitude.trailing_zeros()) <= bits
}

/// A value that is no float where it would be rounded.
struct Exact<'a>(&'a Value);

/// Why a value is no `T`.
#[derive(Debug)]
enum Failed {
    Rounded,
    Of(Thing),
    Otherwise,
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rounded => "a number that a float does not hold",
            Self::Of(_) | Self::Otherwise => "it does not fit",
        })
    }
}

impl std::error::Error for Failed {}

impl Error for Failed {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Otherwise
    }

    fn invalid_type(what: Unexpected<'_>, _: &dyn Expected) -> Self {
        Thing::of(what).map_or(Self::Otherwise, Self::Of)
    }

    fn invalid_value(what: Unexpected<'_>, _: &dyn Expected) -> Self {
        Thing::of(what).map_or(Self::Otherwise, Self::Of)
    }

    fn unknown_variant(name: &str, _: &'static [&'static str]) -> Self {
        Self::Of(Thing::text(name))
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self::Of(Thing::text(name))
    }
}

impl<'de> IntoDeserializer<'de, Failed> for Exact<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'a> Exact<'a> {
    fn float<V: Visitor<'a>>(self, visitor: V, bits: u32, most: f64) -> Result<V::Value, Failed> {
        match self.0 {
            Value::Number(number) if !is_held(number, bits, most) => Err(Failed::Rounded),
            _ => self.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for Exact<'de> {
    type Error = Failed;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(number), _) => visitor.visit_u64(number),
                (None, Some(number)) => visitor.visit_i64(number),
                (None, None) => visitor.visit_f64(number.as_f64().unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(elements) => visitor.visit_seq(SeqDeserializer::new(elements.iter().map(Exact))),
            Value::Object(fields) => visitor.visit_map(fields_of(fields)),
        }
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.float(visitor, f64::MANTISSA_DIGITS, f64::MAX)
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        self.float(visitor, f32::MANTISSA_DIGITS, f32::MAX.into())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(BorrowedStrDeserializer::new(name)),
            Value::Object(fields) => {
                MapAccessDeserializer::new(fields_of(fields)).deserialize_enum(name, variants, visitor)
            }
            _ => Err(Failed::Otherwise),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

fn fields_of(
    fields: &serde_json::Map<String, Value>,
) -> MapDeserializer<'_, impl Iterator<Item = (Key<'_>, Exact<'_>)>, Failed> {
    MapDeserializer::new(fields.iter().map(|(key, value)| (Key(key), Exact(value))))
}

/// A key, which may be the text of a number.
struct Key<'a>(&'a str);

impl<'de> IntoDeserializer<'de, Failed> for Key<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

macro_rules! parsed {
    ($($method:ident $visit:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
            match self.0.parse() {
                Ok(value) => visitor.$visit(value),
                Err(_) => visitor.visit_borrowed_str(self.0),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Failed;

    parsed! {
        deserialize_bool visit_bool
        deserialize_i8 visit_i8 deserialize_i16 visit_i16 deserialize_i32 visit_i32 deserialize_i64 visit_i64
        deserialize_u8 visit_u8 deserialize_u16 visit_u16 deserialize_u32 visit_u32 deserialize_u64 visit_u64
        deserialize_i128 visit_i128 deserialize_u128 visit_u128 deserialize_f32 visit_f32 deserialize_f64 visit_f64
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_borrowed_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failed> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failed> {
        visitor.visit_enum(BorrowedStrDeserializer::new(self.0))
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code)]
    enum Measure {
        None,
        Whole(u64),
        Float(f64),
        Pair { one: Option<f32>, other: f64 },
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Row {
        id: u64,
        measures: Vec<Measure>,
        #[serde(default)]
        by_number: BTreeMap<u32, f64>,
    }

    fn place<T: DeserializeOwned>(value: Value) -> Option<String> {
        rounded::<T>(&value).map(|path| path.to_string())
    }

    #[test]
    fn only_a_float_rounds() {
        let large = 9_007_199_254_740_993_u64;
        assert_eq!(place::<f64>(json!(large)).as_deref(), Some("."));
        assert_eq!(place::<f64>(json!(large - 1)), None);
        assert_eq!(place::<f64>(json!(u64::MAX)).as_deref(), Some("."));
        assert_eq!(place::<f64>(json!(1_u64 << 63)), None, "a power of two has one bit");
        assert_eq!(place::<f64>(json!(i64::MIN + 1)).as_deref(), Some("."));
        assert_eq!(place::<u64>(json!(large)), None);
        assert_eq!(place::<Value>(json!([large])), None);
        assert_eq!(place::<f32>(json!(1e300)).as_deref(), Some("."));
        assert_eq!((place::<f64>(json!(1e300)), place::<f32>(json!(0.1))), (None, None));
        let row = |measure: Value| json!({"id": large, "measures": ["None", {"Whole": large}, measure]});
        assert_eq!(place::<Row>(row(json!({"Float": 0.5}))), None);
        assert_eq!(place::<Row>(row(json!({"Float": large}))).as_deref(), Some("measures[2].Float"));
        let mut by_number = row(json!("None"));
        by_number["by_number"] = json!({"7": 1, "8": large});
        assert_eq!(place::<Row>(by_number).as_deref(), Some("by_number.8"));
        let pair = json!({"Pair": {"one": 16_777_217, "other": 1}});
        assert_eq!(place::<Row>(row(pair)).as_deref(), Some("measures[2].Pair.one"));
    }
}
