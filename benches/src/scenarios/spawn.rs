//! Making, running and joining tasks.

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

const BATCH: u64 = 1_000;
/// A full binary tree of this depth has 2^17 - 1 = 131,071 nodes.
const TREE_DEPTH: u32 = 16;

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "spawn/join/one_by_one",
            operations: BATCH,
            run: one_by_one,
        },
        Scenario {
            id: "spawn/join/batch_1000",
            operations: BATCH,
            run: batch,
        },
        Scenario {
            id: "spawn/outside/batch_1000",
            operations: BATCH,
            run: batch_from_outside,
        },
        Scenario {
            id: "spawn/main/one_by_one",
            operations: 100,
            run: from_main,
        },
        Scenario {
            id: "spawn/chain/1000",
            operations: BATCH,
            run: chained,
        },
        Scenario {
            id: "spawn/tree/131071",
            operations: (2 << TREE_DEPTH) - 1,
            run: fork_join,
        },
    ]
}

async fn join_one_by_one<P: Peer>(count: u64) -> Sample {
    let watch = Stopwatch::start();
    for _ in 0..count {
        P::spawn(async {}).await;
    }
    watch.stop()
}

/// A task spawns an empty task and awaits it before the next.
fn one_by_one<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(join_one_by_one::<P>(iterations * BATCH))
}

/// The same loop in the body of `main`.
fn from_main<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_main(join_one_by_one::<P>(iterations * 100))
}

async fn join_batches<P: Peer>(iterations: u64) -> Sample {
    let mut tasks = Vec::with_capacity(BATCH as usize);
    let watch = Stopwatch::start();
    for _ in 0..iterations {
        tasks.extend((0..BATCH).map(|_| P::spawn(async {})));
        for task in tasks.drain(..) {
            task.await;
        }
    }
    watch.stop()
}

/// A task spawns 1,000 empty tasks, then awaits them all.
fn batch<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(join_batches::<P>(iterations))
}

/// The same from a thread that is no worker, so every task passes the shared queue.
fn batch_from_outside<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.block_on(join_batches::<P>(iterations))
}

/// Each task spawns the next; the last one reports.
fn chained<P: Peer>(peer: &P, iterations: u64) -> Sample {
    fn step<P: Peer>(left: u64, done: P::OneSender<()>) {
        P::spawn_detached(async move {
            match left {
                0 => P::send_one(done, ()),
                _ => step::<P>(left - 1, done),
            }
        });
    }
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            let (done, finished) = P::oneshot();
            step::<P>(BATCH - 1, done);
            P::receive_one(finished).await;
        }
        watch.stop()
    })
}

/// A binary tree of tasks, each awaiting its two children.
fn fork_join<P: Peer>(peer: &P, iterations: u64) -> Sample {
    fn node<P: Peer>(depth: u32) -> P::Join<u64> {
        P::spawn(async move {
            if depth == 0 {
                return 1;
            }
            let (left, right) = (node::<P>(depth - 1), node::<P>(depth - 1));
            1 + left.await + right.await
        })
    }
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            assert_eq!(node::<P>(TREE_DEPTH).await, (2 << TREE_DEPTH) - 1);
        }
        watch.stop()
    })
}
