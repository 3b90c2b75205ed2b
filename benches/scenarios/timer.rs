//! Timers that are cancelled, and many that fire.

use std::time::Duration;

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

const TIMEOUTS: u64 = 1_000;
const SLEEPS: u64 = 100_000;
const SLEEP_SPAN: Duration = Duration::from_millis(200);

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "timer/timeout/cancelled",
            operations: TIMEOUTS,
            run: timeout_cancelled,
        },
        Scenario {
            id: "timer/sleep/100000_over_200ms",
            operations: SLEEPS,
            run: many_sleeps,
        },
    ]
}

/// A timeout is armed, its future yields once, and the timer is cancelled.
fn timeout_cancelled<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for _ in 0..iterations * TIMEOUTS {
            let in_time = P::timeout(Duration::from_secs(60), P::yield_now()).await;
            assert!(in_time, "a yield takes less than a minute");
        }
        watch.stop()
    })
}

/// 100,000 tasks sleep for times spread evenly over 200 ms. Wall time has that floor
/// (2 µs per sleep): read the CPU column.
fn many_sleeps<P: Peer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mut tasks = Vec::with_capacity(SLEEPS as usize);
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            let sleeper = |index| {
                let duration = SLEEP_SPAN * (index + 1) / SLEEPS as u32;
                P::spawn(async move { P::sleep(duration).await })
            };
            tasks.extend((0..SLEEPS as u32).map(sleeper));
            for task in tasks.drain(..) {
                task.await;
            }
        }
        watch.stop()
    })
}
