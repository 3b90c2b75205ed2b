//! Channels besides the area `channel`: unbounded ones, and waiting for several at once.

use std::sync::{Arc, Mutex};

use super::super::Scenario;
use super::{LONE, Lockstep, crowd};
use crate::peers::SyncPeer;
use crate::sample::{Sample, Stopwatch};

/// Messages per iteration, divided evenly among the senders.
const MESSAGES: u64 = 1_000;
const CAPACITY: usize = 128;
/// Receivers of a broadcast, and values sent to them before all have to catch up.
const RECEIVERS: u64 = 8;
const BURST: u64 = 64;
/// Sends to an unbounded channel never wait: without this a sender would be one long poll.
const SENDS_PER_YIELD: u64 = 50;

pub(super) fn scenarios<P: SyncPeer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "sync/mpsc/alone",
            operations: LONE,
            run: mpsc_alone,
        },
        Scenario {
            id: "sync/unbounded/alone",
            operations: LONE,
            run: unbounded_alone,
        },
        Scenario {
            id: "sync/unbounded/4p1c",
            operations: MESSAGES,
            run: unbounded_from_four,
        },
        Scenario {
            id: "sync/broadcast/alone",
            operations: LONE,
            run: broadcast_alone,
        },
        Scenario {
            id: "sync/broadcast/8_receivers",
            operations: RECEIVERS * BURST,
            run: broadcast_to_eight,
        },
        Scenario {
            id: "sync/select/alone",
            operations: LONE,
            run: select_alone,
        },
        Scenario {
            id: "sync/select/2p1c",
            operations: MESSAGES,
            run: select_from_two,
        },
    ]
}

/// Each value is received by the task that sent it.
fn mpsc_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (sender, mut receiver) = P::channel::<u64>(CAPACITY);
        let watch = Stopwatch::start();
        for number in 0..iterations * LONE {
            P::send(&sender, number).await;
            assert_eq!(P::receive(&mut receiver).await, Some(number));
        }
        watch.stop()
    })
}

/// Each value is received by the task that sent it.
fn unbounded_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (sender, mut receiver) = P::unbounded::<u64>();
        let watch = Stopwatch::start();
        for number in 0..iterations * LONE {
            P::send_unbounded(&sender, number);
            assert_eq!(P::receive_unbounded(&mut receiver).await, Some(number));
        }
        watch.stop()
    })
}

fn unbounded_from_four<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    const SENDERS: u64 = 4;
    peer.run_task(async move {
        let (sender, mut receiver) = P::unbounded::<u64>();
        let watch = Stopwatch::start();
        for _ in 0..SENDERS {
            let sender = sender.clone();
            P::spawn_detached(async move {
                for number in 1..=iterations * (MESSAGES / SENDERS) {
                    P::send_unbounded(&sender, number);
                    if number % SENDS_PER_YIELD == 0 {
                        P::yield_now().await;
                    }
                }
            });
        }
        drop(sender);
        let mut received = 0;
        while P::receive_unbounded(&mut receiver).await.is_some() {
            received += 1;
        }
        assert_eq!(received, iterations * MESSAGES);
        watch.stop()
    })
}

/// Each value is received by the task that sent it.
fn broadcast_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (sender, mut receiver) = P::broadcast(CAPACITY);
        let watch = Stopwatch::start();
        for number in 0..iterations * LONE {
            P::send_broadcast(&sender, number);
            assert_eq!(P::receive_broadcast(&mut receiver).await, number);
        }
        watch.stop()
    })
}

/// One task sends 64 values, eight tasks receive each of them.
fn broadcast_to_eight<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (sender, first) = P::broadcast(CAPACITY);
        let receivers = (1..RECEIVERS).map(|_| Some(P::subscribe(&sender)));
        let receivers: Vec<_> = receivers.chain([Some(first)]).collect();
        let receivers = Mutex::new(receivers);
        let sender = Arc::new(sender);
        let lockstep = Lockstep::<P>::new(RECEIVERS);
        crowd::<P, _>(RECEIVERS + 1, |index| {
            let mut receivers = receivers.lock().expect("not poisoned");
            let receiver = receivers.get_mut(index as usize).and_then(Option::take);
            let (sender, lockstep) = (sender.clone(), lockstep.clone());
            async move {
                let Some(mut receiver) = receiver else {
                    for number in 0..iterations * BURST {
                        P::send_broadcast(&sender, number);
                        if number % BURST == BURST - 1 {
                            lockstep.all_arrived().await;
                        }
                    }
                    return;
                };
                for number in 0..iterations * BURST {
                    assert_eq!(P::receive_broadcast(&mut receiver).await, number);
                    if number % BURST == BURST - 1 {
                        lockstep.arrive();
                    }
                }
            }
        })
        .await
    })
}

/// One of two channels has a value, each in turn.
fn select_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (left, mut from_left) = P::channel::<u64>(CAPACITY);
        let (right, mut from_right) = P::channel::<u64>(CAPACITY);
        let watch = Stopwatch::start();
        for number in 0..iterations * LONE {
            let sender = if number % 2 == 0 { &left } else { &right };
            P::send(sender, number).await;
            assert_eq!(
                P::receive_either(&mut from_left, &mut from_right).await,
                number
            );
        }
        watch.stop()
    })
}

/// Two tasks send, each on its own channel; one selects over both.
fn select_from_two<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (left, mut from_left) = P::channel::<u64>(CAPACITY);
        let (right, mut from_right) = P::channel::<u64>(CAPACITY);
        let watch = Stopwatch::start();
        // `left` and `right` live to the end: `receive_either` knows no end of a channel.
        for sender in [left.clone(), right.clone()] {
            P::spawn_detached(async move {
                for number in 0..iterations * (MESSAGES / 2) {
                    P::send(&sender, number).await;
                }
            });
        }
        for _ in 0..iterations * MESSAGES {
            P::receive_either(&mut from_left, &mut from_right).await;
        }
        watch.stop()
    })
}
