//! `task::scope` and its kin as their users see them.

use crate::support::{
    Count, OnDrop, Polled, With, now, on_each_flavour, panics, payload_text, within_bound,
};
use runtime::runtime::{Builder, Runtime};
use runtime::sync::{Barrier, Notify, oneshot};
use runtime::task::{
    self, LocalSet, Scope, ScopeBuilder, TryScope, scope, scope_with_deadline, try_scope,
    try_scope_with_deadline, yield_now,
};
use runtime::time::error::Elapsed;
use runtime::time::{Duration, Instant, sleep};
use std::future::{pending, ready};
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;

/// The payload of the panic that the scope ends with.
fn panic_of<R>(f: impl FnOnce() -> R) -> Box<dyn std::any::Any + Send> {
    match std::panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(_) => panic!("the scope did not panic"),
        Err(payload) => payload,
    }
}

fn paused() -> Runtime {
    Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
}

fn on_drop(count: &Count) -> OnDrop<fn()> {
    OnDrop::new(count, || ())
}

#[test]
fn children_have_ended_when_the_scope_has() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let ended = Count::default();
            let of_scope = ended.clone();
            let output = scope(|scope| async move {
                for i in 0..50 {
                    let mark = on_drop(&of_scope);
                    drop(scope.spawn(async move {
                        for _ in 0..i {
                            yield_now().await;
                        }
                        drop(mark);
                    }));
                }
                "output"
            });
            assert_eq!(output.await, "output");
            assert_eq!(ended.get(), 50);
        });
    });
}

#[test]
fn children_spawn_children_and_closures() {
    fn tree(scope: &Scope, depth: usize, count: Count) {
        count.add();
        for _ in 0..2 * usize::from(depth > 0) {
            let (inner, count) = (scope.clone(), count.clone());
            scope.spawn(async move {
                yield_now().await;
                tree(&inner, depth - 1, count);
            });
        }
    }
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let count = Count::default();
            let of_scope = count.clone();
            scope(|scope| async move {
                tree(&scope, 6, of_scope);
                let sum = scope.spawn_blocking(|| 1 + 1);
                assert_eq!(sum.await.unwrap(), 2);
            })
            .await;
            assert_eq!(count.get(), 127);
        });
    });
}

#[test]
fn handles_give_outputs() {
    on_each_flavour(|runtime| {
        runtime.block_on(scope(|scope| async move {
            let mut handle = scope.spawn(async { 7 });
            assert_eq!((&mut handle).await.unwrap(), 7);
            assert!(handle.is_finished());
            assert!(format!("{handle:?}").starts_with("ScopedJoinHandle { id: "));
            let id = scope.spawn(async { task::id() });
            assert_eq!(id.id(), id.await.unwrap());
            let other = scope.spawn_on(async { 8 }, &runtime::Handle::current());
            assert_eq!(other.await.unwrap(), 8);
            // An abort is no failure.
            let aborted = scope.spawn(pending::<()>());
            aborted.abort();
            assert!(aborted.await.unwrap_err().is_cancelled());
        }));
    });
}

#[test]
fn local_children() {
    within_bound(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let set = LocalSet::new();
        let value = Rc::new(5);
        let sum = set.block_on(
            &runtime,
            scope(|scope| async move {
                let inner = scope.clone();
                let child = scope.spawn_local(async move {
                    let other = value.clone();
                    *value + inner.spawn_local(async move { *other }).await.unwrap()
                });
                child.await.unwrap()
            }),
        );
        assert_eq!(sum, 10);
        let failed = set.block_on(
            &runtime,
            try_scope(|scope: TryScope<&str>| async move {
                scope.spawn_local(async { Err::<(), _>("local") });
                scope.spawn_local(pending::<Result<Rc<()>, _>>());
                Ok(())
            }),
        );
        assert_eq!(failed, Err("local"));
    });
}

#[test]
fn the_first_error_cancels_body_and_children() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (dropped, body) = (Count::default(), Count::default());
            let (of_scope, of_body) = (dropped.clone(), body.clone());
            let result = try_scope(|scope| async move {
                let _mark = on_drop(&of_body);
                for _ in 0..10 {
                    scope.spawn(With::new(pending::<Result<(), _>>(), on_drop(&of_scope)));
                }
                scope.spawn(async {
                    yield_now().await;
                    Err::<(), _>("failed")
                });
                pending::<Result<(), _>>().await
            });
            assert_eq!(result.await, Err("failed"));
            assert_eq!((dropped.get(), body.get()), (10, 1));
        });
    });
}

#[test]
fn the_error_of_the_body_cancels_children() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let dropped = Count::default();
            let of_scope = dropped.clone();
            let result: Result<(), &str> = try_scope(|scope| async move {
                scope.spawn(With::new(pending::<Result<(), _>>(), on_drop(&of_scope)));
                yield_now().await;
                Err("body")
            })
            .await;
            assert_eq!(result, Err("body"));
            assert_eq!(dropped.get(), 1);
            let result = try_scope(|scope| async move {
                let blocking = scope.spawn_blocking(|| Ok::<_, &str>(3));
                Ok(blocking.await.unwrap())
            });
            assert_eq!(result.await, Ok(3));
            let result = try_scope(|scope| async move {
                scope.spawn_blocking(|| Err::<(), _>("blocking"));
                Ok(())
            });
            assert_eq!(result.await, Err("blocking"));
        });
    });
}

/// A child's, in its poll, in its drop, in a closure; the body's, before its first await and after.
#[test]
fn panics_come_out_when_all_have_ended() {
    on_each_flavour(|runtime| {
        for place in 0..6 {
            let ended = Count::default();
            let of_scope = ended.clone();
            let failing = scope(|scope| {
                scope.spawn(With::new(pending::<()>(), on_drop(&of_scope)));
                let panics = || panic!("on purpose");
                match place {
                    0 => drop(scope.spawn(async move { panics() })),
                    1 => drop(scope.spawn(With::new(ready(()), OnDrop::new(&of_scope, panics)))),
                    2 => drop(scope.spawn_blocking(panics)),
                    3 => panics(),
                    4 => {
                        let child = With::new(pending::<()>(), OnDrop::new(&of_scope, panics));
                        scope.spawn(child).abort();
                    }
                    _ => {}
                }
                async move {
                    if place == 5 {
                        yield_now().await;
                        panics();
                    }
                    pending::<()>().await
                }
            });
            let payload = panic_of(|| runtime.block_on(failing));
            assert_eq!(payload_text(&*payload), "on purpose");
            assert_eq!(ended.get(), if place == 1 || place == 4 { 2 } else { 1 });
        }
    });
}

#[test]
fn a_panic_takes_the_place_of_an_error() {
    on_each_flavour(|runtime| {
        let count = Count::default();
        let of_scope = count.clone();
        let failing = try_scope(move |scope| async move {
            let panics = || panic!("on purpose");
            let child = With::new(pending(), OnDrop::new(&of_scope, panics));
            scope.spawn::<_, ()>(child);
            Err::<(), _>("error")
        });
        let payload = panic_of(|| runtime.block_on(failing));
        assert_eq!(payload_text(&*payload), "on purpose");
        assert_eq!(count.get(), 1);
    });
}

#[test]
fn the_handle_of_a_child_that_panicked_says_so() {
    within_bound(|| {
        let runtime = Builder::new_current_thread().build().unwrap();
        let (send, receive) = mpsc::channel();
        let failing = scope(|scope| async move {
            let child = scope.spawn(async { panic!("on purpose") });
            // Not part of the scope, which would end it.
            runtime::spawn(async move { send.send(child.await).unwrap() });
        });
        let payload = panic_of(|| runtime.block_on(failing));
        assert_eq!(payload_text(&*payload), "on purpose");
        runtime.block_on(yield_now());
        let error = receive.recv().unwrap().unwrap_err();
        assert!(error.is_panic());
        assert!(
            error
                .to_string()
                .contains("a child of a task scope panicked")
        );
    });
}

#[test]
fn dropping_the_scope_cancels_its_children() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let dropped = Count::default();
            let mut scope = Polled::new(scope(|scope| {
                for _ in 0..10 {
                    scope.spawn(With::new(pending::<()>(), on_drop(&dropped)));
                }
                pending::<()>()
            }));
            assert!(scope.is_pending());
            assert_eq!(dropped.get(), 0);
            drop(scope);
            dropped.reaches(10).await;
        });
    });
}

/// S1: a handle that was carried out.
#[test]
fn nothing_is_spawned_after_the_end() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let dropped = Count::default();
            let out = scope(|scope| async move { scope.clone() }).await;
            assert!(out.is_cancelled() && out.is_empty());
            let late = out.spawn(With::new(async { unreachable!() }, on_drop(&dropped)));
            assert_eq!(dropped.get(), 1, "at the call");
            assert!(late.is_finished());
            late.abort();
            let error: task::JoinError = late.map_err().await;
            assert!(error.is_cancelled());
            let late = out.spawn_blocking(|| unreachable!());
            let error: task::JoinError = late.map_err().await;
            assert!(error.is_cancelled());
            assert_eq!(format!("{out:?}"), "Scope { len: 0, is_cancelled: true }");
        });
    });
}

/// The error of a handle whose output is never there.
trait MapErr {
    async fn map_err(self) -> task::JoinError;
}

impl MapErr for task::ScopedJoinHandle<()> {
    async fn map_err(self) -> task::JoinError {
        self.await.unwrap_err()
    }
}

#[test]
fn cancelling_children_is_no_failure() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let dropped = Count::default();
            let of_scope = dropped.clone();
            let left = scope(|scope| async move {
                let child = scope.spawn(With::new(pending::<()>(), on_drop(&of_scope)));
                assert_eq!(scope.len(), 1);
                scope.cancel();
                assert!(child.await.unwrap_err().is_cancelled());
                assert!(scope.spawn(async {}).await.unwrap_err().is_cancelled());
                "goes on"
            });
            assert_eq!(left.await, "goes on");
            assert_eq!(dropped.get(), 1);
        });
    });
}

#[test]
fn a_deadline_ends_body_and_children() {
    within_bound(|| {
        paused().block_on(async {
            let begin = Instant::now();
            let at = begin + Duration::from_secs(10);
            let dropped = Count::default();
            // The children, after the body.
            let of_scope = dropped.clone();
            let result = scope_with_deadline(at, |scope| async move {
                scope.spawn(With::new(pending::<()>(), on_drop(&of_scope)));
                scope.spawn(sleep(Duration::from_secs(1)));
            });
            result.await.unwrap_err();
            assert_eq!(
                (begin.elapsed(), dropped.get()),
                (Duration::from_secs(10), 1)
            );
            // The body.
            let at = Instant::now() + Duration::from_secs(5);
            let result: Result<(), Late> =
                try_scope_with_deadline(at, |_: TryScope<Late>| pending()).await;
            assert_eq!(result, Err(Late::Elapsed));
            assert_eq!(begin.elapsed(), Duration::from_secs(15));
            // Neither.
            let at = Instant::now() + Duration::from_secs(5);
            let result = try_scope_with_deadline(at, |scope: TryScope<Late>| async move {
                let child = scope.spawn(async {
                    sleep(Duration::from_secs(4)).await;
                    Ok(())
                });
                child.await.unwrap();
                Err::<(), _>(Late::Other)
            });
            assert_eq!(result.await, Err(Late::Other));
            let at = Instant::now() + Duration::from_secs(5);
            assert_eq!(scope_with_deadline(at, |_| ready(7)).await, Ok(7));
        });
    });
}

#[derive(Debug, PartialEq)]
enum Late {
    Elapsed,
    Other,
}

impl From<Elapsed> for Late {
    fn from(_: Elapsed) -> Self {
        Self::Elapsed
    }
}

#[test]
fn a_limit_is_kept_and_reached() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let counts = (running.clone(), most.clone());
            let limited = ScopeBuilder::new().limit(3).run(|scope| async move {
                let three = Arc::new(Barrier::new(3));
                for _ in 0..30 {
                    let ((running, most), three) = (counts.clone(), three.clone());
                    scope.spawn(async move {
                        let now = running.fetch_add(1, Ordering::SeqCst) + 1;
                        most.fetch_max(now, Ordering::SeqCst);
                        three.wait().await;
                        running.fetch_sub(1, Ordering::SeqCst);
                    });
                }
            });
            limited.await.unwrap();
            assert_eq!(most.load(Ordering::SeqCst), 3);
            // Those in line are cancelled, too.
            let result: Result<(), Late> = ScopeBuilder::new()
                .limit(1)
                .try_run(|scope| async move {
                    for _ in 0..3 {
                        scope.spawn(pending::<Result<(), _>>());
                    }
                    yield_now().await;
                    Err(Late::Other)
                })
                .await;
            assert_eq!(result, Err(Late::Other));
        });
    });
    assert!(panics(|| assert!(
        format!("{:?}", ScopeBuilder::new().limit(0)).is_empty()
    )));
}

/// A blocking closure that runs is waited for, one that is queued is not run.
#[test]
fn blocking_children_and_failure() {
    within_bound(|| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        let (go, gone) = mpsc::channel::<()>();
        let (begin, begun) = oneshot::channel();
        let ended = Arc::new(AtomicBool::new(false));
        let has_failed = Count::default();
        let (of_scope, fails) = (ended.clone(), has_failed.clone());
        let failing = try_scope(|scope| async move {
            scope.spawn_blocking(move || {
                begin.send(()).unwrap();
                gone.recv().unwrap();
                of_scope.store(true, Ordering::SeqCst);
                Ok(())
            });
            begun.await.unwrap();
            scope.spawn_blocking(|| -> Result<(), &str> { unreachable!("queued behind") });
            fails.add();
            Err::<(), _>("failed")
        });
        runtime.block_on(async move {
            let mut failing = Polled::new(failing);
            while has_failed.get() == 0 {
                assert!(failing.is_pending());
                yield_now().await;
            }
            assert!(failing.is_pending(), "it waits for the closure");
            go.send(()).unwrap();
            assert_eq!(failing.future.await, Err("failed"));
        });
        assert!(ended.load(Ordering::SeqCst));
    });
}

/// A scope in a child of a scope; the outer one's failure ends both.
#[test]
fn scopes_nest() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let dropped = Count::default();
            let of_scope = dropped.clone();
            let inside = Arc::new(Notify::new());
            let result: Result<(), &str> = try_scope(|outer| async move {
                let is_inside = inside.clone();
                outer.spawn(async move {
                    scope(|inner| async move {
                        inner.spawn(With::new(pending::<()>(), on_drop(&of_scope)));
                        is_inside.notify_one();
                        pending::<()>().await;
                    })
                    .await;
                    Ok(())
                });
                inside.notified().await;
                Err("outer")
            })
            .await;
            assert_eq!(result, Err("outer"));
            // The inner scope was dropped: its child ends at its next await point.
            dropped.reaches(1).await;
        });
    });
}

#[test]
fn a_scope_without_children_needs_no_runtime() {
    assert_eq!(now(scope(|scope| async move { scope.len() })), 0);
    let payload = panic_of(|| now(scope(|scope| async move { drop(scope.spawn(async {})) })));
    assert!(payload.is::<String>(), "no runtime");
}

/// Children that the end of their runtime drops.
#[test]
fn a_runtime_that_ends_ends_its_children() {
    within_bound(|| {
        let other = Builder::new_multi_thread()
            .worker_threads(1)
            .build()
            .unwrap();
        let handle = other.handle().clone();
        let mut scope = Polled::new(scope(move |scope| {
            scope.spawn_on(pending::<()>(), &handle);
            ready(())
        }));
        assert!(scope.is_pending());
        drop(other);
        assert_eq!(scope.wakes(), 1);
        scope.ready();
    });
}

#[test]
fn futures_are_send_where_their_bodies_are() {
    fn send<T: Send>(value: T) -> T {
        value
    }
    drop(send(scope(|scope| async move {
        scope.spawn(async {});
        yield_now().await;
    })));
    drop(send(try_scope(|scope: TryScope<String>| async move {
        scope.spawn(async { Ok(()) });
        yield_now().await;
        Ok(())
    })));
    fn shared<T: Send + Sync + Clone + 'static>() {}
    shared::<Scope>();
    shared::<TryScope<String>>();
}
