//! The core against an oracle: a `VecDeque` of waiters that is served strictly in order.

use super::*;
use proptest::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize as StdUsize;
use std::task::Wake;

#[derive(Default)]
struct Counter(StdUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn snapshot_transitions() {
    let two = Snapshot(2 * ONE);
    assert_eq!(two.take(2), Ok(Snapshot(0)));
    assert_eq!(two.take(0), Ok(two));
    assert_eq!(two.take(3), Err(Refused::NoPermits));
    assert_eq!(Snapshot((2 * ONE) | CLOSED).take(1), Err(Refused::Closed));
    assert_eq!(two.take_and_queue(), (Snapshot(QUEUED), 2));
    assert_eq!(Snapshot(QUEUED).unqueue().give(3), Snapshot(3 * ONE));
    assert_eq!(Snapshot(CLOSED).give(1), Snapshot(ONE | CLOSED));
    assert_eq!(Snapshot(Permits::MAX * ONE).free(), Permits::MAX);
}

#[test]
#[should_panic(expected = "would overflow MAX_PERMITS")]
fn giving_more_than_the_most_panics() {
    let _ = Snapshot(Permits::MAX * ONE).give(1);
}

/// More waiters than one batch of wakers holds.
#[test]
fn one_release_serves_any_number_of_waiters() {
    const WAITERS: usize = 100;
    let permits = Permits::new(0);
    let counter = Arc::new(Counter::default());
    let waker = counter.clone().into();
    let mut cx = Context::from_waker(&waker);
    let mut waiting: Vec<_> = (0..WAITERS).map(|_| Box::pin(permits.acquire(1))).collect();
    assert!(
        waiting
            .iter_mut()
            .all(|acquire| acquire.as_mut().poll(&mut cx).is_pending())
    );
    permits.release(WAITERS + 5);
    assert_eq!(counter.0.load(Ordering::SeqCst), WAITERS);
    assert_eq!(permits.available(), 5);
    drop(waiting);
    assert_eq!(permits.available(), WAITERS + 5);
}

/// Runs `f` with no unit of the budget left.
fn without_budget<R>(f: impl FnOnce() -> R) -> R {
    budget::with_initial(|| {
        while let Some(unit) = budget::take_unit() {
            unit.made_progress();
        }
        f()
    })
}

/// A waker whose clones panic.
#[test]
fn a_waker_that_cannot_be_cloned_leaves_no_place_behind() {
    use std::task::{RawWaker, RawWakerVTable};
    static REFUSING: RawWakerVTable = RawWakerVTable::new(|_| panic!("no"), |_| {}, |_| {}, |_| {});
    // SAFETY: the functions ignore their pointer.
    let refusing = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &REFUSING)) };
    let permits = Permits::new(0);
    let mut acquire = Box::pin(permits.acquire(1));
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        acquire.as_mut().poll(&mut Context::from_waker(&refusing))
    }));
    assert!(polled.is_err());
    drop(acquire);
    permits.release(1);
    assert_eq!(permits.available(), 1);
}

#[derive(Clone, Copy, Debug)]
enum Op {
    Acquire { wanted: usize, has_budget: bool },
    TryAcquire(usize),
    Release(usize),
    Forget(usize),
    Cancel(usize),
    Poll { who: usize, how: How },
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Plainly,
    WithNewWaker,
    WithoutBudget,
}

fn op() -> impl Strategy<Value = Op> {
    let acquire = (0..5_usize, proptest::bool::weighted(0.8));
    let how = prop_oneof![
        3 => Just(How::Plainly),
        1 => Just(How::WithNewWaker),
        1 => Just(How::WithoutBudget),
    ];
    prop_oneof![
        6 => acquire.prop_map(|(wanted, has_budget)| Op::Acquire { wanted, has_budget }),
        2 => (0..4_usize).prop_map(Op::TryAcquire),
        5 => (0..6_usize).prop_map(Op::Release),
        1 => (0..3_usize).prop_map(Op::Forget),
        3 => any::<usize>().prop_map(Op::Cancel),
        3 => (any::<usize>(), how).prop_map(|(who, how)| Op::Poll { who, how }),
        1 => Just(Op::Close),
    ]
}

/// One future, with the number of wake-ups it got.
struct Waiting<'a> {
    acquire: Pin<Box<Acquire<'a>>>,
    counter: Arc<Counter>,
    wanted: usize,
    // It joined the queue, and its present waker was there before the end.
    is_woken_by_end: bool,
    // How often the lack of budget woke it.
    yields: usize,
}

impl Waiting<'_> {
    fn poll(&mut self, how: How) -> Poll<Result<(), Closed>> {
        if how == How::WithNewWaker {
            self.counter = Arc::default();
        }
        let waker = self.counter.clone().into();
        let mut cx = Context::from_waker(&waker);
        let acquire = self.acquire.as_mut();
        if how == How::WithoutBudget {
            without_budget(|| acquire.poll(&mut cx))
        } else {
            acquire.poll(&mut cx)
        }
    }

    /// Polls, and checks the answer against what the oracle knows.
    fn check(&mut self, fate: Fate, how: How) -> Result<bool, TestCaseError> {
        let polled = self.poll(how);
        let is_over = !matches!(fate, Fate::Waiting { .. });
        let expected = match fate {
            _ if how == How::WithoutBudget => Poll::Pending,
            Fate::Waiting { .. } => Poll::Pending,
            Fate::Granted => Poll::Ready(Ok(())),
            Fate::Refused { .. } => Poll::Ready(Err(Closed)),
        };
        prop_assert_eq!(polled, expected);
        if polled.is_pending() && is_over {
            self.yields += 1;
        }
        Ok(polled.is_ready())
    }
}

/// What the oracle knows of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Waiting {
        missing: usize,
    },
    Granted,
    /// Refused, with this much in hand until the future is polled or dropped (P5).
    Refused {
        collected: usize,
    },
}

#[derive(Default)]
struct Oracle {
    free: usize,
    is_closed: bool,
    queue: VecDeque<usize>,
    fates: Vec<Option<Fate>>,
}

impl Oracle {
    fn release(&mut self, mut count: usize) {
        while let Some(&head) = self.queue.front() {
            let Some(Fate::Waiting { missing }) = &mut self.fates[head] else {
                unreachable!()
            };
            let given = count.min(*missing);
            *missing -= given;
            count -= given;
            if *missing > 0 {
                break;
            }
            self.fates[head] = Some(Fate::Granted);
            self.queue.pop_front();
        }
        self.free += count;
    }

    fn acquire(&mut self, wanted: usize) -> Fate {
        let fate = if self.is_closed {
            Fate::Refused { collected: 0 }
        } else if self.free >= wanted {
            self.free -= wanted;
            Fate::Granted
        } else {
            let missing = wanted - std::mem::take(&mut self.free);
            self.queue.push_back(self.fates.len());
            Fate::Waiting { missing }
        };
        self.fates.push(Some(fate));
        fate
    }

    fn cancel(&mut self, id: usize, wanted: usize) {
        match self.fates[id].take() {
            Some(Fate::Waiting { missing }) => {
                self.queue.retain(|&other| other != id);
                self.release(wanted - missing);
            }
            Some(Fate::Granted) => self.release(wanted),
            Some(Fate::Refused { collected }) => self.release(collected),
            None => {}
        }
    }

    /// What a poll finds: after a close it refuses whatever was granted, and what was collected
    /// goes back (P5).
    fn look(&mut self, id: usize, wanted: usize) -> Fate {
        let refused = Fate::Refused { collected: 0 };
        match self.fates[id].unwrap() {
            Fate::Granted if self.is_closed => self.release(wanted),
            Fate::Refused { collected } => self.release(collected),
            fate => return fate,
        }
        self.fates[id] = Some(refused);
        refused
    }

    fn close(&mut self, wanted: impl Fn(usize) -> usize) {
        self.is_closed = true;
        for id in std::mem::take(&mut self.queue) {
            let Some(Fate::Waiting { missing }) = self.fates[id] else {
                unreachable!()
            };
            let collected = wanted(id) - missing;
            self.fates[id] = Some(Fate::Refused { collected });
        }
    }
}

fn check(initial: usize, ops: Vec<Op>) -> Result<(), TestCaseError> {
    let permits = Permits::new(initial);
    let mut oracle = Oracle {
        free: initial,
        ..Oracle::default()
    };
    let mut futures: Vec<Option<Waiting<'_>>> = Vec::new();
    let pick = |futures: &[Option<Waiting<'_>>], n: usize| {
        let alive: Vec<_> = (0..futures.len())
            .filter(|&id| futures[id].is_some())
            .collect();
        (!alive.is_empty()).then(|| alive[n % alive.len()])
    };
    for op in ops {
        match op {
            Op::Acquire { wanted, has_budget } => {
                let how = if has_budget {
                    How::Plainly
                } else {
                    How::WithoutBudget
                };
                let fate = oracle.acquire(wanted);
                let mut future = Waiting {
                    acquire: Box::pin(permits.acquire(wanted)),
                    counter: Arc::default(),
                    wanted,
                    is_woken_by_end: matches!(fate, Fate::Waiting { .. }),
                    yields: 0,
                };
                // A finished future holds nothing: its permits are out.
                let is_ready = future.check(fate, how)?;
                if is_ready {
                    *oracle.fates.last_mut().unwrap() = None;
                }
                futures.push((!is_ready).then_some(future));
            }
            Op::TryAcquire(wanted) => {
                let expected = if oracle.is_closed {
                    Err(Refused::Closed)
                } else if oracle.free < wanted {
                    Err(Refused::NoPermits)
                } else {
                    oracle.free -= wanted;
                    Ok(())
                };
                prop_assert_eq!(permits.try_acquire(wanted), expected);
            }
            Op::Release(count) => {
                permits.release(count);
                oracle.release(count);
            }
            Op::Forget(count) => {
                let expected = count.min(oracle.free);
                oracle.free -= expected;
                prop_assert_eq!(permits.forget(count), expected);
            }
            Op::Cancel(n) => {
                if let Some(id) = pick(&futures, n) {
                    let future = futures[id].take().unwrap();
                    oracle.cancel(id, future.wanted);
                    drop(future);
                }
            }
            Op::Poll { who, how } => {
                if let Some(id) = pick(&futures, who) {
                    let future = futures[id].as_mut().unwrap();
                    let fate = oracle.look(id, future.wanted);
                    if how == How::WithNewWaker {
                        future.is_woken_by_end = matches!(fate, Fate::Waiting { .. });
                        future.yields = 0;
                    }
                    if future.check(fate, how)? {
                        futures[id] = None;
                        oracle.fates[id] = None;
                    }
                }
            }
            Op::Close => {
                permits.close();
                oracle.close(|id| futures[id].as_ref().unwrap().wanted);
            }
        }
        prop_assert_eq!(permits.available(), oracle.free, "after {:?}", op);
        prop_assert_eq!(permits.is_closed(), oracle.is_closed);
        prop_assert_eq!(permits.snapshot().is_queued(), !oracle.queue.is_empty());
        // Woken exactly once, exactly when the wait is over.
        for (id, future) in futures.iter().enumerate() {
            let Some(future) = future else { continue };
            let is_over = !matches!(oracle.fates[id], Some(Fate::Waiting { .. }));
            let by_end = usize::from(is_over && future.is_woken_by_end);
            prop_assert_eq!(
                future.counter.0.load(Ordering::SeqCst),
                by_end + future.yields
            );
        }
    }
    Ok(())
}

proptest! {
    /// P1, P2: permits conserved, first in first out, each waiter woken once; with and without
    /// budget, with wakers that change.
    #[test]
    fn behaves_like_the_oracle(
        initial in 0..4_usize,
        ops in proptest::collection::vec(op(), 1..120),
    ) {
        check(initial, ops)?;
    }
}
