//! `JoinHandle`, `AbortHandle`, `Id` and `JoinError` as their users see them.

use crate::support::{Count, OnDrop, With, on_each_flavour, on_each_flavour_owned, once};
use runtime::sync::oneshot;
use runtime::task::{self, AbortHandle, Id, JoinError, JoinHandle, yield_now};
use std::collections::HashSet;
use std::future::pending;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Poll;

async fn finished<T>(task: &JoinHandle<T>) {
    while !task.is_finished() {
        yield_now().await;
    }
}

#[test]
fn handles_cross_threads_and_unwinding() {
    fn all<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn shared<T: Send + Sync + std::error::Error + 'static>() {}
    // The output is sent, never shared.
    all::<JoinHandle<std::cell::Cell<u8>>>();
    all::<AbortHandle>();
    all::<Id>();
    shared::<JoinError>();
    // A handle moves also where its output could not.
    fn moves<T: Unpin>() {}
    moves::<JoinHandle<Rc<std::marker::PhantomPinned>>>();
}

#[test]
fn an_abort_at_once_drops_the_future_or_lets_it_end() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (polled, dropped) = (Count::default(), Count::default());
            let counted = polled.clone();
            let beside = OnDrop::new(&dropped, || ());
            let future = With::new(async move { counted.add() }, beside);
            let task = runtime::spawn(future);
            task.abort();
            match task.await {
                // A worker may have been faster.
                Ok(()) => assert_eq!(polled.get(), 1),
                Err(error) => {
                    assert!(error.is_cancelled());
                    assert_eq!(polled.get(), 0);
                }
            }
            assert_eq!(dropped.get(), 1);
        });
    });
}

#[test]
fn an_abort_of_a_finished_task_keeps_its_output() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let task = runtime::spawn(async { 7 });
            let abort = task.abort_handle();
            finished(&task).await;
            task.abort();
            abort.abort();
            assert!(task.is_finished() && abort.is_finished());
            assert_eq!(task.await.expect("it returned before"), 7);
            abort.abort();
        });
    });
}

#[test]
fn a_task_that_aborts_itself_goes_on_to_its_next_await() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (give, given) = oneshot::channel::<AbortHandle>();
            let steps = Count::default();
            let counted = steps.clone();
            let task = runtime::spawn(async move {
                given.await.expect("given").abort();
                counted.add();
                yield_now().await;
                counted.add();
            });
            give.send(task.abort_handle()).expect("the task waits");
            assert!(task.await.expect_err("aborted").is_cancelled());
            assert_eq!(steps.get(), 1);

            // One that does not wait any more ends with its output.
            let (give, given) = oneshot::channel::<AbortHandle>();
            let task = runtime::spawn(async move {
                given.await.expect("given").abort();
                7
            });
            give.send(task.abort_handle()).expect("the task waits");
            assert_eq!(task.await.expect("too late for an abort"), 7);
        });
    });
}

#[test]
fn every_abort_handle_aborts() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let task = runtime::spawn(pending::<()>());
            let first = task.abort_handle();
            let second = first.clone();
            drop(first);
            assert_eq!(second.id(), task.id());
            assert!(!second.is_finished());
            std::thread::spawn(move || second.abort())
                .join()
                .expect("no panic");
            assert!(task.await.expect_err("aborted").is_cancelled());

            // Also without the `JoinHandle`; dropping handles aborts nothing.
            let dropped = Count::default();
            let beside = OnDrop::new(&dropped, || ());
            let abort = runtime::spawn(With::new(pending::<()>(), beside)).abort_handle();
            drop(abort.clone());
            yield_now().await;
            assert_eq!(dropped.get(), 0);
            abort.abort();
            dropped.reaches(1).await;
            while !abort.is_finished() {
                yield_now().await;
            }
        });
    });
}

#[test]
fn is_finished_says_when_the_future_is_gone() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let dropped = Count::default();
            let (go, goes) = oneshot::channel::<()>();
            let beside = OnDrop::new(&dropped, || ());
            let task = runtime::spawn(With::new(async { goes.await.is_ok() }, beside));
            yield_now().await;
            assert!(!task.is_finished());
            assert_eq!(dropped.get(), 0);
            go.send(()).expect("the task waits");
            finished(&task).await;
            assert_eq!(dropped.get(), 1);
            assert!(task.await.expect("it returns"));
        });
    });
}

#[test]
fn a_join_handle_polled_after_completion_panics() {
    on_each_flavour(|runtime| {
        let outer = runtime.spawn(async {
            let mut task = runtime::spawn(async { 7 });
            finished(&task).await;
            assert!(matches!(once(&mut task).await, Poll::Ready(Ok(7))));
            task.await
        });
        // Reported by the hook: its text is the runtime's, and tells what to do.
        let payload = runtime.block_on(outer).expect_err("it panics").into_panic();
        let text = payload.downcast_ref::<&str>().expect("a text");
        assert!(
            text.contains("JoinHandle polled after completion"),
            "{text}"
        );
    });
}

#[test]
fn a_join_handle_can_be_awaited_by_reference() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (go, goes) = oneshot::channel::<()>();
            let mut task = runtime::spawn(async { goes.await.is_ok() });
            assert!(once(&mut task).await.is_pending());
            assert!(once(&mut task).await.is_pending());
            go.send(()).expect("the task waits");
            assert!((&mut task).await.expect("it returns"));
        });
    });
}

#[test]
fn ids_are_unique_and_known_inside() {
    on_each_flavour(|runtime| {
        assert!(task::try_id().is_none(), "no task here");
        runtime.block_on(async {
            assert!(task::try_id().is_none(), "the root future is no task");
            let tasks: Vec<_> = (0..3_000)
                .map(|_| {
                    runtime::spawn(async {
                        let id = task::id();
                        yield_now().await;
                        assert_eq!(task::try_id(), Some(id), "also after an await");
                        id
                    })
                })
                .collect();
            let mut seen = HashSet::new();
            for task in tasks {
                let id = task.id();
                assert_eq!(task.abort_handle().id(), id);
                assert_eq!(task.await.expect("it returns"), id);
                assert!(seen.insert(id), "{id} was given out twice");
            }
            assert!(task::try_id().is_none());
        });
    });
}

/// The id is there in every drop: of the future after completion, panic and abort, and of an
/// output that the worker or the handle drops.
#[test]
fn drops_know_the_id() {
    on_each_flavour(|runtime| {
        type Seen = Arc<Mutex<Vec<Option<Id>>>>;
        let seen = Seen::default();
        let count = Count::default();
        let notes = || {
            let seen = seen.clone();
            OnDrop::new(&count, move || {
                seen.lock().expect("no panic inside").push(task::try_id())
            })
        };
        let noted = || {
            seen.lock()
                .expect("no panic inside")
                .drain(..)
                .collect::<Vec<_>>()
        };
        runtime.block_on(async {
            let task = runtime::spawn(With::new(async {}, notes()));
            let id = task.id();
            task.await.expect("it returns");
            assert_eq!(noted(), [Some(id)], "completion");

            let task = runtime::spawn(With::new(async { panic!("on purpose: poll") }, notes()));
            let id = task.id();
            task.await.expect_err("it panics");
            assert_eq!(noted(), [Some(id)], "panic");

            let task = runtime::spawn(With::new(pending::<()>(), notes()));
            let id = task.id();
            task.abort();
            task.await.expect_err("aborted");
            assert_eq!(noted(), [Some(id)], "abort");

            let output = notes();
            let task = runtime::spawn(async { output });
            let id = task.id();
            finished(&task).await;
            drop(task);
            assert_eq!(noted(), [Some(id)], "output dropped by the handle");
            assert!(task::try_id().is_none());

            let output = notes();
            let task = runtime::spawn(async { output });
            let id = task.id();
            drop(task);
            count.reaches(5).await;
            while seen.lock().expect("no panic inside").is_empty() {
                yield_now().await;
            }
            assert_eq!(noted(), [Some(id)], "output of a detached task");
        });
    });
}

#[test]
fn errors_tell_which_task_and_why() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let task = runtime::spawn(async { panic!("on purpose: text") });
            let id = task.id();
            let error = task.await.expect_err("it panics");
            assert_eq!(error.id(), id);
            assert_eq!(
                error.to_string(),
                format!("task {id} panicked with message \"on purpose: text\"")
            );
            assert_eq!(
                format!("{error:?}"),
                format!("JoinError::Panic({id:?}, \"on purpose: text\", ...)")
            );
            assert_eq!(std::io::Error::from(error).to_string(), "task panicked");

            let task = runtime::spawn(pending::<()>());
            let id = task.id();
            task.abort();
            let error = task.await.expect_err("aborted");
            assert_eq!(error.id(), id);
            assert_eq!(error.to_string(), format!("task {id} was cancelled"));
            assert_eq!(
                format!("{error:?}"),
                format!("JoinError::Cancelled({id:?})")
            );
            let error = error.try_into_panic().expect_err("no panic");
            assert_eq!(
                std::io::Error::from(error).to_string(),
                "task was cancelled"
            );
        });
    });
}

/// Forgotten things leak and stand in nobody's way: other tasks, and the shutdown.
#[test]
fn forgotten_handles_and_futures_only_leak() {
    on_each_flavour_owned(|runtime| {
        let dropped = Count::default();
        runtime.block_on(async {
            std::mem::forget(runtime::spawn(async {}));
            std::mem::forget(runtime::spawn(With::new(
                pending::<()>(),
                OnDrop::new(&dropped, || ()),
            )));
            std::mem::forget(runtime::spawn(pending::<()>()).abort_handle());

            let mut joined = Box::pin(runtime::spawn(pending::<()>()));
            assert!(once(&mut joined).await.is_pending());
            std::mem::forget(joined);

            let mut sleep = Box::pin(runtime::time::sleep(std::time::Duration::from_secs(3600)));
            assert!(once(&mut sleep).await.is_pending());
            std::mem::forget(sleep);

            let notify = Box::leak(Box::new(runtime::sync::Notify::new()));
            let mut first = Box::pin(notify.notified());
            assert!(once(&mut first).await.is_pending());
            std::mem::forget(first);
            let mut second = Box::pin(notify.notified());
            assert!(once(&mut second).await.is_pending());
            notify.notify_waiters();
            second.await;

            let lock = Box::leak(Box::new(runtime::sync::Mutex::new(0)));
            std::mem::forget(lock.lock().await);
            assert!(lock.try_lock().is_err(), "held for ever");
            assert_eq!(runtime::spawn(async { 1 }).await.expect("works"), 1);
        });
        drop(runtime);
        assert_eq!(dropped.get(), 1);
    });
}

#[test]
fn a_drop_may_spawn() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (spawned, dropped) = (Count::default(), Count::default());
            let counted = spawned.clone();
            let beside = OnDrop::new(&dropped, move || {
                let counted = counted.clone();
                drop(runtime::spawn(async move { counted.add() }));
            });
            let task = runtime::spawn(With::new(pending::<()>(), beside));
            task.abort();
            assert!(task.await.expect_err("aborted").is_cancelled());
            spawned.reaches(1).await;
        });
    });
}

/// At shutdown a drop still reaches its runtime, which takes no more tasks: what it spawns is
/// cancelled unpolled.
#[test]
fn a_drop_at_shutdown_spawns_cancelled_tasks() {
    on_each_flavour_owned(|runtime| {
        let (dropped, late_dropped, polled) =
            (Count::default(), Count::default(), Count::default());
        let result = Arc::new(Mutex::new(None));
        let (late, ran, joined) = (late_dropped.clone(), polled.clone(), result.clone());
        let handle = runtime.handle().clone();
        let beside = OnDrop::new(&dropped, move || {
            let ran = ran.clone();
            let future = With::new(async move { ran.add() }, OnDrop::new(&late, || ()));
            *joined.lock().expect("no panic inside") = Some(handle.spawn(future));
        });
        drop(runtime.spawn(With::new(pending::<()>(), beside)));
        drop(runtime);
        assert_eq!((dropped.get(), late_dropped.get(), polled.get()), (1, 1, 0));
        let task = result
            .lock()
            .expect("no panic inside")
            .take()
            .expect("spawned in the drop");
        assert!(task.is_finished());
        assert!(error_of(task).is_cancelled());
    });
}

/// The error of a task that has finished without an output.
fn error_of(mut task: JoinHandle<()>) -> JoinError {
    use std::task::{Context, Waker};
    let polled = std::pin::Pin::new(&mut task).poll(&mut Context::from_waker(Waker::noop()));
    match polled {
        Poll::Ready(result) => result.expect_err("cancelled"),
        Poll::Pending => panic!("not finished"),
    }
}

/// A handle that outlives its runtime spawns cancelled tasks, whose handles outlive all else.
#[test]
fn a_spawn_after_the_runtime_gives_a_cancelled_task() {
    on_each_flavour_owned(|runtime| {
        let handle = runtime.handle().clone();
        drop(runtime);
        let (polled, dropped) = (Count::default(), Count::default());
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let ran = polled.clone();
                handle.spawn(With::new(
                    async move { ran.add() },
                    OnDrop::new(&dropped, || ()),
                ))
            })
            .collect();
        drop(handle);
        assert_eq!((polled.get(), dropped.get()), (0, 3));
        for task in tasks {
            task.abort();
            let abort = task.abort_handle();
            assert!(error_of(task).is_cancelled());
            abort.abort();
        }
    });
}
