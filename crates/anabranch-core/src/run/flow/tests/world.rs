//! What the trees do, and an executor without a clock for it.

use super::*;

pub(super) struct World {
    pub(super) limits: Vec<Limit>,
    pub(super) at_work: Vec<AtomicUsize>,
    pub(super) exceeded: AtomicBool,
    /// How many pieces of work may still begin: a tree whose every chunk means more work in every reader has no end.
    pub(super) left: AtomicUsize,
    /// What the outside has not done yet.
    pub(super) events: Mutex<Vec<Arc<Event>>>,
    pub(super) spawned: Mutex<Vec<Task>>,
}

#[derive(Default)]
pub(super) struct Event {
    state: Mutex<(bool, Option<Waker>)>,
    /// What waits for it.
    work: Weak<Work>,
}

impl Event {
    pub(super) fn happens(&self) {
        let waker = {
            let mut state = self.state.lock().unwrap();
            state.0 = true;
            state.1.take()
        };
        // From now on it waits to be read.
        self.work.upgrade().iter().for_each(|work| work.rest());
        waker.into_iter().for_each(Waker::wake);
    }
}

impl World {
    /// All permits are there, and nobody is left in the tables.
    pub(super) fn is_unused(&self) -> bool {
        self.limits.iter().all(|limit| limit.is_unused() && limit.snapshot().waiting == 0)
    }

    /// Waits for the outside.
    pub(super) async fn event(self: Arc<Self>, work: Weak<Work>) {
        struct Waits(Arc<World>, Arc<Event>);
        impl Drop for Waits {
            fn drop(&mut self) {
                if !self.1.state.lock().unwrap().0 {
                    self.0.events.lock().unwrap().retain(|event| !Arc::ptr_eq(event, &self.1));
                }
            }
        }
        let waits = Waits(self.clone(), Arc::new(Event { work, ..Event::default() }));
        self.events.lock().unwrap().push(waits.1.clone());
        poll_fn(|cx| {
            let mut state = waits.1.state.lock().unwrap();
            state.1 = Some(cx.waker().clone());
            if state.0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

/// The joint between a reader and what it reads, as the test sees it.
#[derive(Default)]
pub(super) struct Gate {
    inside: Mutex<Vec<Weak<Work>>>,
}

impl Gate {
    /// Nothing inside is read now.
    fn pause(&self) {
        self.inside.lock().unwrap().retain(|work| {
            let work = work.upgrade();
            work.iter().for_each(|work| work.rest());
            work.is_some()
        });
    }
}

/// Limited work: it is under way from when it is polled.
pub(super) struct Work {
    world: Arc<World>,
    limits: Mask,
    under_way: AtomicBool,
    /// On a task of its own, where it goes on, or not, whatever its reader does: it counts while it is polled.
    spawned: bool,
}

impl Work {
    fn new(place: &Place, limits: Mask) -> Arc<Self> {
        let under_way = AtomicBool::new(false);
        let work = Arc::new(Self { world: place.world.clone(), limits, under_way, spawned: place.spawned });
        // What runs without a bound is there to be timed.
        let counted = place.world.left.load(Ordering::Relaxed) <= MOST_WORK;
        for gate in place.gates.iter().filter(|_| counted) {
            gate.inside.lock().unwrap().push(Arc::downgrade(&work));
        }
        work
    }

    fn each_limit(&self) -> impl Iterator<Item = usize> {
        (0..self.world.limits.len()).filter(|bit| self.limits & (1 << bit) != 0)
    }

    fn go_on(&self) {
        if !self.under_way.swap(true, Ordering::Relaxed) {
            for limit in self.each_limit() {
                let now = self.world.at_work[limit].fetch_add(1, Ordering::Relaxed) + 1;
                if now > self.world.limits[limit].size() && self.world.left.load(Ordering::Relaxed) <= MOST_WORK {
                    self.world.exceeded.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    fn rest(&self) {
        if self.under_way.swap(false, Ordering::Relaxed) {
            self.each_limit().for_each(|limit| {
                self.world.at_work[limit].fetch_sub(1, Ordering::Relaxed);
            });
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        self.rest();
    }
}

/// Where in the tree something is.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) world: Arc<World>,
    /// What it is a part of.
    pub(super) gates: Vec<Arc<Gate>>,
    pub(super) spawned: bool,
}

pub(super) type Stream0 = BoxStream<'static, ()>;

impl Place {
    fn limits(&self, mask: Mask) -> Vec<Limit> {
        let limits = self.world.limits.iter().enumerate().filter(|(bit, _)| mask & (1 << bit) != 0);
        limits.map(|(_, limit)| limit.clone()).collect()
    }

    /// Polls a stream as the work that it is.
    fn at_work<S: Stream<Item = ()> + Send + 'static>(
        &self,
        limits: Mask,
        stream: impl FnOnce(Weak<Work>) -> S,
    ) -> Stream0 {
        let work = Work::new(self, limits);
        let mut stream = Box::pin(stream(Arc::downgrade(&work)));
        futures::stream::poll_fn(move |cx| {
            work.go_on();
            let next = stream.poll_next_unpin(cx);
            if next.is_ready() || work.spawned {
                work.rest();
            }
            next
        })
        .boxed()
    }

    pub(super) fn stream(&self, plan: &Plan) -> Stream0 {
        let left = &self.world.left;
        if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_err() {
            return futures::stream::empty().boxed();
        }
        match plan {
            &Plan::Model { limits, chunks, waits } => self.model(limits, chunks, waits),
            &Plan::Call { limits, waits } => self.call(limits, waits),
            Plan::InTurn(all) => {
                let (place, all) = (self.clone(), all.clone());
                futures::stream::iter(all).flat_map(move |plan| place.stream(&plan)).boxed()
            }
            Plan::Beside(all) => select_all(all.iter().map(|plan| self.stream(plan))).boxed(),
            Plan::Race(all) => self.race(all.iter().map(|plan| self.stream(plan)).collect()),
            Plan::Spawned(plan) => self.spawned(plan),
            Plan::Read { input, by } => {
                let (up, down) = joint();
                let (input, gate) = self.inside(up, input);
                down.wrap(self.reader(input, gate, by)).boxed()
            }
            Plan::Opens { input, by } => {
                let (input, gate) = self.opened(input);
                self.reader(input, gate, by)
            }
            Plan::Zipped(all) => {
                let all = all.iter().map(|plan| self.opened(plan).0).collect::<Vec<_>>();
                let zip = |one: Stream0, other: Stream0| one.zip(other).map(|_| ()).boxed();
                all.into_iter().reduce(zip).unwrap_or_else(|| futures::stream::empty().boxed())
            }
            Plan::Tee { input, by } => {
                let (up, down) = joint();
                let (input, gate) = self.inside(up, input);
                let input = Chunks::new(input.map(Ok), Merge::last());
                let readers = input.tee(by.len()).into_iter().zip(by).map(|(input, by)| {
                    // Every branch is a step, and has a joint of its own.
                    let (up, down) = joint();
                    let input = up.wrap(input.map(|_| ()));
                    down.wrap(self.reader(input.boxed(), gate.clone(), by))
                });
                down.wrap(select_all(readers.collect::<Vec<_>>())).boxed()
            }
        }
    }

    /// What a reader reads.
    fn inside(&self, up: Up, input: &Plan) -> (Stream0, Arc<Gate>) {
        let gate = Arc::new(Gate::default());
        let mut place = self.clone();
        place.gates.push(gate.clone());
        (up.wrap(gated(gate.clone(), place.stream(input))).boxed(), gate)
    }

    /// What a step opens by itself.
    fn opened(&self, plan: &Plan) -> (Stream0, Arc<Gate>) {
        let gate = Arc::new(Gate::default());
        let mut place = self.clone();
        place.gates.push(gate.clone());
        (opened(gated(gate.clone(), place.stream(plan))).boxed(), gate)
    }

    fn model(&self, limits: Mask, chunks: usize, waits: usize) -> Stream0 {
        let place = self.clone();
        let stream = async move {
            let permit = acquire(&place.limits(limits)).await.0;
            let world = place.world.clone();
            let stream = place.at_work(limits, |work| {
                coroutine(|mut yielder| async move {
                    for chunk in 0..=chunks {
                        if waits & (1 << chunk) != 0 {
                            world.clone().event(work.clone()).await;
                        }
                        if chunk < chunks {
                            yielder.give(()).await;
                        }
                    }
                })
            });
            permit.hold(stream.map(Ok::<_, ()>)).map(|_| ())
        };
        stream.flatten_stream().boxed()
    }

    fn call(&self, limits: Mask, waits: usize) -> Stream0 {
        let place = self.clone();
        let call = async move {
            let permit = acquire(&place.limits(limits)).await.0;
            let world = place.world.clone();
            let mut work = place.at_work(limits, |work| {
                futures::stream::once(async move {
                    for _ in 0..waits {
                        world.clone().event(work.clone()).await;
                    }
                })
            });
            permit.during(async move { work.next().await }).await;
        };
        futures::stream::once(call).boxed()
    }

    fn race(&self, all: Vec<Stream0>) -> Stream0 {
        let race = async move {
            if all.is_empty() {
                return futures::stream::empty().boxed();
            }
            let (first, _, losers) = future::select_all(all.into_iter().map(StreamExt::into_future)).await;
            drop(losers);
            match first {
                (Some(()), rest) => futures::stream::once(async {}).chain(rest).boxed(),
                (None, _) => futures::stream::empty().boxed(),
            }
        };
        race.flatten_stream().boxed()
    }

    fn spawned(&self, plan: &Plan) -> Stream0 {
        let (mut place, plan) = (self.clone(), plan.clone());
        place.spawned = true;
        let stream = async move {
            let (sender, receiver) = mpsc::unbounded();
            let mut work = place.stream(&plan);
            let work = async move {
                while let Some(chunk) = work.next().await {
                    let _ = sender.unbounded_send(chunk);
                }
            };
            let task = Task::new(in_scope(current(), work));
            let owned = Owned(task.flag.clone());
            place.world.spawned.lock().unwrap().push(task);
            receiver.inspect(move |()| {
                let _ = &owned;
            })
        };
        stream.flatten_stream().boxed()
    }

    /// Its own work for a chunk.
    fn work(&self, by: &Reader) -> Stream0 {
        let (place, work) = (self.clone(), by.work.clone());
        futures::stream::iter(work).flat_map(move |plan| place.stream(&plan)).boxed()
    }

    fn reader(&self, mut input: Stream0, gate: Arc<Gate>, by: &Reader) -> Stream0 {
        let (place, by) = (self.clone(), by.clone());
        coroutine(|mut yielder| async move {
            match by.way {
                Way::Each => {
                    while let Some(()) = input.next().await {
                        yielder.give_all(place.work(&by)).await;
                        yielder.give(()).await;
                    }
                }
                Way::Ahead(ahead) => {
                    let work = input.map(move |()| place.work(&by).for_each(|()| async {}));
                    yielder.give_all(work.buffer_unordered(1 + ahead)).await;
                }
                Way::Whole => {
                    while let Some(()) = input.next().await {}
                    drop(input);
                    yielder.give_all(place.work(&by)).await;
                }
                Way::LeavesAfter(few) => {
                    for _ in 0..few {
                        input.next().await;
                    }
                    drop(input);
                    yielder.give_all(place.work(&by)).await;
                }
                Way::KeepsAfter(few) => {
                    for _ in 0..few {
                        input.next().await;
                    }
                    yielder.give_all(place.work(&by)).await;
                    drop(input);
                }
                Way::LooksIn => {
                    loop {
                        match futures::poll!(input.next()) {
                            Poll::Ready(None) => break,
                            Poll::Ready(Some(())) => yielder.give(()).await,
                            Poll::Pending => {
                                // Not read, if it has something; there is no telling from here.
                                gate.pause();
                                yielder.give_all(place.work(&by)).await;
                                if input.next().await.is_none() {
                                    break;
                                }
                            }
                        }
                    }
                }
            }
        })
        .boxed()
    }
}

/// What gives something out of a flow is not read until it is polled again.
pub(super) fn gated(gate: Arc<Gate>, mut input: Stream0) -> Stream0 {
    futures::stream::poll_fn(move |cx| {
        let next = input.poll_next_unpin(cx);
        if next.is_ready() {
            gate.pause();
        }
        next
    })
    .boxed()
}

pub(super) struct Task {
    pub(super) future: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(super) flag: Arc<Flag>,
}

pub(super) struct Flag {
    pub(super) woken: AtomicBool,
    pub(super) aborted: AtomicBool,
    /// Of another executor.
    pub(super) also: Mutex<Option<Waker>>,
}

impl ArcWake for Flag {
    fn wake_by_ref(this: &Arc<Self>) {
        this.woken.store(true, Ordering::Relaxed);
    }
}

impl Task {
    pub(super) fn new(future: impl Future<Output = ()> + Send + 'static) -> Self {
        let flag = Flag { woken: AtomicBool::new(true), aborted: AtomicBool::new(false), also: Mutex::default() };
        Self { future: Box::pin(future), flag: Arc::new(flag) }
    }
}

/// Aborts a task when it is dropped.
pub(super) struct Owned(Arc<Flag>);

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.aborted.store(true, Ordering::Relaxed);
        self.0.woken.store(true, Ordering::Relaxed);
        let waker = self.0.also.lock().unwrap().take();
        waker.into_iter().for_each(Waker::wake);
    }
}
