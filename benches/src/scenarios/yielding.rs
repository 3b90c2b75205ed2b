//! Giving way to other tasks, and handing control back and forth.

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

const YIELDS: u64 = 1_000;
const CROWD: u64 = 200;
const PAIRS: u64 = 300;

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "yield/lone/1000",
            operations: YIELDS,
            run: lone,
        },
        Scenario {
            id: "yield/among/200",
            operations: CROWD,
            run: among_many,
        },
        Scenario {
            id: "yield/ping_pong/300_pairs",
            operations: PAIRS,
            run: ping_pong,
        },
    ]
}

/// The only task there is yields.
fn lone<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations * YIELDS {
            P::yield_now().await;
        }
        watch.stop()
    })
}

/// Each of 200 tasks yields once per iteration.
fn among_many<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        let yielder = |_| {
            P::spawn(async move {
                for _ in 0..iterations {
                    P::yield_now().await;
                }
            })
        };
        let tasks: Vec<_> = (0..CROWD).map(yielder).collect();
        for task in tasks {
            task.await;
        }
        watch.stop()
    })
}

/// 300 tasks each spawn a partner, send it a value and await the answer, by oneshots.
fn ping_pong<P: Peer>(peer: &P, iterations: u64) -> Sample {
    async fn pair<P: Peer>() {
        let (ping, pinged) = P::oneshot();
        let (pong, ponged) = P::oneshot();
        P::spawn_detached(async move {
            P::receive_one(pinged).await;
            P::send_one(pong, ());
        });
        P::send_one(ping, ());
        P::receive_one(ponged).await;
    }
    peer.run_task(async move {
        let mut tasks = Vec::with_capacity(PAIRS as usize);
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            tasks.extend((0..PAIRS).map(|_| P::spawn(pair::<P>())));
            for task in tasks.drain(..) {
                task.await;
            }
        }
        watch.stop()
    })
}
