//! A channel for one value: one allocation and one state word, which also counts the two owners.
//!
//! ```text
//!   sender:    … ──send/drop: CAS { DECIDED, VALUE?, !RX_WAKER }──► TX_GONE
//!   receiver:  … ──close/drop: CAS { RX_CLOSED, !TX_WAKER }──────► RX_GONE
//! ```
//!
//! O1. `value` is written by the sender before the CAS that sets `VALUE`, and read by the
//!     receiver after it saw that bit (release and acquire on the word). `VALUE` is set only
//!     together with `DECIDED`, and never after `RX_CLOSED`.
//! O2. A waker slot belongs to the side that registers in it while its bit is clear and the
//!     other side has not made its last decision; while the bit is set nobody writes it, and
//!     whoever clears the bit by a CAS owns the waker. A side that clears the other's bit has
//!     made its decision in the same CAS, so the other never registers again.
//! O3. A side sets its `GONE` bit with its last access to the channel. Whoever finds the other
//!     side's bit set when it leaves frees the memory.
//!
//! All changes are `AcqRel` RMWs of one word, so there is no handshake over two locations: either
//! the registration comes first in the order of the word and the decision finds the waker, or the
//! decision comes first and the registrant sees it.
//!
//! A sender that meets no waiting receiver leaves with one RMW (`DECIDED | VALUE | TX_GONE`), and
//! the receiver that finds `TX_GONE` frees with none.
//!
//! Rejected: an `Arc` around it (two more RMW and two more words).
#![allow(unsafe_code)]

use crate::budget;
use crate::loom::Track;
use crate::loom::cell::UnsafeCell;
use crate::loom::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::block_on::block_on;
use crate::util::wake_batch::wake_contained;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::ptr::NonNull;
use std::task::{Context, Poll, Waker, ready};

/// The receiver's waker is in its slot.
const RX_WAKER: usize = 1;
/// The sender's waker (of `closed`) is in its slot.
const TX_WAKER: usize = 1 << 1;
/// The sender has sent or was dropped: nothing more will come.
const DECIDED: usize = 1 << 2;
/// A value was sent. It stays set when the value is taken: only the receiver asks.
const VALUE: usize = 1 << 3;
/// The receiver takes no more.
const RX_CLOSED: usize = 1 << 4;
/// The sender will not touch the channel again.
const TX_GONE: usize = 1 << 5;
/// The receiver will not touch the channel again.
const RX_GONE: usize = 1 << 6;

/// What both sides share.
struct Channel<T> {
    state: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
    rx_waker: UnsafeCell<MaybeUninit<Waker>>,
    tx_waker: UnsafeCell<MaybeUninit<Waker>>,
    _track: Track,
}

/// The channel as one side holds it; the owner frees it by O3.
struct Shared<T> {
    channel: NonNull<Channel<T>>,
    // Through a box, so that both ends are `Unpin` whatever `T` is.
    marker: PhantomData<Box<Channel<T>>>,
}

// SAFETY: by O1 and O2 the cells are handed over through the word; a `T` moves between threads.
unsafe impl<T: Send> Send for Shared<T> {}
// SAFETY: a shared reference reaches only the word and (with `will_wake`) nothing of `T`.
unsafe impl<T: Send> Sync for Shared<T> {}

// A panic of foreign code (a waker) leaves the word as if the call had not been made or was over.
impl<T> std::panic::UnwindSafe for Shared<T> {}
impl<T> std::panic::RefUnwindSafe for Shared<T> {}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

impl<T> std::ops::Deref for Shared<T> {
    type Target = Channel<T>;

    #[inline]
    fn deref(&self) -> &Channel<T> {
        // SAFETY: by O3 the channel lives until the side that holds this sets its `GONE` bit.
        unsafe { self.channel.as_ref() }
    }
}

impl<T> Shared<T> {
    /// Ends this side's part: `own` is its bit, `other` the other side's. The caller has seen
    /// `seen` last.
    fn leave(self, seen: usize, own: usize, other: usize) {
        // Acquire: what the other side did before it left happens before the memory is freed.
        if seen & other != 0 || self.state.fetch_or(own, Ordering::AcqRel) & other != 0 {
            // SAFETY: by O3 the other side is gone; `channel` made it from a `Box`.
            drop(unsafe { Box::from_raw(self.channel.as_ptr()) });
        }
    }
}

impl<T> Channel<T> {
    #[inline]
    fn load(&self) -> usize {
        self.state.load(Ordering::Acquire)
    }

    /// Applies `change` to the word until it sticks or gives up; returns the word before.
    #[inline]
    fn update(&self, change: impl Fn(usize) -> Option<usize>) -> Result<usize, usize> {
        let mut now = self.load();
        loop {
            let Some(next) = change(now) else {
                return Err(now);
            };
            match self
                .state
                .compare_exchange_weak(now, next, Ordering::AcqRel, Ordering::Acquire)
            {
                Ok(_) => return Ok(now),
                Err(seen) => now = seen,
            }
        }
    }

    /// Moves a waker out.
    ///
    /// # Safety
    ///
    /// The caller has cleared the slot's bit (O2).
    unsafe fn take_waker(slot: &UnsafeCell<MaybeUninit<Waker>>) -> Waker {
        // A read, not a write: the owner may compare its waker at this moment (O2).
        slot.with(|slot| {
            // SAFETY: the bit was set, so the slot is filled; the caller cleared it and owns it.
            unsafe { slot.cast::<Waker>().read() }
        })
    }

    /// Moves the value out.
    ///
    /// # Safety
    ///
    /// The caller is the receiver, has seen `VALUE`, and does this once (O1).
    unsafe fn take_value(&self) -> T {
        self.value.with(|value| {
            // SAFETY: by O1 the value was written before the bit that the caller has acquired.
            unsafe { value.cast::<T>().read() }
        })
    }

    /// Sees to it that `waker` is woken when the other side decides. `Err` has the word when it
    /// has decided already, which `decided` tells.
    fn register(
        &self,
        slot: &UnsafeCell<MaybeUninit<Waker>>,
        bit: usize,
        decided: usize,
        waker: &Waker,
    ) -> Result<(), usize> {
        let now = self.load();
        if now & decided != 0 {
            return Err(now);
        }
        if now & bit != 0 {
            let is_same = slot.with(|slot| {
                // SAFETY: this side filled the slot, and by O2 nobody writes to it before this
                // side does; the other side may only copy it out.
                let stored = unsafe { &*slot.cast::<Waker>() };
                stored.will_wake(waker)
            });
            if is_same {
                return Ok(());
            }
            self.update(|now| (now & decided == 0).then_some(now & !bit))?;
            // SAFETY: the bit was cleared just now, by us (O2).
            drop(unsafe { Self::take_waker(slot) });
        }
        let waker = waker.clone();
        slot.with_mut(|slot| {
            // SAFETY: the bit is clear and only this side sets it: the slot is ours (O2).
            unsafe { slot.cast::<Waker>().write(waker) };
        });
        match self.update(|now| (now & decided == 0).then_some(now | bit)) {
            Ok(_) => Ok(()),
            Err(now) => {
                // SAFETY: filled above, and the bit was never set: still ours (O2).
                drop(unsafe { Self::take_waker(slot) });
                Err(now)
            }
        }
    }

    /// Takes the wakers whose bits were set in `before` and which the caller has cleared.
    fn take_wakers(&self, before: usize) -> (Option<Waker>, Option<Waker>) {
        // SAFETY: the caller cleared the bit (O2).
        let rx = (before & RX_WAKER != 0).then(|| unsafe { Self::take_waker(&self.rx_waker) });
        // SAFETY: as above.
        let tx = (before & TX_WAKER != 0).then(|| unsafe { Self::take_waker(&self.tx_waker) });
        (rx, tx)
    }
}

/// The sender's end.
impl<T> Shared<T> {
    /// The sender's last act: decides, with or without a value in place, wakes the receiver and
    /// leaves. Does nothing and fails if there is a value and the receiver is closed.
    fn decide(self, value: usize) -> Result<(), ()> {
        let decided = self.update(|now| {
            if value != 0 && now & RX_CLOSED != 0 {
                return None;
            }
            let wakers = now & (RX_WAKER | TX_WAKER);
            let gone = if wakers == 0 { TX_GONE } else { 0 };
            Some(now & !wakers | DECIDED | value | gone)
        });
        let before = decided.map_err(drop)?;
        if before & (RX_WAKER | TX_WAKER) == 0 {
            // The bit is set already.
            if before & RX_GONE != 0 {
                self.leave(before, TX_GONE, RX_GONE);
            }
            return Ok(());
        }
        let (rx_waker, tx_waker) = self.take_wakers(before);
        self.leave(0, TX_GONE, RX_GONE);
        if let Some(waker) = rx_waker {
            wake_contained(waker);
        }
        drop(tx_waker);
        Ok(())
    }
}

/// The receiver's end.
impl<T> Shared<T> {
    /// Takes no more values; wakes the sender that waits for this.
    fn close(self) {
        let before = self
            .update(|now| Some((now | RX_CLOSED) & !TX_WAKER))
            .unwrap_or(0);
        let (_, tx_waker) = self.take_wakers(before & TX_WAKER);
        if let Some(waker) = tx_waker {
            wake_contained(waker);
        }
    }

    /// Takes what was decided and leaves. `seen` has `DECIDED`.
    fn take_decided(self, seen: usize) -> Option<T> {
        // SAFETY: this side is the receiver and leaves, so it does this once (O1).
        let value = (seen & VALUE != 0).then(|| unsafe { self.take_value() });
        self.leave(seen, RX_GONE, TX_GONE);
        value
    }

    /// Leaves in whatever state the channel is.
    fn abandon(self) {
        let seen = self.load();
        if seen & TX_GONE != 0 {
            drop(self.take_decided(seen));
            return;
        }
        let before = self
            .update(|now| Some((now | RX_CLOSED) & !(RX_WAKER | TX_WAKER)))
            .unwrap_or(seen);
        let (rx_waker, tx_waker) = self.take_wakers(before);
        let value = self.take_decided(before);
        if let Some(waker) = tx_waker {
            wake_contained(waker);
        }
        drop(rx_waker);
        drop(value);
    }
}

/// Sends one value to the [`Receiver`]; made by [`channel`].
#[derive(Debug)]
pub struct Sender<T> {
    // Empty only inside `send`.
    shared: Option<Shared<T>>,
}

/// Receives the value of the [`Sender`]: await it; made by [`channel`].
///
/// Cancel safe: `&mut Receiver` can be awaited in parts; the value stays in the channel.
#[derive(Debug)]
pub struct Receiver<T> {
    // Empty once the value, or the news that none comes, was handed out.
    shared: Option<Shared<T>>,
}

/// Makes a channel for one value. Sending never waits.
///
/// ```
/// # use runtime::sync::oneshot;
/// let (tx, mut rx) = oneshot::channel();
/// tx.send("done").unwrap();
/// assert_eq!(rx.try_recv(), Ok("done"));
/// ```
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let channel = Box::new(Channel {
        state: AtomicUsize::new(0),
        value: UnsafeCell::new(MaybeUninit::uninit()),
        rx_waker: UnsafeCell::new(MaybeUninit::uninit()),
        tx_waker: UnsafeCell::new(MaybeUninit::uninit()),
        _track: Track::new(),
    });
    let shared = Shared {
        channel: NonNull::from(Box::leak(channel)),
        marker: PhantomData,
    };
    (
        Sender {
            shared: Some(shared),
        },
        Receiver {
            shared: Some(shared),
        },
    )
}

impl<T> Sender<T> {
    fn shared(&self) -> Shared<T> {
        self.shared
            .expect("only `send` empties it, and takes the sender")
    }

    /// Sends the value. A success does not say that the receiver will look at it.
    ///
    /// # Errors
    ///
    /// The value itself, if the receiver was dropped or closed.
    pub fn send(mut self, value: T) -> Result<(), T> {
        let shared = self.shared();
        shared.value.with_mut(|slot| {
            // SAFETY: `VALUE` is not set, so the slot is the sender's (O1).
            unsafe { slot.cast::<T>().write(value) };
        });
        // On success `decide` leaves, also when a foreign waker panics in it. On failure the
        // drop of `self` does.
        let unsent = self.shared.take();
        if shared.decide(VALUE).is_ok() {
            return Ok(());
        }
        self.shared = unsent;
        // SAFETY: written above, and `VALUE` was not set: still the sender's (O1).
        Err(unsafe { shared.take_value() })
    }

    /// Waits until the receiver is dropped or closed, for a sender whose value takes long to
    /// make.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn closed(&mut self) {
        poll_fn(|cx| self.poll_closed(cx)).await;
    }

    /// Returns whether the receiver was dropped or closed, so that sending is in vain.
    pub fn is_closed(&self) -> bool {
        self.shared().load() & RX_CLOSED != 0
    }

    /// Polls for what [`Self::closed`] waits for; the waker of the last call is woken.
    pub fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(budget::poll_proceed(cx));
        let shared = self.shared();
        match shared.register(&shared.tx_waker, TX_WAKER, RX_CLOSED, cx.waker()) {
            Ok(()) => Poll::Pending,
            Err(_) => {
                unit.made_progress();
                Poll::Ready(())
            }
        }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            // Without a value it cannot fail.
            let _ = shared.decide(0);
        }
    }
}

impl<T> Receiver<T> {
    /// Refuses a value that is not sent yet. One that was sent before can still be received.
    pub fn close(&mut self) {
        if let Some(shared) = self.shared {
            shared.close();
        }
    }

    /// Returns whether the value, or the error, was handed out: polling again would panic.
    pub fn is_terminated(&self) -> bool {
        self.shared.is_none()
    }

    /// Returns whether there is no value to take now.
    pub fn is_empty(&self) -> bool {
        self.shared.is_none_or(|shared| shared.load() & VALUE == 0)
    }

    /// Takes the value if it was sent.
    ///
    /// # Errors
    ///
    /// [`error::TryRecvError::Empty`] if it may still come, [`error::TryRecvError::Closed`] if it
    /// will not, or was taken already.
    pub fn try_recv(&mut self) -> Result<T, error::TryRecvError> {
        let shared = self.shared.ok_or(error::TryRecvError::Closed)?;
        let seen = shared.load();
        if seen & DECIDED == 0 {
            if seen & RX_CLOSED == 0 {
                return Err(error::TryRecvError::Empty);
            }
            self.shared = None;
            shared.abandon();
            return Err(error::TryRecvError::Closed);
        }
        self.shared = None;
        shared.take_decided(seen).ok_or(error::TryRecvError::Closed)
    }

    /// Waits for the value by blocking the thread.
    ///
    /// # Errors
    ///
    /// [`error::RecvError`] if the sender was dropped without sending.
    ///
    /// # Panics
    ///
    /// Panics on a thread that runs asynchronous tasks.
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, error::RecvError> {
        block_on("oneshot::Receiver::blocking_recv", self)
    }
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, error::RecvError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let unit = ready!(budget::poll_proceed(cx));
        let shared = self.shared.expect("called after complete");
        let mut seen = shared.load();
        if seen & (DECIDED | RX_CLOSED) == 0 {
            match shared.register(&shared.rx_waker, RX_WAKER, DECIDED, cx.waker()) {
                Ok(()) => return Poll::Pending,
                Err(decided) => seen = decided,
            }
        }
        unit.made_progress();
        self.as_mut().get_mut().shared = None;
        if seen & DECIDED == 0 {
            shared.abandon();
            return Poll::Ready(Err(error::RecvError(())));
        }
        Poll::Ready(shared.take_decided(seen).ok_or(error::RecvError(())))
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.abandon();
        }
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.load();
        f.debug_struct("Channel")
            .field("is_sent", &(state & VALUE != 0))
            .field("is_closed", &(state & RX_CLOSED != 0))
            .finish()
    }
}

/// Why nothing was received.
pub mod error {
    use std::error::Error;
    use std::fmt;

    /// The sender was dropped without sending, or the receiver closed the channel first.
    #[derive(Debug, PartialEq, Eq, Clone)]
    pub struct RecvError(pub(super) ());

    impl fmt::Display for RecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("channel closed")
        }
    }

    impl Error for RecvError {}

    /// Why [`Receiver::try_recv`](super::Receiver::try_recv) returned no value.
    #[derive(Debug, PartialEq, Eq, Clone)]
    pub enum TryRecvError {
        /// No value yet.
        Empty,
        /// No value will come any more.
        Closed,
    }

    impl fmt::Display for TryRecvError {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(match self {
                Self::Empty => "channel empty",
                Self::Closed => "channel closed",
            })
        }
    }

    impl Error for TryRecvError {}
}
