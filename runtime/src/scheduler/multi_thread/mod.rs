//! What all workers of a runtime share, and how tasks get into their queues.
//!
//! A worker's life is in [`worker`]; what a thread knows of its worker in [`core`]; who sleeps and
//! who is woken in [`idle`]; how a worker waits in [`parker`]; where it looks for tasks in [`steal`];
//! who notices a poll that does not end in [`monitor`]; how a runtime ends in [`shutdown`].

pub(crate) mod block_in_place;
pub(crate) mod core;
pub(crate) mod idle;
pub(crate) mod monitor;
pub(crate) mod parker;
pub(crate) mod shutdown;
mod steal;
mod wake_throttle;
pub(crate) mod worker;

use self::core::{Core, InDriver};
use self::idle::Idle;
use self::monitor::Monitor;
use self::parker::Parker;
use self::shutdown::Shutdown;
use self::wake_throttle::WakeThrottle;
use crate::blocking::Pool;
use crate::cell::owned::OwnedList;
use crate::cell::{Header, NewTask, Notified, TaskRef};
use crate::driver::Driver;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{AtomicBool, Ordering};
use crate::scheduler::config::Config;
use crate::scheduler::duty_clock::DutyClock;
use crate::scheduler::job::Job;
use crate::scheduler::keep_alive::Started;
use crate::scheduler::keep_alive::{self, KeepAlive, Owner};
use crate::scheduler::queues::{Injector, LocalQueue, Slot, Stealer};
use crate::scheduler::stats::{Totals, WorkerStats};
use crossbeam_utils::CachePadded;

/// The part of a worker that others touch.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(super) slot: Slot,
    /// The monitor saw the slot's owner stuck in a poll: thieves may take from the slot.
    pub(super) stale: AtomicBool,
    /// The monitor wants the worker to look at the driver at its next turn, and to fire whatever
    /// is due, also on wheels of others.
    pub(super) attend_driver: AtomicBool,
    pub(super) stealer: Stealer,
    pub(crate) parker: Parker,
    pub(super) owned: OwnedList,
    pub(super) stats: WorkerStats,
}

impl Remote {
    /// Whether a thief would find something.
    pub(super) fn has_work(&self) -> bool {
        !self.stealer.is_empty() || (self.stale.load(Ordering::Relaxed) && !self.slot.is_empty())
    }

    /// Tasks in deque and slot, about.
    pub(crate) fn queue_depth(&self) -> usize {
        self.stealer.len() + usize::from(!self.slot.is_empty())
    }

    pub(crate) fn stats(&self) -> &WorkerStats {
        &self.stats
    }
}

/// Runs a worker on the calling thread, in the runtime's context: this module knows none.
pub(crate) type RunWorker = fn(Arc<Shared>, Box<Core>);

/// The multi-thread scheduler.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) remotes: Box<[CachePadded<Remote>]>,
    pub(super) injector: Injector,
    pub(crate) idle: Idle,
    throttle: WakeThrottle,
    /// Tasks spawned by other threads.
    pub(super) outside: OwnedList,
    pub(super) driver: Driver,
    pub(crate) monitor: Monitor,
    pub(crate) shutdown: Shutdown,
    pub(super) blocking: Arc<Pool<Job>>,
    pub(super) config: Config,
    pub(super) run_worker: RunWorker,
    alive: KeepAlive<Self>,
    totals: Totals,
}

impl Shared {
    /// The scheduler and the cores of its workers, which do not run yet.
    pub(crate) fn new(
        config: Config,
        driver: Driver,
        blocking: Arc<Pool<Job>>,
        run_worker: RunWorker,
    ) -> (Arc<Self>, Vec<Core>) {
        let cores: Vec<_> = (0..config.workers)
            .map(|index| Core::new(index, LocalQueue::new(), DutyClock::new(&config)))
            .collect();
        let remotes = cores.iter().map(|core| {
            CachePadded::new(Remote {
                slot: Slot::new(),
                stale: AtomicBool::new(false),
                attend_driver: AtomicBool::new(false),
                stealer: core.queue.stealer(),
                parker: Parker::new(),
                owned: OwnedList::default(),
                stats: WorkerStats::new(config.histograms()),
            })
        });
        let shared = Arc::new(Self {
            remotes: remotes.collect(),
            injector: Injector::new(),
            idle: Idle::new(config.workers),
            throttle: WakeThrottle::new(),
            outside: OwnedList::default(),
            driver,
            monitor: Monitor::new(),
            shutdown: Shutdown::new(config.workers),
            blocking,
            config,
            run_worker,
            alive: KeepAlive::new(),
            totals: Totals::new(),
        });
        shared.alive.keep(shared.clone());
        (shared, cores)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn blocking(&self) -> &Arc<Pool<Job>> {
        &self.blocking
    }

    pub(crate) fn remotes(&self) -> impl ExactSizeIterator<Item = &Remote> {
        self.remotes.iter().map(|remote| &**remote)
    }

    pub(crate) fn injector_depth(&self) -> usize {
        self.injector.len()
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Tasks that were ever spawned.
    pub(crate) fn spawned_tasks(&self) -> u64 {
        let workers = self.remotes.iter().map(|remote| remote.owned.added());
        self.outside.added() + workers.sum::<u64>()
    }

    /// Tasks that have not completed.
    pub(crate) fn alive_tasks(&self) -> usize {
        self.outside.len()
            + self
                .remotes
                .iter()
                .map(|remote| remote.owned.len())
                .sum::<usize>()
    }

    /// The index of the calling thread, if it is a worker of this scheduler.
    pub(crate) fn worker_index(&self) -> Option<usize> {
        core::with_core(self, |core| core.map(|core| core.index))
    }

    /// Starts a task.
    pub(crate) fn spawn<F>(this: &Arc<Self>, future: F, new_task: NewTask) -> Started<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        core::with_core(this, |core| {
            let shard = match core {
                Some(core) => {
                    core.cells.set(core.cells.get() + 1);
                    core.index
                }
                None => {
                    KeepAlive::made_elsewhere(this);
                    this.remotes.len()
                }
            };
            let spawned = keep_alive::spawn(future, this, shard, new_task);
            let late = this.start(spawned.owned, spawned.notified, core);
            Started {
                join: spawned.join,
                late,
            }
        })
    }

    /// The part of `spawn` that does not know the future.
    fn start(&self, owned: TaskRef, notified: Notified, core: Option<&Core>) -> Option<Notified> {
        let list = core.map_or(&self.outside, |core| &self.remotes[core.index].owned);
        if let Err(owned) = list.insert(owned) {
            drop(owned);
            return Some(notified);
        }
        match core {
            Some(core) => core.schedule(self, notified, Origin::Spawned),
            None => self.schedule_remote(notified),
        }
        None
    }

    /// Wakes a sleeper for tasks that were queued before, if nobody would find them.
    #[inline]
    pub(super) fn wake_for_queued(&self) {
        if self.idle.should_wake() {
            self.wake_one();
        }
    }

    /// As [`Self::wake_for_queued`], by a glance without a fence: a worker that falls asleep in
    /// this very moment may be missed. For pushes after which somebody looks again anyway.
    #[inline]
    fn wake_for_queued_at_a_glance(&self) {
        if self.idle.seems_to_need_wake() {
            self.wake_one();
        }
    }

    #[cold]
    fn wake_one(&self) {
        if let Some(worker) = self.idle.wake_one() {
            self.unpark(worker);
        }
    }

    pub(crate) fn unpark(&self, worker: usize) {
        self.remotes[worker].parker.unpark(&self.driver);
    }

    /// Whether a look at the queues, by a worker about to sleep, would find something.
    pub(super) fn has_queued_work(&self) -> bool {
        !self.injector.is_empty() || self.remotes.iter().any(|remote| remote.has_work())
    }

    /// Whether the driver has anything that a poll without waiting could bring.
    pub(super) fn driver_may_have_work(&self) -> bool {
        self.driver.handle().has_sources()
            || self
                .driver
                .timers()
                .is_some_and(|timers| timers.next_deadline_ns().is_some())
    }
}

/// How a task comes into a worker's queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Spawned,
    Woken,
    /// It woke itself while it ran.
    Yielded,
}

/// Pushes within one poll between two looks at the sleepers that miss nobody. The others only
/// glance at them: whoever fell asleep just then is found when the poll ends, or by the monitor.
const PUSHES_PER_LOOK: u32 = 16;

impl Core {
    /// Queues a task on its own worker.
    #[inline]
    pub(crate) fn schedule(&self, shared: &Shared, task: Notified, origin: Origin) {
        let remote = &shared.remotes[self.index];
        remote.stats.local_schedules.add(1);
        if let Some(observer) = &shared.config.observer {
            observer.queued(&task);
        }
        match self.in_driver.get() {
            InDriver::No => {}
            // One decision for all, when the turn is over. The task of the first event does not
            // wait behind what is queued: on a busy worker that may be many polls.
            InDriver::Events if shared.config.slot && remote.slot.is_empty() => {
                let displaced = remote.slot.put(task);
                debug_assert!(displaced.is_none(), "Q1: the owner alone fills its slot");
                return;
            }
            InDriver::Events | InDriver::Timers => {
                self.queue.push(task);
                return;
            }
        }
        match origin {
            Origin::Yielded => {
                remote.stats.yields.add(1);
                self.yields.set(self.yields.get() + 1);
                // Alone it needs nobody else: this worker looks at its deque next.
                let alone = self.queue.is_empty() && remote.slot.is_empty();
                self.queue.push(task);
                if alone
                    || shared.throttle.suppresses(
                        self.queue.len(),
                        || self.duties.turns_in_aim(),
                        &self.suppressed_wakes,
                    )
                {
                    return;
                }
            }
            // A batch of new tasks runs in the order of their spawns.
            Origin::Spawned if !remote.slot.is_empty() => self.queue.push(task),
            _ if !shared.config.slot => self.queue.push(task),
            Origin::Spawned | Origin::Woken => match remote.slot.put(task) {
                Some(displaced) => self.queue.push(displaced),
                // Into the empty slot: nobody is woken.
                None => return,
            },
        }
        let unannounced = self.unannounced.get();
        if unannounced % PUSHES_PER_LOOK == 0 {
            shared.wake_for_queued();
        } else {
            shared.wake_for_queued_at_a_glance();
        }
        self.unannounced.set(unannounced + 1);
    }

    /// Whether there is more in the own queues than this worker runs next.
    pub(super) fn has_more_than_one(&self, shared: &Shared) -> bool {
        let in_slot = usize::from(!shared.remotes[self.index].slot.is_empty());
        self.queue.len() + in_slot > 1
    }

    /// The poll is over, or goes on without the core: announces what it pushed.
    #[inline]
    pub(super) fn announce_pushes(&self, shared: &Shared) {
        // The first push looked itself, and nothing was pushed since. Later ones only glanced.
        if self.unannounced.replace(0) > 1 {
            shared.wake_for_queued();
        }
    }
}

impl Owner for Shared {
    fn alive(&self) -> &KeepAlive<Self> {
        &self.alive
    }

    #[inline]
    fn schedule_local(&self, task: Notified, yielded: bool) -> Result<(), Notified> {
        core::with_core(self, |core| match core {
            Some(core) => {
                core.schedule(
                    self,
                    task,
                    if yielded {
                        Origin::Yielded
                    } else {
                        Origin::Woken
                    },
                );
                Ok(())
            }
            None => Err(task),
        })
    }

    fn schedule_remote(&self, task: Notified) {
        if let Some(observer) = &self.config.observer {
            observer.queued(&task);
        }
        self.injector.push(task);
        self.totals.remote_schedules.add_one();
        self.wake_for_queued();
        self.tell_last_worker();
    }

    fn release(&self, task: &Header) -> bool {
        let list = self
            .remotes
            .get(task.shard())
            .map_or(&self.outside, |remote| &remote.owned);
        let listed = list.remove(task);
        if let Some(observer) = &self.config.observer {
            observer.terminated(task);
        }
        self.tell_last_worker();
        listed
    }

    fn discount_local(&self) -> bool {
        core::with_core(self, |core| {
            core.map(|core| core.cells.set(core.cells.get() - 1))
                .is_some()
        })
    }

    fn task_panicked(&self, _joinable: bool) {
        if self.config.shutdown_on_panic {
            self.shutdown.poison();
            self.begin_shutdown();
        }
    }
}
