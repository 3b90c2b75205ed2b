//! What submitters and waiters see, without the pool's lock, of how quick the pool is.
//!
//! When jobs come in quick succession a thread of the pool *spins* before it parks, as long as
//! [`AdaptiveSpin`](crate::util::adaptive_spin) allows. Whoever submits then makes no system call,
//! and can expect the result before parking would pay.
//!
//! ```text
//!   COLD ──a thread spins──► SPINNING ──a job is handed to it──► BUSY ──it spins──► …
//!     ▲                          │ in vain                         │ the job takes long, or
//!     └──────────────────────────┴─────────────────────────────────┘ it parks
//! ```
//!
//! # Invariants
//! - **T1** The word is a hint: whatever it says, jobs, claims and sleepers are right. Taken for
//!   `BUSY` it delays one submitter by [`BACK_SOON`], which then makes it `COLD`.
//! - **T2** At most one thread spins, and it is on top of the sleepers, so the next claim is its. (State under the pool's lock; see `pool`.)

use crate::loom;
use crate::loom::local;
use crate::loom::unordered::{AtomicU32, Ordering};
use std::cell::Cell;
use std::time::Duration;

/// How long a thread spins: about what parking and unparking it would cost.
pub(super) const SPIN_LIMIT: Duration = Duration::from_micros(10);

/// How long it does the first time, when the other side has yet to be unparked.
pub(super) const TRIAL_LIMIT: Duration = Duration::from_micros(50);

/// A park that was as short as that lets the thread try to spin the next time.
pub(super) const SHORT_PARK: Duration = Duration::from_micros(100);

/// How long a submitter spins for the quick thread to come back from its job.
const BACK_SOON: Duration = Duration::from_micros(1);

const COLD: u32 = 0;
const SPINNING: u32 = 1;
const BUSY: u32 = 2;

/// To whom a thread handed its last job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HandedTo {
    /// A thread that spun: the result may be there at once.
    Spinning,
    /// A thread that had to be unparked.
    Parked,
}

local! {
    static HANDED_TO: Cell<Option<HandedTo>> = Cell::new(None)
}

/// This thread has handed a job over.
pub(crate) fn set_handed_to(whom: HandedTo) {
    let _ = HANDED_TO.try_with(|it| it.set(Some(whom)));
}

/// To whom this thread has handed a job since it was asked last.
pub(crate) fn take_handed_to() -> Option<HandedTo> {
    HANDED_TO.with(Cell::take)
}

/// How quick the pool is, see the [module](self).
#[derive(Debug)]
pub(super) struct SpinHint {
    may_spin: bool,
    word: AtomicU32,
}

impl SpinHint {
    pub(super) fn new() -> Self {
        Self {
            may_spin: loom::may_spin(),
            word: AtomicU32::new(COLD),
        }
    }

    /// Whether a thread may spin which `was_quick`, that is, was claimed while it spun: if another
    /// is quick it may not.
    pub(super) fn may_spin_wait(&self, was_quick: bool) -> bool {
        self.may_spin && (was_quick || self.word.load(Ordering::Relaxed) == COLD)
    }

    pub(super) fn set_cold(&self) {
        self.word.store(COLD, Ordering::Relaxed);
    }

    pub(super) fn set_spinning(&self) {
        self.word.store(SPINNING, Ordering::Relaxed);
    }

    pub(super) fn set_busy(&self) {
        self.word.store(BUSY, Ordering::Relaxed);
    }

    /// If the quick thread is in a job, spins a little for it. True if it did not come back in
    /// time: its job is none of the quick ones.
    #[inline]
    pub(super) fn awaits_in_vain(&self) -> bool {
        let is_back = || self.word.load(Ordering::Relaxed) != BUSY;
        !is_back() && !loom::spin_until(BACK_SOON, is_back).1
    }
}
