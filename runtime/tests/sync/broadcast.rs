//! `broadcast`, polled by hand and from threads.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::broadcast::error::{RecvError, SendError, TryRecvError};
use runtime::sync::broadcast::{self, Sender};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;

#[test]
fn every_receiver_gets_every_value() {
    let (tx, mut first) = broadcast::channel(4);
    let mut second = tx.subscribe();
    assert_eq!(tx.send(1).unwrap(), 2);
    let mut late = tx.subscribe();
    assert_eq!(tx.send(2).unwrap(), 3);
    assert_eq!((first.len(), second.len(), late.len()), (2, 2, 1));
    for rx in [&mut first, &mut second] {
        assert_eq!(rx.try_recv(), Ok(1));
        assert_eq!(now(rx.recv()), Ok(2));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    }
    assert_eq!(now(late.recv()), Ok(2));
    assert!(first.same_channel(&late) && tx.same_channel(&tx.clone()));
}

#[test]
fn capacities_are_checked_and_rounded_up() {
    assert!(panics(|| drop(broadcast::channel::<u8>(0))));
    assert!(panics(|| drop(Sender::<u8>::new(usize::MAX / 2 + 1))));
    let (tx, mut rx) = broadcast::channel(5);
    (0..8).for_each(|n| drop(tx.send(n)));
    assert_eq!(rx.try_recv(), Ok(0), "8 are kept");
    (8..10).for_each(|n| drop(tx.send(n)));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Lagged(1)));
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn a_slow_receiver_is_told_what_it_missed() {
    let (tx, mut rx) = broadcast::channel(2);
    (0..7).for_each(|n| drop(tx.send(n)));
    assert_eq!((rx.len(), tx.len()), (7, 2));
    assert_eq!(now(rx.recv()), Err(RecvError::Lagged(5)));
    assert_eq!(now(rx.recv()), Ok(5));
    drop(tx);
    assert_eq!(now(rx.recv()), Ok(6));
    assert_eq!(now(rx.recv()), Err(RecvError::Closed));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Closed));
}

#[test]
fn errors_say_what_happened() {
    assert_eq!(SendError(1).to_string(), "channel closed");
    assert_eq!(RecvError::Closed.to_string(), "channel closed");
    assert_eq!(RecvError::Lagged(3).to_string(), "channel lagged by 3");
    assert_eq!(TryRecvError::Empty.to_string(), "channel empty");
    assert_eq!(TryRecvError::Closed.to_string(), "channel closed");
    assert_eq!(TryRecvError::Lagged(3).to_string(), "channel lagged by 3");
    fn is_error<E: std::error::Error>() {}
    is_error::<SendError<u8>>();
    is_error::<RecvError>();
    is_error::<TryRecvError>();
}

#[test]
fn a_send_wakes_all_that_wait_and_only_once() {
    let (tx, mut rx) = broadcast::channel(4);
    let mut receivers: Vec<_> = (0..70).map(|_| tx.subscribe()).collect();
    let mut waiting: Vec<_> = receivers
        .iter_mut()
        .map(|rx| Polled::new(rx.recv()))
        .collect();
    waiting
        .iter_mut()
        .for_each(|waiting| assert!(waiting.is_pending()));
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    for waiting in &mut waiting {
        assert_eq!((waiting.wakes(), waiting.ready()), (1, Ok(1)));
    }
    assert_eq!(now(rx.recv()), Ok(1));
}

#[test]
fn the_last_sender_wakes_all_that_wait() {
    let (tx, mut rx) = broadcast::channel::<u8>(4);
    let weak = tx.downgrade();
    let mut waiting = Polled::new(rx.recv());
    assert!(waiting.is_pending());
    let upgraded = weak.upgrade().unwrap();
    assert_eq!((tx.strong_count(), tx.weak_count()), (2, 1));
    drop(tx);
    assert_eq!(waiting.wakes(), 0);
    drop(upgraded);
    assert_eq!(
        (waiting.wakes(), waiting.ready()),
        (1, Err(RecvError::Closed))
    );
    drop(waiting);
    assert!(weak.clone().upgrade().is_none() && rx.is_closed());
    assert_eq!((rx.sender_strong_count(), rx.sender_weak_count()), (0, 1));
}

/// A cancelled wait leaves no node behind and takes nothing.
#[test]
fn a_cancelled_receive_takes_nothing() {
    let (tx, mut rx) = broadcast::channel(4);
    let mut other = tx.subscribe();
    let mut staying = Polled::new(other.recv());
    {
        let mut cancelled = Polled::new(rx.recv());
        assert!(cancelled.is_pending() && staying.is_pending());
    }
    tx.send(1).unwrap();
    assert_eq!((staying.wakes(), staying.ready()), (1, Ok(1)));
    {
        let mut woken = Polled::new(rx.recv());
        assert_eq!(woken.ready(), Ok(1));
    }
    let mut woken = Polled::new(rx.recv());
    assert!(woken.is_pending());
    tx.send(2).unwrap();
    drop(woken);
    assert_eq!(rx.try_recv(), Ok(2));
}

#[test]
fn the_newest_waker_is_woken() {
    let (tx, mut rx) = broadcast::channel(4);
    let mut waiting = Polled::new(rx.recv());
    assert!(waiting.is_pending());
    assert!(waiting.poll_with_new_waker().is_pending());
    tx.send(1).unwrap();
    assert_eq!((waiting.wakes(), waiting.ready()), (1, Ok(1)));
}

/// FAULT 6: one waker panics, the others are woken all the same.
#[test]
fn a_panicking_waker_keeps_nobody_asleep() {
    let (tx, mut first) = broadcast::channel(4);
    let mut second = tx.subscribe();
    let mut panicking = Box::pin(first.recv());
    assert!(poll_with_panicking_waker(panicking.as_mut()).is_pending());
    let mut waiting = Polled::new(second.recv());
    assert!(waiting.is_pending());
    assert!(panics(|| drop(tx.send(1))));
    assert_eq!((waiting.wakes(), waiting.ready()), (1, Ok(1)));
    assert_eq!(now(panicking), Ok(1));
}

/// Counts clones and what lives; clones of 0 panic.
#[derive(Debug)]
struct Counted {
    value: usize,
    clones: Arc<AtomicUsize>,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        assert_ne!(self.value, 0, "clone");
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self {
            value: self.value,
            clones: self.clones.clone(),
        }
    }
}

/// R2: a value goes with the last receiver that wants it, and each gets one clone.
#[test]
fn a_value_is_cloned_once_per_receiver_and_goes_with_the_last() {
    let clones = Arc::new(AtomicUsize::new(0));
    let value = |value| Counted {
        value,
        clones: clones.clone(),
    };
    let (tx, mut first) = broadcast::channel(4);
    let mut second = tx.subscribe();
    tx.send(value(1)).unwrap();
    drop(first.try_recv().unwrap());
    assert_eq!(Arc::strong_count(&clones), 2, "the second wants it");
    drop(second.try_recv().unwrap());
    assert_eq!(Arc::strong_count(&clones), 1);
    assert_eq!(clones.load(Ordering::Relaxed), 2);
    // A receiver that leaves wants nothing any more, and the overwritten go at once.
    (1..7).for_each(|n| drop(tx.send(value(n))));
    assert_eq!(Arc::strong_count(&clones), 5);
    drop(first);
    assert_eq!(Arc::strong_count(&clones), 5);
    drop(second);
    assert_eq!(Arc::strong_count(&clones), 1);
    assert_eq!(tx.send(value(1)).unwrap_err().0.value, 1);
    assert_eq!(clones.load(Ordering::Relaxed), 2);
}

/// A clone that panics costs its receiver that value, and nobody else anything.
#[test]
fn a_panicking_clone_is_contained() {
    let clones = Arc::new(AtomicUsize::new(0));
    let (tx, mut first) = broadcast::channel(4);
    let mut second = tx.subscribe();
    for value in [0, 1] {
        let clones = clones.clone();
        tx.send(Counted { value, clones }).unwrap();
    }
    assert!(panics(|| drop(first.try_recv())), "as one of two");
    assert!(panics(|| drop(now(second.recv()))), "as the last");
    assert_eq!(Arc::strong_count(&clones), 2, "the value went all the same");
    assert_eq!(first.try_recv().unwrap().value, 1);
    assert_eq!(now(second.recv()).unwrap().value, 1);
    assert_eq!((Arc::strong_count(&clones), tx.len()), (1, 0));
}

/// A value that panics in its drop takes no other with it, and the senders learn of the end.
#[test]
fn a_panicking_drop_releases_the_rest() {
    #[derive(Clone)]
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
    let (tx, rx) = broadcast::channel(4);
    let mut closed = Polled::new(tx.closed());
    assert!(closed.is_pending());
    for n in 0..3 {
        assert!(tx.send(Bomb(count.clone(), n == 1)).is_ok());
    }
    assert!(panics(|| drop(rx)));
    assert_eq!(Arc::strong_count(&count), 1);
    assert_eq!(closed.wakes(), 1);
    closed.ready();
}

#[test]
fn closed_is_for_as_long_as_nobody_receives() {
    let tx = Sender::<u8>::new(2);
    now(tx.closed());
    assert!(tx.send(1).is_err());
    let rx = tx.subscribe();
    let again = rx.resubscribe();
    assert_eq!(tx.receiver_count(), 2);
    let mut closed = Polled::new(tx.closed());
    assert!(closed.is_pending());
    drop(rx);
    assert_eq!(closed.wakes(), 0);
    drop(again);
    let other = tx.subscribe();
    assert_eq!((closed.wakes(), closed.poll()), (1, Poll::Pending));
    drop(other);
    closed.ready();
}

#[test]
fn the_length_counts_what_some_receiver_wants() {
    let (tx, mut fast) = broadcast::channel(4);
    let mut slow = tx.subscribe();
    assert!(tx.is_empty() && fast.is_empty());
    for n in 1..=4 {
        tx.send(n).unwrap();
        assert_eq!(fast.try_recv(), Ok(n));
        assert_eq!(tx.len(), n);
    }
    for left in (0..4).rev() {
        slow.try_recv().unwrap();
        assert_eq!((tx.len(), tx.is_empty()), (left, left == 0));
    }
}

/// Threads: each receiver sees its values in order, and those it saw and missed add up.
#[test]
fn threads_see_all_values_or_are_told() {
    const EACH: usize = 3_000;
    for capacity in [1, 8, 8_192] {
        let (tx, rx) = broadcast::channel(capacity);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                let mut rx = rx.resubscribe();
                scope.spawn(move || {
                    let mut count = 0;
                    let mut last = [None; 2];
                    loop {
                        match rx.blocking_recv() {
                            Ok((sender, n)) => {
                                assert!(last[sender] < Some(n), "order of one sender");
                                last[sender] = Some(n);
                                count += 1;
                            }
                            Err(RecvError::Lagged(missed)) => count += missed,
                            Err(RecvError::Closed) => break,
                        }
                    }
                    assert_eq!(count, 2 * EACH as u64);
                });
            }
            drop(rx);
            for sender in 0..2_usize {
                let tx = tx.clone();
                scope.spawn(move || (0..EACH).for_each(|n| drop(tx.send((sender, n)))));
            }
            drop(tx);
        });
    }
}

#[test]
fn handles_can_be_shown() {
    let (tx, rx) = broadcast::channel::<u8>(1);
    let shown = format!("{tx:?} {rx:?} {:?}", tx.downgrade());
    assert!(
        shown.contains("Sender") && shown.contains("Receiver"),
        "{shown}"
    );
}
