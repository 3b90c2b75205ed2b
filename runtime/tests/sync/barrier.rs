//! `Barrier`, polled by hand and on threads.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::Barrier;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// B2, beyond the size of a batch of wakers.
#[test]
fn the_last_to_arrive_leads_and_lets_all_go() {
    let barrier = Barrier::new(100);
    for _ in 0..3 {
        let mut waiting: Vec<_> = (0..99).map(|_| Polled::new(barrier.wait())).collect();
        assert!(waiting.iter_mut().all(Polled::is_pending));
        assert!(waiting.iter_mut().all(Polled::is_pending), "polled again");
        assert!(now(barrier.wait()).is_leader());
        for waiter in &mut waiting {
            assert_eq!(waiter.wakes(), 1);
            assert!(!waiter.ready().is_leader());
        }
    }
}

#[test]
fn a_barrier_for_none_or_one_lets_everybody_lead() {
    for size in [0, 1] {
        let barrier = Barrier::new(size);
        assert!(now(barrier.wait()).is_leader());
        assert!(now(barrier.wait()).is_leader());
    }
}

/// B3.
#[test]
fn who_arrives_after_the_end_of_a_round_waits_for_the_next() {
    let barrier = Barrier::new(2);
    let mut first = Polled::new(barrier.wait());
    assert!(first.is_pending());
    now(barrier.wait());
    let mut next = Polled::new(barrier.wait());
    assert!(next.is_pending(), "the first has not been polled again yet");
    first.ready();
    assert!(next.is_pending());
    now(barrier.wait());
    next.ready();
}

/// Not cancel safe, as documented: the arrival counts once the future was polled.
#[test]
fn a_cancelled_arrival_stays_counted() {
    let barrier = Barrier::new(3);
    drop(barrier.wait());
    let mut cancelled = Polled::new(barrier.wait());
    assert!(cancelled.is_pending());
    drop(cancelled);
    let mut waiting = Polled::new(barrier.wait());
    assert!(waiting.is_pending());
    assert!(now(barrier.wait()).is_leader());
    waiting.ready();
}

#[test]
fn a_future_that_is_dropped_after_its_round_harms_nobody() {
    let barrier = Barrier::new(2);
    let mut dropped = Polled::new(barrier.wait());
    assert!(dropped.is_pending());
    now(barrier.wait());
    assert_eq!(dropped.wakes(), 1);
    drop(dropped);
    assert!(Polled::new(barrier.wait()).is_pending());
}

/// FAULT 6.
#[test]
fn a_panicking_waker_holds_nobody_back() {
    let barrier = Barrier::new(3);
    let mut bad = pin!(barrier.wait());
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    let mut good = Polled::new(barrier.wait());
    assert!(good.is_pending());
    assert!(panics(|| assert!(now(barrier.wait()).is_leader())));
    assert_eq!(good.wakes(), 1);
    good.ready();
    assert!(Polled::new(barrier.wait()).is_pending(), "a new round");
}

/// B1 to B3 with more tasks than places: every round has one leader and `SIZE - 1` others.
#[test]
fn rounds_of_changing_tasks_have_one_leader_each() {
    const SIZE: usize = 3;
    const TASKS: usize = 6;
    const ROUNDS: usize = 1_000;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    let barrier = Arc::new(Barrier::new(SIZE));
    let arrivals = Arc::new(AtomicUsize::new(0));
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (barrier, arrivals) = (barrier.clone(), arrivals.clone());
            runtime.spawn(async move {
                let mut led = 0;
                // Whole rounds in all: fewer than `SIZE` tasks wait while arrivals are left.
                while arrivals.fetch_add(1, Ordering::Relaxed) < SIZE * ROUNDS {
                    led += usize::from(barrier.wait().await.is_leader());
                }
                led
            })
        })
        .collect();
    let led = runtime.block_on(async {
        let mut led = 0;
        for task in tasks {
            led += task.await.unwrap();
        }
        led
    });
    assert_eq!(led, ROUNDS);
}

/// Who arrives is counted in the first poll, whatever the task did before; a leader never waits.
#[test]
fn an_arrival_needs_no_budget_and_the_end_of_a_wait_takes_a_unit() {
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let alone = Barrier::new(1);
        let pair = Barrier::new(2);
        for _ in 0..128 {
            now(alone.wait());
            let mut waits = Polled::new(pair.wait());
            assert!(waits.is_pending());
            assert!(now(pair.wait()).is_leader());
            assert!(!waits.ready().is_leader());
        }
        assert!(!runtime::task::coop::has_budget_remaining());
        let mut waits = Polled::new(pair.wait());
        assert!(waits.is_pending());
        assert!(now(pair.wait()).is_leader(), "the other one has arrived");
        assert!(waits.is_pending(), "but has to let others run");
        runtime::task::yield_now().await;
        assert!(!waits.ready().is_leader());
    });
}

#[test]
fn a_barrier_and_its_result_can_be_printed_and_cloned() {
    assert!(format!("{:?}", Barrier::new(2)).starts_with("Barrier"));
    let result = now(Barrier::new(1).wait());
    assert_eq!(format!("{:?}", result.clone()), "BarrierWaitResult(true)");
}
