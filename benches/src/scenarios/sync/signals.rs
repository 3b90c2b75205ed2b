//! Wake-ups without a value, and single values.

use std::sync::Arc;

use super::super::Scenario;
use super::{LONE, Lockstep, crowd};
use crate::peers::SyncPeer;
use crate::sample::{Sample, Stopwatch};

const CROWD: u64 = 16;
/// Tasks that meet at a barrier.
const MEMBERS: u64 = 8;

pub(super) fn scenarios<P: SyncPeer>() -> Vec<Scenario<P>> {
    vec![
        Scenario {
            id: "sync/notify/alone",
            operations: LONE,
            run: notify_alone,
        },
        Scenario {
            id: "sync/notify/ping_pong",
            operations: 2,
            run: notify_ping_pong,
        },
        Scenario {
            id: "sync/notify/waiters_16",
            operations: CROWD,
            run: notify_waiters,
        },
        Scenario {
            id: "sync/barrier/8",
            operations: MEMBERS,
            run: barrier,
        },
        Scenario {
            id: "sync/oneshot/alone",
            operations: LONE,
            run: oneshot_alone,
        },
        Scenario {
            id: "sync/oneshot/request_reply",
            operations: 1,
            run: request_reply,
        },
    ]
}

/// The permit is there before the wait begins.
fn notify_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let notify = P::notify();
        let watch = Stopwatch::start();
        for _ in 0..iterations * LONE {
            P::notify_one(&notify);
            P::notified_one(&notify).await;
        }
        watch.stop()
    })
}

/// Two tasks notify each other in turn.
fn notify_ping_pong<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let sides = Arc::new([P::notify(), P::notify()]);
        crowd::<P, _>(2, |side| {
            let side = side as usize;
            let sides = sides.clone();
            async move {
                for _ in 0..iterations {
                    if side == 0 {
                        P::notify_one(&sides[1]);
                    }
                    P::notified_one(&sides[side]).await;
                    if side == 1 {
                        P::notify_one(&sides[0]);
                    }
                }
            }
        })
        .await
    })
}

/// One task notifies 16 at once, as soon as all of them wait again.
fn notify_waiters<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let notify = Arc::new(P::notify());
        let lockstep = Lockstep::<P>::new(CROWD);
        crowd::<P, _>(CROWD + 1, |index| {
            let (notify, lockstep) = (notify.clone(), lockstep.clone());
            async move {
                for _ in 0..iterations {
                    if index < CROWD {
                        let notified = P::notified_all(&notify);
                        lockstep.arrive();
                        notified.await;
                    } else {
                        lockstep.all_arrived().await;
                        P::notify_waiters(&notify);
                    }
                }
            }
        })
        .await
    })
}

/// Eight tasks meet again and again.
fn barrier<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let barrier = Arc::new(P::barrier(MEMBERS as usize));
        crowd::<P, _>(MEMBERS, |_| {
            let barrier = barrier.clone();
            async move {
                for _ in 0..iterations {
                    P::wait(&barrier).await;
                }
            }
        })
        .await
    })
}

/// Make, send and receive in one task.
fn oneshot_alone<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let watch = Stopwatch::start();
        for number in 0..iterations * LONE {
            let (sender, receiver) = P::oneshot();
            P::send_one(sender, number);
            assert_eq!(P::receive_one(receiver).await, number);
        }
        watch.stop()
    })
}

/// A client sends requests that carry the sender of the reply to a server task.
fn request_reply<P: SyncPeer>(peer: &P, iterations: u64) -> Sample {
    peer.run_task(async move {
        let (requests, mut requested) = P::channel::<(u64, P::OneSender<u64>)>(CROWD as usize);
        let server = P::spawn(async move {
            while let Some((number, reply)) = P::receive(&mut requested).await {
                P::send_one(reply, number + 1);
            }
        });
        let client = P::spawn(async move {
            let watch = Stopwatch::start();
            for number in 0..iterations {
                let (reply, replied) = P::oneshot();
                P::send(&requests, (number, reply)).await;
                assert_eq!(P::receive_one(replied).await, number + 1);
            }
            watch.stop()
        });
        let sample = client.await;
        server.await;
        sample
    })
}
