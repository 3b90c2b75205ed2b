//! Tasks and timers for smol. Its programs have no set of tasks and no counters.

use std::future::Future;
use std::time::Duration;

use ::smol::stream::StreamExt;
use ::smol::{LocalExecutor, Task, Timer};

use super::{Peer, Smol, TaskPeer};

thread_local! {
    /// Where the local tasks of this thread run, for `spawn_local` without a handle.
    static LOCAL: LocalExecutor<'static> = const { LocalExecutor::new() };
}

impl TaskPeer for Smol {
    type Interval = Timer;
    type LocalJoin = Task<()>;

    fn interval(period: Duration) -> Timer {
        Timer::interval(period)
    }

    async fn tick(interval: &mut Timer) {
        interval.next().await;
    }

    fn abort<T: Send + 'static>(task: Task<T>) {
        drop(task);
    }

    fn run_local<F: Future>(&self, future: F) -> F::Output {
        LOCAL.with(|local| self.block_on(local.run(future)))
    }

    fn spawn_local<F>(future: F) -> Task<()>
    where
        F: Future<Output = ()> + 'static,
    {
        LOCAL.with(|local| local.spawn(future))
    }
}
