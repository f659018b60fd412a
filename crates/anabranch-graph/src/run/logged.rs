//! The log in a run: what is in it is done at once, what gets done goes into it.

use std::sync::Arc;

use anabranch_core::{Error, ErrorKind, Result};
use futures_util::future::ready;

use super::activation::Finished;
use super::engine::Engine;
use super::{Inside, Path};
use crate::event::{EventKind, GraphEvent};
use crate::log::{Entry, LogMismatch};
use crate::state::State;
use crate::work::{Running, Work, Writes};

/// How far an activation is.
pub(super) enum What<S: State> {
    /// Its work is done.
    Worked(Result<Vec<Arc<Writes<S>>>>),
    /// Its work was done by an earlier run, and what its route chose is known.
    Replayed(Result<Vec<Arc<Writes<S>>>>, Option<Vec<String>>),
    /// Its entry is in the log, or that failed.
    Entered(Result<()>, Next<S>),
}

/// What comes of its edges.
pub(super) enum Next<S: State> {
    /// What its route chose, and what it wrote, where somebody is told of it.
    Chosen(Result<Option<Vec<String>>>, Vec<Arc<Writes<S>>>),
    Failed(ErrorKind),
}

impl<S: State> Engine<S> {
    /// What an earlier run entered of an activation.
    pub(super) fn entry(&self, path: &Path) -> Option<Entry> {
        self.inside.log()?.replay.take(&path.text)
    }

    /// Whether the step limit counts an activation: not if it began before the latest answer.
    pub(super) fn counts(&self, path: &Path, entry: Option<&Entry>) -> bool {
        let Some(log) = self.inside.log() else { return true };
        !log.replay.is_before_answer(&self.path.text, &path.text, entry.map(|entry| entry.position))
    }

    /// Does all at once that the log holds, before anything runs that it does not.
    ///
    /// # Errors
    /// [`LogMismatch`] where something of it is not come to then: it never would be. Each entry is behind what leads to
    /// it, so nothing that runs now leads to one. Where the log was led over from another shape that is not so: a node
    /// may be new before one that is done. Then it shows when the run rests.
    pub(crate) fn replay_all(&mut self) -> Result<()> {
        self.arrive_all()?;
        let Some(log) = self.inside.log() else { return Ok(()) };
        log.refused()?;
        if log.is_closed { log.replay.all_reached() } else { Ok(()) }
    }

    /// [`replay_all`](Self::replay_all) of a graph inside of another one, which looks whether something is left. A
    /// failure shows when it is come to; nothing below it is, then.
    pub(crate) fn replayed(mut self) -> Result<Self> {
        let replayed = self.arrive_all();
        if let (Err(_), Some(log)) = (&replayed, self.inside.log()) {
            log.replay.forget_below(&self.path.text, false);
        }
        replayed.map(|()| self)
    }

    /// An activation that has an entry is done at once.
    pub(super) fn replay(&mut self, node: usize, path: Path, entry: Entry) -> Result<()> {
        let finished = self.finished_before(node, &path, entry);
        let finished = finished.map_err(|error| match self.inside.log() {
            Some(log) => log.refuse(error),
            None => error,
        })?;
        self.replayed.extend(finished);
        Ok(())
    }

    fn finished_before(&self, node: usize, path: &Path, entry: Entry) -> Result<Option<Finished<S>>> {
        let is_map = matches!(self.graph.nodes[node].work, Work::Map(_));
        let Some(log) = self.inside.log() else { return Ok(None) };
        let mut updates = Vec::new();
        let result = match (entry.failed.is_some(), entry.length, entry.update) {
            (true, ..) if self.graph.plan.nodes[node].is_quiet() => {
                Err(Error::new(ErrorKind::Other, "it failed in an earlier run"))
            }
            (false, Some(length), _) if is_map => {
                for index in 0..length {
                    let item = path.item(index).text;
                    let entry = log.replay.take(&item).ok_or_else(|| LogMismatch::error(&item))?;
                    if let Some(update) = entry.update {
                        updates.push(update);
                    }
                }
                Ok(())
            }
            (false, None, Some(update)) if !is_map => {
                updates.push(update);
                Ok(())
            }
            _ => return Err(LogMismatch::error(&path.text)),
        };
        let written = updates.into_iter().map(|update| writes::<S>(path, update).map(Arc::new));
        let written = written.collect::<Result<Vec<_>>>()?;
        let what = What::Replayed(result.map(|()| written), entry.chosen);
        Ok(Some(Finished { node, length: entry.length, what }))
    }
}

fn writes<S: State>(path: &Path, update: serde_json::Value) -> Result<Writes<S>> {
    serde_json::from_value(update).map_err(|_| {
        let message = format!("the entry of `{}` in the log does not fit the state of the graph", path.text);
        Error::new(ErrorKind::InvalidInput, message)
    })
}

impl Inside {
    /// Puts an entry into the log, now; what this gives waits until it is written.
    pub(super) fn enter(&self, entry: Entry) -> impl Future<Output = Result<()>> + Send + 'static {
        let end = self.log().map(|log| log.enter(entry)).transpose();
        // The run does not rest before it is written.
        let (inside, working) = (self.clone(), self.working());
        async move {
            let result = match (inside.log(), end?) {
                (Some(log), Some(end)) => log.writer.written(end).await,
                _ => Ok(()),
            };
            drop(working);
            result
        }
    }

    /// The entry of an activation or an item with its update. One that cannot be kept ends the run.
    pub(super) fn entry_of<'a, S: State>(
        &self,
        path: &str,
        writes: impl Iterator<Item = &'a S::Write>,
    ) -> Result<Entry> {
        Entry::done(path, writes).map_err(|error| match self.log() {
            Some(log) => log.refuse(error),
            None => error,
        })
    }

    /// The items of a map, each of which has an entry of its own: those that have one are done at once. Tells which
    /// start, and gives whether those do that have to be told of.
    pub(super) fn enter_items<S: State>(
        &self,
        items: Vec<Running<S>>,
        path: &Path,
        settled: bool,
    ) -> (Vec<Running<S>>, Vec<bool>) {
        let mut starts = vec![true; items.len()];
        let item = |(index, running): (usize, Running<S>)| -> Running<S> {
            let tell = |kind| self.tell(|| GraphEvent::new(&path.item(index), kind));
            let Some(log) = self.log() else {
                tell(EventKind::Started);
                return running;
            };
            let path = path.item(index);
            if let Some(entry) = log.replay.take(&path.text) {
                starts[index] = false;
                tell(EventKind::Replayed { failed: entry.failed.is_some() });
                return Box::pin(ready(match (entry.failed, entry.update) {
                    (None, Some(update)) => writes::<S>(&path, update).map_err(|error| log.refuse(error)),
                    (Some(_), None) if settled => Err(Error::new(ErrorKind::Other, "it failed in an earlier run")),
                    _ => Err(log.refuse(LogMismatch::error(&path.text))),
                }));
            }
            tell(EventKind::Started);
            let inside = self.clone();
            Box::pin(async move {
                let result = running.await;
                let entry = match &result {
                    Ok(writes) => inside.entry_of::<S>(&path.text, writes.iter())?,
                    Err(error) if settled && !inside.is_over(error) => Entry::failed(&path.text, error.kind()),
                    Err(_) => return result,
                };
                inside.enter(entry).await?;
                result
            })
        };
        let items = items.into_iter().enumerate().map(item).collect();
        (items, starts)
    }
}
