//! Further models of `runtime::sync::mpsc`: closing against what comes back, weak senders, blocks
//! used again. The queue's first ones are in `sync`. Blocks have two slots here.

use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::sync::mpsc;
use runtime::sync::mpsc::error::TryRecvError;
use std::pin::pin;

/// C3, P5: a reservation that waits, is granted or refused, and comes back ends the receiver.
#[test]
fn mpsc_cancelled_reservation_ends_a_closed_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::channel::<u8>(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        let reserving = thread::spawn({
            let tx = tx.clone();
            move || drop(poll_once(pin!(tx.reserve())))
        });
        drop(permit);
        rx.close();
        assert_eq!(block_on(rx.recv()), None);
        reserving.join().unwrap();
        drop(tx);
    });
}

/// P5: a reservation is refused with room in hand while the receiver waits for that room.
#[test]
fn mpsc_refused_reservation_ends_a_closed_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::channel::<u8>(2);
        let message = tx.clone().try_reserve_owned().unwrap();
        let kept = tx.clone(); // No last sender that would wake.
        let reserving = thread::spawn(move || block_on(tx.reserve_many(2)).is_ok());
        let mut received = 0;
        rx.close();
        drop(message.send(1));
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(received, 1);
        reserving.join().unwrap();
        drop(kept);
    });
}

/// C2: a weak sender becomes a sender only of an open channel, and then keeps it open.
#[test]
fn mpsc_upgrade_against_the_last_drop() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let weak = tx.downgrade();
        let dropper = thread::spawn(move || drop(tx));
        let upgraded = weak.upgrade();
        let is_open = upgraded.is_some();
        if let Some(tx) = upgraded {
            tx.send(1).unwrap();
        }
        assert_eq!(block_on(rx.recv()), is_open.then_some(1));
        assert_eq!(block_on(rx.recv()), None);
        dropper.join().unwrap();
    });
}

/// B6: blocks come back and are used again while another writer is on its way.
#[test]
fn mpsc_blocks_are_reused_under_a_second_writer() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let other = tx.clone();
        let slow = thread::spawn(move || other.send(10).unwrap());
        let mut sum = 0;
        for _ in 0..2 {
            (0..2).for_each(|_| tx.send(1).unwrap());
            while let Ok(value) = rx.try_recv() {
                sum += value;
            }
        }
        slow.join().unwrap();
        drop(tx);
        while let Ok(value) = rx.try_recv() {
            sum += value;
        }
        assert_eq!((sum, rx.try_recv()), (14, Err(TryRecvError::Disconnected)));
    });
}

/// Values of a bounded channel are dropped with the receiver, and senders that wait are refused.
#[test]
fn mpsc_bounded_drop_of_the_receiver_against_a_waiting_sender() {
    model(|| {
        let (tx, rx) = mpsc::channel(1);
        let value = Arc::new(());
        let sender = thread::spawn({
            let value = value.clone();
            move || {
                let first = block_on(tx.send(value.clone())).is_ok();
                let second = block_on(tx.send(value)).is_ok();
                assert!(first || !second);
            }
        });
        drop(rx);
        sender.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    });
}

/// C4: a permit that is used while the receiver goes: its value is dropped once, and although the
/// sender stays.
#[test]
fn mpsc_a_permit_against_the_drop_of_the_receiver() {
    model(|| {
        let (tx, rx) = mpsc::channel(2);
        let value = Arc::new(());
        let permit = tx.clone().try_reserve_owned().unwrap();
        let sending = thread::spawn({
            let value = value.clone();
            move || permit.send(value)
        });
        drop(rx);
        let kept = sending.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!((kept.capacity(), tx.capacity()), (2, 2));
    });
}

/// C4: the same with two senders, of which one finds a message in front of its own, and a value
/// that is given back.
#[test]
fn mpsc_two_senders_against_the_drop_of_the_receiver() {
    model(|| {
        let (tx, rx) = mpsc::channel(2);
        let value = Arc::new(());
        let permit = tx.clone().try_reserve_owned().unwrap();
        let permitted = thread::spawn({
            let value = value.clone();
            move || permit.send(value)
        });
        let plain = thread::spawn({
            let (tx, value) = (tx.clone(), value.clone());
            move || drop(tx.try_send(value))
        });
        drop(rx);
        drop(permitted.join().unwrap());
        plain.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
        assert_eq!(tx.capacity(), 2);
    });
}

/// C4: a message that is on its way when the receiver of a channel without a limit goes.
#[test]
fn mpsc_unbounded_send_against_the_drop_of_the_receiver() {
    model(|| {
        let (tx, rx) = mpsc::unbounded_channel();
        let value = Arc::new(());
        let sending = thread::spawn({
            let (tx, value) = (tx.clone(), value.clone());
            move || drop(tx.send(value))
        });
        let sent = tx.send(value.clone()).is_ok();
        drop(rx);
        sending.join().unwrap();
        assert!(sent);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}
