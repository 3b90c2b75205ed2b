//! Models of `runtime::sync` and the waker cell under it. Blocks of the `mpsc` queue have two
//! slots here, so that three messages cross a block.

use loom_tests::atomic::{AtomicBool, AtomicUsize, Ordering};
use loom_tests::{Arc, block_on, model, poll_once, thread};
use runtime::model::sync::AtomicWaker;
use runtime::sync::mpsc::error::TryRecvError;
use runtime::sync::{Mutex, Notify, Semaphore, mpsc, oneshot};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

/// I2 of `util::atomic_waker`: register then look, against change then wake.
#[test]
fn atomic_waker_loses_no_wake() {
    model(|| {
        let shared = Arc::new((AtomicWaker::new(), AtomicBool::new(false)));
        let waking = thread::spawn({
            let shared = shared.clone();
            move || {
                // Relaxed: the cell alone must order it.
                shared.1.store(true, Ordering::Relaxed);
                shared.0.wake();
            }
        });
        block_on(poll_fn(|cx| {
            shared.0.register(cx.waker());
            if shared.1.load(Ordering::Relaxed) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        waking.join().unwrap();
    });
}

/// Two wakers at once, and a waker that is replaced.
#[test]
fn atomic_waker_survives_two_wakes() {
    model(|| {
        let shared = Arc::new((AtomicWaker::new(), AtomicUsize::new(0)));
        let threads = [(); 2].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || {
                shared.1.fetch_add(1, Ordering::Relaxed);
                shared.0.wake();
            })
        });
        shared.0.register(std::task::Waker::noop());
        block_on(poll_fn(|cx| {
            shared.0.register(cx.waker());
            if shared.1.load(Ordering::Relaxed) == 2 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

/// O1, O2: the value arrives, and a receiver that waits is woken.
#[test]
fn oneshot_value_reaches_a_receiver_that_waits() {
    model(|| {
        let (tx, rx) = oneshot::channel();
        let sender = thread::spawn(move || tx.send(Arc::new(7)).unwrap());
        assert_eq!(*block_on(rx).unwrap(), 7);
        sender.join().unwrap();
    });
}

/// O2: a sender that is dropped wakes, also when the receiver changes its waker meanwhile.
#[test]
fn oneshot_drop_of_the_sender_wakes_the_newest_waker() {
    model(|| {
        let (tx, mut rx) = oneshot::channel::<Arc<u8>>();
        let sender = thread::spawn(move || drop(tx));
        if poll_once(pin!(&mut rx)).is_pending() {
            assert!(block_on(rx).is_err());
        }
        sender.join().unwrap();
    });
}

/// O1, O3: either the sender gets the value back or the receiver's side drops it; no leak.
#[test]
fn oneshot_send_against_drop_of_the_receiver() {
    model(|| {
        let (tx, mut rx) = oneshot::channel();
        let value = Arc::new(1);
        let kept = value.clone();
        let sender = thread::spawn(move || tx.send(value).is_ok());
        let polled = poll_once(pin!(&mut rx)).is_ready();
        drop(rx);
        let sent = sender.join().unwrap();
        assert!(sent || !polled);
        assert_eq!(
            Arc::strong_count(&kept),
            1,
            "the value was dropped exactly once"
        );
    });
}

/// O2 from the other side: `closed` sees the close, and a closed channel takes no value.
#[test]
fn oneshot_close_wakes_the_sender_that_waits_for_it() {
    model(|| {
        let (mut tx, mut rx) = oneshot::channel::<Arc<u8>>();
        let sender = thread::spawn(move || {
            block_on(tx.closed());
            tx.send(Arc::new(1)).unwrap_err();
        });
        rx.close();
        assert!(rx.try_recv().is_err());
        drop(rx);
        sender.join().unwrap();
    });
}

/// Close against send: the value is received exactly if the send succeeded.
#[test]
fn oneshot_close_against_send() {
    model(|| {
        let (tx, mut rx) = oneshot::channel();
        let sender = thread::spawn(move || tx.send(Arc::new(1)).is_ok());
        rx.close();
        let received = rx.try_recv().is_ok();
        assert_eq!(sender.join().unwrap(), received);
    });
}

/// B1 to B6: order kept across blocks, the reader woken, blocks reused.
#[test]
fn mpsc_messages_arrive_in_order() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let sender = thread::spawn(move || (0..3).for_each(|i| tx.send(Arc::new(i)).unwrap()));
        for i in 0..3 {
            assert_eq!(*block_on(rx.recv()).unwrap(), i);
        }
        assert!(block_on(rx.recv()).is_none());
        sender.join().unwrap();
    });
}

/// B4 to B6 with two writers that meet at the end of a block.
#[test]
fn mpsc_two_senders_lose_nothing() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let other = tx.clone();
        let first = thread::spawn(move || (0..2).for_each(|_| tx.send(1).unwrap()));
        other.send(10).unwrap();
        other.send(10).unwrap();
        drop(other);
        let mut sum = 0;
        while let Some(value) = block_on(rx.recv()) {
            sum += value;
        }
        assert_eq!(sum, 22);
        first.join().unwrap();
    });
}

/// B6: a writer that lags behind does not walk through a block that was taken away.
#[test]
fn mpsc_a_slow_writer_finds_its_block() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let other = tx.clone();
        let slow = thread::spawn(move || other.send(100).unwrap());
        let mut sum = 0;
        for i in 1..=6 {
            tx.send(i).unwrap();
            if let Ok(value) = rx.try_recv() {
                sum += value;
            }
        }
        drop(tx);
        while let Some(value) = block_on(rx.recv()) {
            sum += value;
        }
        assert_eq!(sum, 121);
        slow.join().unwrap();
    });
}

/// B6: the reader leaves a block alone while a writer may still walk through it.
#[test]
fn mpsc_no_block_is_taken_from_under_a_writer() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        tx.send(1).unwrap();
        tx.send(1).unwrap();
        let other = tx.clone();
        let slow = thread::spawn(move || other.send(1).unwrap());
        (0..3).for_each(|_| tx.send(1).unwrap());
        let mut sum = rx.try_recv().unwrap() + rx.try_recv().unwrap();
        drop(tx);
        while let Some(value) = block_on(rx.recv()) {
            sum += value;
        }
        assert_eq!(sum, 6);
        slow.join().unwrap();
    });
}

/// C3: the drop of the last sender wakes the receiver.
#[test]
fn mpsc_last_sender_wakes_the_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel::<Arc<u8>>();
        let other = tx.clone();
        let first = thread::spawn(move || drop(tx));
        let second = thread::spawn(move || drop(other));
        assert!(block_on(rx.recv()).is_none());
        first.join().unwrap();
        second.join().unwrap();
    });
}

/// B1: a send that succeeded is received, one that failed is not, when the receiver closes.
#[test]
fn mpsc_close_against_send() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let sender = thread::spawn(move || {
            let sent = (0..3).filter(|_| tx.send(1).is_ok()).count();
            assert!(sent == 3 || tx.is_closed());
            sent
        });
        rx.close();
        let mut received = 0;
        while let Some(value) = block_on(rx.recv()) {
            received += value;
        }
        assert_eq!(sender.join().unwrap(), received);
    });
}

/// A receiver that is dropped drops what was sent, at the latest with the channel.
#[test]
fn mpsc_drop_of_the_receiver_against_send() {
    model(|| {
        let (tx, rx) = mpsc::unbounded_channel();
        let value = Arc::new(1);
        let kept = value.clone();
        let sender = thread::spawn(move || drop(tx.send(value)));
        drop(rx);
        sender.join().unwrap();
        assert_eq!(Arc::strong_count(&kept), 1);
    });
}

/// `try_recv` waits for a message before the complete one, instead of calling the channel empty.
#[test]
fn mpsc_try_recv_misses_no_complete_send() {
    model(|| {
        let (tx, mut rx) = mpsc::unbounded_channel();
        let other = tx.clone();
        let sender = thread::spawn(move || other.send(1).unwrap());
        tx.send(2).unwrap();
        assert!(rx.try_recv().is_ok());
        sender.join().unwrap();
        assert!(rx.try_recv().is_ok());
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    });
}

/// A full channel: the receiver's release reaches the sender that waits.
#[test]
fn mpsc_bounded_sender_gets_the_room() {
    model(|| {
        let (tx, mut rx) = mpsc::channel(1);
        let sender = thread::spawn(move || {
            block_on(tx.send(1)).unwrap();
            block_on(tx.send(2)).unwrap();
        });
        assert_eq!(block_on(rx.recv()), Some(1));
        assert_eq!(block_on(rx.recv()), Some(2));
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
    });
}

/// Closing wakes a sender that waits; what was sent is received, and nothing else.
#[test]
fn mpsc_bounded_close_against_a_waiting_sender() {
    model(|| {
        let (tx, mut rx) = mpsc::channel(1);
        let sender = thread::spawn(move || (0..2).filter(|_| block_on(tx.send(1)).is_ok()).count());
        rx.close();
        let mut received = 0;
        while let Some(value) = block_on(rx.recv()) {
            received += value;
        }
        assert_eq!(sender.join().unwrap(), received);
    });
}

/// C3: the last permit of a closed channel that comes back wakes the receiver.
#[test]
fn mpsc_bounded_dropped_permit_ends_the_receiver() {
    model(|| {
        let (tx, mut rx) = mpsc::channel::<u8>(1);
        let permit = tx.clone().try_reserve_owned().unwrap();
        let sender = thread::spawn(move || drop(permit));
        rx.close();
        assert_eq!(block_on(rx.recv()), None);
        sender.join().unwrap();
        drop(tx);
    });
}

/// A cancelled send loses no room.
#[test]
fn mpsc_bounded_cancelled_send_keeps_the_room() {
    model(|| {
        let (tx, mut rx) = mpsc::channel(1);
        tx.try_send(1).unwrap();
        let sender = thread::spawn({
            let tx = tx.clone();
            move || drop(poll_once(pin!(tx.reserve())))
        });
        assert_eq!(rx.try_recv(), Ok(1));
        sender.join().unwrap();
        assert_eq!(tx.capacity(), 1);
        tx.try_send(2).unwrap();
    });
}

/// P1, P4: permits released by two threads add up for one waiter.
#[test]
fn semaphore_collects_permits_of_two_threads() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let threads = [(); 2].map(|()| {
            let semaphore = semaphore.clone();
            thread::spawn(move || semaphore.add_permits(1))
        });
        block_on(semaphore.acquire_many(2)).unwrap().forget();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert_eq!(semaphore.available_permits(), 0);
    });
}

/// A permit that was granted to a future that is dropped goes to the next waiter.
#[test]
fn semaphore_release_against_cancel() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let cancelled = thread::spawn({
            let semaphore = semaphore.clone();
            move || drop(poll_once(pin!(semaphore.acquire())))
        });
        let releasing = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(1)
        });
        block_on(semaphore.acquire()).unwrap().forget();
        cancelled.join().unwrap();
        releasing.join().unwrap();
        assert_eq!(semaphore.available_permits(), 0);
    });
}

/// A waiter ends with a permit or with an error; permits are conserved.
#[test]
fn semaphore_close_against_acquire_and_release() {
    model(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let waiting = thread::spawn({
            let semaphore = semaphore.clone();
            move || {
                block_on(semaphore.acquire_many(2))
                    .map(|permit| permit.forget())
                    .is_ok()
            }
        });
        let releasing = thread::spawn({
            let semaphore = semaphore.clone();
            move || semaphore.add_permits(2)
        });
        semaphore.close();
        let acquired = waiting.join().unwrap();
        releasing.join().unwrap();
        assert_eq!(semaphore.available_permits(), if acquired { 0 } else { 2 });
    });
}

/// M1: no update is lost, although only the mutex orders the accesses.
#[test]
fn mutex_excludes_and_hands_over() {
    model(|| {
        fn count(mutex: &Mutex<AtomicUsize>) {
            let guard = block_on(mutex.lock());
            let before = guard.load(Ordering::Relaxed);
            guard.store(before + 1, Ordering::Relaxed);
        }
        let mutex = Arc::new(Mutex::new(AtomicUsize::new(0)));
        let other = thread::spawn({
            let mutex = mutex.clone();
            move || (0..2).for_each(|_| count(&mutex))
        });
        count(&mutex);
        count(&mutex);
        other.join().unwrap();
        assert_eq!(block_on(mutex.lock()).load(Ordering::Relaxed), 4);
    });
}

/// A lock that was granted to a cancelled future is not lost.
#[test]
fn mutex_cancelled_lock_is_handed_on() {
    model(|| {
        let mutex = Arc::new(Mutex::new(()));
        let guard = mutex.try_lock().unwrap();
        let cancelled = thread::spawn({
            let mutex = mutex.clone();
            move || drop(poll_once(pin!(mutex.lock())))
        });
        drop(guard);
        drop(block_on(mutex.lock()));
        cancelled.join().unwrap();
        assert!(mutex.try_lock().is_ok());
    });
}

/// One notification for one waiter, and it carries what happened before.
#[test]
fn notify_one_reaches_the_waiter() {
    model(|| {
        let shared = Arc::new((Notify::new(), AtomicBool::new(false)));
        let notifying = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.1.store(true, Ordering::Relaxed);
                shared.0.notify_one();
            }
        });
        block_on(shared.0.notified());
        assert!(shared.1.load(Ordering::Relaxed));
        notifying.join().unwrap();
    });
}

/// A notification for a future that is dropped is not lost.
#[test]
fn notify_one_against_cancel() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let cancelled = thread::spawn({
            let notify = notify.clone();
            move || poll_once(pin!(notify.notified())).is_ready()
        });
        notify.notify_one();
        let used = cancelled.join().unwrap();
        assert_eq!(poll_once(pin!(notify.notified())).is_ready(), !used);
    });
}

/// N2: a future that exists is notified by `notify_waiters`, polled or not.
#[test]
fn notify_waiters_against_first_poll() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let notified = notify.notified();
        let notifying = thread::spawn({
            let notify = notify.clone();
            move || notify.notify_waiters()
        });
        block_on(notified);
        notifying.join().unwrap();
    });
}

/// N3, N4: cancelling one waiter while all are notified neither hangs nor wakes too few.
#[test]
fn notify_waiters_against_cancel() {
    model(|| {
        let notify = Arc::new(Notify::new());
        let mut first = Box::pin(notify.notified());
        let mut second = Box::pin(notify.notified());
        assert!(poll_once(first.as_mut()).is_pending());
        assert!(poll_once(second.as_mut()).is_pending());
        let notifying = thread::spawn({
            let notify = notify.clone();
            move || {
                notify.notify_waiters();
                notify.notify_one();
            }
        });
        drop(first);
        block_on(second);
        notifying.join().unwrap();
        assert!(
            poll_once(pin!(notify.notified())).is_ready(),
            "the permit was not for them"
        );
    });
}

/// An enabled future catches what happens before its first poll.
#[test]
fn notify_enable_keeps_the_place() {
    model(|| {
        let shared = Arc::new((Notify::new(), AtomicBool::new(false)));
        let notifying = thread::spawn({
            let shared = shared.clone();
            move || {
                shared.1.store(true, Ordering::Release);
                shared.0.notify_waiters();
            }
        });
        let mut notified = pin!(shared.0.notified());
        notified.as_mut().enable();
        if !shared.1.load(Ordering::Acquire) {
            block_on(notified);
        }
        notifying.join().unwrap();
    });
}
