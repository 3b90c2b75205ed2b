//! Watches the workers from a thread of its own and repairs what a long poll strands: the task
//! in its worker's slot, its deque's wake-up, its wheel, the reactor that nobody waits in.
//!
//! ```text
//!   watching ──all workers asleep, nothing ran since the last look──► asleep
//!      ▲                                                                │
//!      └───────────────────────a worker wakes───────────────────────────┘
//! ```
//!
//! - M1. If a worker is awake the monitor is watching or being woken.
//! - M2. While all workers sleep for longer than a look the monitor uses no CPU.
//! - M3. It takes nothing itself and touches no deque: it marks and wakes. If nobody sleeps, the
//!   busy workers see the mark and share what the stuck one has.
//!
//! Workers publish a pulse, a plain store per poll on a line of their own; the monitor keeps the
//! time, so a poll reads no clock. A pulse that is odd (a poll runs) and equal in two looks is a
//! stuck worker. Going to sleep: the monitor sets its flag, `fence(SeqCst)`, looks at the idle
//! word; a waking worker changes the idle word, `fence(SeqCst)`, looks at the flag (M1).
//!
//! Rejected: longer times between looks while all sleep now and then (a look per 40 ms saves half a
//! microsecond per tick of a timer of 1 ms, but a reactor that nobody waits in is found that much
//! later); signals and preemption (unsafe in user code), a hand-over at every driver turn (a
//! wake per turn). Sources: Go's `sysmon`; the supervisor planned for async-std in 2019.

use super::shared::Shared;
use crate::loom::sync::Mutex;
use crate::loom::sync::atomic::{AtomicBool, Ordering, fence};
use crate::loom::thread::{self, Thread};
use std::time::Duration;

/// The longest and the shortest time between two looks.
const LONGEST_LOOK: Duration = Duration::from_millis(10);
const SHORTEST_LOOK: Duration = Duration::from_micros(500);

/// The monitor's state that others touch.
#[derive(Debug)]
pub(crate) struct Monitor {
    asleep: AtomicBool,
    stopping: AtomicBool,
    /// In the last look some worker was stuck: busy workers take from it now and then. A hint,
    /// which orders nothing.
    stuck: AtomicBool,
    thread: Mutex<Option<Thread>>,
}

impl Monitor {
    pub(crate) fn new() -> Self {
        Self {
            asleep: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            stuck: AtomicBool::new(false),
            thread: Mutex::new(None),
        }
    }

    /// Names the calling thread as the monitor's.
    pub(crate) fn bind_thread(&self) {
        *self.thread.lock() = Some(thread::current());
    }

    #[inline]
    pub(super) fn sees_stuck_worker(&self) -> bool {
        self.stuck.load(Ordering::Relaxed)
    }

    /// A worker got up; the caller made a fence since (M1).
    #[inline]
    pub(super) fn worker_woke(&self) {
        if self.asleep.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if self.asleep.swap(false, Ordering::AcqRel) {
            self.unpark();
        }
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.asleep.store(false, Ordering::Release);
        self.unpark();
    }

    fn unpark(&self) {
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }
}

/// What the monitor remembers between looks.
struct Watch {
    pulses: Vec<u64>,
    pause: Duration,
}

/// The monitor thread: ends with the runtime.
pub(crate) fn run(shared: &Shared) {
    let monitor = &shared.monitor;
    monitor.bind_thread();
    let mut watch = Watch {
        pulses: vec![0; shared.remotes.len()],
        pause: SHORTEST_LOOK,
    };
    while !monitor.is_stopping() {
        thread::park_timeout(watch.pause);
        if watch.look(shared) {
            monitor.sleep(shared);
            watch.pause = SHORTEST_LOOK;
        }
    }
    *monitor.thread.lock() = None;
}

impl Monitor {
    /// Waits until a worker is awake.
    pub(crate) fn sleep(&self, shared: &Shared) {
        self.asleep.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        if !shared.idle.all_asleep() || self.is_stopping() {
            self.asleep.store(false, Ordering::Release);
            return;
        }
        while self.asleep.load(Ordering::Acquire) && !self.is_stopping() {
            thread::park();
        }
    }
}

impl Watch {
    /// True if nothing has run since the last look and all sleep.
    fn look(&mut self, shared: &Shared) -> bool {
        let mut any_ran = false;
        let mut any_stuck = false;
        for (worker, seen) in self.pulses.iter_mut().enumerate() {
            let remote = &shared.remotes[worker];
            let pulse = remote.stats.pulse();
            let polling = pulse % 2 == 1;
            if pulse != *seen {
                any_ran = true;
                *seen = pulse;
            } else if polling {
                any_stuck = true;
                remote.stale.store(true, Ordering::Relaxed);
            }
        }
        shared.monitor.stuck.store(any_stuck, Ordering::Relaxed);
        // A stuck worker that strands nothing is no reason to hurry: on a busy machine every
        // worker that the system takes off its core looks like one.
        if any_stuck && rescue(shared) {
            self.pause = SHORTEST_LOOK;
        } else {
            self.pause = (self.pause * 2).min(LONGEST_LOOK);
        }
        !any_ran && !any_stuck && shared.idle.all_asleep()
    }
}

/// Some worker is stuck: see that what it left is picked up. True if somebody was set to it.
fn rescue(shared: &Shared) -> bool {
    let overdue = shared.driver.has_overdue_timer();
    // Orders the stale marks before the look at the sleepers, as a push does.
    fence(Ordering::SeqCst);
    if shared.idle.any_asleep() {
        let stranded = shared.has_queued_work() || overdue || shared.driver.is_unattended();
        if stranded {
            if let Some(worker) = shared.idle.wake_any() {
                shared.unpark(worker);
                return true;
            }
        }
        return false;
    }
    if overdue {
        for remote in shared.remotes() {
            remote.attend_driver.store(true, Ordering::Relaxed);
        }
    }
    overdue
}
