//! `task::coop` as its users see it.

use crate::support::Polled;
use runtime::runtime::{Builder, LocalOptions};
use runtime::sync::{Semaphore, mpsc, oneshot};
use runtime::task::coop::{
    self, consume_budget, cooperative, has_budget_remaining, poll_proceed, unconstrained,
};
use runtime::task::{JoinSet, LocalSet, spawn_local, yield_now};
use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

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

/// Another executor, within a poll of this one: it polls its future whenever that was woken.
fn foreign_block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    for _ in 0..1_000_000 {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park_timeout(Duration::from_secs(30));
    }
    panic!("it is refused for ever");
}

/// All that asks for units, in executors within one poll. That poll began with what it had left.
async fn foreign_executors_go_on() {
    for round in 0..500 {
        foreign_block_on(consume_budget());
        foreign_block_on(cooperative(ready(())));
        foreign_block_on(async {
            let (sender, mut receiver) = mpsc::channel(1);
            sender.send(round).await.unwrap();
            assert_eq!(receiver.recv().await, Some(round));
            let (sender, receiver) = oneshot::channel();
            sender.send(round).unwrap();
            assert_eq!(receiver.await, Ok(round));
            let permits = Semaphore::new(1);
            drop(permits.acquire().await.unwrap());
        });
        foreign_block_on(async {
            runtime::select! {
                biased;
                () = consume_budget() => {}
                () = pending() => {}
            }
        });
    }
    // One that refuses by itself, and one that asks before it waits.
    for _ in 0..500 {
        foreign_block_on(poll_fn(|cx| {
            if has_budget_remaining() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
        foreign_block_on(async {
            while !has_budget_remaining() {
                yield_now().await;
            }
            consume_budget().await;
        });
    }
}

/// The same, and the next poll begins as any other.
async fn foreign_executors_within_a_task() {
    foreign_executors_go_on().await;
    yield_now().await;
    assert_eq!(ready_times(consume_budget), 128);
}

#[test]
fn another_executor_within_a_task_is_not_refused_for_ever() {
    block_on(foreign_executors_within_a_task());
    block_on(async {
        runtime::spawn(foreign_executors_within_a_task())
            .await
            .unwrap()
    });
    let set = LocalSet::new();
    block_on(set.run_until(async {
        spawn_local(foreign_executors_within_a_task())
            .await
            .unwrap()
    }));
    let local = Builder::new_current_thread()
        .build_local(LocalOptions::default())
        .unwrap();
    local.block_on(async {
        spawn_local(foreign_executors_within_a_task())
            .await
            .unwrap()
    });
    let workers = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    workers.block_on(foreign_executors_within_a_task());
    workers.block_on(async {
        let tasks: JoinSet<()> = (0..4).map(|_| foreign_executors_within_a_task()).collect();
        tasks.join_all().await;
        let in_place = runtime::spawn(async {
            runtime::task::block_in_place(|| foreign_block_on(foreign_executors_go_on()));
        });
        in_place.await.unwrap();
    });
}

/// Refusals end the poll of all that is polled once; only what is asked again and again goes on.
#[test]
fn a_poll_of_many_futures_goes_on_with_few_of_them() {
    block_on(async {
        let mut waiting: Vec<_> = (0..128 + 256).map(|_| Box::pin(consume_budget())).collect();
        let mut sizes = Vec::new();
        poll_fn(|cx| {
            waiting.retain_mut(|one| one.as_mut().poll(cx).is_pending());
            sizes.push(waiting.len());
            if waiting.is_empty() {
                return Poll::Ready(());
            }
            Poll::Pending
        })
        .await;
        assert_eq!(sizes, [256, 128, 0]);
        // However many there are, most are refused.
        yield_now().await;
        let ready = (0..30_000)
            .filter(|_| Polled::new(consume_budget()).poll().is_ready())
            .count();
        assert!(ready <= 10_000 + 128, "{ready} of 30,000");
    });
}
