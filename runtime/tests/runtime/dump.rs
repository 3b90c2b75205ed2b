//! Task dumps: every task once, where it waits, and none that is the worse for it.
#![cfg(feature = "taskdump")]

use crate::support::*;
use runtime::runtime::dump::{Trace, trace_with};
use runtime::runtime::{Builder, Handle, Runtime};
use runtime::sync::{Mutex, Semaphore, mpsc, oneshot};
use runtime::task::yield_now;
use std::collections::HashSet;
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

/// Where `outer_function` waits. Lines are in every kind of debug information, whole names are not.
const OUTER: u32 = line!() + 4;

#[inline(never)]
async fn outer_function() {
    inner_function().await;
}

/// Where `inner_function` waits.
const INNER: u32 = line!() + 5;

#[inline(never)]
async fn inner_function() {
    loop {
        yield_now().await;
    }
}

/// `line` of this file as a trace names it.
fn at(line: u32) -> String {
    format!("dump.rs:{line}:")
}

fn flavours() -> [Runtime; 3] {
    [current(), multi(1), multi(3)]
}

#[test]
fn every_task_is_there_once_with_its_functions() {
    let _bound = hang_bound();
    for runtime in flavours() {
        let dump = runtime.block_on(async {
            let tasks: Vec<_> = (0..3).map(|_| runtime::spawn(outer_function())).collect();
            let ids: HashSet<_> = tasks.iter().map(|task| task.id()).collect();
            let dump = Handle::current().dump().await;
            let found: HashSet<_> = dump.tasks().iter().map(|task| task.id()).collect();
            assert_eq!(found, ids);
            assert_eq!(dump.tasks().iter().count(), 3);
            dump
        });
        for task in dump.tasks().iter() {
            let text = task.trace().to_string();
            let [outer, inner] = [at(OUTER), at(INNER)];
            assert_contains(&text, &[&outer, &inner, "yield_now"]);
            // The root first.
            assert!(text.find(&outer) < text.find(&inner));
            assert!(
                !text.contains("trace_task"),
                "what traces is no part of the task: {text}"
            );
            let stacks = task.trace().resolve_backtraces();
            assert_eq!(stacks.len(), 1);
            let names = stacks[0].frames().flat_map(|frame| frame.symbols());
            assert!(names.filter_map(|symbol| symbol.name_demangled()).count() > 2);
        }
    }
}

/// Whatever a task waits for, the dump names it, and the task gets it all the same.
#[test]
fn idle_tasks_are_traced_and_go_on() {
    let _bound = hang_bound();
    for runtime in flavours() {
        runtime.block_on(async {
            let (send_one, receive_one) = oneshot::channel();
            let (send, mut receive) = mpsc::channel(1);
            let semaphore = Arc::new(Semaphore::new(0));
            let permits = semaphore.clone();
            let notify = Arc::new(runtime::sync::Notify::new());
            let told = notify.clone();
            let tasks = [
                runtime::spawn(async move { receive_one.await.unwrap() }),
                runtime::spawn(async move { receive.recv().await.unwrap() }),
                runtime::spawn(async move { permits.acquire().await.unwrap().forget() }),
                runtime::spawn(async { runtime::time::sleep(Duration::from_millis(200)).await }),
                runtime::spawn(async move { told.notified().await }),
            ];
            for _ in 0..20 {
                yield_now().await;
            }
            for _ in 0..3 {
                let dump = Handle::current().dump().await;
                assert!(dump.tasks().iter().count() >= 4);
                for task in dump.tasks().iter() {
                    assert_eq!(task.trace().resolve_backtraces().len(), 1, "{}", task.id());
                }
            }
            notify.notify_one();
            send_one.send(()).unwrap();
            send.send(()).await.unwrap();
            semaphore.add_permits(1);
            for task in tasks {
                task.await.unwrap();
            }
        });
    }
}

#[test]
fn each_branch_of_a_join_has_a_stack() {
    let runtime = current();
    let (_keep, (one, two)) = {
        let (send_one, one) = oneshot::channel::<()>();
        let (send_two, two) = oneshot::channel::<()>();
        ((send_one, send_two), (one, two))
    };
    let dump = runtime.block_on(async {
        let task = runtime::spawn(async { runtime::join!(one, two) });
        yield_now().await;
        let dump = Handle::current().dump().await;
        task.abort();
        dump
    });
    let trace = dump.tasks().iter().next().unwrap().trace();
    assert_eq!(trace.resolve_backtraces().len(), 2);
}

/// Tasks that end, panic, are aborted or block in place in their traced poll.
#[test]
fn whatever_a_task_does_in_its_traced_poll_is_done() {
    let _bound = hang_bound();
    for runtime in flavours() {
        let blocks = runtime.metrics().num_workers() > 1;
        let in_trace = move |then: fn()| {
            poll_fn(move |cx| {
                if Handle::is_tracing() {
                    then();
                    return Poll::Ready(());
                }
                cx.waker().wake_by_ref();
                Poll::Pending
            })
        };
        runtime.block_on(async {
            let ends = runtime::spawn(in_trace(|| ()));
            let panics = runtime::spawn(in_trace(|| panic!("on purpose")));
            let aborted = runtime::spawn(pending::<()>());
            aborted.abort();
            let in_place =
                blocks.then(|| runtime::spawn(in_trace(|| runtime::task::block_in_place(|| ()))));
            while !ends.is_finished() || !panics.is_finished() {
                let _dump = Handle::current().dump().await;
                yield_now().await;
            }
            ends.await.unwrap();
            assert!(panics.await.unwrap_err().is_panic());
            assert!(aborted.await.unwrap_err().is_cancelled());
            if let Some(in_place) = in_place {
                while !in_place.is_finished() {
                    let _dump = Handle::current().dump().await;
                }
                in_place.await.unwrap();
            }
        });
    }
}

/// Dumps against tasks that never rest: none is lost, none stops.
#[test]
fn tasks_at_work_survive_many_dumps() {
    let _bound = hang_bound();
    for runtime in flavours() {
        let stop = Arc::new(AtomicBool::new(false));
        let sum: usize = runtime.block_on(async {
            let tasks: Vec<_> = (0..20)
                .map(|number| {
                    let stop = stop.clone();
                    runtime::spawn(async move {
                        let mut turns = 0;
                        while !stop.load(SeqCst) {
                            if number % 2 == 0 {
                                yield_now().await;
                            } else {
                                runtime::time::sleep(Duration::from_nanos(1)).await;
                            }
                            turns += 1;
                        }
                        turns
                    })
                })
                .collect();
            for _ in 0..30 {
                let dump = Handle::current().dump().await;
                assert!(dump.tasks().iter().count() <= 20);
            }
            stop.store(true, SeqCst);
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            sum
        });
        assert!(sum > 0);
    }
}

#[test]
fn a_runtime_that_has_ended_has_no_tasks() {
    let runtime = multi(1);
    let handle = runtime.handle().clone();
    drop(runtime);
    assert_eq!(current().block_on(handle.dump()).tasks().iter().count(), 0);
}

#[test]
fn a_local_runtime_is_dumped_on_its_thread() {
    let runtime = runtime::runtime::LocalRuntime::new().unwrap();
    let held = std::rc::Rc::new(());
    let waits = held.clone();
    drop(runtime.spawn_local(async move {
        pending::<()>().await;
        drop(waits);
    }));
    drop(runtime.spawn_local(outer_function()));
    let dump = runtime.block_on(runtime.handle().dump());
    assert_eq!(dump.tasks().iter().count(), 2);
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// By hand: the leaf is told of, stays pending, and is woken when the poll is over.
#[test]
fn a_traced_leaf_is_woken_later() {
    let runtime = current();
    runtime.block_on(async {
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        let mutex = Mutex::new(7);
        let mut lock = pin!(mutex.lock());
        let mut leaves = 0;
        let traced = trace_with(
            || lock.as_mut().poll(&mut cx).is_ready(),
            |meta| {
                assert!(meta.root_addr.is_none());
                leaves += 1;
            },
        );
        assert!(!traced);
        assert_eq!((leaves, count.0.load(SeqCst)), (1, 0));
        for _ in 0..10 {
            yield_now().await;
        }
        assert_eq!(count.0.load(SeqCst), 1);
        assert!(!Handle::is_tracing());
        let Poll::Ready(guard) = lock.as_mut().poll(&mut cx) else {
            panic!("the mutex is free");
        };
        assert_eq!(*guard, 7);
    });
}

/// It only looks: what is free stays free, and the task gets it afterwards.
#[test]
fn a_traced_poll_takes_no_free_permit() {
    current().block_on(async {
        let semaphore = Semaphore::new(4);
        let mut acquire = pin!(semaphore.acquire_many(3));
        let taken = poll_fn(|cx| {
            let (polled, trace) = Trace::capture(|| acquire.as_mut().poll(cx).is_ready());
            assert!(!polled && trace.resolve_backtraces().len() == 1);
            Poll::Ready(4 - semaphore.available_permits())
        })
        .await;
        assert_eq!(taken, 0);
        let _permits = acquire.await.unwrap();
        assert_eq!(semaphore.available_permits(), 1);
    });
}

/// Nobody but its own thread could poll them, and that one may never do so again.
#[test]
fn a_local_runtime_that_its_thread_does_not_run_shows_no_tasks() {
    let _bound = hang_bound();
    let local = runtime::runtime::LocalRuntime::new().unwrap();
    let held = std::rc::Rc::new(());
    let task = local.spawn_local(async move { std::rc::Rc::strong_count(&held) });
    let handle = local.handle().clone();
    let elsewhere = std::thread::spawn(move || {
        let dump = current().block_on(handle.dump());
        dump.tasks().iter().count()
    });
    assert_eq!(elsewhere.join().unwrap(), 0);
    assert_eq!(local.block_on(task).unwrap(), 1);
}

#[test]
fn a_root_is_where_a_trace_ends() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut with_root = pin!(Trace::root(outer_function()));
        let mut without = pin!(outer_function());
        let mut here = 0;
        let (with_root, without) = poll_fn(|cx| {
            assert!(with_root.as_mut().poll(cx).is_pending());
            assert!(without.as_mut().poll(cx).is_pending());
            let (first, with_root) = Trace::capture(|| with_root.as_mut().poll(cx));
            here = line!() + 1;
            let (second, without) = Trace::capture(|| without.as_mut().poll(cx));
            assert!(first.is_pending() && second.is_pending());
            Poll::Ready((with_root.to_string(), without.to_string()))
        })
        .await;
        assert_contains(&with_root, &[&at(OUTER), &at(INNER), "yield_now"]);
        assert!(!with_root.contains(&at(here)), "{with_root}");
        assert_contains(&without, &[&at(OUTER), &at(here)]);
    });
}
