//! Timers that are cancelled, many that fire, and one that ticks.

use std::time::Duration;

use super::Scenario;
use crate::peers::TaskPeer;
use crate::sample::{Sample, Stopwatch};

const TIMEOUTS: u64 = 1_000;
const CROWD: u64 = 100;
const TICK: Duration = Duration::from_millis(1);

pub(super) fn scenarios<P: TaskPeer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "timer/timeout/cancelled",
            operations: TIMEOUTS,
            run: timeout_cancelled,
        },
        Scenario {
            id: "timer/timeout/cancelled_by_100",
            operations: TIMEOUTS,
            run: timeout_cancelled_by_many,
        },
        Scenario {
            id: "timer/sleep/100000_over_200ms",
            operations: 100_000,
            run: |peer, iterations| {
                many_sleeps(peer, iterations, 100_000, Duration::from_millis(200))
            },
        },
        Scenario {
            id: "timer/sleep/200000_over_500ms",
            operations: 200_000,
            run: |peer, iterations| {
                many_sleeps(peer, iterations, 200_000, Duration::from_millis(500))
            },
        },
        Scenario {
            id: "timer/interval/1ms",
            operations: 1,
            run: interval_alone,
        },
    ]
}

/// Timeouts are armed, their future yields once, and they are cancelled.
async fn cancel_timeouts<P: TaskPeer>(count: u64) {
    for _ in 0..count {
        let in_time = P::timeout(Duration::from_secs(60), P::yield_now()).await;
        assert!(in_time, "a yield takes less than a minute");
    }
}

fn timeout_cancelled<P: TaskPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        cancel_timeouts::<P>(iterations * TIMEOUTS).await;
        watch.stop()
    })
}

/// The same in each of 100 tasks.
fn timeout_cancelled_by_many<P: TaskPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        let member = |_| P::spawn(cancel_timeouts::<P>(iterations * TIMEOUTS / CROWD));
        let tasks: Vec<_> = (0..CROWD).map(member).collect();
        for task in tasks {
            task.await;
        }
        watch.stop()
    })
}

/// Many tasks sleep for times spread evenly over `span`. Wall time has that floor (2 µs and
/// 2.5 µs per sleep): read the CPU column.
fn many_sleeps<P: TaskPeer>(peer: &P, iterations: u64, sleeps: u32, span: Duration) -> Sample {
    peer.run_task(async move {
        let mut tasks = Vec::with_capacity(sleeps as usize);
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            let sleeper = |index| {
                let duration = span * (index + 1) / sleeps;
                P::spawn(async move { P::sleep(duration).await })
            };
            tasks.extend((0..sleeps).map(sleeper));
            for task in tasks.drain(..) {
                task.await;
            }
        }
        watch.stop()
    })
}

/// One task ticks, nothing else happens. Wall time is 1 ms: read the CPU column.
fn interval_alone<P: TaskPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let mut interval = P::interval(TICK);
        P::tick(&mut interval).await;
        let watch = Stopwatch::start();
        for _ in 0..iterations {
            P::tick(&mut interval).await;
        }
        watch.stop()
    })
}
