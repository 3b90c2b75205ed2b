//! The current-thread scheduler: whoever calls `block_on` runs the tasks, on that thread.
//!
//! The *seat* ([`Core`]) is held by one `block_on` at a time; it runs its own future and all
//! tasks. Others that call `block_on` meanwhile poll their future when it is woken, and take
//! over the seat when it becomes free.
//!
//! - T1. Tasks run only on the thread that holds the seat. A local runtime's seat is taken on its
//!   owner's thread alone, because only its `LocalRuntime` takes it, which is not `Send`.
//! - T2. If the seat is free and somebody waits in `block_on`, that somebody is being woken.
//! - T3. A push from another thread wakes the holder if it waits in the driver: push,
//!   `fence(SeqCst)`, look at `parked`; the holder sets `parked`, `fence(SeqCst)`, looks at the
//!   injector and at its root once more. One fence is first.

#![allow(unsafe_code)]

use super::cells::Started;
use super::cells::{self, Alive, LocalOwner, Owner};
use super::job::Job;
use super::queues::{Injector, Steal};
use super::shared::Config;
use super::shutdown::UNHANDLED_PANIC;
use super::stats::{Totals, WorkerStats};
use crate::blocking::Pool;
use crate::budget;
use crate::cell::owned::OwnedList;
use crate::cell::{Header, Label, Notified, TaskRef};
use crate::driver::{Driver, timers};
use crate::loom::local;
use crate::loom::sync::atomic::{AtomicBool, Ordering, fence};
use crate::loom::sync::{Arc, Mutex};
use crate::park::ThreadWaker;
use crate::util::entered::{self, Entered};
use crate::util::thread_bound::ThreadTag;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::ThreadId;

/// Requeued tasks between two looks at the driver, at most: ready I/O runs within ten. After a look
/// that found something, or a wait, it is one, and doubles with each that finds nothing: answers of
/// a peer come one after the other, and a few yields are enough for all of them.
const YIELDS_PER_DRIVER_LOOK: u32 = 8;

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
    alive: Alive<Self>,
    seat: Mutex<Seat>,
    /// The holder of the seat waits in the driver, or is about to (T3).
    parked: AtomicBool,
    /// A task panicked and the runtime was told to end then.
    poisoned: AtomicBool,
    stats: WorkerStats,
    totals: Totals,
}

/// Who runs the tasks, and who would like to.
#[derive(Debug)]
struct Seat {
    core: Option<Box<Core>>,
    /// Threads in `block_on` without the seat.
    waiting: Vec<std::sync::Arc<ThreadWaker>>,
    /// Of who sits there, or did last.
    thread_id: Option<ThreadId>,
}

impl Seat {
    fn sit_down(&mut self) -> Option<Box<Core>> {
        let core = self.core.take()?;
        self.thread_id = Some(std::thread::current().id());
        Some(core)
    }

    fn forget(&mut self, waiter: &std::sync::Arc<ThreadWaker>) {
        self.waiting
            .retain(|waiting| !std::sync::Arc::ptr_eq(waiting, waiter));
    }
}

/// What the holder of the seat has.
#[derive(Debug)]
struct Core {
    /// No borrow is held while user code runs.
    queue: RefCell<VecDeque<Notified>>,
    tick: Cell<u32>,
    yields: Cell<u32>,
    /// How many yields the next look at the driver takes: 1 to `YIELDS_PER_DRIVER_LOOK`.
    yields_to_look: Cell<u32>,
    /// Cells made less cells freed on this thread; see `cells`.
    cells: Cell<isize>,
}

impl Core {
    fn has_yielded_enough(&self) -> bool {
        self.yields.get() >= self.yields_to_look.get()
    }
}

/// The holder of the seat, as its thread knows it.
#[derive(Debug)]
struct Local {
    shared: Arc<Shared>,
    core: Box<Core>,
}

local! {
    /// Set while this thread holds a seat (T1). No borrow is held while user code runs.
    static CURRENT: RefCell<Option<Rc<Local>>> = RefCell::new(None)
}

/// Whether this thread runs the tasks of some current-thread scheduler.
pub(crate) fn is_seated() -> bool {
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
            tick: Cell::new(0),
            yields: Cell::new(0),
            yields_to_look: Cell::new(1),
            cells: Cell::new(0),
        };
        let stats = WorkerStats::new(&config);
        let shared = Arc::new(Self {
            injector: Injector::new(),
            owned: OwnedList::default(),
            driver,
            blocking,
            config,
            owner,
            alive: Alive::new(),
            seat: Mutex::new(Seat {
                core: Some(Box::new(core)),
                waiting: Vec::new(),
                thread_id: None,
            }),
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

    /// The thread that holds the seat, or did last.
    pub(crate) fn thread_id(&self) -> Option<ThreadId> {
        self.seat.lock().thread_id
    }

    /// Tasks queued on the thread that holds the seat; 0 on any other.
    pub(crate) fn local_depth(&self) -> usize {
        self.with_local(|local| local.map_or(0, |local| local.core.queue.borrow().len()))
    }

    /// Has the driver looked at after the present poll, which used up its budget: a look costs
    /// little beside so many operations, and what they wait for may be there.
    pub(crate) fn look_at_driver_soon(&self) {
        self.with_local(|local| {
            if let Some(local) = local {
                local.core.yields.set(YIELDS_PER_DRIVER_LOOK);
            }
        });
    }

    /// Takes what is queued on the thread that holds the seat; nothing on any other.
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

    /// Runs `f` with the seat if this thread holds it. `f` runs no user code.
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

    pub(crate) fn spawn<F>(this: &Arc<Self>, future: F, label: Label) -> Started<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Self::count_cell(this);
        let spawned = cells::spawn(future, this, 0, label);
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
    pub(crate) fn spawn_local<F>(this: &Arc<Self>, future: F, label: Label) -> Started<F::Output>
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
        let spawned = cells::spawn_local(future, this, label);
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
            Alive::made_elsewhere(this);
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

    /// Runs `future` and, while this thread holds the seat, all tasks.
    pub(crate) fn block_on<F: Future>(this: &Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(future);
        // Also when the future panics.
        let waiter = Waiter {
            shared: this,
            parker: ThreadWaker::current(),
            waits: Cell::new(false),
        };
        let waker = waiter.parker.waker();
        loop {
            if let Some(seated) = waiter.take_seat(this) {
                return seated.drive(future.as_mut());
            }
            let mut cx = Context::from_waker(&waker);
            let polled = budget::with_initial(|| future.as_mut().poll(&mut cx));
            if let Poll::Ready(output) = polled {
                return output;
            }
            if waiter.wait_for_seat() {
                waiter.parker.park();
            }
        }
    }

    fn put_core_back(&self, core: Box<Core>) {
        let mut seat = self.seat.lock();
        seat.core = Some(core);
        let next = seat.waiting.pop();
        drop(seat);
        if let Some(next) = next {
            next.unpark();
        }
    }

    /// Cancels all tasks and drops their futures on this thread, then ends the driver.
    pub(crate) fn shut_down(this: &Arc<Self>) {
        this.owned.close();
        let Some(seated) = Seated::take(this) else {
            // Only a `block_on` of the same runtime holds the seat, and it borrows the runtime.
            unreachable!("a current-thread runtime is being dropped while it runs");
        };
        while let Some(task) = this.owned.pop_for_cancel() {
            task.abort_by_value();
            seated.run_cancelled();
        }
        while this.owned.len() > 0 {
            seated.run_cancelled();
            if this.owned.len() > 0 {
                // A waker on another thread is between its update and its push.
                crate::loom::thread::yield_now();
            }
        }
        seated.run_cancelled();
        this.driver.shutdown();
        let cells = seated.local().core.cells.replace(0);
        drop(seated);
        // The seat stays empty: what is freed from now on is counted by `alive`.
        this.seat.lock().core = None;
        this.alive.add(cells);
        this.alive.workers_ended();
    }

    /// Wakes the holder of the seat if it waits in the driver (T3).
    fn wake_holder(&self) {
        fence(Ordering::SeqCst);
        if self.parked.load(Ordering::Relaxed) && self.parked.swap(false, Ordering::AcqRel) {
            self.driver.wake();
        }
    }
}

/// A thread in `block_on`; on drop it needs no seat any more.
struct Waiter<'a> {
    shared: &'a Shared,
    parker: std::sync::Arc<ThreadWaker>,
    /// In the list of those that wait, or taken off it by an offer.
    waits: Cell<bool>,
}

impl Waiter<'_> {
    /// Whoever sits does not wait any more, or it would be offered the seat in the place of
    /// somebody who does (T2).
    fn take_seat(&self, shared: &Arc<Shared>) -> Option<Seated> {
        let seated = Seated::take(shared)?;
        if self.waits.replace(false) {
            shared.seat.lock().forget(&self.parker);
        }
        Some(seated)
    }

    /// Puts this thread among those that wait for the seat; false if the seat is free.
    fn wait_for_seat(&self) -> bool {
        let mut seat = self.shared.seat.lock();
        if seat.core.is_some() {
            return false;
        }
        seat.forget(&self.parker);
        seat.waiting.push(self.parker.clone());
        self.waits.set(true);
        true
    }
}

impl Drop for Waiter<'_> {
    /// If this thread was just offered the seat the offer goes on (T2).
    fn drop(&mut self) {
        if !self.waits.get() {
            return;
        }
        let mut seat = self.shared.seat.lock();
        seat.forget(&self.parker);
        let next = if seat.core.is_some() {
            seat.waiting.pop()
        } else {
            None
        };
        drop(seat);
        if let Some(next) = next {
            next.unpark();
        }
    }
}

/// The root future's waker: remembers, and wakes the holder if it waits.
struct RootWaker {
    woken: AtomicBool,
    shared: Arc<Shared>,
}

impl Wake for RootWaker {
    fn wake(self: std::sync::Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &std::sync::Arc<Self>) {
        self.woken.store(true, Ordering::Release);
        self.shared.wake_holder();
    }
}

/// Why a round of tasks ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// It is the root's turn.
    ForRoot,
    /// After so many tasks the driver has a turn.
    ByInterval,
    /// There are no more tasks.
    RanOut,
}

/// This thread holds the seat; on drop, also by a panic, it gives the seat back.
struct Seated {
    /// Taken on drop only.
    local: Option<Rc<Local>>,
    before: Option<Rc<Local>>,
    _entered: entered::Restore,
}

impl Seated {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let core = shared.seat.lock().sit_down()?;
        shared.stats.started();
        let local = Rc::new(Local {
            shared: shared.clone(),
            core,
        });
        // While the thread's locals go, all tasks are queued as from another thread.
        let before = CURRENT.try_with(|current| current.replace(Some(local.clone())));
        let before = before.unwrap_or(None);
        if let Some(timers) = shared.driver.timers() {
            timers::set_local_shard(Some(timers.shard(0)));
        }
        let entered = entered::set(Entered::Yes {
            allow_block_in_place: false,
        });
        Some(Self {
            local: Some(local),
            before,
            _entered: entered,
        })
    }

    fn local(&self) -> &Local {
        self.local.as_deref().expect("taken on drop only")
    }

    /// Runs tasks until `root` is ready.
    fn drive<F: Future>(&self, mut root: Pin<&mut F>) -> F::Output {
        let shared = &self.local().shared;
        let root_waker = std::sync::Arc::new(RootWaker {
            woken: AtomicBool::new(true),
            shared: shared.clone(),
        });
        let waker = Waker::from(root_waker.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            if root_waker.woken.swap(false, Ordering::Acquire) {
                let polled = budget::with_initial(|| root.as_mut().poll(&mut cx));
                if let Poll::Ready(output) = polled {
                    return output;
                }
                self.after_root(root_waker.woken.load(Ordering::Relaxed));
            }
            let stopped = self.run_some(&root_waker);
            shared.check_poisoned();
            match stopped {
                Stopped::ForRoot => {}
                Stopped::ByInterval => self.look_at_driver(),
                Stopped::RanOut => {
                    if !root_waker.woken.load(Ordering::Acquire) {
                        self.park(&root_waker);
                    }
                }
            }
        }
    }

    /// Runs up to an event interval of tasks. A root that is woken takes its place behind those
    /// that are queued then.
    fn run_some(&self, root: &RootWaker) -> Stopped {
        let Local { shared, core } = self.local();
        let mut left = shared.config.event_interval as usize;
        let mut stopped = Stopped::ByInterval;
        while left > 0 {
            if stopped == Stopped::ByInterval && root.woken.load(Ordering::Relaxed) {
                let ahead = core.queue.borrow().len().max(1);
                if ahead < left {
                    left = ahead;
                    stopped = Stopped::ForRoot;
                }
            }
            let Some(task) = self.next_task() else {
                stopped = Stopped::RanOut;
                break;
            };
            shared.poll(task);
            if shared.poisoned.load(Ordering::Relaxed) {
                break;
            }
            left -= 1;
            if core.has_yielded_enough() {
                self.look_at_driver();
                if root.woken.load(Ordering::Relaxed) {
                    // It waited for the driver, while the others only yielded.
                    stopped = Stopped::ForRoot;
                    break;
                }
            }
        }
        shared.stats.end_polls();
        stopped
    }

    fn next_task(&self) -> Option<Notified> {
        let Local { shared, core } = self.local();
        let tick = core.tick.get().wrapping_add(1);
        core.tick.set(tick);
        let outside_first = tick % shared.config.injector_interval == 0;
        let local = || core.queue.borrow_mut().pop_front();
        if outside_first {
            shared.next_injected().or_else(local)
        } else {
            local().or_else(|| shared.next_injected())
        }
    }

    /// The root is pending.
    fn after_root(&self, yields: bool) {
        let Local { shared, core } = self.local();
        if !yields {
            // It may wait for the driver: tasks that only yield do not keep it waiting.
            core.yields.set(YIELDS_PER_DRIVER_LOOK - 1);
            return;
        }
        core.yields.set(core.yields.get() + 1);
        // A root that yields once expects to find readiness afterwards.
        let looks = shared.driver.handle().has_sources();
        if looks || core.has_yielded_enough() {
            self.look_at_driver();
        }
    }

    /// Takes what the driver has, without waiting.
    fn look_at_driver(&self) {
        let Local { shared, core } = self.local();
        core.yields.set(0);
        let found = shared
            .driver
            .try_token()
            .map_or(0, |mut token| token.poll());
        core.yields_to_look.set(match found {
            0 => (2 * core.yields_to_look.get()).min(YIELDS_PER_DRIVER_LOOK),
            _ => 1,
        });
    }

    /// Waits for the driver, for another thread, or for the root's waker.
    fn park(&self, root: &RootWaker) {
        let Local { shared, .. } = self.local();
        if let Some(hook) = &shared.config.on_thread_park {
            hook();
        }
        shared.parked.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        let idle = shared.injector.is_empty()
            && self.local().core.queue.borrow().is_empty()
            && !root.woken.load(Ordering::Acquire);
        if idle {
            shared.stats.asleep();
            if let Some(mut token) = shared.driver.try_token() {
                token.wait();
            }
            shared.stats.awake();
            self.local().core.yields_to_look.set(1);
            if shared.injector.is_empty() && self.local().core.queue.borrow().is_empty() {
                shared.stats.noops.add(1);
            }
        } else {
            // The hook may be what woke the root, each time: timers and sockets go on all the same.
            self.look_at_driver();
        }
        shared.parked.store(false, Ordering::Release);
        if let Some(hook) = &shared.config.on_thread_unpark {
            hook();
        }
    }

    /// Shutdown: runs everything queued, each task cancelled.
    fn run_cancelled(&self) {
        let next = || self.local().core.queue.borrow_mut().pop_front();
        while let Some(task) = next().or_else(|| self.local().shared.next_injected()) {
            task.cancel();
            task.run();
        }
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        timers::set_local_shard(None);
        let before = self.before.take();
        let mine = CURRENT.try_with(|current| current.replace(before));
        drop(mine);
        // The thread-local's reference is gone and nobody else has one.
        if let Some(Ok(Local { shared, core })) = self.local.take().map(Rc::try_unwrap) {
            shared.stats.stopped();
            shared.put_core_back(core);
        }
    }
}

impl Shared {
    #[inline]
    fn poll(&self, task: Notified) {
        self.stats.start_poll();
        let Some(observer) = &self.config.observer else {
            return task.run();
        };
        let watched = observer.before_poll(&task, &self.stats);
        task.run();
        if let Some(watched) = watched {
            observer.after_poll(&watched, &self.stats);
        }
    }

    fn next_injected(&self) -> Option<Notified> {
        loop {
            match self.injector.steal_one() {
                Steal::Task(task) => return Some(task),
                Steal::Empty => return None,
                Steal::Retry => crate::loom::hint::spin_loop(),
            }
        }
    }

    fn check_poisoned(&self) {
        if self.poisoned.load(Ordering::Relaxed) {
            self.owned.close();
            panic!("{UNHANDLED_PANIC}");
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
    fn alive(&self) -> &Alive<Self> {
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
                core.yields.set(core.yields.get() + 1);
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
