//! Locks and permits.

use std::sync::Arc;

use super::super::Scenario;
use super::{LONE, crowd};
use crate::peers::SyncPeer;
use crate::sample::{Sample, Stopwatch};

const CROWD: u64 = 16;
const PERMITS: usize = 4;

pub(super) fn scenarios<P: SyncPeer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "sync/mutex/alone",
            operations: LONE,
            run: mutex_alone,
        },
        Scenario {
            id: "sync/mutex/16_hand_it_round",
            operations: CROWD,
            run: mutex_handed_round,
        },
        Scenario {
            id: "sync/mutex/16_yield_inside",
            operations: CROWD,
            run: mutex_across_yield,
        },
        Scenario {
            id: "sync/rwlock/alone",
            operations: 2 * LONE,
            run: rwlock_alone,
        },
        Scenario {
            id: "sync/rwlock/16_readers",
            operations: CROWD,
            run: readers,
        },
        Scenario {
            id: "sync/rwlock/15_readers_1_writer",
            operations: CROWD,
            run: readers_and_writer,
        },
        Scenario {
            id: "sync/semaphore/alone",
            operations: LONE,
            run: semaphore_alone,
        },
        Scenario {
            id: "sync/semaphore/16_for_4_permits",
            operations: CROWD,
            run: semaphore_contended,
        },
    ]
}

fn mutex_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mutex = P::mutex();
        let watch = Stopwatch::start();
        for _ in 0..iterations * LONE {
            *P::lock(&mutex).await += 1;
        }
        let sample = watch.stop();
        assert_eq!(*P::lock(&mutex).await, iterations * LONE);
        sample
    })
}

/// Each of 16 tasks locks, unlocks and yields.
fn mutex_handed_round<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mutex = Arc::new(P::mutex());
        crowd::<P, _>(CROWD, |_| {
            let mutex = mutex.clone();
            async move {
                for _ in 0..iterations {
                    *P::lock(&mutex).await += 1;
                    P::yield_now().await;
                }
            }
        })
        .await
    })
}

/// Each of 16 tasks yields while it holds the lock: all others queue.
fn mutex_across_yield<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mutex = Arc::new(P::mutex());
        crowd::<P, _>(CROWD, |_| {
            let mutex = mutex.clone();
            async move {
                for _ in 0..iterations {
                    let mut count = P::lock(&mutex).await;
                    *count += 1;
                    P::yield_now().await;
                }
            }
        })
        .await
    })
}

/// A write and a read.
fn rwlock_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let lock = P::rwlock();
        let watch = Stopwatch::start();
        for number in 1..=iterations * LONE {
            *P::lock_write(&lock).await += 1;
            assert_eq!(*P::lock_read(&lock).await, number);
        }
        watch.stop()
    })
}

fn readers<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    read_and_write(peer, 0, iterations)
}

fn readers_and_writer<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    read_and_write(peer, 1, iterations)
}

/// Each of 16 tasks yields while it holds the lock; some of them to write.
fn read_and_write<P: SyncPeer>(peer: &P, writers: u64, iterations: u64) -> Sample {
    peer.run_task(async move {
        let lock = Arc::new(P::rwlock());
        crowd::<P, _>(CROWD, |index| {
            let lock = lock.clone();
            async move {
                for _ in 0..iterations {
                    if index < writers {
                        let mut count = P::lock_write(&lock).await;
                        *count += 1;
                        P::yield_now().await;
                    } else {
                        let count = P::lock_read(&lock).await;
                        P::yield_now().await;
                        drop(count);
                    }
                }
            }
        })
        .await
    })
}

fn semaphore_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let semaphore = P::semaphore(PERMITS);
        let watch = Stopwatch::start();
        for _ in 0..iterations * LONE {
            drop(P::acquire(&semaphore).await);
        }
        watch.stop()
    })
}

/// Each of 16 tasks yields while it holds one of 4 permits.
fn semaphore_contended<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let semaphore = Arc::new(P::semaphore(PERMITS));
        crowd::<P, _>(CROWD, |_| {
            let semaphore = semaphore.clone();
            async move {
                for _ in 0..iterations {
                    let permit = P::acquire(&semaphore).await;
                    P::yield_now().await;
                    drop(permit);
                }
            }
        })
        .await
    })
}
