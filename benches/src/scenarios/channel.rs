//! Throughput of bounded channels with one receiver.

use super::Scenario;
use crate::peers::Peer;
use crate::sample::{Sample, Stopwatch};

const CAPACITY: usize = 128;
/// Messages per iteration, divided evenly among the senders.
const MESSAGES: u64 = 1_000;

pub(super) fn scenarios<P: Peer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "channel/mpsc/1p1c",
            operations: MESSAGES,
            run: from_one,
        },
        Scenario {
            id: "channel/mpsc/5p1c",
            operations: MESSAGES,
            run: from_five,
        },
        Scenario {
            id: "channel/mpsc/10p1c_64_bytes",
            operations: MESSAGES,
            run: message_passing,
        },
    ]
}

fn from_one<P: Peer>(peer: &P, iterations: u64) -> Sample {
    throughput(peer, 1, iterations, 7_u64)
}

fn from_five<P: Peer>(peer: &P, iterations: u64) -> Sample {
    throughput(peer, 5, iterations, 7_u64)
}

/// Ten senders of 64-byte messages: the gate for changes of the scheduler.
fn message_passing<P: Peer>(peer: &P, iterations: u64) -> Sample {
    throughput(peer, 10, iterations, [7_u8; 64])
}

fn throughput<P, T>(peer: &P, senders: u64, iterations: u64, message: T) -> Sample
where
    P: Peer,
    T: Copy + Send + Sync + 'static,
{
    peer.run_task(async move {
        let (sender, mut receiver) = P::channel::<T>(CAPACITY);
        let watch = Stopwatch::start();
        for _ in 0..senders {
            let sender = sender.clone();
            P::spawn_detached(async move {
                for _ in 0..iterations * (MESSAGES / senders) {
                    P::send(&sender, message).await;
                }
            });
        }
        drop(sender);
        let mut received = 0;
        while P::receive(&mut receiver).await.is_some() {
            received += 1;
        }
        assert_eq!(received, iterations * MESSAGES);
        watch.stop()
    })
}
