//! What the steps of one run see and leave behind.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anabranch_core::RunConfig;
use tokio::time::Instant;

pub struct World {
    start: Mutex<Instant>,
    /// Work that goes on.
    live: AtomicUsize,
    begun: AtomicUsize,
    /// When work began, and which.
    trace: Mutex<Vec<(Duration, u32)>>,
    calls: Mutex<HashMap<u32, u32>>,
    limits: Mutex<Vec<Arc<Limit>>>,
    /// What a step saw that should not have been.
    wrong: Mutex<Vec<String>>,
    /// A step that something around it would have replaced failed after it had handed on a chunk.
    failed_midway: AtomicBool,
}

/// A concurrency limit, as the steps under it see it.
pub struct Limit {
    pub config: RunConfig,
    size: usize,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl World {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            start: Mutex::new(Instant::now()),
            live: AtomicUsize::new(0),
            begun: AtomicUsize::new(0),
            trace: Mutex::default(),
            calls: Mutex::default(),
            limits: Mutex::default(),
            wrong: Mutex::default(),
            failed_midway: AtomicBool::new(false),
        })
    }

    /// The limit of a configuration.
    pub fn limit(&self, config: RunConfig, size: usize) -> Arc<Limit> {
        let limit = Arc::new(Limit { config, size, now: AtomicUsize::new(0), most: AtomicUsize::new(0) });
        self.limits.lock().unwrap().push(limit.clone());
        limit
    }

    /// Work begins; it goes on until what this gives is dropped.
    pub fn enter(self: &Arc<Self>, id: u32, limits: &[Arc<Limit>]) -> Working {
        self.live.fetch_add(1, Ordering::SeqCst);
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.trace.lock().unwrap().push((self.elapsed(), id));
        let mut working = Working { world: self.clone(), limits: limits.to_vec(), counted: false };
        working.resume();
        working
    }

    /// How often a step was called before; counts this call.
    pub fn call(&self, id: u32) -> u32 {
        let mut calls = self.calls.lock().unwrap();
        let calls = calls.entry(id).or_default();
        *calls += 1;
        *calls - 1
    }

    pub fn elapsed(&self) -> Duration {
        self.start.lock().unwrap().elapsed()
    }

    /// What was before does not count.
    pub fn begin_anew(&self) {
        *self.start.lock().unwrap() = Instant::now();
        self.trace.lock().unwrap().clear();
        self.failed_midway.store(false, Ordering::SeqCst);
    }

    pub fn live(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    pub fn begun(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    pub fn trace(&self) -> Vec<(Duration, u32)> {
        self.trace.lock().unwrap().clone()
    }

    pub fn fail_midway(&self) {
        self.failed_midway.store(true, Ordering::SeqCst);
    }

    pub fn failed_midway(&self) -> bool {
        self.failed_midway.load(Ordering::SeqCst)
    }

    pub fn is_wrong(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }

    /// No step saw anything that should not have been.
    pub fn check_witnesses(&self) {
        let wrong = self.wrong.lock().unwrap();
        assert!(wrong.is_empty(), "{}", wrong.join("; "));
    }

    /// No limit was exceeded, as far as the leaves know, and all permits are there again.
    pub fn check_limits(&self, lends: bool) {
        for limit in self.limits.lock().unwrap().iter() {
            let most = limit.most.load(Ordering::SeqCst);
            assert!(most <= limit.size || lends, "{most} at once under a limit of {}", limit.size);
            let now = limit.config.concurrency().unwrap();
            assert_eq!((now.limit, now.in_use), (limit.size, 0), "permits that are not given back");
            assert!(now.waiting == 0, "somebody still waits");
        }
    }
}

/// Work that goes on until it is dropped. A stream that nobody reads does no work: it pauses between two chunks.
pub struct Working {
    world: Arc<World>,
    limits: Vec<Arc<Limit>>,
    counted: bool,
}

impl Working {
    pub fn resume(&mut self) {
        if !std::mem::replace(&mut self.counted, true) {
            for limit in &self.limits {
                let now = limit.now.fetch_add(1, Ordering::SeqCst) + 1;
                limit.most.fetch_max(now, Ordering::SeqCst);
            }
        }
    }

    pub fn pause(&mut self) {
        if std::mem::replace(&mut self.counted, false) {
            for limit in &self.limits {
                limit.now.fetch_sub(1, Ordering::SeqCst);
            }
        }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.pause();
        self.world.live.fetch_sub(1, Ordering::SeqCst);
    }
}
