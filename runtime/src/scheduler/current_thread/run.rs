//! What the holder of the core does: polls its root, runs tasks, looks at the driver, waits.
//!
//! ```text
//!   root woken? ─► poll it ─► run tasks, up to an event interval ─► none left? ─► park
//!        ▲                              │ (a woken root: its turn)                  │
//!        └──────────────────────────────┴───────────────────────────────────────────┘
//! ```
//!
//! Keeps T1 and, as the one that parks, T3 of [`super`].

use super::{CURRENT, Local, Shared};
use crate::budget;
use crate::cell::Notified;
use crate::driver::timers;
use crate::loom::sync::Arc;
use crate::loom::sync::atomic::{AtomicBool, Ordering, fence};
use crate::scheduler::config::UNHANDLED_PANIC;
use crate::scheduler::queues::Steal;
use crate::util::entered::{self, Entered};
use crate::util::scoped::{self, Scoped};
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Wake, Waker};

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

/// This thread holds the core; on drop, also by a panic, it gives the core back.
pub(super) struct CoreGuard {
    /// Taken on drop only.
    local: Option<Rc<Local>>,
    current: Option<Scoped<RefCell<Option<Rc<Local>>>>>,
    own_wheel: Option<timers::OwnShard>,
    _entered: entered::Restore,
}

impl CoreGuard {
    pub(super) fn take(shared: &Arc<Shared>) -> Option<Self> {
        let core = shared.core_slot.lock().take()?;
        shared.stats.started();
        let local = Rc::new(Local {
            shared: shared.clone(),
            core,
        });
        // While the thread's locals go, all tasks are queued as from another thread.
        let current = scoped::set(&CURRENT, Some(local.clone()));
        let own_wheel = shared
            .driver
            .timers()
            .map(|timers| timers::own_shard(timers.shard(0)));
        let entered = entered::set(Entered::Yes {
            allow_block_in_place: false,
        });
        Some(Self {
            local: Some(local),
            current: Some(current),
            own_wheel,
            _entered: entered,
        })
    }

    pub(super) fn local(&self) -> &Local {
        self.local.as_deref().expect("taken on drop only")
    }

    /// Runs tasks until `root` is ready.
    pub(super) fn drive<F: Future>(&self, mut root: Pin<&mut F>) -> F::Output {
        let shared = &self.local().shared;
        let root_waker = std::sync::Arc::new(RootWaker {
            woken: AtomicBool::new(true),
            shared: shared.clone(),
        });
        let waker = Waker::from(root_waker.clone());
        let mut cx = Context::from_waker(&waker);
        loop {
            let mut ahead = None;
            if root_waker.woken.swap(false, Ordering::Acquire) {
                let polled = budget::with_initial(|| root.as_mut().poll(&mut cx));
                if let Poll::Ready(output) = polled {
                    return output;
                }
                ahead = self.root_is_pending(root_waker.woken.load(Ordering::Relaxed));
            }
            let stopped = self.run_some(&root_waker, ahead);
            shared.check_poisoned();
            match stopped {
                Stopped::ForRoot => {}
                Stopped::ByInterval => self.poll_driver(),
                Stopped::RanOut => {
                    if !root_waker.woken.load(Ordering::Acquire) {
                        self.park(&root_waker);
                    }
                }
            }
        }
    }

    /// Runs up to an event interval of tasks. A root that is woken takes its place behind those
    /// that are queued then; one that yielded has `ahead` tasks before it.
    fn run_some(&self, root: &RootWaker, ahead: Option<usize>) -> Stopped {
        let Local { shared, core } = self.local();
        let mut left = shared.config.event_interval as usize;
        let mut stopped = Stopped::ByInterval;
        if let Some(ahead) = ahead.filter(|&ahead| ahead < left) {
            left = ahead;
            stopped = Stopped::ForRoot;
        }
        while left > 0 {
            if stopped == Stopped::ByInterval && root.woken.load(Ordering::Relaxed) {
                let ahead = core.queue.borrow().len().max(1);
                if ahead < left {
                    left = ahead;
                    stopped = Stopped::ForRoot;
                }
            }
            let due = core.duties.turn();
            let Some(task) = self.next_task(due.injector) else {
                stopped = Stopped::RanOut;
                break;
            };
            shared.poll(task);
            if shared.poisoned.load(Ordering::Relaxed) {
                break;
            }
            left -= 1;
            if core.driver_interval.is_due() || due.driver {
                self.poll_driver();
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

    fn next_task(&self, outside_first: bool) -> Option<Notified> {
        let Local { shared, core } = self.local();
        let local = || core.queue.borrow_mut().pop_front();
        if outside_first {
            shared.next_injected().or_else(local)
        } else {
            local().or_else(|| shared.next_injected())
        }
    }

    /// `yields`: the root woke itself. Returns how many tasks then come before its next turn: what
    /// the driver brings now came later than its yield.
    fn root_is_pending(&self, yields: bool) -> Option<usize> {
        let Local { shared, core } = self.local();
        if !yields {
            core.driver_interval.after_next_yield();
            return None;
        }
        let queued = core.queue.borrow().len();
        // A task from outside has its turn also beside a root that yields all the time.
        let ahead = queued.max(usize::from(!shared.injector.is_empty()));
        core.driver_interval.yielded();
        // A root that yields once expects to find readiness afterwards.
        if core.driver_interval.is_due() || shared.driver.handle().has_sources() {
            self.poll_driver();
        }
        Some(ahead)
    }

    /// Takes what the driver has, without waiting.
    fn poll_driver(&self) {
        let Local { shared, core } = self.local();
        let guard = shared.driver.try_guard();
        core.driver_interval
            .looked(guard.map_or(0, |mut guard| guard.poll()));
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
            self.local().core.duties.sleeps();
            if let Some(mut guard) = shared.driver.try_guard() {
                guard.wait();
            }
            shared.stats.awake();
            self.local().core.driver_interval.waited();
            if shared.injector.is_empty() && self.local().core.queue.borrow().is_empty() {
                shared.stats.noops.add(1);
            }
        } else {
            // The hook may be what woke the root, each time: timers and sockets go on all the same.
            self.poll_driver();
        }
        shared.parked.store(false, Ordering::Release);
        if let Some(hook) = &shared.config.on_thread_unpark {
            hook();
        }
    }

    /// Shutdown: runs everything queued, each task cancelled.
    pub(super) fn run_cancelled(&self) {
        let next = || self.local().core.queue.borrow_mut().pop_front();
        while let Some(task) = next().or_else(|| self.local().shared.next_injected()) {
            task.cancel();
            task.run();
        }
    }
}

impl Drop for CoreGuard {
    fn drop(&mut self) {
        // Before somebody else can take the core.
        drop(self.own_wheel.take());
        drop(self.current.take());
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
