//! Stopping and moving the clock of a current-thread runtime, for tests.

use super::Duration;
use crate::driver::clock::{Clock, ClockError};
use crate::runtime::context;
use std::future::poll_fn;
use std::task::Poll;

/// Stops the runtime's clock.
///
/// [`Instant::now`](super::Instant::now) then stands still, except by [`advance`] and when all
/// tasks wait: then the clock jumps to the next timer.
/// [`std::time::Instant`] and the system are not affected.
///
/// # Panics
///
/// Panics if the clock is paused already, outside of a runtime, and on a runtime of several
/// threads.
///
/// # Examples
///
/// ```
/// use runtime::time::{self, Duration, Instant};
///
/// # let rt = runtime::runtime::Builder::new_current_thread().enable_time().build().unwrap();
/// # rt.block_on(async {
/// time::pause();
/// let start = Instant::now();
/// time::sleep(Duration::from_secs(86_400)).await; // takes no time
/// assert_eq!(start.elapsed().as_secs(), 86_400);
/// # });
/// ```
#[track_caller]
pub fn pause() {
    let outcome = with_clock(Clock::pause);
    succeed(outcome);
}

/// Lets the runtime's clock run on from where it stands.
///
/// # Panics
///
/// Panics if the clock is not paused, and outside of a runtime.
#[track_caller]
pub fn resume() {
    let outcome = with_clock(Clock::resume);
    succeed(outcome);
    context::timer_shard().clock_changed();
}

/// Moves the paused clock on by `duration` at once, yields, and fires what became due.
///
/// The tasks of all the timers that became due are woken together: unlike a jump by itself
/// this does not stop at each of them. To see them one after the other, sleep instead. They run
/// when the caller waits or yields next, not before.
///
/// # Cancel safety
///
/// The clock moves in the first poll; dropping the future later does not move it back, and the
/// runtime fires what is due by itself.
///
/// # Panics
///
/// Panics if the clock is not paused, and outside of a runtime.
pub async fn advance(duration: Duration) {
    move_clock(duration);
    let mut has_yielded = false;
    poll_fn(move |cx| {
        if has_yielded {
            // What the driver has not fired meanwhile. No task that this wakes comes before the
            // caller, whichever scheduler runs it.
            if let Some(shard) = context::try_timer_shard() {
                shard.fire_all();
            }
            return Poll::Ready(());
        }
        has_yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

fn move_clock(duration: Duration) {
    let outcome = with_clock(|clock| clock.advance(duration));
    succeed(outcome);
    context::timer_shard().clock_changed();
}

#[track_caller]
fn with_clock<R>(f: impl FnOnce(&Clock) -> R) -> R {
    context::with_clock(|clock| clock.map(f))
        .unwrap_or_else(|| panic!("time cannot be frozen from outside the Tokio runtime"))
}

#[track_caller]
fn succeed(outcome: Result<(), ClockError>) {
    match outcome {
        Ok(()) => {}
        Err(ClockError::NotPaused) => panic!("time is not frozen"),
        Err(ClockError::AlreadyPaused) => panic!("time is already frozen"),
        Err(ClockError::CannotPause) => panic!(
            "`time::pause()` requires the `current_thread` Tokio runtime: build it with \
             `Builder::new_current_thread`"
        ),
    }
}
