//! Tasks that stay on one thread although no runtime is theirs: the scheduler of a `LocalSet`.
//!
//! ```text
//!   owner's thread:  spawn, wake ──► queue ──┐
//!                                            ├─► tick, inside of a poll of the set (a driver)
//!   other threads:   wake, abort ──► injector┘
//! ```
//!
//! A set is *driven* while one of its drivers is polled; whoever queues a task at another time
//! wakes a driver. Drivers are the set itself and each future of `run_until`.
//!
//! - N1. Tasks are run, and dropped, on the owner's thread only ([`LocalOwner`]): entries from
//!   elsewhere go to the injector, which only the owner empties.
//! - N2. A task that is queued while nobody drives the set wakes a driver: a push from another
//!   thread, then `take` of the waker; the driver registers its waker, then looks at the
//!   injector. Both write the word of the [`AtomicWaker`], so one sees the other.
//! - N3. The waker that is registered belongs to a driver that is still there: one that ends
//!   wakes another, which registers itself.
//! - N4. After [`Shared::shut_down`] no task is alive and no entry exists or will: late wakers
//!   and handles free memory only.
//! - N5. What belongs to a set that is forgotten, or that unsafe code took to another thread to drop
//!   it there, stays alive: nothing is dropped elsewhere.
//!
//! No borrow of the owner's part is held while user code runs.
//!
//! Rejected: a lock around the queue of other threads (a push allocates now and then, which is not
//! for locks); one waker for all drivers without N3 (a driver that is done takes the wakes of the
//! others with it); cancelling a task whose entry another thread is about to push (the set's drop
//! waits for that push instead, a few instructions of a thread that is running).
#![allow(unsafe_code)]

use super::keep_alive::{self, KeepAlive, LocalOwner, Owner, Started};
use super::queues::{Injector, Steal};
use crate::budget;
use crate::cell::owned::OwnedList;
use crate::cell::{Header, NewTask, Notified};
use crate::loom::local;
use crate::loom::sync::Arc;
use crate::util::atomic_waker::AtomicWaker;
use crate::util::entered::{self, Entered};
use crate::util::scoped::{self, Scoped};
use crate::util::thread_bound::ThreadBound;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Deref;
use std::rc::Rc;
use std::task::Waker;

/// Tasks of one tick; then the others on the thread get their turn.
const TICK: u32 = 61;

/// Tasks between two looks at the injector while there are others.
const INJECTOR_INTERVAL: u32 = 31;

/// The scheduler of one set.
#[derive(Debug)]
pub(crate) struct Shared {
    id: super::id::Id,
    home: ThreadBound<OwnerState>,
    injector: Injector,
    owned: OwnedList,
    /// Of the driver that was polled last.
    waker: AtomicWaker,
    alive: KeepAlive<Self>,
}

/// The owner's part.
#[derive(Debug)]
struct OwnerState {
    queue: RefCell<VecDeque<Notified>>,
    /// Drivers that wait (N3), by a number of their own.
    drivers: RefCell<Vec<(u64, Waker)>>,
    next_driver: Cell<u64>,
    driven: Cell<bool>,
    turn: Cell<u32>,
    /// Cells made less cells freed here; see `cells`.
    cells: Cell<isize>,
    ended: Cell<bool>,
    shutdown_on_panic: Cell<bool>,
    panicked: Cell<bool>,
}

// SAFETY: by N1; the tag of `home` is never that of another thread.
unsafe impl LocalOwner for Shared {
    fn is_owner(&self) -> bool {
        self.home.get().is_some()
    }
}

impl Shared {
    /// A scheduler of the calling thread.
    fn new() -> Arc<Self> {
        let home = OwnerState {
            queue: RefCell::new(VecDeque::new()),
            drivers: RefCell::new(Vec::new()),
            next_driver: Cell::new(0),
            driven: Cell::new(false),
            turn: Cell::new(0),
            cells: Cell::new(0),
            ended: Cell::new(false),
            shutdown_on_panic: Cell::new(false),
            panicked: Cell::new(false),
        };
        let shared = Arc::new(Self {
            id: super::id::Id::next(),
            home: ThreadBound::new(home),
            injector: Injector::new(),
            owned: OwnedList::default(),
            waker: AtomicWaker::new(),
            alive: KeepAlive::new(),
        });
        shared.alive.keep(shared.clone());
        shared
    }

    pub(crate) fn id(&self) -> super::id::Id {
        self.id
    }

    fn home(&self) -> &OwnerState {
        self.home.get().expect("a `LocalSet` stays on its thread")
    }

    /// Starts a task. Owner only.
    #[inline]
    pub(crate) fn spawn<F>(this: &Arc<Self>, future: F, new_task: NewTask) -> Started<F::Output>
    where
        F: Future + 'static,
        F::Output: 'static,
    {
        let home = this.home();
        if home.ended.get() {
            KeepAlive::made_elsewhere(this);
        } else {
            home.cells.set(home.cells.get() + 1);
        }
        let spawned = keep_alive::spawn_local(future, this, new_task);
        let late = match this.owned.insert(spawned.owned) {
            Ok(()) => {
                this.push(home, spawned.notified);
                None
            }
            Err(refused) => {
                drop(refused);
                Some(spawned.notified)
            }
        };
        Started {
            join: spawned.join,
            late,
        }
    }

    #[inline]
    fn push(&self, home: &OwnerState, task: Notified) {
        home.queue.borrow_mut().push_back(task);
        if !home.driven.get() {
            self.wake_driver();
        }
    }

    fn wake_driver(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether no task is alive.
    pub(crate) fn is_empty(&self) -> bool {
        self.owned.len() == 0
    }

    /// Sets what a panic of a task does; false if there have been tasks.
    pub(crate) fn set_shutdown_on_panic(&self, shutdown: bool) -> bool {
        let home = self.home();
        home.shutdown_on_panic.set(shutdown);
        home.cells.get() == 0
    }

    /// Whether a panic of a task was to end the set.
    pub(crate) fn has_panicked(&self) -> bool {
        self.home().panicked.get()
    }

    /// Runs up to a tick of tasks; true if there are more. Only while driven.
    pub(crate) fn tick(&self) -> bool {
        let home = self.home();
        budget::with_kept(|| {
            for _ in 0..TICK {
                let Some(task) = self.next_task(home) else {
                    return false;
                };
                task.run();
                if home.panicked.get() {
                    return true;
                }
            }
            true
        })
    }

    fn next_task(&self, home: &OwnerState) -> Option<Notified> {
        let turn = home.turn.get().wrapping_add(1);
        home.turn.set(turn);
        let local = || home.queue.borrow_mut().pop_front();
        if turn % INJECTOR_INTERVAL == 0 {
            self.next_injected().or_else(local)
        } else {
            local().or_else(|| self.next_injected())
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

    /// Cancels all tasks and drops their futures; nothing on another thread (N5).
    pub(crate) fn shut_down(&self) {
        let Some(home) = self.home.get() else {
            return;
        };
        self.owned.close();
        budget::with_kept(|| {
            // Those that are queued already were not spawned before all others: first mark all.
            while let Some(task) = self.owned.pop_oldest_for_cancel() {
                task.abort_by_value();
            }
            self.run_cancelled(home);
            while self.owned.len() > 0 {
                self.run_cancelled(home);
                if self.owned.len() > 0 {
                    // A waker on another thread is between its update and its push (N4).
                    crate::loom::thread::yield_now();
                }
            }
        });
        home.ended.set(true);
        self.alive.add(home.cells.replace(0));
        self.alive.workers_ended();
    }

    /// Drops the futures of all that is queued, in the order of their spawns, which is that of their
    /// ids on one thread.
    fn run_cancelled(&self, home: &OwnerState) {
        loop {
            let mut queued: Vec<_> = std::iter::from_fn(|| self.next_task(home)).collect();
            if queued.is_empty() {
                return;
            }
            queued.sort_by_key(|task| task.header().id());
            for task in queued {
                task.cancel();
                task.run();
            }
        }
    }
}

impl Owner for Shared {
    fn alive(&self) -> &KeepAlive<Self> {
        &self.alive
    }

    #[inline]
    fn schedule_local(&self, task: Notified, _yielded: bool) -> Result<(), Notified> {
        let Some(home) = self.home.get() else {
            return Err(task);
        };
        self.push(home, task);
        Ok(())
    }

    fn schedule_remote(&self, task: Notified) {
        self.injector.push(task);
        self.wake_driver();
    }

    fn release(&self, task: &Header) -> bool {
        self.owned.remove(task)
    }

    fn discount_local(&self) -> bool {
        match self.home.get() {
            Some(home) if !home.ended.get() => {
                home.cells.set(home.cells.get() - 1);
                true
            }
            _ => false,
        }
    }

    /// Panics are caught where tasks run and are dropped: here.
    fn task_panicked(&self, _joinable: bool) {
        if let Some(home) = self.home.get() {
            if home.shutdown_on_panic.get() {
                home.panicked.set(true);
            }
        }
    }
}

/// A set, as its thread holds it. In an `Rc`, because each poll of a driver takes a reference.
#[derive(Debug)]
pub(crate) struct LocalTasks(Arc<Shared>);

impl LocalTasks {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self(Shared::new()))
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Deref for LocalTasks {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

local! {
    /// The set that `spawn_local` goes to. No borrow is held while user code runs.
    static CURRENT: RefCell<Option<Rc<LocalTasks>>> = RefCell::new(None)
}

/// Puts the set before back, on drop.
pub(crate) type Restore = Scoped<RefCell<Option<Rc<LocalTasks>>>>;

/// Makes `set` the one that `spawn_local` goes to; does nothing if the thread's locals are gone.
#[inline]
pub(crate) fn enter(set: &Rc<LocalTasks>) -> Restore {
    scoped::set(&CURRENT, Some(set.clone()))
}

/// The set that this thread is in.
pub(crate) fn current() -> Option<Rc<LocalTasks>> {
    CURRENT
        .try_with(|current| current.borrow().clone())
        .ok()
        .flatten()
}

/// Runs `f` as a part of the set: `spawn_local` goes there, and `block_in_place`, which would move
/// the thread's work away from the set, is refused.
pub(crate) fn with_set<R>(set: &Rc<LocalTasks>, f: impl FnOnce() -> R) -> R {
    let _entered = (entered::current() != Entered::No).then(|| {
        entered::set(Entered::Yes {
            allow_block_in_place: false,
        })
    });
    let _set = enter(set);
    f()
}

/// A future that drives a set: its name in the list of those that wait.
#[derive(Debug)]
pub(crate) struct SetPoller {
    set: Rc<LocalTasks>,
    number: Option<u64>,
}

impl SetPoller {
    pub(crate) fn new(set: Rc<LocalTasks>) -> Self {
        Self { set, number: None }
    }

    pub(crate) fn set(&self) -> &Rc<LocalTasks> {
        &self.set
    }

    /// Runs `f` as a poll of this driver. `f` is told whether it is the outermost: a driver inside
    /// of another leaves ticks and wakes to that.
    pub(crate) fn drive<R>(&mut self, waker: &Waker, f: impl FnOnce(bool) -> R) -> R {
        struct Undriven<'a>(&'a Cell<bool>, bool);
        impl Drop for Undriven<'_> {
            fn drop(&mut self) {
                self.0.set(self.1);
            }
        }
        let set = self.set.clone();
        let home = set.home();
        let outermost = !home.driven.get();
        if outermost {
            set.waker.register(waker);
        }
        self.list(home, waker);
        let _undriven = Undriven(&home.driven, home.driven.replace(true));
        with_set(&set, || f(outermost))
    }

    /// Puts the driver among those that wait (N3).
    fn list(&mut self, home: &OwnerState, waker: &Waker) {
        let known = self.number.is_some_and(|number| {
            let drivers = home.drivers.borrow();
            let mine = drivers.iter().find(|(other, _)| *other == number);
            mine.is_some_and(|(_, stored)| stored.will_wake(waker))
        });
        if known {
            return;
        }
        // Foreign code: outside of the borrow.
        let waker = waker.clone();
        let before = self.leave(home);
        let number = home.next_driver.replace(home.next_driver.get() + 1);
        home.drivers.borrow_mut().push((number, waker));
        self.number = Some(number);
        drop(before);
    }

    fn leave(&mut self, home: &OwnerState) -> Option<Waker> {
        let number = self.number.take()?;
        let mut drivers = home.drivers.borrow_mut();
        let at = drivers.iter().position(|(other, _)| *other == number)?;
        Some(drivers.swap_remove(at).1)
    }
}

impl Drop for SetPoller {
    /// Another driver is woken, to put its waker in the place of this one's (N3).
    fn drop(&mut self) {
        let set = self.set.clone();
        // On another thread nothing is touched (N5).
        let Some(home) = set.home.get() else { return };
        let Some(mine) = self.leave(home) else { return };
        // It registers itself anew when it is polled.
        let other = home.drivers.borrow_mut().pop();
        drop(mine);
        if let Some((_, other)) = other {
            crate::util::wake_batch::wake_contained(other);
        }
    }
}
