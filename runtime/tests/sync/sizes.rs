//! The types and futures of `sync` are no larger than tokio's: they sit in every task that uses
//! them.
//!
//! The numbers are those of tokio 1.54.1 with its feature `full`: what `size_of::<T>()` and
//! `size_of_val(&future)` gave on x86-64 Linux with rustc 1.95 for the types and calls below.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use runtime::sync::{
    AcquireError, Barrier, BarrierWaitResult, Condvar, MappedMutexGuard, Mutex, MutexGuard, Notify,
    OnceCell, OwnedMappedMutexGuard, OwnedMutexGuard, OwnedRwLockMappedWriteGuard,
    OwnedRwLockReadGuard, OwnedRwLockWriteGuard, OwnedSemaphorePermit, RwLock,
    RwLockMappedWriteGuard, RwLockReadGuard, RwLockWriteGuard, Semaphore, SemaphorePermit,
    SetError, SetOnce, SetOnceError, TryAcquireError, TryLockError, broadcast, futures, mpmc, mpsc,
    oneshot, watch,
};
use std::future::ready;
use std::mem::{size_of, size_of_val};
use std::sync::Arc;

/// Collects what is too large, so that one run shows all of it.
#[derive(Default)]
struct Sizes(Vec<String>);

impl Sizes {
    fn check(&mut self, what: &str, ours: usize, tokios: usize) {
        if ours > tokios {
            self.0
                .push(format!("{what}: {ours} bytes, tokio's {tokios}"));
        }
    }

    #[track_caller]
    fn end(self) {
        assert!(self.0.is_empty(), "larger than tokio's: {:#?}", self.0);
    }
}

/// `Type => bytes` for types, `expression => bytes` for values (futures have no name).
macro_rules! sizes {
    (types: $($type:ty => $bytes:literal),+ $(,)?) => {{
        let mut sizes = Sizes::default();
        $(sizes.check(stringify!($type), size_of::<$type>(), $bytes);)+
        sizes.end();
    }};
    (values: $($value:expr => $bytes:literal),+ $(,)?) => {{
        let mut sizes = Sizes::default();
        $(sizes.check(stringify!($value), size_of_val(&$value), $bytes);)+
        sizes.end();
    }};
}

#[test]
fn locks_are_no_larger_than_tokios() {
    sizes! { types:
        Semaphore => 40,
        SemaphorePermit<'_> => 16,
        OwnedSemaphorePermit => 16,
        AcquireError => 0,
        TryAcquireError => 1,
        Mutex<()> => 40,
        Mutex<u64> => 48,
        MutexGuard<'_, u64> => 8,
        OwnedMutexGuard<u64> => 8,
        MappedMutexGuard<'_, u64> => 16,
        OwnedMappedMutexGuard<u64> => 16,
        TryLockError => 0,
    }
    let semaphore = Arc::new(Semaphore::new(1));
    let mutex = Arc::new(Mutex::new(0_u64));
    sizes! { values:
        semaphore.acquire() => 88,
        semaphore.acquire_many(2) => 96,
        semaphore.clone().acquire_owned() => 88,
        semaphore.clone().acquire_many_owned(2) => 96,
        mutex.lock() => 120,
        mutex.clone().lock_owned() => 120,
    }
}

#[test]
fn signals_are_no_larger_than_tokios() {
    sizes! { types:
        Notify => 32,
        futures::Notified<'_> => 64,
        futures::OwnedNotified => 64,
        oneshot::Sender<u64> => 8,
        oneshot::Receiver<u64> => 8,
        oneshot::error::RecvError => 0,
        oneshot::error::TryRecvError => 1,
    }
    let notify = Arc::new(Notify::new());
    let (mut sender, _receiver) = oneshot::channel::<u64>();
    sizes! { values:
        notify.notified() => 64,
        notify.clone().notified_owned() => 64,
        sender.closed() => 24,
    }
}

#[test]
fn mpsc_is_no_larger_than_tokios() {
    sizes! { types:
        mpsc::Sender<u64> => 8,
        mpsc::WeakSender<u64> => 8,
        mpsc::Receiver<u64> => 8,
        mpsc::UnboundedSender<u64> => 8,
        mpsc::WeakUnboundedSender<u64> => 8,
        mpsc::UnboundedReceiver<u64> => 8,
        mpsc::Permit<'_, u64> => 8,
        mpsc::OwnedPermit<u64> => 8,
        mpsc::PermitIterator<'_, u64> => 16,
        mpsc::error::SendError<u64> => 8,
        mpsc::error::TrySendError<u64> => 16,
        mpsc::error::TryRecvError => 1,
    }
    let (sender, mut receiver) = mpsc::channel::<u64>(4);
    let (unbounded, mut from_unbounded) = mpsc::unbounded_channel::<u64>();
    let mut buffer = Vec::new();
    sizes! { values:
        sender.send(1) => 168,
        sender.reserve() => 136,
        sender.reserve_many(2) => 152,
        sender.clone().reserve_owned() => 136,
        sender.closed() => 96,
        receiver.recv() => 24,
        receiver.recv_many(&mut buffer, 2) => 64,
        unbounded.closed() => 96,
        from_unbounded.recv() => 24,
        from_unbounded.recv_many(&mut buffer, 2) => 64,
    }
}

#[test]
fn rwlock_is_no_larger_than_tokios() {
    sizes! { types:
        RwLock<()> => 48,
        RwLock<u64> => 56,
        RwLockReadGuard<'_, u64> => 16,
        RwLockWriteGuard<'_, u64> => 24,
        RwLockMappedWriteGuard<'_, u64> => 24,
        OwnedRwLockReadGuard<u64> => 16,
        OwnedRwLockWriteGuard<u64> => 24,
        OwnedRwLockMappedWriteGuard<u64> => 24,
    }
    let lock = Arc::new(RwLock::new(0_u64));
    sizes! { values:
        lock.read() => 96,
        lock.write() => 96,
        lock.clone().read_owned() => 96,
        lock.clone().write_owned() => 96,
    }
}

#[test]
fn channels_to_many_are_no_larger_than_tokios() {
    sizes! { types:
        watch::Sender<u64> => 8,
        watch::Receiver<u64> => 16,
        watch::Ref<'_, u64> => 16,
        broadcast::Sender<u64> => 8,
        broadcast::WeakSender<u64> => 8,
        broadcast::Receiver<u64> => 16,
    }
    let (watched, mut watching) = watch::channel(0_u64);
    let (broadcast, mut receiver) = broadcast::channel::<u64>(4);
    sizes! { values:
        watched.closed() => 96,
        watching.changed() => 120,
        watching.wait_for(|_: &u64| true) => 144,
        broadcast.closed() => 88,
        receiver.recv() => 64,
    }
}

#[test]
fn meeting_points_and_cells_are_no_larger_than_tokios() {
    sizes! { types:
        Barrier => 56,
        BarrierWaitResult => 1,
        OnceCell<u64> => 56,
        SetOnce<u64> => 48,
        SetError<u64> => 16,
        SetOnceError<u64> => 8,
    }
    let barrier = Barrier::new(2);
    let once_cell = OnceCell::<u64>::new();
    let set_once = SetOnce::<u64>::new();
    sizes! { values:
        barrier.wait() => 184,
        once_cell.get_or_init(|| ready(1_u64)) => 128,
        once_cell.get_or_try_init(|| ready(Ok::<u64, ()>(1))) => 128,
        set_once.wait() => 112,
    }
}

/// What tokio does not have is held to the nearest that it has: `Notify`, the bounded `mpsc`.
#[test]
fn types_of_our_own_are_no_larger_than_their_neighbours() {
    sizes! { types:
        Condvar => 32,
        mpmc::Sender<u64> => 8,
        mpmc::Receiver<u64> => 8,
    }
    let (sender, receiver) = mpmc::channel::<u64>(4);
    let (mutex, condvar) = (Mutex::new(0_u64), Condvar::new());
    let guard = mutex.try_lock().expect("free");
    sizes! { values:
        sender.send(1) => 168,
        // A place in a queue, as that of a `broadcast` receiver has.
        receiver.recv() => 72,
        // A wait for the signal, then one for the lock.
        condvar.wait(guard) => 184,
    }
}
