//! How a worker waits: the first takes the driver guard and waits in the reactor, the others
//! on their own word.
//!
//! ```text
//!   EMPTY ──wait──► PARKED or IN_REACTOR ──unpark──► NOTIFIED ──woken──► EMPTY
//!     └───────────────────unpark──────────────────────▲
//! ```
//!
//! - K1. An `unpark` before or during a wait ends that wait; it is remembered once.
//!   A spin ([`Parker::spin_wait`]) leaves the word `EMPTY`: a notification that comes after its
//!   last look is found by the wait that follows.
//! - K2. `unpark` makes a system call only for a thread that waits.
//!
//! The swap to `NOTIFIED` (`AcqRel`) pairs with the waiter's exchange back to `EMPTY`: what the
//! waker wrote before is seen after the wait. The thread to wake is behind a lock because
//! `block_in_place` moves a worker to another thread; it is taken only when somebody waits.

use crate::driver::Driver;
use crate::loom;
use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicU32, Ordering};
use crate::loom::thread::{self, Thread};
use std::thread::ThreadId;
use std::time::Duration;

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const IN_REACTOR: u32 = 2;
const NOTIFIED: u32 = 3;

/// The word a worker waits on.
#[derive(Debug)]
pub(crate) struct Parker {
    state: AtomicU32,
    thread: Mutex<Option<Thread>>,
    /// The same thread, by the name that std gives it.
    thread_id: Mutex<Option<ThreadId>>,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Self {
            state: AtomicU32::new(EMPTY),
            thread: Mutex::new(None),
            thread_id: Mutex::new(None),
        }
    }

    /// Names the calling thread as the one that waits here.
    pub(crate) fn bind_thread(&self) {
        *self.thread.lock() = Some(thread::current());
        *self.thread_id.lock() = Some(std::thread::current().id());
    }

    /// The thread that waits here, or did last.
    pub(crate) fn thread_id(&self) -> Option<ThreadId> {
        *self.thread_id.lock()
    }

    /// Waits until notified.
    pub(crate) fn park(&self) {
        if !self.begin(PARKED) {
            return;
        }
        loop {
            // May return for no reason, or for a wake meant for someone else's use of the thread.
            thread::park();
            if self.take_notification() {
                return;
            }
        }
    }

    /// Waits awake until notified, for `limit` at most. Returns for how long, and whether a
    /// notification came, which is used up.
    pub(crate) fn spin_wait(&self, limit: Duration) -> (Duration, bool) {
        let is_notified = || self.state.load(Ordering::Relaxed) == NOTIFIED;
        let (waited, came) = loom::spin_until(limit, is_notified);
        (waited, came && self.take_notification())
    }

    /// Waits in the reactor until notified or until it has something.
    pub(crate) fn park_in_reactor(&self, wait: impl FnOnce()) {
        if !self.begin(IN_REACTOR) {
            return;
        }
        wait();
        // A notification may have come for another reason than ours: it is used up either way,
        // because the caller looks at everything next.
        self.state.swap(EMPTY, Ordering::AcqRel);
    }

    /// False if a notification was there, which is used up.
    fn begin(&self, waiting: u32) -> bool {
        let began =
            self.state
                .compare_exchange(EMPTY, waiting, Ordering::AcqRel, Ordering::Acquire);
        if began.is_err() {
            self.state.swap(EMPTY, Ordering::AcqRel);
        }
        began.is_ok()
    }

    fn take_notification(&self) -> bool {
        self.state
            .compare_exchange(NOTIFIED, EMPTY, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    /// Ends the wait, the present one or the next.
    pub(crate) fn unpark(&self, driver: &Driver) {
        match self.state.swap(NOTIFIED, Ordering::AcqRel) {
            PARKED => {
                let thread = self.thread.lock().clone();
                if let Some(thread) = thread {
                    thread.unpark();
                }
            }
            IN_REACTOR => driver.wake(),
            _ => {}
        }
    }
}
