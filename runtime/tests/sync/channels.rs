//! `oneshot` and `mpsc`, polled by hand.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::mpsc::error::{SendError, TryRecvError, TrySendError};
use runtime::sync::{mpsc, oneshot};
use std::sync::Arc;
use std::task::Poll;

#[test]
fn oneshot_passes_a_value_and_ends() {
    let (tx, rx) = oneshot::channel();
    let mut receiving = Polled::new(rx);
    assert!(receiving.is_pending());
    assert!(receiving.poll_with_new_waker().is_pending());
    tx.send(5).unwrap();
    assert_eq!(receiving.wakes(), 1);
    assert_eq!(receiving.ready(), Ok(5));
    assert!(receiving.future.is_terminated());
    assert!(panics(|| drop(receiving.poll())), "polled after completion");
}

#[test]
fn oneshot_tells_why_nothing_came() {
    let (tx, mut rx) = oneshot::channel::<u8>();
    assert_eq!(rx.try_recv(), Err(oneshot::error::TryRecvError::Empty));
    assert!(rx.is_empty() && !rx.is_terminated());
    drop(tx);
    assert_eq!(rx.try_recv(), Err(oneshot::error::TryRecvError::Closed));
    let (tx, mut rx) = oneshot::channel();
    rx.close();
    assert!(tx.is_closed());
    assert_eq!(tx.send(1), Err(1));
    assert_eq!(now(&mut rx).unwrap_err().to_string(), "channel closed");
}

#[test]
fn oneshot_value_sent_before_the_close_is_received() {
    let (tx, mut rx) = oneshot::channel();
    tx.send(1).unwrap();
    rx.close();
    assert!(!rx.is_empty());
    assert_eq!(now(rx), Ok(1));
}

#[test]
fn oneshot_sender_learns_of_the_close() {
    let (mut tx, rx) = oneshot::channel::<u8>();
    let mut closed = Polled::new(tx.closed());
    assert!(closed.is_pending());
    drop(rx);
    assert_eq!(closed.wakes(), 1);
    closed.ready();
}

/// Each value and waker is dropped exactly once, whatever the order.
#[test]
fn oneshot_leaks_nothing() {
    let value = Arc::new(());
    let (tx, rx) = oneshot::channel();
    tx.send(value.clone()).unwrap();
    drop(rx);
    let (tx, rx) = oneshot::channel();
    drop(rx);
    drop(tx.send(value.clone()));
    let (mut tx, rx) = oneshot::channel();
    assert!(Polled::new(tx.closed()).is_pending());
    let mut receiving = Polled::new(rx);
    assert!(receiving.is_pending());
    tx.send(value.clone()).unwrap();
    drop(receiving);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// FAULT 6: the value is there although the waker panicked.
#[test]
fn oneshot_survives_a_panicking_waker() {
    let (tx, rx) = oneshot::channel();
    let mut rx = Box::pin(rx);
    assert!(poll_with_panicking_waker(rx.as_mut()).is_pending());
    assert!(panics(|| tx.send(3).unwrap()));
    assert_eq!(rx.try_recv(), Ok(3));
}

#[test]
fn messages_keep_their_order_across_blocks() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    for round in 0..10 {
        (0..100).for_each(|i| tx.send(round * 100 + i).unwrap());
        assert_eq!(rx.len(), 100);
        for i in 0..100 {
            assert_eq!(now(rx.recv()), Some(round * 100 + i));
        }
        assert!(rx.is_empty());
    }
    drop(tx);
    assert_eq!(now(rx.recv()), None);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn the_receiver_is_woken_once_per_sleep() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let mut receiving = Polled::new(rx.recv());
    (0..3).for_each(|_| assert!(receiving.is_pending()));
    assert!(receiving.poll_with_new_waker().is_pending());
    (0..3).for_each(|i| tx.send(i).unwrap());
    assert_eq!(receiving.wakes(), 1);
    assert_eq!(receiving.ready(), Some(0));
}

#[test]
fn a_full_channel_makes_senders_wait_in_order() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(0).unwrap();
    assert_eq!(tx.try_send(9), Err(TrySendError::Full(9)));
    let mut first = Polled::new(tx.send(1));
    let mut second = Polled::new(tx.send(2));
    assert!(first.is_pending() && second.is_pending());
    for (i, sending) in [&mut first, &mut second].into_iter().enumerate() {
        assert_eq!(rx.try_recv(), Ok(i));
        assert_eq!(sending.wakes(), 1);
        sending.ready().unwrap();
    }
    assert_eq!((tx.capacity(), tx.max_capacity()), (0, 1));
    assert_eq!(rx.try_recv(), Ok(2));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
}

/// FAULT 12.
#[test]
fn cancelled_sends_and_receives_lose_nothing() {
    let (tx, mut rx) = mpsc::channel(1);
    let mut receiving = Polled::new(rx.recv());
    assert!(receiving.is_pending());
    tx.try_send(1).unwrap();
    drop(receiving);
    let mut sending = Polled::new(tx.send(2));
    assert!(sending.is_pending());
    assert_eq!(now(rx.recv()), Some(1));
    drop(sending);
    assert_eq!(tx.capacity(), 1);
    drop(now(tx.reserve()).unwrap());
    assert_eq!(tx.capacity(), 1);
}

#[test]
fn closing_lets_messages_and_permits_through() {
    let (tx, mut rx) = mpsc::channel(3);
    tx.try_send(1).unwrap();
    let permit = now(tx.reserve()).unwrap();
    let unused = tx.try_reserve().unwrap();
    let mut closed = Polled::new(tx.closed());
    assert!(closed.is_pending());
    rx.close();
    closed.ready();
    assert!(tx.is_closed() && rx.is_closed());
    assert_eq!(now(tx.send(9)), Err(SendError(9)));
    assert_eq!(now(rx.recv()), Some(1));
    permit.send(2);
    assert_eq!(now(rx.recv()), Some(2));
    let mut receiving = Polled::new(rx.recv());
    assert!(receiving.is_pending(), "a permit is still out");
    drop(unused);
    assert_eq!(receiving.wakes(), 1);
    assert_eq!(receiving.ready(), None);
}

#[test]
fn an_unbounded_close_refuses_later_messages() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    (0..40).for_each(|i| tx.send(i).unwrap());
    rx.close();
    assert_eq!(tx.send(99), Err(SendError(99)));
    assert_eq!(rx.len(), 40);
    assert_eq!(std::iter::from_fn(|| now(rx.recv())).count(), 40);
    assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
}

#[test]
fn many_messages_come_at_once() {
    let (tx, mut rx) = mpsc::channel(50);
    let permits = now(tx.reserve_many(40)).unwrap();
    assert_eq!(permits.len(), 40);
    permits
        .take(30)
        .enumerate()
        .for_each(|(i, permit)| permit.send(i));
    assert_eq!(tx.capacity(), 20, "what was not used came back");
    let mut buffer = Vec::new();
    assert_eq!(now(rx.recv_many(&mut buffer, 0)), 0);
    assert_eq!(now(rx.recv_many(&mut buffer, 25)), 25);
    assert_eq!(now(rx.recv_many(&mut buffer, 25)), 5);
    assert!(buffer.into_iter().eq(0..30));
    assert!(now(tx.reserve_many(51)).is_err());
    assert!(tx.try_reserve_many(51).is_err());
    assert!(Polled::new(rx.recv_many(&mut Vec::new(), 1)).is_pending());
}

#[test]
fn owned_permits_carry_the_sender() {
    let (tx, mut rx) = mpsc::channel(1);
    let permit = now(tx.clone().reserve_owned()).unwrap();
    assert!(permit.same_channel_as_sender(&tx));
    let tx = permit.send(1);
    let tx = match tx.try_reserve_owned() {
        Err(TrySendError::Full(tx)) => tx,
        other => panic!("{other:?}"),
    };
    assert_eq!(rx.try_recv(), Ok(1));
    drop(tx.try_reserve_owned().unwrap().release());
    assert_eq!(rx.capacity(), 1);
}

#[test]
fn weak_senders_do_not_keep_the_channel_open() {
    let (tx, mut rx) = mpsc::unbounded_channel::<u8>();
    let weak = tx.downgrade();
    let other = weak.upgrade().unwrap();
    assert!(other.same_channel(&tx));
    assert_eq!((rx.sender_strong_count(), rx.sender_weak_count()), (2, 1));
    drop((tx, other));
    assert!(weak.upgrade().is_none());
    assert_eq!(now(rx.recv()), None);
}

/// FAULT 6: neither side loses a message to a waker of the other.
#[test]
fn a_panicking_waker_loses_no_message() {
    let (tx, mut rx) = mpsc::channel(1);
    tx.try_send(1).unwrap();
    let mut sending = Box::pin(tx.send(2));
    assert!(poll_with_panicking_waker(sending.as_mut()).is_pending());
    assert_eq!(rx.try_recv(), Ok(1));
    now(sending).unwrap();
    assert_eq!(rx.try_recv(), Ok(2));
    let mut receiving = Box::pin(rx.recv());
    assert!(poll_with_panicking_waker(receiving.as_mut()).is_pending());
    assert!(panics(|| tx.try_send(3).unwrap()));
    assert_eq!(now(receiving), Some(3));
}

#[test]
fn dropping_either_side_drops_the_messages_once() {
    let value = Arc::new(());
    let (tx, rx) = mpsc::unbounded_channel();
    (0..70).for_each(|_| tx.send(value.clone()).unwrap());
    drop(rx);
    assert_eq!(Arc::strong_count(&value), 1);
    assert!(tx.send(value.clone()).is_err());
    let (tx, rx) = mpsc::channel(2);
    let permit = tx.clone().try_reserve_owned().unwrap();
    drop(rx);
    drop((permit.send(value.clone()), tx));
    assert_eq!(Arc::strong_count(&value), 1);
}

#[test]
fn threads_pass_every_message_in_order() {
    let (tx, mut rx) = mpsc::channel(8);
    let senders: Vec<_> = (0..3)
        .map(|id| {
            let tx = tx.clone();
            std::thread::spawn(move || {
                (0..2_000).for_each(|i| tx.blocking_send((id, i)).unwrap());
            })
        })
        .collect();
    drop(tx);
    let mut next = [0; 3];
    while let Some((id, i)) = rx.blocking_recv() {
        assert_eq!(next[id], i, "messages of one sender keep their order");
        next[id] += 1;
    }
    assert_eq!(next, [2_000; 3]);
    senders
        .into_iter()
        .for_each(|sender| sender.join().unwrap());
}

#[test]
fn unbounded_threads_pass_every_message() {
    let (tx, mut rx) = mpsc::unbounded_channel();
    let senders: Vec<_> = (0..4)
        .map(|_| {
            let tx = tx.clone();
            std::thread::spawn(move || (0..20_000_u64).for_each(|i| tx.send(i).unwrap()))
        })
        .collect();
    drop(tx);
    let mut buffer = Vec::new();
    let (mut sum, mut count) = (0, 0);
    while rx.blocking_recv_many(&mut buffer, 100) > 0 {
        count += buffer.len();
        sum += buffer.drain(..).sum::<u64>();
    }
    assert_eq!((count, sum), (80_000, 4 * 19_999 * 10_000));
    senders
        .into_iter()
        .for_each(|sender| sender.join().unwrap());
}

#[test]
fn polling_by_hand_works_like_awaiting() {
    let (tx, mut rx) = mpsc::channel(4);
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert_eq!(rx.poll_recv(&mut cx), Poll::Pending);
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    let mut buffer = Vec::new();
    assert_eq!(rx.poll_recv_many(&mut cx, &mut buffer, 8), Poll::Ready(2));
    drop(tx);
    assert_eq!(rx.poll_recv(&mut cx), Poll::Ready(None));
}

#[test]
fn handles_are_send_and_sync() {
    fn check<T: Send + Sync + Unpin>() {}
    check::<oneshot::Sender<std::cell::Cell<u8>>>();
    check::<oneshot::Receiver<std::cell::Cell<u8>>>();
    check::<mpsc::Sender<std::cell::Cell<u8>>>();
    check::<mpsc::Receiver<std::cell::Cell<u8>>>();
    check::<mpsc::UnboundedReceiver<std::marker::PhantomPinned>>();
}

#[test]
#[should_panic(expected = "mpsc bounded channel requires buffer > 0")]
fn a_channel_without_room_is_refused() {
    let _ = mpsc::channel::<u8>(0);
}

/// A reservation of a closed channel that comes back, refused or cancelled, ends the receiver.
#[test]
fn mpsc_room_that_comes_back_ends_a_closed_receiver() {
    for is_polled in [true, false] {
        let (tx, mut rx) = mpsc::channel::<u8>(2);
        let permit = tx.try_reserve().unwrap();
        let mut reserving = Polled::new(tx.reserve_many(2));
        assert!(reserving.is_pending());
        rx.close();
        let mut receiving = Polled::new(rx.recv());
        assert!(receiving.is_pending());
        drop(permit);
        assert_eq!(receiving.wakes(), 0, "the other still holds room");
        if is_polled {
            assert!(reserving.ready().is_err());
        }
        drop(reserving);
        assert_eq!((receiving.wakes(), receiving.ready()), (1, None));
    }
}

/// A dropped receiver keeps no waker alive.
#[test]
fn mpsc_dropped_receiver_drops_its_waker() {
    struct Nothing;
    impl std::task::Wake for Nothing {
        fn wake(self: Arc<Self>) {}
    }
    let count = Arc::new(Nothing);
    let waker = count.clone().into();
    let (_tx, mut rx) = mpsc::unbounded_channel::<u8>();
    assert!(
        rx.poll_recv(&mut std::task::Context::from_waker(&waker))
            .is_pending()
    );
    assert_eq!(Arc::strong_count(&count), 3);
    drop(rx);
    assert_eq!(Arc::strong_count(&count), 2);
}

/// `send_timeout` sends, or gives the message back with the reason.
#[runtime::test(crate = runtime, start_paused = true)]
async fn mpsc_send_timeout_says_why() {
    use mpsc::error::SendTimeoutError;
    let limit = std::time::Duration::from_secs(1);
    let (tx, mut rx) = mpsc::channel(1);
    assert_eq!(tx.send_timeout(1, limit).await, Ok(()));
    let timeout = tx.send_timeout(2, limit).await.unwrap_err();
    assert_eq!(timeout, SendTimeoutError::Timeout(2));
    assert_eq!(timeout.to_string(), "timed out waiting on send operation");
    rx.close();
    let closed = tx.send_timeout(3, limit).await.unwrap_err();
    assert_eq!(
        (closed, closed.to_string().as_str()),
        (SendTimeoutError::Closed(3), "channel closed")
    );
    assert_eq!(closed.into_inner(), 3);
}

/// A value that nobody can receive any more is dropped at once, whatever way it takes.
#[test]
fn a_value_of_a_permit_that_outlives_the_receiver_is_dropped_at_once() {
    let value = Arc::new(());
    let left = || Arc::strong_count(&value) - 1;
    let (tx, rx) = mpsc::channel(9);
    tx.try_send(value.clone()).unwrap();
    let permit = tx.try_reserve().unwrap();
    let owned = tx.clone().try_reserve_owned().unwrap();
    let unused = tx.try_reserve().unwrap();
    let mut many = tx.try_reserve_many(4).unwrap();
    drop(rx);
    assert_eq!(left(), 0);
    assert_eq!(tx.capacity(), 2);
    permit.send(value.clone());
    assert_eq!((left(), tx.capacity()), (0, 3));
    let back = owned.send(value.clone());
    assert_eq!((left(), back.capacity()), (0, 4));
    many.next().unwrap().send(value.clone());
    many.next().unwrap().send(value.clone());
    assert_eq!((left(), tx.capacity()), (0, 6));
    drop((unused, many));
    assert_eq!(tx.capacity(), tx.max_capacity());
    assert!(tx.try_send(value.clone()).is_err());
    assert!(tx.is_closed() && left() == 0);

    // Closed only: it can be received still.
    let (tx, mut rx) = mpsc::channel(2);
    let permit = tx.try_reserve().unwrap();
    rx.close();
    permit.send(value.clone());
    assert_eq!(left(), 1);
    drop(rx.try_recv().unwrap());
    // And not any more.
    let (tx, mut rx) = mpsc::channel(2);
    let permit = tx.try_reserve().unwrap();
    rx.close();
    drop(rx);
    permit.send(value.clone());
    assert_eq!((left(), tx.capacity()), (0, 2));
}

/// The drop of such a value may send another one.
#[test]
fn a_value_may_send_in_its_drop_when_the_receiver_is_gone() {
    struct Sends {
        next: Option<(mpsc::OwnedPermit<Sends>, Box<Sends>)>,
        _count: Arc<()>,
    }
    impl Drop for Sends {
        fn drop(&mut self) {
            if let Some((permit, value)) = self.next.take() {
                drop(permit.send(*value));
            }
        }
    }
    for is_gone_before in [true, false] {
        let count = Arc::new(());
        let (tx, rx) = mpsc::channel(3);
        let link = |next| Sends {
            next,
            _count: count.clone(),
        };
        let mut chain = link(None);
        for _ in 0..2 {
            let permit = tx.clone().try_reserve_owned().unwrap();
            chain = link(Some((permit, Box::new(chain))));
        }
        let first = tx.clone().try_reserve_owned().unwrap();
        let rx = Some(rx).filter(|_| !is_gone_before);
        drop(first.send(chain));
        drop(rx);
        assert_eq!(Arc::strong_count(&count), 1);
        assert_eq!(tx.capacity(), 3);
    }
}

/// Each value is dropped once, and promptly: as soon as both sides are done with it, although a
/// sender stays.
#[test]
fn permits_that_race_with_the_end_of_the_receiver_leave_nothing_behind() {
    use std::sync::Barrier;
    for round in 0..500 {
        let value = Arc::new(());
        let (tx, mut rx) = mpsc::channel(8);
        let (unbounded, mut unbounded_rx) = mpsc::unbounded_channel();
        let start = Barrier::new(3);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                let (tx, unbounded) = (tx.clone(), unbounded.clone());
                let (value, start) = (&value, &start);
                scope.spawn(move || {
                    let permits = tx.try_reserve_many(3).unwrap();
                    start.wait();
                    for permit in permits {
                        permit.send(value.clone());
                        let _ = unbounded.send(value.clone());
                        let _ = tx.try_send(value.clone());
                    }
                });
            }
            start.wait();
            if round % 2 == 0 {
                let _ = (rx.try_recv(), unbounded_rx.try_recv());
            }
            drop((rx, unbounded_rx));
        });
        assert_eq!(Arc::strong_count(&value), 1, "round {round}");
        assert_eq!(tx.capacity(), 8);
    }
}
