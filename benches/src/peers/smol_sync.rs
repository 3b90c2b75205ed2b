//! What smol's programs use for the area `sync`: `async-lock`, `event-listener`, `async-channel`,
//! `async-broadcast`. They have no watch channel.

use std::sync::atomic::{AtomicBool, Ordering};

use ::async_broadcast as broadcast;
use ::async_lock::{
    Barrier, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore,
    SemaphoreGuard,
};
use ::event_listener::Event;
use ::smol::channel;
use ::smol::future::race;

use super::{Smol, SyncPeer};

/// An event with a stored permit, the way the documentation of `event-listener` pairs it with a
/// flag.
#[derive(Debug, Default)]
pub struct Signal {
    permit: AtomicBool,
    event: Event,
}

impl Signal {
    fn take(&self) -> bool {
        // A load first: while the flag is clear it stays shared.
        self.permit.load(Ordering::Acquire) && self.permit.swap(false, Ordering::AcqRel)
    }
}

impl SyncPeer for Smol {
    type Mutex = Mutex<u64>;
    type MutexGuard<'a> = MutexGuard<'a, u64>;
    type RwLock = RwLock<u64>;
    type ReadGuard<'a> = RwLockReadGuard<'a, u64>;
    type WriteGuard<'a> = RwLockWriteGuard<'a, u64>;
    type Barrier = Barrier;
    type Semaphore = Semaphore;
    type Permit<'a> = SemaphoreGuard<'a>;
    type Notify = Signal;
    type UnboundedSender<T: Send + 'static> = channel::Sender<T>;
    type UnboundedReceiver<T: Send + 'static> = channel::Receiver<T>;
    type BroadcastSender = broadcast::Sender<u64>;
    type BroadcastReceiver = broadcast::Receiver<u64>;

    fn mutex() -> Mutex<u64> {
        Mutex::new(0)
    }

    async fn lock(mutex: &Mutex<u64>) -> MutexGuard<'_, u64> {
        mutex.lock().await
    }

    fn rwlock() -> RwLock<u64> {
        RwLock::new(0)
    }

    async fn lock_read(lock: &RwLock<u64>) -> RwLockReadGuard<'_, u64> {
        lock.read().await
    }

    async fn lock_write(lock: &RwLock<u64>) -> RwLockWriteGuard<'_, u64> {
        lock.write().await
    }

    fn barrier(count: usize) -> Barrier {
        Barrier::new(count)
    }

    async fn wait(barrier: &Barrier) {
        barrier.wait().await;
    }

    fn semaphore(permits: usize) -> Semaphore {
        Semaphore::new(permits)
    }

    async fn acquire(semaphore: &Semaphore) -> SemaphoreGuard<'_> {
        semaphore.acquire().await
    }

    fn notify() -> Signal {
        Signal::default()
    }

    fn notify_one(notify: &Signal) {
        notify.permit.store(true, Ordering::Release);
        notify.event.notify(1);
    }

    fn notify_waiters(notify: &Signal) {
        notify.event.notify(usize::MAX);
    }

    async fn notified_one(notify: &Signal) {
        while !notify.take() {
            let listener = notify.event.listen();
            if notify.take() {
                return;
            }
            listener.await;
        }
    }

    fn notified_all(notify: &Signal) -> impl Future<Output = ()> + Send {
        notify.event.listen()
    }

    fn unbounded<T: Send + 'static>() -> (channel::Sender<T>, channel::Receiver<T>) {
        channel::unbounded()
    }

    fn send_unbounded<T: Send + 'static>(sender: &channel::Sender<T>, value: T) {
        assert!(sender.try_send(value).is_ok(), "the receiver is alive");
    }

    async fn receive_unbounded<T: Send + 'static>(
        receiver: &mut channel::Receiver<T>,
    ) -> Option<T> {
        receiver.recv().await.ok()
    }

    async fn receive_either<T: Send + 'static>(
        left: &mut channel::Receiver<T>,
        right: &mut channel::Receiver<T>,
    ) -> T {
        let value = race(left.recv(), right.recv()).await;
        value.expect("both have senders")
    }

    fn broadcast(capacity: usize) -> (Self::BroadcastSender, Self::BroadcastReceiver) {
        broadcast::broadcast(capacity)
    }

    fn subscribe(sender: &Self::BroadcastSender) -> Self::BroadcastReceiver {
        sender.new_receiver()
    }

    fn send_broadcast(sender: &Self::BroadcastSender, value: u64) {
        sender.try_broadcast(value).expect("there are receivers");
    }

    async fn receive_broadcast(receiver: &mut Self::BroadcastReceiver) -> u64 {
        receiver.recv_direct().await.expect("never full")
    }
}
