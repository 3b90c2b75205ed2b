//! Which locks, guards and halves may be sent to other threads or shared with them, for each kind
//! of value, and which types and futures may be used after a panic. A bound that is too wide is
//! unsound, one too narrow breaks programs.

use runtime::io::{ReadHalf, WriteHalf};
use runtime::sync::watch::Ref;
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

#[test]
fn looks_at_a_watched_value() {
    table! {
        Ref<'_, Both>: false true;
        Ref<'_, SendOnly>: false false;
        Ref<'_, SyncOnly>: false true;
        Ref<'_, Neither>: false false;
    }
}

#[test]
fn halves_of_a_stream() {
    table! {
        ReadHalf<Both>: true true;
        ReadHalf<SendOnly>: true false;
        ReadHalf<SyncOnly>: false true;
        ReadHalf<Neither>: false false;
        WriteHalf<Both>: true true;
        WriteHalf<SendOnly>: true false;
        WriteHalf<SyncOnly>: false true;
        WriteHalf<Neither>: false false;
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
    check::<ReadHalf<&mut Both>>();
    check::<WriteHalf<Neither>>();
    check::<Ref<'_, Both>>();
    #[cfg(feature = "io-std")]
    check::<(runtime::io::Stdin, runtime::io::Stdout, runtime::io::Stderr)>();
}

/// Of a future that is dropped, and of what it borrows.
#[allow(dead_code, reason = "some features have none of them")]
fn usable_after_a_panic<T: Send + Sync + UnwindSafe + RefUnwindSafe>(_: T) {}

#[cfg(feature = "net")]
#[test]
fn futures_of_sockets_may_be_used_after_a_panic() {
    use runtime::net::{TcpListener, TcpSocket, UdpSocket, lookup_host};
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1));
    usable_after_a_panic(lookup_host("a:1"));
    usable_after_a_panic(lookup_host(("a", 1)));
    usable_after_a_panic(TcpListener::bind("a:1"));
    usable_after_a_panic(TcpListener::bind(String::new()));
    usable_after_a_panic(TcpListener::bind(address));
    usable_after_a_panic(UdpSocket::bind("a:1"));
    usable_after_a_panic(UdpSocket::bind(address));
    usable_after_a_panic(TcpSocket::new_v4().unwrap().connect(address));
}

#[cfg(all(feature = "net", unix))]
#[test]
fn futures_of_unix_sockets_may_be_used_after_a_panic() {
    use runtime::net::{UnixSocket, UnixStream};
    let address = std::os::unix::net::SocketAddr::from_pathname("/x").unwrap();
    usable_after_a_panic(UnixStream::connect("/x"));
    usable_after_a_panic(UnixStream::connect_addr(&address.into()));
    usable_after_a_panic(UnixSocket::new_stream().unwrap().connect("/x"));
}

#[cfg(feature = "fs")]
#[test]
fn futures_of_files_may_be_used_after_a_panic() {
    use runtime::fs::{DirBuilder, File, OpenOptions};
    usable_after_a_panic(File::open("/x"));
    usable_after_a_panic(OpenOptions::new().open("/x"));
    usable_after_a_panic(DirBuilder::new().create("/x"));
    usable_after_a_panic(runtime::fs::read("/x"));
    usable_after_a_panic(runtime::fs::write("/x", "x"));
    usable_after_a_panic(runtime::fs::read_dir("/x"));
    usable_after_a_panic(runtime::fs::metadata("/x"));
    usable_after_a_panic(runtime::fs::copy("/x", "/y"));
    usable_after_a_panic(runtime::fs::try_exists("/x"));
}

#[test]
fn futures_of_tasks_and_time_may_be_used_after_a_panic() {
    fn by_reference<T: Send + Sync + RefUnwindSafe>(_: T) {}
    usable_after_a_panic(runtime::task::consume_budget());
    by_reference(runtime::task::yield_now());
    by_reference(runtime::time::advance(std::time::Duration::ZERO));
}

#[cfg(feature = "io-std")]
#[test]
fn a_read_of_standard_input_may_be_used_by_reference_after_a_panic() {
    use runtime::io::AsyncReadExt;
    fn by_reference<T: Send + Sync + RefUnwindSafe>(_: T) {}
    by_reference(runtime::io::stdin().read(&mut [0]));
}
