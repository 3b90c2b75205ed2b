//! Which locks and guards may be sent to other threads or shared with them, for each kind of
//! value. A bound that is too wide is unsound, one too narrow breaks programs.

use runtime::sync::{
    Barrier, Condvar, MappedMutexGuard, Mutex, MutexGuard, OwnedMappedMutexGuard, OwnedMutexGuard,
    OwnedRwLockMappedWriteGuard, OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit,
    RwLock, RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit,
};
use std::cell::Cell;
use std::marker::PhantomData;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::rc::Rc;
use std::sync::MutexGuard as StdGuard;

/// To be sent and shared.
type Both = u8;
/// To be sent only.
type SendOnly = Cell<u8>;
/// To be shared only.
type SyncOnly = StdGuard<'static, u8>;
/// Neither.
type Neither = Rc<u8>;

/// Whether `$type` is `$auto`: an inherent constant shadows that of a trait, where it exists.
macro_rules! is {
    ($auto:ident, $type:ty) => {{
        #[allow(dead_code)]
        trait Otherwise {
            const IS: bool = false;
        }
        struct Probe<T: ?Sized>(PhantomData<T>);
        impl<T: ?Sized> Otherwise for Probe<T> {}
        #[allow(dead_code)]
        impl<T: ?Sized + $auto> Probe<T> {
            const IS: bool = true;
        }
        <Probe<$type>>::IS
    }};
}

/// One row per type: is it `Send`, is it `Sync`.
macro_rules! table {
    ($($type:ty: $send:literal $sync:literal;)+) => {$(
        let found = (is!(Send, $type), is!(Sync, $type), is!(Unpin, $type));
        assert_eq!(found, ($send, $sync, true), "{}", stringify!($type));
    )+};
}

#[test]
fn locks() {
    table! {
        Mutex<Both>: true true;
        Mutex<SendOnly>: true true;
        Mutex<SyncOnly>: false false;
        Mutex<Neither>: false false;
        RwLock<Both>: true true;
        RwLock<SendOnly>: true false;
        RwLock<SyncOnly>: false false;
        RwLock<Neither>: false false;
        Barrier: true true;
        Condvar: true true;
        Semaphore: true true;
        SemaphorePermit<'_>: true true;
        OwnedSemaphorePermit: true true;
    }
}

#[test]
fn guards_of_a_mutex() {
    table! {
        MutexGuard<'_, Both>: true true;
        MutexGuard<'_, SendOnly>: true false;
        MutexGuard<'_, SyncOnly>: false false;
        MutexGuard<'_, Neither>: false false;
        MappedMutexGuard<'_, Both>: true true;
        MappedMutexGuard<'_, SendOnly>: true false;
        MappedMutexGuard<'_, SyncOnly>: false true;
        MappedMutexGuard<'_, Neither>: false false;
        OwnedMutexGuard<Both>: true true;
        OwnedMutexGuard<SendOnly>: true false;
        OwnedMutexGuard<Neither>: false false;
        OwnedMappedMutexGuard<Both, Both>: true true;
        OwnedMappedMutexGuard<Both, SendOnly>: true false;
        OwnedMappedMutexGuard<SendOnly, Both>: true false;
        OwnedMappedMutexGuard<Both, Neither>: false false;
        OwnedMappedMutexGuard<Neither, Both>: false false;
    }
}

#[test]
fn guards_of_a_rwlock() {
    table! {
        RwLockReadGuard<'_, Both>: true true;
        RwLockReadGuard<'_, SendOnly>: false false;
        RwLockReadGuard<'_, SyncOnly>: true false;
        RwLockReadGuard<'_, Neither>: false false;
        RwLockWriteGuard<'_, Both>: true true;
        RwLockWriteGuard<'_, SendOnly>: false false;
        RwLockWriteGuard<'_, SyncOnly>: false false;
        RwLockWriteGuard<'_, Neither>: false false;
        RwLockMappedWriteGuard<'_, Both>: true true;
        RwLockMappedWriteGuard<'_, SendOnly>: false false;
        RwLockMappedWriteGuard<'_, SyncOnly>: false false;
        RwLockMappedWriteGuard<'_, Neither>: false false;
    }
}

#[test]
fn owned_guards_of_a_rwlock() {
    table! {
        OwnedRwLockReadGuard<Both>: true true;
        OwnedRwLockReadGuard<SendOnly>: false false;
        OwnedRwLockReadGuard<SyncOnly>: false false;
        OwnedRwLockReadGuard<Neither>: false false;
        OwnedRwLockReadGuard<Both, SyncOnly>: true false;
        OwnedRwLockReadGuard<Both, SendOnly>: false false;
        OwnedRwLockReadGuard<SyncOnly, Both>: false false;
        OwnedRwLockWriteGuard<Both>: true true;
        OwnedRwLockWriteGuard<SendOnly>: false false;
        OwnedRwLockWriteGuard<SyncOnly>: false false;
        OwnedRwLockWriteGuard<Neither>: false false;
        OwnedRwLockMappedWriteGuard<Both>: true true;
        OwnedRwLockMappedWriteGuard<Both, SendOnly>: false false;
        OwnedRwLockMappedWriteGuard<Both, SyncOnly>: false false;
        OwnedRwLockMappedWriteGuard<SendOnly, Both>: false false;
        OwnedRwLockMappedWriteGuard<Neither>: false false;
    }
}

fn sent_and_shared<T: Send + Sync>(_: &T) {}

/// The futures go to any worker.
#[test]
fn futures() {
    let (lock, mutex, barrier) = (RwLock::new(1), Mutex::new(1), Barrier::new(1));
    sent_and_shared(&(lock.read(), lock.write(), mutex.lock(), barrier.wait()));
    let condvar = Condvar::new();
    let guard = mutex.try_lock().unwrap();
    sent_and_shared(&condvar.wait_while(guard, |_| true));
    let owned = std::sync::Arc::new(Mutex::new(1)).try_lock_owned().unwrap();
    sent_and_shared(&condvar.wait_while_owned(owned, |_| true));
    let mutex = Mutex::new(Cell::new(1));
    sent_and_shared(&mutex.lock());
}

#[test]
fn what_may_be_used_after_a_panic() {
    fn check<T: UnwindSafe + RefUnwindSafe>() {}
    check::<Barrier>();
    check::<Condvar>();
    check::<Semaphore>();
}
