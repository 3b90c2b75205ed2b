//! An oracle of the core: a `VecDeque` of waiters that is served strictly in order.
//!
//! [`check`] runs operations on both. The property tests feed it, and a fuzz target through
//! [`decode`] and a test facade of `model`.

use super::*;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Wake;

#[derive(Default)]
pub(super) struct Counter(pub(super) AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Op {
    Acquire { wanted: usize, has_budget: bool },
    TryAcquire(usize),
    Release(usize),
    Forget(usize),
    Cancel(usize),
    Poll { who: usize, how: How },
    Close,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Plainly,
    WithNewWaker,
    WithoutBudget,
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
    fn check(&mut self, fate: Fate, how: How) -> bool {
        let polled = self.poll(how);
        let is_over = !matches!(fate, Fate::Waiting { .. });
        let expected = match fate {
            _ if how == How::WithoutBudget => Poll::Pending,
            Fate::Waiting { .. } => Poll::Pending,
            Fate::Granted => Poll::Ready(Ok(())),
            Fate::Refused { .. } => Poll::Ready(Err(Closed)),
        };
        assert_eq!(polled, expected);
        if polled.is_pending() && is_over {
            self.yields += 1;
        }
        polled.is_ready()
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

/// Runs the operations on the core and on the oracle.
///
/// # Panics
///
/// Panics where the two differ.
pub(crate) fn check(initial: usize, ops: &[Op]) {
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
    for &op in ops {
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
                let is_ready = future.check(fate, how);
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
                assert_eq!(permits.try_acquire(wanted), expected);
            }
            Op::Release(count) => {
                permits.release(count);
                oracle.release(count);
            }
            Op::Forget(count) => {
                let expected = count.min(oracle.free);
                oracle.free -= expected;
                assert_eq!(permits.forget(count), expected);
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
                    if future.check(fate, how) {
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
        assert_eq!(permits.available(), oracle.free, "after {:?}", op);
        assert_eq!(permits.is_closed(), oracle.is_closed);
        assert_eq!(permits.snapshot().is_queued(), !oracle.queue.is_empty());
        // Woken exactly once, exactly when the wait is over.
        for (id, future) in futures.iter().enumerate() {
            let Some(future) = future else { continue };
            let is_over = !matches!(oracle.fates[id], Some(Fate::Waiting { .. }));
            let by_end = usize::from(is_over && future.is_woken_by_end);
            assert_eq!(
                future.counter.0.load(Ordering::SeqCst),
                by_end + future.yields
            );
        }
    }
}

/// Reads how many permits there are at first, and operations from two bytes each.
pub(crate) fn decode(bytes: &[u8]) -> (usize, Vec<Op>) {
    let (initial, bytes) = bytes.split_first().unwrap_or((&0, &[]));
    let ops = bytes.chunks_exact(2).map(|bytes| {
        let n = usize::from(bytes[1]);
        match bytes[0] % 32 {
            0..=7 => Op::Acquire {
                wanted: n % 5,
                has_budget: n < 200,
            },
            8..=10 => Op::TryAcquire(n % 4),
            11..=17 => Op::Release(n % 6),
            18 => Op::Forget(n % 3),
            19..=23 => Op::Cancel(n),
            24..=26 => Op::Poll {
                who: n,
                how: How::Plainly,
            },
            27..=28 => Op::Poll {
                who: n,
                how: How::WithNewWaker,
            },
            29..=30 => Op::Poll {
                who: n,
                how: How::WithoutBudget,
            },
            // Seldom, or nothing happens after it.
            _ if n < 64 => Op::Close,
            _ => Op::Release(n),
        }
    });
    (usize::from(*initial % 4), ops.collect())
}
