//! `LocalSet`, `LocalRuntime` and `spawn_local` as their users see them, and what other threads do
//! to their tasks.

use crate::support::{
    Count, OnDrop, Polled, With, flavours, now, panics, payload_text, within_bound,
};
use runtime::runtime::{Builder, LocalOptions, LocalRuntime, Runtime, UnhandledPanic};
use runtime::sync::{Notify, oneshot};
use runtime::task::{self, JoinHandle, LocalSet, spawn_local, yield_now};
use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread::{self, ThreadId};

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Notes the threads of its polls and its drop; ready when told.
struct Watched {
    seen: Arc<Mutex<Vec<ThreadId>>>,
    go: Arc<Notify>,
    waker: Arc<Mutex<Option<Waker>>>,
    ready: Rc<Cell<bool>>,
}

impl Watched {
    fn new() -> Self {
        Self {
            seen: Arc::default(),
            go: Arc::default(),
            waker: Arc::default(),
            ready: Rc::default(),
        }
    }
}

impl Future for Watched {
    type Output = Rc<u8>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Rc<u8>> {
        self.seen.lock().unwrap().push(thread::current().id());
        self.go.notify_one();
        if self.ready.get() {
            return Poll::Ready(Rc::new(7));
        }
        *self.waker.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.seen.lock().unwrap().push(thread::current().id());
    }
}

#[test]
fn tasks_run_on_the_sets_thread_whatever_the_runtime() {
    within_bound(|| {
        for runtime in flavours() {
            let set = LocalSet::new();
            let home = thread::current().id();
            set.block_on(&runtime, async move {
                let handles: Vec<_> = (0..200)
                    .map(|i| {
                        let number = Rc::new(i);
                        spawn_local(async move {
                            for _ in 0..3 {
                                yield_now().await;
                                assert_eq!(thread::current().id(), home);
                            }
                            *number
                        })
                    })
                    .collect();
                let mut sum = 0;
                for handle in handles {
                    sum += handle.await.unwrap();
                }
                assert_eq!(sum, 199 * 100);
            });
        }
    });
}

#[test]
fn awaiting_the_set_waits_for_all_tasks() {
    within_bound(|| {
        let runtime = multi_thread();
        let done = Rc::new(Cell::new(0));
        let set = LocalSet::new();
        for _ in 0..10 {
            let done = done.clone();
            set.spawn_local(async move {
                let inner = done.clone();
                spawn_local(async move {
                    yield_now().await;
                    inner.set(inner.get() + 1);
                });
                yield_now().await;
                done.set(done.get() + 1);
            });
        }
        runtime.block_on(set);
        assert_eq!(done.get(), 20);
        runtime.block_on(LocalSet::default());
    });
}

#[test]
fn what_run_until_leaves_behind_goes_on_with_the_next() {
    within_bound(|| {
        let runtime = multi_thread();
        let set = LocalSet::new();
        let mut left = None;
        runtime.block_on(set.run_until(async {
            left = Some(spawn_local(async {
                yield_now().await;
                Rc::new(5)
            }));
        }));
        let handle = left.unwrap();
        assert!(!handle.is_finished());
        assert_eq!(*runtime.block_on(set.run_until(handle)).unwrap(), 5);
    });
}

#[test]
fn a_guard_chooses_the_set_and_puts_the_one_before_back() {
    let (one, two) = (LocalSet::new(), LocalSet::new());
    assert_ne!(one.id(), two.id());
    let guard = one.enter();
    let first = spawn_local(ready(1));
    {
        let _guard = two.enter();
        drop(spawn_local(ready(2)));
    }
    let third = spawn_local(ready(3));
    drop(guard);
    assert!(panics(|| drop(spawn_local(ready(4)))));
    now(one);
    assert!(first.is_finished() && third.is_finished());
    assert_eq!(now(first).unwrap(), 1);
}

#[test]
fn a_set_works_without_a_runtime() {
    let set = LocalSet::new();
    let handle = set.spawn_local(async { Rc::new(1) });
    let mut driver = Polled::new(set);
    driver.ready();
    assert_eq!(*now(handle).unwrap(), 1);
}

#[test]
fn spawning_wakes_whoever_drives_the_set() {
    let set = LocalSet::new();
    let mut driver = Polled::new(set.run_until(pending::<()>()));
    assert!(driver.is_pending());
    assert_eq!(driver.wakes(), 0);
    let handle = set.spawn_local(ready(()));
    set.spawn_local(ready(()));
    assert_eq!(driver.wakes(), 1);
    assert!(driver.is_pending());
    assert!(handle.is_finished());
}

/// N3: a driver that is done hands the wakes over.
#[test]
fn of_two_drivers_the_one_that_stays_is_woken() {
    let set = LocalSet::new();
    let (sender, receiver) = oneshot::channel::<()>();
    let mut stays = Polled::new(set.run_until(pending::<()>()));
    let mut ends = Polled::new(set.run_until(receiver));
    assert!(stays.is_pending() && ends.is_pending());
    sender.send(()).unwrap();
    ends.ready().unwrap();
    drop(ends);
    let woken = stays.wakes();
    assert!(woken > 0, "it takes over");
    assert!(stays.is_pending());
    let handle = set.spawn_local(ready(()));
    assert_eq!(stays.wakes(), woken + 1);
    assert!(stays.is_pending() && handle.is_finished());
}

#[test]
fn a_driver_inside_of_a_task_of_the_same_set_leaves_the_ticks_to_the_outer_one() {
    within_bound(|| {
        let set = Rc::new(LocalSet::new());
        let inner = set.clone();
        let both = set.run_until(async move {
            let outer = spawn_local(async move {
                inner
                    .run_until(async { spawn_local(ready(3)).await.unwrap() })
                    .await
            });
            outer.await.unwrap()
        });
        assert_eq!(multi_thread().block_on(both), 3);
    });
}

#[test]
fn long_queues_let_the_other_tasks_run() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let others = Count::default();
        let counts = others.clone();
        let other = runtime::spawn(async move {
            loop {
                counts.add();
                yield_now().await;
            }
        });
        let set = LocalSet::new();
        (0..1_000).for_each(|_| drop(set.spawn_local(ready(()))));
        set.await;
        other.abort();
        assert!(others.get() >= 1_000 / 61, "{} turns", others.get());
    });
}

#[test]
fn a_wake_on_another_thread_runs_the_task_at_home() {
    within_bound(|| {
        let runtime = multi_thread();
        let set = LocalSet::new();
        let home = thread::current().id();
        let watched = Watched::new();
        let (seen, waker, ready) = (
            watched.seen.clone(),
            watched.waker.clone(),
            watched.ready.clone(),
        );
        let handle = set.spawn_local(watched);
        runtime.block_on(set.run_until(yield_now()));
        ready.set(true);
        let waker = waker.lock().unwrap().take().unwrap();
        let other = thread::spawn(move || {
            let late = waker.clone();
            waker.wake();
            late
        });
        let output = runtime.block_on(set.run_until(handle)).unwrap();
        assert_eq!(*output, 7);
        assert!(seen.lock().unwrap().iter().all(|thread| *thread == home));
        // Late wakes do nothing.
        let late = other.join().unwrap();
        late.wake_by_ref();
        drop(set);
        late.wake_by_ref();
        thread::spawn(move || late.wake()).join().unwrap();
    });
}

#[test]
fn an_abort_on_another_thread_drops_the_future_at_home() {
    within_bound(|| {
        let runtime = multi_thread();
        let set = LocalSet::new();
        let watched = Watched::new();
        let (seen, go) = (watched.seen.clone(), watched.go.clone());
        let handle = set.spawn_local(watched);
        let abort = handle.abort_handle();
        let aborter = runtime.spawn(async move {
            go.notified().await;
            abort.abort();
        });
        let error = runtime.block_on(set.run_until(handle)).unwrap_err();
        assert!(error.is_cancelled());
        runtime.block_on(aborter).unwrap();
        let home = thread::current().id();
        assert_eq!(*seen.lock().unwrap(), [home, home]);
    });
}

/// Aborts, wakes and drops of handles on other threads against the drop of the set, many times.
#[test]
fn the_drop_of_a_set_meets_wakes_aborts_and_handles_of_other_threads() {
    within_bound(|| {
        let home = thread::current().id();
        for _ in 0..300 {
            let set = LocalSet::new();
            let mut seen = Vec::new();
            let mut others = Vec::new();
            let barrier = Arc::new(Barrier::new(4));
            for _ in 0..3 {
                let watched = Watched::new();
                seen.push(watched.seen.clone());
                let waker = watched.waker.clone();
                let handle: JoinHandle<usize> =
                    set.spawn_local(async move { *watched.await as usize });
                assert!(Polled::new(set.run_until(pending::<()>())).is_pending());
                let barrier = barrier.clone();
                others.push(thread::spawn(move || {
                    barrier.wait();
                    waker.lock().unwrap().as_ref().unwrap().wake_by_ref();
                    handle.abort();
                    drop(handle);
                    drop(waker.lock().unwrap().take());
                }));
            }
            barrier.wait();
            drop(set);
            for seen in &seen {
                let seen = seen.lock().unwrap();
                assert!(seen.len() >= 2 && seen.iter().all(|thread| *thread == home));
            }
            others.into_iter().for_each(|other| other.join().unwrap());
        }
    });
}

/// Only unsafe code can do that. It is told by a leak, not by an abort or a drop of what is not
/// `Send`.
#[test]
fn a_set_dropped_on_another_thread_leaves_its_tasks_alone() {
    struct Moved<T>(T);
    // SAFETY: the set is moved to another thread with all that refers to it, and never used there.
    unsafe impl<T> Send for Moved<T> {}

    within_bound(|| {
        let watched = Watched::new();
        let (seen, waker) = (watched.seen.clone(), watched.waker.clone());
        let set = LocalSet::new();
        let handle = set.spawn_local(async move { *watched.await as usize });
        assert!(Polled::new(set.run_until(pending::<()>())).is_pending());
        let home = thread::current().id();
        let moved = Moved(set);
        thread::spawn(move || {
            let moved = moved;
            drop(moved);
        })
        .join()
        .unwrap();
        let waker = waker.lock().unwrap().take().unwrap();
        waker.wake();
        handle.abort();
        assert!(!handle.is_finished(), "nobody runs it");
        drop(handle);
        assert_eq!(*seen.lock().unwrap(), [home], "polled once, not dropped");
    });
}

#[test]
fn an_output_nobody_takes_is_dropped_at_home() {
    struct Output(ThreadId, Count, #[allow(dead_code)] Rc<()>);
    impl Drop for Output {
        fn drop(&mut self) {
            assert_eq!(thread::current().id(), self.0);
            self.1.add();
        }
    }
    let dropped = Count::default();
    let set = LocalSet::new();
    let rc = Rc::new(());
    let make = || Output(thread::current().id(), dropped.clone(), rc.clone());
    let output = make();
    drop(set.spawn_local(ready(output)));
    let output = make();
    let kept = set.spawn_local(ready(output));
    let mut driver = Polled::new(set);
    driver.ready();
    assert_eq!(dropped.get(), 1);
    drop(driver);
    drop(kept);
    assert_eq!((dropped.get(), Rc::strong_count(&rc)), (2, 1));
}

#[test]
fn a_dropped_set_drops_its_futures_and_refuses_what_they_spawn() {
    struct SpawnsInDrop(Rc<RefCell<Vec<JoinHandle<()>>>>);
    impl Drop for SpawnsInDrop {
        fn drop(&mut self) {
            self.0.borrow_mut().push(spawn_local(async {}));
        }
    }
    let handles = Rc::new(RefCell::new(Vec::new()));
    let set = LocalSet::new();
    for polled in [true, false] {
        let beside = SpawnsInDrop(handles.clone());
        set.spawn_local(With::new(pending::<()>(), beside));
        if polled {
            assert!(Polled::new(set.run_until(pending::<()>())).is_pending());
        }
    }
    drop(set);
    assert_eq!(Rc::strong_count(&handles), 1);
    let handles = handles.take();
    assert_eq!(handles.len(), 2);
    for handle in handles {
        assert!(now(handle).unwrap_err().is_cancelled());
    }
}

/// Whether they wait, were woken since, never ran, or are left over from others that ended.
#[test]
fn a_dropped_set_drops_its_futures_in_the_order_of_their_spawns() {
    let order = Rc::new(RefCell::new(Vec::new()));
    let set = LocalSet::new();
    let woken = Rc::new(Notify::new());
    let spawn = |number: u32| {
        let (order, woken) = (order.clone(), woken.clone());
        let beside = OnDrop::new(&Count::default(), move || order.borrow_mut().push(number));
        set.spawn_local(async move {
            let _beside = beside;
            match number % 4 {
                0 => woken.notified().await,
                1 => return,
                _ => {}
            }
            pending::<()>().await;
        });
    };
    (0..100).for_each(spawn);
    let turns = async {
        for _ in 0..10 {
            yield_now().await;
        }
    };
    multi_thread().block_on(set.run_until(turns));
    assert_eq!(order.take().len(), 25, "those that have ended");
    woken.notify_waiters();
    (100..150).for_each(spawn);
    drop(set);
    let dropped = order.take();
    assert!(dropped.is_sorted(), "{dropped:?}");
    assert_eq!(dropped.len(), 75 + 50);
}

#[test]
fn a_panic_in_a_futures_drop_does_not_stop_the_sets_drop() {
    within_bound(|| {
        let dropped = Count::default();
        let set = LocalSet::new();
        let handles: Vec<_> = (0..10)
            .map(|_| {
                let beside = OnDrop::new(&dropped, || panic!("on purpose: a future's drop"));
                set.spawn_local(With::new(pending::<()>(), beside))
            })
            .collect();
        drop(set);
        assert_eq!(dropped.get(), 10);
        for handle in handles {
            assert!(now(handle).unwrap_err().is_panic());
        }
    });
}

#[test]
fn tasks_that_wake_each_other_in_their_drop_end() {
    within_bound(|| {
        let runtime = multi_thread();
        let set = LocalSet::new();
        let (sender, receiver) = oneshot::channel::<()>();
        let (one, two) = oneshot::channel::<()>();
        set.spawn_local(async move {
            let _one = one;
            let _ = receiver.await;
            unreachable!("aborted");
        });
        set.spawn_local(async move {
            let _sender = sender;
            let _ = two.await;
            unreachable!("aborted");
        });
        runtime.block_on(set.run_until(yield_now()));
        drop(set);
    });
}

/// A set that is forgotten keeps its tasks; nothing is dropped elsewhere.
#[test]
fn a_forgotten_set_keeps_its_futures() {
    let dropped = Count::default();
    let waker = Arc::new(Mutex::new(None));
    let (counts, slot) = (dropped.clone(), waker.clone());
    let home = thread::spawn(move || {
        let set = LocalSet::new();
        let beside = OnDrop::new(&counts, || ());
        let handle = set.spawn_local(With::new(
            poll_fn(move |cx| {
                *slot.lock().unwrap() = Some(cx.waker().clone());
                Poll::<()>::Pending
            }),
            (beside, Rc::new(())),
        ));
        assert!(Polled::new(set.run_until(pending::<()>())).is_pending());
        std::mem::forget(set);
        handle
    });
    let handle = home.join().unwrap();
    waker.lock().unwrap().take().unwrap().wake();
    handle.abort();
    assert!(!handle.is_finished());
    drop(handle);
    assert_eq!(dropped.get(), 0);
}

#[test]
fn a_set_may_live_in_a_thread_local() {
    thread_local!(static SET: LocalSet = LocalSet::new());
    let dropped = Count::default();
    let counts = dropped.clone();
    thread::spawn(move || {
        SET.with(|set| {
            let beside = OnDrop::new(&counts, || ());
            set.spawn_local(With::new(pending::<()>(), beside));
            assert!(Polled::new(set.run_until(pending::<()>())).is_pending());
        });
    })
    .join()
    .unwrap();
    assert_eq!(dropped.get(), 1);
}

#[test]
fn a_panic_is_for_the_joiner_or_ends_the_set() {
    within_bound(|| {
        let mut set = LocalSet::new();
        let handle = set.spawn_local(async { panic!("on purpose: a task") });
        now(&mut set);
        assert!(now(handle).unwrap_err().is_panic());
        let _running = set.spawn_local(pending::<()>());
        assert!(panics(|| {
            set.unhandled_panic(UnhandledPanic::Ignore);
        }));

        let mut set = LocalSet::new();
        set.unhandled_panic(UnhandledPanic::ShutdownRuntime);
        set.spawn_local(async { panic!("on purpose: ends the set") });
        let later = set.spawn_local(ready(()));
        for _ in 0..2 {
            let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                let _ = Polled::new(set.run_until(pending::<()>())).poll();
            }));
            let payload = payload.unwrap_err();
            let text = payload_text(&*payload);
            assert!(text.starts_with("a spawned task panicked and the LocalSet is configured to"));
        }
        assert!(!later.is_finished());
    });
}

#[test]
fn tasks_have_their_own_budget_and_the_driver_keeps_its_own() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let spend = |units: usize| async move {
            for _ in 0..units {
                task::coop::consume_budget().await;
            }
            task::coop::has_budget_remaining()
        };
        assert!(spend(100).await);
        let set = LocalSet::new();
        let handle = set.spawn_local(spend(127));
        let mut driver = Polled::new(set.run_until(pending::<()>()));
        assert!(driver.is_pending());
        assert!(now(handle).unwrap());
        assert!(spend(26).await, "the join took one, the set none");
        assert!(Polled::new(spend(2)).is_pending());
    });
}

#[test]
fn a_local_runtime_runs_tasks_that_are_not_send() {
    within_bound(|| {
        let runtime = LocalRuntime::new().unwrap();
        let home = thread::current().id();
        let early = runtime.spawn_local(async { Rc::new(1) });
        let handle = runtime.handle().clone();
        // Another thread may add what is `Send`.
        let remote = thread::spawn(move || handle.spawn(async { thread::current().id() }));
        let remote = remote.join().unwrap();
        runtime.block_on(async move {
            assert_eq!(*early.await.unwrap(), 1);
            assert_eq!(remote.await.unwrap(), home);
            let (sender, receiver) = oneshot::channel();
            let local = spawn_local(async move { (Rc::new(2), receiver.await) });
            task::spawn_blocking(move || sender.send(3))
                .await
                .unwrap()
                .unwrap();
            let (two, three) = local.await.unwrap();
            assert_eq!((*two, three), (2, Ok(3)));
            runtime::time::sleep(std::time::Duration::from_millis(1)).await;
        });
        assert_eq!(runtime.metrics().num_workers(), 1);
    });
}

#[test]
fn a_local_runtime_drops_its_tasks_at_home() {
    within_bound(|| {
        let runtime = Builder::new_current_thread()
            .build_local(LocalOptions::default())
            .unwrap();
        let watched = Watched::new();
        let (seen, waker) = (watched.seen.clone(), watched.waker.clone());
        let handle = runtime.spawn_local(async move { *watched.await });
        runtime.block_on(yield_now());
        let barrier = Arc::new(Barrier::new(2));
        let other = thread::spawn({
            let barrier = barrier.clone();
            move || {
                barrier.wait();
                waker.lock().unwrap().as_ref().unwrap().wake_by_ref();
                handle.abort();
                drop(handle);
                let late = waker.lock().unwrap().take();
                late.unwrap().wake();
            }
        });
        barrier.wait();
        drop(runtime);
        let home = thread::current().id();
        assert!(seen.lock().unwrap().iter().all(|thread| *thread == home));
        other.join().unwrap();
    });
}

#[test]
fn local_tasks_have_one_place_to_start() {
    within_bound(|| {
        let text = |f: &mut dyn FnMut()| {
            let payload = std::panic::catch_unwind(std::panic::AssertUnwindSafe(f)).unwrap_err();
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned());
            text.or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap()
        };
        let outside = "`spawn_local` called from outside of a `task::LocalSet` or \
                       `runtime::LocalRuntime`";
        let mut spawns = || drop(spawn_local(ready(())));
        assert!(text(&mut spawns).starts_with(outside));
        for runtime in flavours() {
            let mut spawns = || runtime.block_on(async { drop(spawn_local(ready(()))) });
            assert!(text(&mut spawns).starts_with(outside));
        }
        let local = LocalRuntime::new().unwrap();
        let handle = local.handle().clone();
        let elsewhere = thread::spawn(move || {
            let _guard = handle.enter();
            drop(spawn_local(ready(())));
        });
        let payload = elsewhere.join().unwrap_err();
        assert!(payload_text(&*payload).starts_with("Local tasks can only be spawned on a"));
        let mut builder = Builder::new_multi_thread();
        let mut builds = || drop(builder.build_local(LocalOptions::default()));
        assert!(text(&mut builds).starts_with("multi_thread is not supported"));
    });
}

#[runtime::test(flavor = "local")]
async fn the_macros_know_the_flavour() {
    let rc = Rc::new(1);
    assert_eq!(*spawn_local(async move { rc }).await.unwrap(), 1);
}

#[test]
fn main_knows_the_flavour() {
    #[runtime::main(flavor = "local")]
    async fn main() -> u8 {
        let rc = Rc::new(1);
        *spawn_local(async move { rc }).await.unwrap()
    }
    assert_eq!(main(), 1);
}
