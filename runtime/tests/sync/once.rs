//! `OnceCell` and `SetOnce`, polled by hand and between threads.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::{OnceCell, SetError, SetOnce, SetOnceError};
use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

/// An initialiser that is pending until `gate` is open.
fn gated(gate: &Cell<bool>, value: u8) -> impl Future<Output = u8> {
    poll_fn(move |_| match gate.get() {
        true => Poll::Ready(value),
        false => Poll::Pending,
    })
}

#[test]
fn waiters_get_the_value_of_the_first_initialiser() {
    let (cell, gate) = (OnceCell::new(), Cell::new(false));
    let mut first = Polled::new(cell.get_or_init(|| gated(&gate, 1)));
    assert!(first.is_pending());
    let mut waiting: Vec<_> = (0..50)
        .map(|_| Polled::new(cell.get_or_init(pending::<u8>)))
        .collect();
    assert!(waiting.iter_mut().all(Polled::is_pending));
    assert_eq!(cell.set(9), Err(SetError::InitializingError(9)));
    assert!(cell.get().is_none() && !cell.initialized());
    gate.set(true);
    assert_eq!(*first.ready(), 1);
    for waiting in &mut waiting {
        assert_eq!(waiting.wakes(), 1);
        assert_eq!(*waiting.ready(), 1);
    }
    assert_eq!(*now(cell.get_or_init(pending)), 1);
    assert_eq!(cell.set(9), Err(SetError::AlreadyInitializedError(9)));
}

/// K2, FAULT 12: cancelled, failed or panicked, the next waiter tries.
#[test]
fn an_initialiser_that_does_not_finish_hands_over() {
    for how in 0..3 {
        let cell = OnceCell::new();
        let fails = Cell::new(false);
        let mut first = Polled::new(cell.get_or_try_init(|| {
            poll_fn(|_| match (fails.get(), how) {
                (false, _) => Poll::Pending,
                (true, 1) => Poll::Ready(Err("no value")),
                _ => panic!("in the initialiser"),
            })
        }));
        assert!(first.is_pending());
        let mut dropped = Polled::new(cell.get_or_init(pending));
        let mut second = Polled::new(cell.get_or_init(|| async { 2 }));
        assert!(dropped.is_pending() && second.is_pending());
        fails.set(true);
        match how {
            0 => drop(first),
            1 => assert_eq!(first.ready(), Err("no value")),
            _ => {
                assert!(panics(|| assert!(first.is_pending())));
                drop(first);
            }
        }
        assert_eq!((dropped.wakes(), second.wakes()), (1, 0), "in order");
        // It had the turn, and passes it on.
        drop(dropped);
        assert_eq!(second.wakes(), 1);
        assert_eq!(*second.ready(), 2);
    }
}

/// An error of a closure before its future is there, too.
#[test]
fn a_closure_that_panics_leaves_the_cell_usable() {
    let cell = OnceCell::new();
    let failing = || -> std::future::Ready<u8> { panic!("in the closure") };
    assert!(panics(|| assert_eq!(*now(cell.get_or_init(failing)), 0)));
    assert_eq!(cell.set(1), Ok(()));
    assert_eq!(cell.get(), Some(&1));
}

/// FAULT 6.
#[test]
fn a_panicking_waker_loses_no_value() {
    let (cell, gate) = (OnceCell::new(), Cell::new(false));
    let mut first = Polled::new(cell.get_or_init(|| gated(&gate, 1)));
    assert!(first.is_pending());
    let mut bad = pin!(cell.get_or_init(pending));
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    let mut good = Polled::new(cell.get_or_init(pending));
    assert!(good.is_pending());
    gate.set(true);
    assert!(panics(|| assert!(first.is_pending())));
    assert_eq!((good.wakes(), *good.ready()), (1, 1));
    let cell = SetOnce::new();
    let mut bad = pin!(cell.wait());
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    let mut good = Polled::new(cell.wait());
    assert!(good.is_pending());
    assert!(panics(|| cell.set(1).unwrap()));
    assert_eq!((good.wakes(), *good.ready()), (1, 1));
}

#[test]
fn a_once_cell_is_a_value_like_others() {
    static CELL: OnceCell<u8> = OnceCell::const_new();
    static FULL: OnceCell<u8> = OnceCell::const_new_with(3);
    assert_eq!((CELL.get(), FULL.get()), (None, Some(&3)));
    let mut cell = OnceCell::new_with(Some(String::from("a")));
    cell.get_mut().unwrap().push('b');
    assert_eq!(cell.clone(), OnceCell::from("ab".to_string()));
    assert_ne!(cell, OnceCell::new());
    assert_eq!(format!("{cell:?}"), r#"OnceCell { value: Some("ab") }"#);
    assert_eq!(cell.take().as_deref(), Some("ab"));
    assert_eq!(cell.take(), None);
    assert_eq!(cell, OnceCell::default());
    assert!(cell.get_mut().is_none());
    cell.set("c".to_string()).unwrap();
    assert_eq!(*now(cell.get_or_init(pending)), "c");
    assert_eq!(cell.into_inner().as_deref(), Some("c"));
    assert_eq!(OnceCell::<u8>::new_with(None).into_inner(), None);
}

#[test]
fn errors_say_which_and_give_the_value_back() {
    let (already, initializing) = (
        SetError::AlreadyInitializedError(1),
        SetError::InitializingError(1),
    );
    assert!(already.is_already_init_err() && !already.is_initializing_err());
    assert!(initializing.is_initializing_err() && !initializing.is_already_init_err());
    assert_eq!(already.to_string(), "AlreadyInitializedError");
    assert_eq!(initializing.to_string(), "InitializingError");
    assert_eq!(SetOnceError(1).to_string(), "SetOnceError");
}

#[test]
fn set_once_wakes_all_that_wait() {
    let cell = SetOnce::new();
    let mut waiting: Vec<_> = (0..100).map(|_| Polled::new(cell.wait())).collect();
    assert!(waiting.iter_mut().all(Polled::is_pending));
    assert!(waiting[7].poll_with_new_waker().is_pending());
    // FAULT 12.
    drop(waiting.remove(3));
    cell.set(5).unwrap();
    assert_eq!(cell.set(6), Err(SetOnceError(6)));
    for waiting in &mut waiting {
        assert_eq!(waiting.wakes(), 1);
        assert_eq!(*waiting.ready(), 5);
    }
    assert_eq!(*now(cell.wait()), 5);
}

#[test]
fn a_set_once_is_a_value_like_others() {
    static CELL: SetOnce<u8> = SetOnce::const_new();
    static FULL: SetOnce<u8> = SetOnce::const_new_with(3);
    assert_eq!((CELL.get(), FULL.get()), (None, Some(&3)));
    let cell = SetOnce::new_with(Some("a".to_string()));
    assert!(cell.initialized());
    assert_eq!(cell.clone(), SetOnce::from("a".to_string()));
    assert_ne!(cell, SetOnce::default());
    assert_eq!(format!("{cell:?}"), r#"SetOnce { value: Some("a") }"#);
    assert_eq!(cell.into_inner().as_deref(), Some("a"));
    assert_eq!(SetOnce::<u8>::new_with(None).into_inner(), None);
}

#[test]
fn values_are_dropped_once() {
    let value = Arc::new(());
    drop(OnceCell::from(value.clone()));
    drop(SetOnce::from(value.clone()));
    drop(OnceCell::from(value.clone()).into_inner());
    drop(SetOnce::from(value.clone()).into_inner());
    let (once, set) = (OnceCell::new(), SetOnce::new());
    once.set(value.clone()).unwrap();
    set.set(value.clone()).unwrap();
    drop((once.set(value.clone()), set.set(value.clone())));
    assert_eq!(Arc::strong_count(&value), 3);
    drop((once, set));
    assert_eq!(Arc::strong_count(&value), 1);
}

/// K1, S1: whichever thread wins, all see its value.
#[test]
fn threads_agree_on_the_value() {
    for _ in 0..200 {
        let cells = (OnceCell::new(), SetOnce::new());
        let cells = &cells;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4_usize)
                .map(|id| {
                    scope.spawn(move || {
                        let runtime = runtime::Builder::new_current_thread().build().unwrap();
                        runtime.block_on(async {
                            let made = cells.0.get_or_init(|| async {
                                runtime::task::yield_now().await;
                                Arc::new(id)
                            });
                            let made = **made.await;
                            if id % 2 == 0 {
                                drop(cells.1.set(Arc::new(id)));
                            }
                            (made, **cells.1.wait().await)
                        })
                    })
                })
                .collect();
            let values: Vec<_> = threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect();
            assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
        });
    }
}

/// Only an empty `OnceCell` counts; tokio's do the same.
#[test]
fn budget_is_spent_where_a_permit_is_taken() {
    fn ready(future: impl Future) -> bool {
        Polled::new(future).poll().is_ready()
    }
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let counts = runtime::spawn(async {
            let (full, set) = (OnceCell::from(1), SetOnce::from(1));
            let count = |poll: &dyn Fn() -> bool| (0..200).take_while(|_| poll()).count();
            [
                count(&|| ready(full.get_or_init(|| async { 1 }))),
                count(&|| ready(set.wait())),
                count(&|| ready(OnceCell::new().get_or_init(|| async { 1 }))),
            ]
        });
        assert_eq!(counts.await.unwrap(), [200, 200, 128]);
    });
}

#[test]
fn what_crosses_threads_is_what_tokio_says() {
    fn send<T: Send>(_: &T) {}
    fn both<T: Send + Sync>(_: &T) {}
    both(&OnceCell::<u8>::new());
    both(&SetOnce::<u8>::new());
    send(&OnceCell::<Cell<u8>>::new());
    send(&SetOnce::<Cell<u8>>::new());
    let (once, set) = (OnceCell::<u8>::new(), SetOnce::<u8>::new());
    both(&set.wait());
    both(&once.get_or_init(|| async { 1 }));
    trait NotSync<A> {
        fn check() {}
    }
    impl<T: ?Sized> NotSync<()> for T {}
    impl<T: ?Sized + Sync> NotSync<u8> for T {}
    // Ambiguous, so an error, if it were `Sync`.
    <OnceCell<Cell<u8>> as NotSync<_>>::check();
    <SetOnce<Cell<u8>> as NotSync<_>>::check();
}

/// What a cell and a wait cost. Growth is a decision, not an accident.
#[test]
fn sizes_are_pinned() {
    let (once, set) = (OnceCell::<u64>::new(), SetOnce::<u64>::new());
    let sizes = [
        ("OnceCell", size_of::<OnceCell<u64>>(), 48),
        ("SetOnce", size_of::<SetOnce<u64>>(), 40),
        (
            "get_or_init",
            size_of_val(&once.get_or_init(|| async { 1 })),
            168,
        ),
        ("wait", size_of_val(&set.wait()), 80),
    ];
    for (what, size, limit) in sizes {
        assert!(size <= limit, "{what}: {size} bytes, at most {limit}");
    }
}
