//! Calls in the wrong place: each gives a panic that names the call and what to do instead. The
//! phrases are those that programs written for tokio match on.

use crate::support::*;
use runtime::runtime::{Builder, Handle, Runtime};
use runtime::task;
use std::time::Duration;

const NO_RUNTIME: &str =
    "there is no reactor running, must be called from the context of a Tokio 1.x runtime";
const NESTED: &str = "Cannot start a runtime from within a runtime";
const NO_DROP: &str = "Cannot drop a runtime in a context where blocking is not allowed";

/// The text of the panic of one call of a builder.
fn refusal(call: impl FnOnce(&mut Builder)) -> String {
    panic_text(|| call(&mut Builder::new_multi_thread()))
}

#[test]
fn a_runtime_without_threads_is_refused() {
    let text = refusal(|builder| {
        builder.worker_threads(0);
    });
    assert_contains(
        &text,
        &["Worker threads cannot be set to 0", "at least one"],
    );
    let text = refusal(|builder| {
        builder.max_blocking_threads(0);
    });
    assert_contains(&text, &["Max blocking threads cannot be set to 0"]);
}

#[test]
fn intervals_of_zero_are_refused() {
    let text = refusal(|builder| {
        builder.event_interval(0);
    });
    assert_contains(&text, &["event_interval must be greater than 0"]);
    let text = refusal(|builder| {
        builder.global_queue_interval(0);
    });
    assert_contains(&text, &["global_queue_interval must be greater than 0"]);
    let text = refusal(|builder| {
        builder.max_io_events_per_tick(0);
    });
    assert_contains(&text, &["max_io_events_per_tick must be non-zero"]);
    let text = refusal(|builder| {
        builder.name(" ");
    });
    assert_contains(&text, &["runtime name shouldn't be empty"]);
}

#[test]
fn outside_of_a_runtime_calls_name_the_remedy() {
    let remedy = [MAIN, "Handle::enter"];
    for text in [
        panic_text(|| runtime::spawn(async {})),
        panic_text(|| runtime::spawn_blocking(|| {})),
        panic_text(|| runtime::time::sleep(Duration::ZERO)),
        panic_text(|| runtime::time::interval(Duration::from_secs(1))),
        panic_text(Handle::current),
    ] {
        assert_contains(&text, &[NO_RUNTIME]);
        assert_contains(&text, &remedy);
    }
    let error = Handle::try_current().unwrap_err();
    assert!(error.is_missing_context() && !error.is_thread_local_destroyed());
    assert_contains(&error.to_string(), &[NO_RUNTIME]);
    assert_contains(
        &panic_text(task::id),
        &["Can't get a task id when not inside a task"],
    );
    // No runtime, nothing to hand over: the closure is just called.
    assert_eq!(task::block_in_place(|| 7), 7);
}

#[cfg(feature = "net")]
#[test]
fn sockets_outside_of_a_runtime_name_the_remedy() {
    use runtime::net::{TcpListener, TcpStream};
    use std::pin::pin;
    use std::task::{Context, Waker};
    let mut cx = Context::from_waker(Waker::noop());
    let bind = || {
        pin!(TcpListener::bind("127.0.0.1:0"))
            .poll(&mut cx)
            .is_ready()
    };
    assert_contains(&panic_text(bind), &[NO_RUNTIME]);
    let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = socket.local_addr().unwrap();
    socket.set_nonblocking(true).unwrap();
    assert_contains(&panic_text(|| TcpListener::from_std(socket)), &[NO_RUNTIME]);
    let connect = || pin!(TcpStream::connect(address)).poll(&mut cx).is_ready();
    assert_contains(&panic_text(connect), &[NO_RUNTIME]);
}

#[test]
fn a_nested_block_on_is_refused() {
    for runtime in both(2) {
        let handle = runtime.handle().clone();
        let texts = runtime.block_on(async {
            let in_root = panic_text(|| handle.block_on(async {}));
            let inner = current();
            let other_runtime = panic_text(|| inner.block_on(async {}));
            inner.shutdown_background();
            let in_task = runtime::spawn(async move { panic_text(|| handle.block_on(async {})) });
            [in_root, other_runtime, in_task.await.unwrap()]
        });
        for text in texts {
            assert_contains(&text, &[NESTED, "block_on", "spawn_blocking"]);
        }
        // The refusal left nothing behind.
        assert_eq!(runtime.block_on(async { 1 }), 1);
    }
}

#[test]
fn timers_need_time() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = builder.enable_io().build().unwrap();
        let text = runtime.block_on(async {
            let task = runtime::spawn(async {
                panic_text(|| runtime::time::sleep(Duration::from_millis(1)))
            });
            let timeout = panic_text(|| {
                runtime::time::timeout(Duration::from_secs(1), std::future::pending::<()>())
            });
            assert_contains(&timeout, &["timers are disabled"]);
            task.await.unwrap()
        });
        assert_contains(
            &text,
            &[
                "A Tokio 1.x context was found, but timers are disabled",
                "enable_time",
            ],
        );
    }
}

#[cfg(feature = "net")]
#[test]
fn sockets_need_io() {
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = builder.enable_time().build().unwrap();
        let error = runtime.block_on(async {
            let task = runtime::spawn(runtime::net::TcpListener::bind("127.0.0.1:0"));
            task.await.unwrap_err()
        });
        let text = payload_text(&*error.into_panic());
        assert_contains(
            &text,
            &[
                "A Tokio 1.x context was found, but IO is disabled",
                "enable_io",
            ],
        );
    }
}

/// The drop panics, and the runtime ends all the same.
#[test]
fn a_runtime_is_not_dropped_in_async_code() {
    let _bound = hang_bound();
    for outer in both(2) {
        for inner in both(2) {
            let tally = Tally::default();
            let parked = tally.one();
            let handle = inner.handle().clone();
            inner.spawn(async move {
                let _parked = parked;
                std::future::pending::<()>().await;
            });
            let text = outer.block_on(async { panic_text(move || drop(inner)) });
            assert_contains(&text, &[NO_DROP, "shutdown_background", "spawn_blocking"]);
            // Its workers end in their own time.
            while tally.dropped() == 0 {
                std::thread::yield_now();
            }
            assert!(
                outer
                    .block_on(handle.spawn(async {}))
                    .unwrap_err()
                    .is_cancelled()
            );
        }
    }
}

/// A worker drops its own runtime: neither a join of itself nor a hang.
#[test]
fn a_task_drops_its_own_runtime() {
    let _bound = hang_bound();
    for background in [false, true] {
        let runtime = multi(2);
        let handle = runtime.handle().clone();
        let (say, hear) = std::sync::mpsc::channel();
        handle.spawn(async move {
            let outcome = match background {
                true => {
                    runtime.shutdown_background();
                    None
                }
                false => Some(panic_text(move || drop(runtime))),
            };
            say.send(outcome).unwrap();
        });
        if let Some(text) = hear.recv().unwrap() {
            assert_contains(&text, &[NO_DROP]);
        }
    }
}

/// A panic that unwinds through a runtime within another one is the panic that is seen.
#[test]
fn a_runtime_dropped_by_a_panic_in_async_code_does_not_panic_again() {
    let _bound = hang_bound();
    for outer in both(2) {
        let task = outer.spawn(async {
            let _inner = both(1);
            panic!("the first panic");
        });
        let error = outer.block_on(task).unwrap_err();
        assert_eq!(payload_text(&*error.into_panic()), "the first panic");
    }
}

#[test]
fn block_in_place_needs_a_second_thread() {
    let runtime = current();
    let texts = runtime.block_on(async {
        let root = panic_text(|| task::block_in_place(|| {}));
        let task = runtime::spawn(async { panic_text(|| task::block_in_place(|| {})) });
        [root, task.await.unwrap()]
    });
    for text in texts {
        assert_contains(
            &text,
            &[
                "can call blocking only when running on the multi-threaded runtime",
                "spawn_blocking",
            ],
        );
    }
}

#[test]
fn guards_are_dropped_in_reverse_order() {
    let (first, second) = (current(), current());
    let text = panic_text(|| {
        let outer = first.enter();
        let _inner = second.enter();
        drop(outer);
    });
    assert_contains(
        &text,
        &[
            "EnterGuard",
            "dropped out of order",
            "runtime::Handle::enter()",
            "reverse order",
        ],
    );
}

#[cfg(feature = "test-util")]
#[test]
fn time_stands_still_for_one_thread_only() {
    let text = panic_text(|| Builder::new_multi_thread().start_paused(true).build());
    assert!(text.starts_with("`time::pause()` requires the `current_thread` Tokio runtime"));
    assert_contains(&text, &["start_paused", "current-thread"]);
}

#[test]
fn blocking_methods_are_refused_in_async_code() {
    let runtime = current();
    let text = runtime.block_on(async {
        let (sender, _receiver) = runtime::sync::mpsc::channel::<u32>(1);
        panic_text(move || sender.blocking_send(1))
    });
    assert_contains(
        &text,
        &["Cannot block the current thread from within a runtime"],
    );
}

#[test]
fn the_types_of_a_runtime_cross_threads_and_unwinding() {
    fn check<T: Send + Sync + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    check::<Runtime>();
    check::<Handle>();
}
