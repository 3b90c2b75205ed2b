//! A worker's life: run what is queued, look at the driver now and then, steal, sleep.

use super::Shared;
use super::core::{Core, InDriver, Local};
use super::idle::GotUp;
use super::parker::Parker;
use crate::blocking::{self, HandedTo};
use crate::cell::Notified;
use crate::driver::timers;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{Ordering, fence};
use crate::scheduler::duty_clock::Due;
use crate::util::bomb::Bomb;
use crate::util::entered::{self, Entered};

/// Requeued tasks between two looks at the driver: ready I/O runs within ten.
pub(super) const YIELDS_PER_DRIVER_LOOK: u32 = 8;

/// Runs a worker on this thread until shutdown, or until `block_in_place` takes its core.
pub(crate) fn run(shared: Arc<Shared>, core: Box<Core>) {
    let index = core.index;
    let bomb = Bomb::new("a worker");
    shared.remotes[index].parker.bind_thread();
    let _entered = entered::set(Entered::Yes {
        allow_block_in_place: true,
    });
    let _seeded = shared
        .config
        .seeds
        .as_ref()
        .map(|seeds| seeds.enter_worker(index));
    let stats = &shared.remotes[index].stats;
    stats.started();
    let local = Local::new(shared.clone(), core);
    let ended = local.enter(|| {
        let timers = shared.driver.timers();
        let _own_wheel = timers.map(|timers| timers::own_shard(timers.shard(index)));
        local.run()
    });
    drop(local);
    if ended == Ended::Shutdown {
        stats.stopped();
        shared.worker_ended();
    }
    bomb.defuse();
}

/// Why a worker's loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    Shutdown,
    CoreTaken,
}

impl Local {
    fn run(&self) -> Ended {
        let shared = &*self.shared;
        loop {
            let Some(core) = self.core() else {
                return Ended::CoreTaken;
            };
            if shared.shutdown.has_begun() {
                shared.remotes[core.index].stats.ends();
                break;
            }
            if let Some(task) = core.turn(shared) {
                self.run_task(task, core.index);
            }
        }
        match self.take_core() {
            Some(core) => {
                self.put_core(core);
                self.shut_down_worker();
                Ended::Shutdown
            }
            None => Ended::CoreTaken,
        }
    }

    /// Polls a task. Afterwards the core may be gone.
    #[inline]
    pub(super) fn run_task(&self, task: Notified, index: usize) {
        let stats = &self.shared.remotes[index].stats;
        stats.start_poll();
        match &self.shared.config.observer {
            None => self.poll(task),
            Some(observer) => {
                let watched = observer.before_poll(&task, stats);
                self.poll(task);
                if let Some(watched) = watched {
                    observer.after_poll(&watched, stats);
                }
            }
        }
        if let Some(core) = self.core() {
            core.announce_pushes(&self.shared);
        }
    }

    #[inline]
    fn poll(&self, task: Notified) {
        self.polling.set(true);
        task.run();
        self.polling.set(false);
    }
}

impl Core {
    /// One turn of the loop: finds a task, or sleeps.
    #[inline]
    pub(crate) fn turn(&self, shared: &Shared) -> Option<Notified> {
        let due = self.duties.turn();
        if self.should_poll_driver(shared, due) {
            self.poll_driver(shared);
        }
        let task = self
            .next_task(shared, due.injector)
            .or_else(|| self.next_after_own_timers(shared))
            .or_else(|| self.search(shared));
        match task {
            Some(_) => self.found_work(shared),
            None => self.sleep(shared),
        }
        task
    }

    #[inline]
    fn should_poll_driver(&self, shared: &Shared, due: Due) -> bool {
        let remote = &shared.remotes[self.index];
        if remote.stale.load(Ordering::Relaxed) {
            // The long poll is over.
            remote.stale.store(false, Ordering::Relaxed);
        }
        due.driver
            || self.yields.get() >= YIELDS_PER_DRIVER_LOOK
            || remote.attend_driver.load(Ordering::Relaxed)
    }

    /// Takes what the driver has, without waiting. While another worker has the driver guard it brings the
    /// events; this worker's own timers are fired all the same.
    pub(crate) fn poll_driver(&self, shared: &Shared) {
        self.yields.set(0);
        let attend = &shared.remotes[self.index].attend_driver;
        let for_others = attend.load(Ordering::Relaxed);
        if for_others {
            attend.store(false, Ordering::Relaxed);
        }
        if !shared.driver_may_have_work() {
            return;
        }
        let driver = &shared.driver;
        self.in_driver.set(InDriver::Timers);
        let guard = if driver.handle().has_sources() {
            driver.try_guard()
        } else {
            None
        };
        match guard {
            Some(mut guard) => {
                self.in_driver.set(InDriver::Events);
                guard.poll_events();
                self.in_driver.set(InDriver::Timers);
                guard.fire();
                drop(guard);
                if let Some(worker) = driver.take_request() {
                    shared.unpark(worker);
                }
            }
            None if for_others || !driver.handle().has_sources() => {
                driver.fire_due();
            }
            None => {
                driver.fire_due_of(self.index);
            }
        }
        self.in_driver.set(InDriver::No);
        if self.has_more_than_one(shared) {
            shared.wake_for_queued();
        }
    }

    /// There is no task: if timers of this worker are due it fires them before it steals or sleeps,
    /// or another worker would be woken to do so.
    fn next_after_own_timers(&self, shared: &Shared) -> Option<Notified> {
        let timers = shared.driver.timers()?;
        if !timers.shard(self.index).is_due() {
            return None;
        }
        self.poll_driver(shared);
        self.next_local(shared)
    }

    /// Looks at everybody's queues, if not enough others do.
    fn search(&self, shared: &Shared) -> Option<Notified> {
        if shared.remotes.len() == 1 {
            return None;
        }
        if !self.searching.get() {
            if !shared.idle.start_search() {
                return None;
            }
            self.searching.set(true);
        }
        self.steal(shared)
    }

    /// The worker has a task in hand. If it was the last that searched it wakes the next one,
    /// but only if it sees more work: pushes that saw it search woke nobody (P2 of `idle`).
    #[inline]
    fn found_work(&self, shared: &Shared) {
        if self.searching.get() {
            self.searching.set(false);
            if shared.idle.stop_search() && shared.has_queued_work() {
                shared.wake_for_queued();
            }
        }
    }

    /// Nothing to do: the hooks of the builder around a wait.
    pub(crate) fn sleep(&self, shared: &Shared) {
        shared.remotes[self.index].stats.end_polls();
        if let Some(hook) = &shared.config.on_thread_park {
            // User code: it takes its time, spawns and wakes. So it runs while this worker counts
            // as awake, and while nobody relies on its search.
            self.found_work(shared);
            hook();
        }
        if self.queue.is_empty() && shared.remotes[self.index].slot.is_empty() {
            self.wait_for_work(shared);
        }
        if let Some(hook) = &shared.config.on_thread_unpark {
            hook();
        }
    }

    /// Publishes that there is nothing to do, looks once more, waits. No user code runs from the
    /// last look to the wait: what it queued here nobody would see.
    fn wait_for_work(&self, shared: &Shared) {
        let remote = &shared.remotes[self.index];
        self.fall_asleep(shared);
        if shared.has_queued_work() || shared.shutdown.has_begun() {
            // As a searcher: pushes may have relied on its search (P2 of `idle`).
            let _ = self.get_up(shared, true);
            return;
        }
        let awake = remote.stats.asleep();
        if self.was_woken.get() {
            shared.throttle.learn(awake);
        }
        self.duties.sleeps();
        debug_assert!(
            self.queue.is_empty() && remote.slot.is_empty(),
            "worker {} waits with tasks of its own",
            self.index
        );
        self.wait(shared);
        let got_up = self.get_up(shared, false);
        self.was_woken.set(got_up == GotUp::Woken);
        remote.stats.awake();
        if self.queue.is_empty() && remote.slot.is_empty() {
            remote.stats.noops.add(1);
        } else if self.has_more_than_one(shared) {
            // Several events at once: one decision for all.
            shared.wake_for_queued();
        }
    }

    /// A searcher leaves the count before the last look.
    pub(crate) fn fall_asleep(&self, shared: &Shared) {
        let was_searching = self.searching.replace(false);
        shared.idle.fall_asleep(self.index, was_searching);
    }

    pub(crate) fn wait(&self, shared: &Shared) {
        let parker = &shared.remotes[self.index].parker;
        if self.spins_for_job(parker) {
            return;
        }
        if let Some(mut guard) = shared.driver.guard_or_request(self.index) {
            self.in_driver.set(InDriver::Timers);
            parker.park_in_reactor(|| guard.wait());
            self.in_driver.set(InDriver::No);
            return;
        }
        if let Some(timers) = shared.driver.timers() {
            // Whoever waits in the reactor waits for this wheel too (D1 of `driver`).
            timers.shard(self.index).announce();
        }
        parker.park();
        shared.driver.withdraw_request(self.index);
    }

    /// Spins for a moment if this worker has handed a job to the blocking pool since it
    /// slept last, and if that has paid: its end is often what comes next. True if something came.
    ///
    /// The worker is a sleeper already, so whoever wakes it only writes its word.
    fn spins_for_job(&self, parker: &Parker) -> bool {
        let spin = match blocking::take_handed_to() {
            None => return false,
            Some(HandedTo::Spinning) => &self.job_spins.for_awake,
            Some(HandedTo::Parked) => &self.job_spins.for_asleep,
        };
        let mut attempts = spin.get();
        let limit = attempts.next_alike();
        let came = limit.is_some_and(|limit| {
            let (waited, came) = parker.spin_wait(limit);
            attempts.ended(limit, waited, came);
            came
        });
        spin.set(attempts);
        came
    }

    /// Leaves the list of sleepers. If a waker was faster the worker counts as searching; a
    /// wake-up that comes late only makes its next wait short.
    pub(crate) fn get_up(&self, shared: &Shared, searches: bool) -> GotUp {
        let got_up = shared.idle.get_up(self.index, searches);
        self.searching.set(searches || got_up == GotUp::Woken);
        // Pairs with the fence of the monitor before it goes to sleep: it may have seen all asleep
        // even if this worker did not wait.
        fence(Ordering::SeqCst);
        shared.monitor.worker_woke();
        got_up
    }
}
