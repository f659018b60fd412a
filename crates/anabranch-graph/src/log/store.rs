//! [`GraphStore`]: where logs are kept.

use std::sync::Arc;

use anabranch_core::Result;
use async_trait::async_trait;

/// Where the logs of runs are kept: a list of records for each thread. A record is text; what it says is the business
/// of the graph.
///
/// [`MemoryStore`](crate::MemoryStore) keeps them as long as the program runs, `SqliteStore` (feature `sqlite`) in one
/// file. For another place implement this, with `#[async_trait]`:
///
/// ```
/// use std::collections::HashMap;
/// use std::sync::Mutex;
///
/// use anabranch_core::Result;
/// use anabranch_graph::{GraphStore, LogConflict};
/// use async_trait::async_trait;
///
/// #[derive(Default)]
/// struct Own(Mutex<HashMap<String, Vec<String>>>);
///
/// #[async_trait]
/// impl GraphStore for Own {
///     async fn append(&self, thread: &str, at: u64, records: Vec<String>) -> Result<()> {
///         let mut threads = self.0.lock().expect("nobody panics");
///         let found = threads.get(thread).map_or(0, Vec::len) as u64;
///         if found != at {
///             return Err(LogConflict::error(thread, at, found));
///         }
///         threads.entry(thread.to_string()).or_default().extend(records);
///         Ok(())
///     }
///
///     async fn read(&self, thread: &str, count: Option<u64>) -> Result<Vec<String>> {
///         let records = self.0.lock().expect("nobody panics").get(thread).cloned().unwrap_or_default();
///         Ok(records.into_iter().take(count.map_or(usize::MAX, |count| count as usize)).collect())
///     }
///
///     async fn list(&self) -> Result<Vec<String>> {
///         let mut threads: Vec<_> = self.0.lock().expect("nobody panics").keys().cloned().collect();
///         threads.sort();
///         Ok(threads)
///     }
///
///     async fn delete(&self, thread: &str) -> Result<()> {
///         self.0.lock().expect("nobody panics").remove(thread);
///         Ok(())
///     }
/// }
/// # #[tokio::main]
/// # async fn main() -> Result<()> {
/// # let own = Own::default();
/// # own.append("t", 0, vec!["a".into(), "b".into()]).await?;
/// # assert!(own.append("t", 1, vec![]).await.unwrap_err().downcast_ref::<LogConflict>().is_some());
/// # assert_eq!((own.read("t", Some(1)).await?, own.list().await?), (vec!["a".to_string()], vec!["t".to_string()]));
/// # own.delete("t").await?;
/// # assert!(own.read("t", None).await?.is_empty());
/// # Ok(())
/// # }
/// ```
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
