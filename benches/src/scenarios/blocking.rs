//! Hops to the pool of blocking threads and back.

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

const BATCH: u64 = 100;
const LONG_BATCH: u64 = 1_000;

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
            run: batch_100,
        },
        Scenario {
            id: "blocking/spawn/batch_1000",
            operations: LONG_BATCH,
            run: batch_1000,
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

fn batch_100<P: Peer>(peer: &P, iterations: u64) -> Sample {
    batches(peer, iterations, BATCH)
}

fn batch_1000<P: Peer>(peer: &P, iterations: u64) -> Sample {
    batches(peer, iterations, LONG_BATCH)
}

/// A task starts a batch of blocking calls, then awaits them all.
fn batches<P: Peer>(peer: &P, iterations: u64, batch: u64) -> Sample {
    peer.run_task(async move {
        let mut calls = Vec::with_capacity(batch as usize);
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            calls.extend((0..batch).map(|number| P::spawn_blocking(move || number)));
            for (number, call) in (0..).zip(calls.drain(..)) {
                assert_eq!(call.await, number);
            }
        }
        watch.stop()
    })
}
