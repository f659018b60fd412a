//! What the code that `#[derive(State)]` writes needs of reducers, beside the functions that programs use.

use std::marker::PhantomData;
use std::mem::take;
use std::ops::Deref;

use super::{min, min_option};

/// `with = function`.
pub fn with<T: Default + Clone>(function: fn(T, T) -> T, current: &mut T, new: &T) {
    *current = function(take(current), new.clone());
}

/// `min` of a field of this type. An `Option` may have another name, which a derive cannot look behind; a method of an
/// `Option`'s own comes before the one that all types have.
#[derive(Debug)]
pub struct Least<T>(OfAny<T>);

/// Of a type that is no `Option`.
#[derive(Debug)]
pub struct OfAny<T>(PhantomData<fn() -> T>);

impl<T> Least<T> {
    /// Of this type.
    #[expect(clippy::new_without_default, reason = "made by the derive only")]
    #[must_use]
    pub fn new() -> Self {
        Self(OfAny(PhantomData))
    }
}

impl<T: PartialOrd + Clone> Least<Option<T>> {
    /// The smaller value.
    pub fn reduce(&self, current: &mut Option<T>, new: &Option<T>) {
        min_option(current, new);
    }
}

impl<T> OfAny<T> {
    /// The smaller of the two.
    pub fn reduce(&self, current: &mut T, new: &T)
    where
        T: PartialOrd + Clone,
    {
        min(current, new);
    }
}

impl<T> Deref for Least<T> {
    type Target = OfAny<T>;

    fn deref(&self) -> &OfAny<T> {
        &self.0
    }
}
