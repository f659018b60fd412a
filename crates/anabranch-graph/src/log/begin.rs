//! [`begin`]: a log begins, and has an identity from then on.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process;
use std::time::SystemTime;

use anabranch_core::Result;

use super::{GraphStore, LogConflict};

/// A number that comes only once: of the keys that the standard library takes from the system for each thread and
/// changes for each of these, of the process, since a fork of it has the same keys, and of the time.
pub(super) fn unique() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(process::id());
    hasher.write_u128(SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos());
    hasher.finish()
}

/// Begins a log with these records. Gives its identity.
///
/// # Errors
/// [`LogConflict`] where the thread has one. Whatever the store fails with.
pub(crate) async fn begin(store: &dyn GraphStore, thread: &str, records: Vec<String>) -> Result<String> {
    let log = format!("{:016x}", unique());
    match store.append(thread, &log, 0, records).await {
        Ok(()) => Ok(log),
        // A store that tries again by itself meets what it wrote.
        Err(error) if error.downcast_ref::<LogConflict>().is_some() => match store.read(thread, Some(1)).await {
            Ok(Some((found, _))) if found == log => Ok(log),
            _ => Err(error),
        },
        Err(error) => Err(error),
    }
}
