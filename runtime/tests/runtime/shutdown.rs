//! How runtimes end: under load, with calls stuck, from odd threads, and what is left to call
//! afterwards.

use crate::support::*;
use runtime::runtime::{Builder, Handle, Runtime};
use runtime::task::{self, JoinHandle};
use std::cell::RefCell;
use std::collections::HashSet;
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

/// Says on which thread it was dropped.
struct DropThread(Counted, Arc<Mutex<HashSet<String>>>);

impl Drop for DropThread {
    fn drop(&mut self) {
        let thread = std::thread::current();
        self.1
            .lock()
            .unwrap()
            .insert(thread.name().unwrap_or("?").to_owned());
        let _ = &self.0;
    }
}

/// S1 of `scheduler::shutdown`, with tasks in every state: queued, running, woken, waiting for
/// time, for a socket, for each other, and spawning more.
#[test]
fn every_future_is_dropped_once_by_a_thread_of_the_runtime() {
    let _bound = hang_bound();
    for round in 0..3 {
        for (runtime, is_multi) in both(2).into_iter().zip([true, false]) {
            let tally = Tally::default();
            let places = Arc::new(Mutex::new(HashSet::new()));
            let mark = || DropThread(tally.one(), places.clone());
            let notify = Arc::new(runtime::sync::Notify::new());
            for i in 0..10_000_u64 {
                let mark = mark();
                let notify = notify.clone();
                runtime.spawn(async move {
                    let _mark = mark;
                    match i % 5 {
                        0 => runtime::time::sleep(Duration::from_secs(3600 + i)).await,
                        1 => notify.notified().await,
                        2 => loop {
                            task::yield_now().await;
                        },
                        3 => {
                            let inner = runtime::spawn(pending::<()>());
                            let _ = inner.await;
                        }
                        _ => runtime::time::sleep(Duration::from_micros(i)).await,
                    }
                });
            }
            let (spawner_mark, children) = (mark(), tally.clone());
            let spawner_places = places.clone();
            runtime.spawn(async move {
                let _mark = spawner_mark;
                loop {
                    let child = DropThread(children.one(), spawner_places.clone());
                    runtime::spawn(async move {
                        let _child = child;
                        pending::<()>().await;
                    });
                    task::yield_now().await;
                }
            });
            runtime.block_on(async {
                for _ in 0..round * 10 {
                    task::yield_now().await;
                }
                notify.notify_waiters();
            });
            drop(runtime);
            tally.assert_balanced();
            let here = std::thread::current().name().unwrap_or("?").to_owned();
            for place in &*places.lock().unwrap() {
                let expected = if is_multi { THREAD } else { &here };
                assert_eq!(place, expected);
            }
        }
    }
}

#[cfg(feature = "net")]
#[test]
fn sockets_that_wait_are_closed() {
    use runtime::io::AsyncReadExt;
    use runtime::net::{TcpListener, TcpStream};
    let _bound = hang_bound();
    for runtime in both(2) {
        let tally = Tally::default();
        let address = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            for _ in 0..50 {
                let mut client = TcpStream::connect(address).await.unwrap();
                let (mut server, _) = listener.accept().await.unwrap();
                let counted = tally.one();
                runtime::spawn(async move {
                    let _counted = counted;
                    let (mut here, mut there) = ([0], [0]);
                    let _ = runtime::join!(client.read(&mut here), server.read(&mut there));
                });
            }
            let counted = tally.one();
            runtime::spawn(async move {
                let _counted = counted;
                while listener.accept().await.is_ok() {}
            });
            address
        });
        drop(runtime);
        tally.assert_balanced();
        assert!(
            std::net::TcpStream::connect(address).is_err(),
            "still listening"
        );
    }
}

/// A handle outlives its runtime: spawning gives cancelled tasks, nothing hangs or crashes.
#[test]
fn a_handle_is_harmless_after_the_runtime() {
    let _bound = hang_bound();
    for runtime in both(2) {
        let handle = runtime.handle().clone();
        let tally = Tally::default();
        drop(runtime);
        let counted = tally.one();
        let task = handle.spawn(async move {
            let _counted = counted;
        });
        // Dropped at once, by its spawner, unrun.
        tally.assert_balanced();
        let other = current();
        assert!(other.block_on(task).unwrap_err().is_cancelled());
        let counted = tally.one();
        let job = handle.spawn_blocking(move || drop(counted));
        assert!(other.block_on(job).unwrap_err().is_cancelled());
        tally.assert_balanced();
        assert_eq!(handle.metrics().num_alive_tasks(), 0);
        assert_eq!(handle.block_on(async { 3 }), 3);
        let _entered = handle.enter();
        let task = runtime::spawn(async {});
        assert!(other.block_on(task).unwrap_err().is_cancelled());
    }
}

#[test]
fn timers_after_the_end_panic_as_documented() {
    let _bound = hang_bound();
    for runtime in both(1) {
        let handle = runtime.handle().clone();
        let made_before = {
            let _entered = runtime.enter();
            runtime::time::sleep(Duration::from_secs(3600))
        };
        drop(runtime);
        let texts = [
            panic_text(|| handle.block_on(made_before)),
            panic_text(|| {
                handle.block_on(async { runtime::time::sleep(Duration::from_millis(1)).await })
            }),
        ];
        for text in texts {
            assert_contains(
                &text,
                &["A Tokio 1.x context was found, but it is being shutdown"],
            );
        }
    }
}

#[cfg(feature = "net")]
#[test]
fn sockets_after_the_end_give_errors() {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};
    use runtime::net::{TcpListener, TcpStream};
    let _bound = hang_bound();
    for runtime in both(1) {
        let handle = runtime.handle().clone();
        let (listener, mut client, mut server) = runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let client = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            let (server, _) = listener.accept().await.unwrap();
            (listener, client, server)
        });
        drop(runtime);
        handle.block_on(async {
            // Programs know it by this text, for want of a kind.
            let told = "A Tokio 1.x context was found, but it is being shutdown.";
            let bound = TcpListener::bind("127.0.0.1:0").await;
            assert_eq!(bound.unwrap_err().to_string(), told);
            assert_eq!(listener.accept().await.unwrap_err().to_string(), told);
            let read = client.read(&mut [0; 8]).await;
            assert_eq!(read.unwrap_err().to_string(), told);
            assert!(server.write_all(&[0; 8]).await.is_err());
        });
    }
}

/// A wait that another thread has under way when the runtime ends.
#[cfg(feature = "net")]
#[test]
fn waits_on_other_threads_end_with_the_runtime() {
    use runtime::net::TcpListener;
    let _bound = hang_bound();
    for runtime in both(1) {
        let (ready, is_ready) = mpsc::channel();
        let threads: Vec<_> = (0..2)
            .map(|i| {
                let (handle, ready) = (runtime.handle().clone(), ready.clone());
                std::thread::spawn(move || {
                    handle.block_on(async move {
                        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                        ready.send(()).unwrap();
                        match i {
                            0 => assert!(listener.accept().await.is_err()),
                            _ => runtime::time::sleep(Duration::from_secs(3600)).await,
                        }
                    });
                })
            })
            .collect();
        for _ in 0..2 {
            is_ready.recv().unwrap();
        }
        drop(runtime);
        let outcomes: Vec<_> = threads.into_iter().map(|thread| thread.join()).collect();
        assert!(outcomes[0].is_ok());
        let text = payload_text(&**outcomes[1].as_ref().unwrap_err());
        assert_contains(&text, &["being shutdown"]);
    }
}

/// Foreign threads wake and spawn while the runtime goes away, and long after.
#[test]
fn wakes_and_spawns_race_with_the_end() {
    let _bound = hang_bound();
    for round in 0..20 {
        for runtime in both(2) {
            let tally = Tally::default();
            let wakers = Arc::new(Mutex::new(Vec::<Waker>::new()));
            for _ in 0..100 {
                let (counted, wakers) = (tally.one(), wakers.clone());
                runtime.spawn(std::future::poll_fn(move |cx| {
                    let _ = &counted;
                    wakers.lock().unwrap().push(cx.waker().clone());
                    Poll::<()>::Pending
                }));
            }
            let stop = Arc::new(AtomicBool::new(false));
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let (stop, wakers) = (stop.clone(), wakers.clone());
                    let (handle, tally) = (runtime.handle().clone(), tally.clone());
                    std::thread::spawn(move || {
                        while !stop.load(SeqCst) {
                            let some: Vec<_> = wakers.lock().unwrap().drain(..).collect();
                            some.iter().for_each(Waker::wake_by_ref);
                            wakers.lock().unwrap().extend(some.into_iter().take(100));
                            let counted = tally.one();
                            drop(handle.spawn(async move {
                                task::yield_now().await;
                                drop(counted);
                            }));
                            drop(handle.spawn_blocking(|| {}));
                        }
                    })
                })
                .collect();
            runtime.block_on(async {
                for _ in 0..round {
                    task::yield_now().await;
                }
            });
            drop(runtime);
            stop.store(true, SeqCst);
            for thread in threads {
                thread.join().unwrap();
            }
            tally.assert_balanced();
            // Wakers that outlive everything.
            for waker in wakers.lock().unwrap().drain(..) {
                let clone = waker.clone();
                waker.wake();
                clone.wake_by_ref();
            }
        }
    }
}

/// What a thread-local destructor does with a runtime.
struct AtThreadEnd {
    handle: Handle,
    waker: Option<Waker>,
    tally: Tally,
    said: mpsc::Sender<(String, JoinHandle<()>)>,
}

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        let counted = self.tally.one();
        let task = self.handle.spawn(async move { drop(counted) });
        // Whether the context is gone depends on the order of destructors; no crash either way.
        let outcome = match Handle::try_current() {
            Ok(_) => "a runtime".to_owned(),
            Err(error) => error.to_string(),
        };
        self.said.send((outcome, task)).unwrap();
    }
}

thread_local! {
    static AT_THREAD_END: RefCell<Option<AtThreadEnd>> = const { RefCell::new(None) };
}

#[test]
fn thread_local_destructors_may_wake_and_spawn() {
    let _bound = hang_bound();
    for context_first in [false, true] {
        for gone in [false, true] {
            let runtime = multi(2);
            let (tally, (said, heard)) = (Tally::default(), mpsc::channel());
            let (say_waker, waker) = mpsc::channel();
            let mut polls = 0;
            let parked = runtime.spawn(std::future::poll_fn(move |cx| {
                polls += 1;
                if polls == 1 {
                    say_waker.send(cx.waker().clone()).unwrap();
                    return Poll::Pending;
                }
                Poll::Ready(())
            }));
            let at_end = AtThreadEnd {
                handle: runtime.handle().clone(),
                waker: Some(waker.recv().unwrap()),
                tally: tally.clone(),
                said,
            };
            let mut runtime = Some(runtime);
            if gone {
                runtime = None;
            }
            std::thread::spawn(move || {
                if context_first {
                    drop(at_end.handle.enter());
                }
                AT_THREAD_END.set(Some(at_end));
                AT_THREAD_END.with_borrow(|at_end| {
                    drop(at_end.as_ref().unwrap().handle.enter());
                });
            })
            .join()
            .unwrap();
            let (outcome, task) = heard.recv().unwrap();
            assert!(
                outcome.contains("has been destroyed") || outcome.contains("no reactor running"),
                "{outcome}"
            );
            let outside = current();
            match gone {
                true => {
                    assert!(outside.block_on(task).unwrap_err().is_cancelled());
                    assert!(outside.block_on(parked).unwrap_err().is_cancelled());
                }
                false => {
                    outside.block_on(task).unwrap();
                    outside.block_on(parked).unwrap();
                }
            }
            drop(runtime);
            tally.assert_balanced();
        }
    }
}

/// A blocking call that ends only when the test says so.
fn stuck(runtime: &Runtime) -> (mpsc::Sender<()>, JoinHandle<()>) {
    let (release, released) = mpsc::channel::<()>();
    let (say, started) = mpsc::channel();
    let job = runtime.spawn_blocking(move || {
        say.send(()).unwrap();
        let _ = released.recv();
    });
    started.recv().unwrap();
    (release, job)
}

#[test]
fn shutdown_timeout_returns_at_its_time_out() {
    let _bound = hang_bound();
    for runtime in both(2) {
        let (release, _job) = stuck(&runtime);
        let queued = Tally::default();
        let begin = Instant::now();
        let counted = queued.one();
        runtime.spawn(async move {
            let _counted = counted;
            pending::<()>().await;
        });
        runtime.shutdown_timeout(Duration::from_millis(50));
        let took = begin.elapsed();
        assert!(
            took >= Duration::from_millis(50) && took < Duration::from_secs(20),
            "{took:?}"
        );
        queued.assert_balanced();
        drop(release);
    }
    // A task that does not return from its poll.
    let runtime = multi(2);
    let (release, released) = mpsc::channel::<()>();
    let (say, started) = mpsc::channel();
    runtime.spawn(async move {
        say.send(()).unwrap();
        let _ = released.recv();
    });
    started.recv().unwrap();
    runtime.shutdown_timeout(Duration::from_millis(20));
    drop(release);
}

/// Shorter than its time-out if nothing is left to wait for.
#[test]
fn shutdown_timeout_returns_when_all_has_ended() {
    for runtime in both(2) {
        let job = runtime.spawn_blocking(|| {});
        runtime.block_on(job).unwrap();
        let begin = Instant::now();
        runtime.shutdown_timeout(Duration::from_secs(3600));
        assert!(begin.elapsed() < Duration::from_secs(20));
    }
    // Beyond what the clock can show.
    for runtime in both(1) {
        runtime.shutdown_timeout(Duration::MAX);
    }
}

#[test]
fn shutdown_background_does_not_wait() {
    let _bound = hang_bound();
    for runtime in both(2) {
        let (release, job) = stuck(&runtime);
        runtime.shutdown_background();
        assert!(!job.is_finished());
        drop(release);
        // It goes on by itself and its output is there.
        current().block_on(job).unwrap();
    }
}

/// Blocking calls that were accepted are waited for, also those behind the one that runs.
#[test]
fn a_drop_waits_for_the_blocking_call_that_runs() {
    let _bound = hang_bound();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (release, running) = stuck(&runtime);
    let tally = Tally::default();
    let queued: Vec<_> = (0..10)
        .map(|_| {
            let counted = tally.one();
            runtime.spawn_blocking(move || drop(counted))
        })
        .collect();
    let dropper = std::thread::spawn(move || drop(runtime));
    drop(release);
    dropper.join().unwrap();
    tally.assert_balanced();
    let outside = current();
    assert!(outside.block_on(running).is_ok());
    for job in queued {
        assert!(outside.block_on(job).is_ok());
    }
}

/// The thread of a blocking call was perhaps not yet there when the end began.
#[test]
fn blocking_calls_started_before_the_end_are_run() {
    let _bound = hang_bound();
    for waits in [true, false] {
        for has_idle_thread in [false, true] {
            for runtime in (0..20).flat_map(|_| both(1)) {
                if has_idle_thread {
                    let job = runtime.spawn_blocking(|| {});
                    runtime.block_on(job).unwrap();
                }
                let _context = runtime.enter();
                let job = runtime.spawn_blocking(|| 42);
                let handle = runtime.handle().clone();
                if waits {
                    runtime.shutdown_timeout(Duration::from_secs(1000));
                } else {
                    runtime.shutdown_background();
                }
                assert_eq!(handle.block_on(job).unwrap(), 42);
            }
        }
    }
}

/// If nobody waits, those for which there is no thread are cancelled.
#[test]
fn blocking_calls_behind_others_are_cancelled_when_time_is_over() {
    let _bound = hang_bound();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .build()
        .unwrap();
    let (release, running) = stuck(&runtime);
    let queued = runtime.spawn_blocking(|| {});
    runtime.shutdown_background();
    let outside = current();
    assert!(outside.block_on(queued).unwrap_err().is_cancelled());
    drop(release);
    assert!(outside.block_on(running).is_ok());
}

#[test]
fn the_end_waits_for_block_in_place() {
    let _bound = hang_bound();
    let runtime = multi(2);
    let (say, started) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let done = Arc::new(AtomicBool::new(false));
    let flag = done.clone();
    let tally = Tally::default();
    let counted = tally.one();
    let task = runtime.spawn(async move {
        let _counted = counted;
        task::block_in_place(|| {
            say.send(()).unwrap();
            let _ = released.recv();
            flag.store(true, SeqCst);
        });
        pending::<()>().await;
    });
    started.recv().unwrap();
    let dropper = std::thread::spawn(move || drop(runtime));
    drop(release);
    dropper.join().unwrap();
    assert!(done.load(SeqCst));
    tally.assert_balanced();
    assert!(current().block_on(task).unwrap_err().is_cancelled());
}

/// A runtime may be dropped by one of its own blocking calls.
#[test]
fn a_blocking_call_may_drop_its_runtime() {
    let _bound = hang_bound();
    for runtime in both(2) {
        let runtime = Arc::new(runtime);
        let (give, given) = mpsc::channel::<Arc<Runtime>>();
        let job = runtime.spawn_blocking(move || {
            let runtime = given.recv().unwrap();
            // The test lets go of its own before.
            drop(Arc::into_inner(runtime).expect("the last one"));
        });
        let weak = Arc::downgrade(&runtime);
        give.send(runtime).unwrap();
        current().block_on(job).unwrap();
        assert!(weak.upgrade().is_none());
    }
}

/// A destructor that uses the runtime while its task is being cancelled.
#[test]
fn destructors_may_spawn_and_wake_during_the_end() {
    struct Busy(Tally, Waker);
    impl Drop for Busy {
        fn drop(&mut self) {
            self.1.wake_by_ref();
            let counted = self.0.one();
            drop(runtime::spawn(async move { drop(counted) }));
            drop(runtime::spawn_blocking(|| {}));
            drop(runtime::time::sleep(Duration::from_secs(1)));
        }
    }
    let _bound = hang_bound();
    for runtime in both(2) {
        let (tally, begun) = (Tally::default(), Arc::new(AtomicUsize::new(0)));
        for _ in 0..500 {
            let (tally, begun) = (tally.clone(), begun.clone());
            runtime.spawn(async move {
                let waker = std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone())).await;
                let _busy = Busy(tally, waker);
                begun.fetch_add(1, SeqCst);
                pending::<()>().await;
            });
        }
        runtime.block_on(async {
            while begun.load(SeqCst) < 500 {
                task::yield_now().await;
            }
        });
        drop(runtime);
        assert_eq!(tally.made(), 500);
        tally.assert_balanced();
    }
}

/// The panic of one destructor stops neither the others nor the thread.
#[test]
fn destructors_may_panic_during_the_end() {
    struct Bad(Counted);
    impl Drop for Bad {
        fn drop(&mut self) {
            let _ = &self.0;
            panic!("in a destructor");
        }
    }
    let _bound = hang_bound();
    for runtime in both(2) {
        let tally = Tally::default();
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let bad = Bad(tally.one());
                runtime.spawn(async move {
                    let _bad = bad;
                    pending::<()>().await;
                })
            })
            .collect();
        drop(runtime);
        tally.assert_balanced();
        let outside = current();
        for task in tasks {
            let error = outside.block_on(task).unwrap_err();
            assert_eq!(payload_text(&*error.into_panic()), "in a destructor");
        }
    }
}

/// A task waits in `block_in_place` for what only the driver of its runtime could bring: the end
/// brings an error, or the panic that is documented, in its place.
#[test]
fn the_end_does_not_wait_for_a_driver_that_nobody_turns() {
    let _bound = hang_bound();
    for workers in [1, 2, 3] {
        for io in [false, true] {
            let runtime = multi(workers);
            let (say, started) = mpsc::channel();
            let (tell, told) = mpsc::channel();
            runtime.spawn(async move {
                let listener = runtime::net::TcpListener::bind("127.0.0.1:0")
                    .await
                    .unwrap();
                let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                    task::block_in_place(|| {
                        runtime::runtime::Handle::current().block_on(async {
                            say.send(()).unwrap();
                            if io {
                                listener.accept().await.map(|_| ())
                            } else {
                                runtime::time::sleep(Duration::from_secs(1_000)).await;
                                Ok(())
                            }
                        })
                    })
                }));
                tell.send(matches!(ended, Ok(Ok(())))).unwrap();
            });
            started.recv().unwrap();
            drop(runtime);
            assert_eq!(told.recv(), Ok(false), "{workers} workers, io: {io}");
        }
    }
}

/// A runtime that was left with a call of `block_in_place` that does not end waits asleep.
#[cfg(target_os = "linux")]
#[test]
fn what_is_left_after_shutdown_timeout_costs_nothing() {
    in_child!("what_is_left_after_shutdown_timeout_costs_nothing", || {
        let runtime = multi(3);
        let (say, started) = mpsc::channel();
        let (release, released) = mpsc::channel::<()>();
        runtime.spawn(async move {
            task::block_in_place(|| {
                say.send(()).unwrap();
                let _ = released.recv();
            });
        });
        started.recv().unwrap();
        runtime.shutdown_timeout(Duration::from_millis(20));
        // Whoever was about to end has ended.
        std::thread::sleep(Duration::from_millis(100));
        let before = context_switches();
        std::thread::sleep(Duration::from_millis(500));
        let during = context_switches() - before;
        assert!(during < 50, "{during} context switches in half a second");
        drop(release);
    });
}
