//! Nobody starves: not timers, sockets or the injector behind tasks that are always ready, and
//! not tasks behind one of them.

use crate::support::*;
use runtime::runtime::{Builder, Runtime};
use runtime::sync::{mpsc, oneshot};
use runtime::task;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;

/// Tasks that are always ready, until the returned flag is set: two per worker.
fn storm(runtime: &Runtime, tasks: usize) -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    for _ in 0..tasks {
        let stop = stop.clone();
        runtime.spawn(poll_fn(move |cx| {
            if stop.load(SeqCst) {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        }));
    }
    stop
}

#[test]
fn timers_fire_in_a_storm_of_tasks_that_wake_themselves() {
    let _bound = hang_bound();
    for runtime in both(2) {
        let stop = storm(&runtime, 8);
        runtime.block_on(async {
            let task = runtime::spawn(async {
                for _ in 0..20 {
                    runtime::time::sleep(Duration::from_millis(1)).await;
                }
            });
            task.await.unwrap();
            runtime::time::sleep(Duration::from_millis(1)).await;
        });
        stop.store(true, SeqCst);
    }
}

#[cfg(feature = "net")]
#[test]
fn sockets_are_served_in_a_storm_of_tasks_that_wake_themselves() {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};
    use runtime::net::{TcpListener, TcpStream};
    let _bound = hang_bound();
    for runtime in both(2) {
        let stop = storm(&runtime, 8);
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            runtime::spawn(async move {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut byte = [0];
                while socket.read_exact(&mut byte).await.is_ok() {
                    socket.write_all(&byte).await.unwrap();
                }
            });
            for _ in 0..100 {
                client.write_all(&[1]).await.unwrap();
                client.read_exact(&mut [0]).await.unwrap();
            }
        });
        stop.store(true, SeqCst);
    }
}

/// Blocking calls and foreign threads come through the injector.
#[test]
fn the_injector_is_served_in_a_storm() {
    let _bound = hang_bound();
    for runtime in both(2) {
        let stop = storm(&runtime, 8);
        let handle = runtime.handle().clone();
        let outside = std::thread::spawn(move || {
            for i in 0..50 {
                let (say, heard) = std::sync::mpsc::channel();
                handle.spawn(async move { say.send(i).unwrap() });
                assert_eq!(heard.recv().unwrap(), i);
            }
        });
        runtime.block_on(async {
            let joined = runtime::spawn_blocking(move || outside.join().unwrap());
            joined.await.unwrap();
        });
        stop.store(true, SeqCst);
    }
}

/// A task that is polled once, starts the next of its kind, and is counted.
fn chain(stop: Arc<AtomicBool>, turns: Arc<AtomicUsize>, poll: Duration) {
    if stop.load(SeqCst) {
        return;
    }
    if !poll.is_zero() {
        std::thread::sleep(poll);
    }
    turns.fetch_add(1, SeqCst);
    runtime::spawn(async move { chain(stop, turns, poll) });
}

/// How many turns of a chain lie between two tasks of the injector, the median of a few.
fn turns_between_looks(runtime: &Runtime, turns: &Arc<AtomicUsize>) -> usize {
    let (say, heard) = std::sync::mpsc::channel();
    for _ in 0..21 {
        let (say, turns) = (say.clone(), turns.clone());
        runtime.spawn(async move { say.send(turns.swap(0, SeqCst)).unwrap() });
    }
    let mut gaps: Vec<_> = (0..21).map(|_| heard.recv().unwrap()).collect();
    gaps.sort_unstable();
    gaps[10]
}

/// B1 and B2 of `duty_clock`: with long polls a worker looks at the injector after a few turns, with
/// short ones after many, and as it was told if it was told.
#[test]
fn the_injector_is_looked_at_by_the_length_of_polls() {
    let _bound = hang_bound();
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(1);
    let adapts = builder.build().unwrap();
    let is_told = builder.global_queue_interval(17).build().unwrap();
    for (poll, wanted) in [
        (Duration::from_micros(50), 1..=8),
        (Duration::ZERO, 33..=127),
        (Duration::from_micros(50), 1..=8),
    ] {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |runtime: &Runtime| {
            let turns = Arc::new(AtomicUsize::new(0));
            let (stop, counter) = (stop.clone(), turns.clone());
            runtime.spawn(async move { chain(stop, counter, poll) });
            while turns.load(SeqCst) == 0 {
                std::thread::yield_now();
            }
            turns
        };
        let (adapting, told) = (start(&adapts), start(&is_told));
        // After a few looks, more on a busy machine.
        while !wanted.contains(&turns_between_looks(&adapts, &adapting)) {
            assert_eq!(turns_between_looks(&is_told, &told), 16);
        }
        stop.store(true, SeqCst);
    }
}

/// Two tasks that keep waking each other take turns in the slot; the deque still gets its own.
#[test]
fn a_ping_pong_of_two_tasks_starves_no_third() {
    let _bound = hang_bound();
    for runtime in both(1) {
        runtime.block_on(async {
            let (to_b, mut from_a) = mpsc::unbounded_channel();
            let (to_a, mut from_b) = mpsc::unbounded_channel();
            to_a.send(()).unwrap();
            let a = runtime::spawn(async move {
                while from_b.recv().await.is_some() && to_b.send(()).is_ok() {}
            });
            let b = runtime::spawn(async move {
                while from_a.recv().await.is_some() && to_a.send(()).is_ok() {}
            });
            for _ in 0..20 {
                let third = runtime::spawn(async {
                    task::yield_now().await;
                    1
                });
                assert_eq!(third.await.unwrap(), 1);
            }
            a.abort();
            b.abort();
        });
    }
}

/// A channel that is never empty: the budget ends the poll.
#[test]
fn a_task_with_a_full_channel_yields() {
    let _bound = hang_bound();
    for runtime in both(1) {
        runtime.block_on(async {
            let (sender, mut receiver) = mpsc::unbounded_channel();
            sender.send(()).unwrap();
            let received = Arc::new(AtomicUsize::new(0));
            let count = received.clone();
            let greedy = runtime::spawn(async move {
                // Each message is followed by the next: never pending by itself.
                while receiver.recv().await.is_some() {
                    count.fetch_add(1, SeqCst);
                    let _ = sender.send(());
                }
            });
            let watched = received.clone();
            let other = runtime::spawn(async move {
                while watched.load(SeqCst) == 0 {
                    task::yield_now().await;
                }
                // By now the greedy task runs; this one gets its turns all the same.
                for _ in 0..10 {
                    task::yield_now().await;
                }
            });
            other.await.unwrap();
            greedy.abort();
        });
    }
}

/// The root future of a current-thread runtime that never waits starves no task.
#[test]
fn a_root_that_wakes_itself_starves_no_task() {
    let _bound = hang_bound();
    let runtime = current();
    let done = Arc::new(AtomicBool::new(false));
    let flag = done.clone();
    runtime.spawn(async move {
        runtime::time::sleep(Duration::from_millis(1)).await;
        let call = runtime::spawn_blocking(|| {});
        call.await.unwrap();
        flag.store(true, SeqCst);
    });
    runtime.block_on(poll_fn(|cx| match done.load(SeqCst) {
        true => Poll::Ready(()),
        false => {
            cx.waker().wake_by_ref();
            Poll::Pending
        }
    }));
}

/// Readiness is noticed within ten turns of tasks that yield, not an event interval.
#[cfg(feature = "net")]
#[test]
fn ready_sockets_run_within_ten_turns_of_a_task_that_yields() {
    use runtime::io::AsyncReadExt;
    use runtime::net::{TcpListener, TcpStream};
    use std::io::Write;
    let _bound = hang_bound();
    for runtime in both(1) {
        let worst = runtime.block_on(async {
            let task = runtime::spawn(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                let address = listener.local_addr().unwrap();
                let mut feed = std::net::TcpStream::connect(address).unwrap();
                let (mut socket, _): (TcpStream, _) = listener.accept().await.unwrap();
                let reads = Arc::new(AtomicUsize::new(0));
                let count = reads.clone();
                let reader = runtime::spawn(async move {
                    while socket.read_exact(&mut [0]).await.is_ok() {
                        count.fetch_add(1, SeqCst);
                    }
                });
                let mut worst = 0;
                for round in 1..=50 {
                    // The reader waits by now.
                    for _ in 0..3 {
                        task::yield_now().await;
                    }
                    feed.write_all(&[1]).unwrap();
                    let mut turns = 0;
                    while reads.load(SeqCst) < round {
                        task::yield_now().await;
                        turns += 1;
                    }
                    worst = worst.max(turns);
                }
                drop(feed);
                reader.await.unwrap();
                worst
            });
            task.await.unwrap()
        });
        assert!(worst <= 10, "{worst} turns");
    }
}

/// Messages that answer each other come one after the other: none waits for several turns.
#[cfg(feature = "net")]
#[test]
fn a_conversation_on_one_thread_takes_few_turns_of_a_root_that_yields() {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};
    use runtime::net::{TcpListener, TcpStream};
    const ROUND_TRIPS: usize = 6;
    let _bound = hang_bound();
    let mut builder = runtime::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build().unwrap();
    let turns = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = runtime::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let (mut read, mut write) = socket.split();
            runtime::io::copy(&mut read, &mut write).await.unwrap();
        });
        let client = runtime::spawn(async move {
            let mut socket = TcpStream::connect(address).await.unwrap();
            for _ in 0..ROUND_TRIPS {
                socket.write_all(&[1]).await.unwrap();
                socket.read_exact(&mut [0]).await.unwrap();
            }
        });
        let mut turns = 0;
        while !client.is_finished() {
            task::yield_now().await;
            turns += 1;
        }
        server.await.unwrap();
        turns
    });
    assert!(turns <= 4 * ROUND_TRIPS, "{turns} turns");
}

/// A task that does not return from its poll: the other worker does the rest.
#[test]
fn a_task_that_never_yields_holds_up_only_its_worker() {
    let _bound = hang_bound();
    let runtime = multi(2);
    let stop = Arc::new(AtomicBool::new(false));
    let flag = stop.clone();
    let (say, heard) = oneshot::channel();
    runtime.spawn(async move {
        let _ = say.send(());
        while !flag.load(SeqCst) {
            std::hint::spin_loop();
        }
    });
    runtime.block_on(async {
        heard.await.unwrap();
        for _ in 0..100 {
            let task = runtime::spawn(async {
                runtime::time::sleep(Duration::from_micros(50)).await;
                task::yield_now().await;
            });
            task.await.unwrap();
        }
    });
    stop.store(true, SeqCst);
}
