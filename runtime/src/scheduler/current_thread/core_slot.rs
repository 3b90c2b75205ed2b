//! Who sits: `block_on` takes the seat, or waits for it and polls its own future meanwhile.
//!
//! ```text
//!   seat free ──take──► taken ──put back──► free, and one of those that wait is woken
//! ```
//!
//! Keeps T2 of [`super`]: an offer that comes too late for its taker goes on to the next.

use super::{Core, Seated, Shared};
use crate::budget;
use crate::loom::sync::Arc;
use crate::park::ThreadWaker;
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll};
use std::thread::ThreadId;

/// Who runs the tasks, and who would like to.
#[derive(Debug)]
pub(super) struct Seat {
    pub(super) core: Option<Box<Core>>,
    /// Threads in `block_on` without the seat.
    waiting: Vec<std::sync::Arc<ThreadWaker>>,
    /// Of who sits there, or did last.
    pub(super) thread_id: Option<ThreadId>,
}

impl Seat {
    pub(super) fn new(core: Core) -> Self {
        Self {
            core: Some(Box::new(core)),
            waiting: Vec::new(),
            thread_id: None,
        }
    }

    pub(super) fn sit_down(&mut self) -> Option<Box<Core>> {
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

    /// Whether nobody runs the tasks.
    #[allow(dead_code, reason = "for task dumps, if they are enabled")]
    pub(crate) fn seat_is_free(&self) -> bool {
        self.seat.lock().core.is_some()
    }

    pub(super) fn put_core_back(&self, core: Box<Core>) {
        let mut seat = self.seat.lock();
        seat.core = Some(core);
        let next = seat.waiting.pop();
        drop(seat);
        if let Some(next) = next {
            next.unpark();
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
