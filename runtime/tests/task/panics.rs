//! Panics in tasks: in the poll, in drops, in payloads. They reach the `JoinHandle` or end where
//! they are; workers and other tasks go on.

use crate::support::{
    Bomb, Count, OnDrop, With, on_each_flavour, on_each_flavour_owned, panics, payload_text,
};
use runtime::runtime::Runtime;
use runtime::sync::oneshot;
use std::future::pending;
use std::hint::black_box;
use std::panic::panic_any;

/// What all tests end with: the workers are alive.
fn still_works(runtime: &Runtime) {
    let tasks: Vec<_> = (0..8).map(|n| runtime.spawn(async move { n })).collect();
    runtime.block_on(async {
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.expect("it returns"), n);
        }
    });
}

#[test]
fn the_payload_reaches_the_join_handle() {
    on_each_flavour(|runtime| {
        let dropped = Count::default();
        let beside = OnDrop::new(&dropped, || ());
        let text_task = runtime.spawn(With::new(
            async { panic!("on purpose: {}", black_box(7)) },
            beside,
        ));
        let value_task = runtime.spawn(async { panic_any(Bomb(Count::default())) });
        runtime.block_on(async {
            let error = text_task.await.expect_err("it panics");
            assert!(error.is_panic() && !error.is_cancelled());
            let payload = error.into_panic();
            assert_eq!(
                payload.downcast_ref::<String>().expect("formatted"),
                "on purpose: 7"
            );
            assert_eq!(dropped.get(), 1);

            let error = value_task.await.expect_err("it panics");
            let payload = error.try_into_panic().expect("a panic");
            let bomb = payload.downcast::<Bomb>().expect("the value itself");
            assert!(panics(|| drop(bomb)), "dropped here, not before");
        });
        still_works(runtime);
    });
}

#[test]
fn a_panic_after_an_await_is_the_same() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let (go, goes) = oneshot::channel::<()>();
            let task = runtime::spawn(async {
                goes.await.expect("sent");
                panic!("on purpose: later");
            });
            go.send(()).expect("the task waits");
            let error = task.await.expect_err("it panics");
            assert_eq!(payload_text(&*error.into_panic()), "on purpose: later");
        });
        still_works(runtime);
    });
}

#[test]
fn a_drop_that_panics_on_abort_is_told() {
    on_each_flavour(|runtime| {
        let dropped = Count::default();
        let beside = OnDrop::new(&dropped, || panic!("on purpose: drop"));
        let task = runtime.spawn(With::new(pending::<()>(), beside));
        task.abort();
        let error = runtime.block_on(task).expect_err("aborted");
        assert_eq!(payload_text(&*error.into_panic()), "on purpose: drop");
        assert_eq!(dropped.get(), 1);
        still_works(runtime);
    });
}

#[test]
fn the_first_of_two_panics_is_kept() {
    on_each_flavour(|runtime| {
        let (dropped, bombs) = (Count::default(), Count::default());
        let bomb = bombs.clone();
        let beside = OnDrop::new(&dropped, move || panic_any(Bomb(bomb.clone())));
        let task = runtime.spawn(With::new(async { panic!("on purpose: poll") }, beside));
        let error = runtime.block_on(task).expect_err("it panics");
        assert_eq!(payload_text(&*error.into_panic()), "on purpose: poll");
        assert_eq!(dropped.get(), 1);
        assert_eq!(
            bombs.get(),
            1,
            "the second payload is dropped, and its panic too"
        );
        still_works(runtime);
    });
}

#[test]
fn a_drop_that_panics_after_the_output_wins_over_it() {
    on_each_flavour(|runtime| {
        let (dropped, outputs) = (Count::default(), Count::default());
        let beside = OnDrop::new(&dropped, || panic!("on purpose: drop"));
        let output = OnDrop::new(&outputs, || panic!("on purpose: output"));
        let task = runtime.spawn(With::new(async { output }, beside));
        let error = runtime.block_on(task).err().expect("its drop panics");
        assert_eq!(payload_text(&*error.into_panic()), "on purpose: drop");
        assert_eq!((dropped.get(), outputs.get()), (1, 1));
        still_works(runtime);
    });
}

#[test]
fn an_output_that_nobody_takes_may_panic_in_its_drop() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            // Dropped by the worker.
            let outputs = Count::default();
            let output = OnDrop::new(&outputs, || panic!("on purpose: output"));
            drop(runtime::spawn(async { output }));
            outputs.reaches(1).await;
            // Dropped by the handle's drop.
            let output = OnDrop::new(&outputs, || panic!("on purpose: output"));
            let task = runtime::spawn(async { output });
            while !task.is_finished() {
                runtime::task::yield_now().await;
            }
            drop(task);
            assert_eq!(outputs.get(), 2);
        });
        still_works(runtime);
    });
}

#[test]
fn a_payload_that_nobody_takes_may_panic_in_its_drop() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let bombs = Count::default();
            let bomb = Bomb(bombs.clone());
            drop(runtime::spawn(async { panic_any(bomb) }));
            bombs.reaches(1).await;

            let bomb = Bomb(bombs.clone());
            let task = runtime::spawn(async { panic_any(bomb) });
            while !task.is_finished() {
                runtime::task::yield_now().await;
            }
            drop(task);
            assert_eq!(bombs.get(), 2);
        });
        still_works(runtime);
    });
}

#[test]
fn panics_in_drops_at_shutdown_end_there() {
    on_each_flavour_owned(|runtime| {
        let (dropped, bombs) = (Count::default(), Count::default());
        for _ in 0..4 {
            let beside = OnDrop::new(&dropped, || panic!("on purpose: drop"));
            drop(runtime.spawn(With::new(pending::<()>(), beside)));
            let bomb = bombs.clone();
            let beside = OnDrop::new(&dropped, move || panic_any(Bomb(bomb.clone())));
            drop(runtime.spawn(With::new(pending::<()>(), beside)));
        }
        drop(runtime);
        assert_eq!(dropped.get(), 8);
        assert_eq!(bombs.get(), 4);
    });
}

#[test]
fn a_blocking_closure_panics_like_a_task() {
    on_each_flavour(|runtime| {
        let task = runtime.spawn_blocking(|| panic!("on purpose: blocking"));
        let error = runtime.block_on(task).expect_err("it panics");
        assert_eq!(payload_text(&*error.into_panic()), "on purpose: blocking");
        still_works(runtime);
    });
}

/// As with any other value on the way of a panic.
#[test]
fn a_future_that_panics_is_dropped_while_its_thread_unwinds() {
    struct Boom(std::sync::mpsc::Sender<bool>);
    impl Future for Boom {
        type Output = ();
        fn poll(
            self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
        ) -> std::task::Poll<()> {
            panic!("on purpose");
        }
    }
    impl Drop for Boom {
        fn drop(&mut self) {
            self.0.send(std::thread::panicking()).unwrap();
        }
    }
    on_each_flavour(|runtime| {
        let (sender, receiver) = std::sync::mpsc::channel();
        let error = runtime.block_on(runtime.spawn(Boom(sender))).unwrap_err();
        assert!(error.is_panic());
        assert_eq!(receiver.try_iter().collect::<Vec<_>>(), [true]);
    });
}
