//! `Condvar`, polled by hand and on threads.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::{Condvar, Mutex, MutexGuard};
use std::future::Future;
use std::sync::Arc;

static STATIC: Condvar = Condvar::const_new();

/// A waiter that has queued and unlocked.
fn waiting<'a>(
    condvar: &'a Condvar,
    mutex: &'a Mutex<u32>,
) -> Polled<impl Future<Output = MutexGuard<'a, u32>>> {
    let mut waiting = Polled::new(condvar.wait(mutex.try_lock().unwrap()));
    assert!(waiting.is_pending());
    waiting
}

#[test]
fn a_waiter_lets_the_mutex_go_and_gets_it_back() {
    let mutex = Mutex::new(0);
    let mut waiting = waiting(&STATIC, &mutex);
    *mutex.try_lock().unwrap() += 1;
    STATIC.notify_one();
    assert_eq!(waiting.wakes(), 1);
    assert_eq!(*waiting.ready(), 1);
}

/// V1: the guard is held until the waiter is in the list.
#[test]
fn the_mutex_stays_locked_until_the_first_poll() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let mut waiting = Polled::new(condvar.wait(mutex.try_lock().unwrap()));
    assert!(mutex.try_lock().is_err());
    condvar.notify_one();
    assert!(waiting.is_pending(), "V2: nobody waited");
    assert!(mutex.try_lock().is_ok());
    drop(Polled::new(condvar.wait(mutex.try_lock().unwrap())));
    assert!(mutex.try_lock().is_ok(), "dropped unpolled");
}

/// V2.
#[test]
fn a_notification_without_a_waiter_is_not_stored() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    condvar.notify_one();
    condvar.notify_all();
    let mut waiting = waiting(&condvar, &mutex);
    assert!(waiting.is_pending());
}

#[test]
fn notify_one_serves_in_order() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let mut first = waiting(&condvar, &mutex);
    let mut second = waiting(&condvar, &mutex);
    condvar.notify_one();
    assert!(second.is_pending());
    drop(first.ready());
    condvar.notify_one();
    drop(second.ready());
}

/// More waiters than one batch of wakers holds; the mutex goes round in the order of locking.
#[test]
fn notify_all_wakes_all_and_the_mutex_takes_them_in_turn() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let mut all: Vec<_> = (0..40).map(|_| waiting(&condvar, &mutex)).collect();
    let held = mutex.try_lock().unwrap();
    condvar.notify_all();
    assert!(all.iter().all(|waiting| waiting.wakes() == 1));
    assert!(all.iter_mut().all(Polled::is_pending), "the mutex is held");
    drop(held);
    for (i, waiting) in all.iter_mut().enumerate() {
        assert_eq!(waiting.wakes(), 2);
        let mut guard = waiting.ready();
        assert_eq!(*guard, i as u32);
        *guard += 1;
    }
}

/// V3, FAULT 12: a waiter is dropped at each point of its wait.
#[test]
fn a_cancelled_waiter_passes_its_notification_on() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());

    drop(waiting(&condvar, &mutex));
    let mut other = waiting(&condvar, &mutex);
    condvar.notify_one();
    drop(other.ready());

    let asleep = waiting(&condvar, &mutex);
    let mut other = waiting(&condvar, &mutex);
    condvar.notify_one();
    drop(asleep);
    assert_eq!(other.wakes(), 1, "notified, not polled since");
    drop(other.ready());

    let mut locking = waiting(&condvar, &mutex);
    let mut other = waiting(&condvar, &mutex);
    let held = mutex.try_lock().unwrap();
    condvar.notify_one();
    assert!(locking.is_pending());
    drop(locking);
    assert_eq!(other.wakes(), 1, "in the queue of the mutex");
    drop(held);
    drop(other.ready());

    let mut granted = waiting(&condvar, &mutex);
    let mut other = waiting(&condvar, &mutex);
    let held = mutex.try_lock().unwrap();
    condvar.notify_one();
    assert!(granted.is_pending());
    drop(held);
    assert_eq!(granted.wakes(), 2);
    drop(granted);
    assert_eq!(other.wakes(), 1, "granted the mutex, not polled since");
    drop(other.ready());
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn what_nobody_is_left_to_get_is_forgotten() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let alone = waiting(&condvar, &mutex);
    condvar.notify_one();
    drop(alone);
    let mut later = waiting(&condvar, &mutex);
    assert!(later.is_pending());
}

/// A notification of all is not one that somebody else lacks.
#[test]
fn a_cancelled_waiter_of_notify_all_passes_nothing_on() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let mut first = waiting(&condvar, &mutex);
    let held = mutex.try_lock().unwrap();
    condvar.notify_all();
    assert!(first.is_pending());
    drop(held);
    let mut later = Polled::new(condvar.wait(first.ready()));
    assert!(later.is_pending());
    let mut second = waiting(&condvar, &mutex);
    let held = mutex.try_lock().unwrap();
    condvar.notify_all();
    assert!(later.is_pending() && second.is_pending());
    drop(held);
    let mut last = Polled::new(condvar.wait(later.ready()));
    assert!(last.is_pending());
    drop(second);
    assert_eq!(last.wakes(), 0);
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn wait_while_looks_again_each_time() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    drop(now(
        condvar.wait_while(mutex.try_lock().unwrap(), |value| *value > 0)
    ));
    let mut waiting =
        Polled::new(condvar.wait_while(mutex.try_lock().unwrap(), |value| *value < 2));
    for round in 1..=2 {
        assert!(waiting.is_pending());
        *mutex.try_lock().unwrap() += 1;
        condvar.notify_one();
        assert_eq!(waiting.wakes(), round);
    }
    assert_eq!(*waiting.ready(), 2);
}

#[test]
fn a_condition_that_panics_unlocks() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    assert!(panics(|| {
        drop(now(condvar.wait_while(mutex.try_lock().unwrap(), |_| {
            panic!("condition")
        })));
    }));
    assert!(mutex.try_lock().is_ok());
}

#[test]
fn waiters_of_different_mutexes_get_their_own_back() {
    let (condvar, mutexes) = (Condvar::new(), [Mutex::new(1), Mutex::new(2)]);
    let mut all = mutexes.each_ref().map(|mutex| waiting(&condvar, mutex));
    condvar.notify_all();
    let guards = all.each_mut().map(Polled::ready);
    assert_eq!(guards.each_ref().map(|guard| **guard), [1, 2]);
}

#[test]
fn an_owned_guard_comes_back_as_one() {
    let (mutex, condvar) = (Arc::new(Mutex::new(0)), Condvar::default());
    let guard = mutex.clone().try_lock_owned().unwrap();
    let mut waiting = Polled::new(condvar.wait_while_owned(guard, |value| *value < 1));
    assert!(waiting.is_pending());
    *mutex.try_lock().unwrap() = 1;
    condvar.notify_one();
    let guard = waiting.ready();
    assert_eq!(*guard, 1);
    let watched = Arc::downgrade(&mutex);
    let mut waiting = Polled::new(condvar.wait_owned(guard));
    assert!(waiting.is_pending());
    drop(mutex);
    assert!(watched.upgrade().is_some(), "the waiter keeps it alive");
    drop(waiting);
    assert!(watched.upgrade().is_none());
}

/// FAULT 6.
#[test]
fn a_panicking_waker_takes_no_notification_from_others() {
    let (mutex, condvar) = (Mutex::new(0), Condvar::new());
    let mut bad = Box::pin(condvar.wait(mutex.try_lock().unwrap()));
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    let mut good = waiting(&condvar, &mutex);
    assert!(panics(|| condvar.notify_one()));
    drop(bad);
    assert_eq!(good.wakes(), 1);
    drop(good.ready());

    let mut bad = Box::pin(condvar.wait(mutex.try_lock().unwrap()));
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    let mut good = waiting(&condvar, &mutex);
    assert!(panics(|| condvar.notify_all()));
    assert_eq!(good.wakes(), 1);
    drop((good.ready(), bad));

    // The unlock of a waiter wakes one for the mutex that panics: the waiter is not left queued.
    let mut bad = Box::pin(mutex.lock());
    let mut unlocking = Polled::new(condvar.wait(mutex.try_lock().unwrap()));
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    assert!(panics(|| assert!(unlocking.is_pending())));
    drop((bad, unlocking));
    let mut good = waiting(&condvar, &mutex);
    condvar.notify_one();
    drop(good.ready());
}

/// A queue of one place, filled and emptied by threads: no notification is lost.
#[test]
fn producers_and_consumers_on_threads_end() {
    const EACH: u32 = 300;
    let runtime = runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    let shared = Arc::new((Mutex::new(None), Condvar::new(), Condvar::new()));
    let producers = (0..3).map(|_| {
        let shared = shared.clone();
        runtime.spawn(async move {
            for i in 0..EACH {
                let guard = shared.0.lock().await;
                let mut place = shared.1.wait_while(guard, |place| place.is_some()).await;
                *place = Some(i);
                drop(place);
                shared.2.notify_one();
            }
            0
        })
    });
    let consumers = (0..3).map(|_| {
        let shared = shared.clone();
        runtime.spawn(async move {
            let mut sum = 0;
            for _ in 0..EACH {
                let guard = shared.0.lock().await;
                let mut place = shared.2.wait_while(guard, |place| place.is_none()).await;
                sum += place.take().unwrap();
                drop(place);
                shared.1.notify_one();
            }
            sum
        })
    });
    let tasks: Vec<_> = producers.chain(consumers).collect();
    let sum = runtime.block_on(async {
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 3 * EACH * (EACH - 1) / 2);
}

#[test]
fn a_condvar_can_be_printed() {
    assert_eq!(format!("{:?}", Condvar::new()), "Condvar { .. }");
}
