//! Primitives of `sync`: alone in one task, and with a crowd that wants the same one.
//!
//! Alone, nothing ever waits: the row shows the fast path. In a crowd the tasks yield while they
//! hold what they took, or wait in lockstep, so that everybody queues on both workers.

mod channels;
mod locks;
mod signals;
pub(super) mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Scenario;
use crate::peers::SyncPeer;
use crate::sample::{Sample, Stopwatch};

/// Iterations of the rows without contention are this many operations.
const LONE: u64 = 1_000;

pub(super) fn scenarios<P: SyncPeer>() -> Vec<Scenario<P>> {
    let families = [
        locks::scenarios(),
        signals::scenarios(),
        channels::scenarios(),
    ];
    families.into_iter().flatten().collect()
}

/// Spawns `count` tasks, times them from the first spawn to the last end.
async fn crowd<P, F>(count: u64, member: impl Fn(u64) -> F) -> Sample
where
    P: SyncPeer,
    F: Future<Output = ()> + Send + 'static,
{
    let watch = Stopwatch::start();
    let tasks: Vec<_> = (0..count).map(|index| P::spawn(member(index))).collect();
    for task in tasks {
        task.await;
    }
    watch.stop()
}

/// Lets one task go on once all of a crowd have arrived, round after round.
struct Lockstep<P: SyncPeer> {
    crowd: u64,
    missing: AtomicU64,
    complete: P::Notify,
}

impl<P: SyncPeer> Lockstep<P> {
    fn new(crowd: u64) -> Arc<Self> {
        Arc::new(Self {
            crowd,
            missing: AtomicU64::new(crowd),
            complete: P::notify(),
        })
    }

    /// One of the crowd is ready for the next round.
    fn arrive(&self) {
        if self.missing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.missing.store(self.crowd, Ordering::Release);
            P::notify_one(&self.complete);
        }
    }

    /// Waits until all have arrived.
    async fn all_arrived(&self) {
        P::notified_one(&self.complete).await;
    }
}
