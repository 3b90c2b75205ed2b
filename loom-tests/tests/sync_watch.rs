//! Models of `runtime::sync::watch`, and of the wait list under it.

use loom_tests::atomic::{AtomicUsize, Ordering};
use loom_tests::{Arc, block_on, model, model_within, poll_once, thread};
use runtime::sync::watch;
use std::pin::pin;

/// W3: a receiver that waits sees the value that was sent, whenever it began to wait.
#[test]
fn watch_send_reaches_a_receiver_that_waits() {
    model(|| {
        let (tx, mut rx) = watch::channel(0);
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx
        });
        block_on(rx.changed()).unwrap();
        assert_eq!(*rx.borrow(), 1);
        drop(sender.join().unwrap());
    });
}

/// W3: each wait that begins after a look at the newest value ends with a newer one, and the last
/// value is never missed, also when the receiver begins its next wait while it is being woken.
#[test]
fn watch_no_version_is_lost_between_two_waits() {
    model(|| {
        let (tx, mut rx) = watch::channel(0);
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx.send(2).unwrap();
            tx
        });
        let mut seen = 0;
        while seen < 2 {
            block_on(rx.changed()).unwrap();
            let value = *rx.borrow_and_update();
            assert!(value > seen, "{value} after {seen}");
            seen = value;
        }
        assert!(!rx.has_changed().unwrap());
        drop(sender.join().unwrap());
    });
}

/// L2: one change wakes both receivers, of which one sees `WAITING` set by the other.
#[test]
fn watch_one_change_wakes_two_receivers() {
    model_within(2, || {
        let (tx, mut rx) = watch::channel(0);
        let mut other = rx.clone();
        let first = thread::spawn(move || block_on(other.changed()).unwrap());
        let second = thread::spawn(move || block_on(rx.changed()).unwrap());
        tx.send(1).unwrap();
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// L1, L2: with two senders a wake of the first may meet the wait for the second.
#[test]
fn watch_two_senders_both_get_through() {
    model_within(2, || {
        let (tx, mut rx) = watch::channel(0);
        let threads = [(); 2].map(|()| {
            let tx = tx.clone();
            thread::spawn(move || tx.send_modify(|value| *value += 1))
        });
        drop(tx);
        while *rx.borrow_and_update() < 2 {
            block_on(rx.changed()).unwrap();
        }
        assert!(block_on(rx.changed()).is_err());
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// The drop of the last sender ends the wait; a value sent before is told of first.
#[test]
fn watch_last_sender_ends_the_wait() {
    model(|| {
        let (tx, mut rx) = watch::channel(0);
        let other = tx.clone();
        let first = thread::spawn(move || drop(tx));
        let second = thread::spawn(move || {
            other.send(1).unwrap();
        });
        block_on(rx.changed()).unwrap();
        assert!(block_on(rx.changed()).is_err());
        assert_eq!(*rx.borrow(), 1);
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// A receiver that is dropped ends `closed`, and a send after that fails.
#[test]
fn watch_last_receiver_ends_closed() {
    model(|| {
        let (tx, rx) = watch::channel(Arc::new(0));
        let other = rx.clone();
        let first = thread::spawn(move || drop(rx));
        let second = thread::spawn(move || drop(other));
        block_on(tx.closed());
        assert!(tx.is_closed() && tx.send(Arc::new(1)).is_err());
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// A new receiver either counts the racing change as seen and finds it, or waits for it.
#[test]
fn watch_clone_and_subscribe_against_send() {
    model(|| {
        let (tx, rx) = watch::channel(0);
        let sending = tx.clone();
        let sender = thread::spawn(move || sending.send(1).unwrap());
        let mut cloned = rx.clone();
        let mut subscribed = tx.subscribe();
        block_on(cloned.changed()).unwrap();
        assert_eq!(*cloned.borrow(), 1);
        if *subscribed.borrow_and_update() == 0 {
            block_on(subscribed.changed()).unwrap();
        }
        assert_eq!(*subscribed.borrow(), 1);
        sender.join().unwrap();
        assert_eq!(tx.receiver_count(), 3);
    });
}

/// W1, W2: a borrow sees one value, whole, and a version that is not newer than it.
#[test]
fn watch_borrow_sees_whole_values_and_their_version() {
    // Cells that loom watches, without an order of their own.
    fn pair(value: usize) -> (AtomicUsize, AtomicUsize) {
        (AtomicUsize::new(value), AtomicUsize::new(value))
    }
    model(|| {
        let (tx, mut rx) = watch::channel(pair(0));
        let sender = thread::spawn(move || {
            tx.send_modify(|(left, right)| {
                left.store(1, Ordering::Relaxed);
                right.store(1, Ordering::Relaxed);
            });
            tx
        });
        let (value, has_changed) = {
            let borrowed = rx.borrow_and_update();
            let left = borrowed.0.load(Ordering::Relaxed);
            assert_eq!(left, borrowed.1.load(Ordering::Relaxed));
            (left, borrowed.has_changed())
        };
        assert_eq!(
            has_changed,
            value == 1,
            "the version is the one of the value"
        );
        let tx = sender.join().unwrap();
        assert_eq!(rx.has_changed().unwrap(), value == 0);
        drop(tx);
    });
}

/// W1, W4: two that change and one that looks exclude each other, and nobody sleeps for ever.
#[test]
fn watch_lock_excludes_and_wakes_those_that_sleep() {
    model_within(2, || {
        let tx = Arc::new(watch::Sender::new(0));
        let threads = [(); 2].map(|()| {
            let tx = tx.clone();
            thread::spawn(move || tx.send_modify(|value| *value += 1))
        });
        let before = *tx.borrow();
        assert!(before <= 2);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(*tx.borrow(), 2);
    });
}

/// W1, W4: the last of two readers lets the sender go on.
#[test]
fn watch_sender_waits_for_two_readers() {
    model_within(2, || {
        let tx = Arc::new(watch::Sender::new(0));
        let threads = [(); 2].map(|()| {
            let tx = tx.clone();
            thread::spawn(move || {
                let borrowed = tx.borrow();
                thread::yield_now();
                *borrowed
            })
        });
        tx.send_replace(1);
        for thread in threads {
            assert!(thread.join().unwrap() <= 1);
        }
    });
}

/// `wait_for` asks again for each value until one fits, and misses no last value.
#[test]
fn watch_wait_for_finds_the_last_value() {
    model(|| {
        let (tx, mut rx) = watch::channel(0);
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx.send(2).unwrap();
        });
        assert_eq!(*block_on(rx.wait_for(|value| *value == 2)).unwrap(), 2);
        assert!(block_on(rx.wait_for(|value| *value == 1)).is_err());
        sender.join().unwrap();
    });
}

/// L1: a wait that is cancelled while it is being woken leaves nothing behind.
#[test]
fn watch_cancel_against_send() {
    model(|| {
        let (tx, mut rx) = watch::channel(0);
        let mut other = rx.clone();
        let sender = thread::spawn(move || {
            tx.send(1).unwrap();
            tx
        });
        drop(poll_once(pin!(rx.changed())));
        block_on(other.changed()).unwrap();
        let tx = sender.join().unwrap();
        tx.send(2).unwrap();
        block_on(rx.changed()).unwrap();
        assert_eq!(*rx.borrow(), 2);
    });
}
