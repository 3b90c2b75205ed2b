//! The timers for models: over a paused clock, because a checker needs to repeat a schedule.

use crate::driver::{clock::Clock, timers};
use crate::loom::sync::Arc;
use std::task::Waker;

pub use timer::Key;

const MS: u64 = 1_000_000;

/// The timers of a runtime whose clock stands at 0.
#[derive(Debug)]
pub struct Timers {
    timers: timers::Timers,
    clock: Arc<Clock>,
}

impl Timers {
    /// `wake` ends the wait of the reactor.
    pub fn new(worker_shards: usize, wake: Box<dyn Fn() + Send + Sync>) -> Self {
        let clock = Arc::new(Clock::new_paused());
        let timers = timers::Timers::new(worker_shards, clock.clone(), wake);
        Self { timers, clock }
    }

    /// Moves the clock.
    pub fn advance_to_ms(&self, ms: u64) {
        self.clock.advance_to(ms * MS);
    }

    /// The shard of a worker.
    pub fn shard(&self, index: usize) -> Shard {
        Shard(self.timers.shard(index).clone())
    }

    /// The shard of all other threads.
    pub fn outside(&self) -> Shard {
        Shard(self.timers.outside().clone())
    }

    /// When the reactor's wait has to end.
    pub fn prepare_wait_ms(&self) -> Option<u64> {
        self.timers.prepare_wait().map(|ns| ns / MS)
    }

    /// The reactor's wait is over.
    pub fn end_wait(&self) {
        self.timers.end_wait();
    }

    /// Fires every shard.
    pub fn fire_all_due(&self) -> usize {
        self.timers.fire_all_due()
    }

    /// Ends all timers.
    pub fn shutdown(&self) {
        self.timers.shutdown();
    }
}

/// One wheel.
#[derive(Clone, Debug)]
pub struct Shard(Arc<timers::Shard>);

impl Shard {
    /// Arms a timer that must not be due; `None` after the shutdown.
    ///
    /// # Panics
    ///
    /// Panics if the deadline has passed.
    pub fn arm(&self, at_ms: u64, waker: Waker, local: bool) -> Option<Key> {
        match self.0.arm(at_ms * MS, &waker, local) {
            Ok(timers::Arm::Armed(key)) => Some(key),
            Ok(timers::Arm::Due) => panic!("a model arms in the future"),
            Err(timers::TimersShutDown) => None,
        }
    }

    /// Whether the timer has fired; if not, it will run `waker`.
    pub fn poll(&self, key: Key, waker: &Waker) -> bool {
        self.0.poll(key, waker)
    }

    /// Whether the timer was disarmed before it fired.
    pub fn cancel(&self, key: Key) -> bool {
        self.0.cancel(key)
    }

    /// Whether the timer was moved before it fired.
    ///
    /// # Panics
    ///
    /// Panics if the new deadline has passed.
    pub fn rearm(&self, key: Key, at_ms: u64, local: bool) -> bool {
        match self.0.rearm(key, at_ms * MS, local) {
            timers::Rearm::Moved => true,
            timers::Rearm::Gone => false,
            timers::Rearm::Due => panic!("a model moves to the future"),
        }
    }

    /// Whether the timer, moved to a deadline that has passed, was run by this call.
    ///
    /// # Panics
    ///
    /// Panics if the deadline has not passed.
    pub fn rearm_to_past(&self, key: Key, at_ms: u64, local: bool) -> bool {
        match self.0.rearm(key, at_ms * MS, local) {
            timers::Rearm::Due => true,
            timers::Rearm::Gone => false,
            timers::Rearm::Moved => panic!("the deadline has not passed"),
        }
    }

    /// Tells the reactor's waiter about this shard.
    pub fn announce(&self) {
        self.0.announce();
    }

    /// Fires this shard.
    pub fn fire_due(&self) -> usize {
        self.0.fire_due()
    }
}
