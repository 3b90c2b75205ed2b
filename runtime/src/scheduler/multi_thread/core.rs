//! What a worker thread knows of itself: its core, reached from `spawn` and from wakers through
//! a thread-local pointer.
//!
//! - L1. [`CURRENT`] points to a [`Local`] on this thread's stack exactly while [`Local::enter`]
//!   runs its closure.
//! - L2. The core leaves a `Local` only through [`Local::take_core`], which `block_in_place`
//!   calls while a task is polled. Nobody holds a borrow of the core while user code runs, so
//!   none is alive then.
//! - L3. A core is used by one thread at a time: by the one whose `Local` has it.
#![allow(unsafe_code)]

use super::Shared;
use crate::loom::local;
use crate::loom::sync::Arc;
use crate::scheduler::duty_clock::DutyClock;
use crate::scheduler::queues::LocalQueue;
use crate::util::adaptive_spin::AdaptiveSpin;
use crate::util::scoped;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::time::Duration;

/// What makes a thread a worker. Plain cells: one thread at a time uses it (L3).
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) index: usize,
    pub(crate) queue: LocalQueue,
    pub(super) duties: DutyClock,
    /// Polls in a row that came from the slot.
    pub(super) slot_streak: Cell<u32>,
    /// Tasks requeued because they woke themselves, since the driver was last looked at.
    pub(super) yields: Cell<u32>,
    pub(super) searching: Cell<bool>,
    /// A waker ended its last sleep, not an event.
    pub(super) was_woken: Cell<bool>,
    /// Yielded tasks pushed without a wake; see `wake_throttle`.
    pub(super) suppressed_wakes: Cell<u32>,
    /// Tasks pushed to the deque in this poll; the first of each few looks at the sleepers for all.
    pub(super) unannounced: Cell<u32>,
    /// The driver is handing out events: queue behind the others and wake nobody yet.
    pub(super) in_driver: Cell<InDriver>,
    pub(super) job_spins: JobSpins,
    /// Cells made less cells freed by this worker; see `cells`.
    pub(super) cells: Cell<isize>,
}

impl Core {
    pub(super) fn new(index: usize, queue: LocalQueue, duties: DutyClock) -> Self {
        Self {
            index,
            queue,
            duties,
            slot_streak: Cell::new(0),
            yields: Cell::new(0),
            searching: Cell::new(false),
            was_woken: Cell::new(false),
            suppressed_wakes: Cell::new(0),
            unannounced: Cell::new(0),
            in_driver: Cell::new(InDriver::No),
            job_spins: JobSpins::new(),
            cells: Cell::new(0),
        }
    }
}

/// Whether the driver is handing out wakes on this worker, and of which kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InDriver {
    No,
    /// Events that a busy worker found: the first is run next.
    Events,
    /// Timers, whose tasks run in their order; or whatever ends a wait.
    Timers,
}

/// How spinning for the end of a blocking job has paid.
#[derive(Debug)]
pub(super) struct JobSpins {
    /// Given to a thread of the pool that was awake.
    pub(super) for_awake: Cell<AdaptiveSpin>,
    /// Given to one that had to be woken: about as long as this takes on an idle machine.
    pub(super) for_asleep: Cell<AdaptiveSpin>,
}

impl JobSpins {
    fn new() -> Self {
        let spin = |limit_us| Cell::new(AdaptiveSpin::new(Duration::from_micros(limit_us)));
        Self {
            for_awake: spin(10),
            for_asleep: spin(30),
        }
    }
}

/// A worker thread's place on the stack.
#[derive(Debug)]
pub(crate) struct Local {
    pub(super) shared: Arc<Shared>,
    core: Cell<Option<NonNull<Core>>>,
    /// A task is being polled, so the core may be taken.
    pub(super) polling: Cell<bool>,
}

local! {
    static CURRENT: Cell<*const Local> = Cell::new(ptr::null())
}

impl Local {
    pub(super) fn new(shared: Arc<Shared>, core: Box<Core>) -> Self {
        let core = NonNull::from(Box::leak(core));
        Self {
            shared,
            core: Cell::new(Some(core)),
            polling: Cell::new(false),
        }
    }

    /// Runs `f` with this as the thread's worker.
    pub(super) fn enter<R>(&self, f: impl FnOnce() -> R) -> R {
        let _restore = scoped::set(&CURRENT, ptr::from_ref(self));
        f()
    }

    /// The core, if `block_in_place` has not taken it. Not to be kept while user code runs (L2).
    #[inline]
    pub(super) fn core(&self) -> Option<&Core> {
        // SAFETY: the core is alive until `take_core`; by L2 no borrow is alive then.
        self.core.get().map(|core| unsafe { core.as_ref() })
    }

    /// Takes the core away from this thread (L2).
    pub(super) fn take_core(&self) -> Option<Box<Core>> {
        // SAFETY: `new` or `put_core` leaked this box, and the pointer is taken out once.
        self.core
            .take()
            .map(|core| unsafe { Box::from_raw(core.as_ptr()) })
    }

    /// Gives a thread without one its core back.
    pub(super) fn put_core(&self, core: Box<Core>) {
        debug_assert!(self.core.get().is_none(), "L3: two cores on one thread");
        self.core.set(Some(NonNull::from(Box::leak(core))));
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        drop(self.take_core());
    }
}

/// Runs `f` with this thread's worker, if it is one.
#[inline]
pub(super) fn with_current<R>(f: impl FnOnce(Option<&Local>) -> R) -> R {
    let current = CURRENT.try_with(Cell::get).unwrap_or(ptr::null());
    // SAFETY: by L1 the pointer is null or points to a live `Local` of this thread.
    f(unsafe { current.as_ref() })
}

/// Which worker this thread runs, of whichever scheduler.
pub(crate) fn worker_index() -> Option<usize> {
    with_current(|local| local?.core().map(|core| core.index))
}

/// Has this thread's worker, if it is one, look at the driver after the present poll, which used up
/// its budget: a look costs little beside so many operations, and what they wait for may be there.
pub(crate) fn poll_driver_soon() {
    with_current(|local| {
        if let Some(core) = local.and_then(Local::core) {
            core.yields.set(super::worker::YIELDS_PER_DRIVER_LOOK);
        }
    });
}

/// Runs `f` with the core of this thread, if it is a worker of `shared` and has one. `f` runs no
/// user code (L2).
#[inline]
pub(super) fn with_core<R>(shared: &Shared, f: impl FnOnce(Option<&Core>) -> R) -> R {
    with_current(|local| {
        let local = local.filter(|local| ptr::eq(Arc::as_ptr(&local.shared), shared));
        f(local.and_then(Local::core))
    })
}
