//! Models of `OnceCell` and `SetOnce`, and more of `Notify` and `oneshot`.

use loom_tests::atomic::{AtomicUsize, Ordering};
use loom_tests::{Arc, block_on, model, model_within, poll_once, thread};
use runtime::sync::{Notify, OnceCell, SetOnce, oneshot};
use std::pin::pin;

/// K1: of two that race to make the value one does, and both see it.
#[test]
fn once_cell_two_initialisers_make_one_value() {
    model(|| {
        let shared = Arc::new((OnceCell::new(), AtomicUsize::new(0)));
        let init =
            |shared: &(OnceCell<Arc<usize>>, AtomicUsize)| {
                **block_on(shared.0.get_or_init(|| async {
                    Arc::new(10 + shared.1.fetch_add(1, Ordering::Relaxed))
                }))
            };
        let other = thread::spawn({
            let shared = shared.clone();
            move || init(&shared)
        });
        assert_eq!(init(&shared), 10);
        assert_eq!(other.join().unwrap(), 10);
        assert_eq!(shared.1.load(Ordering::Relaxed), 1);
    });
}

/// K2: an initialiser that is dropped half-way hands over to the one that waits.
#[test]
fn once_cell_cancelled_initialiser_hands_over() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let cancelled = thread::spawn({
            let cell = cell.clone();
            move || {
                let init = std::future::pending::<Arc<u8>>;
                let _ = poll_once(pin!(cell.get_or_init(init)));
            }
        });
        assert_eq!(**block_on(cell.get_or_init(|| async { Arc::new(1) })), 1);
        cancelled.join().unwrap();
    });
}

/// K2: so does one that fails, and a waiter that is cancelled just then hands on.
#[test]
fn once_cell_failed_initialiser_hands_over() {
    model_within(2, || {
        let cell = Arc::new(OnceCell::new());
        let failing = thread::spawn({
            let cell = cell.clone();
            move || block_on(cell.get_or_try_init(|| async { Err::<u8, ()>(()) })).copied()
        });
        let cancelled = thread::spawn({
            let cell = cell.clone();
            move || {
                let _ = poll_once(pin!(cell.get_or_init(std::future::pending)));
            }
        });
        assert_eq!(*block_on(cell.get_or_init(|| async { 1 })), 1);
        assert!(matches!(failing.join().unwrap(), Err(()) | Ok(1)));
        cancelled.join().unwrap();
    });
}

/// K1: `set` wins or loses against an initialiser, and the value stays.
#[test]
fn once_cell_set_against_get_or_init() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let setting = thread::spawn({
            let cell = cell.clone();
            move || cell.set(Arc::new(2))
        });
        let value = **block_on(cell.get_or_init(|| async { Arc::new(1) }));
        match setting.join().unwrap() {
            Ok(()) => assert_eq!(value, 2),
            Err(_) => assert_eq!(value, 1),
        }
        assert_eq!(cell.get().map(|kept| **kept), Some(value));
    });
}

/// A value seen by `get` is whole; a cell whose value was taken starts anew, and nothing leaks.
///
/// The side that only loads is the spawned one: loom forgets a load of the first thread when the
/// other thread's next access to the same atomic is a load too, and does not try the other order.
#[test]
fn once_cell_get_and_take() {
    model(|| {
        let cell = Arc::new(OnceCell::new());
        let looking = thread::spawn({
            let cell = cell.clone();
            move || {
                if let Some(value) = cell.get() {
                    let value: &Arc<u8> = value;
                    assert_eq!(**value, 7);
                }
            }
        });
        cell.set(Arc::new(7)).unwrap();
        looking.join().unwrap();
        let mut cell = Arc::try_unwrap(cell).unwrap_or_else(|_| panic!("shared"));
        assert_eq!(cell.take().as_deref(), Some(&7));
        assert!(cell.take().is_none() && !cell.initialized());
        cell.set(Arc::new(8)).unwrap();
        assert_eq!(cell.into_inner().as_deref(), Some(&8));
    });
}

/// S1, S2: a waiter gets the value, whenever it began to wait.
#[test]
fn set_once_reaches_those_that_wait() {
    model(|| {
        let cell = Arc::new(SetOnce::new());
        let setting = thread::spawn({
            let cell = cell.clone();
            move || cell.set(Arc::new(3)).unwrap()
        });
        let other = thread::spawn({
            let cell = cell.clone();
            move || **block_on(cell.wait())
        });
        assert_eq!(**block_on(cell.wait()), 3);
        assert_eq!(other.join().unwrap(), 3);
        setting.join().unwrap();
    });
}

/// S1: of two setters one wins, and the other finds the winner's value.
#[test]
fn set_once_two_setters() {
    model(|| {
        let cell = Arc::new(SetOnce::new());
        let set = |cell: &SetOnce<Arc<u8>>, value| {
            let is_set = cell.set(Arc::new(value)).is_ok();
            let found = cell.get().map(|found| **found).expect("it is set by now");
            assert_eq!(is_set, found == value);
            is_set
        };
        let other = thread::spawn({
            let cell = cell.clone();
            move || set(&cell, 1)
        });
        let is_set = set(&cell, 2);
        assert_ne!(is_set, other.join().unwrap());
    });
}

/// L1: a waiter that goes away while the value is set leaves nothing behind.
#[test]
fn set_once_cancel_against_set() {
    model(|| {
        let cell = Arc::new(SetOnce::new());
        let setting = thread::spawn({
            let cell = cell.clone();
            move || cell.set(Arc::new(1)).unwrap()
        });
        let _ = poll_once(pin!(cell.wait()));
        let mut second = Box::pin(cell.wait());
        if poll_once(second.as_mut()).is_pending() {
            block_on(second);
        }
        setting.join().unwrap();
    });
}

/// `notify_one` against `enable`: the place is held, or the permit is there.
#[test]
fn notify_one_against_enable() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let notifying = thread::spawn({
            let notify = notify.clone();
            move || notify.notify_one()
        });
        let mut notified = pin!(notify.notified());
        notified.as_mut().enable();
        block_on(notified);
        notifying.join().unwrap();
        assert!(poll_once(pin!(notify.notified())).is_pending());
    });
}

/// `notify_last` spends itself once: on one waiter, or on the permit.
#[test]
fn notify_last_reaches_exactly_one() {
    model_within(2, || {
        let notify = Arc::new(Notify::new());
        let mut first = Box::pin(notify.notified());
        assert!(poll_once(first.as_mut()).is_pending());
        let cancelled = thread::spawn({
            let notify = notify.clone();
            move || poll_once(pin!(notify.notified())).is_ready()
        });
        notify.notify_last();
        // Whoever was chosen and went away has handed it on.
        let used = cancelled.join().unwrap();
        assert_eq!(poll_once(first.as_mut()).is_ready(), !used);
        drop(first);
        assert!(poll_once(pin!(notify.notified())).is_pending());
    });
}

/// A waiter that `notify_one` has chosen and that is dropped hands on, while all are notified.
///
/// `turn` orders nothing. It makes loom try both orders at that point, which it does not for a
/// load against "load, then compare and exchange".
#[test]
fn notify_one_is_handed_on_while_all_are_notified() {
    model(|| {
        // Std's: what `notified_owned` wants.
        let notify = std::sync::Arc::new(Notify::new());
        let mut first = Box::pin(notify.clone().notified_owned());
        assert!(poll_once(first.as_mut()).is_pending());
        let turn = Arc::new(AtomicUsize::new(0));
        let waiting = thread::spawn({
            let (notify, turn) = (notify.clone(), turn.clone());
            move || {
                notify.notify_one();
                // Chosen by one: hands on. Woken with all: the permit was stored.
                drop(first);
                turn.fetch_add(1, Ordering::Relaxed);
                block_on(notify.notified());
            }
        });
        turn.fetch_add(1, Ordering::Relaxed);
        notify.notify_waiters();
        waiting.join().unwrap();
    });
}

/// O1: a value that was sent is received although the channel is closed meanwhile, or it comes
/// back to the sender.
#[test]
fn oneshot_close_against_send_while_it_waits() {
    model(|| {
        let (tx, mut rx) = oneshot::channel();
        let sender = thread::spawn(move || tx.send(Arc::new(1)).is_ok());
        let polled = poll_once(pin!(&mut rx));
        let received = match polled {
            std::task::Poll::Ready(received) => received.is_ok(),
            std::task::Poll::Pending => {
                rx.close();
                block_on(rx).is_ok()
            }
        };
        assert_eq!(sender.join().unwrap(), received);
    });
}

/// O2: the drop of the receiver against a sender that asks for it, with a waker that changes.
#[test]
fn oneshot_drop_against_poll_closed() {
    model(|| {
        let (mut tx, rx) = oneshot::channel::<Arc<u8>>();
        let receiver = thread::spawn(move || drop(rx));
        if poll_once(pin!(tx.closed())).is_pending() {
            block_on(tx.closed());
        }
        assert!(tx.is_closed());
        drop(tx);
        receiver.join().unwrap();
    });
}
