//! [`Session`]: what a run and the graphs inside of it share.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use anabranch_core::{Error, ErrorKind, Result, RunConfig};
use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::Value;
use tokio::sync::oneshot;

use super::Path;
use super::ears::{Ears, Listener, NodeTokens, Queue};
use crate::event::{EventKind, GraphEvent};
use crate::log::Log;
use crate::panics::caught;
use crate::progress::Question;

/// What a run and the graphs inside of it share: the configuration, what works, what is asked.
pub(crate) struct Session {
    /// As it was given. Its time-out has not begun.
    given: RunConfig,
    /// As it holds for what runs now. It begins anew with each answer.
    config: RwLock<RunConfig>,
    /// How many steps are at work. Where none is, and none can start, open questions pause the run.
    working: AtomicUsize,
    asks: Mutex<BTreeMap<Vec<u64>, Ask>>,
    /// How many answers there were inside of each run, by its path; and whether there was one at all.
    answered: Mutex<HashMap<String, usize>>,
    has_answers: AtomicBool,
    listener: Option<Listener>,
    /// Where somebody reads the events, or once did.
    queue: OnceLock<Arc<Queue>>,
    log: Option<Log>,
}

/// The session, as its parts hold it.
#[derive(Clone)]
pub(crate) struct Inside(pub(super) Arc<Session>);

/// Gives an answer that was accepted to who asked.
type Give = Box<dyn FnOnce() + Send>;

/// An open question.
pub(crate) struct Ask {
    pub(crate) path: String,
    pub(crate) question: Value,
    /// Takes the answer, or says what is wrong with it.
    take: Box<dyn Fn(Value) -> Result<Give> + Send>,
}

impl Inside {
    pub(crate) fn new(config: RunConfig, ears: Ears, log: Option<Log>) -> Self {
        let queue = ears.queue.map(OnceLock::from).unwrap_or_default();
        Self(Arc::new(Session {
            config: RwLock::new(config.clone()),
            given: config,
            working: AtomicUsize::new(0),
            asks: Mutex::default(),
            answered: Mutex::default(),
            has_answers: AtomicBool::new(false),
            listener: ears.listener,
            queue,
            log,
        }))
    }

    pub(crate) fn log(&self) -> Option<&Log> {
        self.0.log.as_ref()
    }

    pub(crate) fn given_config(&self) -> &RunConfig {
        &self.0.given
    }

    pub(crate) fn config(&self) -> RunConfig {
        self.0.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What begins from now on has this configuration.
    pub(crate) fn begin(&self, config: RunConfig) {
        *self.0.config.write().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Whether it failed because the time of the run is up, which says nothing of what failed: it is no failure that a run
    /// passes over or keeps.
    pub(super) fn is_over(&self, error: &Error) -> bool {
        error.kind() == ErrorKind::DeadlineExceeded && self.config().time_left().is_some_and(|left| left.is_zero())
    }

    /// A step is at work, until this is dropped.
    pub(crate) fn working(&self) -> Working {
        self.0.working.fetch_add(1, Ordering::Relaxed);
        Working(self.0.clone())
    }

    /// Whether nothing but answers can bring the run forward.
    pub(super) fn waits_for_answers(&self) -> bool {
        self.0.working.load(Ordering::Relaxed) == 0 && !self.asks().is_empty()
    }

    /// Whether a question inside of the run of this path was answered since so many answers were known; then all are.
    pub(super) fn was_answered(&self, path: &str, known: &mut usize) -> bool {
        if !self.0.has_answers.load(Ordering::Relaxed) {
            return false;
        }
        let answered = self.0.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let now = answered.get(path).copied().unwrap_or(0);
        std::mem::replace(known, now) != now
    }

    pub(crate) fn asks(&self) -> MutexGuard<'_, BTreeMap<Vec<u64>, Ask>> {
        self.0.asks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anybody hears what happens.
    pub(super) fn is_heard(&self) -> bool {
        self.0.listener.is_some() || self.queue().is_some()
    }

    /// Where events go that somebody reads.
    fn queue(&self) -> Option<&Arc<Queue>> {
        self.0.queue.get().filter(|queue| queue.is_open())
    }

    /// Whether there are events that the reader should have before the run goes on.
    pub(super) fn has_unread(&self) -> bool {
        self.queue().is_some_and(|queue| queue.has_some())
    }

    /// Where the events of what comes now can be read.
    pub(crate) fn queued(&self) -> Arc<Queue> {
        self.0.queue.get_or_init(Arc::default).clone()
    }

    pub(super) fn tell(&self, event: impl FnOnce() -> GraphEvent) {
        if !self.is_heard() {
            return;
        }
        let event = event();
        // Who listens does a run no harm, as no observer does.
        let hear = |listener: &Listener, event| drop(caught(|| listener(event)));
        match (&self.0.listener, self.queue()) {
            (Some(listener), Some(queue)) => {
                queue.push(event.clone());
                hear(listener, event);
            }
            (Some(listener), None) => hear(listener, event),
            (None, Some(queue)) => queue.push(event),
            (None, None) => {}
        }
    }

    /// The configuration of what runs in a node: where events are read, its tokens are told as events of the node.
    pub(crate) fn config_of(&self, path: &Path) -> RunConfig {
        let config = self.config();
        let Some(queue) = self.queue() else { return config };
        let depth = config.step_path().map_or(0, |path| path.names().len());
        config.observer(Arc::new(NodeTokens { queue: queue.clone(), path: path.text.clone(), depth }))
    }

    /// Asks, and waits for the answer. `check` makes of the answer what comes of it.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        path: Path,
        question: Value,
        check: impl Fn(Value) -> Result<T> + Send + 'static,
    ) -> Result<(T, Working)> {
        let (sender, receiver) = oneshot::channel();
        let sender = Arc::new(Mutex::new(Some(sender)));
        let inside = self.clone();
        let take = move |value: Value| {
            let answer = check(value)?;
            let (sender, inside) = (sender.clone(), inside.clone());
            Ok(Box::new(move || {
                let sender = sender.lock().unwrap_or_else(PoisonError::into_inner).take();
                if let Some(sender) = sender {
                    let _ = sender.send((answer, inside.working()));
                }
            }) as Give)
        };
        self.tell(|| GraphEvent::new(&path, EventKind::Asks(Question::new(path.text.clone(), question.clone()))));
        self.asks().insert(path.key.clone(), Ask { path: path.text, question, take: Box::new(take) });
        let _open = Open(self, path.key);
        receiver.await.map_err(|_| Error::new(ErrorKind::Other, "a question was withdrawn"))
    }

    /// Answers open questions, all of these or none: each by its path, or by its node if only one is open there.
    pub(crate) fn answer(&self, answers: Vec<(String, Value)>) -> Result<()> {
        let mut asks = self.asks();
        let mut by_path: HashMap<String, Vec<u64>> = HashMap::new();
        // Of many answers each finds its question at once.
        for (key, ask) in asks.iter().filter(|_| answers.len() > 1) {
            for path in [ask.path.as_str(), without_iterations(&ask.path)] {
                by_path.entry(path.to_owned()).or_insert_with(|| key.clone());
            }
        }
        let mut accepted: Vec<(Vec<u64>, Ask, Give)> = Vec::new();
        for (node, value) in answers {
            let was_answered = || accepted.iter().any(|(_, ask, _)| ask.path == node || node_of(&ask.path) == node);
            let at_path = by_path.get(&node).and_then(|key| asks.get_key_value(key));
            let found = at_path.map_or_else(|| named(&asks, &node, was_answered), Ok);
            let accept = found.and_then(|(key, ask)| {
                let give = caught(|| (ask.take)(value)).and_then(|given| given)?;
                Ok((key.clone(), give))
            });
            match accept {
                Ok((key, give)) => accepted.extend(asks.remove(&key).map(|ask| (key, ask, give))),
                Err(error) => {
                    asks.extend(accepted.into_iter().map(|(key, ask, _)| (key, ask)));
                    return Err(error);
                }
            }
        }
        let mut answered = self.0.answered.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, ask, _) in &accepted {
            for end in std::iter::once(0).chain(ask.path.match_indices('/').map(|(end, _)| end)) {
                *answered.entry(ask.path[..end].to_owned()).or_default() += 1;
            }
        }
        self.0.has_answers.store(true, Ordering::Relaxed);
        drop((answered, asks));
        accepted.into_iter().for_each(|(.., give)| give());
        Ok(())
    }
}

/// The open question of a path, or of a node if only one is open there.
fn named<'a>(
    asks: &'a BTreeMap<Vec<u64>, Ask>,
    node: &str,
    was_answered: impl Fn() -> bool,
) -> Result<(&'a Vec<u64>, &'a Ask)> {
    let by_path = asks.iter().find(|(_, ask)| ask.path == node || without_iterations(&ask.path) == node);
    if let Some(found) = by_path {
        return Ok(found);
    }
    let named: Vec<_> = asks.iter().filter(|(_, ask)| node_of(&ask.path) == node).collect();
    let listed = |asks: &[&Ask]| asks.iter().map(|ask| format!("`{}`", ask.path)).collect::<Vec<_>>().join(", ");
    let message = match named[..] {
        [found] => return Ok(found),
        [] if was_answered() => format!("`{node}` is answered more than once"),
        [] => format!("`{node}` asks nothing; open questions: {}", listed(&asks.values().collect::<Vec<_>>())),
        _ => {
            let open: Vec<_> = named.iter().map(|(_, ask)| *ask).collect();
            format!("`{node}` asks more than once: say which: {}", listed(&open))
        }
    };
    Err(Error::new(ErrorKind::InvalidInput, message))
}

/// `a#1/b[2]` as `b`.
pub(crate) fn node_of(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split(['#', '[']).next().unwrap_or(last)
}

/// The path without the iterations at its end, which is enough where one question is open there.
fn without_iterations(path: &str) -> &str {
    let start = path.rfind('/').map_or(0, |slash| slash + 1);
    match path[start..].find('#') {
        Some(mark) if !path[start..].contains('[') => &path[..start + mark],
        _ => path,
    }
}

/// Withdraws a question when nobody waits for it any more.
struct Open<'a>(&'a Inside, Vec<u64>);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.asks().remove(&self.1);
    }
}

/// That a step is at work.
pub(crate) struct Working(Arc<Session>);

impl Drop for Working {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Futures that run side by side, one of them for each item of a list. The first failure ends the others, unless it
/// `may_fail` so: then it is kept, and the others go on.
pub(super) async fn all<T>(
    running: Vec<futures_util::future::BoxFuture<'static, Result<T>>>,
    may_fail: impl Fn(&Error) -> bool,
    mut done_one: impl FnMut(usize, Result<&Arc<T>, &Error>),
) -> Result<Vec<Arc<T>>> {
    let count = running.len();
    let indexed = running.into_iter().enumerate().map(|(index, running)| async move { (index, running.await) });
    let mut open: FuturesUnordered<_> = indexed.collect();
    let mut done: Vec<Option<Arc<T>>> = std::iter::repeat_with(|| None).take(count).collect();
    while let Some((index, result)) = open.next().await {
        match result {
            Ok(update) => {
                let update = Arc::new(update);
                done_one(index, Ok(&update));
                done[index] = Some(update);
            }
            Err(error) => {
                done_one(index, Err(&error));
                if !may_fail(&error) {
                    return Err(error.at(format!("item {index}")));
                }
            }
        }
    }
    Ok(done.into_iter().flatten().collect())
}
