//! `JoinSet` as its users see it.

use crate::support::{
    Bomb, Count, ON_PURPOSE, OnDrop, Polled, With, on_each_flavour, panics, payload_text,
    within_bound,
};
use runtime::runtime::{Builder, Handle};
use runtime::sync::{Notify, oneshot};
use runtime::task::{self, JoinSet, LocalSet, yield_now};
use std::collections::HashSet;
use std::future::{pending, ready};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

#[derive(Default)]
struct Wakes(Count);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.add();
    }
}

#[test]
fn a_set_is_sent_where_its_outputs_may_go() {
    fn sends<T: Send + Sync>() {}
    sends::<JoinSet<u8>>();
    // And exists where they may not.
    drop(JoinSet::<Rc<u8>>::default());
    assert_eq!(format!("{:?}", JoinSet::<u8>::new()), "JoinSet { len: 0 }");
}

#[test]
fn an_empty_set_has_nothing_to_join() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let mut set = JoinSet::<u8>::new();
            assert!(set.is_empty());
            assert!(set.join_next().await.is_none());
            assert!(set.join_next_with_id().await.is_none());
            assert!(set.try_join_next().is_none());
            set.abort_all();
            set.shutdown().await;
            set.detach_all();
            assert_eq!(set.join_all().await, []);
        });
    });
}

#[test]
fn outputs_come_in_order_of_completion() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut set = JoinSet::new();
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..6).map(|_| oneshot::channel()).unzip();
        for (i, receiver) in receivers.into_iter().enumerate() {
            set.spawn(async move {
                let _ = receiver.await;
                i
            });
        }
        yield_now().await;
        let mut senders: Vec<_> = senders.into_iter().map(Some).collect();
        let order = [4, 0, 5, 2, 1, 3];
        for i in order {
            let _ = senders[i].take().unwrap().send(());
            yield_now().await;
        }
        assert_eq!(set.join_all().await, order);
    });
}

#[test]
fn ten_thousand_tasks_are_joined_once_each() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            const TASKS: usize = 10_000;
            let mut set = JoinSet::new();
            let ids: HashSet<_> = (0..TASKS)
                .map(|i| set.spawn(async move { i }).id())
                .collect();
            assert_eq!((set.len(), ids.len()), (TASKS, TASKS));
            let (mut seen, mut joined) = (vec![false; TASKS], HashSet::new());
            while let Some(output) = set.join_next_with_id().await {
                let (id, i) = output.unwrap();
                assert!(!std::mem::replace(&mut seen[i], true));
                joined.insert(id);
            }
            assert_eq!(joined, ids);
        });
    });
}

#[test]
fn ten_thousand_tasks_are_aborted_at_once() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let dropped = Count::default();
            let mut set = JoinSet::new();
            for _ in 0..10_000 {
                let beside = OnDrop::new(&dropped, || ());
                set.spawn(With::new(pending::<()>(), beside));
            }
            set.abort_all();
            assert_eq!(set.len(), 10_000);
            while let Some(joined) = set.join_next().await {
                assert!(joined.unwrap_err().is_cancelled());
            }
            assert_eq!(dropped.get(), 10_000);
        });
    });
}

#[test]
fn a_dropped_set_aborts_and_a_detached_one_does_not() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (dropped, ran) = (Count::default(), Count::default());
            let go = Arc::new(Notify::new());
            let mut set = JoinSet::new();
            let tasks = |set: &mut JoinSet<()>| {
                for _ in 0..20 {
                    let (go, ran) = (go.clone(), ran.clone());
                    let waits = async move {
                        go.notified().await;
                        ran.add();
                    };
                    set.spawn(With::new(waits, OnDrop::new(&dropped, || ())));
                }
            };
            tasks(&mut set);
            drop(set);
            dropped.reaches(20).await;
            assert_eq!(ran.get(), 0);
            let mut set = JoinSet::new();
            tasks(&mut set);
            set.detach_all();
            assert!(set.is_empty() && set.join_next().await.is_none());
            // The set is of use again.
            set.spawn(async {});
            set.join_next().await.unwrap().unwrap();
            drop(set);
            while dropped.get() < 40 {
                go.notify_waiters();
                yield_now().await;
            }
            assert_eq!(ran.get(), 20);
        });
    });
}

#[test]
fn panics_are_told_with_the_tasks_id() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            let id = set.spawn(async { panic!("on purpose: a task") }).id();
            let error = set.join_next_with_id().await.unwrap().unwrap_err();
            assert!(error.is_panic());
            assert_eq!(error.id(), id);
            set.spawn(ready(()));
            set.spawn(async { panic!("on purpose: for join_all") });
            let error = runtime::spawn(set.join_all()).await.unwrap_err();
            assert_eq!(
                payload_text(&*error.into_panic()),
                "on purpose: for join_all"
            );
        });
    });
}

#[test]
fn join_all_needs_every_output() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let dropped = Count::default();
            let mut set = JoinSet::new();
            set.spawn(With::new(pending::<()>(), OnDrop::new(&dropped, || ())));
            set.spawn(pending()).abort();
            let error = runtime::spawn(set.join_all());
            assert!(error.await.unwrap_err().is_panic());
            dropped.reaches(1).await;
        });
    });
}

#[test]
fn payloads_and_outputs_that_panic_in_their_drop_end_with_themselves() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let drops = Count::default();
            let mut set = JoinSet::new();
            for _ in 0..10 {
                let bomb = drops.clone();
                set.spawn(async move { std::panic::panic_any(Bomb(bomb)) });
                let act: fn() = || panic!("on purpose: an output's drop");
                let output = OnDrop::new(&drops, act);
                set.spawn(async move { drop(With::new(ready(()), output)) });
            }
            let mut bombs = 0;
            while let Some(joined) = set.join_next().await {
                let error = joined.unwrap_err();
                bombs += usize::from(panics(move || drop(error)));
            }
            assert_eq!((bombs, drops.get()), (10, 20));
        });
    });
}

#[test]
fn an_output_that_panics_in_its_drop_does_not_stop_the_sets_drop() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let drops = Count::default();
            let mut set = JoinSet::new();
            for _ in 0..10 {
                let act: fn() = || panic!("{ON_PURPOSE}: an output's drop");
                let output = OnDrop::new(&drops, act);
                set.spawn(async move { output });
            }
            while set.len() > 5 {
                let joined = set.join_next().await;
                assert!(panics(move || drop(joined)));
            }
            drop(set);
            drops.reaches(10).await;
        });
    });
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut set = JoinSet::new();
    let (sender, receiver) = oneshot::channel::<u8>();
    set.spawn_on(receiver, runtime.handle());
    let (first, last) = (Arc::new(Wakes::default()), Arc::new(Wakes::default()));
    for wakes in [&first, &last] {
        let waker = Waker::from(wakes.clone());
        let polled = set.poll_join_next(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
    }
    sender.send(3).unwrap();
    runtime.block_on(yield_now());
    assert_eq!((first.0.get(), last.0.get()), (0, 1));
    assert_eq!(
        Arc::strong_count(&first),
        1,
        "given up when it was replaced"
    );
    assert_eq!(set.try_join_next().unwrap().unwrap(), Ok(3));
}

/// A waker's drop is foreign code: it may complete the set's own tasks.
#[test]
fn an_old_waker_may_run_the_runtime_in_its_drop() {
    struct RunsInDrop(runtime::runtime::Runtime);
    impl Wake for RunsInDrop {
        fn wake(self: Arc<Self>) {}
    }
    impl Drop for RunsInDrop {
        fn drop(&mut self) {
            self.0.block_on(yield_now());
        }
    }
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut set = JoinSet::new();
    set.spawn_on(ready(7), runtime.handle());
    let waker = Waker::from(Arc::new(RunsInDrop(runtime)));
    assert!(
        set.poll_join_next(&mut Context::from_waker(&waker))
            .is_pending()
    );
    drop(waker);
    let noop = &mut Context::from_waker(Waker::noop());
    let polled = set.poll_join_next(noop);
    assert!(polled.is_pending());
    assert_eq!(set.try_join_next().unwrap().unwrap(), 7);
}

#[test]
fn a_join_that_is_dropped_loses_nothing() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let mut set = JoinSet::new();
            for i in 0..50_u32 {
                set.spawn(async move {
                    yield_now().await;
                    i
                });
            }
            let mut sum = 0;
            loop {
                let mut join = Polled::new(set.join_next());
                match join.poll() {
                    Poll::Ready(None) => break,
                    Poll::Ready(Some(joined)) => sum += joined.unwrap(),
                    Poll::Pending => {
                        drop(join);
                        yield_now().await;
                    }
                }
            }
            assert_eq!(sum, 50 * 49 / 2);
        });
    });
}

#[test]
fn joining_takes_budget_and_trying_does_not() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut set: JoinSet<()> = (0..400).map(|_| ready(())).collect();
        for _ in 0..20 {
            yield_now().await;
        }
        let mut joined = 0;
        while let Poll::Ready(Some(Ok(()))) = Polled::new(set.join_next()).poll() {
            joined += 1;
        }
        assert_eq!(joined, 128, "one budget");
        while set.try_join_next().is_some() {
            joined += 1;
        }
        assert_eq!(joined, 400);
    });
}

#[test]
fn every_way_to_add_a_task_works() {
    within_bound(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            let handle = Handle::current();
            let mut set = JoinSet::new();
            set.spawn(async { 1 });
            set.spawn_on(async { 2 }, &handle);
            let three = Rc::new(3);
            set.spawn_local(async move { *three });
            let four = Rc::new(4);
            set.spawn_local_on(async move { *four }, &LocalSet::new());
            set.spawn_blocking(|| 5);
            set.spawn_blocking_on(|| 6, &handle);
            set.extend([ready(7), ready(8)]);
            set.build_task().spawn(async { 9 }).unwrap();
            set.build_task()
                .name("ten")
                .spawn_on(async { 10 }, &handle)
                .unwrap();
            set.build_task().spawn_blocking(|| 11).unwrap();
            set.build_task().spawn_blocking_on(|| 12, &handle).unwrap();
            let rc = Rc::new(13);
            set.build_task().spawn_local(async move { *rc }).unwrap();
            let mut sum = 0;
            let mut cancelled = 0;
            while let Some(joined) = set.join_next().await {
                match joined {
                    Ok(value) => sum += value,
                    // That of the set that went at once.
                    Err(error) => cancelled += usize::from(error.is_cancelled()),
                }
            }
            assert_eq!((sum, cancelled), ((1..=13).sum::<i32>() - 4, 1));
        });
    });
}

#[test]
fn adding_a_task_outside_of_a_runtime_panics() {
    within_bound(|| {
        assert!(panics(|| drop(JoinSet::new().spawn(ready(())))));
        assert!(panics(|| drop(JoinSet::new().spawn_local(ready(())))));
        assert!(panics(|| drop(JoinSet::new().spawn_blocking(|| ()))));
    });
}

#[test]
fn a_runtime_that_is_gone_cancels() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let mut set = JoinSet::new();
    set.spawn_on(pending::<()>(), runtime.handle());
    let handle = runtime.handle().clone();
    drop(runtime);
    set.spawn_on(pending(), &handle);
    let noop = &mut Context::from_waker(Waker::noop());
    for _ in 0..2 {
        let Poll::Ready(Some(Err(error))) = set.poll_join_next(noop) else {
            panic!("cancelled at once")
        };
        assert!(error.is_cancelled());
    }
    assert!(matches!(set.poll_join_next(noop), Poll::Ready(None)));
}

/// A set that moves between threads while its tasks complete on others.
#[test]
fn a_set_is_joined_on_another_thread() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let mut set: JoinSet<usize> = (0..100).map(ready).collect();
            set.spawn(async {
                task::yield_now().await;
                100
            });
            let sum = runtime::spawn(async move {
                let mut sum = 0;
                while let Some(joined) = set.join_next().await {
                    sum += joined.unwrap();
                }
                sum
            });
            assert_eq!(sum.await.unwrap(), 5050);
        });
    });
}
