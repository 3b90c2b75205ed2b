//! `Semaphore`, `Mutex` and `Notify`, polled by hand.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::{
    Barrier, Condvar, MappedMutexGuard, Mutex, MutexGuard, Notify, OnceCell, OwnedMutexGuard,
    RwLock, Semaphore, SetOnce, TryAcquireError, broadcast, mpsc, oneshot, watch,
};
use runtime::task::CancellationToken;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

#[test]
fn a_big_request_is_not_starved_by_small_ones() {
    let semaphore = Semaphore::new(2);
    let mut big = Polled::new(semaphore.acquire_many(3));
    assert!(big.is_pending());
    let mut small = Polled::new(semaphore.acquire());
    assert!(small.is_pending(), "it came later");
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::NoPermits
    );
    semaphore.add_permits(1);
    assert_eq!((big.wakes(), small.wakes()), (1, 0));
    let permit = big.ready().unwrap();
    assert!(small.is_pending());
    drop(permit);
    assert_eq!(small.wakes(), 1);
    small.ready().unwrap().forget();
    assert_eq!(semaphore.available_permits(), 2);
}

/// FAULT 12: cancelled while queued, and after the grant.
#[test]
fn cancelling_an_acquire_loses_no_permit() {
    let semaphore = Semaphore::new(1);
    let held = now(semaphore.acquire()).unwrap();
    let mut first = Polled::new(semaphore.acquire());
    let mut second = Polled::new(semaphore.acquire());
    assert!(first.is_pending() && second.is_pending());
    drop(held);
    assert_eq!(first.wakes(), 1);
    drop(first);
    assert_eq!(second.wakes(), 1, "the permit of the cancelled one goes on");
    drop(second);
    assert_eq!(semaphore.available_permits(), 1);
}

/// FAULT 11.
#[test]
fn spurious_polls_keep_one_place_in_the_queue() {
    let semaphore = Semaphore::new(0);
    let mut waiting = Polled::new(semaphore.acquire());
    (0..3).for_each(|_| assert!(waiting.is_pending()));
    assert!(waiting.poll_with_new_waker().is_pending());
    semaphore.add_permits(2);
    assert_eq!(waiting.wakes(), 1, "the newest waker is woken");
    waiting.ready().unwrap().forget();
    assert_eq!(semaphore.available_permits(), 1);
}

#[test]
fn closing_refuses_waiters_and_gives_back_what_they_had() {
    let semaphore = Semaphore::new(2);
    let mut waiting = Polled::new(semaphore.acquire_many(3));
    assert!(waiting.is_pending());
    semaphore.close();
    assert_eq!(waiting.wakes(), 1);
    assert_eq!(waiting.ready().unwrap_err().to_string(), "semaphore closed");
    assert_eq!(semaphore.available_permits(), 2);
    assert_eq!(
        semaphore.try_acquire().unwrap_err(),
        TryAcquireError::Closed
    );
    assert!(semaphore.is_closed());
}

/// FAULT 6: one waker panics, the other waiter is served all the same.
#[test]
fn a_panicking_waker_takes_no_permit_from_others() {
    let semaphore = Semaphore::new(0);
    let mut bad = Box::pin(semaphore.acquire());
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    let mut good = Polled::new(semaphore.acquire());
    assert!(good.is_pending());
    assert!(panics(|| semaphore.add_permits(2)));
    assert_eq!(good.wakes(), 1);
    drop((bad, good.ready()));
    assert_eq!(semaphore.available_permits(), 2);
}

/// No count is too large for the check itself.
#[test]
fn more_permits_than_there_can_be_are_refused() {
    for count in [usize::MAX, usize::MAX - 1, Semaphore::MAX_PERMITS + 1] {
        let semaphore = Semaphore::new(3);
        assert!(panics(|| semaphore.add_permits(count)), "{count}");
        assert_eq!(semaphore.available_permits(), 3);
        // Nor with somebody who waits.
        let mut waits = Polled::new(semaphore.acquire_many(4));
        assert!(waits.is_pending());
        assert!(panics(|| semaphore.add_permits(count)), "{count}");
        semaphore.add_permits(1);
        drop(waits.ready());
        assert_eq!(semaphore.available_permits(), 4);
    }
}

/// FAULT 13: the place of a forgotten future leaks, nothing else.
#[test]
fn a_forgotten_future_leaves_no_dangling_place() {
    let semaphore = Arc::new(Semaphore::new(0));
    let mut forgotten = Box::pin(semaphore.clone().acquire_owned());
    assert!(poll_with_panicking_waker(forgotten.as_mut()).is_pending());
    let mut second = Polled::new(semaphore.acquire());
    assert!(second.is_pending());
    std::mem::forget(forgotten);
    assert!(
        panics(|| semaphore.add_permits(1)),
        "granted to the forgotten one"
    );
    semaphore.add_permits(1);
    second.ready().unwrap().forget();
    std::mem::forget(now(Mutex::new(1).lock()));
}

/// Polls once, so that it waits, and leaks.
fn leak(future: impl Future) {
    let mut future = Polled::new(future);
    assert!(future.is_pending());
    std::mem::forget(future);
}

/// Nothing rests on the drop of a future: those that wait beside a leaked one are served, in so far
/// as it was not it that was served, and the end of the whole touches no leaked place.
#[test]
fn a_leaked_wait_costs_what_it_was_given_and_nothing_else() {
    // Signals to all.
    let notify = Notify::new();
    leak(notify.notified());
    let mut beside = Polled::new(notify.notified());
    assert!(beside.is_pending());
    notify.notify_waiters();
    beside.ready();
    // A permit goes to the leaked one, the next one to who waits.
    leak(notify.notified());
    let mut beside = Polled::new(notify.notified());
    assert!(beside.is_pending());
    notify.notify_one();
    notify.notify_one();
    beside.ready();
    leak(notify.notified());
    let shared = Arc::new(Notify::new());
    leak(shared.clone().notified_owned());
    drop(shared);

    let mutex = Mutex::new(());
    let guard = now(mutex.lock());
    leak(mutex.lock());
    let mut beside = Polled::new(mutex.lock());
    assert!(beside.is_pending());
    drop(guard);
    assert!(beside.is_pending(), "the leaked one has it");
    drop(beside);

    let lock = RwLock::new(());
    let guard = now(lock.write());
    leak(lock.read());
    let mut reader = Polled::new(lock.read());
    assert!(reader.is_pending());
    drop(guard);
    drop(reader.ready());
    assert!(lock.try_write().is_err(), "the leaked one reads");
    leak(lock.write());
    assert!(lock.try_read().is_err(), "the leaked one is first");

    let condvar = Condvar::new();
    let mutex = Mutex::new(());
    leak(condvar.wait(now(mutex.lock())));
    let mut beside = Polled::new(condvar.wait(now(mutex.lock())));
    assert!(beside.is_pending());
    condvar.notify_one();
    condvar.notify_one();
    drop(beside.ready());

    let barrier = Barrier::new(2);
    leak(barrier.wait());
    now(barrier.wait());
    leak(barrier.wait());

    let set_once = SetOnce::new();
    leak(set_once.wait());
    let mut beside = Polled::new(set_once.wait());
    assert!(beside.is_pending());
    set_once.set(1).unwrap();
    assert_eq!(beside.ready(), &1);

    let cell = OnceCell::<u8>::new();
    leak(cell.get_or_init(std::future::pending));
    assert!(Polled::new(cell.get_or_init(|| async { 1 })).is_pending());
    drop(cell);
}

#[test]
fn a_leaked_wait_on_a_channel_costs_what_it_was_given_and_nothing_else() {
    let (tx, mut rx) = watch::channel(0);
    leak(rx.changed());
    leak(rx.wait_for(|value| *value == 7));
    tx.send(1).unwrap();
    now(rx.changed()).unwrap();
    leak(tx.closed());
    leak(rx.changed());
    drop(rx);
    now(tx.closed());

    let (tx, mut rx) = broadcast::channel(2);
    leak(rx.recv());
    let mut other = tx.subscribe();
    let mut beside = Polled::new(other.recv());
    assert!(beside.is_pending());
    tx.send(1).unwrap();
    assert_eq!(beside.ready(), Ok(1));
    drop(beside);
    assert_eq!(now(rx.recv()), Ok(1));
    leak(rx.recv());
    drop((rx, other));
    assert!(tx.send(2).is_err());

    let (tx, mut rx) = mpsc::channel(1);
    leak(rx.recv());
    tx.try_send(1).unwrap();
    leak(tx.send(2));
    assert_eq!(now(rx.recv()), Some(1));
    // The room went to the leaked one, until no sender is left.
    assert!(tx.try_send(3).is_err());
    rx.close();
    leak(rx.recv());
    drop(tx);
    assert_eq!(now(rx.recv()), None);

    let (tx, mut rx) = oneshot::channel();
    leak(&mut rx);
    tx.send(1).unwrap();
    assert_eq!(now(rx), Ok(1));
    let (mut tx, rx) = oneshot::channel::<u8>();
    leak(tx.closed());
    drop(rx);
    now(tx.closed());

    let token = CancellationToken::new();
    let child = token.child_token();
    leak(child.cancelled());
    leak(child.clone().cancelled_owned());
    let mut beside = Polled::new(child.cancelled());
    assert!(beside.is_pending());
    token.cancel();
    beside.ready();
    let token = CancellationToken::new();
    leak(token.cancelled());
    drop(token);
}

#[test]
fn permits_merge_split_and_forget() {
    let semaphore = Arc::new(Semaphore::new(5));
    let mut all = semaphore.clone().try_acquire_many_owned(5).unwrap();
    assert!(all.split(6).is_none());
    let two = all.split(2).unwrap();
    assert_eq!((all.num_permits(), two.num_permits()), (3, 2));
    two.forget();
    let one = all.split(1).unwrap();
    all.merge(one);
    drop(all);
    assert_eq!(semaphore.available_permits(), 3);
    assert_eq!(semaphore.forget_permits(10), 3);
    assert_eq!(semaphore.available_permits(), 0);
    let other = Semaphore::new(1);
    semaphore.add_permits(1);
    let mut mine = semaphore.try_acquire().unwrap();
    assert!(panics(|| mine.merge(other.try_acquire().unwrap())));
    assert_eq!(other.available_permits(), 1);
}

/// More than a `u32` holds.
#[test]
#[cfg(target_pointer_width = "64")]
fn permits_of_many_requests_merge() {
    let semaphore = Semaphore::new(2 * u32::MAX as usize);
    let mut all = semaphore.try_acquire_many(u32::MAX).unwrap();
    all.merge(semaphore.try_acquire_many(u32::MAX).unwrap());
    assert_eq!(all.num_permits(), 2 * u32::MAX as usize);
    assert!(std::ptr::eq(all.semaphore(), &semaphore));
    drop(all);
    assert_eq!(semaphore.available_permits(), 2 * u32::MAX as usize);
}

/// Its place in the queue, or its permits until it is polled again or dropped.
#[test]
fn a_task_without_budget_keeps_what_it_asked_for() {
    let body = std::future::poll_fn(|cx| {
        let spent = Semaphore::new(1);
        while pin!(spent.acquire()).poll(cx).is_ready() {}

        let mutex = Mutex::new(());
        let held = mutex.try_lock().unwrap();
        let mut first = Polled::new(mutex.lock());
        let mut second = Polled::new(mutex.lock());
        assert!(first.is_pending() && second.is_pending());
        drop(held);
        assert_eq!((first.wakes(), second.wakes()), (1, 0));
        drop((first, second));

        let mut waiting = Polled::new(mutex.lock());
        assert!(waiting.is_pending());
        assert_eq!(waiting.wakes(), 1, "to be polled with a new budget");
        assert!(mutex.try_lock().is_err());
        drop(waiting);
        assert!(mutex.try_lock().is_ok());
        std::task::Poll::Ready(())
    });
    let runtime = runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(body);
}

#[test]
fn the_lock_goes_round_in_order() {
    let mutex = Mutex::new(Vec::new());
    let mut guard = now(mutex.lock());
    let mut waiting: Vec<_> = (0..3).map(|_| Polled::new(mutex.lock())).collect();
    assert!(waiting.iter_mut().all(Polled::is_pending));
    for (i, next) in waiting.iter_mut().enumerate() {
        guard.push(i);
        drop(guard);
        assert!(mutex.try_lock().is_err(), "handed over, nobody snatches it");
        guard = next.ready();
    }
    assert_eq!(*guard, [0, 1, 2]);
}

#[test]
fn guards_can_be_narrowed() {
    let mutex = Arc::new(Mutex::new((1, "a".to_owned())));
    let part = MutexGuard::map(now(mutex.lock()), |pair| &mut pair.1);
    let mut chars = MappedMutexGuard::map(part, |text| text.as_mut_str());
    chars.make_ascii_uppercase();
    assert!(mutex.try_lock().is_err());
    drop(chars);
    let owned = mutex.clone().try_lock_owned().unwrap();
    let owned = OwnedMutexGuard::try_map(owned, |_| None::<&mut i32>).unwrap_err();
    let mut number = OwnedMutexGuard::map(owned, |pair| &mut pair.0);
    *number += 1;
    drop(number);
    assert_eq!(*mutex.try_lock().unwrap(), (2, "A".to_owned()));
    assert_eq!(format!("{mutex:?}"), r#"Mutex { data: (2, "A") }"#);
}

#[test]
fn a_mutex_coerces_to_an_unsized_value() {
    let mutex: Arc<Mutex<dyn Send + Sync>> = Arc::new(Mutex::new(1));
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn a_stored_permit_is_taken_once() {
    let notify = Notify::new();
    notify.notify_one();
    notify.notify_one();
    now(notify.notified());
    assert!(Polled::new(notify.notified()).is_pending());
}

#[test]
fn notify_one_and_last_choose_opposite_ends() {
    let notify = Notify::new();
    let mut waiting: Vec<_> = (0..3).map(|_| Polled::new(notify.notified())).collect();
    assert!(waiting.iter_mut().all(Polled::is_pending));
    notify.notify_last();
    notify.notify_one();
    let wakes: Vec<_> = waiting.iter().map(Polled::wakes).collect();
    assert_eq!(wakes, [1, 0, 1]);
}

/// FAULT 12.
#[test]
fn a_dropped_future_hands_its_notification_on() {
    let notify = Notify::new();
    let mut first = Polled::new(notify.notified());
    let mut second = Polled::new(notify.notified());
    assert!(first.is_pending() && second.is_pending());
    notify.notify_one();
    drop(first);
    assert_eq!(second.wakes(), 1);
    drop(second);
    now(notify.notified());
}

/// N2, N3, beyond the size of a batch.
#[test]
fn notify_waiters_reaches_all_that_exist_and_nobody_else() {
    let notify = Arc::new(Notify::new());
    let mut waiting: Vec<_> = (0..100).map(|_| Polled::new(notify.notified())).collect();
    assert!(waiting.iter_mut().all(Polled::is_pending));
    let mut unpolled = Polled::new(notify.clone().notified_owned());
    notify.notify_waiters();
    let mut later = Polled::new(notify.notified());
    assert!(later.is_pending());
    unpolled.ready();
    for waiter in &mut waiting {
        assert_eq!(waiter.wakes(), 1);
        waiter.ready();
    }
    assert!(later.is_pending());
}

/// FAULT 6.
#[test]
fn notify_waiters_survives_a_panicking_waker() {
    let notify = Notify::new();
    let mut bad = pin!(notify.notified());
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    let mut good: Vec<_> = (0..50).map(|_| Polled::new(notify.notified())).collect();
    assert!(good.iter_mut().all(Polled::is_pending));
    assert!(panics(|| notify.notify_waiters()));
    assert!(good.iter().all(|waiter| waiter.wakes() == 1));
}

#[test]
fn an_enabled_future_holds_its_place() {
    let notify = Notify::new();
    let mut enabled = Polled::new(notify.notified());
    assert!(!enabled.future.as_mut().enable());
    let mut later = Polled::new(notify.notified());
    assert!(later.is_pending());
    notify.notify_one();
    enabled.ready();
    assert!(later.is_pending());
}

#[test]
fn blocking_calls_wait_for_another_thread() {
    let shared = Arc::new((Mutex::new(0), Semaphore::new(0)));
    let guard = shared.0.blocking_lock();
    let thread = std::thread::spawn({
        let shared = shared.clone();
        move || {
            *shared.0.blocking_lock() += 1;
            shared.1.add_permits(2);
        }
    });
    drop(guard);
    shared.1.blocking_acquire_many(2).unwrap().forget();
    assert_eq!(*shared.0.blocking_lock(), 1);
    thread.join().unwrap();
}

/// What a waiting task pays. Growth is a decision, not an accident.
#[test]
fn sizes_are_pinned() {
    let (notify, semaphore, mutex) = (Notify::new(), Semaphore::new(0), Mutex::new(0_u8));
    let sizes = [
        ("Notify", size_of::<Notify>(), 48),
        ("Semaphore", size_of::<Semaphore>(), 32),
        ("Mutex<()>", size_of::<Mutex<()>>(), 32),
        ("notified", size_of_val(&notify.notified()), 64),
        ("acquire", size_of_val(&semaphore.acquire()), 120),
        ("lock", size_of_val(&mutex.lock()), 112),
    ];
    for (what, size, limit) in sizes {
        assert!(size <= limit, "{what}: {size} bytes, at most {limit}");
    }
}
