//! What a type asks for: the names of the variants of an enum, or a list.

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};

/// The names of the variants of an enum, as serde knows them. None for other types.
pub(crate) fn variants<T: DeserializeOwned>() -> &'static [&'static str] {
    match T::deserialize(Probe { looks_through: false }) {
        Err(Asked::Enum(variants)) => variants,
        _ => &[],
    }
}

/// Whether a type asks for a list and nothing else, be it optional or in a struct of its own.
pub(crate) fn is_list<T: DeserializeOwned>() -> bool {
    matches!(T::deserialize(Probe { looks_through: true }), Err(Asked::List))
}

/// It gives no value, and says what it was asked for.
struct Probe {
    /// Whether what may be missing, or is a struct around one value, is asked what is in it.
    looks_through: bool,
}

#[derive(Debug)]
enum Asked {
    Enum(&'static [&'static str]),
    List,
    Other,
}

impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no value is here")
    }
}

impl std::error::Error for Asked {}

impl Error for Asked {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Other
    }
}

impl<'de> Deserializer<'de> for Probe {
    type Error = Asked;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked::Other)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        variants: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Asked> {
        Err(Asked::Enum(variants))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Asked> {
        Err(Asked::List)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Asked> {
        Err(Asked::List)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, _: V) -> Result<V::Value, Asked> {
        Err(Asked::List)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Asked> {
        if self.looks_through { visitor.visit_some(self) } else { Err(Asked::Other) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Asked> {
        if self.looks_through { visitor.visit_newtype_struct(self) } else { Err(Asked::Other) }
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct map struct
        identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::Value;

    use super::*;

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Whole(Option<Vec<u8>>);

    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Fields {
        list: Vec<u8>,
    }

    #[test]
    fn types_say_whether_they_are_lists() {
        assert!(is_list::<Vec<u8>>() && is_list::<(u8, u8)>() && is_list::<[u8; 2]>() && is_list::<Whole>());
        assert!(!is_list::<Value>() && !is_list::<u8>() && !is_list::<Fields>() && !is_list::<Option<String>>());
        assert_eq!(variants::<Result<u8, u8>>(), ["Ok", "Err"]);
        assert_eq!(variants::<Fields>(), [] as [&str; 0]);
    }
}
