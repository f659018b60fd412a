//! [`Repeated`]: what a server says anew with every chunk, such as the name of its model.

use super::Text;

/// Texts that servers say with every chunk: of each the last is kept. They stand one behind the other, because nearly
/// always all of them are compared and none is new. Then it is one piece of memory that has to be there, and not one for
/// each.
pub(crate) struct Repeated<const N: usize> {
    all: String,
    /// Where each ends. One that is empty was not said.
    ends: [usize; N],
}

impl<const N: usize> Default for Repeated<N> {
    fn default() -> Self {
        Self { all: String::new(), ends: [0; N] }
    }
}

impl<const N: usize> Repeated<N> {
    /// Keeps what is said, in the order of the places.
    #[inline]
    pub(crate) fn keep(&mut self, said: [&Text<'_>; N]) {
        let mut start = 0;
        for (place, said) in said.into_iter().enumerate() {
            if let Some(said) = said.0.as_deref() {
                if self.all.as_bytes().get(start..self.ends[place]) != Some(said.as_bytes()) {
                    self.replace(place, said);
                }
            }
            start = self.ends[place];
        }
    }

    #[cold]
    fn replace(&mut self, place: usize, said: &str) {
        let mut all: [String; N] = std::array::from_fn(|place| self.get(place).unwrap_or_default().to_string());
        if let Some(text) = all.get_mut(place) {
            text.replace_range(.., said);
        }
        self.all.clear();
        for (end, text) in self.ends.iter_mut().zip(&all) {
            self.all.push_str(text);
            *end = self.all.len();
        }
    }

    /// What was said last in this place.
    pub(crate) fn get(&self, place: usize) -> Option<&str> {
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.all.get(start..self.ends[place]).filter(|text| !text.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn of_each_the_last_is_kept(chunks in prop::collection::vec(prop::array::uniform3(prop::option::of("[aé]{1,3}")), 0..8)) {
            let (mut repeated, mut expected) = (Repeated::<3>::default(), [const { None }; 3]);
            for chunk in chunks {
                let said = chunk.clone().map(|text| Text(text.map(Cow::Owned)));
                repeated.keep(said.each_ref());
                for (expected, said) in expected.iter_mut().zip(chunk) {
                    *expected = said.or(expected.take());
                }
                prop_assert_eq!([0, 1, 2].map(|place| repeated.get(place).map(str::to_string)), expected.clone());
            }
        }
    }
}
