//! The core's transitions, and the core against its oracle.

use super::oracle::{Counter, How, Op, check, decode};
use super::*;
use proptest::prelude::*;
use std::sync::Arc;

#[test]
fn snapshot_transitions() {
    let two = Snapshot(2 * ONE);
    assert_eq!(two.take(2), Ok(Snapshot(0)));
    assert_eq!(two.take(0), Ok(two));
    assert_eq!(two.take(3), Err(Refused::NoPermits));
    assert_eq!(Snapshot((2 * ONE) | CLOSED).take(1), Err(Refused::Closed));
    assert_eq!(two.take_and_queue(), (Snapshot(QUEUED), 2));
    assert_eq!(Snapshot(QUEUED).unqueue().give(3), Snapshot(3 * ONE));
    assert_eq!(Snapshot(CLOSED).give(1), Snapshot(ONE | CLOSED));
    assert_eq!(Snapshot(Permits::MAX * ONE).free(), Permits::MAX);
}

#[test]
#[should_panic(expected = "would overflow MAX_PERMITS")]
fn giving_more_than_the_most_panics() {
    let _ = Snapshot(Permits::MAX * ONE).give(1);
}

/// More waiters than one batch of wakers holds.
#[test]
fn one_release_serves_any_number_of_waiters() {
    const WAITERS: usize = 100;
    let permits = Permits::new(0);
    let counter = Arc::new(Counter::default());
    let waker = counter.clone().into();
    let mut cx = Context::from_waker(&waker);
    let mut waiting: Vec<_> = (0..WAITERS).map(|_| Box::pin(permits.acquire(1))).collect();
    assert!(
        waiting
            .iter_mut()
            .all(|acquire| acquire.as_mut().poll(&mut cx).is_pending())
    );
    permits.release(WAITERS + 5);
    assert_eq!(counter.0.load(Ordering::SeqCst), WAITERS);
    assert_eq!(permits.available(), 5);
    drop(waiting);
    assert_eq!(permits.available(), WAITERS + 5);
}

/// A waker whose clones panic.
#[test]
fn a_waker_that_cannot_be_cloned_leaves_no_place_behind() {
    use std::task::{RawWaker, RawWakerVTable};
    static REFUSING: RawWakerVTable = RawWakerVTable::new(|_| panic!("no"), |_| {}, |_| {}, |_| {});
    // SAFETY: the functions ignore their pointer.
    let refusing = unsafe { Waker::from_raw(RawWaker::new(std::ptr::null(), &REFUSING)) };
    let permits = Permits::new(0);
    let mut acquire = Box::pin(permits.acquire(1));
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        acquire.as_mut().poll(&mut Context::from_waker(&refusing))
    }));
    assert!(polled.is_err());
    drop(acquire);
    permits.release(1);
    assert_eq!(permits.available(), 1);
}

fn op() -> impl Strategy<Value = Op> {
    let acquire = (0..5_usize, proptest::bool::weighted(0.8));
    let how = prop_oneof![
        3 => Just(How::Plainly),
        1 => Just(How::WithNewWaker),
        1 => Just(How::WithoutBudget),
    ];
    prop_oneof![
        6 => acquire.prop_map(|(wanted, has_budget)| Op::Acquire { wanted, has_budget }),
        2 => (0..4_usize).prop_map(Op::TryAcquire),
        5 => (0..6_usize).prop_map(Op::Release),
        1 => (0..3_usize).prop_map(Op::Forget),
        3 => any::<usize>().prop_map(Op::Cancel),
        3 => (any::<usize>(), how).prop_map(|(who, how)| Op::Poll { who, how }),
        1 => Just(Op::Close),
    ]
}

proptest! {
    /// P1, P2: permits conserved, first in first out, each waiter woken once; with and without
    /// budget, with wakers that change.
    #[test]
    fn behaves_like_the_oracle(
        initial in 0..4_usize,
        ops in proptest::collection::vec(op(), 1..120),
    ) {
        check(initial, &ops);
    }

    /// As a fuzzer does: all bytes mean something.
    #[test]
    fn behaves_like_the_oracle_whatever_the_bytes(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let (initial, ops) = decode(&bytes);
        check(initial, &ops);
    }
}
