//! What an idle thread waits on: the reactor, the timer wheels and the clock, joined.
//!
//! One thread at a time holds the *driver guard* ([`DriverGuard`]): it waits in the reactor for
//! I/O, for wakes from other threads, and for the earliest deadline of all wheels. The others park
//! on something cheaper. The guard is never held while a task is polled.
//!
//! - D1. Whoever waits in the reactor waits at most until the earliest deadline that any wheel
//!   had when the wait began; an earlier one armed later by another thread wakes it (see
//!   [`timers`]). A crowd of timers is fired in steps (C1 of [`timer_coalescing`]).
//! - D2. The lock behind the guard is only ever tried, never waited for: wakers may run under it.
//! - D3. A worker that parks without the guard parks beside somebody who waits in the reactor, or
//!   is unparked by whoever had the guard for a look only. Else the reactor would stay without a
//!   waiter although somebody has time for it. Who parks: request, `fence(SeqCst)`, try for the
//!   guard once more. Who looked: release the guard, `fence(SeqCst)`, read the request. One fence
//!   is first.
//!
//! How it is made: `docs/design/io.md`, `docs/design/time.md`.

pub(crate) mod clock;
#[cfg(any(feature = "net", feature = "signal"))]
#[cfg_attr(not(feature = "net"), allow(dead_code))] // Each leaf uses a part.
pub(crate) mod evented;
pub(crate) mod reactor;
#[cfg(all(feature = "signal", unix))]
pub(crate) mod signals;
mod timer_coalescing;
pub(crate) mod timers;

use self::clock::Clock;
use self::reactor::{Reactor, ReactorHandle, Wait};
use self::timer_coalescing::TimerCoalescing;
use self::timers::Timers;
use crate::loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use crate::loom::sync::{Arc, TryMutex, TryMutexGuard};
use std::io;

/// What a runtime enables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// How many events a turn takes, if I/O is enabled.
    pub(crate) io_events: Option<usize>,
    pub(crate) time: bool,
    /// How many wheels besides the one for other threads.
    pub(crate) wheels: usize,
    pub(crate) can_pause: bool,
    pub(crate) start_paused: bool,
}

/// What is behind the lock of the driver guard.
#[derive(Debug)]
struct Locked {
    reactor: Reactor,
    coalescing: TimerCoalescing,
}

/// The driver of one runtime.
#[derive(Debug)]
pub(crate) struct Driver {
    locked: TryMutex<Locked>,
    /// Whether somebody waits in the reactor, or is about to.
    attended: AtomicBool,
    /// Which worker is parked and would have liked the guard, plus one; zero for none (D3).
    request: AtomicUsize,
    handle: ReactorHandle,
    timers: Option<Timers>,
    clock: Arc<Clock>,
    #[cfg(all(feature = "signal", unix))]
    signals: signals::Signals,
}

impl Driver {
    /// # Errors
    ///
    /// Returns the system's error if the reactor cannot be made, for want of descriptors say.
    pub(crate) fn new(config: Config) -> io::Result<Self> {
        let (reactor, handle) = Reactor::new(config.io_events)?;
        let clock = Arc::new(if config.start_paused {
            Clock::new_paused()
        } else {
            Clock::new(config.can_pause)
        });
        let timers = config.time.then(|| {
            let wake = handle.clone();
            Timers::new(config.wheels, clock.clone(), Box::new(move || wake.wake()))
        });
        Ok(Self {
            locked: TryMutex::new(Locked {
                reactor,
                coalescing: TimerCoalescing::default(),
            }),
            attended: AtomicBool::new(false),
            request: AtomicUsize::new(0),
            handle,
            timers,
            clock,
            #[cfg(all(feature = "signal", unix))]
            signals: signals::Signals::default(),
        })
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.clock
    }

    pub(crate) fn timers(&self) -> Option<&Timers> {
        self.timers.as_ref()
    }

    pub(crate) fn handle(&self) -> &ReactorHandle {
        &self.handle
    }

    /// How signals reach this runtime.
    #[cfg(all(feature = "signal", unix))]
    pub(crate) fn signals(&self) -> &signals::Signals {
        &self.signals
    }

    /// Ends a wait in the reactor, the present one or the next.
    pub(crate) fn wake(&self) {
        self.handle.wake();
    }

    /// The right to wait, if nobody has it.
    pub(crate) fn try_guard(&self) -> Option<DriverGuard<'_>> {
        let locked = self.locked.try_lock()?;
        Some(DriverGuard {
            driver: self,
            locked,
        })
    }

    /// The right to wait, for `worker` before it parks. If somebody else has it for a look only,
    /// that one finds the request (D3).
    pub(crate) fn guard_or_request(&self, worker: usize) -> Option<DriverGuard<'_>> {
        let guard = self.try_guard();
        if guard.is_some() || self.attended.load(Ordering::Relaxed) {
            return guard;
        }
        self.request.store(worker + 1, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        let guard = self.try_guard();
        if guard.is_some() {
            self.withdraw_request(worker);
        }
        guard
    }

    /// After a look, without the guard: whom to unpark so that somebody waits in the reactor (D3).
    pub(crate) fn take_request(&self) -> Option<usize> {
        fence(Ordering::SeqCst);
        if self.request.load(Ordering::Relaxed) == 0 {
            return None;
        }
        self.request.swap(0, Ordering::Relaxed).checked_sub(1)
    }

    /// The worker is awake again, and asks for nothing.
    pub(crate) fn withdraw_request(&self, worker: usize) {
        if self.request.load(Ordering::Relaxed) == worker + 1 {
            let _ =
                self.request
                    .compare_exchange(worker + 1, 0, Ordering::Relaxed, Ordering::Relaxed);
        }
    }

    /// Whether nobody waits in the reactor although something could come from it.
    pub(crate) fn is_unattended(&self) -> bool {
        !self.attended.load(Ordering::Relaxed)
            && (self.handle.has_sources() || self.next_deadline_ns().is_some())
    }

    fn next_deadline_ns(&self) -> Option<u64> {
        self.timers.as_ref()?.next_deadline_ns()
    }

    /// Whether some wheel has a deadline that has passed.
    pub(crate) fn has_overdue_timer(&self) -> bool {
        self.timers
            .as_ref()
            .is_some_and(|timers| timers.is_overdue(self.clock.now_ns()))
    }

    /// Fires whatever is due, without the guard. Returns how many timers fired.
    pub(crate) fn fire_due(&self) -> usize {
        self.timers.as_ref().map_or(0, Timers::fire_all_due)
    }

    /// Fires what is due on the wheel of `worker`, without the guard.
    pub(crate) fn fire_due_of(&self, worker: usize) -> usize {
        self.timers
            .as_ref()
            .map_or(0, |timers| timers.shard(worker).fire_due())
    }

    /// As [`fire_due`](Self::fire_due), and notes the time (I7 of [`timers`]).
    fn look(&self) -> usize {
        self.timers.as_ref().map_or(0, Timers::look)
    }

    /// Ends everything that waits for this driver. Called once no worker runs.
    pub(crate) fn shutdown(&self) {
        if let Some(timers) = &self.timers {
            timers.shutdown();
        }
        self.locked.lock().reactor.shutdown();
    }
}

/// The right to wait in the reactor.
#[derive(Debug)]
pub(crate) struct DriverGuard<'a> {
    driver: &'a Driver,
    locked: TryMutexGuard<'a, Locked>,
}

impl DriverGuard<'_> {
    /// Takes what is there, without waiting, and fires what is due. Returns how many sources
    /// and timers had something.
    pub(crate) fn poll(&mut self) -> usize {
        self.poll_events() + self.fire()
    }

    /// The first half of [`poll`](Self::poll): what the reactor has.
    pub(crate) fn poll_events(&mut self) -> usize {
        self.locked.reactor.turn(Wait::Now).events
    }

    /// The second half: the timers that are due.
    pub(crate) fn fire(&mut self) -> usize {
        self.driver.look()
    }

    /// Waits for I/O, for a wake or for the earliest deadline, then fires what is due.
    pub(crate) fn wait(&mut self) {
        let driver = self.driver;
        driver.attended.store(true, Ordering::Relaxed);
        match driver.timers.as_ref().and_then(Timers::prepare_wait) {
            None => {
                self.locked.reactor.turn(Wait::Forever);
            }
            Some(until_ns) => self.wait_until(until_ns),
        }
        if let Some(timers) = &driver.timers {
            timers.end_wait();
        }
        driver.attended.store(false, Ordering::Relaxed);
        let fired = driver.look();
        self.locked
            .coalescing
            .fired(fired, || driver.clock.now_ns());
    }

    fn wait_until(&mut self, until_ns: u64) {
        let clock = &self.driver.clock;
        let now_ns = clock.now_ns();
        if until_ns <= now_ns {
            // Due already, also where the clock is held back.
            self.locked.reactor.turn(Wait::Now);
        } else if clock.is_paused() {
            self.wait_paused();
        } else {
            let until_ns = self.locked.coalescing.end_of_wait(until_ns);
            self.locked.reactor.turn(Wait::For { now_ns, until_ns });
        }
    }

    /// Time stands still: if nothing else is to be waited for, it moves on to the next deadline.
    ///
    /// A blocking call tells whoever awaits it, and then lets go of the clock: once that is seen
    /// the turn brings what it told, and the clock stays.
    fn wait_paused(&mut self) {
        let may_advance = self.driver.clock.can_auto_advance();
        let turn = self.locked.reactor.turn(Wait::Now);
        if turn.events > 0 || turn.woken {
            return;
        }
        let timers = self.driver.timers.as_ref();
        if may_advance && timers.is_some_and(Timers::auto_advance) {
            self.locked.reactor.clock_was_set();
        } else {
            // Blocking calls hold the clock, and wake the driver when they are done; or what was
            // armed has been cancelled.
            self.locked.reactor.turn(Wait::Forever);
        }
    }
}
