//! Types for members that vary from server to server: what is of another type counts as missing, and none of it is kept.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::in_place::InPlace;

/// Text that says something. Numbers are text, too: some servers count where others name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Text<'a>(pub(crate) Option<Cow<'a, str>>);

impl Text<'_> {
    pub(crate) fn into_string(self) -> Option<String> {
        self.0.map(Cow::into_owned)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut text = Self::default();
        text.read(deserializer)?;
        Ok(text)
    }
}

impl<'de: 'a, 'a> InPlace<'de> for Text<'a> {
    fn read<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        self.0 = None;
        deserializer.deserialize_any(TextVisitor(&mut self.0))
    }
}

struct TextVisitor<'t, 'a>(&'t mut Option<Cow<'a, str>>);

impl<'de: 'a, 'a> Visitor<'de> for TextVisitor<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        if !text.is_empty() {
            *self.0 = Some(Cow::Borrowed(text));
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if !text.is_empty() {
            *self.0 = Some(Cow::Owned(text.to_string()));
        }
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        // Places among few stand in every piece of an answer.
        const DIGITS: &str = "0123456789";
        let digit = usize::try_from(number).ok().and_then(|digit| DIGITS.get(digit..=digit));
        *self.0 = Some(digit.map_or_else(|| Cow::Owned(number.to_string()), Cow::Borrowed));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        *self.0 = Some(Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        *self.0 = Some(Cow::Owned(number.to_string()));
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<(), A::Error> {
        ignore_list(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        ignore_map(map)
    }
}

pub(crate) fn ignore_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

pub(crate) fn ignore_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

/// A list of no more than `MOST` elements: one that is longer is an error. What is no list counts as an empty one.
#[derive(Debug, Clone)]
pub(crate) struct Bounded<T, const MOST: usize>(pub(crate) Vec<T>);

impl<T, const MOST: usize> Default for Bounded<T, MOST> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// The first element of a list that is wanted, [read in place](InPlace), and no more than `MOST` of those that are not.
/// What is no list counts as an empty one.
#[derive(Debug)]
pub(crate) struct First<T, const MOST: usize>(pub(crate) Option<T>, pub(crate) Vec<T>);

/// Whether an element is the one that is looked for.
pub(crate) trait Wanted {
    fn is_wanted(&self) -> bool;
}

impl<T, const MOST: usize> Default for First<T, MOST> {
    fn default() -> Self {
        Self(None, Vec::new())
    }
}

impl<'de, T: InPlace<'de> + Wanted, const MOST: usize> InPlace<'de> for First<T, MOST> {
    fn read<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        *self = Self::default();
        deserializer.deserialize_any(List(FirstOf(self), PhantomData))
    }
}

/// Nothing of a list that is kept is lost in silence.
fn no_more<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    match list.next_element::<IgnoredAny>()? {
        Some(_) => Err(A::Error::custom("a list of more elements than any answer has")),
        None => Ok(()),
    }
}

/// What is done with a list.
trait TakeList<'de> {
    type Value: Default;
    fn take<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error>;
}

struct Kept<T, const MOST: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MOST: usize> TakeList<'de> for Kept<T, MOST> {
    type Value = Bounded<T, MOST>;

    fn take<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut kept = Vec::new();
        while kept.len() < MOST {
            match list.next_element()? {
                Some(element) => kept.push(element),
                None => return Ok(Bounded(kept)),
            }
        }
        no_more(list)?;
        Ok(Bounded(kept))
    }
}

/// The place for an element, which is made when there is one.
struct Element<'a, T>(&'a mut Option<T>);

impl<'de, T: InPlace<'de>> DeserializeSeed<'de> for Element<'_, T> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        self.0.insert(T::default()).read(deserializer)
    }
}

struct FirstOf<'a, T, const MOST: usize>(&'a mut First<T, MOST>);

impl<'de, T: InPlace<'de> + Wanted, const MOST: usize> TakeList<'de> for FirstOf<'_, T, MOST> {
    type Value = ();

    fn take<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let First(first, others) = self.0;
        while others.len() < MOST {
            let mut another = None;
            // The one that is wanted stays where it is read.
            let place = if first.is_none() { &mut *first } else { &mut another };
            if list.next_element_seed(Element(place))?.is_none() {
                return Ok(());
            }
            if let Some(other) = place.take_if(|element| !element.is_wanted()) {
                others.push(other);
            }
        }
        no_more(list)
    }
}

impl<'de, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for Bounded<T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(List(Kept(PhantomData), PhantomData))
    }
}

/// What is no list counts as an empty one.
struct List<'de, K>(K, PhantomData<&'de ()>);

impl<'de, K: TakeList<'de>> Visitor<'de> for List<'de, K> {
    type Value = K::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<K::Value, A::Error> {
        self.0.take(list)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<K::Value, A::Error> {
        ignore_map(map)?;
        Ok(K::Value::default())
    }

    fn visit_unit<E>(self) -> Result<K::Value, E> {
        Ok(K::Value::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<K::Value, E> {
        Ok(K::Value::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<K::Value, E> {
        Ok(K::Value::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<K::Value, E> {
        Ok(K::Value::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<K::Value, E> {
        Ok(K::Value::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<K::Value, E> {
        Ok(K::Value::default())
    }
}

/// Text, or a list of no more than `MOST` parts: one that is longer is an error. What is neither counts as missing.
#[derive(Debug, Clone, Default)]
pub(crate) enum TextOrList<'a, T, const MOST: usize> {
    #[default]
    Missing,
    Text(Cow<'a, str>),
    List(Vec<T>),
}

impl<'de: 'a, 'a, T: Deserialize<'de>, const MOST: usize> Deserialize<'de> for TextOrList<'a, T, MOST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut this = Self::Missing;
        this.read(deserializer)?;
        Ok(this)
    }
}

impl<'de: 'a, 'a, T: Deserialize<'de>, const MOST: usize> InPlace<'de> for TextOrList<'a, T, MOST> {
    fn read<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
        struct Either<'t, 'a, T, const MOST: usize>(&'t mut TextOrList<'a, T, MOST>);

        impl<'de: 'a, 'a, T: Deserialize<'de>, const MOST: usize> Visitor<'de> for Either<'_, 'a, T, MOST> {
            type Value = ();

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text or a list")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
                *self.0 = TextOrList::Text(Cow::Borrowed(text));
                Ok(())
            }

            fn visit_str<E>(self, text: &str) -> Result<(), E> {
                *self.0 = TextOrList::Text(Cow::Owned(text.to_string()));
                Ok(())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
                let mut kept = Vec::new();
                while kept.len() < MOST {
                    match list.next_element()? {
                        Some(element) => kept.push(element),
                        None => {
                            *self.0 = TextOrList::List(kept);
                            return Ok(());
                        }
                    }
                }
                no_more(list)?;
                *self.0 = TextOrList::List(kept);
                Ok(())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
                ignore_map(map)
            }

            fn visit_unit<E>(self) -> Result<(), E> {
                Ok(())
            }

            fn visit_bool<E>(self, _: bool) -> Result<(), E> {
                Ok(())
            }

            fn visit_u64<E>(self, _: u64) -> Result<(), E> {
                Ok(())
            }

            fn visit_i64<E>(self, _: i64) -> Result<(), E> {
                Ok(())
            }

            fn visit_f64<E>(self, _: f64) -> Result<(), E> {
                Ok(())
            }
        }

        *self = Self::Missing;
        deserializer.deserialize_any(Either(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_wanted_is_read() {
        #[derive(Default)]
        struct Even(u8);
        impl<'de> InPlace<'de> for Even {
            fn read<D: Deserializer<'de>>(&mut self, deserializer: D) -> Result<(), D::Error> {
                self.0 = Deserialize::deserialize(deserializer)?;
                Ok(())
            }
        }
        impl Wanted for Even {
            fn is_wanted(&self) -> bool {
                self.0 % 2 == 0
            }
        }
        for (list, first, others) in [
            ("[2]", Some(2), vec![]),
            ("[1,2]", Some(2), vec![1]),
            ("[2,3,4]", Some(2), vec![3]),
            ("[1]", None, vec![1]),
        ] {
            let mut read = First::<Even, 2>::default();
            read.read(&mut serde_json::Deserializer::from_str(list)).unwrap();
            assert_eq!(read.0.map(|even| even.0), first, "{list}");
            assert_eq!(read.1.iter().map(|odd| odd.0).collect::<Vec<_>>(), others, "{list}");
        }
        assert!(First::<Even, 2>::default().read(&mut serde_json::Deserializer::from_str("[1, 3, 5]")).is_err());
        for none in ["[]", "{}", "null", "7", "\"a\""] {
            let mut read = First::<_, 2>(Some(Even(2)), vec![Even(3)]);
            read.read(&mut serde_json::Deserializer::from_str(none)).unwrap();
            assert!(read.0.is_none() && read.1.is_empty(), "{none}");
        }
    }

    #[test]
    fn nothing_of_a_list_is_lost() {
        let list = "[1, 2, 3]";
        assert_eq!(serde_json::from_str::<Bounded<u8, 3>>(list).unwrap().0, [1, 2, 3]);
        assert!(matches!(serde_json::from_str(list).unwrap(), TextOrList::<u8, 3>::List(list) if list.len() == 3));
        assert!(serde_json::from_str::<Bounded<u8, 2>>(list).is_err());
        assert!(serde_json::from_str::<TextOrList<'_, u8, 2>>(list).is_err());
    }

    #[test]
    fn anything_can_stand_anywhere() {
        for (json, text) in [
            ("\"a\"", Some("a")),
            ("\"\\n\"", Some("\n")),
            ("\"\"", None),
            ("7", Some("7")),
            ("-7", Some("-7")),
            ("null", None),
            ("true", None),
            ("[[1], {}]", None),
            ("{\"a\": []}", None),
        ] {
            assert_eq!(serde_json::from_str::<Text<'_>>(json).unwrap().0.as_deref(), text, "{json}");
            let list = serde_json::from_str::<Bounded<Text<'_>, 2>>(json).unwrap();
            assert_eq!(list.0.len(), 2 * usize::from(json.starts_with('[')), "{json}");
        }
    }
}
