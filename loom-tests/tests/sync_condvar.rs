//! Models of `runtime::sync::Condvar`: V1 to V3 of its head comment.

use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::model::sync::Watched;
use runtime::sync::{Condvar, Mutex};
use std::pin::pin;

type Shared = std::sync::Arc<(Mutex<Watched>, Condvar)>;

fn shared() -> Shared {
    Shared::new((Mutex::new(Watched::new()), Condvar::new()))
}

fn is_unset(value: &mut Watched) -> bool {
    value.read() == 0
}

/// V1: no notification falls between unlocking and sleeping.
#[test]
fn condvar_notify_one_against_going_to_sleep() {
    model(|| {
        let shared = shared();
        let notifying = thread::spawn({
            let shared = shared.clone();
            move || {
                block_on(shared.0.lock()).change();
                shared.1.notify_one();
            }
        });
        let guard = block_on(shared.0.lock());
        let guard = block_on(shared.1.wait_while(guard, is_unset));
        assert_eq!(guard.read(), 1);
        drop(guard);
        notifying.join().unwrap();
    });
}

/// The same with two waiters and a notification of all.
#[test]
fn condvar_notify_all_against_going_to_sleep() {
    model(|| {
        fn wait(shared: &Shared) {
            let guard = block_on(shared.0.lock());
            drop(block_on(shared.1.wait_while(guard, is_unset)));
        }
        let shared = shared();
        let waiting = thread::spawn({
            let shared = shared.clone();
            move || wait(&shared)
        });
        // If the thread has the mutex just now, one waiter is enough.
        let guard = shared.0.try_lock().ok();
        let mut other = guard.map(|guard| Box::pin(shared.1.wait(guard)));
        if let Some(other) = &mut other {
            assert!(poll_once(other.as_mut()).is_pending());
        }
        block_on(shared.0.lock()).change();
        shared.1.notify_all();
        if let Some(other) = other {
            drop(block_on(other));
        }
        waiting.join().unwrap();
    });
}

/// V3: the notification of a waiter that is cancelled, asleep or in the queue of the mutex,
/// goes to the next.
#[test]
fn condvar_notify_one_against_cancel() {
    model(|| {
        let shared = shared();
        let mut first = Box::pin(shared.1.wait(shared.0.try_lock().unwrap()));
        assert!(poll_once(first.as_mut()).is_pending());
        let mut second = Box::pin(shared.1.wait(shared.0.try_lock().unwrap()));
        assert!(poll_once(second.as_mut()).is_pending());
        let notifying = thread::spawn({
            let shared = shared.clone();
            move || {
                let guard = shared.0.try_lock();
                shared.1.notify_one();
                drop(guard);
            }
        });
        if poll_once(first.as_mut()).is_pending() {
            drop(first);
            drop(block_on(second));
        }
        notifying.join().unwrap();
        assert!(shared.0.try_lock().is_ok());
    });
}

/// Two notifications wake two waiters.
#[test]
fn condvar_each_notify_one_wakes_another() {
    model(|| {
        let shared = shared();
        let mut first = Box::pin(shared.1.wait(shared.0.try_lock().unwrap()));
        assert!(poll_once(first.as_mut()).is_pending());
        let mut second = Box::pin(shared.1.wait(shared.0.try_lock().unwrap()));
        assert!(poll_once(second.as_mut()).is_pending());
        let threads = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || shared.1.notify_one())
        });
        drop(block_on(second));
        drop(block_on(first));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// All are notified, also while one of them is cancelled.
#[test]
fn condvar_notify_all_against_cancel() {
    model(|| {
        let shared = shared();
        let mut first = Box::pin(shared.1.wait(shared.0.try_lock().unwrap()));
        assert!(poll_once(first.as_mut()).is_pending());
        let mut second = Box::pin(shared.1.wait(shared.0.try_lock().unwrap()));
        assert!(poll_once(second.as_mut()).is_pending());
        let notifying = thread::spawn({
            let shared = shared.clone();
            move || shared.1.notify_all()
        });
        drop(first);
        drop(block_on(second));
        notifying.join().unwrap();
        let mut later = pin!(shared.1.wait(shared.0.try_lock().unwrap()));
        assert!(poll_once(later.as_mut()).is_pending(), "V2: nothing stored");
    });
}

/// An owned guard: the waiter keeps its mutex alive and sees what the notifier did.
#[test]
fn condvar_owned_guard_against_notify() {
    model(|| {
        let value = Arc::new(Watched::new());
        let mutex = std::sync::Arc::new(Mutex::new(value.clone()));
        let condvar = Arc::new(Condvar::new());
        let guard = mutex.clone().try_lock_owned().unwrap();
        let notifying = thread::spawn({
            let condvar = condvar.clone();
            move || {
                block_on(mutex.lock_owned()).change();
                condvar.notify_one();
            }
        });
        let guard = block_on(condvar.wait_while_owned(guard, |value| value.read() == 0));
        assert_eq!(guard.read(), 1);
        drop(guard);
        notifying.join().unwrap();
        assert_eq!(Arc::strong_count(&value), 1);
    });
}
