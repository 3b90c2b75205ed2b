//! The area `sync` for runtimes with tokio's names.

/// Implements [`SyncPeer`](super::SyncPeer) for a peer made by `tokio_shaped`.
macro_rules! tokio_shaped_sync {
    ($peer:ident = $rt:ident) => {
        const _: () = {
            use std::future::Future;

            use ::$rt::sync::{Mutex, MutexGuard, Notify, Semaphore, SemaphorePermit, mpsc};

            impl SyncPeer for $peer {
                type Mutex = Mutex<u64>;
                type MutexGuard<'a> = MutexGuard<'a, u64>;
                type Semaphore = Semaphore;
                type Permit<'a> = SemaphorePermit<'a>;
                type Notify = Notify;
                type UnboundedSender<T: Send + 'static> = mpsc::UnboundedSender<T>;
                type UnboundedReceiver<T: Send + 'static> = mpsc::UnboundedReceiver<T>;

                fn mutex() -> Mutex<u64> {
                    Mutex::new(0)
                }

                async fn lock(mutex: &Mutex<u64>) -> MutexGuard<'_, u64> {
                    mutex.lock().await
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
            }
        };
    };
}
