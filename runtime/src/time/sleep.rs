//! [`Sleep`]: one timer.
//!
//! A sleep takes the shard of the thread that makes it and keeps it, wherever it is polled or
//! dropped later: a cancel then finds its timer without a search. It arms at the first poll, so
//! a limit on a future that is ready at once never touches a wheel.
//!
//! ```text
//!   New ──first poll──► Armed ──fires, seen by a poll──► Fired
//!    └── had passed when the driver last looked ──────────▲
//! ```
//!
//! Only `sleep` reads the clock, to make the deadline. The first poll compares the deadline with
//! the time at which the driver last looked (I7 of [`timers`](crate::driver::timers)): what was
//! over by then is ready at once, what is due now waits for the driver's next turn. So a loop over
//! sleeps that take no time, under a `select!` say, lets its other branches and the other tasks go
//! on; and programs rely on that, because tokio's timers are the same.

use super::Instant;
use crate::budget;
use crate::driver::timers::{Arm, Rearm, Shard, TimersShutDown};
use crate::loom::sync::Arc;
use crate::runtime::context;
use pin_project_lite::pin_project;
use std::fmt;
use std::future::Future;
use std::marker::PhantomPinned;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use timer::Key;

/// Waits until `duration` has passed from the call.
///
/// A sleep of no time waits for the driver's next turn, so that everybody else gets one.
/// A duration too long to be represented never ends.
///
/// # Cancel safety
///
/// Dropping the future cancels the timer; nothing else happens.
///
/// # Panics
///
/// Panics outside of a runtime, or if its time is not enabled.
///
/// # Examples
///
/// ```
/// use runtime::time::{Duration, Instant, sleep};
///
/// # let rt = runtime::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # rt.block_on(async {
/// let start = Instant::now();
/// sleep(Duration::from_millis(2)).await;
/// assert!(start.elapsed() >= Duration::from_millis(2));
/// # });
/// ```
#[track_caller]
pub fn sleep(duration: Duration) -> Sleep {
    Sleep::new(Instant::after(duration))
}

/// Waits until `deadline`.
///
/// If it has passed already, the future is ready at the first poll or, if the driver has not
/// looked at the clock since, after the driver's next turn.
///
/// # Cancel safety
///
/// Dropping the future cancels the timer; nothing else happens.
///
/// # Panics
///
/// Panics outside of a runtime, or if its time is not enabled.
#[track_caller]
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::new(deadline)
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Not polled since it was made, or since a reset of one that was not armed.
    New { was_reset: bool },
    /// In the shard under this key, or fired and not polled since.
    Armed(Key),
    /// A poll has seen that the deadline passed.
    Fired,
}

pin_project! {
    /// The future of [`sleep`] and [`sleep_until`].
    ///
    /// It is ready once the deadline has passed, never before, and stays ready until it is
    /// [`reset`](Sleep::reset). It must be pinned to be polled by hand: see
    /// [`pin!`](std::pin::pin) or `Box::pin`.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime::time::{Duration, Instant, sleep};
    /// use std::pin::pin;
    ///
    /// # let rt = runtime::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    /// # rt.block_on(async {
    /// let mut idle = pin!(sleep(Duration::from_secs(3_600)));
    /// idle.as_mut().reset(Instant::now() + Duration::from_millis(1));
    /// idle.as_mut().await;
    /// assert!(idle.is_elapsed());
    /// # });
    /// ```
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Sleep {
        deadline: Instant,
        shard: Arc<Shard>,
        state: State,
        #[pin]
        pinned: PhantomPinned,
    }

    impl PinnedDrop for Sleep {
        fn drop(this: Pin<&mut Self>) {
            if let State::Armed(key) = this.state {
                this.shard.cancel(key);
            }
        }
    }
}

impl Sleep {
    #[track_caller]
    fn new(deadline: Instant) -> Self {
        Self {
            deadline,
            shard: context::timer_shard(),
            state: State::New { was_reset: false },
            pinned: PhantomPinned,
        }
    }

    /// Returns when this ends.
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns whether the timer has fired. One that was neither polled nor reset has not.
    pub fn is_elapsed(&self) -> bool {
        match self.state {
            State::New { was_reset } => was_reset && self.shard.has_passed(self.deadline_ns()),
            State::Armed(key) => !self.shard.is_armed(key),
            State::Fired => true,
        }
    }

    /// Moves the end to `deadline`, earlier or later, also if it has elapsed already.
    ///
    /// A task that waits for this is woken at the new deadline; it need not poll in between.
    pub fn reset(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        *this.deadline = deadline;
        let State::Armed(key) = *this.state else {
            *this.state = State::New { was_reset: true };
            return;
        };
        let deadline_ns = this.shard.clock().ns_of(deadline.into_std());
        *this.state = match this.shard.rearm(key, deadline_ns, this.shard.is_local()) {
            Rearm::Moved => State::Armed(key),
            Rearm::Due => State::Fired,
            Rearm::Gone => State::New { was_reset: true },
        };
    }

    /// As [`reset`](Self::reset) for one whose owner polls it anew before it waits: takes the
    /// timer out instead of moving it.
    pub(super) fn restart(self: Pin<&mut Self>, deadline: Instant) {
        let this = self.project();
        if let State::Armed(key) = *this.state {
            this.shard.cancel(key);
        }
        *this.deadline = deadline;
        *this.state = State::New { was_reset: false };
    }

    #[inline]
    fn deadline_ns(&self) -> u64 {
        self.shard.clock().ns_of(self.deadline.into_std())
    }

    /// Arms a timer that is not due, or says that it is.
    fn start(&self, cx: &Context<'_>) -> State {
        let shard = &*self.shard;
        match shard.arm(self.deadline_ns(), cx.waker(), shard.is_local()) {
            Ok(Arm::Armed(key)) => State::Armed(key),
            Ok(Arm::Due) => State::Fired,
            Err(TimersShutDown) => refuse_shut_down(),
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let unit = ready!(budget::poll_proceed(cx));
        if self.shard.is_shut_down() {
            refuse_shut_down();
        }
        let state = match self.state {
            State::Fired => State::Fired,
            State::New { .. } => self.start(cx),
            State::Armed(key) if self.shard.poll(key, cx.waker()) => State::Fired,
            State::Armed(_) => return Poll::Pending,
        };
        *self.project().state = state;
        match state {
            State::Fired => {
                unit.made_progress();
                Poll::Ready(())
            }
            _ => Poll::Pending,
        }
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline)
            .field("state", &self.state)
            .finish()
    }
}

/// What tokio does, with its text: programs and their tests match on it.
#[cold]
fn refuse_shut_down() -> ! {
    panic!("A Tokio 1.x context was found, but it is being shutdown.")
}
