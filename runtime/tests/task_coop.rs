//! `task::coop` as its users see it.

mod sync_support;

use runtime::runtime::Builder;
use runtime::sync::mpsc;
use runtime::task::coop::{
    self, consume_budget, cooperative, has_budget_remaining, poll_proceed, unconstrained,
};
use runtime::task::{JoinSet, yield_now};
use std::future::{Future, pending, poll_fn, ready};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use sync_support::Polled;

fn block_on<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// How often it can be ready in one poll; at most a thousand times.
fn ready_times<F: Future>(mut make: impl FnMut() -> F) -> usize {
    (0..1_000)
        .take_while(|_| Polled::new(make()).poll().is_ready())
        .count()
}

#[test]
fn a_poll_has_a_budget_of_128_units() {
    block_on(async {
        assert_eq!(ready_times(consume_budget), 128);
        assert!(!has_budget_remaining());
        yield_now().await;
        assert!(has_budget_remaining());
        assert_eq!(ready_times(|| cooperative(ready(()))), 128);
    });
}

#[test]
fn outside_of_a_task_there_is_no_limit() {
    assert_eq!(ready_times(consume_budget), 1_000);
    assert!(has_budget_remaining());
    block_on(async {
        let blocking = runtime::task::spawn_blocking(|| ready_times(consume_budget));
        assert_eq!(blocking.await.unwrap(), 1_000);
    });
}

#[test]
fn pending_operations_give_their_unit_back() {
    block_on(async {
        for _ in 0..1_000 {
            assert!(Polled::new(cooperative(pending::<()>())).is_pending());
        }
        let proceed = || poll_proceed(&mut Context::from_waker(Waker::noop()));
        for _ in 0..1_000 {
            let Poll::Ready(unit) = proceed() else {
                panic!("a unit is left")
            };
            drop(unit);
        }
        for _ in 0..128 {
            let Poll::Ready(unit) = proceed() else {
                panic!("a unit is left")
            };
            unit.made_progress();
        }
        assert!(proceed().is_pending());
    });
}

#[test]
fn a_future_without_budget_is_not_polled_and_its_task_is_woken() {
    block_on(async {
        let polls = AtomicUsize::new(0);
        let counted = || {
            cooperative(poll_fn(|_| {
                polls.fetch_add(1, Ordering::Relaxed);
                Poll::Ready(())
            }))
        };
        assert_eq!(ready_times(counted), 128);
        assert_eq!(polls.load(Ordering::Relaxed), 128);
        let mut last = Polled::new(counted());
        assert!(last.is_pending());
        assert_eq!(last.wakes(), 1);
        yield_now().await;
        assert!(last.poll().is_ready());
    });
}

#[test]
fn unconstrained_futures_see_no_limit_and_take_none_of_the_budget() {
    block_on(async {
        let all = unconstrained(async {
            for _ in 0..1_000 {
                assert!(Polled::new(consume_budget()).poll().is_ready());
            }
            assert!(has_budget_remaining());
        });
        Polled::new(all).ready();
        assert_eq!(ready_times(consume_budget), 128);
        // Inside it there is none to lack.
        assert!(
            Polled::new(unconstrained(consume_budget()))
                .poll()
                .is_ready()
        );
        assert!(!has_budget_remaining(), "restored");
    });
}

#[test]
#[allow(deprecated)]
fn the_older_paths_are_there() {
    block_on(runtime::task::unconstrained(runtime::task::consume_budget()));
    fn named<F>(_: runtime::task::Unconstrained<F>) {}
    named(coop::unconstrained(ready(())));
}

#[test]
fn a_channel_that_is_always_full_lets_others_run() {
    block_on(async {
        let (sender, mut receiver) = mpsc::unbounded_channel();
        (0..10_000).for_each(|i| sender.send(i).unwrap());
        drop(sender);
        let turns = Arc::new(AtomicUsize::new(0));
        let counts = turns.clone();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                counts.fetch_add(1, Ordering::Relaxed);
                yield_now().await;
            }
        });
        let drained = runtime::spawn(async move { while receiver.recv().await.is_some() {} });
        drained.await.unwrap();
        let turns = turns.load(Ordering::Relaxed);
        assert!(
            (70..=200).contains(&turns),
            "{turns} turns: about one for 128 messages"
        );
    });
}
