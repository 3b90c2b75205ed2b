//! Hops to the pool of blocking threads and back.

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

const BATCH: u64 = 100;

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "blocking/spawn/one_by_one",
            operations: 1,
            run: one_by_one,
        },
        Scenario {
            id: "blocking/spawn/batch_100",
            operations: BATCH,
            run: batch,
        },
    ]
}

/// A task awaits each blocking call before the next.
fn one_by_one<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for number in 0..iterations {
            assert_eq!(P::spawn_blocking(move || number).await, number);
        }
        watch.stop()
    })
}

/// A task starts 100 blocking calls, then awaits them all.
fn batch<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mut calls = Vec::with_capacity(BATCH as usize);
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            calls.extend((0..BATCH).map(|number| P::spawn_blocking(move || number)));
            for (number, call) in (0..).zip(calls.drain(..)) {
                assert_eq!(call.await, number);
            }
        }
        watch.stop()
    })
}
