//! [`StepPath`]: where a step is in a run.

use crate::description::{Kind, Label};

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
        static NEXT_ID: AtomicU64 = AtomicU64::new(1);
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        Self { parent, name: label.name.into_owned(), kind: label.kind, id, started: Instant::now() }
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
