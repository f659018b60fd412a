//! [`StepPath`]: where a step is in a run.

use crate::description::{Kind, Label};

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::time::Instant;

/// Where a step is in a run. `Display` is the path as it stands in errors: `parallel "summary" > ChatModel x`.
#[derive(Debug)]
pub struct StepPath {
    parent: Option<Arc<StepPath>>,
    name: String,
    kind: Kind,
    id: u64,
    started: Instant,
}

impl StepPath {
    /// A step that begins now.
    pub(crate) fn new(parent: Option<Arc<StepPath>>, label: Label<'_>) -> Self {
        Self { parent, name: label.name.into_owned(), kind: label.kind, id: next_id(), started: Instant::now() }
    }

    /// The names, outermost first.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.inside_out().map(|step| &*step.name).collect();
        names.reverse();
        names
    }

    /// The name of the step itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn parent_id(&self) -> Option<u64> {
        self.parent.as_ref().map(|parent| parent.id)
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    fn inside_out(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |step| step.parent.as_deref())
    }
}

/// An id no other step has. Each thread takes a block at a time, so that threads do not meet at each step.
fn next_id() -> u64 {
    const BLOCK: u64 = 1024;
    static NEXT_BLOCK: AtomicU64 = AtomicU64::new(0);
    thread_local! {
        static NEXT: Cell<u64> = const { Cell::new(0) };
    }
    let new_block = || NEXT_BLOCK.fetch_add(1, Ordering::Relaxed) * BLOCK;
    // A thread that is ending takes a block for one.
    NEXT.try_with(|next| {
        let id = if next.get() % BLOCK == 0 { new_block() } else { next.get() } + 1;
        next.set(id);
        id
    })
    .unwrap_or_else(|_| new_block() + 1)
}

impl fmt::Display for StepPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.names().into_iter().enumerate() {
            if index > 0 {
                f.write_str(" > ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}
