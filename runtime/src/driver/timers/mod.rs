//! The timers of one runtime: a wheel per worker, and one for everybody else.
//!
//! ```text
//!  worker 0 ── arm, cancel ──► Shard 0 ─┐ next                    ┌─ announce, outside arm
//!  worker 1 ── arm, cancel ──► Shard 1 ─┼──────► prepare_wait ◄───┤  wake if earlier
//!  other threads ────────────► outside ─┘        waiting_until    └─
//! ```
//!
//! A [`Shard`] is a wheel behind a lock that its worker almost never shares, and an atomic
//! `next` with the tick of its first deadline, so that looking costs no lock. Whoever is awake
//! may fire the shard of a worker that is stuck in a poll.
//!
//! I1. While a shard's lock is free, `next` is at or before its first deadline. It may be too
//!     early after a cancel; the next firing puts it right.
//! I2. A waker runs at most once per arming: it is in the wheel, or in one batch, or dropped.
//! I3. A cancel or re-arm that returns `true` took the waker (or moved it) before any firing
//!     did: it does not run for the old deadline. One that returns `false` found it taken; it
//!     runs once, perhaps after the return.
//! I4. If the reactor's waiter waits past a deadline of the outside shard, or of a shard whose
//!     owner has announced it, somebody is about to wake it.
//! I5. No waker is cloned, dropped or woken, no page made or freed and no system call done
//!     under a lock.
//! I6. After `shutdown` no waker is left behind: an arm comes before the drain of its shard
//!     and is woken by it, or sees the flag.
//! I7. A timer is due without being armed only if its deadline had passed when the driver last
//!     looked at the clock. One that passed since waits for the next look, like any other: so
//!     whoever asks for a timer again and again without a wait lets the others go on.
//!
//! I4 is a Dekker handshake. Arm: write `next`, `fence(SeqCst)`, read `waiting_until`. Waiter:
//! write `waiting_until`, `fence(SeqCst)`, read every `next` again. One fence is first, so the
//! waiter sees the deadline or the arm sees the waiter. A worker that arms its own shard does
//! neither, because it is awake: it fires its shard itself, and says what it has
//! ([`Shard::announce`]) before it parks where no deadline would end the wait.
//!
//! `next` is written under the lock only; as it carries no data but itself, relaxed is enough. The
//! same holds for `looked` (I7), which any thread that has read the clock writes: one that is too
//! early costs a turn.
//!
//! Rejected: one wheel for all (its lock was the busiest of tokio's); a shard picked at random
//! (a cancel then meets a cold line and a held lock); waking the waiter for each outside arm
//! (a system call per timeout). Source: DESIGN of Go's timers per P, 2019 (`runtime/time.go`).

use super::clock::Clock;
use crate::loom::local;
use crate::loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use crate::loom::sync::{Arc, Mutex, MutexGuard};
use crate::util::bomb::contain;
use crate::util::scoped::{self, Scoped};
use crossbeam_utils::CachePadded;
use std::cell::Cell;
use std::task::Waker;
use std::time::Duration;
use timer::{Key, Page, Tick, Wheel};

/// `next` of a shard without timers, and `waiting_until` of a waiter without a limit.
const NEVER: u64 = u64::MAX;

/// `waiting_until` while nobody waits in the reactor: earlier than any deadline.
const NOBODY_WAITS: u64 = 0;

/// Wakers taken per hold of a lock.
const BATCH: usize = 32;

/// Wakers run per shard and turn, so that a crowd of timers does not keep a worker from its
/// queue. What is left stays due for the next turn.
const PER_TURN: usize = 32 * BATCH;

/// A wheel that has grown beyond this many pages gives its memory back once it is empty.
const KEPT_PAGES: usize = 16;

local! {
    /// Address of the shard that this thread owns, 0 for none; only ever compared.
    static LOCAL_SHARD: Cell<usize> = Cell::new(0)
}

/// This thread owns a shard while this is there; then again what it owned before.
pub(crate) type OwnShard = Scoped<Cell<usize>>;

/// Says which shard this thread owns from now on. A worker says it before its first poll.
pub(crate) fn own_shard(shard: &Arc<Shard>) -> OwnShard {
    scoped::set(&LOCAL_SHARD, shard.address())
}

/// Another thread owns this thread's shard from now on.
pub(crate) fn give_shard_away() {
    set_local_shard(0);
}

/// The shard that [`give_shard_away`] gave away came back.
pub(crate) fn take_shard_back(shard: &Arc<Shard>) {
    set_local_shard(shard.address());
}

fn set_local_shard(address: usize) {
    let _ = LOCAL_SHARD.try_with(|cell| cell.set(address));
}

/// The runtime's timers have been shut down: nothing fires any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimersShutDown;

/// What became of an arm.
#[must_use]
#[derive(Clone, Copy, Debug)]
pub(crate) enum Arm {
    /// The waker runs at the deadline unless the key is cancelled first.
    Armed(Key),
    /// The deadline has passed; nothing was armed.
    Due,
}

/// What became of a new deadline.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rearm {
    /// The key now stands for the new deadline.
    Moved,
    /// The new deadline has passed: the waker was run and the key is used up.
    Due,
    /// The timer had fired, or the timers were shut down.
    Gone,
}

/// What all shards of a runtime have in common.
struct Shared {
    clock: Arc<Clock>,
    wake: Box<dyn Fn() + Send + Sync>,
    is_shut_down: AtomicBool,
    /// The tick at which the wait in the reactor ends by itself.
    waiting_until: CachePadded<AtomicU64>,
    /// The tick of the driver's last look at a plain clock (I7).
    looked: CachePadded<AtomicU64>,
}

impl Shared {
    /// I4, the arming side. The deadline `tick` is published already.
    fn announce(&self, tick: u64) {
        fence(Ordering::SeqCst);
        if tick < self.waiting_until.load(Ordering::Relaxed) {
            (self.wake)();
        }
    }

    /// Reads the clock for the driver.
    fn look(&self) -> u64 {
        let tick = self.clock.now_tick();
        // A clock that was plain after the reading was plain before.
        if self.clock.is_plain() {
            self.looked.store(tick, Ordering::Relaxed);
        }
        tick
    }

    /// The tick up to which time has passed for those who arm (I7). A clock moved by hand is
    /// asked itself, which costs no system call.
    #[inline]
    fn told_tick(&self) -> u64 {
        if self.clock.is_plain() {
            self.looked.load(Ordering::Relaxed)
        } else {
            self.clock.now_tick()
        }
    }
}

/// One wheel, normally used by one worker.
pub(crate) struct Shard {
    own: CachePadded<Own>,
    shared: Arc<Shared>,
}

/// The part of a shard that changes.
struct Own {
    next: AtomicU64,
    timers: Mutex<Armed>,
}

/// What the lock protects.
struct Armed {
    wheel: Wheel<Waker>,
    pages: usize,
}

impl Shard {
    fn new(shared: Arc<Shared>) -> Arc<Self> {
        let now = Tick::from_raw(shared.clock.now_tick());
        let timers = Mutex::new(Armed {
            wheel: Wheel::new(now),
            pages: 0,
        });
        let own = CachePadded::new(Own {
            next: AtomicU64::new(NEVER),
            timers,
        });
        Arc::new(Self { own, shared })
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// Whether the calling thread owns this shard, as `local` in the methods below.
    #[inline]
    pub(crate) fn is_local(&self) -> bool {
        LOCAL_SHARD.try_with(Cell::get).unwrap_or(0) == self.address()
    }

    /// The clock of the runtime.
    #[inline]
    pub(crate) fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Whether the runtime's timers are gone.
    #[inline]
    pub(crate) fn is_shut_down(&self) -> bool {
        self.shared.is_shut_down.load(Ordering::Acquire)
    }

    /// Whether `deadline_ns` had passed at the driver's last look at the clock (I7).
    pub(crate) fn has_passed(&self, deadline_ns: u64) -> bool {
        self.shared.clock.deadline_tick(deadline_ns) <= self.shared.told_tick()
    }

    /// Arms `waker` for `deadline_ns` (of the runtime's clock). Not `local` unless the calling
    /// thread owns the shard.
    #[inline]
    pub(crate) fn arm(
        &self,
        deadline_ns: u64,
        waker: &Waker,
        local: bool,
    ) -> Result<Arm, TimersShutDown> {
        let tick = self.shared.clock.deadline_tick(deadline_ns);
        if tick <= self.shared.told_tick() {
            return Ok(Arm::Due);
        }
        let waker = waker.clone();
        let mut armed = self.lock_with_room();
        // Read under the lock: I6.
        if self.shared.is_shut_down.load(Ordering::Relaxed) {
            drop(armed);
            return Err(TimersShutDown);
        }
        if tick <= armed.wheel.now().raw() {
            drop(armed);
            return Ok(Arm::Due);
        }
        let key = armed.wheel.insert(Tick::from_raw(tick), waker);
        self.publish_at_most(tick);
        drop(armed);
        if !local {
            self.shared.announce(tick);
        }
        Ok(Arm::Armed(key))
    }

    /// Wakes `waker` after so long, from whichever thread this is called. False if it will not.
    pub(crate) fn wake_after(&self, delay: Duration, waker: Waker) -> bool {
        let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        let deadline_ns = self.shared.clock.now_ns().saturating_add(delay_ns);
        matches!(self.arm(deadline_ns, &waker, false), Ok(Arm::Armed(_)))
    }

    /// Whether the timer is still to fire.
    pub(crate) fn is_armed(&self, key: Key) -> bool {
        self.own.timers.lock().wheel.get(key).is_some()
    }

    /// Returns whether the timer has fired; if not, `waker` is the one it will run.
    #[inline]
    pub(crate) fn poll(&self, key: Key, waker: &Waker) -> bool {
        match self.own.timers.lock().wheel.get(key) {
            None => return true,
            Some(held) if held.will_wake(waker) => return false,
            Some(_) => {}
        }
        self.replace_waker(key, waker.clone())
    }

    /// The second half of [`poll`](Self::poll): the clone was made without the lock (I5), so
    /// the timer may have fired meanwhile.
    fn replace_waker(&self, key: Key, waker: Waker) -> bool {
        let mut armed = self.own.timers.lock();
        let old = match armed.wheel.get_mut(key) {
            Some(held) => Ok(std::mem::replace(held, waker)),
            None => Err(waker),
        };
        drop(armed);
        old.is_err()
    }

    /// Disarms the timer; returns whether it was still armed (I3).
    #[inline]
    pub(crate) fn cancel(&self, key: Key) -> bool {
        let mut armed = self.own.timers.lock();
        let waker = armed.wheel.remove(key);
        let unused = armed.take_unused_pages();
        drop(armed);
        drop(unused);
        waker.is_some()
    }

    /// Moves the timer to another deadline; its waker stays.
    pub(crate) fn rearm(&self, key: Key, deadline_ns: u64, local: bool) -> Rearm {
        let tick = self.shared.clock.deadline_tick(deadline_ns);
        let told = self.shared.told_tick();
        let mut armed = self.own.timers.lock();
        if tick <= armed.wheel.now().raw().max(told) {
            let waker = armed.wheel.remove(key);
            drop(armed);
            return match waker {
                Some(waker) => {
                    waker.wake();
                    Rearm::Due
                }
                None => Rearm::Gone,
            };
        }
        if !armed.wheel.rearm(key, Tick::from_raw(tick)) {
            return Rearm::Gone;
        }
        self.publish_at_most(tick);
        drop(armed);
        if !local {
            self.shared.announce(tick);
        }
        Rearm::Moved
    }

    /// Tells the reactor's waiter of this shard's first deadline, if it would wait past it.
    /// The owner calls it before it parks anywhere but in the reactor (I4).
    pub(crate) fn announce(&self) {
        let next = self.next_tick();
        if next != NEVER {
            self.shared.announce(next);
        }
    }

    /// Makes the reactor's waiter look at the clock again, after that was changed by hand.
    #[allow(dead_code, reason = "for tests and models")]
    pub(crate) fn clock_changed(&self) {
        fence(Ordering::SeqCst);
        if self.shared.waiting_until.load(Ordering::Relaxed) != NOBODY_WAITS {
            (self.shared.wake)();
        }
    }

    /// Whether a timer is due; reads the clock only if one is armed.
    #[inline]
    pub(crate) fn is_due(&self) -> bool {
        let next = self.next_tick();
        next != NEVER && next <= self.shared.clock.now_tick()
    }

    /// Runs the wakers of what is due now, `PER_TURN` at most; returns how many. Reads the
    /// clock once, and not at all when nothing is armed.
    pub(crate) fn fire_due(&self) -> usize {
        if self.next_tick() == NEVER {
            return 0;
        }
        self.fire(self.shared.clock.now_tick(), PER_TURN)
    }

    /// As [`fire_due`](Self::fire_due), but all of it.
    #[allow(dead_code, reason = "for tests and models")]
    pub(crate) fn fire_all(&self) -> usize {
        if self.next_tick() == NEVER {
            return 0;
        }
        self.fire(self.shared.clock.now_tick(), usize::MAX)
    }

    fn fire(&self, now_tick: u64, limit: usize) -> usize {
        if self.next_tick() > now_tick {
            return 0;
        }
        let mut batch = WakeEach(Vec::with_capacity(BATCH));
        let mut fired = 0;
        loop {
            let mut armed = self.own.timers.lock();
            let room = BATCH.min(limit - fired);
            let more = armed
                .wheel
                .advance(Tick::from_raw(now_tick), room, &mut batch.0);
            self.publish(&armed);
            let unused = armed.take_unused_pages();
            drop(armed);
            drop(unused);
            fired += batch.0.len();
            batch.run();
            if !more || fired >= limit {
                return fired;
            }
        }
    }

    fn shutdown(&self) {
        let mut left = WakeEach(Vec::new());
        let pages = loop {
            let mut armed = self.own.timers.lock();
            let len = armed.wheel.len();
            if len <= left.0.capacity() {
                armed.wheel.drain(&mut left.0);
                self.publish(&armed);
                armed.pages = 0;
                break armed.wheel.take_pages();
            }
            drop(armed);
            // Outside of the lock (I5); nothing is added any more, so the second try fits.
            left.0.reserve(len);
        };
        drop(pages);
        left.run();
    }

    #[inline]
    fn next_tick(&self) -> u64 {
        self.own.next.load(Ordering::Relaxed)
    }

    /// I1 after an insertion; the caller holds the lock.
    #[inline]
    fn publish_at_most(&self, tick: u64) {
        if tick < self.next_tick() {
            self.own.next.store(tick, Ordering::Relaxed);
        }
    }

    /// I1 from the wheel itself.
    fn publish(&self, armed: &Armed) {
        let next = armed.wheel.next_deadline().map_or(NEVER, Tick::raw);
        self.own.next.store(next, Ordering::Relaxed);
    }

    /// Locks with room for one timer more, made outside of the lock (I5).
    #[inline]
    fn lock_with_room(&self) -> MutexGuard<'_, Armed> {
        let armed = self.own.timers.lock();
        if armed.wheel.needs_page() {
            self.make_room(armed)
        } else {
            armed
        }
    }

    #[cold]
    fn make_room<'a>(&'a self, mut armed: MutexGuard<'a, Armed>) -> MutexGuard<'a, Armed> {
        // Threads that arm at once may take the new room before we do.
        while armed.wheel.needs_page() {
            drop(armed);
            let page = Page::new();
            armed = self.own.timers.lock();
            armed.wheel.add_page(page);
            armed.pages += 1;
        }
        armed
    }
}

impl Armed {
    /// The pages of a crowd that is gone, to be freed after unlocking.
    #[inline]
    fn take_unused_pages(&mut self) -> Vec<Page<Waker>> {
        if self.pages <= KEPT_PAGES || !self.wheel.is_empty() {
            return Vec::new();
        }
        self.pages = 0;
        self.wheel.take_pages()
    }
}

impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard")
            .field("next", &self.next_tick())
            .finish_non_exhaustive()
    }
}

/// Wakers to run without a lock. All of them run, also when one panics: such a panic is foreign
/// code's own affair, and the worker that happens to fire has more to do.
struct WakeEach(Vec<Waker>);

impl WakeEach {
    /// Runs them in order and keeps the room for others.
    fn run(&mut self) {
        let mut rest = self.0.drain(..);
        while rest.len() > 0 {
            contain(|| rest.by_ref().for_each(Waker::wake));
        }
    }
}

/// All shards of a runtime.
pub(crate) struct Timers {
    /// The workers' shards, and behind them the outside one.
    shards: Box<[Arc<Shard>]>,
    shared: Arc<Shared>,
}

impl Timers {
    /// Makes a shard per worker and the outside one. `wake` ends the reactor's wait, also one
    /// that is only about to begin; it is called without a lock held.
    pub(crate) fn new(
        worker_shards: usize,
        clock: Arc<Clock>,
        wake: Box<dyn Fn() + Send + Sync>,
    ) -> Self {
        let shared = Arc::new(Shared {
            clock,
            wake,
            is_shut_down: AtomicBool::new(false),
            waiting_until: CachePadded::new(AtomicU64::new(NOBODY_WAITS)),
            looked: CachePadded::new(AtomicU64::new(0)),
        });
        let shards = (0..=worker_shards)
            .map(|_| Shard::new(shared.clone()))
            .collect();
        Self { shards, shared }
    }

    /// The shard of worker `index`.
    pub(crate) fn shard(&self, index: usize) -> &Arc<Shard> {
        &self.shards[..self.shards.len() - 1][index]
    }

    /// The shard for arms from threads that are no worker.
    pub(crate) fn outside(&self) -> &Arc<Shard> {
        &self.shards[self.shards.len() - 1]
    }

    /// The clock of the runtime.
    #[allow(dead_code, reason = "for tests and models")]
    pub(crate) fn clock(&self) -> &Arc<Clock> {
        &self.shared.clock
    }

    /// The holder of the reactor calls it before it waits. Returns when the wait has to end
    /// (in the clock's nanoseconds; it may have passed), `None` for never. Until
    /// [`end_wait`](Self::end_wait) an earlier deadline that is announced calls `wake`.
    pub(crate) fn prepare_wait(&self) -> Option<u64> {
        let mut until = self.first_tick();
        self.publish_wait(until);
        // I4, the waiting side.
        fence(Ordering::SeqCst);
        let again = self.first_tick();
        if again < until {
            until = again;
            self.publish_wait(until);
        }
        self.tick_to_ns(until)
    }

    /// The wait is over.
    pub(crate) fn end_wait(&self) {
        self.shared
            .waiting_until
            .store(NOBODY_WAITS, Ordering::Relaxed);
    }

    /// Fires what is due in one shard: `0..worker_shards`, or that number for the outside one.
    #[allow(dead_code, reason = "for tests and models")]
    pub(crate) fn fire_due(&self, shard: usize) -> usize {
        self.shards[shard].fire_due()
    }

    /// Fires what is due in every shard, one clock reading for all; returns how many wakers
    /// ran. Limited per shard and call like [`fire_due`](Self::fire_due).
    pub(crate) fn fire_all_due(&self) -> usize {
        if self.first_tick() == NEVER {
            return 0;
        }
        self.look()
    }

    /// As [`fire_all_due`](Self::fire_all_due), but reads the clock also when nothing is armed, so
    /// that who arms next knows what has passed (I7). For a turn that makes a system call anyway.
    pub(crate) fn look(&self) -> usize {
        let now_tick = self.shared.look();
        self.shards
            .iter()
            .map(|shard| shard.fire(now_tick, PER_TURN))
            .sum()
    }

    /// Whether a timer of any shard is due at `now_ns`: loads only.
    pub(crate) fn is_overdue(&self, now_ns: u64) -> bool {
        let first = self.first_tick();
        first != NEVER && first <= self.shared.clock.tick_at(now_ns)
    }

    /// When the first timer of all fires, or a little earlier if one was cancelled.
    pub(crate) fn next_deadline_ns(&self) -> Option<u64> {
        self.tick_to_ns(self.first_tick())
    }

    /// Moves a paused clock to the first timer and fires it; the runtime has nothing else to
    /// do. Returns whether a timer fired. `false` without effect if the clock runs, is held
    /// back, or no timer is armed.
    pub(crate) fn auto_advance(&self) -> bool {
        while self.shared.clock.can_auto_advance() {
            // What was cancelled must not move the clock: ask the wheels themselves.
            for shard in &self.shards {
                shard.publish(&shard.own.timers.lock());
            }
            let first = self.first_tick();
            if first == NEVER {
                return false;
            }
            // A tick that only a cancelled timer had is passed in silence: the wheel then
            // still holds another timer, so the clock ends at a deadline that was asked for.
            self.shared
                .clock
                .advance_to(self.shared.clock.ns_of_tick(first));
            if self.fire_all_due() > 0 {
                return true;
            }
        }
        false
    }

    /// Drops all timers and wakes their tasks; whoever polls or arms one from now on is told.
    pub(crate) fn shutdown(&self) {
        self.shared.is_shut_down.store(true, Ordering::Release);
        for shard in &self.shards {
            shard.shutdown();
        }
    }

    fn first_tick(&self) -> u64 {
        self.shards
            .iter()
            .map(|shard| shard.next_tick())
            .min()
            .unwrap_or(NEVER)
    }

    fn publish_wait(&self, until: u64) {
        // A deadline at tick 0 is due: the wait is none, so nobody needs to end it.
        self.shared.waiting_until.store(until, Ordering::Relaxed);
    }

    fn tick_to_ns(&self, tick: u64) -> Option<u64> {
        (tick != NEVER).then(|| self.shared.clock.ns_of_tick(tick))
    }
}

impl std::fmt::Debug for Timers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timers")
            .field("shards", &self.shards)
            .finish_non_exhaustive()
    }
}

#[cfg(all(test, not(loom), not(shuttle)))]
mod tests;
