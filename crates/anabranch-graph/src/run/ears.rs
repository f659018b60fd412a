//! [`Ears`]: who hears what happens in a run, and what for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use anabranch_core::{Observer, StepEvent};

use crate::event::{EventKind, GraphEvent, Token};

/// Hears what happens, as it does.
pub(crate) type Listener = Arc<dyn Fn(GraphEvent) + Send + Sync>;

/// Who hears what happens in a run.
#[derive(Clone, Default)]
pub(crate) struct Ears {
    pub(crate) listener: Option<Listener>,
    pub(crate) queue: Option<Arc<Queue>>,
}

/// Events until somebody reads them. Steps on other threads put some there, too.
#[derive(Default)]
pub(crate) struct Queue {
    /// Whether there is a reader. What nobody will read is not kept.
    is_open: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<GraphEvent>,
    /// The reader, where it found nothing.
    reader: Option<Waker>,
}

impl Queue {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn open(&self) {
        self.is_open.store(true, Ordering::Release);
    }

    pub(crate) fn close(&self) {
        self.is_open.store(false, Ordering::Release);
        let left = std::mem::take(&mut *self.waiting());
        drop(left);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Ordering::Acquire)
    }

    pub(crate) fn has_some(&self) -> bool {
        !self.waiting().events.is_empty()
    }

    pub(super) fn push(&self, event: GraphEvent) {
        let mut waiting = self.waiting();
        // Asked with the lock, so that nothing is left behind by who closes it.
        if !self.is_open() {
            return;
        }
        waiting.events.push_back(event);
        let reader = waiting.reader.take();
        drop(waiting);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    /// The next event that is there. The reader goes on now, whether there is one or not.
    pub(crate) fn next(&self) -> Option<GraphEvent> {
        let mut waiting = self.waiting();
        waiting.reader = None;
        waiting.events.pop_front()
    }

    /// The next event; the reader is woken when there is one.
    pub(crate) fn poll_next(&self, context: &mut Context<'_>) -> Poll<GraphEvent> {
        let mut waiting = self.waiting();
        match waiting.events.pop_front() {
            Some(event) => Poll::Ready(event),
            None => {
                waiting.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Tells of the tokens of what runs in a node.
pub(super) struct NodeTokens {
    pub(super) queue: Arc<Queue>,
    pub(super) path: String,
    /// How many steps there are around the node: they are no part of what is told.
    pub(super) depth: usize,
}

impl Observer for NodeTokens {
    fn wants_tokens(&self) -> bool {
        self.queue.is_open()
    }

    fn token(&self, step: &StepEvent<'_>, text: &str) {
        let names = step.path().names();
        let token = Token {
            text: text.to_string(),
            step: names.get(self.depth..).unwrap_or_default().join(" > "),
            execution: step.id(),
        };
        self.queue.push(GraphEvent { path: self.path.clone(), kind: EventKind::Token(token) });
    }
}
