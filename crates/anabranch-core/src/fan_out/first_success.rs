//! [`first_success`]: several ways to the same answer, of which one has to work.

use crate::fan_out::race::Race;
use crate::step::boxed::BoxRunnable;

/// Runs all alternatives at once; the first that succeeds gives the answer, the others are cancelled. If all fail,
/// the error is the first failure in declaration order, the others [related](crate::Error::related) to it.
///
/// Streaming, the first to give a chunk wins.
///
/// ```
/// use anabranch_core::{Error, RunnableExt, first_success, lambda};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> anabranch_core::Result<()> {
/// let hangs = lambda(async |_: String| std::future::pending::<anabranch_core::Result<usize>>().await);
/// let fails = lambda(async |_: String| Err(Error::other("no luck")));
/// let works = lambda(async |text: String| Ok(text.len()));
///
/// let answer = first_success([hangs.boxed(), fails.boxed(), works.boxed()]);
/// assert_eq!(answer.invoke("four").await?, 4);
/// # Ok(()) }
/// ```
#[doc(alias = "any")]
pub fn first_success<I, O>(alternatives: impl IntoIterator<Item = BoxRunnable<I, O>>) -> Race<I, O> {
    Race::new(alternatives, true)
}
