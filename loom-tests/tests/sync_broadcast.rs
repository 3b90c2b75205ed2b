//! Models of `runtime::sync::broadcast`: the locks of its slots, the waiting list, the counts.

use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::sync::broadcast::error::{RecvError, TryRecvError};
use runtime::sync::broadcast::{self, Receiver};
use std::pin::pin;

/// Receives to the end; how many values came and how many were missed.
fn drain<T: Clone>(mut rx: Receiver<T>) -> (u64, u64) {
    let (mut came, mut missed) = (0, 0);
    loop {
        match block_on(rx.recv()) {
            Ok(_) => came += 1,
            Err(RecvError::Lagged(count)) => missed += count,
            Err(RecvError::Closed) => return (came, missed),
        }
    }
}

/// S1: a receiver that waits is woken for the value and for the end.
#[test]
fn broadcast_send_against_a_waiting_receiver() {
    model(|| {
        let (tx, mut rx) = broadcast::channel(2);
        let sender = thread::spawn(move || drop(tx.send(Arc::new(1))));
        assert_eq!(*block_on(rx.recv()).unwrap(), 1);
        assert!(matches!(block_on(rx.recv()), Err(RecvError::Closed)));
        sender.join().unwrap();
    });
}

/// S1, S4: two receivers wait, and one send wakes both.
#[test]
fn broadcast_two_receivers_get_the_value() {
    model(|| {
        let (tx, first) = broadcast::channel(1);
        let second = first.resubscribe();
        let receiver = thread::spawn(move || drain(first));
        let other = thread::spawn(move || drain(second));
        assert_eq!(tx.send(Arc::new(1)).unwrap(), 2);
        drop(tx);
        assert_eq!(receiver.join().unwrap(), (1, 0));
        assert_eq!(other.join().unwrap(), (1, 0));
    });
}

/// R1, S2: a value is overwritten while a receiver comes for it: it gets one, or is told.
#[test]
fn broadcast_lag_against_receive() {
    model(|| {
        let (tx, rx) = broadcast::channel(1);
        let value = Arc::new(());
        let kept = value.clone();
        let sender = thread::spawn(move || {
            (0..3).for_each(|_| drop(tx.send(value.clone())));
        });
        let (came, missed) = drain(rx);
        assert_eq!(came + missed, 3);
        assert!(came > 0, "the last is never missed");
        sender.join().unwrap();
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}

/// R2: a receiver that leaves while values come releases exactly those that were for it.
#[test]
fn broadcast_drop_of_a_receiver_against_send() {
    model(|| {
        let (tx, mut rx) = broadcast::channel(2);
        let leaving = rx.resubscribe();
        let value = Arc::new(());
        let kept = value.clone();
        let leaver = thread::spawn(move || drop(leaving));
        let receivers = tx.send(value).unwrap();
        assert!((1..=2).contains(&receivers));
        assert!(rx.try_recv().is_ok());
        leaver.join().unwrap();
        assert_eq!(tx.len(), 0);
        assert_eq!(Arc::strong_count(&kept), 1);
        drop((tx, rx));
    });
}

/// R2: two last readers at once: the value goes once.
#[test]
fn broadcast_two_readers_take_one_value() {
    model(|| {
        let (tx, mut first) = broadcast::channel(1);
        let mut second = first.resubscribe();
        let value = Arc::new(());
        let kept = value.clone();
        tx.send(value).unwrap();
        let reader = thread::spawn(move || drop(first.try_recv().unwrap()));
        drop(second.try_recv().unwrap());
        reader.join().unwrap();
        assert_eq!((Arc::strong_count(&kept), tx.len()), (1, 0));
    });
}

/// S5: the last of two senders wakes a receiver that waits.
#[test]
fn broadcast_last_sender_wakes_the_receiver() {
    model(|| {
        let (tx, mut rx) = broadcast::channel::<Arc<u8>>(1);
        let other = tx.clone();
        let first = thread::spawn(move || drop(tx));
        let second = thread::spawn(move || drop(other));
        assert!(matches!(block_on(rx.recv()), Err(RecvError::Closed)));
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// A new receiver gets exactly the values that were sent to it.
#[test]
fn broadcast_subscribe_against_send() {
    model(|| {
        let (tx, rx) = broadcast::channel(2);
        let sender = thread::spawn({
            let tx = tx.clone();
            move || tx.send(Arc::new(1)).unwrap()
        });
        let mut late = tx.subscribe();
        let receivers = sender.join().unwrap();
        assert_eq!(late.try_recv().is_ok(), receivers == 2);
        assert!(matches!(late.try_recv(), Err(TryRecvError::Empty)));
        drop((rx, late));
    });
}

/// W1: a wait that is given up while it is woken leaves no node behind, and takes nothing.
#[test]
fn broadcast_cancelled_receive_against_send() {
    model(|| {
        let (tx, mut rx) = broadcast::channel(1);
        let other = rx.resubscribe();
        let sender = thread::spawn(move || drop(tx.send(Arc::new(1))));
        let waiting = thread::spawn(move || drain(other));
        let was_ready = poll_once(pin!(rx.recv())).is_ready();
        sender.join().unwrap();
        assert_eq!(waiting.join().unwrap(), (1, 0));
        assert_eq!(rx.try_recv().is_ok(), !was_ready);
    });
}

/// S5: a weak sender becomes a sender only of an open channel, and then keeps it open.
#[test]
fn broadcast_upgrade_against_the_last_drop() {
    model(|| {
        let (tx, mut rx) = broadcast::channel(1);
        let weak = tx.downgrade();
        let dropper = thread::spawn(move || drop(tx));
        match weak.upgrade() {
            Some(tx) => {
                tx.send(1).unwrap();
                assert_eq!(block_on(rx.recv()), Ok(1));
            }
            None => {
                dropper.join().unwrap();
                assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
                return;
            }
        }
        assert_eq!(block_on(rx.recv()), Err(RecvError::Closed));
        dropper.join().unwrap();
    });
}

/// The last receiver wakes a sender that waits for it.
#[test]
fn broadcast_closed_against_the_last_receiver() {
    model(|| {
        let (tx, rx) = broadcast::channel::<u8>(1);
        let other = rx.resubscribe();
        let first = thread::spawn(move || drop(rx));
        let second = thread::spawn(move || drop(other));
        block_on(tx.closed());
        assert_eq!(tx.receiver_count(), 0);
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// S1, S4: two senders at once, a receiver that waits for each value in turn.
#[test]
fn broadcast_two_senders_lose_nothing() {
    model(|| {
        let (tx, rx) = broadcast::channel(2);
        let other = tx.clone();
        let first = thread::spawn(move || drop(tx.send(Arc::new(1))));
        let second = thread::spawn(move || drop(other.send(Arc::new(2))));
        assert_eq!(drain(rx), (2, 0));
        first.join().unwrap();
        second.join().unwrap();
    });
}
