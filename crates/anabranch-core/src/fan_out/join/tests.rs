use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::atomic::AtomicUsize;

use proptest::prelude::*;

use super::*;

/// Counts how often the task was woken since it was last polled.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Who waits for somebody from outside, and with which waker.
type Bells = Rc<RefCell<Vec<Option<Waker>>>>;

/// Is done after so many polls that were asked for. (Polled once too often it goes on waiting.)
struct Waits {
    index: usize,
    /// How it waits, the last first: for a bell, or by waking itself.
    waits: Vec<bool>,
    waiting: bool,
    bells: Bells,
}

impl Future for Waits {
    type Output = usize;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = &mut *self;
        if this.waiting && this.bells.borrow()[this.index].is_some() {
            // Nobody rang.
            this.bells.borrow_mut()[this.index] = Some(cx.waker().clone());
            return Poll::Pending;
        }
        this.waiting = true;
        match this.waits.pop() {
            None => return Poll::Ready(this.index),
            Some(true) => this.bells.borrow_mut()[this.index] = Some(cx.waker().clone()),
            Some(false) => cx.waker().wake_by_ref(),
        }
        Poll::Pending
    }
}

proptest! {
    /// However they wait and whoever wakes them when, and whatever the task does between two results: all are done, each
    /// once, and never more than the limit at once. The task is polled only when it was woken, so a wake-up that is lost
    /// is seen.
    #[test]
    fn no_wake_up_is_lost(
        waits in prop::collection::vec(prop::collection::vec(any::<bool>(), 0..4), 0..200),
        limit in prop_oneof![1..6_usize, 30..36_usize, 100..300_usize],
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
        busy in prop::collection::vec(any::<bool>(), 1..7),
    ) {
        let bells = Bells::new(RefCell::new(waits.iter().map(|_| None).collect()));
        let started = Rc::new(RefCell::new(0));
        let futures = waits.iter().enumerate().map(|(index, waits)| {
            *started.borrow_mut() += 1;
            Waits { index, waits: waits.clone(), waiting: false, bells: bells.clone() }
        });
        let mut window = Window::new(futures, limit);
        let task = Arc::new(Task::default());
        let waker = Waker::from(task.clone());
        let (mut done, mut order, mut busy) = (BTreeSet::new(), order.iter().cycle(), busy.iter().cycle());
        task.wake_by_ref();
        loop {
            prop_assert!(task.0.swap(0, Ordering::SeqCst) > 0, "the task was not woken");
            let mut cx = Context::from_waker(&waker);
            let over = loop {
                match window.poll_next(&mut cx) {
                    Poll::Ready(Some((index, output))) => {
                        prop_assert_eq!(index, output);
                        prop_assert!(done.insert(index), "{} twice", index);
                        if *busy.next().unwrap() {
                            // The task does something else before it asks for the next, and is woken meanwhile.
                            ring(&bells, order.next().unwrap());
                            task.0.store(0, Ordering::SeqCst);
                        }
                    }
                    Poll::Ready(None) => break true,
                    Poll::Pending => break false,
                }
                prop_assert!(*started.borrow() <= done.len() + limit);
            };
            if over {
                break;
            }
            ring(&bells, order.next().unwrap());
        }
        prop_assert_eq!(done.len(), waits.len());
    }
}

/// Wakes one of those who wait for it.
fn ring(bells: &Bells, which: &prop::sample::Index) {
    let waiting: Vec<_> = (0..bells.borrow().len()).filter(|index| bells.borrow()[*index].is_some()).collect();
    if !waiting.is_empty() {
        let waker = bells.borrow_mut()[*which.get(&waiting)].take();
        waker.into_iter().for_each(Waker::wake);
    }
}
