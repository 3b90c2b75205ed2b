//! Counted permits with a fair queue: the core under `Semaphore`, `Mutex`, `RwLock` and the
//! bounded `mpsc` channel.
//!
//! ```text
//!   word:  free permits << 2 | QUEUED | CLOSED        queue (mutex):  head ⇄ … ⇄ tail
//!
//!   acquire ──enough free, not QUEUED──► one CAS          release ──not QUEUED──► one CAS
//!      └────else: lock, take what is free, join the tail     └────else: lock, feed the head
//! ```
//!
//! P1. Permits are conserved: free + granted + collected by waiters + in the hands of a running
//!     `release` only changes by `release` of new ones and by `forget`.
//! P2. While `QUEUED` is set no permit is free: the head collects each one. So a newcomer finds
//!     nothing to snatch, and waiters are served strictly first in, first out: a big request at
//!     the head is not starved by small ones behind it.
//! P3. While `QUEUED` is set the word changes only under the lock. `QUEUED` is set exactly while
//!     the queue is not empty or a `release` or `close` is between two batches.
//! P4. While the `outcome` of a waiter is `WAITING` the node is linked and its request is touched
//!     only under the lock. The end of the wait is stored once, as the last access to the node
//!     after it left the queue; from then on, and before it joins, the node belongs to its future
//!     alone.
//! P5. Permits that a waiter collected stay with it until its future is polled or dropped, also
//!     when `close` refuses it. A waiter that was granted all, but looks after `close`, is refused.
//!
//! Pairs: the release CAS on the word with the acquire CAS of a later `acquire` (read-modify-
//! writes continue the release sequence, so an acquirer sees every earlier release); the release
//! store of `outcome` with the acquire load in `poll`, which therefore needs no lock. There is no
//! Dekker handshake: a waiter joins by a CAS on the same word that `release` changes.
//!
//! Wakers are cloned before the lock is taken; replaced ones are dropped and woken ones run
//! after it is dropped.
//!
//! A task whose cooperative budget is used up joins the queue, or takes its permits, all the
//! same; only the result waits for the next poll. Else others would overtake it. A traced poll,
//! which has no budget either, gives permits back that were free.
//!
//! Rejected: a lock for each release (two RMW more on the path of an unlock); handing a mutex
//! over by waking and letting newcomers barge (faster, but the documented order is fair).
//! Source: the queue of Java's `AbstractQueuedSynchronizer`, with partial grants.
#![allow(unsafe_code)]

use crate::budget;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::loom::sync::{Mutex, MutexGuard};
use crate::util::list::{Linked, Links, List};
use crate::util::wake_batch::WakeBatch;
use pin_project_lite::pin_project;
use std::future::Future;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker};

/// No permit will ever come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

/// What a lock makes of the end of its wait: its permits are never closed.
#[inline]
pub(super) fn expect_open(acquired: Result<(), Closed>) {
    debug_assert!(acquired.is_ok(), "the permits of a lock are never closed");
}

/// Why an attempt got nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Closed,
    NoPermits,
}

/// The word as a value: free permits and two flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Snapshot(usize);

const CLOSED: usize = 0b01;
const QUEUED: usize = 0b10;
const ONE: usize = 0b100;

impl Snapshot {
    const fn free(self) -> usize {
        self.0 / ONE
    }

    const fn is_closed(self) -> bool {
        self.0 & CLOSED != 0
    }

    const fn is_queued(self) -> bool {
        self.0 & QUEUED != 0
    }

    /// Takes all that was asked for, or nothing.
    fn take(self, wanted: usize) -> Result<Self, Refused> {
        if self.is_closed() {
            Err(Refused::Closed)
        } else if self.free() < wanted {
            Err(Refused::NoPermits)
        } else {
            Ok(Self(self.0 - wanted * ONE))
        }
    }

    /// Takes what is free, less than was asked for, for a waiter that joins the queue.
    const fn take_and_queue(self) -> (Self, usize) {
        (Self(self.0 & CLOSED | QUEUED), self.free())
    }

    #[track_caller]
    fn give(self, count: usize) -> Self {
        let free = self.free() + count;
        assert!(
            free <= Permits::MAX,
            "number of added permits ({count}) would overflow MAX_PERMITS ({})",
            Permits::MAX
        );
        Self(self.0 + count * ONE)
    }

    const fn unqueue(self) -> Self {
        Self(self.0 & !QUEUED)
    }
}

/// The wait of a node did not begin, or its end was told to the task: nothing to give back.
const IDLE: u8 = 0;
/// The node is queued.
const WAITING: u8 = 1;
/// How the wait ended.
const GRANTED: u8 = 2;
const REFUSED: u8 = 3;

/// A place in the queue, inside a pinned future.
struct Waiter {
    links: Links<Waiter>,
    request: UnsafeCell<Request>,
    wanted: usize,
    outcome: AtomicU8,
    _pinned: PhantomPinned,
}

/// What a waiter still needs, and whom to wake.
struct Request {
    missing: usize,
    waker: Option<Waker>,
}

// SAFETY: always the same field.
unsafe impl Linked for Waiter {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl Waiter {
    /// Ends a wait that did not begin, or whose end was not told yet.
    fn end(&self, ended: Result<(), Closed>) {
        let outcome = if ended.is_ok() { GRANTED } else { REFUSED };
        // Relaxed: the node is in no list, so its task's alone (P4).
        self.outcome.store(outcome, Ordering::Relaxed);
    }
}

// SAFETY: links and request are touched under the queue's lock or by the sole owner (P4).
unsafe impl Send for Waiter {}
// SAFETY: as above.
unsafe impl Sync for Waiter {}

/// The wait list: first in, first out, nothing else. Knows neither the lock nor the word.
struct Queue {
    waiters: List<Waiter>,
}

impl Queue {
    /// Runs `f` on the request of a queued or not yet queued node.
    ///
    /// # Safety
    ///
    /// `node` is alive and belongs to this queue, or to the caller alone.
    unsafe fn with_request<R>(
        &mut self,
        node: NonNull<Waiter>,
        f: impl FnOnce(&mut Request) -> R,
    ) -> R {
        // SAFETY: the caller vouches that the node is alive.
        let waiter = unsafe { node.as_ref() };
        waiter.request.with_mut(|request| {
            // SAFETY: by P4 the request is touched under the lock, which `&mut self` stands for.
            f(unsafe { &mut *request })
        })
    }

    /// Unlinks the head, ends its wait and hands out its waker.
    fn finish_head(&mut self, outcome: u8) -> Option<Waker> {
        let node = self.waiters.pop_front()?;
        // SAFETY: the node was linked until now, so alive (P4).
        let waker = unsafe { self.with_request(node, |request| request.waker.take()) };
        // SAFETY: as above; the store is the last access (P4). Release: what the permits guard.
        unsafe { node.as_ref() }
            .outcome
            .store(outcome, Ordering::Release);
        waker
    }

    /// Adds a waiter that needs `missing` more permits.
    ///
    /// # Safety
    ///
    /// As for [`List::push_back`].
    unsafe fn join(&mut self, node: NonNull<Waiter>, missing: usize, waker: Option<Waker>) {
        // SAFETY: the node is not linked yet, so the caller's alone.
        unsafe { self.with_request(node, |r| *r = Request { missing, waker }) };
        // SAFETY: as above. Relaxed: whoever takes the node out has the lock.
        unsafe { node.as_ref() }
            .outcome
            .store(WAITING, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { self.waiters.push_back(node) };
    }

    /// Feeds permits to the head until they, the waiters or the room in the batch run out.
    /// Returns those left over.
    fn release(&mut self, mut count: usize, wakes: &mut WakeBatch) -> usize {
        while count > 0 && wakes.can_push() {
            let Some(head) = self.waiters.front() else {
                break;
            };
            // SAFETY: the head is linked, so alive (P4).
            let (given, is_full) = unsafe {
                self.with_request(head, |request| {
                    let given = request.missing.min(count);
                    request.missing -= given;
                    (given, request.missing == 0)
                })
            };
            count -= given;
            if is_full {
                if let Some(waker) = self.finish_head(GRANTED) {
                    wakes.push(waker);
                }
            }
        }
        count
    }

    /// Takes a waiter out and returns how many permits it still misses.
    ///
    /// # Safety
    ///
    /// The node is queued here.
    unsafe fn cancel(&mut self, node: NonNull<Waiter>) -> usize {
        // SAFETY: the caller vouches that the node is queued here.
        unsafe { self.waiters.remove(node) };
        // SAFETY: the caller's node is alive.
        unsafe { self.with_request(node, |request| request.missing) }
    }
}

/// See the module's head.
pub(crate) struct Permits {
    word: AtomicUsize,
    queue: Mutex<Queue>,
}

// No panic leaves the word or the queue half changed: foreign code runs after both are.
impl std::panic::UnwindSafe for Permits {}
impl std::panic::RefUnwindSafe for Permits {}

impl Permits {
    /// The most permits that can be free at once, three bits below `usize::MAX`.
    pub(crate) const MAX: usize = usize::MAX >> 3;

    crate::loom::const_fn! {
        /// Starts with `count` free permits.
        ///
        /// # Panics
        ///
        /// Panics above [`Self::MAX`].
        #[track_caller]
        pub(crate) const fn new(count: usize) -> Self {
            assert!(
                count <= Self::MAX,
                "a semaphore may not have more than MAX_PERMITS permits (2305843009213693951)"
            );
            Self {
                word: AtomicUsize::new(count * ONE),
                queue: Mutex::new(Queue { waiters: List::new() }),
            }
        }
    }

    crate::loom::const_fn! {
        /// Starts closed, without permits.
        pub(crate) const fn new_closed() -> Self {
            Self {
                word: AtomicUsize::new(CLOSED),
                queue: Mutex::new(Queue { waiters: List::new() }),
            }
        }
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot(self.word.load(Ordering::Acquire))
    }

    /// How many permits are free now.
    pub(crate) fn available(&self) -> usize {
        self.snapshot().free()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.snapshot().is_closed()
    }

    /// Takes `wanted` permits if they are free and nobody waits.
    #[inline]
    pub(crate) fn try_acquire(&self, wanted: usize) -> Result<(), Refused> {
        // By P2 there is nothing to take while somebody waits.
        // Acquire also for a refusal: what happened before `close` is visible to the refused.
        let mut now = self.snapshot();
        loop {
            let next = now.take(wanted)?;
            match self.word.compare_exchange_weak(
                now.0,
                next.0,
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => return Ok(()),
                Err(seen) => now = Snapshot(seen),
            }
        }
    }

    /// Waits for `wanted` permits.
    #[inline]
    pub(crate) fn acquire(&self, wanted: usize) -> Acquire<'_> {
        Acquire {
            permits: self,
            waiter: Waiter {
                links: Links::new(),
                request: UnsafeCell::new(Request {
                    missing: wanted,
                    waker: None,
                }),
                wanted,
                outcome: AtomicU8::new(IDLE),
                _pinned: PhantomPinned,
            },
        }
    }

    /// Gives `count` permits back, or adds new ones.
    ///
    /// # Panics
    ///
    /// Panics if more than [`Self::MAX`] would be free, and when a foreign waker panics (after
    /// all were woken).
    #[inline]
    #[track_caller]
    pub(crate) fn release(&self, count: usize) {
        if count == 0 {
            return;
        }
        // Before anything is given, and small enough for sums not to wrap.
        assert!(
            count <= Self::MAX,
            "cannot add more than MAX_PERMITS permits ({})",
            Self::MAX
        );
        let mut now = Snapshot(self.word.load(Ordering::Relaxed));
        while !now.is_queued() {
            let next = now.give(count);
            match self.word.compare_exchange_weak(
                now.0,
                next.0,
                Ordering::Release,
                Ordering::Relaxed,
            ) {
                Ok(_) => return,
                Err(seen) => now = Snapshot(seen),
            }
        }
        self.settle(self.queue.lock(), count);
    }

    /// Takes up to `count` free permits away for good; returns how many.
    pub(crate) fn forget(&self, count: usize) -> usize {
        let mut now = self.snapshot();
        loop {
            let taken = now.free().min(count);
            let next = now.0 - taken * ONE;
            match self
                .word
                .compare_exchange_weak(now.0, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return taken,
                Err(seen) => now = Snapshot(seen),
            }
        }
    }

    /// Refuses all waiters and everybody who comes later (P5).
    pub(crate) fn close(&self) {
        let mut now = self.snapshot();
        while !now.is_queued() {
            // By P3 nobody waits, and who comes later sees the bit.
            let next = now.0 | CLOSED;
            match self
                .word
                .compare_exchange_weak(now.0, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return,
                Err(seen) => now = Snapshot(seen),
            }
        }
        self.refuse_all();
    }

    #[cold]
    fn refuse_all(&self) {
        let mut wakes = WakeBatch::new();
        let mut queue = self.queue.lock();
        self.word.fetch_or(CLOSED, Ordering::AcqRel);
        while !queue.waiters.is_empty() {
            if !wakes.can_push() {
                drop(queue);
                wakes.wake_and_go_on();
                queue = self.queue.lock();
                continue;
            }
            if let Some(waker) = queue.finish_head(REFUSED) {
                wakes.push(waker);
            }
        }
        self.publish_idle(0);
        drop(queue);
        wakes.wake_all();
    }

    /// Under the lock, with the queue empty: ends the queued state and frees what is left.
    fn publish_idle(&self, count: usize) {
        let mut now = self.snapshot();
        loop {
            let next = now.unqueue().give(count);
            match self.word.compare_exchange_weak(
                now.0,
                next.0,
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => return,
                Err(seen) => now = Snapshot(seen),
            }
        }
    }

    /// Distributes `count` permits in as many batches as it takes.
    #[cold]
    fn settle<'a>(&'a self, mut queue: MutexGuard<'a, Queue>, mut count: usize) {
        let mut wakes = WakeBatch::new();
        loop {
            count = queue.release(count, &mut wakes);
            if queue.waiters.is_empty() {
                self.publish_idle(count);
                count = 0;
            }
            drop(queue);
            if count == 0 {
                break;
            }
            wakes.wake_and_go_on();
            queue = self.queue.lock();
        }
        wakes.wake_all();
    }
}

pin_project! {
    /// Waits for permits; dropping it gives back what it collected.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Acquire<'a> {
        permits: &'a Permits,
        #[pin]
        waiter: Waiter,
    }

    impl PinnedDrop for Acquire<'_> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            // Relaxed: `leave` looks again. Nobody makes an idle node a waiting one but its task.
            if this.waiter.outcome.load(Ordering::Relaxed) != IDLE {
                this.permits.leave(this.waiter.into_ref());
            }
        }
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), Closed>;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let waiter = this.waiter.into_ref();
        let is_new = waiter.outcome.load(Ordering::Relaxed) == IDLE;
        let polled = if !is_new {
            this.permits.poll_queued(waiter, cx.waker())
        } else {
            match this.permits.try_acquire(waiter.wanted) {
                Ok(()) => Poll::Ready(Ok(())),
                Err(Refused::Closed) => Poll::Ready(Err(Closed)),
                // The outcome is stored before the waker is dropped, which may panic.
                Err(Refused::NoPermits) => {
                    let mut waker = Some(cx.waker().clone());
                    this.permits.enqueue(waiter, &mut waker)
                }
            }
        };
        let Poll::Ready(ended) = polled else {
            return budget::wait(cx);
        };
        // Only now, so that a task without budget has its place in the queue, or its permits.
        let Some(unit) = budget::take_unit() else {
            if is_new && ended.is_ok() && budget::is_traced() {
                // A look at where a task waits takes nothing from others.
                this.permits.release(waiter.wanted);
            } else {
                waiter.end(ended);
            }
            return budget::refuse(cx);
        };
        unit.made_progress();
        // Relaxed: the node is in no list, so its task's alone (P4).
        waiter.outcome.store(IDLE, Ordering::Relaxed);
        Poll::Ready(ended)
    }
}

/// What a future does with its node.
impl Permits {
    /// Tries once more under the lock, then joins the queue with what is free in hand. Takes the
    /// waker only then.
    #[cold]
    fn enqueue(&self, waiter: Pin<&Waiter>, waker: &mut Option<Waker>) -> Poll<Result<(), Closed>> {
        let mut queue = self.queue.lock();
        let mut now = self.snapshot();
        let ended = loop {
            let (next, queued) = match now.take(waiter.wanted) {
                Ok(next) => (next, None),
                Err(Refused::Closed) => break Err(Closed),
                Err(Refused::NoPermits) => {
                    let (next, got) = now.take_and_queue();
                    (next, Some(waiter.wanted - got))
                }
            };
            match self
                .word
                .compare_exchange(now.0, next.0, Ordering::AcqRel, Ordering::Acquire)
            {
                Err(seen) => now = Snapshot(seen),
                Ok(_) => match queued {
                    None => break Ok(()),
                    Some(missing) => {
                        let node = NonNull::from(waiter.get_ref());
                        // SAFETY: the node is in no list yet; it is pinned, and `PinnedDrop`
                        // takes it out before it goes away.
                        unsafe { queue.join(node, missing, waker.take()) };
                        return Poll::Pending;
                    }
                },
            }
        };
        drop(queue);
        waiter.end(ended);
        Poll::Ready(ended)
    }

    /// Looks how the wait ended, or sees to it that `waker` will be woken.
    fn poll_queued(&self, waiter: Pin<&Waiter>, waker: &Waker) -> Poll<Result<(), Closed>> {
        let mut fresh: Option<Waker> = None;
        loop {
            // Acquire: pairs with the store in `finish_head`.
            match waiter.outcome.load(Ordering::Acquire) {
                WAITING => {}
                GRANTED if !self.is_closed() => return Poll::Ready(Ok(())),
                outcome => {
                    self.return_collected(&waiter, outcome);
                    return Poll::Ready(Err(Closed));
                }
            }
            let mut queue = self.queue.lock();
            if waiter.outcome.load(Ordering::Relaxed) != WAITING {
                continue;
            }
            let node = NonNull::from(waiter.get_ref());
            // SAFETY: the node is ours and alive, and still queued here.
            let is_settled = unsafe {
                queue.with_request(node, |request| {
                    let is_same = request
                        .waker
                        .as_ref()
                        .is_some_and(|old| old.will_wake(waker));
                    if !is_same && fresh.is_some() {
                        std::mem::swap(&mut request.waker, &mut fresh);
                        return true;
                    }
                    is_same
                })
            };
            // Unlock before `fresh` (by now the replaced waker) is dropped or cloned.
            drop(queue);
            if is_settled {
                return Poll::Pending;
            }
            fresh = Some(waker.clone());
        }
    }

    /// Gives up the wait and hands on what was collected.
    #[cold]
    fn leave(&self, waiter: Pin<&Waiter>) {
        if waiter.outcome.load(Ordering::Acquire) == WAITING {
            let mut queue = self.queue.lock();
            if waiter.outcome.load(Ordering::Relaxed) == WAITING {
                let node = NonNull::from(waiter.get_ref());
                // SAFETY: no outcome under the lock means that the node is queued here (P4).
                let missing = unsafe { queue.cancel(node) };
                self.settle(queue, waiter.wanted - missing);
                return;
            }
        }
        let outcome = waiter.outcome.load(Ordering::Acquire);
        self.return_collected(&waiter, outcome);
    }

    /// Gives back what a waiter has whose wait is over, if it does not use it (P5). The waiter has
    /// nothing afterwards: it may be asked again, by a later poll or by its drop.
    fn return_collected(&self, waiter: &Waiter, outcome: u8) {
        // SAFETY: the wait is over, so the node is its future's alone, which calls us (P4).
        let missing = waiter.request.with_mut(|request| unsafe {
            std::mem::replace(&mut (*request).missing, waiter.wanted)
        });
        waiter.end(Err(Closed));
        let collected = match outcome {
            GRANTED => waiter.wanted,
            _ => waiter.wanted - missing,
        };
        self.release(collected);
    }
}

impl std::fmt::Debug for Permits {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Permits")
            .field("available", &self.available())
            .finish()
    }
}

#[cfg(any(test, feature = "loom", feature = "shuttle"))]
pub(crate) mod oracle;
#[cfg(test)]
mod tests;
