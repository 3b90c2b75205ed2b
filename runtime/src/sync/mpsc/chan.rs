//! What both channels share: the queue, the counts of handles, the receiver's waker.
//!
//! C1. Only the one [`Rx`] (through `&mut`), or the drop of the channel, touches `head`.
//! C2. `senders` counts the [`Tx`] handles. Whoever takes it from 1 to 0 closes the queue; it
//!     never rises from 0.
//! C3. The receiver waits only after it registered its waker, marked the slot at its head (B3 of
//!     `block`), and found the channel unfinished after that. Whoever finishes it (last sender,
//!     last permit of a closed channel) does so first and then takes the waker; both are RMWs of
//!     the waker's word, so one side sees the other.
//! C4. The drop of the [`Rx`] closes the queue of either channel. A message whose claim came before
//!     (B1 of `block`) is dropped there, also if it is being written; one that comes later, by a
//!     permit that is out, is given back to its sender. None stays in the queue.
//!
//! Closing differs: an unbounded channel closes its queue (claims in flight still count). A
//! bounded one closes its permits, because a permit that is out may still be used; it is finished
//! when all are back. Its queue closes when nobody is left to receive (C4).
#![allow(unsafe_code)]

use super::block::{self, Head, Pushed, Queue};
use super::error::TryRecvError;
use crate::budget;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::Notify;
use crate::sync::permits::Permits;
use crate::util::atomic_waker::AtomicWaker;
use crate::util::bomb::contain;
use crate::util::wake_batch::wake_contained;
use std::fmt;
use std::panic;
use std::task::{Context, Poll, ready};

/// How many messages a channel holds.
pub(super) trait Limit {
    /// Whether closing the receiver closes the queue; else the limit itself does it.
    const CLOSES_QUEUE: bool;

    /// `count` messages were taken out.
    fn received(&self, count: usize);

    fn close(&self);

    fn is_closed(&self) -> bool;

    /// Whether no message and no right to send one is out.
    fn is_idle(&self) -> bool;
}

/// At most `bound` messages and permits.
#[derive(Debug)]
pub(super) struct Bounded {
    pub(super) permits: Permits,
    pub(super) bound: usize,
}

impl Limit for Bounded {
    const CLOSES_QUEUE: bool = false;

    #[inline]
    fn received(&self, count: usize) {
        // The receiver has a message in hand, which must not be lost to a panic.
        contain(|| self.permits.release(count));
    }

    fn close(&self) {
        contain(|| self.permits.close());
    }

    fn is_closed(&self) -> bool {
        self.permits.is_closed()
    }

    fn is_idle(&self) -> bool {
        self.permits.available() == self.bound
    }
}

/// No limit.
#[derive(Debug)]
pub(super) struct Unbounded;

impl Limit for Unbounded {
    const CLOSES_QUEUE: bool = true;

    #[inline]
    fn received(&self, _count: usize) {}

    fn close(&self) {}

    fn is_closed(&self) -> bool {
        false
    }

    fn is_idle(&self) -> bool {
        false
    }
}

/// Keeps apart what different threads write, without the cost of an over-aligned allocation.
struct Gap(#[allow(dead_code)] [u8; 64]);

/// The channel. The order of fields is that of memory: writers', everybody's, the reader's.
#[repr(C)]
pub(super) struct Chan<T, L: Limit> {
    queue: Queue<T>,
    senders: AtomicUsize,
    weak_senders: AtomicUsize,
    _gap: Gap,
    pub(super) limit: L,
    waker: AtomicWaker,
    closed: Notify,
    _other_gap: Gap,
    head: UnsafeCell<Head<T>>,
}

// SAFETY: by C1 the head is used by one thread at a time, and values only move between threads.
unsafe impl<T: Send, L: Limit + Send + Sync> Send for Chan<T, L> {}
// SAFETY: as above.
unsafe impl<T: Send, L: Limit + Send + Sync> Sync for Chan<T, L> {}

// A panic of foreign code (wakers, drops of messages) leaves the channel usable.
impl<T, L: Limit> panic::UnwindSafe for Chan<T, L> {}
impl<T, L: Limit> panic::RefUnwindSafe for Chan<T, L> {}

impl<T, L: Limit> Chan<T, L> {
    pub(super) fn is_closed(&self) -> bool {
        self.limit.is_closed() || self.queue.is_closed()
    }

    /// Sends without asking the limit.
    #[inline]
    pub(super) fn push(&self, value: T) -> Result<(), T> {
        if self.queue.push(value)? == Pushed::WakeReader {
            self.wake_receiver();
        }
        Ok(())
    }

    #[cold]
    fn wake_receiver(&self) {
        if let Some(waker) = self.waker.take() {
            wake_contained(waker);
        }
    }

    /// Wakes the receiver if nothing is left to wait for, after a permit came back unused.
    pub(super) fn wake_if_finished(&self) {
        if self.limit.is_closed() && self.limit.is_idle() {
            self.wake_receiver();
        }
    }

    pub(super) fn strong_count(&self) -> usize {
        self.senders.load(Ordering::Acquire)
    }

    pub(super) fn weak_count(&self) -> usize {
        self.weak_senders.load(Ordering::Acquire)
    }

    /// Waits until the receiver is closed.
    pub(super) async fn closed(&self) {
        loop {
            let closed = self.closed.notified();
            if self.is_closed() {
                return;
            }
            closed.await;
        }
    }
}

impl<T, L: Limit> Drop for Chan<T, L> {
    fn drop(&mut self) {
        let queue = &self.queue;
        self.head.with_mut(|head| {
            // SAFETY: the last handle is gone: nobody else touches the head (C1).
            let head = unsafe { &mut *head };
            /// Frees the blocks also when a message panics in its drop.
            struct Free<'a, T>(&'a Queue<T>, &'a mut Head<T>);
            impl<T> Drop for Free<'_, T> {
                fn drop(&mut self) {
                    // SAFETY: as above.
                    unsafe { self.0.free(self.1) };
                }
            }
            let free = Free(queue, head);
            // None are left (C4), unless a panic has cut the receiver's drop short.
            while let Some(value) = free.0.pop(free.1) {
                drop(value);
            }
        });
    }
}

/// A counted handle of the sending side.
pub(super) struct Tx<T, L: Limit> {
    chan: Arc<Chan<T, L>>,
}

impl<T, L: Limit> std::ops::Deref for Tx<T, L> {
    type Target = Chan<T, L>;

    #[inline]
    fn deref(&self) -> &Chan<T, L> {
        &self.chan
    }
}

impl<T, L: Limit> Tx<T, L> {
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chan, &other.chan)
    }

    pub(super) fn downgrade(&self) -> Weak<T, L> {
        Weak::new(self.chan.clone())
    }
}

impl<T, L: Limit> Clone for Tx<T, L> {
    fn clone(&self) -> Self {
        // Relaxed: as for any count, a new handle comes from a living one (C2).
        self.chan.senders.fetch_add(1, Ordering::Relaxed);
        Self {
            chan: self.chan.clone(),
        }
    }
}

impl<T, L: Limit> Drop for Tx<T, L> {
    fn drop(&mut self) {
        // AcqRel: all sends of all handles happen before the close.
        if self.chan.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.chan.queue.close();
            self.chan.wake_receiver();
        }
    }
}

/// A handle that does not keep the channel open.
pub(super) struct Weak<T, L: Limit> {
    chan: Arc<Chan<T, L>>,
}

impl<T, L: Limit> Weak<T, L> {
    fn new(chan: Arc<Chan<T, L>>) -> Self {
        chan.weak_senders.fetch_add(1, Ordering::Relaxed);
        Self { chan }
    }

    pub(super) fn upgrade(&self) -> Option<Tx<T, L>> {
        let mut count = self.chan.senders.load(Ordering::Relaxed);
        while count != 0 {
            match self.chan.senders.compare_exchange_weak(
                count,
                count + 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    return Some(Tx {
                        chan: self.chan.clone(),
                    });
                }
                Err(seen) => count = seen,
            }
        }
        None
    }
}

impl<T, L: Limit> std::ops::Deref for Weak<T, L> {
    type Target = Chan<T, L>;

    fn deref(&self) -> &Chan<T, L> {
        &self.chan
    }
}

impl<T, L: Limit> Clone for Weak<T, L> {
    fn clone(&self) -> Self {
        Self::new(self.chan.clone())
    }
}

impl<T, L: Limit> Drop for Weak<T, L> {
    fn drop(&mut self) {
        self.chan.weak_senders.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The receiving side: one per channel.
pub(super) struct Rx<T, L: Limit> {
    chan: Arc<Chan<T, L>>,
}

/// Makes both sides.
pub(super) fn channel<T, L: Limit>(limit: L) -> (Tx<T, L>, Rx<T, L>) {
    let (queue, head) = block::queue();
    let chan = Arc::new(Chan {
        queue,
        senders: AtomicUsize::new(1),
        weak_senders: AtomicUsize::new(0),
        _gap: Gap([0; 64]),
        limit,
        waker: AtomicWaker::new(),
        closed: Notify::new(),
        _other_gap: Gap([0; 64]),
        head: UnsafeCell::new(head),
    });
    (Tx { chan: chan.clone() }, Rx { chan })
}

impl<T, L: Limit> std::ops::Deref for Rx<T, L> {
    type Target = Chan<T, L>;

    fn deref(&self) -> &Chan<T, L> {
        &self.chan
    }
}

impl<T, L: Limit> Rx<T, L> {
    /// Runs `f` with the reader's side.
    #[inline]
    fn with_head<R>(&mut self, f: impl FnOnce(&Chan<T, L>, &mut Head<T>) -> R) -> R {
        let chan = &*self.chan;
        // SAFETY: by C1 `&mut self` is the right to use the head; `f` has no way to it but this.
        chan.head.with_mut(|head| f(chan, unsafe { &mut *head }))
    }

    /// Like [`Self::with_head`], to look at it.
    fn look_at_head<R>(&self, f: impl FnOnce(&Head<T>) -> R) -> R {
        // SAFETY: by C1 the head changes only through `&mut self`.
        self.chan.head.with(|head| f(unsafe { &*head }))
    }

    /// Takes what `take` finds, or registers the waker. `None` when the channel is finished.
    #[inline]
    fn poll_take<R>(
        &mut self,
        cx: &mut Context<'_>,
        mut take: impl FnMut(&Chan<T, L>, &mut Head<T>) -> Option<R>,
    ) -> Poll<Option<R>> {
        let unit = ready!(budget::poll_proceed(cx));
        let polled = self.with_head(|chan, head| {
            if let Some(taken) = take(chan, head) {
                return Poll::Ready(Some(taken));
            }
            // The order is that of C3.
            chan.waker.register(cx.waker());
            if !chan.queue.mark_waiting(head) {
                let taken = take(chan, head);
                debug_assert!(taken.is_some(), "only the reader empties a ready slot");
                return Poll::Ready(taken);
            }
            if is_finished(chan, head) {
                Poll::Ready(None)
            } else {
                Poll::Pending
            }
        });
        if polled.is_ready() {
            unit.made_progress();
        }
        polled
    }

    #[inline]
    pub(super) fn poll_recv(&mut self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        self.poll_take(cx, |chan, head| {
            let value = chan.queue.pop(head)?;
            chan.limit.received(1);
            Some(value)
        })
    }

    pub(super) fn poll_recv_many(
        &mut self,
        cx: &mut Context<'_>,
        buffer: &mut Vec<T>,
        limit: usize,
    ) -> Poll<usize> {
        if limit == 0 {
            return Poll::Ready(0);
        }
        let polled = self.poll_take(cx, |chan, head| {
            let before = buffer.len();
            while buffer.len() - before < limit {
                let Some(value) = chan.queue.pop(head) else {
                    break;
                };
                buffer.push(value);
            }
            let count = buffer.len() - before;
            if count == 0 {
                return None;
            }
            chan.limit.received(count);
            Some(count)
        });
        polled.map(|count| count.unwrap_or(0))
    }

    pub(super) fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.with_head(|chan, head| {
            if let Some(value) = chan.queue.pop_claimed(head) {
                chan.limit.received(1);
                return Ok(value);
            }
            // Empty a moment ago. If it is finished now, nothing came in between, or it would
            // still be there.
            if is_finished(chan, head) {
                Err(TryRecvError::Disconnected)
            } else {
                Err(TryRecvError::Empty)
            }
        })
    }

    pub(super) fn close(&mut self) {
        self.with_head(|chan, head| {
            chan.limit.close();
            if L::CLOSES_QUEUE {
                chan.queue.close_reader(head);
            }
        });
        self.chan.closed.notify_waiters();
    }

    pub(super) fn len(&self) -> usize {
        self.look_at_head(|head| self.chan.queue.len(head))
    }
}

/// Whether nothing will ever come again.
fn is_finished<T, L: Limit>(chan: &Chan<T, L>, head: &Head<T>) -> bool {
    chan.queue.is_finished(head) || (chan.limit.is_closed() && chan.limit.is_idle())
}

impl<T, L: Limit> Drop for Rx<T, L> {
    fn drop(&mut self) {
        self.close();
        self.with_head(|chan, head| chan.queue.close_reader(head)); // C4
        drop(self.chan.waker.take()); // Nobody is left to wake.
        /// Goes on with the rest when a message panics in its drop.
        struct Drain<'a, T, L: Limit>(&'a mut Rx<T, L>);
        impl<T, L: Limit> Drain<'_, T, L> {
            fn next(&mut self) -> Option<T> {
                self.0.with_head(|chan, head| {
                    let value = chan.queue.pop_claimed(head)?;
                    chan.limit.received(1);
                    Some(value)
                })
            }
        }
        impl<T, L: Limit> Drop for Drain<'_, T, L> {
            fn drop(&mut self) {
                while let Some(value) = self.next() {
                    drop(value);
                }
            }
        }
        let mut drain = Drain(self);
        while let Some(value) = drain.next() {
            drop(value);
        }
    }
}

impl<T, L: Limit + fmt::Debug> fmt::Debug for Chan<T, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chan")
            .field("limit", &self.limit)
            .field("senders", &self.strong_count())
            .field("is_closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}

/// `Debug` of a handle shows the channel.
macro_rules! show_the_channel {
    ($($handle:ident)+) => {$(
        impl<T, L: Limit + fmt::Debug> fmt::Debug for $handle<T, L> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.chan.fmt(f)
            }
        }
    )+};
}

show_the_channel!(Tx Weak Rx);
