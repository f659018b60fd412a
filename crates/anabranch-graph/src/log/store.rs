//! [`GraphStore`]: where logs are kept.

use std::sync::Arc;

use anabranch_core::Result;
use async_trait::async_trait;

/// Where the logs of runs are kept: a list of records for each thread. A record is text; what it says is the business
/// of the graph.
///
/// [`MemoryStore`](crate::MemoryStore) keeps them as long as the program runs, `SqliteStore` (feature `sqlite`) in one
/// file. For another place implement this, with `#[async_trait]`.
#[async_trait]
pub trait GraphStore: Send + Sync {
    /// Puts records behind those of a thread, all or none. `at` is how many there are in the eyes of who writes: where
    /// it is another number, nothing is written. What is written when this is done must outlive a crash.
    ///
    /// # Errors
    /// [`LogConflict`](crate::LogConflict) where there are more or fewer. Whatever the place fails with.
    async fn append(&self, thread: &str, at: u64, records: Vec<String>) -> Result<()>;

    /// The records of a thread; the first `count` of them, if a number is given. None of a thread that is not there.
    ///
    /// # Errors
    /// [`DamagedRecord`](crate::DamagedRecord) where one of them is not what was written. Whatever the place fails with.
    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Vec<String>>;

    /// The threads there are, in the order of their names.
    ///
    /// # Errors
    /// Whatever the place fails with.
    async fn list(&self) -> Result<Vec<String>>;

    /// Forgets a thread. It is no error if there is none.
    ///
    /// # Errors
    /// Whatever the place fails with.
    async fn delete(&self, thread: &str) -> Result<()>;
}

#[async_trait]
impl<T: GraphStore + ?Sized> GraphStore for Arc<T> {
    async fn append(&self, thread: &str, at: u64, records: Vec<String>) -> Result<()> {
        (**self).append(thread, at, records).await
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Vec<String>> {
        (**self).read(thread, count).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        (**self).list().await
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        (**self).delete(thread).await
    }
}
