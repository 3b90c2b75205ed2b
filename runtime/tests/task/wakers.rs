//! Wakers: foreign ones that panic where a `JoinHandle` uses them, and a task's own ones that
//! are kept, used late, or used while the task is polled or dropped.
#![allow(clippy::waker_clone_wake)] // a wake by value is what they are about

use crate::support::{Count, OnDrop, With, on_each_flavour, on_each_flavour_owned};
use runtime::runtime::Runtime;
use runtime::task::{JoinHandle, yield_now};
use std::future::poll_fn;
use std::panic::panic_any;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// A foreign waker; with its last clone its `_dropped` goes.
struct Foreign<F: FnMut() + Send + Sync + 'static> {
    woken: Count,
    wake_panics: bool,
    _dropped: OnDrop<F>,
}

impl<F: FnMut() + Send + Sync> Wake for Foreign<F> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.woken.add();
        if self.wake_panics {
            panic!("on purpose: wake");
        }
    }
}

fn poll<T>(task: &mut JoinHandle<T>, waker: &Waker) -> Poll<Result<T, runtime::task::JoinError>> {
    Pin::new(task).poll(&mut Context::from_waker(waker))
}

/// A task that ends when the gate is opened.
fn gated(runtime: &Runtime) -> (runtime::sync::oneshot::Sender<()>, JoinHandle<u32>) {
    let (open, opened) = runtime::sync::oneshot::channel();
    let task = runtime.spawn(async {
        opened.await.expect("opened");
        7
    });
    (open, task)
}

#[test]
fn a_join_waker_that_panics_in_wake_loses_nothing() {
    on_each_flavour(|runtime| {
        let (open, mut task) = gated(runtime);
        let (woken, dropped) = (Count::default(), Count::default());
        let _dropped = OnDrop::new(&dropped, || ());
        let waker = Waker::from(Arc::new(Foreign {
            woken: woken.clone(),
            wake_panics: true,
            _dropped,
        }));
        assert!(poll(&mut task, &waker).is_pending());
        drop(waker);
        runtime.block_on(async {
            open.send(()).expect("the task waits");
            woken.reaches(1).await;
            assert_eq!(task.await.expect("it returns"), 7);
            dropped.reaches(1).await;
        });
        assert_eq!(
            runtime.block_on(runtime.spawn(async { 1 })).expect("works"),
            1
        );
    });
}

#[test]
fn a_join_waker_that_panics_in_its_drop_loses_nothing() {
    on_each_flavour(|runtime| {
        let foreign = |woken: &Count, dropped: &Count| {
            let _dropped = OnDrop::new(dropped, || panic!("on purpose: the waker's drop"));
            Waker::from(Arc::new(Foreign {
                woken: woken.clone(),
                wake_panics: false,
                _dropped,
            }))
        };
        let (woken, dropped) = (Count::default(), Count::default());
        // Replaced by another.
        let (open, mut task) = gated(runtime);
        let waker = foreign(&woken, &dropped);
        assert!(poll(&mut task, &waker).is_pending());
        drop(waker);
        assert!(poll(&mut task, Waker::noop()).is_pending());
        assert_eq!((woken.get(), dropped.get()), (0, 1));
        runtime.block_on(async {
            open.send(()).expect("the task waits");
            assert_eq!(task.await.expect("it returns"), 7);
        });
        // Dropped with the handle of a task that waits, and of one that has finished.
        for finished in [false, true] {
            let dropped = Count::default();
            let (open, mut task) = gated(runtime);
            let waker = foreign(&woken, &dropped);
            assert!(poll(&mut task, &waker).is_pending());
            drop(waker);
            runtime.block_on(async {
                if finished {
                    open.send(()).expect("the task waits");
                    while !task.is_finished() {
                        yield_now().await;
                    }
                }
                drop(task);
                dropped.reaches(1).await;
            });
        }
        assert_eq!(woken.get(), 1);
        assert_eq!(
            runtime.block_on(runtime.spawn(async { 1 })).expect("works"),
            1
        );
    });
}

/// Where a task leaves its waker.
type Slot = Arc<Mutex<Option<Waker>>>;

/// A task that leaves its waker and goes on when it is woken; counts its polls.
fn leaves_its_waker(runtime: &Runtime, slot: &Slot, polls: &Count) -> JoinHandle<()> {
    let (slot, polls) = (slot.clone(), polls.clone());
    runtime.spawn(poll_fn(move |cx| {
        let before = slot
            .lock()
            .expect("no panic inside")
            .replace(cx.waker().clone());
        polls.add();
        if before.is_some() {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }))
}

fn take(slot: &Slot) -> Option<Waker> {
    slot.lock().expect("no panic inside").take()
}

#[test]
fn wakers_do_nothing_after_completion_and_after_the_runtime() {
    on_each_flavour_owned(|runtime| {
        let (slot, polls) = (Slot::default(), Count::default());
        let task = leaves_its_waker(&runtime, &slot, &polls);
        runtime.block_on(async {
            polls.reaches(1).await;
            let waker = slot.lock().expect("no panic inside").clone();
            waker.expect("left by the first poll").wake();
            task.await.expect("it returns");
        });
        let late = take(&slot).expect("left by the second poll");
        let dropped_on_thread = late.clone();
        late.wake_by_ref();
        late.clone().wake();
        assert_eq!(
            runtime.block_on(runtime.spawn(async { 1 })).expect("works"),
            1
        );
        drop(runtime);
        late.wake_by_ref();
        late.clone().wake();
        std::thread::spawn(move || dropped_on_thread.wake())
            .join()
            .expect("no panic");
        drop(late);
        assert_eq!(polls.get(), 2);
    });
}

#[test]
fn a_waker_kept_for_ever_does_not_stop_the_shutdown() {
    on_each_flavour_owned(|runtime| {
        let (slot, polls, dropped) = (Slot::default(), Count::default(), Count::default());
        let future = {
            let (slot, polls) = (slot.clone(), polls.clone());
            poll_fn(move |cx| {
                *slot.lock().expect("no panic inside") = Some(cx.waker().clone());
                polls.add();
                Poll::<()>::Pending
            })
        };
        let task = runtime.spawn(With::new(future, OnDrop::new(&dropped, || ())));
        runtime.block_on(polls.reaches(1));
        let waker = take(&slot).expect("left by the poll");
        std::mem::forget(waker.clone());
        drop(runtime);
        assert_eq!(dropped.get(), 1, "dropped with its runtime");
        waker.wake();
        assert_eq!(polls.get(), 1);
        assert!(task.is_finished());
    });
}

#[test]
fn many_wakes_within_a_poll_are_one_more_poll() {
    on_each_flavour(|runtime| {
        let polls = Count::default();
        let counted = polls.clone();
        let task = runtime.spawn(poll_fn(move |cx| {
            counted.add();
            for _ in 0..5 {
                cx.waker().wake_by_ref();
                cx.waker().clone().wake();
            }
            if counted.get() == 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        runtime.block_on(async {
            task.await.expect("it returns");
            // Behind whatever the wakes may have queued.
            runtime::spawn(async {}).await.expect("it returns");
        });
        assert_eq!(polls.get(), 3);
    });
}

/// Wakes its task in its drop, by reference and by value.
fn wakes_in_drop(slot: Slot) -> impl FnMut() {
    move || {
        if let Some(waker) = take(&slot) {
            waker.wake_by_ref();
            waker.wake();
        }
    }
}

#[test]
fn wakes_within_the_drop_do_nothing() {
    on_each_flavour_owned(|runtime| {
        let (polls, dropped) = (Count::default(), Count::default());
        let subject = |ready: bool, panics: bool| {
            let slot = Slot::default();
            let beside = OnDrop::new(&dropped, wakes_in_drop(slot.clone()));
            let polls = polls.clone();
            let future = poll_fn(move |cx| {
                *slot.lock().expect("no panic inside") = Some(cx.waker().clone());
                polls.add();
                if panics {
                    panic_any("on purpose: poll");
                }
                if ready {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            });
            runtime.spawn(With::new(future, beside))
        };
        runtime.block_on(async {
            // Dropped on completion, on a panic, by an abort.
            subject(true, false).await.expect("it returns");
            assert!(
                subject(false, true)
                    .await
                    .expect_err("it panics")
                    .is_panic()
            );
            let aborted = subject(false, false);
            polls.reaches(3).await;
            aborted.abort();
            assert!(aborted.await.expect_err("aborted").is_cancelled());
            assert_eq!(dropped.get(), 3);
            // And by the shutdown.
            drop(subject(false, false));
            polls.reaches(4).await;
        });
        drop(runtime);
        assert_eq!((polls.get(), dropped.get()), (4, 4));
    });
}
