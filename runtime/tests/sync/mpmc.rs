//! `mpmc`, polled by hand and from threads.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::mpmc;
use runtime::sync::mpmc::error::{SendError, TryRecvError, TrySendError};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::Poll;

#[test]
fn each_message_goes_to_one_receiver_in_order() {
    let (tx, rx) = mpmc::unbounded();
    let other = rx.clone();
    (0..600).for_each(|n| tx.try_send(n).unwrap());
    assert_eq!(
        (rx.len(), tx.capacity(), tx.max_capacity()),
        (600, None, None)
    );
    for n in 0..300 {
        assert_eq!(rx.try_recv(), Ok(2 * n));
        assert_eq!(now(other.recv()), Some(2 * n + 1));
    }
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    drop(tx);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(now(other.recv()), None);
}

#[test]
fn a_full_channel_refuses_and_a_bound_of_0_panics() {
    let (tx, rx) = mpmc::channel(2);
    assert_eq!((tx.capacity(), tx.max_capacity()), (Some(2), Some(2)));
    tx.try_send(1).unwrap();
    now(tx.send(2)).unwrap();
    assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(tx.try_reserve().unwrap_err(), TrySendError::Full(()));
    assert_eq!(
        (rx.len(), rx.capacity(), rx.is_empty()),
        (2, Some(0), false)
    );
    assert_eq!(rx.try_recv(), Ok(1));
    tx.try_send(3).unwrap();
    assert!(panics(|| drop(mpmc::channel::<u8>(0))));
}

/// Receivers that wait are served in order, and nobody who comes later is faster.
#[test]
fn receivers_are_served_first_in_first_out() {
    let (tx, rx) = mpmc::unbounded();
    let mut waiting: Vec<_> = (0..3).map(|_| Polled::new(rx.recv())).collect();
    waiting
        .iter_mut()
        .for_each(|waiting| assert!(waiting.is_pending()));
    tx.try_send(0).unwrap();
    tx.try_send(1).unwrap();
    assert_eq!(
        waiting.iter().map(Polled::wakes).collect::<Vec<_>>(),
        [1, 1, 0]
    );
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "both are promised");
    let mut late = Polled::new(rx.recv());
    assert!(late.is_pending());
    // Messages are in order for who comes first.
    assert_eq!(waiting[1].ready(), Some(0));
    assert_eq!(waiting[0].ready(), Some(1));
    tx.try_send(2).unwrap();
    assert_eq!((waiting[2].wakes(), late.wakes()), (1, 0));
    assert_eq!(waiting[2].ready(), Some(2));
}

/// Senders that wait get room in order.
#[test]
fn senders_are_served_first_in_first_out() {
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(0).unwrap();
    let mut first = Polled::new(tx.send(1));
    let mut second = Polled::new(tx.reserve());
    assert!(first.is_pending() && second.is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    assert_eq!((first.wakes(), second.wakes()), (1, 0));
    assert_eq!(
        tx.try_send(9),
        Err(TrySendError::Full(9)),
        "the room is reserved"
    );
    assert_eq!(first.ready(), Ok(()));
    assert_eq!(rx.try_recv(), Ok(1));
    second.ready().unwrap().send(2);
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn a_receiver_that_was_chosen_and_dropped_passes_the_wake_on() {
    let (tx, rx) = mpmc::unbounded();
    let mut first = Polled::new(rx.recv());
    let mut second = Polled::new(rx.recv());
    let mut third = Polled::new(rx.recv());
    assert!(first.is_pending() && second.is_pending() && third.is_pending());
    drop(second); // Waits: leaves the queue.
    tx.try_send(7).unwrap();
    assert_eq!((first.wakes(), third.wakes()), (1, 0));
    drop(first);
    assert_eq!(third.wakes(), 1);
    assert_eq!(third.ready(), Some(7));
    // Without another one the message is free again.
    let mut last = Polled::new(rx.recv());
    assert!(last.is_pending());
    tx.try_send(8).unwrap();
    drop(last);
    assert_eq!(rx.try_recv(), Ok(8));
}

#[test]
fn a_sender_that_was_chosen_and_dropped_passes_the_room_on() {
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(0).unwrap();
    let mut first = Polled::new(tx.reserve());
    let mut second = Polled::new(tx.send(2));
    assert!(first.is_pending() && second.is_pending());
    assert_eq!(now(rx.recv()), Some(0));
    drop(first);
    assert_eq!(second.ready(), Ok(()));
    assert_eq!(rx.try_recv(), Ok(2));
    let permit = tx.try_reserve().unwrap();
    assert_eq!(tx.capacity(), Some(0));
    drop(permit);
    assert_eq!(tx.capacity(), Some(1));
}

#[test]
fn closing_refuses_senders_and_drains() {
    let (tx, rx) = mpmc::channel(2);
    let permit = tx.try_reserve().unwrap();
    tx.try_send(1).unwrap();
    let mut sending = Polled::new(tx.send(2));
    let mut closed = Polled::new(tx.closed());
    assert!(sending.is_pending() && closed.is_pending());
    rx.close();
    assert_eq!((sending.wakes(), closed.wakes()), (1, 1));
    assert_eq!(sending.ready(), Err(SendError(2)));
    closed.ready();
    assert_eq!(tx.try_send(3), Err(TrySendError::Closed(3)));
    assert_eq!(tx.try_reserve().unwrap_err(), TrySendError::Closed(()));
    assert_eq!(rx.try_recv(), Ok(1));
    // The permit may still be used: no end yet.
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    let mut receiving = Polled::new(rx.recv());
    let mut other = Polled::new(rx.recv());
    assert!(receiving.is_pending() && other.is_pending());
    permit.send(4);
    assert_eq!(receiving.ready(), Some(4));
    assert_eq!(other.wakes(), 1, "that was the last");
    assert_eq!(other.ready(), None);
}

/// Room that was granted before the close, but not looked at, is not used after it.
#[test]
fn closing_takes_granted_room_back() {
    let (tx, rx) = mpmc::channel(1);
    tx.try_send(0).unwrap();
    let mut sending = Polled::new(tx.send(1));
    let mut reserving = Polled::new(tx.reserve());
    assert!(sending.is_pending() && reserving.is_pending());
    assert_eq!(rx.try_recv(), Ok(0));
    rx.close();
    let mut receiving = Polled::new(rx.recv());
    assert!(receiving.is_pending(), "room is out");
    assert!(reserving.ready().is_err());
    assert_eq!(sending.ready(), Err(SendError(1)));
    assert_eq!((receiving.wakes(), receiving.ready()), (1, None));
}

#[test]
fn a_permit_that_is_dropped_ends_a_closed_channel() {
    let (tx, rx) = mpmc::channel::<u8>(1);
    let permit = tx.try_reserve().unwrap();
    tx.close();
    let mut receiving: Vec<_> = (0..70).map(|_| Polled::new(rx.recv())).collect();
    receiving
        .iter_mut()
        .for_each(|waiting| assert!(waiting.is_pending()));
    drop(permit);
    for waiting in &mut receiving {
        assert_eq!((waiting.wakes(), waiting.ready()), (1, None));
    }
}

#[test]
fn the_last_handle_of_a_side_closes() {
    let (tx, rx) = mpmc::unbounded::<u8>();
    let (other_tx, other_rx) = (tx.clone(), rx.clone());
    assert!(tx.same_channel(&other_tx) && rx.same_channel(&other_rx));
    assert_eq!(
        (tx.strong_count(), tx.receiver_count(), rx.sender_count()),
        (2, 2, 2)
    );
    drop((tx, rx));
    assert!(!other_tx.is_closed());
    let weak = other_tx.downgrade();
    assert_eq!((other_tx.weak_count(), weak.strong_count()), (1, 1));
    let mut receiving = Polled::new(other_rx.recv());
    assert!(receiving.is_pending());
    drop(other_tx);
    assert_eq!((receiving.wakes(), receiving.ready()), (1, None));
    assert!(weak.upgrade().is_none() && other_rx.is_closed());
    let (tx, rx) = mpmc::unbounded();
    let weak = rx.downgrade();
    assert!(weak.upgrade().is_some());
    drop(rx);
    assert!(weak.clone().upgrade().is_none());
    assert_eq!(tx.try_send(1), Err(TrySendError::Closed(1)));
}

/// Messages are dropped with the last receiver, those of late permits too.
#[test]
fn messages_nobody_can_receive_are_dropped() {
    let message = Arc::new(());
    let (tx, rx) = mpmc::channel(300);
    (0..200).for_each(|_| tx.try_send(message.clone()).unwrap());
    let permit = tx.try_reserve().unwrap();
    drop(rx);
    assert_eq!(Arc::strong_count(&message), 1);
    permit.send(message.clone());
    assert_eq!(Arc::strong_count(&message), 1);
    let (tx, rx) = mpmc::unbounded();
    tx.try_send(message.clone()).unwrap();
    let mut receiving = Polled::new(rx.recv());
    assert!(matches!(receiving.poll(), Poll::Ready(Some(_))));
    drop(receiving);
    tx.try_send(message.clone()).unwrap();
    drop(tx);
    drop(rx);
    assert_eq!(Arc::strong_count(&message), 1);
}

/// FAULT 6: a waker that panics loses no message and no room.
#[test]
fn a_panicking_waker_loses_nothing() {
    let (tx, rx) = mpmc::channel(1);
    let mut receiving = Box::pin(rx.recv());
    assert!(poll_with_panicking_waker(receiving.as_mut()).is_pending());
    assert!(panics(|| tx.try_send(1).unwrap()), "reaches the sender");
    assert_eq!(now(receiving), Some(1));
    tx.try_send(2).unwrap();
    let mut sending = Box::pin(tx.send(3));
    assert!(poll_with_panicking_waker(sending.as_mut()).is_pending());
    assert_eq!(rx.try_recv(), Ok(2), "not the receiver's panic");
    assert_eq!(now(sending), Ok(()));
    assert_eq!(rx.try_recv(), Ok(3));
}

#[test]
fn a_message_that_panics_in_its_drop_takes_no_other_with_it() {
    struct Bomb(
        #[allow(dead_code, reason = "counted by its strong count")] Arc<()>,
        bool,
    );
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.1, "bomb");
        }
    }
    let count = Arc::new(());
    let (tx, rx) = mpmc::unbounded();
    for n in 0..10 {
        assert!(tx.try_send(Bomb(count.clone(), n == 3)).is_ok());
    }
    assert!(panics(AssertUnwindSafe(|| drop(rx))));
    assert_eq!(Arc::strong_count(&count), 1);
    assert!(tx.is_closed());
}

/// The newest waker is woken.
#[test]
fn a_future_may_move_between_tasks() {
    let (tx, rx) = mpmc::channel(1);
    let mut receiving = Polled::new(rx.recv());
    assert!(receiving.is_pending());
    assert!(receiving.poll_with_new_waker().is_pending());
    tx.try_send(1).unwrap();
    assert_eq!((receiving.wakes(), receiving.ready()), (1, Some(1)));
    drop(receiving);
    tx.try_send(2).unwrap();
    let mut sending = Polled::new(tx.send(3));
    assert!(sending.is_pending());
    assert!(sending.poll_with_new_waker().is_pending());
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!((sending.wakes(), sending.ready()), (1, Ok(())));
}

/// A task that always finds a message gives others a turn.
#[runtime::test(crate = runtime)]
async fn receiving_consumes_budget() {
    let (tx, rx) = mpmc::unbounded();
    let endless = async {
        loop {
            tx.send(()).await.unwrap();
            rx.recv().await.unwrap();
        }
    };
    runtime::select! {
        biased;
        () = endless => {}
        () = runtime::task::yield_now() => {}
    }
}

/// Many threads, blocking and not: every message arrives once, per sender in order.
#[test]
fn threads_lose_and_double_nothing() {
    const EACH: usize = 2_000;
    for bound in [1, 4, usize::MAX] {
        let (tx, rx) = if bound == usize::MAX {
            mpmc::unbounded()
        } else {
            mpmc::channel(bound)
        };
        let mut seen: Vec<(usize, usize)> = std::thread::scope(|scope| {
            for sender in 0..3 {
                let tx = tx.clone();
                scope.spawn(move || {
                    (0..EACH).for_each(|n| tx.blocking_send((sender, n)).unwrap());
                });
            }
            drop(tx);
            let receivers: Vec<_> = (0..3)
                .map(|_| {
                    let rx = rx.clone();
                    scope.spawn(move || {
                        let received: Vec<_> = std::iter::from_fn(|| rx.blocking_recv()).collect();
                        for sender in 0..3 {
                            let own = received.iter().filter(|(from, _)| *from == sender);
                            assert!(own.clone().is_sorted(), "order of one sender");
                        }
                        received
                    })
                })
                .collect();
            receivers
                .into_iter()
                .flat_map(|receiver| receiver.join().unwrap())
                .collect()
        });
        seen.sort_unstable();
        let expected: Vec<_> = (0..3)
            .flat_map(|s| (0..EACH).map(move |n| (s, n)))
            .collect();
        assert_eq!(seen, expected);
    }
}

#[test]
fn handles_show_the_channel() {
    let (tx, rx) = mpmc::channel::<u8>(1);
    let shown = format!("{tx:?} {rx:?} {:?}", tx.try_reserve().unwrap());
    assert!(
        shown.contains("Sender") && shown.contains("is_closed: false"),
        "{shown}"
    );
}

/// Polls once, so that it waits, and leaks.
fn leak(future: impl Future) {
    let mut future = Polled::new(future);
    assert!(future.is_pending());
    std::mem::forget(future);
}

/// M5: what was promised to a future that is leaked is free once there are no senders.
#[test]
fn a_leaked_recv_keeps_a_message_no_longer_than_the_senders_live() {
    for closes in [true, false] {
        let (tx, rx) = mpmc::channel(2);
        let mut served = Polled::new(rx.recv());
        assert!(served.is_pending());
        tx.try_send(Arc::new(1)).unwrap();
        std::mem::forget(served);
        leak(rx.recv());
        tx.try_send(Arc::new(2)).unwrap();
        // Both are promised.
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(
            tx.try_send(Arc::new(3)).unwrap_err(),
            TrySendError::Full(Arc::new(3))
        );
        let mut waiting = Polled::new(rx.recv());
        assert!(waiting.is_pending());
        if closes {
            rx.close();
        }
        drop(tx);
        assert_eq!(waiting.wakes(), 1);
        assert_eq!(waiting.ready(), Some(Arc::new(1)));
        assert_eq!(now(rx.recv()), Some(Arc::new(2)));
        assert_eq!(now(rx.recv()), None);
        assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
    }
}

/// The same, and nobody receives: the values go with the last receiver, leaks or not.
#[test]
fn the_last_receiver_takes_messages_away_that_were_promised_to_leaked_futures() {
    let value = Arc::new(());
    let (tx, rx) = mpmc::channel(2);
    let mut served = Polled::new(rx.recv());
    assert!(served.is_pending());
    tx.try_send(value.clone()).unwrap();
    std::mem::forget(served);
    let permit = tx.try_reserve().unwrap();
    drop(rx);
    assert_eq!(Arc::strong_count(&value), 1);
    permit.send(value.clone());
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(tx.try_send(value.clone()).is_err());
}

/// M5: room that a leaked permit or future keeps is not waited for once there are no senders.
#[test]
fn leaked_reservations_are_waited_for_no_longer_than_the_senders_live() {
    let (tx, rx) = mpmc::channel(2);
    std::mem::forget(tx.try_reserve().unwrap());
    tx.try_send(1).unwrap();
    let mut served = Polled::new(tx.reserve());
    assert!(served.is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(served.wakes(), 1);
    std::mem::forget(served);
    leak(tx.send(2));
    rx.close();
    let mut waiting = Polled::new(rx.recv());
    assert!(waiting.is_pending(), "permits may be out");
    drop(tx);
    assert_eq!(waiting.wakes(), 1);
    assert_eq!(waiting.ready(), None);
}

/// C3: a closed channel whose last permit is used wakes all who wait, and each message is
/// received once.
#[test]
fn the_last_permit_of_a_closed_channel_wakes_all() {
    for sends in [true, false] {
        let (tx, rx) = mpmc::channel(2);
        let permit = tx.try_reserve().unwrap();
        let mut leaked = Polled::new(rx.recv());
        assert!(leaked.is_pending());
        rx.close();
        let mut waiting: Vec<_> = (0..3).map(|_| Polled::new(rx.recv())).collect();
        assert!(waiting.iter_mut().all(Polled::is_pending));
        std::mem::forget(leaked);
        if sends {
            permit.send(1);
        } else {
            drop(permit);
        }
        assert!(waiting.iter().all(|it| it.wakes() == 1));
        let received: Vec<_> = waiting.iter_mut().filter_map(|it| it.ready()).collect();
        assert_eq!(received, vec![1; usize::from(sends)]);
        assert_eq!(now(rx.recv()), None);
        drop(tx);
    }
}
