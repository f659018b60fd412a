//! [`aligned`]: a value, brought into the shape of a type.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
    Visitor,
};
use serde_json::Value;

use crate::json::path::is_short_identifier;
use crate::lenient::{Repair, RepairKind};
use crate::schema::scalar::{number_in, truth_in};
use crate::schema::words::{named, plain_key};

/// A value as a type, which says by itself what it wants: what is brought into its shape is what a schema would bring.
pub(crate) fn aligned<T: DeserializeOwned>(value: &Value) -> Result<(T, Vec<Repair>), Unaligned> {
    let log = RefCell::new(Vec::new());
    let output = T::deserialize(Aligned { value, path: String::new(), log: &log })?;
    Ok((output, log.into_inner()))
}

/// It fits in no way.
#[derive(Debug)]
pub(crate) struct Unaligned;

impl fmt::Display for Unaligned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it does not fit")
    }
}

impl std::error::Error for Unaligned {}

impl serde::de::Error for Unaligned {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

#[derive(Clone)]
struct Aligned<'a> {
    value: &'a Value,
    path: String,
    log: &'a RefCell<Vec<Repair>>,
}

impl<'a> Aligned<'a> {
    fn repaired(&self, kind: RepairKind) {
        self.log.borrow_mut().push(Repair { kind, byte: None, path: self.path.clone() });
    }

    fn element(&self, index: usize, value: &'a Value) -> Self {
        Self { value, path: format!("{}[{index}]", self.path), log: self.log }
    }

    fn member(&self, key: &str, value: &'a Value) -> Self {
        let point = if self.path.is_empty() { "" } else { "." };
        let key = if is_short_identifier(key) { key } else { "…" };
        Self { value, path: format!("{}{point}{key}", self.path), log: self.log }
    }

    /// The element of a list of one.
    fn only(&self) -> Option<Self> {
        let Value::Array(list) = self.value else { return None };
        let [only] = list.as_slice() else { return None };
        (!only.is_array()).then(|| {
            self.repaired(RepairKind::OneFromList);
            self.element(0, only)
        })
    }

    /// The number that is wanted, in the type that serde asks for.
    fn number<'de, V: Visitor<'de>>(self, visitor: V, is_whole: bool) -> Result<V::Value, Unaligned> {
        if let Some(only) = self.only() {
            return only.number(visitor, is_whole);
        }
        let number = match self.value {
            Value::Number(number) => number.clone(),
            Value::String(text) => {
                let number = number_in(text).ok_or(Unaligned)?;
                self.repaired(RepairKind::NumberFromText);
                number
            }
            _ => return Err(Unaligned),
        };
        let float = number.as_f64().filter(|float| is_whole && number.is_f64() && float.fract() == 0.0);
        match float {
            Some(float) if float.abs() < 9_007_199_254_740_992.0 => {
                self.repaired(RepairKind::WholeNumber);
                visitor.visit_i64(float as i64)
            }
            Some(_) => Err(Unaligned),
            None => number.deserialize_any(visitor).map_err(|_| Unaligned),
        }
    }

    fn text<'de, V: Visitor<'de>>(self, visitor: V, (): ()) -> Result<V::Value, Unaligned> {
        match self.value {
            Value::String(text) => visitor.visit_str(text),
            Value::Number(_) | Value::Bool(_) => {
                self.repaired(RepairKind::TextFromValue);
                visitor.visit_string(self.value.to_string())
            }
            _ => self.only().ok_or(Unaligned)?.text(visitor, ()),
        }
    }
}

macro_rules! by {
    ($($method:ident)* => $how:ident $argument:tt) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unaligned> {
            self.$how(visitor, $argument)
        }
    )*};
}

impl<'de> Deserializer<'de> for Aligned<'_> {
    type Error = Unaligned;

    by!(deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 => number true);
    by!(deserialize_f32 deserialize_f64 => number false);
    by!(deserialize_str deserialize_string deserialize_char => text ());

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unaligned> {
        // What may be anything is what it is.
        self.value.clone().deserialize_any(visitor).map_err(|_| Unaligned)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unaligned> {
        let found = match self.value {
            Value::Bool(found) => return visitor.visit_bool(*found),
            Value::Number(number) if number.as_f64() == Some(1.0) => true,
            Value::Number(number) if number.as_f64() == Some(0.0) => false,
            Value::String(text) => truth_in(text).ok_or(Unaligned)?,
            _ => return self.only().ok_or(Unaligned)?.deserialize_bool(visitor),
        };
        self.repaired(RepairKind::BoolFromValue);
        visitor.visit_bool(found)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unaligned> {
        if self.value.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Unaligned> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unaligned> {
        let list = match self.value {
            Value::Array(list) => list.as_slice(),
            Value::Null => return Err(Unaligned),
            Value::String(text) => match serde_json::from_str(text) {
                Ok(inner @ Value::Array(_)) => {
                    self.repaired(RepairKind::JsonInText);
                    return Aligned { value: &inner, path: self.path, log: self.log }.deserialize_seq(visitor);
                }
                _ => {
                    self.repaired(RepairKind::ListFromOne);
                    std::slice::from_ref(self.value)
                }
            },
            _ => {
                self.repaired(RepairKind::ListFromOne);
                std::slice::from_ref(self.value)
            }
        };
        visitor.visit_seq(Elements { parent: &self, list, index: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Unaligned> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Unaligned> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Unaligned> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unaligned> {
        match self.value {
            Value::Object(object) => {
                let members = object.iter().map(|(key, value)| {
                    let field = field(key, fields, object);
                    if field != key {
                        self.member(field, value).repaired(RepairKind::Key);
                    }
                    (field, value)
                });
                let members = members.collect::<Vec<_>>().into_iter();
                visitor.visit_map(Members { parent: &self, members, value: None })
            }
            Value::String(text) => match serde_json::from_str(text) {
                Ok(inner @ Value::Object(_)) => {
                    self.repaired(RepairKind::JsonInText);
                    let inner = Aligned { value: &inner, path: self.path, log: self.log };
                    inner.deserialize_struct(name, fields, visitor)
                }
                _ => Err(Unaligned),
            },
            _ => self.only().ok_or(Unaligned)?.deserialize_struct(name, fields, visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unaligned> {
        let variant = |text: &str| named(text, variants.iter().map(|name| (*name, *name))).ok_or(Unaligned);
        match self.value {
            Value::String(text) => {
                let variant = variant(text)?;
                if variant != text {
                    self.repaired(RepairKind::Choice);
                }
                visitor.visit_enum(Variant { variant, content: None })
            }
            Value::Object(object) if object.len() == 1 => {
                let (key, value) = object.iter().next().ok_or(Unaligned)?;
                let variant = variant(key)?;
                if variant != key {
                    self.repaired(RepairKind::Choice);
                }
                visitor.visit_enum(Variant { variant, content: Some(self.member(variant, value)) })
            }
            _ => self.only().ok_or(Unaligned)?.deserialize_enum(name, variants, visitor),
        }
    }

    serde::forward_to_deserialize_any! { bytes byte_buf unit unit_struct identifier ignored_any }
}

/// The field that a key stands for: itself, or one that differs in letters and signs alone and is not there itself.
fn field<'k>(key: &'k str, fields: &'static [&'static str], object: &serde_json::Map<String, Value>) -> &'k str {
    if fields.contains(&key) {
        return key;
    }
    let wanted = plain_key(key);
    let mut like = fields.iter().filter(|name| plain_key(name) == wanted && !object.contains_key(**name));
    match (like.next(), like.next()) {
        (Some(name), None) => name,
        _ => key,
    }
}

struct Elements<'a, 'p> {
    parent: &'p Aligned<'a>,
    list: &'p [Value],
    index: usize,
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = Unaligned;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unaligned> {
        let Some(value) = self.list.get(self.index) else { return Ok(None) };
        let path = format!("{}[{}]", self.parent.path, self.index);
        self.index += 1;
        seed.deserialize(Aligned { value, path, log: self.parent.log }).map(Some)
    }
}

struct Members<'a, 'p, I> {
    parent: &'p Aligned<'a>,
    members: I,
    value: Option<(&'a str, &'a Value)>,
}

impl<'de, 'a, I: Iterator<Item = (&'a str, &'a Value)>> MapAccess<'de> for Members<'a, '_, I> {
    type Error = Unaligned;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Unaligned> {
        self.value = self.members.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let key: StrDeserializer<'_, Unaligned> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Unaligned> {
        let (key, value) = self.value.take().ok_or(Unaligned)?;
        seed.deserialize(self.parent.member(key, value))
    }
}

struct Variant<'a> {
    variant: &'static str,
    content: Option<Aligned<'a>>,
}

impl<'de, 'a> EnumAccess<'de> for Variant<'a> {
    type Error = Unaligned;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Unaligned> {
        let name: StrDeserializer<'_, Unaligned> = self.variant.into_deserializer();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Unaligned;

    fn unit_variant(self) -> Result<(), Unaligned> {
        match self.content {
            None => Ok(()),
            Some(content) if content.value.is_null() => Ok(()),
            Some(_) => Err(Unaligned),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Unaligned> {
        seed.deserialize(self.content.ok_or(Unaligned)?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Unaligned> {
        self.content.ok_or(Unaligned)?.deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unaligned> {
        self.content.ok_or(Unaligned)?.deserialize_struct("", fields, visitor)
    }
}

#[cfg(test)]
mod tests;
