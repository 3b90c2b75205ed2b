//! What a runtime offers for tasks and timers beyond [`Peer`].

use std::future::Future;
use std::time::Duration;

use super::Peer;

/// A [`Peer`] whose tasks can be aborted or stay on one thread, and whose clock ticks. What not
/// everybody has is in a trait of its own ([`SetPeer`]).
pub trait TaskPeer: Peer {
    /// Ticks once per period.
    type Interval: Send + 'static;
    /// A running task of the calling thread.
    type LocalJoin: Future<Output = ()>;

    /// Makes an interval; its first tick may come at once.
    fn interval(period: Duration) -> Self::Interval;

    /// Waits for the next tick.
    fn tick(interval: &mut Self::Interval) -> impl Future<Output = ()> + Send;

    /// Has a task end early: its future is dropped soon, by whoever runs it. Nobody awaits it.
    fn abort<T: Send + 'static>(task: Self::Join<T>);

    /// Runs `future` on the calling thread, which also runs the local tasks it spawns.
    fn run_local<F: Future>(&self, future: F) -> F::Output;

    /// Spawns a task of the calling thread, inside of [`Self::run_local`].
    fn spawn_local<F>(future: F) -> Self::LocalJoin
    where
        F: Future<Output = ()> + 'static;
}

/// A [`TaskPeer`] with sets of tasks, and with counters.
pub trait SetPeer: TaskPeer {
    /// Tasks that are joined as they end.
    type JoinSet: Send + 'static;

    /// Makes a set without tasks.
    fn join_set() -> Self::JoinSet;

    /// Spawns a task into the set.
    fn spawn_into<F>(set: &mut Self::JoinSet, future: F)
    where
        F: Future<Output = ()> + Send + 'static;

    /// Waits for a task of the set; false if there is none.
    fn join_next(set: &mut Self::JoinSet) -> impl Future<Output = bool> + Send;

    /// Reads what the runtime of the calling task counts; returns how many tasks are alive.
    fn read_counters() -> usize;
}
