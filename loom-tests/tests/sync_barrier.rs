//! Models of `runtime::sync::Barrier`: B1 to B3 of its head comment.

use loom_tests::atomic::{AtomicUsize, Ordering};
use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::sync::Barrier;
use std::pin::pin;

/// B1, B2: all go on, one leads, and each sees what the others did before.
#[test]
fn barrier_releases_all_with_one_leader() {
    model(|| {
        // Relaxed: the barrier alone must order it.
        fn arrive(shared: &(Barrier, AtomicUsize)) -> usize {
            shared.1.fetch_add(1, Ordering::Relaxed);
            let result = block_on(shared.0.wait());
            assert_eq!(shared.1.load(Ordering::Relaxed), 3);
            usize::from(result.is_leader())
        }
        let shared = Arc::new((Barrier::new(3), AtomicUsize::new(0)));
        let threads = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || arrive(&shared))
        });
        let led = arrive(&shared);
        let led = threads
            .into_iter()
            .fold(led, |led, thread| led + thread.join().unwrap());
        assert_eq!(led, 1);
    });
}

/// Reuse: a round ends only when both have arrived again.
#[test]
fn barrier_rounds_do_not_mix() {
    model(|| {
        fn rounds(shared: &(Barrier, AtomicUsize)) -> usize {
            let mut led = 0;
            for round in 1..=2 {
                shared.1.fetch_add(1, Ordering::Relaxed);
                led += usize::from(block_on(shared.0.wait()).is_leader());
                assert!(shared.1.load(Ordering::Relaxed) >= 2 * round);
            }
            led
        }
        let shared = Arc::new((Barrier::new(2), AtomicUsize::new(0)));
        let other = thread::spawn({
            let shared = shared.clone();
            move || rounds(&shared)
        });
        let led = rounds(&shared);
        assert_eq!(led + other.join().unwrap(), 2);
    });
}

/// B3: who arrives while a leader wakes is not let through with that round.
#[test]
fn barrier_a_late_arrival_waits_for_its_own_round() {
    model(|| {
        let barrier = Arc::new(Barrier::new(2));
        let mut first = pin!(barrier.wait());
        assert!(poll_once(first.as_mut()).is_pending());
        let other = thread::spawn({
            let barrier = barrier.clone();
            move || block_on(barrier.wait()).is_leader()
        });
        let mut late = pin!(barrier.wait());
        if poll_once(late.as_mut()).is_ready() {
            // It was the second, so the other thread is in the next round.
            let led = block_on(barrier.wait()).is_leader();
            assert_ne!(other.join().unwrap(), led);
        } else {
            assert!(other.join().unwrap());
            assert!(poll_once(late).is_pending());
        }
        assert!(!block_on(first).is_leader());
    });
}

/// A waiter that is dropped while the leader wakes: counted, and nobody reaches for it.
#[test]
fn barrier_cancel_against_the_leader() {
    model(|| {
        let barrier = Arc::new(Barrier::new(3));
        let mut cancelled = Box::pin(barrier.wait());
        assert!(poll_once(cancelled.as_mut()).is_pending());
        let mut waiting = pin!(barrier.wait());
        assert!(poll_once(waiting.as_mut()).is_pending());
        let leader = thread::spawn({
            let barrier = barrier.clone();
            move || block_on(barrier.wait()).is_leader()
        });
        drop(cancelled);
        assert!(!block_on(waiting).is_leader());
        assert!(leader.join().unwrap());
    });
}
