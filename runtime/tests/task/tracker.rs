//! `TaskTracker`, `AbortOnDropHandle` and named tasks as their users see them.

use crate::support::{Count, OnDrop, Polled, With, now, on_each_flavour, within_bound};
use runtime::runtime::{Builder, Handle};
use runtime::task::task_tracker::{TaskTrackerToken, TrackedFuture};
use runtime::task::{self, AbortOnDrop, AbortOnDropHandle, LocalSet, TaskTracker, yield_now};
use std::future::{Ready, pending, ready};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

#[test]
fn trackers_and_tokens_go_anywhere() {
    fn all<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    all::<TaskTracker>();
    all::<TaskTrackerToken>();
    all::<TrackedFuture<Ready<()>>>();
}

#[test]
fn waiting_needs_a_closed_and_empty_tracker() {
    let tracker = TaskTracker::default();
    let mut open = Polled::new(tracker.wait());
    assert!(open.is_pending());
    assert!(tracker.close());
    assert!(!tracker.close());
    assert_eq!(open.wakes(), 1);
    open.ready();
    now(tracker.wait());
    // Once closed and empty since the call is enough.
    let mut seen = Polled::new(tracker.wait());
    assert!(tracker.reopen());
    assert!(!tracker.reopen());
    let _token = tracker.token();
    seen.ready();
    assert!(Polled::new(tracker.wait()).is_pending());
    assert!(!tracker.is_closed());
}

#[test]
fn the_last_token_wakes_all_who_wait() {
    let tracker = TaskTracker::new();
    let token = tracker.token();
    let second = token.clone();
    assert!(TaskTracker::ptr_eq(second.task_tracker(), &tracker.clone()));
    assert!(!TaskTracker::ptr_eq(&tracker, &TaskTracker::new()));
    let mut waits: Vec<_> = (0..100).map(|_| Polled::new(tracker.wait())).collect();
    assert!(waits.iter_mut().all(Polled::is_pending));
    tracker.close();
    drop(token);
    assert_eq!(tracker.len(), 1);
    assert!(waits.iter_mut().all(Polled::is_pending));
    drop(second);
    assert!(tracker.is_empty());
    waits.iter_mut().for_each(Polled::ready);
    let text = format!("{tracker:?}");
    assert!(text.contains("len: 0") && text.contains("is_closed: true"));
}

#[test]
fn the_future_is_gone_when_the_tracker_hears_of_it() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            for abort in [false, true] {
                let tracker = TaskTracker::new();
                let seen = Arc::new(Mutex::new(Vec::new()));
                let dropped = Count::default();
                for _ in 0..50 {
                    let (inside, seen) = (tracker.clone(), seen.clone());
                    let beside = OnDrop::new(&dropped, move || {
                        seen.lock().unwrap().push(inside.len());
                    });
                    let task = tracker.spawn(With::new(
                        async move {
                            if abort {
                                pending::<()>().await;
                            }
                        },
                        beside,
                    ));
                    if abort {
                        task.abort();
                    }
                }
                tracker.close();
                tracker.wait().await;
                assert_eq!(dropped.get(), 50);
                assert!(seen.lock().unwrap().iter().all(|&tracked| tracked > 0));
            }
        });
    });
}

#[test]
fn every_way_to_add_a_task_is_tracked() {
    within_bound(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let local = LocalSet::new();
        local.block_on(&runtime, async {
            let tracker = TaskTracker::new();
            let handle = Handle::current();
            let rc = Rc::new(3);
            let three = rc.clone();
            let tasks = [
                tracker.spawn(async { 1 }),
                tracker.spawn_on(async { 2 }, &handle),
                tracker.spawn_local(async move { *three }),
                tracker.spawn_local_on(async move { *rc + 1 }, &LocalSet::new()),
                tracker.spawn_blocking(|| 5),
                tracker.spawn_blocking_on(|| 6, &handle),
                runtime::spawn(tracker.track_future(ready(7))),
            ];
            let panics = tracker.spawn_blocking(|| panic!("on purpose: a closure"));
            tracker.close();
            tracker.wait().await;
            assert!(panics.await.unwrap_err().is_panic());
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap_or(0);
            }
            assert_eq!(sum, 28 - 4, "that set went at once");
        });
    });
}

#[test]
fn handles_that_abort_in_their_drop() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let task = AbortOnDropHandle::new(runtime::spawn(async { 1 }));
            assert_eq!(task.await.unwrap(), 1);
            let dropped = Count::default();
            let spawn = || runtime::spawn(With::new(pending::<()>(), OnDrop::new(&dropped, || ())));
            let task: AbortOnDropHandle<_> = spawn().into();
            let abort = task.abort_handle();
            assert!(!task.is_finished());
            assert_eq!(task.as_ref().id(), abort.id());
            drop(task);
            dropped.reaches(1).await;
            let task = AbortOnDropHandle::new(spawn());
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            let task = AbortOnDropHandle::new(spawn()).detach();
            let guard = AbortOnDrop::new(task.abort_handle());
            yield_now().await;
            assert!(!guard.is_finished());
            let abort = guard.detach();
            yield_now().await;
            assert_eq!(dropped.get(), 2);
            drop(AbortOnDrop::new(abort));
            assert!(task.await.unwrap_err().is_cancelled());
            let task = spawn();
            let guard = AbortOnDrop::new(task.abort_handle());
            guard.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert!(guard.is_finished());
        });
    });
}

/// Notes the name under which it is dropped.
struct Sees(Arc<Mutex<Vec<Option<Arc<str>>>>>);

impl Drop for Sees {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(task::name());
    }
}

#[test]
fn a_name_is_known_in_the_task_and_in_its_drop() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let handle = Handle::current();
            let seen = Arc::new(Mutex::new(Vec::new()));
            let name = |name| task::Builder::new().name(name);
            let tells = |beside: Sees| async move {
                let _beside = beside;
                yield_now().await;
                task::name()
            };
            let one = name("one").spawn(tells(Sees(seen.clone()))).unwrap();
            let two = name("two")
                .spawn_on(async { task::name() }, &handle)
                .unwrap();
            let three = name("three").spawn_blocking(task::name).unwrap();
            let four = name("four").spawn_blocking_on(task::name, &handle).unwrap();
            let none = task::Builder::default()
                .spawn(async { task::name() })
                .unwrap();
            let five = name("five")
                .spawn(With::new(pending::<()>(), Sees(seen.clone())))
                .unwrap();
            for (task, expected) in [(one, "one"), (two, "two"), (three, "three"), (four, "four")] {
                assert_eq!(task.await.unwrap().as_deref(), Some(expected));
            }
            assert_eq!(none.await.unwrap(), None);
            five.abort();
            assert!(five.await.unwrap_err().is_cancelled());
            assert_eq!(task::name(), None);
            let mut seen = seen.lock().unwrap().clone();
            seen.sort();
            let seen: Vec<_> = seen.iter().map(|name| name.as_deref().unwrap()).collect();
            assert_eq!(seen, ["five", "one"]);
        });
    });
}

#[test]
fn local_tasks_have_names_too() {
    let set = LocalSet::new();
    let rc = Rc::new("local");
    let builder = task::Builder::new().name(&rc);
    let one = builder
        .spawn_local_on(async { (task::name(), Rc::new(())).0 }, &set)
        .unwrap();
    let guard = set.enter();
    let two = builder
        .spawn_local(async { (task::name(), Rc::new(())).0 })
        .unwrap();
    drop(guard);
    now(set);
    assert_eq!(now(one).unwrap().as_deref(), Some("local"));
    assert_eq!(now(two).unwrap().as_deref(), Some("local"));
}
