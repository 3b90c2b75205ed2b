//! A wake-up without a value: one stored permit, and a list of waiters.
//!
//! ```text
//!   state:  generation << 2 | EMPTY, WAITING or NOTIFIED
//!
//!   EMPTY ◄──a waiter takes it── NOTIFIED          lock:  current ⇄ …   draining ⇄ …
//!     │  └──notify_one──────────────►▲
//!     └──first waiter (locked)──► WAITING ──notify_one pops the last waiter (locked)──► EMPTY
//! ```
//!
//! N1. `WAITING` is set exactly while `current` is not empty; into and out of it the state
//!     changes only under the lock.
//! N2. `notify_waiters` begins a new generation. A waiter remembers the generation in which it
//!     was made and is notified as soon as that is over, queued or not.
//! N3. `current` holds waiters of the present generation only; `draining` only older ones, which
//!     some `notify_waiters` is waking in batches. So nobody who comes later is woken by it, and
//!     `notify_one` never spends its permit on a waiter that is notified already.
//! N4. While the `outcome` of a waiter is `QUEUED` the node is linked, and its waker is touched
//!     only under the lock. How the wait ended is stored once, as the last access to the node
//!     after it left its list; from then on, and while it is `NEW`, it is its future's alone.
//!
//! Pairs: the release of `notify_one` (CAS to `NOTIFIED`, or the store of `outcome`) with the
//! acquire CAS or load of the waiter; the `AcqRel` generation step with the acquire load of the
//! state. A waiter joins by a CAS on the state that a notifier changes, so no handshake spans two
//! locations.
//!
//! Rejected: to scan for waiters of this generation (O(n) under the lock); a guard node on the
//! stack of `notify_waiters` (a panicking waker would leave the list with a dangling node).
#![allow(unsafe_code)]

use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use crate::loom::sync::{Mutex, MutexGuard};
use crate::util::list::{Linked, Links, List};
use crate::util::wake_batch::{WakeBatch, wake_contained};
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::ptr::NonNull;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

const EMPTY: usize = 0;
const WAITING: usize = 1;
const NOTIFIED: usize = 2;
const PERMIT: usize = 0b11;
const GENERATION: usize = 0b100;

/// Not polled or enabled yet.
const NEW: u8 = 0;
/// In a list.
const QUEUED: u8 = 1;
/// How the wait ended.
const BY_ONE: u8 = 2;
const BY_LAST: u8 = 3;
const BY_ALL: u8 = 4;
/// By one notification that is for those who wait already, so it is never stored.
const BY_SIGNAL: u8 = 5;
/// A flag besides: the task was told of the end, so there is nothing to hand on.
const TOLD: u8 = 1 << 7;

/// Wakes tasks that wait for "something happened".
///
/// [`notify_one`](Self::notify_one) stores a permit when nobody waits, so the next waiter goes
/// on at once; permits do not add up. It needs no runtime.
///
/// ```
/// # use runtime::sync::Notify;
/// # let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
/// let notify = Notify::new();
/// let mut waiting = std::pin::pin!(notify.notified());
/// assert!(waiting.as_mut().poll(&mut cx).is_pending());
/// notify.notify_one();
/// assert!(waiting.as_mut().poll(&mut cx).is_ready());
/// ```
#[derive(Debug)]
pub struct Notify {
    state: AtomicUsize,
    waiters: Mutex<Waiters>,
}

#[derive(Debug)]
struct Waiters {
    current: List<Waiter>,
    draining: List<Waiter>,
}

/// A place in the list, inside a pinned future.
struct Waiter {
    links: Links<Waiter>,
    waker: UnsafeCell<Option<Waker>>,
    outcome: AtomicU8,
    _pinned: PhantomPinned,
}

// SAFETY: always the same field.
unsafe impl Linked for Waiter {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl Waiter {
    /// The task learns of the end of its wait.
    #[inline]
    fn tell(&self) {
        // Relaxed, and no RMW: the node is in no list, so its task's alone (N4).
        let outcome = self.outcome.load(Ordering::Relaxed);
        self.outcome.store(outcome | TOLD, Ordering::Relaxed);
    }
}

// SAFETY: links and waker are touched under the lock or by the sole owner (N4).
unsafe impl Send for Waiter {}
// SAFETY: as above.
unsafe impl Sync for Waiter {}

// Foreign code (wakers) runs only when state and lists are consistent.
impl std::panic::UnwindSafe for Notify {}
impl std::panic::RefUnwindSafe for Notify {}

impl Waiters {
    /// Ends the wait of a node that was just unlinked, and hands out its waker.
    ///
    /// # Safety
    ///
    /// The node was linked in one of these lists until now.
    unsafe fn finish(&mut self, node: NonNull<Waiter>, outcome: u8) -> Option<Waker> {
        // SAFETY: by N4 a node that was linked is alive until its outcome is stored.
        let waiter = unsafe { node.as_ref() };
        // SAFETY: by N4 the waker is touched under the lock, which `&mut self` stands for.
        let waker = waiter.waker.with_mut(|waker| unsafe { (*waker).take() });
        // Release: what the notifier did before happens before the waiter goes on.
        waiter.outcome.store(outcome, Ordering::Release);
        waker
    }
}

impl Notify {
    /// Makes one with no permit stored.
    pub fn new() -> Self {
        Self::const_new()
    }

    crate::loom::const_fn! {
        /// Makes one with no permit stored, in a constant.
        pub const fn const_new() -> Self {
            Self {
                state: AtomicUsize::new(EMPTY),
                waiters: Mutex::new(Waiters { current: List::new(), draining: List::new() }),
            }
        }
    }

    #[inline]
    fn load(&self) -> usize {
        self.state.load(Ordering::Acquire)
    }

    /// `Ok` if the state was `from` and is `to` now.
    #[inline]
    fn step(&self, from: usize, to: usize) -> Result<usize, usize> {
        self.state
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
    }

    #[inline]
    fn make_wait(&self) -> Wait {
        Wait {
            generation: self.load() & !PERMIT,
            waiter: Waiter {
                links: Links::new(),
                waker: UnsafeCell::new(None),
                outcome: AtomicU8::new(NEW),
                _pinned: PhantomPinned,
            },
        }
    }

    /// Returns a future that waits for a notification.
    ///
    /// It is complete at the latest when `notify_waiters` is called after this call, polled or
    /// not. For `notify_one` it queues when first polled or [enabled](futures::Notified::enable).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a notification by `notify_one` that the future had received is handed to the
    /// next waiter. The place in the queue is lost.
    #[inline]
    pub fn notified(&self) -> futures::Notified<'_> {
        futures::Notified::new(self, self.make_wait())
    }

    /// Like [`Self::notified`]; the future keeps the `Notify` alive.
    ///
    /// # Cancel safety
    ///
    /// As for [`Self::notified`].
    #[inline]
    pub fn notified_owned(self: Arc<Self>) -> futures::OwnedNotified {
        let wait = self.make_wait();
        futures::OwnedNotified::new(self, wait)
    }

    /// Notifies the task that waits longest, or stores a permit for the next one if none waits.
    /// At most one permit is stored.
    #[inline]
    pub fn notify_one(&self) {
        self.notify(BY_ONE);
    }

    /// Like [`Self::notify_one`], but notifies the task that began to wait last.
    #[inline]
    pub fn notify_last(&self) {
        self.notify(BY_LAST);
    }

    #[inline]
    fn notify(&self, outcome: u8) {
        let mut now = self.load();
        while now & PERMIT != WAITING {
            // Also when a permit is stored already: its taker must see what we did.
            match self.step(now, now & !PERMIT | NOTIFIED) {
                Ok(_) => return,
                Err(seen) => now = seen,
            }
        }
        self.notify_waiting(outcome);
    }

    /// The part of [`Self::notify`] that finds waiters.
    fn notify_waiting(&self, outcome: u8) {
        if let Some(waker) = self.notify_locked(outcome) {
            wake_contained(waker);
        }
    }

    /// Notifies the task that waits longest, if there is one.
    pub(super) fn signal(&self) {
        if self.load() & PERMIT == WAITING {
            if let Some(waker) = self.notify_locked(BY_SIGNAL) {
                wake_contained(waker);
            }
        }
    }

    fn notify_locked(&self, outcome: u8) -> Option<Waker> {
        let mut waiters = self.waiters.lock();
        let node = match outcome {
            BY_LAST => waiters.current.pop_back(),
            _ => waiters.current.pop_front(),
        };
        let Some(node) = node else {
            if outcome == BY_SIGNAL {
                return None;
            }
            // All left since; others may change the state meanwhile, but not to `WAITING` (N1).
            let mut now = self.load();
            while let Err(seen) = self.step(now, now & !PERMIT | NOTIFIED) {
                now = seen;
            }
            return None;
        };
        // SAFETY: the node was in `current` until now.
        let waker = unsafe { waiters.finish(node, outcome) };
        self.leave_waiting(&waiters);
        waker
    }

    /// Keeps N1 after a node left `current`.
    fn leave_waiting(&self, waiters: &Waiters) {
        let now = self.load();
        if waiters.current.is_empty() && now & PERMIT == WAITING {
            // By N1 nobody else changes the state while it is `WAITING` and we have the lock.
            self.state.store(now & !PERMIT | EMPTY, Ordering::Release);
        }
    }

    /// Notifies all tasks that wait now. Stores no permit.
    pub fn notify_waiters(&self) {
        if let Some(past) = self.end_generation() {
            past.wake();
        }
    }

    /// The first half of [`Self::notify_waiters`], which wakes nobody: from now on all waiters
    /// are notified, and who comes later is not.
    #[must_use = "the waiters are notified, but not woken yet"]
    pub(super) fn end_generation(&self) -> Option<Past<'_>> {
        let mut now = self.load();
        while now & PERMIT != WAITING {
            match self.step(now, now.wrapping_add(GENERATION)) {
                Ok(_) => return None,
                Err(seen) => now = seen,
            }
        }
        let mut waiters = self.waiters.lock();
        self.begin_generation(&mut waiters);
        Some(Past {
            notify: self,
            waiters,
        })
    }

    /// Moves all waiters to the past (N2, N3).
    fn begin_generation(&self, waiters: &mut Waiters) {
        let mut now = self.load();
        loop {
            // While `WAITING` only we change the state; else a permit may come or go.
            let permit = if now & PERMIT == WAITING {
                EMPTY
            } else {
                now & PERMIT
            };
            match self.step(now, now.wrapping_add(GENERATION) & !PERMIT | permit) {
                Ok(_) => break,
                Err(seen) => now = seen,
            }
        }
        let Waiters { current, draining } = waiters;
        draining.append(current);
    }
}

/// Waiters of past generations that are not woken yet, and the lock that keeps them.
pub(super) struct Past<'a> {
    notify: &'a Notify,
    waiters: MutexGuard<'a, Waiters>,
}

impl Past<'_> {
    /// Wakes them. Call it with no other lock held.
    pub(super) fn wake(self) {
        let Self {
            notify,
            mut waiters,
        } = self;
        let mut wakes = WakeBatch::new();
        loop {
            while wakes.can_push() {
                let Some(node) = waiters.draining.pop_front() else {
                    drop(waiters);
                    wakes.wake_all();
                    return;
                };
                // SAFETY: the node was in `draining` until now.
                if let Some(waker) = unsafe { waiters.finish(node, BY_ALL) } {
                    wakes.push(waker);
                }
            }
            drop(waiters);
            wakes.wake_and_go_on();
            waiters = notify.waiters.lock();
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        Self::new()
    }
}

pin_project! {
    /// What both futures consist of, besides the way to the [`Notify`].
    struct Wait {
        generation: usize,
        #[pin]
        waiter: Waiter,
    }
}

impl Wait {
    /// Goes on as far as possible. Without a waker the wait is only queued.
    #[inline]
    fn poll(self: Pin<&mut Self>, notify: &Notify, waker: Option<&Waker>) -> Poll<()> {
        let this = self.project();
        let waiter = this.waiter.into_ref();
        // Acquire: pairs with the store in `finish`.
        let outcome = waiter.outcome.load(Ordering::Acquire);
        let polled = match outcome {
            NEW => notify.begin(waiter, *this.generation, waker),
            QUEUED => notify.go_on(waiter, *this.generation, waker),
            _ => Poll::Ready(()),
        };
        if polled.is_ready() {
            waiter.tell();
        }
        polled
    }

    #[inline]
    fn is_told(&self) -> bool {
        // Relaxed: only the task itself sets the flag.
        self.waiter.outcome.load(Ordering::Relaxed) & TOLD != 0
    }

    /// Leaves the list; hands on a notification that was meant for one.
    #[inline]
    fn cancel(self: Pin<&mut Self>, notify: &Notify) {
        // Relaxed: `leave` looks again. Nobody queues a new node but its task.
        let outcome = self.waiter.outcome.load(Ordering::Relaxed);
        if outcome != NEW && outcome & TOLD == 0 {
            let this = self.project();
            notify.leave(this.waiter.into_ref(), *this.generation);
        }
    }
}

/// What a future does with its node.
impl Notify {
    /// Takes a permit, or joins the list.
    #[inline]
    fn begin(&self, waiter: Pin<&Waiter>, generation: usize, waker: Option<&Waker>) -> Poll<()> {
        let now = self.load();
        if now & !PERMIT != generation {
            return Poll::Ready(());
        }
        if now == generation | NOTIFIED && self.step(now, generation | EMPTY).is_ok() {
            return Poll::Ready(());
        }
        self.enqueue(waiter, generation, waker.cloned())
    }

    /// Looks once more under the lock, then joins the list.
    fn enqueue(&self, waiter: Pin<&Waiter>, generation: usize, waker: Option<Waker>) -> Poll<()> {
        let mut waiters = self.waiters.lock();
        let mut now = self.load();
        loop {
            if now & !PERMIT != generation {
                drop(waiters);
                // The waker is dropped after unlocking.
                return Poll::Ready(());
            }
            let (next, is_permit) = match now & PERMIT {
                WAITING => break,
                NOTIFIED => (generation | EMPTY, true),
                _ => (generation | WAITING, false),
            };
            match self.step(now, next) {
                Ok(_) if is_permit => {
                    drop(waiters);
                    return Poll::Ready(());
                }
                Ok(_) => break,
                Err(seen) => now = seen,
            }
        }
        waiter.waker.with_mut(|slot| {
            // SAFETY: the node is not linked yet, so ours alone (N4). Nothing is dropped: the
            // slot is empty.
            unsafe { *slot = waker };
        });
        // Relaxed: whoever takes the node out has the lock.
        waiter.outcome.store(QUEUED, Ordering::Relaxed);
        // SAFETY: in no list yet; pinned, and taken out by `cancel` before it goes away.
        unsafe { waiters.current.push_back(NonNull::from(waiter.get_ref())) };
        Poll::Pending
    }

    /// Looks for a notification, or sees to it that `waker` will be woken.
    fn go_on(&self, waiter: Pin<&Waiter>, generation: usize, waker: Option<&Waker>) -> Poll<()> {
        // Acquire: pairs with the store in `finish`.
        if waiter.outcome.load(Ordering::Acquire) != QUEUED {
            return Poll::Ready(());
        }
        let mut fresh: Option<Waker> = None;
        loop {
            let mut waiters = self.waiters.lock();
            if waiter.outcome.load(Ordering::Relaxed) != QUEUED {
                drop(waiters);
                return Poll::Ready(());
            }
            if self.load() & !PERMIT != generation {
                // Notified by all, but not reached yet (N2, N3).
                // SAFETY: no outcome and an old generation: it is in `draining`.
                unsafe { waiters.draining.remove(NonNull::from(waiter.get_ref())) };
                drop(waiters);
                return Poll::Ready(());
            }
            let Some(waker) = waker else {
                return Poll::Pending;
            };
            let is_settled = waiter.waker.with_mut(|slot| {
                // SAFETY: by N4 the waker is touched under the lock, which we have.
                let slot = unsafe { &mut *slot };
                let is_same = slot.as_ref().is_some_and(|old| old.will_wake(waker));
                if !is_same && fresh.is_some() {
                    std::mem::swap(slot, &mut fresh);
                    return true;
                }
                is_same
            });
            // Unlock before `fresh` (by now the replaced waker) is dropped or cloned.
            drop(waiters);
            if is_settled {
                return Poll::Pending;
            }
            fresh = Some(waker.clone());
        }
    }

    #[cold]
    fn leave(&self, waiter: Pin<&Waiter>, generation: usize) {
        if waiter.outcome.load(Ordering::Acquire) == QUEUED {
            let mut waiters = self.waiters.lock();
            if waiter.outcome.load(Ordering::Relaxed) == QUEUED {
                let node = NonNull::from(waiter.get_ref());
                if self.load() & !PERMIT == generation {
                    // SAFETY: no outcome and the present generation: it is in `current` (N3).
                    unsafe { waiters.current.remove(node) };
                    self.leave_waiting(&waiters);
                } else {
                    // SAFETY: no outcome and an old generation: it is in `draining` (N3).
                    unsafe { waiters.draining.remove(node) };
                }
                return;
            }
        }
        let outcome = waiter.outcome.load(Ordering::Acquire);
        match outcome {
            BY_ONE | BY_LAST => self.notify(outcome),
            BY_SIGNAL => self.signal(),
            _ => {}
        }
    }
}

/// The futures of [`Notify`].
pub(super) mod futures {
    use super::{Arc, Context, Future, Notify, Ordering, Pin, Poll, Wait, fmt, pin_project};
    use crate::budget;

    pin_project! {
        /// Waits for a notification; made by [`Notify::notified`].
        #[must_use = "futures do nothing unless polled"]
        pub struct Notified<'a> {
            notify: &'a Notify,
            #[pin]
            wait: Wait,
        }

        impl PinnedDrop for Notified<'_> {
            fn drop(this: Pin<&mut Self>) {
                let this = this.project();
                this.wait.cancel(this.notify);
            }
        }
    }

    pin_project! {
        /// Waits for a notification and keeps the [`Notify`] alive; made by
        /// [`Notify::notified_owned`].
        #[must_use = "futures do nothing unless polled"]
        pub struct OwnedNotified {
            notify: Arc<Notify>,
            #[pin]
            wait: Wait,
        }

        impl PinnedDrop for OwnedNotified {
            fn drop(this: Pin<&mut Self>) {
                let this = this.project();
                this.wait.cancel(this.notify);
            }
        }
    }

    impl<'a> Notified<'a> {
        #[inline]
        pub(super) fn new(notify: &'a Notify, wait: Wait) -> Self {
            Self { notify, wait }
        }

        /// Whether the wait is over because of a [`Notify::signal`].
        pub(in crate::sync) fn is_signalled(&self) -> bool {
            // Relaxed: whoever saw the end of the wait acquired it.
            self.wait.waiter.outcome.load(Ordering::Relaxed) & !super::TOLD == super::BY_SIGNAL
        }

        /// Queues for notifications without waiting; returns whether it is notified already.
        ///
        /// For "enable, look at the condition, then await": a `notify_one` between is not lost.
        pub fn enable(self: Pin<&mut Self>) -> bool {
            let this = self.project();
            this.wait.poll(this.notify, None).is_ready()
        }
    }

    impl OwnedNotified {
        #[inline]
        pub(super) fn new(notify: Arc<Notify>, wait: Wait) -> Self {
            Self { notify, wait }
        }

        /// Queues for notifications without waiting; returns whether it is notified already.
        pub fn enable(self: Pin<&mut Self>) -> bool {
            let this = self.project();
            this.wait.poll(this.notify, None).is_ready()
        }
    }

    impl Future for Notified<'_> {
        type Output = ();

        #[inline]
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let this = self.project();
            match this.wait.poll(this.notify, Some(cx.waker())) {
                Poll::Pending => budget::wait(cx),
                told => told,
            }
        }
    }

    impl Future for OwnedNotified {
        type Output = ();

        #[inline]
        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
            let this = self.project();
            match this.wait.poll(this.notify, Some(cx.waker())) {
                Poll::Pending => budget::wait(cx),
                told => told,
            }
        }
    }

    impl fmt::Debug for Notified<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("Notified")
                .field("is_notified", &self.wait.is_told())
                .finish_non_exhaustive()
        }
    }

    impl fmt::Debug for OwnedNotified {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.debug_struct("OwnedNotified")
                .field("is_notified", &self.wait.is_told())
                .finish_non_exhaustive()
        }
    }
}
