//! [`GraphStore`]: where logs are kept.

use std::sync::Arc;

use anabranch_core::Result;
use async_trait::async_trait;

/// Where the logs of runs are kept: a list of records for each thread. A record is text; what it says is the business
/// of the graph. Each log has an identity, so that a run cannot write into another log than its own, where its thread was
/// deleted and started again.
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
/// /// For each thread which log it is, and its records.
/// #[derive(Default)]
/// struct Own(Mutex<HashMap<String, (String, Vec<String>)>>);
///
/// #[async_trait]
/// impl GraphStore for Own {
///     async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
///         let mut threads = self.0.lock().expect("nobody panics");
///         let found = threads.get(thread).map(|(log, kept)| (log.as_str(), kept.len() as u64));
///         if found.unwrap_or((log, 0)) != (log, at) {
///             return Err(LogConflict::error(thread, log, at, found));
///         }
///         threads.entry(thread.to_string()).or_insert((log.to_string(), Vec::new())).1.extend(records);
///         Ok(())
///     }
///
///     async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
///         let mut found = self.0.lock().expect("nobody panics").get(thread).cloned();
///         if let (Some((_, records)), Some(count)) = (&mut found, count) {
///             records.truncate(count as usize);
///         }
///         Ok(found)
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
/// # own.append("t", "1", 0, vec!["a".into(), "b".into()]).await?;
/// # for (log, at) in [("1", 0), ("1", 1), ("1", 3), ("2", 0), ("2", 2)] {
/// #     let error = own.append("t", log, at, vec!["c".into()]).await.unwrap_err();
/// #     assert!(error.downcast_ref::<LogConflict>().is_some());
/// # }
/// # assert_eq!(own.read("t", Some(1)).await?, Some(("1".to_string(), vec!["a".to_string()])));
/// # assert_eq!(own.list().await?, ["t"]);
/// # own.delete("t").await?;
/// # assert!(own.append("t", "1", 2, vec!["c".into()]).await.is_err());
/// # assert_eq!(own.read("t", None).await?, None);
/// # Ok(())
/// # }
/// ```
#[async_trait]
pub trait GraphStore: Send + Sync {
    /// Puts records behind those of a thread, all or none. `log` is which log of the thread they belong to, a short text
    /// that is never the same for two logs, and `at` how many records there are in the eyes of who writes. Nothing is
    /// written where the thread has another log or another number of records. With `at` 0 a log begins, where the thread
    /// has none. What is written when this is done must outlive a crash.
    ///
    /// # Errors
    /// [`LogConflict`](crate::LogConflict) where nothing is written because of what is there. Whatever the place fails
    /// with.
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()>;

    /// Which log a thread has, as [`append`](Self::append) was told, and its records; the first `count` of them, if a
    /// number is given. `None` where the thread is not there.
    ///
    /// # Errors
    /// [`DamagedRecord`](crate::DamagedRecord) where one of them is not what was written. Whatever the place fails with.
    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>>;

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
    async fn append(&self, thread: &str, log: &str, at: u64, records: Vec<String>) -> Result<()> {
        (**self).append(thread, log, at, records).await
    }

    async fn read(&self, thread: &str, count: Option<u64>) -> Result<Option<(String, Vec<String>)>> {
        (**self).read(thread, count).await
    }

    async fn list(&self) -> Result<Vec<String>> {
        (**self).list().await
    }

    async fn delete(&self, thread: &str) -> Result<()> {
        (**self).delete(thread).await
    }
}
