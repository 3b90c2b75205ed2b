//! `task_inherited!`, `InheritedKey` and `Inherited` as their users see them.

use crate::support::{Count, OnDrop, Polled, With, now, on_each_flavour, panics, within_bound};
use runtime::runtime::{Builder, Handle, LocalRuntime};
use runtime::sync::oneshot;
use runtime::task::{
    self, Inherited, InheritedKey, JoinSet, LocalSet, TaskTracker, spawn_blocking, spawn_local,
    yield_now,
};
use std::future::{Future, pending, poll_fn, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

runtime::task_inherited! {
    /// Documented and public.
    pub static NUMBER: u32;
    static TEXT: String;
    pub(crate) static DROPS: Arc<OnDrop<fn()>>
}

runtime::task_inherited! {}

fn drops(count: &Count) -> Arc<OnDrop<fn()>> {
    Arc::new(OnDrop::new(count, || ()))
}

/// Asks when it is dropped.
struct AskInDrop(Arc<Mutex<Option<u32>>>);

impl Drop for AskInDrop {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = NUMBER.try_get().ok();
    }
}

#[test]
fn declarations_stand_anywhere_and_keys_differ() {
    runtime::task_inherited! {
        static ONE: ();
        static TWO: ();
    }
    ONE.sync_scope((), || {
        assert!(ONE.try_get().is_ok());
        assert!(TWO.try_get().is_err());
    });
    let name: fn(&'static InheritedKey<u32>) -> String = |key| format!("{key:?}");
    assert_eq!(name(&NUMBER), "InheritedKey { .. }");
}

#[test]
fn every_way_to_spawn_inherits() {
    on_each_flavour(|runtime| {
        let handle = runtime.handle().clone();
        runtime.block_on(NUMBER.scope(5, async move {
            let ask = || async { NUMBER.get() };
            assert_eq!(runtime::spawn(ask()).await.unwrap(), 5);
            assert_eq!(handle.spawn(ask()).await.unwrap(), 5);
            assert_eq!(spawn_blocking(|| NUMBER.get()).await.unwrap(), 5);
            let named = task::Builder::new().name("asker");
            assert_eq!(named.spawn(ask()).unwrap().await.unwrap(), 5);
            let blocking = named.spawn_blocking(|| NUMBER.get()).unwrap();
            assert_eq!(blocking.await.unwrap(), 5);
            let mut set = JoinSet::new();
            set.spawn(ask());
            set.spawn_blocking(|| NUMBER.get());
            assert_eq!(set.join_all().await, [5, 5]);
            let tracker = TaskTracker::new();
            assert_eq!(tracker.spawn(ask()).await.unwrap(), 5);
            let local = LocalSet::new();
            let inside = local.run_until(async { spawn_local(async { NUMBER.get() }).await });
            assert_eq!(inside.await.unwrap(), 5);
        }));
        assert!(
            runtime
                .block_on(runtime.spawn(async { NUMBER.try_get() }))
                .unwrap()
                .is_err()
        );
    });
    let local = LocalRuntime::new().unwrap();
    let task = NUMBER.sync_scope(6, || local.spawn_local(async { NUMBER.get() }));
    assert_eq!(local.block_on(task).unwrap(), 6);
}

#[test]
fn grandchildren_inherit_on_whatever_thread() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..50)
                .map(|i| {
                    runtime::spawn(NUMBER.scope(i, async move {
                        let child = runtime::spawn(async move {
                            for _ in 0..20 {
                                assert_eq!(NUMBER.get(), i);
                                yield_now().await;
                            }
                            runtime::spawn(async { NUMBER.get() }).await.unwrap()
                        });
                        child.await.unwrap()
                    }))
                })
                .collect();
            for (i, task) in tasks.into_iter().enumerate() {
                assert_eq!(task.await.unwrap() as usize, i);
            }
            assert!(NUMBER.try_get().is_err(), "no value leaks out of a scope");
        });
    });
}

#[test]
fn a_child_sees_what_there_was_at_the_spawn() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (go, gone) = oneshot::channel::<()>();
            let child = NUMBER.sync_scope(1, || {
                let child = runtime::spawn(async {
                    gone.await.unwrap();
                    (NUMBER.get(), TEXT.try_get().is_ok())
                });
                TEXT.sync_scope("later".into(), || ());
                child
            });
            NUMBER
                .scope(2, async {
                    go.send(()).unwrap();
                    assert_eq!(child.await.unwrap(), (1, false));
                    assert_eq!(NUMBER.get(), 2);
                })
                .await;
        });
    });
}

/// The inner value hides the outer one; other keys stay.
#[test]
fn scopes_nest() {
    now(NUMBER.scope(1, async {
        let text = TEXT.scope("text".into(), async {
            assert_eq!(NUMBER.get(), 1);
            NUMBER.scope(2, async { assert_eq!(NUMBER.get(), 2) }).await;
            assert_eq!(NUMBER.get(), 1);
            TEXT.with(|text| {
                NUMBER.sync_scope(3, || assert_eq!(NUMBER.get(), 3));
                text.clone()
            })
        });
        assert_eq!(text.await, "text");
        assert!(TEXT.try_get().is_err());
    }));
    assert!(NUMBER.try_get().is_err());
}

/// A3: a scope's future made in one place and polled in others.
#[test]
fn a_scope_adds_to_what_each_poll_sees() {
    let mut seen = Polled::new(TEXT.scope(
        "text".into(),
        poll_fn(|_| match NUMBER.try_get() {
            Ok(9) => Poll::Ready(TEXT.get()),
            _ => Poll::Pending,
        }),
    ));
    assert!(seen.is_pending());
    NUMBER.sync_scope(8, || assert!(seen.is_pending()));
    assert!(seen.is_pending());
    assert_eq!(NUMBER.sync_scope(9, || seen.ready()), "text");
    assert!(panics(|| drop(seen.poll())), "polled after completion");
}

#[test]
fn the_value_is_there_in_drops() {
    on_each_flavour(|runtime| {
        let handle: Handle = runtime.handle().clone();
        runtime.block_on(NUMBER.scope(5, async move {
            let seen = Arc::new(Mutex::new(None));
            let take = || seen.lock().unwrap().take();
            // Ready, panicked, and aborted before the first poll and after it.
            let ask = || AskInDrop(seen.clone());
            let task = runtime::spawn(With::new(ready(()), ask()));
            task.await.unwrap();
            assert_eq!(take(), Some(5));
            let task = runtime::spawn(With::new(async { panic!("on purpose") }, ask()));
            task.await.unwrap_err();
            assert_eq!(take(), Some(5));
            for polls in [0, 3] {
                let task = handle.spawn(With::new(pending::<()>(), ask()));
                for _ in 0..polls {
                    yield_now().await;
                }
                task.abort();
                // Elsewhere: where the abort comes from does not matter.
                let joined = Inherited::none().scope(task).await;
                assert!(joined.unwrap_err().is_cancelled());
                assert_eq!(take(), Some(5));
            }
            // A scope that is never polled.
            drop(NUMBER.scope(6, With::new(pending::<()>(), ask())));
            assert_eq!(take(), Some(6));
        }));
    });
}

/// I9: before the output is there, however long the handle stays.
#[test]
fn the_value_goes_with_the_future() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            for end in 0..3 {
                let count = Count::default();
                let mut task = DROPS.sync_scope(drops(&count), || {
                    runtime::spawn(async move {
                        match end {
                            0 => (),
                            1 => panic!("on purpose"),
                            _ => pending().await,
                        }
                    })
                });
                assert!(end < 2 || count.get() == 0);
                if end == 2 {
                    task.abort();
                }
                let joined = (&mut task).await;
                assert_eq!(joined.is_ok(), end == 0);
                assert_eq!(count.get(), 1);
            }
            let count = Count::default();
            let task = DROPS.sync_scope(drops(&count), || spawn_blocking(|| drop(DROPS.get())));
            task.await.unwrap();
            assert_eq!(count.get(), 1);
        });
    });
}

/// V3: a chain of tasks, each of which opens a scope and spawns the next, keeps one value.
#[test]
fn a_chain_of_scopes_does_not_grow() {
    fn next(left: usize, count: Count) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(DROPS.scope(drops(&count), async move {
            match left {
                0 => count.get(),
                _ => runtime::spawn(next(left - 1, count)).await.unwrap(),
            }
        }))
    }
    fn endless(left: usize, count: Count, done: oneshot::Sender<()>) {
        runtime::spawn(DROPS.scope(drops(&count.clone()), async move {
            match left {
                0 => done.send(()).unwrap(),
                _ => endless(left - 1, count, done),
            }
        }));
    }
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let count = Count::default();
            // Its ancestors wait for it, in their scopes.
            assert_eq!(next(10, count.clone()).await, 0);
            count.reaches(11).await;
            let count = Count::default();
            let (done, is_done) = oneshot::channel();
            endless(1_000, count.clone(), done);
            is_done.await.unwrap();
            count.reaches(1_001).await;
        });
    });
}

/// A task without values sees none of the thread that happens to poll it.
#[test]
fn no_task_sees_the_values_of_whoever_polls_it() {
    within_bound(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let task = runtime.spawn(async { NUMBER.try_get() });
        let inside =
            NUMBER.sync_scope(1, || runtime.block_on(async { (task.await, NUMBER.get()) }));
        assert!(inside.0.unwrap().is_err());
        assert_eq!(inside.1, 1);

        let set = LocalSet::new();
        let task = set.spawn_local(async { NUMBER.try_get() });
        let other = NUMBER.sync_scope(2, || set.spawn_local(async { NUMBER.get() }));
        let driven = NUMBER.scope(1, set.run_until(async { (task.await, other.await) }));
        let (none, two) = runtime.block_on(driven);
        assert!(none.unwrap().is_err());
        assert_eq!(two.unwrap(), 2);
    });
}

#[test]
fn values_can_be_carried_and_left_behind() {
    NUMBER.sync_scope(4, || {
        let values = Inherited::current();
        assert!(!values.is_empty());
        assert_eq!(format!("{values:?}"), "Inherited { len: 1 }");
        let future = values.clone().scope(async { NUMBER.get() });
        let thread = std::thread::spawn(move || (values.sync_scope(|| NUMBER.get()), now(future)));
        assert_eq!(thread.join().unwrap(), (4, 4));
        Inherited::none().sync_scope(|| {
            assert!(Inherited::current().is_empty());
            assert!(NUMBER.try_get().is_err());
        });
        let none = Inherited::none().scope(async { NUMBER.try_get() });
        assert!(now(none).is_err());
    });
}

#[test]
fn outside_of_a_scope_there_is_no_value() {
    assert!(NUMBER.try_with(|_| ()).is_err());
    assert!(NUMBER.try_get().is_err());
    within_bound(|| {
        assert!(panics(|| assert_eq!(NUMBER.get(), 0)));
        assert!(panics(|| NUMBER.with(|_| ())));
    });
    assert!(panics(|| NUMBER.sync_scope(1, || panic!("on purpose"))));
    assert!(NUMBER.try_get().is_err(), "also after a panic");
}

/// A value's drop that panics stops no task.
#[test]
fn a_value_whose_drop_panics_is_contained() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let count = Count::default();
            let value = Arc::new(OnDrop::new(&count, (|| panic!("on purpose")) as fn()));
            let (go, gone) = oneshot::channel::<()>();
            let task = DROPS.sync_scope(value, || {
                runtime::spawn(async {
                    gone.await.unwrap();
                    7
                })
            });
            go.send(()).unwrap();
            assert_eq!(task.await.unwrap(), 7);
            assert_eq!(count.get(), 1);
        });
    });
}

/// A worker's values stay with the closure that blocks it, and do not follow its tasks elsewhere.
#[test]
fn block_in_place_keeps_the_values() {
    within_bound(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        runtime.block_on(async {
            let task = runtime::spawn(NUMBER.scope(3, async {
                let other =
                    Inherited::none().sync_scope(|| runtime::spawn(async { NUMBER.try_get() }));
                let other = task::block_in_place(|| {
                    assert_eq!(NUMBER.get(), 3);
                    Handle::current().block_on(other)
                });
                assert_eq!(NUMBER.get(), 3);
                other.unwrap().is_err()
            }));
            assert!(task.await.unwrap());
        });
    });
}

/// What observers keep of a task is its own, not its children's, and its values go all the same.
#[test]
fn observed_tasks_inherit() {
    within_bound(|| {
        let (ended, count) = (Count::default(), Count::default());
        let of_hook = ended.clone();
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .on_task_terminate(move |_| of_hook.add())
            .build()
            .unwrap();
        runtime.block_on(async {
            let child = DROPS.sync_scope(drops(&count), || {
                runtime::spawn(NUMBER.scope(1, async {
                    let grandchild = runtime::spawn(async {
                        yield_now().await;
                        DROPS.with(|_| NUMBER.get())
                    });
                    grandchild.await.unwrap()
                }))
            });
            assert_eq!(child.await.unwrap(), 1);
            assert_eq!(count.get(), 1, "gone before the join");
            assert_eq!(ended.get(), 2);
            let other = runtime::spawn(async { NUMBER.try_get() });
            assert!(other.await.unwrap().is_err());
        });
    });
}
