//! Children: the system's work to start a program is most of it.

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "process/spawn/one_by_one",
            operations: 1,
            run: one_by_one,
        },
        Scenario {
            id: "process/spawn/batch_16",
            operations: BATCH,
            run: batch,
        },
    ]
}

const BATCH: u64 = 16;

/// A task waits for each child before the next.
fn one_by_one<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            P::run_program("true").await;
        }
        watch.stop()
    })
}

/// 16 tasks have a child each.
fn batch<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            let children: Vec<_> = (0..BATCH)
                .map(|_| P::spawn(P::run_program("true")))
                .collect();
            for child in children {
                child.await;
            }
        }
        watch.stop()
    })
}
