//! Models of the permit queue under `Semaphore`: P1, P2 and P4 of its head comment, where waiters
//! have collected a part of what they need.

use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::sync::Semaphore;
use std::pin::pin;

/// P1: the permits of a release that meets a close are neither lost nor doubled.
#[test]
fn permits_release_against_close() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let mut waiting = pin!(semaphore.acquire_many(2));
        assert!(poll_once(waiting.as_mut()).is_pending());
        let mut behind = pin!(semaphore.acquire());
        assert!(poll_once(behind.as_mut()).is_pending());
        let releasing = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(2)
        });
        semaphore.close();
        let acquired = block_on(waiting).map_or(0, |permit| {
            permit.forget();
            2
        });
        let last = block_on(behind).map_or(0, |permit| {
            permit.forget();
            1
        });
        assert!(last == 0 || acquired == 2, "first in, first out");
        releasing.join().unwrap();
        assert_eq!(semaphore.available_permits() + acquired + last, 3);
    });
}

/// P1: what a cancelled waiter had collected goes to the next, with what arrives meanwhile.
#[test]
fn permits_cancel_of_a_partial_grant_against_release() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let mut cancelled = Box::pin(semaphore.acquire_many(3));
        assert!(poll_once(cancelled.as_mut()).is_pending());
        let mut waiting = pin!(semaphore.acquire_many(2));
        assert!(poll_once(waiting.as_mut()).is_pending());
        let releasing = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(2)
        });
        drop(cancelled);
        block_on(waiting).unwrap().forget();
        releasing.join().unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// P2: while somebody waits a newcomer takes nothing, whatever is released.
#[test]
fn permits_are_not_snatched_from_a_big_request() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let mut big = pin!(semaphore.acquire_many(2));
        assert!(poll_once(big.as_mut()).is_pending());
        let releasing = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(1)
        });
        let newcomer = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.try_acquire().is_err()
        });
        assert!(newcomer.join().unwrap());
        semaphore.add_permits(1);
        block_on(big).unwrap().forget();
        releasing.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

/// P1: forgetting takes free permits only, and each once.
#[test]
fn permits_forget_against_release_and_acquire() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(1));
        let forgetting = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.forget_permits(1)
        });
        let releasing = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(1)
        });
        block_on(semaphore.acquire()).unwrap().forget();
        let forgotten = forgetting.join().unwrap();
        releasing.join().unwrap();
        assert_eq!(semaphore.available_permits() + forgotten, 1);
    });
}

/// P4: a waiter that changes its waker while it is granted is woken by the new one or sees the
/// grant.
#[test]
fn permits_new_waker_against_release() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let mut waiting = pin!(semaphore.acquire_many(2));
        assert!(poll_once(waiting.as_mut()).is_pending());
        let threads = [(); 2].map(|()| {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.add_permits(1))
        });
        block_on(waiting).unwrap().forget();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(semaphore.available_permits(), 0);
    });
}
