//! [`InPlace`]: values that are read where they stand.

use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};

/// A value that can be read into one that is there. What `derive(Deserialize)` makes is handed from function to
/// function, and for a document of many members, which each piece of an answer is, that is a quarter of all the work.
pub(crate) trait InPlace<'de>: Default {
    fn read<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error>;
}

/// The place for a value.
pub(crate) struct Place<'a, T>(pub(crate) &'a mut T);

impl<'de, T: InPlace<'de>> DeserializeSeed<'de> for Place<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.read(deserializer)
    }
}

impl<'de, T: InPlace<'de>> InPlace<'de> for Box<T> {
    fn read<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        (**self).read(deserializer)
    }
}

impl<'de, T: InPlace<'de>> InPlace<'de> for Option<T> {
    fn read<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        struct Maybe<'a, T>(&'a mut Option<T>);

        impl<'de, T: InPlace<'de>> Visitor<'de> for Maybe<'_, T> {
            type Value = ();

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object or null")
            }

            fn visit_none<E: Error>(self) -> Result<(), E> {
                *self.0 = None;
                Ok(())
            }

            fn visit_unit<E: Error>(self) -> Result<(), E> {
                *self.0 = None;
                Ok(())
            }

            fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                self.0.insert(T::default()).read(deserializer)
            }
        }

        deserializer.deserialize_option(Maybe(self))
    }
}

/// The place of a key among those that are known, which is what the function gives.
pub(crate) struct Key<F>(pub(crate) F);

impl<'de, F: FnOnce(&str) -> Option<usize>> DeserializeSeed<'de> for Key<F> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<usize>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<F: FnOnce(&str) -> Option<usize>> Visitor<'_> for Key<F> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Option<usize>, E> {
        Ok(self.0(key))
    }
}

/// An object that is read in place. Members are read by their `Deserialize`, but for those after `in place`. One that
/// is called otherwise on the wire says so after `as`. A member that is there twice counts as it is said last.
macro_rules! in_place {
    (
        $(#[$meta:meta])* $vis:vis struct $name:ident<$life:lifetime> {
            $($(#[$field_meta:meta])* $field_vis:vis $field:ident $(as $key:literal)?: $type:ty,)*
        } in place {
            $($(#[$big_meta:meta])* $big_vis:vis $big:ident $(as $big_key:literal)?: $big_type:ty,)*
        }
    ) => {
        $(#[$meta])*
        #[derive(Default)]
        $vis struct $name<$life> {
            $($(#[$field_meta])* $field_vis $field: $type,)*
            $($(#[$big_meta])* $big_vis $big: $big_type,)*
        }

        impl<'de: $life, $life> $crate::reader::InPlace<'de> for $name<$life> {
            fn read<D: serde::Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                struct Members<'m, 'v>(&'m mut $name<'v>);

                impl<'de: 'v, 'v> serde::de::Visitor<'de> for Members<'_, 'v> {
                    type Value = ();

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("an object")
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
                        // All of it is known when this is compiled, and nothing is left of the counting.
                        let find = |key: &str| {
                            let mut place = 0;
                            $(
                                if key == $crate::reader::key_of!($field $($key)?) {
                                    return Some(place);
                                }
                                place += 1;
                            )*
                            $(
                                if key == $crate::reader::key_of!($big $($big_key)?) {
                                    return Some(place);
                                }
                                place += 1;
                            )*
                            let _ = place;
                            None
                        };
                        while let Some(key) = map.next_key_seed($crate::reader::Key(find))? {
                            let mut place = 0;
                            $(
                                if key == Some(place) {
                                    self.0.$field = map.next_value()?;
                                    continue;
                                }
                                place += 1;
                            )*
                            $(
                                if key == Some(place) {
                                    map.next_value_seed($crate::reader::Place(&mut self.0.$big))?;
                                    continue;
                                }
                                place += 1;
                            )*
                            let _ = place;
                            map.next_value::<serde::de::IgnoredAny>()?;
                        }
                        Ok(())
                    }
                }

                deserializer.deserialize_map(Members(self))
            }
        }

        impl<'de: $life, $life> serde::Deserialize<'de> for $name<$life> {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let mut this = Self::default();
                $crate::reader::InPlace::read(&mut this, deserializer)?;
                Ok(this)
            }
        }
    };
}
pub(crate) use in_place;

/// What a member is called on the wire.
macro_rules! key_of {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident $key:literal) => {
        $key
    };
}
pub(crate) use key_of;

#[cfg(test)]
mod tests {
    use crate::reader::{Bounded, Text};

    in_place! {
        struct Outer<'a> {
            name: Text<'a>,
            list as "a list": Bounded<Text<'a>, 4>,
        } in place {
            inner: Option<Inner<'a>>,
            boxed: Option<Box<Inner<'a>>>,
        }
    }

    in_place! {
        #[derive(Debug, PartialEq)]
        struct Inner<'a> {
            text: Text<'a>,
        } in place {}
    }

    #[test]
    fn an_object_is_read_in_place() {
        let json = r#"{"other": [{"name": 1}], "inner": {"text": "a", "x": null}, "n\u0061me": "b", "boxed": null, "a list": [1]}"#;
        let outer: Outer<'_> = serde_json::from_str(json).unwrap();
        assert_eq!(outer.name.0.as_deref(), Some("b"));
        assert_eq!(outer.list.0.len(), 1);
        assert_eq!(outer.inner.and_then(|inner| inner.text.into_string()).as_deref(), Some("a"));
        assert_eq!(outer.boxed, None);
        // What is said last counts.
        let twice: Outer<'_> = serde_json::from_str(r#"{"inner": {"text": "a"}, "inner": null, "boxed": {}}"#).unwrap();
        assert_eq!((twice.inner, twice.boxed), (None, Some(Box::default())));
        for wrong in ["[]", "1", "\"a\"", "null", "{\"inner\": 1}", "{\"inner\": {}"] {
            assert!(serde_json::from_str::<Outer<'_>>(wrong).is_err(), "{wrong}");
        }
    }
}
