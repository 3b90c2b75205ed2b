//! The current-thread scheduler: whoever calls `block_on` runs the tasks, on that thread.
//!
//! The [`Core`] is held by one `block_on` at a time; it runs its own future and all
//! tasks. Others that call `block_on` meanwhile poll their future when it is woken, and take
//! over the core when it becomes free.
//!
//! - T1. Tasks run only on the thread that holds the core. A local runtime's core is taken on its
//!   owner's thread alone, because only its `LocalRuntime` takes it, which is not `Send`.
//! - T2. If the core is free and somebody waits in `block_on`, that somebody is being woken.
//! - T3. A push from another thread wakes the holder if it waits in the driver: push,
//!   `fence(SeqCst)`, look at `parked`; the holder sets `parked`, `fence(SeqCst)`, looks at the
//!   injector and at its root once more. One fence is first.
//!
//! Who has the core is decided in [`core_slot`]; what its holder does is in [`run`], and when it polls
//! the driver in [`driver_interval`].

#![allow(unsafe_code)]

pub(crate) mod clock_hold;
mod core_slot;
mod driver_interval;
mod run;

use self::core_slot::CoreSlot;
use self::driver_interval::DriverInterval;
use self::run::CoreGuard;
use crate::blocking::Pool;
use crate::cell::owned::OwnedList;
use crate::cell::{Header, NewTask, Notified, TaskRef};
use crate::driver::Driver;
use crate::loom::local;
use crate::loom::sync::atomic::{AtomicBool, Ordering, fence};
use crate::loom::sync::{Arc, Mutex};
use crate::scheduler::config::Config;
use crate::scheduler::duty_clock::DutyClock;
use crate::scheduler::job::Job;
use crate::scheduler::keep_alive::{self, KeepAlive, LocalOwner, Owner, Started};
use crate::scheduler::queues::Injector;
use crate::scheduler::stats::{Totals, WorkerStats};
use crate::util::thread_bound::ThreadTag;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ptr;
use std::rc::Rc;
use std::thread::ThreadId;

/// The scheduler of one current-thread runtime.
#[derive(Debug)]
pub(crate) struct Shared {
    injector: Injector,
    owned: OwnedList,
    driver: Driver,
    blocking: Arc<Pool<Job>>,
    config: Config,
    /// Of a local runtime, whose tasks need not be `Send`.
    owner: Option<ThreadTag>,
    alive: KeepAlive<Self>,
    core_slot: Mutex<CoreSlot>,
    /// The holder of the core waits in the driver, or is about to (T3).
    parked: AtomicBool,
    /// A task panicked and the runtime was told to end then.
    poisoned: AtomicBool,
    stats: WorkerStats,
    totals: Totals,
}

/// What the holder of the core has.
#[derive(Debug)]
struct Core {
    /// No borrow is held while user code runs.
    queue: RefCell<VecDeque<Notified>>,
    duties: DutyClock,
    driver_interval: DriverInterval,
    /// Cells made less cells freed on this thread; see `cells`.
    cells: Cell<isize>,
}

/// The holder of the core, as its thread knows it.
#[derive(Debug)]
struct Local {
    shared: Arc<Shared>,
    core: Box<Core>,
}

local! {
    /// Set while this thread holds a core (T1). No borrow is held while user code runs.
    static CURRENT: RefCell<Option<Rc<Local>>> = RefCell::new(None)
}

/// Whether this thread runs the tasks of some current-thread scheduler.
pub(crate) fn drives_a_core() -> bool {
    CURRENT
        .try_with(|current| current.borrow().is_some())
        .unwrap_or(false)
}

impl Shared {
    pub(crate) fn new(config: Config, driver: Driver, blocking: Arc<Pool<Job>>) -> Arc<Self> {
        Self::with_owner(config, driver, blocking, None)
    }

    /// The scheduler of a local runtime, whose owner is the calling thread.
    pub(crate) fn new_local(config: Config, driver: Driver, blocking: Arc<Pool<Job>>) -> Arc<Self> {
        Self::with_owner(config, driver, blocking, Some(ThreadTag::current()))
    }

    fn with_owner(
        config: Config,
        driver: Driver,
        blocking: Arc<Pool<Job>>,
        owner: Option<ThreadTag>,
    ) -> Arc<Self> {
        let core = Core {
            queue: RefCell::new(VecDeque::with_capacity(64)),
            duties: DutyClock::for_current_thread(&config),
            driver_interval: DriverInterval::new(),
            cells: Cell::new(0),
        };
        let stats = WorkerStats::new(config.histograms());
        let shared = Arc::new(Self {
            injector: Injector::new(),
            owned: OwnedList::default(),
            driver,
            blocking,
            config,
            owner,
            alive: KeepAlive::new(),
            core_slot: Mutex::new(CoreSlot::new(core)),
            parked: AtomicBool::new(false),
            poisoned: AtomicBool::new(false),
            stats,
            totals: Totals::new(),
        });
        shared.alive.keep(shared.clone());
        shared
    }

    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    pub(crate) fn blocking(&self) -> &Arc<Pool<Job>> {
        &self.blocking
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Whether it belongs to a local runtime.
    pub(crate) fn is_local(&self) -> bool {
        self.owner.is_some()
    }

    pub(crate) fn stats(&self) -> &WorkerStats {
        &self.stats
    }

    pub(crate) fn alive_tasks(&self) -> usize {
        self.owned.len()
    }

    pub(crate) fn injector_depth(&self) -> usize {
        self.injector.len()
    }

    pub(crate) fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Tasks that were ever spawned.
    pub(crate) fn spawned_tasks(&self) -> u64 {
        self.owned.added()
    }

    /// The thread that holds the core, or did last.
    pub(crate) fn thread_id(&self) -> Option<ThreadId> {
        self.core_slot.lock().thread_id
    }

    /// Tasks queued on the thread that holds the core; 0 on any other.
    pub(crate) fn local_depth(&self) -> usize {
        self.with_local(|local| local.map_or(0, |local| local.core.queue.borrow().len()))
    }

    /// Has the driver looked at after the present poll, which used up its budget: a look costs
    /// little beside so many operations, and what they wait for may be there.
    pub(crate) fn poll_driver_soon(&self) {
        self.with_local(|local| {
            if let Some(local) = local {
                local.core.driver_interval.soon();
            }
        });
    }

    /// Takes what is queued on the thread that holds the core; nothing on any other.
    pub(super) fn take_local(&self) -> Vec<Notified> {
        self.with_local(|local| {
            local.map_or_else(Vec::new, |local| {
                local.core.queue.borrow_mut().drain(..).collect()
            })
        })
    }

    pub(super) fn injector(&self) -> &Injector {
        &self.injector
    }

    pub(super) fn owned(&self) -> &OwnedList {
        &self.owned
    }

    /// Whether this thread runs the tasks.
    pub(crate) fn is_current(&self) -> bool {
        self.with_local(|local| local.is_some())
    }

    /// Runs `f` with the core if this thread holds it. `f` runs no user code.
    #[inline]
    fn with_local<R>(&self, f: impl FnOnce(Option<&Local>) -> R) -> R {
        let mut f = Some(f);
        let result = CURRENT.try_with(|current| {
            let current = current.borrow();
            let local = current
                .as_deref()
                .filter(|local| ptr::eq(Arc::as_ptr(&local.shared), self));
            f.take().map(|f| f(local))
        });
        match (result, f) {
            (Ok(Some(result)), _) => result,
            (_, Some(f)) => f(None),
            _ => unreachable!("the closure is either used or left"),
        }
    }

    pub(crate) fn spawn<F>(this: &Arc<Self>, future: F, new_task: NewTask) -> Started<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::count_cell(this);
        let spawned = keep_alive::spawn(future, this, 0, new_task);
        let late = this.start(spawned.owned, spawned.notified);
        Started {
            join: spawned.join,
            late,
        }
    }

    /// Starts a task that need not be `Send`.
    ///
    /// # Panics
    ///
    /// Panics on another thread than the local runtime's.
    #[track_caller]
    pub(crate) fn spawn_local<F>(
        this: &Arc<Self>,
        future: F,
        new_task: NewTask,
    ) -> Started<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        assert!(
            this.is_owner(),
            "Local tasks can only be spawned on a LocalRuntime from the thread the runtime was \
             created on"
        );
        Self::count_cell(this);
        let spawned = keep_alive::spawn_local(future, this, new_task);
        let late = this.start(spawned.owned, spawned.notified);
        Started {
            join: spawned.join,
            late,
        }
    }

    fn count_cell(this: &Arc<Self>) {
        let counted = this.with_local(|local| {
            local
                .map(|local| local.core.cells.set(local.core.cells.get() + 1))
                .is_some()
        });
        if !counted {
            KeepAlive::made_elsewhere(this);
        }
    }

    fn start(&self, owned: TaskRef, notified: Notified) -> Option<Notified> {
        if let Err(owned) = self.owned.insert(owned) {
            drop(owned);
            return Some(notified);
        }
        if let Err(notified) = self.schedule_local(notified, false) {
            self.schedule_remote(notified);
        }
        None
    }

    /// Cancels all tasks and drops their futures on this thread, then ends the driver.
    pub(crate) fn shut_down(this: &Arc<Self>) {
        this.owned.close();
        let Some(guard) = CoreGuard::take(this) else {
            // Only a `block_on` of the same runtime holds the core, and it borrows the runtime.
            unreachable!("a current-thread runtime is being dropped while it runs");
        };
        while let Some(task) = this.owned.pop_for_cancel() {
            task.abort_by_value();
            guard.run_cancelled();
        }
        while this.owned.len() > 0 {
            guard.run_cancelled();
            if this.owned.len() > 0 {
                // A waker on another thread is between its update and its push.
                crate::loom::thread::yield_now();
            }
        }
        guard.run_cancelled();
        this.driver.shutdown();
        let cells = guard.local().core.cells.replace(0);
        drop(guard);
        // The core stays empty: what is freed from now on is counted by `alive`.
        this.core_slot.lock().core = None;
        this.alive.add(cells);
        this.alive.workers_ended();
    }

    /// Wakes the holder of the core if it waits in the driver (T3).
    fn wake_holder(&self) {
        fence(Ordering::SeqCst);
        if self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::AcqRel) {
            self.driver.wake();
        }
    }
}

// SAFETY: by T1 the tasks of a scheduler with an owner run on the owner's thread, and tags are
// never reused. Without an owner nobody is it.
unsafe impl LocalOwner for Shared {
    fn is_owner(&self) -> bool {
        self.owner.is_some_and(ThreadTag::is_current)
    }
}

impl Owner for Shared {
    fn alive(&self) -> &KeepAlive<Self> {
        &self.alive
    }

    #[inline]
    fn schedule_local(&self, task: Notified, yielded: bool) -> Result<(), Notified> {
        self.with_local(|local| {
            let Some(Local { shared, core }) = local else {
                return Err(task);
            };
            shared.stats.local_schedules.add(1);
            if let Some(observer) = &shared.config.observer {
                observer.queued(&task);
            }
            if yielded {
                shared.stats.yields.add(1);
                core.driver_interval.yielded();
            }
            core.queue.borrow_mut().push_back(task);
            Ok(())
        })
    }

    fn schedule_remote(&self, task: Notified) {
        if let Some(observer) = &self.config.observer {
            observer.queued(&task);
        }
        self.injector.push(task);
        self.totals.remote_schedules.add_one();
        self.wake_holder();
    }

    fn release(&self, task: &Header) -> bool {
        let listed = self.owned.remove(task);
        if let Some(observer) = &self.config.observer {
            observer.terminated(task);
        }
        listed
    }

    fn discount_local(&self) -> bool {
        self.with_local(|local| {
            local
                .map(|local| local.core.cells.set(local.core.cells.get() - 1))
                .is_some()
        })
    }

    fn task_panicked(&self, _joinable: bool) {
        if self.config.shutdown_on_panic {
            self.poisoned.store(true, Ordering::Relaxed);
        }
    }
}
