//! Models of `runtime::sync::RwLock`: R1 of its head comment and the order of its queue.

use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::model::sync::Watched;
use runtime::sync::RwLock;
use std::pin::pin;

type Shared = std::sync::Arc<RwLock<Watched>>;

fn shared(max_readers: u32) -> Shared {
    Shared::new(RwLock::with_max_readers(Watched::new(), max_readers))
}

/// R1: readers share, a writer is alone.
#[test]
fn rwlock_excludes_readers_from_a_writer() {
    model(|| {
        let lock = shared(2);
        let writing = thread::spawn({
            let lock = lock.clone();
            move || block_on(lock.write()).change()
        });
        let reading = thread::spawn({
            let lock = lock.clone();
            move || block_on(lock.read()).read()
        });
        assert!(block_on(lock.read()).read() <= 1);
        assert!(reading.join().unwrap() <= 1);
        writing.join().unwrap();
        assert_eq!(block_on(lock.read()).read(), 1);
    });
}

/// R1: no change of one writer is lost to another.
#[test]
fn rwlock_writers_exclude_each_other() {
    model(|| {
        let lock = shared(2);
        let writing = thread::spawn({
            let lock = lock.clone();
            move || (0..2).for_each(|_| block_on(lock.write()).change())
        });
        block_on(lock.write()).change();
        block_on(lock.clone().write_owned()).change();
        writing.join().unwrap();
        assert_eq!(block_on(lock.read()).read(), 4);
    });
}

/// A reader that comes after a writer waits for it, although a reader has the lock.
#[test]
fn rwlock_a_later_reader_waits_for_the_writer() {
    model(|| {
        let lock = shared(3);
        let held = lock.try_read().unwrap();
        let mut writer = pin!(lock.write());
        assert!(poll_once(writer.as_mut()).is_pending());
        let reading = thread::spawn({
            let lock = lock.clone();
            move || {
                if let Ok(guard) = lock.try_read() {
                    assert_eq!(guard.read(), 1);
                }
                block_on(lock.read()).read()
            }
        });
        drop(held);
        block_on(writer).change();
        assert_eq!(reading.join().unwrap(), 1);
    });
}

/// Downgrading lets a reader in at once and keeps the writer out.
#[test]
fn rwlock_downgrade_lets_readers_in_only() {
    model(|| {
        let lock = shared(3);
        let guard = lock.try_write().unwrap();
        let mut reader = pin!(lock.read());
        assert!(poll_once(reader.as_mut()).is_pending());
        let writing = thread::spawn({
            let lock = lock.clone();
            move || block_on(lock.write()).change()
        });
        guard.change();
        let guard = guard.downgrade();
        assert_eq!(guard.read(), 1);
        let other = block_on(reader);
        assert_eq!(guard.read(), 1, "no writer in between");
        drop(guard);
        assert_eq!(other.read(), 1);
        drop(other);
        writing.join().unwrap();
        assert_eq!(block_on(lock.read()).read(), 2);
    });
}

/// What a cancelled writer collected goes back: a reader behind it goes on, although another
/// reader keeps the lock.
#[test]
fn rwlock_a_cancelled_writer_lets_readers_go_on() {
    model(|| {
        let lock = shared(3);
        let held = lock.try_read().unwrap();
        let cancelled = thread::spawn({
            let lock = lock.clone();
            move || drop(poll_once(pin!(lock.write())))
        });
        assert_eq!(block_on(lock.read()).read(), 0);
        cancelled.join().unwrap();
        drop(held);
        assert!(lock.try_write().is_ok());
    });
}

/// A writer that is cancelled while the last reader leaves hands the grant on.
#[test]
fn rwlock_a_cancelled_writer_against_the_last_reader() {
    model(|| {
        let lock = shared(2);
        let held = lock.clone().try_read_owned().unwrap();
        let mut cancelled = Box::pin(lock.write());
        assert!(poll_once(cancelled.as_mut()).is_pending());
        let mut reader = pin!(lock.read());
        assert!(poll_once(reader.as_mut()).is_pending());
        let leaving = thread::spawn(move || drop(held));
        drop(cancelled);
        drop(block_on(reader));
        leaving.join().unwrap();
        assert!(lock.try_write().is_ok());
    });
}

/// A `try_` that succeeds while a guard is dropped sees what its holder did. The other thread
/// tries: loom goes back from its loads to our release, but not from a release to loads.
#[test]
fn rwlock_try_against_release() {
    model(|| {
        let lock = shared(2);
        let guard = lock.clone().try_write_owned().unwrap();
        let trying = thread::spawn({
            let lock = lock.clone();
            move || {
                if let Ok(guard) = lock.try_read() {
                    assert_eq!(guard.read(), 1);
                    assert!(lock.try_write().is_err());
                }
                if let Ok(guard) = lock.try_write() {
                    guard.change();
                }
            }
        });
        guard.change();
        drop(guard);
        trying.join().unwrap();
        assert!(lock.try_write().unwrap().read() >= 1);
    });
}

/// Owned guards: of the last ones each may free the lock, once, after all readers are done.
#[test]
fn rwlock_owned_guards_keep_the_lock_alive() {
    model(|| {
        let value = Arc::new(Watched::new());
        let lock = std::sync::Arc::new(RwLock::new(value.clone()));
        let guard = lock.clone().try_write_owned().unwrap();
        let reading = thread::spawn(move || block_on(lock.read_owned()).read());
        guard.change();
        let guard = guard.downgrade();
        assert_eq!(guard.read(), 1);
        drop(guard);
        assert_eq!(reading.join().unwrap(), 1);
        assert_eq!(Arc::strong_count(&value), 1);
    });
}
