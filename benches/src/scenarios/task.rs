//! Tasks of one thread, tasks in sets, and tasks that are aborted.

use std::future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::Scenario;
use crate::peers::{Peer, SetPeer, TaskPeer};
use crate::sample::{Sample, Stopwatch};

const BATCH: u64 = 1_000;
const SET: u64 = 10_000;
const ABORTED: u64 = 500_000;

pub(super) fn scenarios<P: TaskPeer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "task/local/one_by_one",
            operations: BATCH,
            run: local_one_by_one,
        },
        Scenario {
            id: "task/local/batch_1000",
            operations: BATCH,
            run: local_batch,
        },
        Scenario {
            id: "task/abort/500000",
            operations: ABORTED,
            run: abort_crowd,
        },
    ]
}

/// What a runtime without sets of tasks and without counters lacks.
pub(super) fn sets<P: SetPeer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "task/join_set/10000",
            operations: SET,
            run: join_set,
        },
        Scenario {
            id: "task/spawn/read_counters",
            operations: BATCH,
            run: spawn_and_read_counters,
        },
    ]
}

/// A future spawns an empty task of its thread and awaits it before the next.
fn local_one_by_one<P: TaskPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_local(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations * BATCH {
            P::spawn_local(async {}).await;
        }
        watch.stop()
    })
}

/// A future spawns 1,000 empty tasks of its thread, then awaits them all.
fn local_batch<P: TaskPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_local(async move {
        let mut tasks = Vec::with_capacity(BATCH as usize);
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            tasks.extend((0..BATCH).map(|_| P::spawn_local(async {})));
            for task in tasks.drain(..) {
                task.await;
            }
        }
        watch.stop()
    })
}

/// 500,000 tasks that wait for ever are aborted; the last one whose future is dropped reports.
fn abort_crowd<P: TaskPeer>(peer: &P, iterations: u64) -> Sample {
    /// Sends when its last clone is dropped.
    struct Last<P: Peer>(Mutex<Option<P::OneSender<()>>>);

    impl<P: Peer> Drop for Last<P> {
        fn drop(&mut self) {
            let done = self.0.lock().expect("not poisoned").take();
            P::send_one(done.expect("sent once"), ());
        }
    }

    peer.run_task(async move {
        let mut total = Sample::default();
        for _ in 0..iterations {
            let (done, finished) = P::oneshot();
            let last = Arc::new(Last::<P>(Mutex::new(Some(done))));
            let waiting = Arc::new(AtomicU64::new(0));
            let waiter = |_| {
                let (last, waiting) = (last.clone(), waiting.clone());
                P::spawn(async move {
                    let _last = last;
                    waiting.fetch_add(1, Ordering::Relaxed);
                    future::pending::<()>().await;
                })
            };
            let tasks: Vec<_> = (0..ABORTED).map(waiter).collect();
            drop(last);
            while waiting.load(Ordering::Relaxed) < ABORTED {
                P::yield_now().await;
            }
            let watch = Stopwatch::start();
            for task in tasks {
                P::abort(task);
            }
            P::receive_one(finished).await;
            total += watch.stop();
        }
        total
    })
}

/// A task spawns 10,000 empty tasks into a set and joins them all.
fn join_set<P: SetPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mut set = P::join_set();
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            for _ in 0..SET {
                P::spawn_into(&mut set, async {});
            }
            let mut joined = 0;
            while P::join_next(&mut set).await {
                joined += 1;
            }
            assert_eq!(joined, SET);
        }
        watch.stop()
    })
}

/// A task spawns an empty task, reads the runtime's counters and awaits the task.
fn spawn_and_read_counters<P: SetPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations * BATCH {
            let task = P::spawn(async {});
            assert!(P::read_counters() > 0, "this task is alive");
            task.await;
        }
        watch.stop()
    })
}
