//! What a runtime offers for the area `sync`.

use std::future::Future;
use std::ops::{Deref, DerefMut};

use super::Peer;

/// A [`Peer`] with locks, signals and more channels. What not everybody has is in traits of its
/// own ([`WatchPeer`]).
///
/// The semaphore and the channels are never closed while somebody waits.
pub trait SyncPeer: Peer {
    /// A lock that may be held across an await.
    type Mutex: Send + Sync + 'static;
    /// Access to what the mutex protects.
    type MutexGuard<'a>: DerefMut<Target = u64> + Send;
    /// A lock that many readers share.
    type RwLock: Send + Sync + 'static;
    /// Access to read.
    type ReadGuard<'a>: Deref<Target = u64> + Send;
    /// Access to write.
    type WriteGuard<'a>: DerefMut<Target = u64> + Send;
    /// Lets a crowd go on together.
    type Barrier: Send + Sync + 'static;
    /// Limits how many hold a permit.
    type Semaphore: Send + Sync + 'static;
    /// A permit; given back on drop.
    type Permit<'a>: Send;
    /// A wake-up without a value.
    type Notify: Send + Sync + 'static;
    /// One of several senders of an unbounded channel.
    type UnboundedSender<T: Send + 'static>: Clone + Send + Sync + 'static;
    /// The one receiver of an unbounded channel.
    type UnboundedReceiver<T: Send + 'static>: Send + 'static;
    /// Sends to all receivers of a broadcast channel.
    type BroadcastSender: Send + Sync + 'static;
    /// Receives every value of a broadcast channel.
    type BroadcastReceiver: Send + 'static;

    /// Makes a mutex around 0.
    fn mutex() -> Self::Mutex;

    /// Waits for the lock.
    fn lock(mutex: &Self::Mutex) -> impl Future<Output = Self::MutexGuard<'_>> + Send;

    /// Makes a lock around 0.
    fn rwlock() -> Self::RwLock;

    /// Waits for the lock, to read.
    fn lock_read(lock: &Self::RwLock) -> impl Future<Output = Self::ReadGuard<'_>> + Send;

    /// Waits for the lock, to write.
    fn lock_write(lock: &Self::RwLock) -> impl Future<Output = Self::WriteGuard<'_>> + Send;

    /// Makes a barrier for `count` tasks.
    fn barrier(count: usize) -> Self::Barrier;

    /// Waits until all have arrived.
    fn wait(barrier: &Self::Barrier) -> impl Future<Output = ()> + Send;

    /// Makes a semaphore.
    fn semaphore(permits: usize) -> Self::Semaphore;

    /// Waits for one permit.
    fn acquire(semaphore: &Self::Semaphore) -> impl Future<Output = Self::Permit<'_>> + Send;

    /// Makes one without a permit.
    fn notify() -> Self::Notify;

    /// Wakes the one task that waits in [`Self::notified_one`], or the next one that will.
    fn notify_one(notify: &Self::Notify);

    /// Wakes all tasks that wait in [`Self::notified_all`].
    fn notify_waiters(notify: &Self::Notify);

    /// Waits for [`Self::notify_one`]; one task at a time.
    fn notified_one(notify: &Self::Notify) -> impl Future<Output = ()> + Send;

    /// Waits for a [`Self::notify_waiters`] after this call, polled or not.
    fn notified_all(notify: &Self::Notify) -> impl Future<Output = ()> + Send;

    /// Makes an unbounded channel.
    fn unbounded<T: Send + 'static>() -> (Self::UnboundedSender<T>, Self::UnboundedReceiver<T>);

    /// Sends `value`.
    fn send_unbounded<T: Send + 'static>(sender: &Self::UnboundedSender<T>, value: T);

    /// Receives a value, or `None` after the last sender is gone.
    fn receive_unbounded<T: Send + 'static>(
        receiver: &mut Self::UnboundedReceiver<T>,
    ) -> impl Future<Output = Option<T>> + Send;

    /// Receives from the channel that has a value, in random order if both have; both have
    /// senders.
    fn receive_either<T: Send + 'static>(
        left: &mut Self::Receiver<T>,
        right: &mut Self::Receiver<T>,
    ) -> impl Future<Output = T> + Send;

    /// Makes a broadcast channel that keeps `capacity` values; it is never full in a scenario.
    fn broadcast(capacity: usize) -> (Self::BroadcastSender, Self::BroadcastReceiver);

    /// Makes another receiver, of the values sent from now on.
    fn subscribe(sender: &Self::BroadcastSender) -> Self::BroadcastReceiver;

    /// Sends `value` to all receivers.
    fn send_broadcast(sender: &Self::BroadcastSender, value: u64);

    /// Receives the next value.
    fn receive_broadcast(
        receiver: &mut Self::BroadcastReceiver,
    ) -> impl Future<Output = u64> + Send;
}

/// A [`SyncPeer`] with a channel that holds the newest value only.
pub trait WatchPeer: SyncPeer {
    /// Sets the value.
    type WatchSender: Send + Sync + 'static;
    /// Sees the newest value.
    type WatchReceiver: Clone + Send + Sync + 'static;

    /// Makes a channel whose value is 0.
    fn watch() -> (Self::WatchSender, Self::WatchReceiver);

    /// Sets the value.
    fn set_watched(sender: &Self::WatchSender, value: u64);

    /// Waits for a value that this receiver has not seen.
    fn changed(receiver: &mut Self::WatchReceiver) -> impl Future<Output = u64> + Send;
}
