//! The area `sync` for runtimes with tokio's names.

/// Implements [`SyncPeer`](super::SyncPeer) and [`WatchPeer`](super::WatchPeer) for a peer made by
/// `tokio_shaped`.
macro_rules! tokio_shaped_sync {
    ($peer:ident = $rt:ident) => {
        const _: () = {
            use std::future::Future;

            use ::$rt::sync::{
                Barrier, Mutex, MutexGuard, Notify, RwLock, RwLockReadGuard, RwLockWriteGuard,
                Semaphore, SemaphorePermit, broadcast, mpsc, watch,
            };

            impl SyncPeer for $peer {
                type Mutex = Mutex<u64>;
                type MutexGuard<'a> = MutexGuard<'a, u64>;
                type RwLock = RwLock<u64>;
                type ReadGuard<'a> = RwLockReadGuard<'a, u64>;
                type WriteGuard<'a> = RwLockWriteGuard<'a, u64>;
                type Barrier = Barrier;
                type Semaphore = Semaphore;
                type Permit<'a> = SemaphorePermit<'a>;
                type Notify = Notify;
                type UnboundedSender<T: Send + 'static> = mpsc::UnboundedSender<T>;
                type UnboundedReceiver<T: Send + 'static> = mpsc::UnboundedReceiver<T>;
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

                async fn acquire(semaphore: &Semaphore) -> SemaphorePermit<'_> {
                    semaphore.acquire().await.expect("never closed")
                }

                fn notify() -> Notify {
                    Notify::new()
                }

                fn notify_one(notify: &Notify) {
                    notify.notify_one();
                }

                fn notify_waiters(notify: &Notify) {
                    notify.notify_waiters();
                }

                async fn notified_one(notify: &Notify) {
                    notify.notified().await;
                }

                fn notified_all(notify: &Notify) -> impl Future<Output = ()> + Send {
                    notify.notified()
                }

                fn unbounded<T: Send + 'static>()
                -> (Self::UnboundedSender<T>, Self::UnboundedReceiver<T>) {
                    mpsc::unbounded_channel()
                }

                fn send_unbounded<T: Send + 'static>(sender: &Self::UnboundedSender<T>, value: T) {
                    assert!(sender.send(value).is_ok(), "the receiver is alive");
                }

                async fn receive_unbounded<T: Send + 'static>(
                    receiver: &mut Self::UnboundedReceiver<T>,
                ) -> Option<T> {
                    receiver.recv().await
                }

                async fn receive_either<T: Send + 'static>(
                    left: &mut Self::Receiver<T>,
                    right: &mut Self::Receiver<T>,
                ) -> T {
                    let value = ::$rt::select! {
                        value = left.recv() => value,
                        value = right.recv() => value,
                    };
                    value.expect("both have senders")
                }

                fn broadcast(capacity: usize) -> (Self::BroadcastSender, Self::BroadcastReceiver) {
                    broadcast::channel(capacity)
                }

                fn subscribe(sender: &Self::BroadcastSender) -> Self::BroadcastReceiver {
                    sender.subscribe()
                }

                fn send_broadcast(sender: &Self::BroadcastSender, value: u64) {
                    sender.send(value).expect("there are receivers");
                }

                async fn receive_broadcast(receiver: &mut Self::BroadcastReceiver) -> u64 {
                    receiver.recv().await.expect("never full")
                }
            }

            impl WatchPeer for $peer {
                type WatchSender = watch::Sender<u64>;
                type WatchReceiver = watch::Receiver<u64>;

                fn watch() -> (Self::WatchSender, Self::WatchReceiver) {
                    watch::channel(0)
                }

                fn set_watched(sender: &Self::WatchSender, value: u64) {
                    sender.send(value).expect("there are receivers");
                }

                async fn changed(receiver: &mut Self::WatchReceiver) -> u64 {
                    receiver.changed().await.expect("the sender is alive");
                    *receiver.borrow_and_update()
                }
            }
        };
    };
}
