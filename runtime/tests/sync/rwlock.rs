//! `RwLock` and its guards, polled by hand.

use crate::support::{Polled, now, panics, poll_with_panicking_waker};
use runtime::sync::{
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard,
};
use std::sync::Arc;

static LOCK: RwLock<u8> = RwLock::const_new(1);
static NARROW: RwLock<u8> = RwLock::const_with_max_readers(2, 1);

/// Whether nobody holds the lock or waits for it.
fn is_free<T>(lock: &RwLock<T>) -> bool {
    lock.try_write().is_ok()
}

#[test]
fn readers_share_and_a_writer_is_alone() {
    let lock = RwLock::new(1);
    let (one, other) = (now(lock.read()), now(lock.read()));
    assert!(lock.try_write().is_err());
    let mut writer = Polled::new(lock.write());
    assert!(writer.is_pending());
    drop(one);
    assert_eq!(writer.wakes(), 0);
    drop(other);
    assert_eq!(writer.wakes(), 1);
    let mut guard = writer.ready();
    *guard += 1;
    assert!(lock.try_read().is_err() && lock.try_write().is_err());
    drop(guard);
    assert_eq!(*lock.try_read().unwrap(), 2);
}

/// P2: neither side starves.
#[test]
fn the_order_of_asking_is_the_order_of_service() {
    let lock = RwLock::new(());
    let held = now(lock.read());
    let mut writer = Polled::new(lock.write());
    assert!(writer.is_pending());
    let mut readers: Vec<_> = (0..40).map(|_| Polled::new(lock.read())).collect();
    assert!(readers.iter_mut().all(Polled::is_pending));
    let mut last = Polled::new(lock.write());
    assert!(last.is_pending());
    assert!(lock.try_read().is_err(), "a writer waits");
    drop(held);
    drop(writer.ready());
    assert!(readers.iter().all(|reader| reader.wakes() == 1));
    let guards: Vec<_> = readers.iter_mut().map(Polled::ready).collect();
    assert!(last.is_pending());
    drop(guards);
    assert_eq!(last.wakes(), 1);
    drop(last.ready());
    assert!(is_free(&lock));
}

/// FAULT 12: at every point of the wait.
#[test]
fn a_cancelled_writer_lets_readers_go_on() {
    let lock = RwLock::new(());
    let held = now(lock.read());
    drop(lock.write());
    let mut writer = Polled::new(lock.write());
    assert!(writer.is_pending());
    let mut reader = Polled::new(lock.read());
    assert!(reader.is_pending());
    drop(writer);
    assert_eq!(reader.wakes(), 1, "while the first reader has the lock");
    drop(reader.ready());

    let mut granted = Polled::new(lock.write());
    assert!(granted.is_pending());
    let mut reader = Polled::new(lock.read());
    assert!(reader.is_pending());
    drop(held);
    assert_eq!((granted.wakes(), reader.wakes()), (1, 0));
    drop(granted);
    assert_eq!(reader.wakes(), 1, "the grant is handed on");
    drop(reader);
    assert!(is_free(&lock), "also by a reader that is dropped");
}

/// FAULT 11.
#[test]
fn spurious_polls_keep_one_place_in_the_queue() {
    let lock = RwLock::new(());
    let held = now(lock.write());
    let mut reader = Polled::new(lock.read());
    (0..3).for_each(|_| assert!(reader.is_pending()));
    assert!(reader.poll_with_new_waker().is_pending());
    drop(held);
    assert_eq!(reader.wakes(), 1, "the newest waker is woken");
    drop(reader.ready());
    assert!(is_free(&lock));
}

#[test]
fn the_number_of_readers_is_limited() {
    let lock = RwLock::with_max_readers((), 2);
    let guards = (now(lock.read()), now(lock.read()));
    assert!(lock.try_read().is_err());
    let mut third = Polled::new(lock.read());
    assert!(third.is_pending());
    drop(guards.0);
    drop(third.ready());
    drop(guards.1);
    assert!(is_free(&lock));
    assert_eq!(
        (*LOCK.try_read().unwrap(), *NARROW.try_read().unwrap()),
        (1, 2)
    );
    let _reading = NARROW.try_read().unwrap();
    assert!(NARROW.try_read().is_err());
}

#[test]
fn limits_out_of_range_are_refused() {
    let message = |max_readers| {
        let payload =
            std::panic::catch_unwind(|| RwLock::with_max_readers(0, max_readers)).unwrap_err();
        (*payload.downcast::<&str>().unwrap()).to_owned()
    };
    assert!(message(0).contains("a RwLock may not be created with 0 readers"));
    assert!(message((u32::MAX >> 3) + 1).contains("with more than 536870911 readers"));
    assert!(is_free(&RwLock::with_max_readers(0, u32::MAX >> 3)));
}

#[test]
fn a_downgrade_lets_readers_in_and_keeps_writers_out() {
    let lock = RwLock::new(1);
    let guard = now(lock.write());
    let mut reader = Polled::new(lock.read());
    let mut writer = Polled::new(lock.write());
    let mut late = Polled::new(lock.read());
    assert!(reader.is_pending() && writer.is_pending() && late.is_pending());
    let guard = guard.downgrade();
    assert_eq!((reader.wakes(), writer.wakes(), late.wakes()), (1, 0, 0));
    assert_eq!(*reader.ready() + *guard, 2);
    drop(guard);
    *writer.ready() += 1;
    assert_eq!(*late.ready(), 2);
    assert!(is_free(&lock));
}

/// With one reader at most there is nothing to give back.
#[test]
fn a_downgrade_of_one_permit_keeps_it() {
    let lock = Arc::new(RwLock::with_max_readers(1, 1));
    let guard = now(lock.write()).downgrade();
    assert!(lock.try_read().is_err());
    drop(guard);
    let guard = lock.clone().try_write_owned().unwrap().downgrade();
    assert!(lock.try_read().is_err());
    drop(guard);
    assert!(is_free(&lock));
}

/// The permits that a downgrade keeps go back when it unwinds. FAULT 6.
#[test]
fn a_panicking_waker_takes_no_permit_from_others() {
    let lock = Arc::new(RwLock::new(()));
    for owned in [false, true] {
        let guards = if owned {
            (None, Some(lock.clone().try_write_owned().unwrap()))
        } else {
            (Some(lock.try_write().unwrap()), None)
        };
        let mut bad = Box::pin(lock.read());
        assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
        let mut good = Polled::new(lock.read());
        assert!(good.is_pending());
        assert!(panics(|| {
            let _reading = guards.0.map(RwLockWriteGuard::downgrade);
            let _reading = guards.1.map(OwnedRwLockWriteGuard::downgrade);
        }));
        assert_eq!(good.wakes(), 1);
        drop((bad, good.ready()));
        assert!(is_free(&lock));
    }
    let held = now(lock.write());
    let mut bad = Box::pin(lock.write());
    assert!(poll_with_panicking_waker(bad.as_mut()).is_pending());
    assert!(panics(|| drop(held)));
    drop(bad);
    assert!(is_free(&lock));
}

#[test]
fn a_panic_in_a_holder_or_a_projection_unlocks() {
    let lock = Arc::new(RwLock::new(1));
    assert!(panics(|| {
        let _guard = lock.try_write().unwrap();
        panic!("no poisoning");
    }));
    assert!(is_free(&lock));
    assert!(panics(|| {
        drop(RwLockWriteGuard::map(
            lock.try_write().unwrap(),
            |_| -> &mut u8 { panic!("map") },
        ));
    }));
    assert!(panics(|| {
        let guard = lock.try_write().unwrap();
        drop(RwLockWriteGuard::downgrade_map(guard, |_| -> &u8 {
            panic!("map")
        }));
    }));
    assert!(panics(|| {
        let guard = lock.clone().try_read_owned().unwrap();
        drop(OwnedRwLockReadGuard::map(guard, |_| -> &u8 {
            panic!("map")
        }));
    }));
    assert!(is_free(&lock));
}

#[test]
fn borrowed_guards_can_be_narrowed() {
    let lock = RwLock::new((1, "a".to_owned()));
    let guard = RwLockReadGuard::map(now(lock.read()), |pair| &pair.1);
    let guard = RwLockReadGuard::try_map(guard, |_| None::<&u8>).unwrap_err();
    let text = RwLockReadGuard::try_map(guard, |text| text.get(..)).unwrap();
    assert_eq!(format!("{text} {text:?}"), r#"a "a""#);
    drop(text);

    let guard = RwLockWriteGuard::try_map(now(lock.write()), |_| None::<&mut u8>).unwrap_err();
    let guard = RwLockWriteGuard::try_map(guard, |pair| Some(&mut pair.1)).unwrap();
    let guard = RwLockMappedWriteGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
    let mut text = RwLockMappedWriteGuard::map(guard, String::as_mut_str);
    text.make_ascii_uppercase();
    assert!(lock.try_read().is_err(), "still the writer");
    assert_eq!(format!("{text} {text:?}"), r#"A "A""#);
    drop(text);

    let guard = now(lock.write());
    let guard = RwLockWriteGuard::try_downgrade_map(guard, |_| None::<&u8>).unwrap_err();
    assert!(lock.try_read().is_err(), "still exclusive");
    let number = RwLockWriteGuard::try_downgrade_map(guard, |pair| Some(&pair.0)).unwrap();
    assert_eq!((*number, lock.try_read().unwrap().0), (1, 1));
    drop(number);
    drop(RwLockWriteGuard::into_mapped(now(lock.write())));
    assert!(is_free(&lock));
    assert_eq!(format!("{lock:?}"), r#"RwLock { data: (1, "A") }"#);
    let _writing = now(lock.write());
    assert_eq!(format!("{lock:?}"), "RwLock { data: <locked> }");
}

#[test]
fn owned_guards_can_be_narrowed_and_keep_the_lock_alive() {
    let lock = Arc::new(RwLock::new((1, "a".to_owned())));
    let guard = now(lock.clone().read_owned());
    assert!(Arc::ptr_eq(OwnedRwLockReadGuard::rwlock(&guard), &lock));
    let guard = OwnedRwLockReadGuard::try_map(guard, |_| None::<&u8>).unwrap_err();
    let text = OwnedRwLockReadGuard::map(guard, |pair| &pair.1);
    assert_eq!(format!("{text} {text:?}"), r#"a "a""#);
    drop(text);

    let guard = now(lock.clone().write_owned());
    assert!(Arc::ptr_eq(OwnedRwLockWriteGuard::rwlock(&guard), &lock));
    let guard = OwnedRwLockWriteGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
    let guard = OwnedRwLockWriteGuard::map(guard, |pair| &mut pair.1);
    let guard = OwnedRwLockMappedWriteGuard::try_map(guard, |_| None::<&mut u8>).unwrap_err();
    let mut text = OwnedRwLockMappedWriteGuard::map(guard, String::as_mut_str);
    text.make_ascii_uppercase();
    assert!(Arc::ptr_eq(
        OwnedRwLockMappedWriteGuard::rwlock(&text),
        &lock
    ));
    assert!(lock.clone().try_read_owned().is_err(), "still the writer");
    drop(text);

    let mut guard = lock.clone().try_write_owned().unwrap();
    guard.0 += 1;
    let guard = OwnedRwLockWriteGuard::try_downgrade_map(guard, |_| None::<&u8>).unwrap_err();
    assert!(lock.try_read().is_err(), "still exclusive");
    let number = OwnedRwLockWriteGuard::downgrade_map(guard, |pair| &pair.0);
    assert!(lock.try_read().is_ok());
    let watched = Arc::downgrade(&lock);
    drop(lock);
    assert_eq!(*number, 2);
    drop(number);
    assert!(watched.upgrade().is_none());
}

#[test]
fn a_lock_converts_defaults_and_coerces() {
    assert_eq!(RwLock::from(3).into_inner(), 3);
    let mut lock = RwLock::<u8>::default();
    *lock.get_mut() = 4;
    assert_eq!(*lock.blocking_read(), 4);
    *lock.blocking_write() = 5;
    assert_eq!(lock.into_inner(), 5);
    let unsized_lock: Arc<RwLock<[u8]>> = Arc::new(RwLock::new([1, 2, 3]));
    let guard = now(unsized_lock.clone().write_owned());
    assert_eq!(guard.downgrade().len(), 3);
    assert_eq!(
        RwLockWriteGuard::map(now(unsized_lock.write()), |all| &mut all[1..])[0],
        2
    );
}

/// A reader's guard is covariant: a longer life fits where a shorter one is asked for.
#[test]
fn a_read_guard_may_be_shortened() {
    fn shorter<'a>(
        guard: RwLockReadGuard<'a, &'static str>,
        _: &'a str,
    ) -> RwLockReadGuard<'a, &'a str> {
        guard
    }
    let lock = RwLock::new("long");
    let short = String::from("short");
    assert_eq!(*shorter(now(lock.read()), &short), "long");
}

#[test]
fn threads_that_read_and_write_see_whole_values() {
    const THREADS: u64 = 4;
    const ROUNDS: u64 = 2_000;
    let lock = RwLock::new((0_u64, 0_u64));
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    if round % 4 == 0 {
                        let mut guard = lock.blocking_write();
                        guard.0 += 1;
                        guard.1 += 1;
                        let guard = guard.downgrade();
                        assert_eq!(guard.0, guard.1);
                    } else {
                        let guard = lock.blocking_read();
                        assert_eq!(guard.0, guard.1);
                    }
                }
            });
        }
    });
    // Through the lock: how a scope ends is nothing that ThreadSanitizer sees.
    assert_eq!(lock.blocking_read().0, THREADS * ROUNDS / 4);
}

/// What a waiting task and a guard pay. Growth is a decision, not an accident.
#[test]
fn sizes_are_pinned() {
    let lock = RwLock::new(0_u8);
    let word = size_of::<usize>();
    let sizes = [
        ("RwLock<()>", size_of::<RwLock<()>>(), 5 * word),
        ("read guard", size_of::<RwLockReadGuard<'_, u8>>(), 2 * word),
        (
            "write guard",
            size_of::<RwLockWriteGuard<'_, u8>>(),
            3 * word,
        ),
        (
            "owned guard",
            size_of::<OwnedRwLockReadGuard<u8>>(),
            3 * word,
        ),
        ("read", size_of_val(&lock.read()), 14 * word),
        ("write", size_of_val(&lock.write()), 14 * word),
    ];
    for (what, size, limit) in sizes {
        assert!(size <= limit, "{what}: {size} bytes, at most {limit}");
    }
}
