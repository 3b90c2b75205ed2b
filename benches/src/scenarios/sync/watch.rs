//! The channel that holds the newest value only.

use std::sync::Arc;

use super::super::Scenario;
use super::{LONE, Lockstep, crowd};
use crate::peers::WatchPeer;
use crate::sample::{Sample, Stopwatch};

const RECEIVERS: u64 = 16;

pub(in super::super) fn scenarios<P: WatchPeer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "sync/watch/alone",
            operations: LONE,
            run: alone,
        },
        Scenario {
            id: "sync/watch/16_receivers",
            operations: RECEIVERS,
            run: sixteen_receivers,
        },
    ]
}

/// Each value is seen by the task that set it.
fn alone<P: WatchPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (sender, mut receiver) = P::watch();
        let watch = Stopwatch::start();
        for number in 1..=iterations * LONE {
            P::set_watched(&sender, number);
            assert_eq!(P::changed(&mut receiver).await, number);
        }
        watch.stop()
    })
}

/// One task sets the next value when 16 tasks have seen the one before.
fn sixteen_receivers<P: WatchPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (sender, receiver) = P::watch();
        let sender = Arc::new(sender);
        let lockstep = Lockstep::<P>::new(RECEIVERS);
        crowd::<P, _>(RECEIVERS + 1, |index| {
            let (sender, mut receiver) = (sender.clone(), receiver.clone());
            let lockstep = lockstep.clone();
            async move {
                for number in 1..=iterations {
                    if index == RECEIVERS {
                        P::set_watched(&sender, number);
                        lockstep.all_arrived().await;
                    } else {
                        assert_eq!(P::changed(&mut receiver).await, number);
                        lockstep.arrive();
                    }
                }
            }
        })
        .await
    })
}
