//! Who has the core: `block_on` takes it, or waits for it and polls its own future meanwhile.
//!
//! ```text
//!   core free ──take──► taken ──put back──► free, and one of those that wait is woken
//! ```
//!
//! Keeps T2 of [`super`]: an offer that comes too late for its taker goes on to the next.

use super::{Core, CoreGuard, Shared};
use crate::budget;
use crate::loom::sync::Arc;
use crate::park::ThreadWaker;
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll};
use std::thread::ThreadId;

/// Who runs the tasks, and who would like to.
#[derive(Debug)]
pub(super) struct CoreSlot {
    pub(super) core: Option<Box<Core>>,
    /// Threads in `block_on` without the core.
    waiting: Vec<std::sync::Arc<ThreadWaker>>,
    /// Of who has the core there, or did last.
    pub(super) thread_id: Option<ThreadId>,
}

impl CoreSlot {
    pub(super) fn new(core: Core) -> Self {
        Self {
            core: Some(Box::new(core)),
            waiting: Vec::new(),
            thread_id: None,
        }
    }

    pub(super) fn take(&mut self) -> Option<Box<Core>> {
        let core = self.core.take()?;
        self.thread_id = Some(std::thread::current().id());
        Some(core)
    }

    fn forget(&mut self, waiter: &std::sync::Arc<ThreadWaker>) {
        self.waiting
            .retain(|waiting| !std::sync::Arc::ptr_eq(waiting, waiter));
    }
}

impl Shared {
    /// Runs `future` and, while this thread holds the core, all tasks.
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
            if let Some(guard) = waiter.take_core(this) {
                return guard.drive(future.as_mut());
            }
            let mut cx = Context::from_waker(&waker);
            let polled = budget::with_initial(|| future.as_mut().poll(&mut cx));
            if let Poll::Ready(output) = polled {
                return output;
            }
            if waiter.wait_for_core() {
                waiter.parker.park();
            }
        }
    }

    /// Whether nobody runs the tasks.
    #[allow(dead_code, reason = "for task dumps, if they are enabled")]
    pub(crate) fn core_is_free(&self) -> bool {
        self.core_slot.lock().core.is_some()
    }

    pub(super) fn put_core_back(&self, core: Box<Core>) {
        let mut slot = self.core_slot.lock();
        slot.core = Some(core);
        let next = slot.waiting.pop();
        drop(slot);
        if let Some(next) = next {
            next.unpark();
        }
    }
}

/// A thread in `block_on`; on drop it needs no core any more.
struct Waiter<'a> {
    shared: &'a Shared,
    parker: std::sync::Arc<ThreadWaker>,
    /// In the list of those that wait, or taken off it by an offer.
    waits: Cell<bool>,
}

impl Waiter<'_> {
    /// Whoever has the core does not wait any more, or it would be offered the core in the place of
    /// somebody who does (T2).
    fn take_core(&self, shared: &Arc<Shared>) -> Option<CoreGuard> {
        let guard = CoreGuard::take(shared)?;
        if self.waits.replace(false) {
            shared.core_slot.lock().forget(&self.parker);
        }
        Some(guard)
    }

    /// Puts this thread among those that wait for the core; false if the core is free.
    fn wait_for_core(&self) -> bool {
        let mut slot = self.shared.core_slot.lock();
        if slot.core.is_some() {
            return false;
        }
        slot.forget(&self.parker);
        slot.waiting.push(self.parker.clone());
        self.waits.set(true);
        true
    }
}

impl Drop for Waiter<'_> {
    /// If this thread was just offered the core the offer goes on (T2).
    fn drop(&mut self) {
        if !self.waits.get() {
            return;
        }
        let mut slot = self.shared.core_slot.lock();
        slot.forget(&self.parker);
        let next = if slot.core.is_some() {
            slot.waiting.pop()
        } else {
            None
        };
        drop(slot);
        if let Some(next) = next {
            next.unpark();
        }
    }
}
