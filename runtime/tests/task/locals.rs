//! `task_local!` and `LocalKey` as their users see them.

use crate::support::{Polled, With, now, on_each_flavour, panics, within_bound};
use runtime::task::yield_now;
use std::cell::Cell;
use std::error::Error;
use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

runtime::task_local! {
    /// Documented, public, and with a generic type.
    #[allow(unused)]
    pub static LIST: Vec<(u8, String)>;
    static NUMBER: u32;
    pub(crate) static NOT_SEND: Rc<Cell<u32>>
}

runtime::task_local! {}

mod elsewhere {
    runtime::task_local! { pub(super) static TEXT: &'static str; }
}

#[test]
fn declarations_stand_anywhere() {
    runtime::task_local! {
        static INSIDE: bool;
    }
    now(INSIDE.scope(true, async { assert!(INSIDE.get()) }));
    assert_eq!(
        elsewhere::TEXT.sync_scope("text", || elsewhere::TEXT.get()),
        "text"
    );
    assert_eq!(format!("{:?}", INSIDE), "LocalKey { .. }");
    let list = vec![(1, "one".to_owned())];
    assert_eq!(LIST.sync_scope(list.clone(), || LIST.get()), list);
}

#[test]
fn a_value_goes_with_its_task_from_thread_to_thread() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..50)
                .map(|i| {
                    runtime::spawn(NUMBER.scope(i, async move {
                        for _ in 0..20 {
                            assert_eq!(NUMBER.get(), i);
                            yield_now().await;
                        }
                        NUMBER.with(|number| *number)
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
fn outside_of_a_scope_there_is_no_value() {
    let error = NUMBER.try_with(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("task-local value not set"));
    let error: Box<dyn Error + Send + Sync> = error.into();
    assert!(error.source().is_none());
    within_bound(|| {
        let text = |f: fn()| {
            let payload = std::panic::catch_unwind(f).unwrap_err();
            let text = payload
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned());
            text.or_else(|| payload.downcast_ref::<String>().cloned())
                .unwrap()
        };
        let expected = "cannot access a task-local storage value without setting it first";
        assert!(text(|| NUMBER.with(|_| ())).starts_with(expected));
        assert!(text(|| assert_eq!(NUMBER.get(), 0)).starts_with(expected));
        let inside = || NUMBER.sync_scope(1, || NUMBER.with(|_| NUMBER.sync_scope(2, || ())));
        assert!(text(inside).contains("while the task-local storage is borrowed"));
    });
}

#[test]
fn a_spawned_task_has_no_value() {
    on_each_flavour(|runtime| {
        runtime.block_on(NUMBER.scope(1, async {
            let task = runtime::spawn(async { NUMBER.try_get().is_err() });
            assert!(task.await.unwrap());
            let blocking = runtime::task::spawn_blocking(|| NUMBER.try_get().is_err());
            assert!(blocking.await.unwrap());
            assert_eq!(NUMBER.get(), 1);
        }));
    });
}

#[test]
fn scopes_nest() {
    let inner = async {
        assert_eq!(NUMBER.get(), 2);
        NUMBER.sync_scope(3, || assert_eq!(NUMBER.get(), 3));
        assert_eq!(NUMBER.get(), 2);
    };
    let outer = NUMBER.scope(1, async move {
        let mut inner = Polled::new(NUMBER.scope(2, inner));
        inner.ready();
        assert_eq!(NUMBER.get(), 1);
        elsewhere::TEXT.sync_scope("both", || {
            assert_eq!((NUMBER.get(), elsewhere::TEXT.get()), (1, "both"));
        });
    });
    now(outer);
    assert!(NUMBER.try_get().is_err());
}

#[test]
fn a_panic_restores_the_value_before() {
    NUMBER.sync_scope(1, || {
        let mut future = Polled::new(NUMBER.scope(2, async { panic!("in a poll") }));
        assert!(panics(|| assert!(future.is_pending())));
        assert!(panics(|| NUMBER.sync_scope(3, || panic!("in a call"))));
        assert!(panics(|| NUMBER.with(|_| panic!("in a closure"))));
        assert_eq!(NUMBER.get(), 1);
    });
    assert!(NUMBER.try_get().is_err());
}

/// Notes what the key holds when it is dropped.
struct Sees(Arc<Mutex<Vec<Option<u32>>>>);

impl Drop for Sees {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(NUMBER.try_get().ok());
    }
}

#[test]
fn a_future_is_dropped_inside_of_its_scope() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let holds = |future: Pin<Box<dyn Future<Output = ()> + Send>>| {
        let sees = Sees(seen.clone());
        With::new(future, sees)
    };
    // Ready, dropped after a poll, and before one.
    let mut ready_one = Polled::new(NUMBER.scope(1, holds(Box::pin(ready(())))));
    ready_one.ready();
    assert_eq!(*seen.lock().unwrap(), [Some(1)], "when it is ready");
    let mut pending_one = Polled::new(NUMBER.scope(2, holds(Box::pin(pending()))));
    assert!(pending_one.is_pending());
    drop(pending_one);
    drop(NUMBER.scope(3, holds(Box::pin(pending()))));
    let mut panicking = Polled::new(NUMBER.scope(4, holds(Box::pin(async { panic!("poll") }))));
    assert!(panics(|| assert!(panicking.is_pending())));
    drop(panicking);
    assert_eq!(*seen.lock().unwrap(), [1, 2, 3, 4].map(Some));
    // Where the key is borrowed, the future is dropped all the same.
    let dropped = NUMBER.scope(5, holds(Box::pin(pending())));
    NUMBER.sync_scope(6, || NUMBER.with(move |_| drop(dropped)));
    assert_eq!(seen.lock().unwrap().len(), 5);
}

#[test]
fn an_aborted_task_is_dropped_inside_of_its_scope() {
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let seen = Arc::new(Mutex::new(Vec::new()));
            let future = With::new(pending::<()>(), Sees(seen.clone()));
            let task = runtime::spawn(NUMBER.scope(7, future));
            yield_now().await;
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert_eq!(*seen.lock().unwrap(), [Some(7)]);
        });
    });
}

#[test]
fn a_value_is_taken_once() {
    let value = Rc::new(Cell::new(1));
    let mut future = Polled::new(NOT_SEND.scope(value.clone(), async {
        let before = NOT_SEND.with(|number| number.replace(2));
        yield_now().await;
        (before, NOT_SEND.try_get().is_err())
    }));
    assert!(future.is_pending());
    assert!(format!("{:?}", future.future).contains("value"));
    assert_eq!(future.future.as_mut().take_value().unwrap().get(), 2);
    assert!(future.future.as_mut().take_value().is_none());
    assert_eq!(future.ready(), (1, true));
    assert_eq!(Rc::strong_count(&value), 1);
    // After the end the value is still there to take.
    let mut done = Polled::new(NUMBER.scope(9, ready(())));
    done.ready();
    assert_eq!(done.future.as_mut().take_value(), Some(9));
    assert!(
        panics(|| assert!(done.is_pending())),
        "polled after completion"
    );
}

#[test]
fn the_value_of_a_scope_that_is_dropped_goes_with_it() {
    let value = Rc::new(Cell::new(1));
    drop(NOT_SEND.scope(value.clone(), pending::<()>()));
    NOT_SEND.sync_scope(value.clone(), || ());
    assert_eq!(Rc::strong_count(&value), 1);
}

#[test]
fn an_access_while_the_thread_ends_is_an_error() {
    thread_local!(static LAST: Cell<Option<AsksInDrop>> = const { Cell::new(None) });
    struct AsksInDrop(std::sync::mpsc::Sender<bool>);
    impl Drop for AsksInDrop {
        fn drop(&mut self) {
            let _ = self.0.send(LIST.try_with(|_| ()).is_err());
        }
    }
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        LAST.set(Some(AsksInDrop(sender)));
        LIST.sync_scope(Vec::new(), || ());
    });
    assert!(receiver.recv().unwrap());
}

/// A future that moves from one scope's poll into another's keeps each value apart.
#[test]
fn two_scopes_that_alternate_keep_their_values() {
    let count = || {
        NUMBER.scope(
            0,
            std::future::poll_fn(|_: &mut Context<'_>| {
                let now = NUMBER.with(|number| *number);
                if now == 0 {
                    Poll::Pending
                } else {
                    Poll::Ready(now)
                }
            }),
        )
    };
    let (mut one, mut two) = (Polled::new(count()), Polled::new(count()));
    assert!(one.is_pending() && two.is_pending() && one.is_pending());
    assert!(NUMBER.try_get().is_err());
}
