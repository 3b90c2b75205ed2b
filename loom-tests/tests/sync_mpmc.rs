//! Models of `runtime::sync::mpmc`: promises and reservations, closing, the counts.

use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::sync::mpmc;
use std::pin::pin;

/// C1: two receivers, two messages, none lost or doubled.
#[test]
fn mpmc_two_receivers_share_two_messages() {
    model(|| {
        let (tx, rx) = mpmc::unbounded();
        let receivers = [rx.clone(), rx].map(|rx| thread::spawn(move || block_on(rx.recv())));
        tx.try_send(Arc::new(1)).unwrap();
        tx.try_send(Arc::new(2)).unwrap();
        let sum: i32 = receivers
            .into_iter()
            .map(|receiver| *receiver.join().unwrap().unwrap())
            .sum();
        assert_eq!((sum, tx.len()), (3, 0));
    });
}

/// C2: a receiver that was chosen and gives up hands the message to the next.
#[test]
fn mpmc_cancel_of_the_chosen_receiver() {
    model(|| {
        let (tx, rx) = mpmc::unbounded();
        let cancelled = thread::spawn({
            let rx = rx.clone();
            move || poll_once(pin!(rx.recv())).is_ready()
        });
        let waiting = thread::spawn(move || block_on(rx.recv()).is_some());
        tx.try_send(Arc::new(1)).unwrap();
        let was_taken = cancelled.join().unwrap();
        drop(tx);
        assert_eq!(waiting.join().unwrap(), !was_taken);
    });
}

/// C2: a sender that was chosen and gives up hands the room to the next.
#[test]
fn mpmc_cancel_of_the_chosen_sender() {
    model(|| {
        let (tx, rx) = mpmc::channel(1);
        tx.try_send(0).unwrap();
        let cancelled = thread::spawn({
            let tx = tx.clone();
            move || drop(poll_once(pin!(tx.reserve())))
        });
        let sending = thread::spawn(move || block_on(tx.send(1)).unwrap());
        assert_eq!(rx.try_recv(), Ok(0));
        assert_eq!(block_on(rx.recv()), Some(1));
        cancelled.join().unwrap();
        sending.join().unwrap();
    });
}

/// C1: room goes from the receiver to a sender that waits, messages the other way.
#[test]
fn mpmc_bounded_hand_over() {
    model(|| {
        let (tx, rx) = mpmc::channel(1);
        let sender = thread::spawn(move || {
            for n in 0..3 {
                block_on(tx.send(Arc::new(n))).unwrap();
            }
        });
        for n in 0..3 {
            assert_eq!(*block_on(rx.recv()).unwrap(), n);
        }
        assert!(block_on(rx.recv()).is_none());
        sender.join().unwrap();
    });
}

/// M4, C3: what was sent before the close is received, nothing else, and nobody hangs.
#[test]
fn mpmc_close_against_send_and_receive() {
    model(|| {
        let (tx, rx) = mpmc::channel(1);
        let sender = thread::spawn(move || (0..2).filter(|_| block_on(tx.send(1)).is_ok()).count());
        let receiver = thread::spawn({
            let rx = rx.clone();
            move || usize::from(block_on(rx.recv()).is_some())
        });
        rx.close();
        let mut received = receiver.join().unwrap();
        while block_on(rx.recv()).is_some() {
            received += 1;
        }
        assert_eq!(sender.join().unwrap(), received);
    });
}

/// C3: the last of two senders wakes all receivers that wait.
#[test]
fn mpmc_last_sender_wakes_the_receivers() {
    model(|| {
        let (tx, rx) = mpmc::unbounded::<Arc<u8>>();
        let receiver = thread::spawn({
            let rx = rx.clone();
            move || assert!(block_on(rx.recv()).is_none())
        });
        let dropper = thread::spawn({
            let tx = tx.clone();
            move || drop(tx)
        });
        drop(tx);
        assert!(block_on(rx.recv()).is_none());
        receiver.join().unwrap();
        dropper.join().unwrap();
    });
}

/// C4: messages that nobody can receive any more are dropped, those of permits too.
#[test]
fn mpmc_last_receiver_against_send() {
    model(|| {
        let (tx, rx) = mpmc::channel(3);
        let message = Arc::new(());
        let sender = thread::spawn({
            let message = message.clone();
            move || {
                drop(tx.try_send(message.clone()));
                if let Ok(permit) = tx.try_reserve() {
                    permit.send(message);
                }
            }
        });
        drop(rx);
        sender.join().unwrap();
        assert_eq!(Arc::strong_count(&message), 1);
    });
}

/// C3: the last permit of a closed channel that comes back ends the receiver's wait.
#[test]
fn mpmc_dropped_permit_ends_the_receiver() {
    model(|| {
        let (tx, rx) = mpmc::channel::<u8>(1);
        let dropper = thread::spawn(move || {
            let permit = tx.try_reserve();
            drop(permit);
        });
        rx.close();
        assert_eq!(block_on(rx.recv()), None);
        dropper.join().unwrap();
    });
}

/// C4: a weak sender becomes a sender only of an open channel.
#[test]
fn mpmc_upgrade_against_the_last_drop() {
    model(|| {
        let (tx, rx) = mpmc::unbounded();
        let weak = tx.downgrade();
        let dropper = thread::spawn(move || drop(tx));
        let upgraded = weak.upgrade();
        let is_open = upgraded.is_some();
        if let Some(tx) = upgraded {
            tx.try_send(1).unwrap();
        }
        assert_eq!(block_on(rx.recv()), is_open.then_some(1));
        assert_eq!(block_on(rx.recv()), None);
        dropper.join().unwrap();
    });
}

/// Chunks hold two messages here: a sender supplies one while another does the same.
#[test]
fn mpmc_two_senders_supply_chunks() {
    model(|| {
        let (tx, rx) = mpmc::unbounded();
        let other = tx.clone();
        let sender = thread::spawn(move || (0..2).for_each(|n| other.try_send(n).unwrap()));
        (0..2).for_each(|n| tx.try_send(n).unwrap());
        sender.join().unwrap();
        let received: Vec<_> = std::iter::from_fn(|| rx.try_recv().ok()).collect();
        assert_eq!((received.len(), received.iter().sum::<i32>()), (4, 2));
    });
}

/// M5, C3: a receiver that was leaked while it waited, perhaps with a promise, costs no message
/// once the senders are gone.
#[test]
fn mpmc_a_leaked_receiver_against_the_last_sender() {
    model(|| {
        let (tx, rx) = mpmc::channel(2);
        let mut leaked = Box::pin(rx.recv());
        assert!(poll_once(leaked.as_mut()).is_pending());
        let sending = thread::spawn(move || tx.try_send(1).unwrap());
        let other = rx.clone();
        let receiving = thread::spawn(move || block_on(other.recv()));
        let here = block_on(rx.recv());
        let there = receiving.join().unwrap();
        assert_eq!(here.or(there), Some(1));
        assert_eq!(here.and(there), None, "received twice");
        sending.join().unwrap();
        assert_eq!(block_on(rx.recv()), None);
        std::mem::forget(leaked);
    });
}

/// C3: the last permit of a closed channel is used while two wait.
#[test]
fn mpmc_the_last_permit_of_a_closed_channel_ends_all_waits() {
    model(|| {
        let (tx, rx) = mpmc::channel(1);
        let sending = thread::spawn(move || {
            if let Ok(permit) = tx.try_reserve() {
                permit.send(1);
                return true;
            }
            false
        });
        let other = rx.clone();
        let receiving = thread::spawn(move || block_on(other.recv()));
        rx.close();
        let here = block_on(rx.recv());
        let there = receiving.join().unwrap();
        let expected = sending.join().unwrap().then_some(1);
        assert_eq!(here.or(there), expected);
        assert_eq!(here.and(there), None, "received twice");
    });
}
