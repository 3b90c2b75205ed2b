//! `watch`, polled by hand and between threads.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::watch::error::SendError;
use runtime::sync::watch::{self, Receiver, Ref, Sender};
use std::cell::Cell;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// Whether `changed` would wait.
fn is_quiet<T>(rx: &mut Receiver<T>) -> bool {
    Polled::new(rx.changed()).is_pending()
}

#[test]
fn a_change_wakes_each_receiver_once_and_is_seen_once() {
    let (tx, rx) = watch::channel(0);
    // More than one batch of wakers.
    let mut receivers: Vec<_> = (0..100).map(|_| rx.clone()).collect();
    let mut waiting: Vec<_> = receivers
        .iter_mut()
        .map(|rx| Polled::new(rx.changed()))
        .collect();
    assert!(waiting.iter_mut().all(Polled::is_pending));
    tx.send(1).unwrap();
    tx.send(2).unwrap();
    for waiting in &mut waiting {
        assert_eq!(waiting.wakes(), 1);
        waiting.ready().unwrap();
    }
    drop(waiting);
    assert!(receivers.iter().all(|rx| *rx.borrow() == 2));
    assert!(receivers.iter_mut().all(is_quiet));
}

#[test]
fn the_newest_waker_is_woken() {
    let (tx, mut rx) = watch::channel(0);
    let mut waiting = Polled::new(rx.changed());
    assert!(waiting.is_pending() && waiting.is_pending());
    assert!(waiting.poll_with_new_waker().is_pending());
    tx.send(1).unwrap();
    assert_eq!(waiting.wakes(), 1);
    waiting.ready().unwrap();
}

#[test]
fn marks_decide_what_is_changed() {
    let (tx, mut rx) = watch::channel(0);
    assert!(is_quiet(&mut rx), "the first value counts as seen");
    rx.mark_changed();
    rx.mark_changed();
    assert!(rx.has_changed().unwrap() && rx.borrow().has_changed());
    assert!(
        !is_quiet(&mut rx.clone()),
        "a clone starts with the same mark"
    );
    now(rx.changed()).unwrap();
    assert!(is_quiet(&mut rx));
    tx.send(1).unwrap();
    rx.mark_unchanged();
    assert!(!rx.has_changed().unwrap() && is_quiet(&mut rx));
    assert_eq!(*rx.borrow(), 1);
    tx.send(2).unwrap();
    let mut clone = rx.clone();
    assert!(rx.borrow_and_update().has_changed());
    assert!(!rx.borrow().has_changed());
    assert!(clone.has_changed().unwrap(), "it has its own mark");
    now(clone.changed()).unwrap();
    assert!(!tx.borrow().has_changed());
    assert!(!tx.subscribe().has_changed().unwrap());
}

#[test]
fn the_last_sender_closes_after_the_last_value() {
    let (tx, mut rx) = watch::channel("a");
    let other = tx.clone();
    assert_eq!(tx.sender_count(), 2);
    assert!(tx.same_channel(&other) && !tx.same_channel(&Sender::new("a")));
    let mut waiting = Polled::new(rx.changed());
    assert!(waiting.is_pending());
    drop(tx);
    assert_eq!(waiting.wakes(), 0);
    drop(other);
    assert_eq!(waiting.wakes(), 1);
    let error = waiting.ready().unwrap_err();
    assert_eq!(error.to_string(), "channel closed");
    drop(waiting);

    let (tx, mut rx) = watch::channel("a");
    tx.send("b").unwrap();
    drop(tx);
    assert!(rx.has_changed().is_err() && rx.is_closed());
    assert_eq!(*now(rx.clone().wait_for(|_| true)).unwrap(), "b");
    now(rx.changed()).unwrap();
    now(rx.changed()).unwrap_err();
    assert!(!rx.borrow().has_changed());
    rx.mark_changed();
    now(rx.changed()).unwrap();
}

#[test]
fn senders_see_whether_anybody_watches() {
    let tx = Sender::<u8>::default();
    assert!(tx.is_closed());
    now(tx.closed());
    let error = tx.send(1).unwrap_err();
    assert_eq!(
        (error, error.to_string().as_str()),
        (SendError(1), "channel closed")
    );
    assert_eq!(format!("{error:?}"), "SendError { .. }");
    assert_eq!(tx.send_replace(2), 0);
    let rx = tx.subscribe();
    assert_eq!((*rx.borrow(), tx.receiver_count()), (2, 1));
    let other = rx.clone();
    assert!(rx.same_channel(&other) && !rx.same_channel(&watch::channel(0).1));
    let mut closed = Polled::new(tx.closed());
    assert!(closed.is_pending());
    drop(rx);
    assert_eq!((closed.wakes(), tx.is_closed()), (0, false));
    drop(other);
    assert_eq!(closed.wakes(), 1);
    let again = tx.subscribe();
    assert!(closed.is_pending(), "somebody watches again");
    drop(again);
    closed.ready();
}

#[test]
fn send_if_modified_tells_nobody_of_a_silent_change() {
    let (tx, mut rx) = watch::channel(0);
    let mut other = rx.clone();
    let mut waiting = Polled::new(rx.changed());
    assert!(waiting.is_pending());
    let is_sent = tx.send_if_modified(|value| {
        *value = 1;
        false
    });
    assert!(!is_sent && waiting.is_pending());
    assert_eq!((waiting.wakes(), *other.borrow()), (0, 1));
    assert!(!other.has_changed().unwrap());
    assert!(tx.send_if_modified(|value| {
        *value += 1;
        true
    }));
    waiting.ready().unwrap();
    assert_eq!(*other.borrow_and_update(), 2);
}

/// FAULT 6: a closure that panics wakes nobody, and the channel works on.
#[test]
fn a_panicking_closure_leaves_the_channel_usable() {
    let (tx, mut rx) = watch::channel(0);
    let mut other = rx.clone();
    let mut waiting = Polled::new(rx.changed());
    assert!(waiting.is_pending());
    assert!(panics(|| tx.send_modify(|value| {
        *value = 1;
        panic!("in the closure");
    })));
    assert!(panics(|| {
        tx.send_if_modified(|_| panic!("in the closure"));
    }));
    assert!(waiting.is_pending());
    assert_eq!((waiting.wakes(), *other.borrow()), (0, 1));
    assert!(!other.has_changed().unwrap());
    assert!(panics(|| drop(now(
        other.wait_for(|_| panic!("in the closure"))
    ))));
    tx.send(2).unwrap();
    assert_eq!(waiting.wakes(), 1);
    waiting.ready().unwrap();
    assert_eq!(*now(other.wait_for(|value| *value == 2)).unwrap(), 2);
}

#[test]
fn wait_for_asks_for_each_value_until_one_fits() {
    let (tx, mut rx) = watch::channel(0);
    assert!(!now(rx.wait_for(|value| *value == 0)).unwrap().has_changed());
    tx.send(1).unwrap();
    assert!(now(rx.wait_for(|value| *value == 1)).unwrap().has_changed());
    let asked = Cell::new(0);
    let mut waiting = Polled::new(rx.wait_for(|value| {
        asked.set(asked.get() + 1);
        *value == 3
    }));
    assert!(waiting.is_pending() && waiting.is_pending());
    assert_eq!(asked.get(), 1, "a value is asked for once");
    tx.send(2).unwrap();
    assert!(waiting.poll_with_new_waker().is_pending());
    assert_eq!(asked.get(), 2);
    tx.send(3).unwrap();
    assert_eq!(waiting.wakes(), 1);
    assert_eq!(*waiting.ready().unwrap(), 3);
    drop(waiting);
    drop(tx);
    asked.set(0);
    let refused = now(rx.wait_for(|_| {
        asked.set(asked.get() + 1);
        false
    }));
    assert!(refused.is_err());
    assert_eq!(asked.get(), 1, "the last value is asked for");
}

/// FAULT 12: at each point a dropped future marks nothing and leaves nothing behind.
#[test]
fn cancelled_waits_lose_nothing() {
    let (tx, mut rx) = watch::channel(0);
    drop(rx.changed());
    assert!(is_quiet(&mut rx));
    let mut waiting = Polled::new(rx.changed());
    assert!(waiting.is_pending());
    tx.send(1).unwrap();
    drop(waiting);
    assert!(rx.has_changed().unwrap(), "the change was not taken");
    let mut waiting = Polled::new(rx.wait_for(|value| *value == 9));
    assert!(waiting.is_pending());
    tx.send(2).unwrap();
    drop(waiting);
    now(rx.changed()).unwrap();
    let mut closed = Polled::new(tx.closed());
    assert!(closed.is_pending());
    drop(closed);
    drop(rx);
    now(tx.closed());
}

/// FAULT 6.
#[test]
fn a_panicking_waker_keeps_nobody_from_being_woken() {
    let (tx, rx) = watch::channel(0);
    let (mut bad, mut good) = (rx.clone(), vec![rx.clone(); 50]);
    let mut bad = pin!(bad.changed());
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    let mut waiting: Vec<_> = good
        .iter_mut()
        .map(|rx| Polled::new(rx.changed()))
        .collect();
    assert!(waiting.iter_mut().all(Polled::is_pending));
    assert!(panics(|| tx.send(1).unwrap()));
    assert!(waiting.iter().all(|waiting| waiting.wakes() == 1));
    assert!(poll_with_panicking_waker(bad.as_mut()).is_ready());
    assert_eq!(*rx.borrow(), 1);
    // From the drop of the last sender, too.
    let (tx, mut rx) = watch::channel(0);
    let mut bad = pin!(rx.changed());
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    assert!(panics(|| drop(tx)));
    assert!(matches!(
        poll_with_panicking_waker(bad.as_mut()),
        Poll::Ready(Err(_))
    ));
}

/// Runs what it holds when it is woken.
struct Calling(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Wake for Calling {
    fn wake(self: Arc<Self>) {
        let call = self.0.lock().unwrap().take();
        call.into_iter().for_each(|call| call());
    }
}

fn poll_with_call<F: Future>(
    future: std::pin::Pin<&mut F>,
    call: impl FnOnce() + Send + 'static,
) -> Poll<F::Output> {
    let waker = Waker::from(Arc::new(Calling(Mutex::new(Some(Box::new(call))))));
    future.poll(&mut Context::from_waker(&waker))
}

/// FAULT 9: no lock is held while a waker runs.
#[test]
fn a_waker_may_use_the_channel() {
    let (tx, rx) = watch::channel(0);
    let tx = Arc::new(tx);
    let (mut first, mut second, third) = (rx.clone(), rx.clone(), rx.clone());
    let mut sends = pin!(first.changed());
    let inner = tx.clone();
    let polled = poll_with_call(sends.as_mut(), move || inner.send(2).unwrap());
    assert!(polled.is_pending());
    let mut drops = pin!(second.changed());
    let polled = poll_with_call(drops.as_mut(), move || {
        assert_eq!(*third.borrow(), 2, "the first waker has sent");
        drop(third);
    });
    assert!(polled.is_pending());
    let mut last = rx.clone();
    let mut waiting = Polled::new(last.changed());
    assert!(waiting.is_pending());
    tx.send(1).unwrap();
    assert_eq!((waiting.wakes(), *rx.borrow()), (1, 2));
    assert_eq!(tx.receiver_count(), 4);
    waiting.ready().unwrap();
    // A waker of `closed` that subscribes.
    let (tx, rx) = watch::channel(0);
    let tx = Arc::new(tx);
    let inner = tx.clone();
    let mut closed = pin!(tx.closed());
    let polled = poll_with_call(closed.as_mut(), move || drop(inner.subscribe()));
    assert!(polled.is_pending());
    drop(rx);
    assert_eq!(tx.receiver_count(), 0);
}

/// A sender waits for a borrow, and readers that come then wait for the sender.
#[test]
fn a_borrow_keeps_the_value_as_it_is() {
    let (tx, rx) = watch::channel(0);
    let borrowed = rx.borrow();
    let started = Barrier::new(2);
    std::thread::scope(|scope| {
        let sending = scope.spawn(|| {
            started.wait();
            tx.send(1).unwrap();
        });
        started.wait();
        for _ in 0..1_000 {
            assert_eq!(*borrowed, 0);
            std::thread::yield_now();
        }
        assert!(!sending.is_finished());
        drop(borrowed);
    });
    assert_eq!(*rx.borrow(), 1);
}

#[test]
fn values_are_dropped_once() {
    let value = Arc::new(());
    let (tx, rx) = watch::channel(value.clone());
    tx.send(value.clone()).unwrap();
    assert_eq!(Arc::strong_count(&value), 2);
    drop(rx);
    drop(tx.send(value.clone()));
    drop(tx.send_replace(value.clone()));
    assert_eq!(Arc::strong_count(&value), 2);
    drop(tx);
    assert_eq!(Arc::strong_count(&value), 1);
}

/// W1 to W4 under load: pairs stay whole, versions only grow, and the last value is seen.
#[test]
fn threads_see_whole_values_and_the_last_one() {
    const CHANGES: usize = 2_000;
    let (tx, rx) = watch::channel((0, 0));
    let reading: Vec<_> = (0..4)
        .map(|_| {
            let mut rx = rx.clone();
            std::thread::spawn(move || {
                let mut last = 0;
                let runtime = runtime::Builder::new_current_thread().build().unwrap();
                runtime.block_on(async {
                    while rx.changed().await.is_ok() {
                        let borrowed = rx.borrow_and_update();
                        assert_eq!(borrowed.0, borrowed.1);
                        assert!(borrowed.0 >= last);
                        last = borrowed.0;
                    }
                });
                last
            })
        })
        .collect();
    let sending: Vec<_> = (0..2)
        .map(|_| {
            let tx = tx.clone();
            std::thread::spawn(move || {
                for _ in 0..CHANGES {
                    tx.send_modify(|(left, right)| {
                        *left += 1;
                        *right += 1;
                    });
                }
            })
        })
        .collect();
    drop(tx);
    sending
        .into_iter()
        .for_each(|thread| thread.join().unwrap());
    for thread in reading {
        assert_eq!(thread.join().unwrap(), 2 * CHANGES);
    }
}

/// Rounds in which every receiver answers, and receivers that come and go.
#[test]
fn tasks_answer_each_change() {
    const RECEIVERS: usize = 16;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    runtime.block_on(async {
        let (tx, rx) = watch::channel(0);
        let left = Arc::new((AtomicUsize::new(0), runtime::sync::Notify::new()));
        let tasks: Vec<_> = (0..RECEIVERS)
            .map(|id| {
                let (mut rx, left) = (rx.clone(), left.clone());
                runtime::spawn(async move {
                    while rx.changed().await.is_ok() {
                        let value = *rx.borrow_and_update();
                        if value % 5 == id % 5 {
                            rx = rx.clone();
                        }
                        // A wait that is cancelled at once.
                        drop(Polled::new(rx.changed()).poll());
                        if left.0.fetch_sub(1, Ordering::AcqRel) == 1 {
                            left.1.notify_one();
                        }
                    }
                })
            })
            .collect();
        drop(rx);
        for round in 1..500 {
            left.0.store(RECEIVERS, Ordering::Release);
            tx.send(round).unwrap();
            left.1.notified().await;
            assert_eq!(left.0.load(Ordering::Acquire), 0);
        }
        drop(tx);
        for task in tasks {
            task.await.unwrap();
        }
    });
}

/// Each of these futures spends one unit when it is ready, and yields with none left.
#[test]
fn ready_futures_spend_the_budget() {
    const UNITS: usize = 128;
    async fn units(mut poll: impl FnMut() -> bool) -> usize {
        std::future::poll_fn(|_| Poll::Ready((0..1_000).take_while(|_| poll()).count())).await
    }
    fn is_ready(future: impl Future) -> bool {
        Polled::new(future).poll().is_ready()
    }
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let counts = runtime::spawn(async {
            let (tx, mut rx) = watch::channel(0);
            let changed = units(|| {
                tx.send_modify(|value| *value += 1);
                is_ready(rx.changed())
            });
            let changed = changed.await;
            runtime::task::yield_now().await;
            let waited = units(|| is_ready(rx.wait_for(|_| true))).await;
            runtime::task::yield_now().await;
            drop(rx);
            let closed = units(|| is_ready(tx.closed())).await;
            [changed, waited, closed]
        });
        assert_eq!(counts.await.unwrap(), [UNITS; 3]);
    });
}

#[test]
fn what_crosses_threads_is_what_tokio_says() {
    fn both<T: Send + Sync + Unpin + UnwindSafe + RefUnwindSafe>() {}
    fn shared<T: Sync + Unpin>() {}
    fn future(_: &(impl Future + Send + Sync)) {}
    both::<Sender<u8>>();
    both::<Receiver<u8>>();
    shared::<Ref<'_, u8>>();
    let (tx, mut rx) = watch::channel(0);
    future(&rx.changed());
    future(&rx.wait_for(|_| true));
    future(&tx.closed());
    trait NotSend<A> {
        fn check() {}
    }
    impl<T: ?Sized> NotSend<()> for T {}
    impl<T: ?Sized + Send> NotSend<u8> for T {}
    // Ambiguous, so an error, if it were `Send`.
    <Ref<'static, u8> as NotSend<_>>::check();
    <Sender<Cell<u8>> as NotSend<_>>::check();
    <Receiver<Cell<u8>> as NotSend<_>>::check();
}

/// What a channel and a wait cost. Growth is a decision, not an accident.
#[test]
fn sizes_are_pinned() {
    let (tx, mut rx) = watch::channel(0_u64);
    let mut other = rx.clone();
    let sizes = [
        ("Sender", size_of::<Sender<u64>>(), 8),
        ("Receiver", size_of::<Receiver<u64>>(), 16),
        ("changed", size_of_val(&rx.changed()), 80),
        ("wait_for", size_of_val(&other.wait_for(|_| true)), 88),
        ("closed", size_of_val(&tx.closed()), 88),
    ];
    for (what, size, limit) in sizes {
        assert!(size <= limit, "{what}: {size} bytes, at most {limit}");
    }
}

#[test]
fn debug_shows_the_state_but_never_blocks() {
    let (tx, rx) = watch::channel(7);
    let borrowed = rx.borrow();
    let text = format!("{tx:?} {rx:?} {borrowed:?}");
    for part in [
        "version: 0",
        "receivers: 1",
        "value: 7",
        "has_changed: false",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
}
