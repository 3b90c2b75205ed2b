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
//! - M4. A wake names its duty: who is woken for timers fires those that are due on all wheels,
//!   whether it gets the driver guard or not. A rescue after which nothing ran is repeated at
//!   ever longer intervals.
//!
//! The wheel of a stuck worker is announced to whoever waits in the reactor, so its later timers
//! fire on time. If nobody waits there, a sleeper is woken and waits there next.
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

use super::Shared;
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
    was_unattended: bool,
    pause: Duration,
}

/// The monitor thread: ends with the runtime.
pub(crate) fn run(shared: &Shared) {
    let monitor = &shared.monitor;
    monitor.bind_thread();
    let mut watch = Watch {
        pulses: vec![0; shared.remotes.len()],
        was_unattended: false,
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
        let seen = self.look_at_workers(shared);
        shared
            .monitor
            .stuck
            .store(seen.any_stuck, Ordering::Relaxed);
        let rescued = if seen.any_stuck {
            rescue(shared)
        } else {
            self.attend_reactor(shared, seen.any_ran)
        };
        // A stuck worker that strands nothing is no reason to hurry: on a busy machine every
        // worker that the system takes off its core looks like one. Nor is a rescue after which
        // nothing has run, however often it is repeated.
        self.pause = if rescued && seen.any_ran {
            SHORTEST_LOOK
        } else {
            (self.pause * 2).min(LONGEST_LOOK)
        };
        !seen.any_ran && !seen.any_stuck && shared.idle.all_asleep()
    }

    /// Marks the workers that are stuck, and tells whoever waits in the reactor of their wheels.
    fn look_at_workers(&mut self, shared: &Shared) -> Seen {
        let mut seen = Seen::default();
        for (worker, before) in self.pulses.iter_mut().enumerate() {
            let remote = &shared.remotes[worker];
            let pulse = remote.stats.pulse();
            let polling = pulse % 2 == 1;
            if pulse != *before {
                seen.any_ran = true;
                *before = pulse;
            } else if polling {
                seen.any_stuck = true;
                remote.stale.store(true, Ordering::Relaxed);
                if let Some(timers) = shared.driver.timers() {
                    timers.shard(worker).announce();
                }
            }
        }
        seen
    }

    /// A worker sleeps, another has been busy for two looks, and nobody waits in the reactor: the
    /// sleeper has time to. True if it was set to it.
    fn attend_reactor(&mut self, shared: &Shared, any_ran: bool) -> bool {
        let unattended = any_ran && shared.idle.any_asleep() && shared.driver.is_unattended();
        let before = std::mem::replace(&mut self.was_unattended, unattended);
        unattended && before && wake_sleeper(shared)
    }
}

/// What a look at all workers saw.
#[derive(Default)]
struct Seen {
    any_ran: bool,
    any_stuck: bool,
}

/// Some worker is stuck: see that what it left is picked up. True if somebody was set to it.
fn rescue(shared: &Shared) -> bool {
    let overdue = shared.driver.has_overdue_timer();
    // Orders the stale marks before the look at the sleepers, as a push does.
    fence(Ordering::SeqCst);
    if shared.idle.any_asleep() {
        let stranded = shared.has_queued_work() || overdue || shared.driver.is_unattended();
        return stranded && wake_sleeper(shared);
    }
    if overdue {
        for remote in shared.remotes() {
            remote.attend_driver.store(true, Ordering::Relaxed);
        }
    }
    overdue
}

/// Wakes somebody who looks at everybody's timers first, then at everybody's queues, and then waits
/// in the reactor if nobody does.
fn wake_sleeper(shared: &Shared) -> bool {
    let Some(worker) = shared.idle.wake_any() else {
        return false;
    };
    shared.remotes[worker]
        .attend_driver
        .store(true, Ordering::Relaxed);
    shared.unpark(worker);
    true
}
