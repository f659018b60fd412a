//! [`from_json`]: JSON as a type of yours.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::description::{Kind, Label};
use crate::error::{Error, ErrorKind, Result};
use crate::run::config::RunConfig;
use crate::step::pipe_operator::pipe_operator;
use crate::step::runnable::Runnable;
use crate::steps::json_kind::json_kind;

/// A step that takes JSON and gives a `T`: from a [`parallel!`](crate::parallel) or a
/// [`pick`](crate::RunnableExt::pick) to a step that takes a type of yours.
///
/// ```
/// use anabranch_core::{RunnableExt, RunnablePassthrough, from_json, lambda, parallel};
/// use serde::Deserialize;
/// use serde_json::{Value, json};
///
/// #[derive(Deserialize)]
/// struct Pair { left: String, right: String }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let both = parallel! { "left": RunnablePassthrough, "right": RunnablePassthrough };
/// let chain = both | from_json::<Pair>() | lambda(async |pair: Pair| Ok(pair.left + &pair.right));
/// assert_eq!(chain.invoke("ab").await?, "abab");
///
/// let length = lambda(async |word: String| Ok(word.len()));
/// let lengths = RunnablePassthrough.pick("words") | from_json::<Vec<String>>() | length.each();
/// assert_eq!(lengths.invoke(json!({"words": ["a", "bb"]})).await?, [1, 2]);
/// # Ok(()) }
/// ```
///
/// It takes the whole of its input. A value that does not fit is an error of kind
/// [`InvalidInput`](ErrorKind::InvalidInput).
#[must_use]
pub fn from_json<T: DeserializeOwned + Send + 'static>() -> FromJson<T> {
    FromJson { value: PhantomData }
}

/// See [`from_json`].
pub struct FromJson<T> {
    value: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned + Send + 'static> Runnable for FromJson<T> {
    type Input = Value;
    type Output = T;

    async fn call(&self, input: Value, _: &RunConfig) -> Result<T> {
        let given = json_kind(&input);
        // serde's own text quotes what it met.
        serde_json::from_value(input).map_err(|_| {
            let wanted = Label::of_type::<T>(Kind::STEP).name;
            Error::new(ErrorKind::InvalidInput, format!("{given} was given, which is no `{wanted}`"))
        })
    }

    fn label(&self) -> Option<Label<'_>> {
        Some(Label::new(Kind::new("from_json"), "from_json"))
    }
}

impl<T> Clone for FromJson<T> {
    fn clone(&self) -> Self {
        Self { value: PhantomData }
    }
}

impl<T> fmt::Debug for FromJson<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FromJson")
    }
}

pipe_operator!(impl<T> for FromJson<T> where T: DeserializeOwned + Send + 'static);
