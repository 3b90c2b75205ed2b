//! Tasks that block their thread: the monitor has others take over what they hold, and
//! `block_in_place` hands it over.

use crate::support::*;
use runtime::runtime::Builder;
use runtime::sync::oneshot;
use runtime::task;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// What others may be late while polls are long; a generous bound.
const LATE: Duration = Duration::from_millis(500);

/// A task that blocks its worker until the test has seen what must happen meanwhile: if it does not
/// happen the test hangs, and its bound ends it.
struct Block(mpsc::Receiver<()>);

impl Block {
    fn new() -> (mpsc::Sender<()>, Self) {
        let (release, released) = mpsc::channel();
        (release, Self(released))
    }

    fn until_released(self) {
        self.0.recv().unwrap();
    }
}

/// The task it spawned lies in its slot, the timer in its wheel.
#[test]
fn what_a_blocked_worker_queued_and_armed_goes_on() {
    let _bound = hang_bound();
    let runtime = multi(2);
    runtime.block_on(async {
        let (say_ran, ran) = oneshot::channel();
        let (say_slept, slept) = oneshot::channel();
        let (release, block) = Block::new();
        let blocker = runtime::spawn(async move {
            // Armed on this worker: the sleeper is polled here before this task blocks, unless
            // it was stolen, which is as well.
            runtime::spawn(async move {
                runtime::time::sleep(Duration::from_millis(10)).await;
                let _ = say_slept.send(());
            });
            task::yield_now().await;
            runtime::spawn(async move {
                let _ = say_ran.send(());
            });
            block.until_released();
        });
        ran.await.unwrap();
        slept.await.unwrap();
        assert!(!blocker.is_finished());
        release.send(()).unwrap();
        blocker.await.unwrap();
    });
}

/// The other worker is busy and never sleeps: it takes from the stuck one all the same.
#[test]
fn a_busy_worker_shares_the_queue_of_a_blocked_one() {
    const YIELDS: usize = 1_000;
    let _bound = hang_bound();
    let runtime = multi(2);
    runtime.block_on(async {
        let (release, block) = Block::new();
        let blocks = Arc::new(AtomicBool::new(false));
        let in_blocker = blocks.clone();
        let blocker = runtime::spawn(async move {
            in_blocker.store(true, SeqCst);
            block.until_released();
        });
        let yielders: Vec<_> = (0..100)
            .map(|_| {
                let blocks = blocks.clone();
                runtime::spawn(async move {
                    while !blocks.load(SeqCst) {
                        task::yield_now().await;
                    }
                    // Wherever it is queued, it goes on beside the blocker.
                    for _ in 0..YIELDS {
                        task::yield_now().await;
                    }
                })
            })
            .collect();
        for yielder in yielders {
            yielder.await.unwrap();
        }
        assert!(!blocker.is_finished());
        release.send(()).unwrap();
        blocker.await.unwrap();
    });
}

/// One task polls a sleep by hand, so that it is armed on its worker for certain, and blocks.
#[test]
fn the_wheel_of_a_blocked_worker_is_fired_by_others() {
    let _bound = hang_bound();
    let runtime = multi(2);
    runtime.block_on(async {
        let (give_waker, waker) = oneshot::channel();
        let woken = runtime::spawn(async move {
            // The waker of this task is given away, to be woken by a timer of another worker.
            let mut give_waker = Some(give_waker);
            std::future::poll_fn(move |cx| match give_waker.take() {
                Some(give_waker) => {
                    let _ = give_waker.send(cx.waker().clone());
                    std::task::Poll::Pending
                }
                None => std::task::Poll::Ready(()),
            })
            .await;
        });
        let (release, block) = Block::new();
        let blocker = runtime::spawn(async move {
            let waker = waker.await.unwrap();
            let mut sleep = Box::pin(runtime::time::sleep(Duration::from_millis(10)));
            let _ = sleep
                .as_mut()
                .poll(&mut std::task::Context::from_waker(&waker));
            block.until_released();
            drop(sleep);
        });
        woken.await.unwrap();
        assert!(!blocker.is_finished());
        release.send(()).unwrap();
        blocker.await.unwrap();
    });
}

/// More tasks than the slot holds, from a worker that then blocks for good.
#[test]
fn the_deque_of_a_blocked_worker_is_emptied_by_others() {
    let _bound = hang_bound();
    let runtime = multi(2);
    let (release, released) = mpsc::channel::<()>();
    runtime.block_on(async {
        let (say, mut heard) = runtime::sync::mpsc::unbounded_channel();
        let blocker = runtime::spawn(async move {
            for i in 0..1000 {
                let say = say.clone();
                runtime::spawn(async move { say.send(i).unwrap() });
            }
            drop(say);
            // Until all of them ran.
            let _ = released.recv();
        });
        let mut count = 0;
        while heard.recv().await.is_some() {
            count += 1;
        }
        assert_eq!(count, 1000);
        release.send(()).unwrap();
        blocker.await.unwrap();
    });
}

/// The holder of the reactor gets a task from outside and blocks with it.
#[cfg(feature = "net")]
#[test]
fn sockets_are_served_while_a_worker_blocks() {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};
    use runtime::net::TcpListener;
    use std::io::{Read, Write};
    let _bound = hang_bound();
    let runtime = multi(2);
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        runtime::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut byte = [0];
            while socket.read_exact(&mut byte).await.is_ok() {
                socket.write_all(&byte).await.unwrap();
            }
        });
        // Driven by no worker: a thread of its own.
        let client = runtime::spawn_blocking(move || {
            let socket = std::net::TcpStream::connect(address).unwrap();
            socket.set_nodelay(true).unwrap();
            socket
        });
        let mut client = client.await.unwrap();
        // The first takes the worker that waits in the reactor, now or after a while.
        for _ in 0..10 {
            let (release, block) = Block::new();
            let (say, begun) = oneshot::channel();
            let blocker = runtime::spawn(async move {
                say.send(()).unwrap();
                block.until_released();
            });
            begun.await.unwrap();
            let exchanges = runtime::spawn_blocking(move || {
                for _ in 0..20 {
                    client.write_all(&[1]).unwrap();
                    client.read_exact(&mut [0]).unwrap();
                }
                client
            });
            client = exchanges.await.unwrap();
            assert!(!blocker.is_finished());
            release.send(()).unwrap();
            blocker.await.unwrap();
        }
    });
}

/// Long polls on one connection do not hold up another.
#[cfg(feature = "net")]
#[test]
fn long_polls_of_one_connection_hold_up_no_other() {
    use runtime::io::{AsyncReadExt, AsyncWriteExt};
    use runtime::net::{TcpListener, TcpStream};
    let _bound = hang_bound();
    let runtime = multi(2);
    let mut times = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        runtime::spawn(async move {
            loop {
                let Ok((mut socket, _)) = listener.accept().await else {
                    return;
                };
                runtime::spawn(async move {
                    let mut byte = [0];
                    while socket.read_exact(&mut byte).await.is_ok() {
                        if byte[0] == b'l' {
                            let begin = Instant::now();
                            while begin.elapsed() < Duration::from_millis(1) {
                                std::hint::spin_loop();
                            }
                        }
                        if socket.write_all(&byte).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        let long = runtime::spawn(async move {
            let mut socket = TcpStream::connect(address).await.unwrap();
            loop {
                socket.write_all(b"l").await.unwrap();
                socket.read_exact(&mut [0]).await.unwrap();
            }
        });
        let mut socket = TcpStream::connect(address).await.unwrap();
        let mut times = Vec::new();
        for _ in 0..300 {
            let sent = Instant::now();
            socket.write_all(b"s").await.unwrap();
            socket.read_exact(&mut [0]).await.unwrap();
            times.push(sent.elapsed());
        }
        long.abort();
        times
    });
    times.sort_unstable();
    let p99 = times[times.len() * 99 / 100];
    println!("median {:?}, p99 {p99:?}", times[times.len() / 2]);
    assert!(p99 < LATE, "{p99:?}");
}

#[test]
fn block_in_place_lets_the_other_tasks_go_on() {
    let _bound = hang_bound();
    let runtime = multi(1);
    runtime.block_on(async {
        let (say, heard) = mpsc::channel();
        let blocked = runtime::spawn(async move {
            runtime::spawn(async move {
                runtime::time::sleep(Duration::from_millis(1)).await;
                say.send(7).unwrap();
            });
            // The one worker's other task must run for this to return.
            let answer = task::block_in_place(|| heard.recv().unwrap());
            // And this one goes on where it is.
            task::yield_now().await;
            runtime::time::sleep(Duration::from_millis(1)).await;
            answer
        });
        assert_eq!(blocked.await.unwrap(), 7);
    });
}

#[test]
fn block_in_place_nests_and_may_block_on() {
    let _bound = hang_bound();
    let runtime = multi(2);
    let work = || {
        task::block_in_place(|| {
            let handle = runtime::Handle::current();
            let inner = handle.block_on(async {
                let task = runtime::spawn(async { 1 });
                let nested = task::block_in_place(|| 2);
                runtime::time::sleep(Duration::from_millis(1)).await;
                task.await.unwrap() + nested
            });
            let own_runtime = current().block_on(async {
                runtime::time::sleep(Duration::from_millis(1)).await;
                3
            });
            inner + own_runtime + task::block_in_place(|| 4)
        })
    };
    runtime.block_on(async {
        assert_eq!(work(), 10);
        assert_eq!(runtime::spawn(async move { work() }).await.unwrap(), 10);
        // In a blocking call it is just a call.
        let call = runtime::spawn_blocking(|| task::block_in_place(|| 5));
        assert_eq!(call.await.unwrap(), 5);
    });
}

#[test]
fn a_panic_in_block_in_place_is_the_tasks_own() {
    let _bound = hang_bound();
    let runtime = multi(1);
    runtime.block_on(async {
        for _ in 0..20 {
            let task = runtime::spawn(async { task::block_in_place(|| panic!("inside")) });
            assert_eq!(
                payload_text(&*task.await.unwrap_err().into_panic()),
                "inside"
            );
            let next = runtime::spawn(async {
                runtime::time::sleep(Duration::from_micros(10)).await;
                task::try_id().is_some()
            });
            assert!(next.await.unwrap());
        }
    });
    let text = panic_text(|| runtime.block_on(async { task::block_in_place(|| panic!("root")) }));
    assert_eq!(text, "root");
}

/// The worker's core takes no thread from the blocking calls, nor waits for one of them.
#[test]
fn block_in_place_works_beside_a_full_pool() {
    let _bound = hang_bound();
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (release, released) = mpsc::channel::<()>();
    runtime.block_on(async {
        let (say, started) = oneshot::channel();
        let full = runtime::spawn_blocking(move || {
            say.send(()).unwrap();
            let _ = released.recv();
        });
        started.await.unwrap();
        let queued = runtime::spawn_blocking(|| 2);
        for _ in 0..10 {
            let task = runtime::spawn(async {
                let (say, heard) = mpsc::channel();
                runtime::spawn(async move { say.send(1).unwrap() });
                task::block_in_place(|| heard.recv().unwrap())
            });
            assert_eq!(task.await.unwrap(), 1);
        }
        assert!(!queued.is_finished());
        release.send(()).unwrap();
        full.await.unwrap();
        assert_eq!(queued.await.unwrap(), 2);
        // And the other way round: the core is in the pool, and blocking calls still run.
        assert_eq!(runtime::spawn_blocking(|| 3).await.unwrap(), 3);
    });
}

#[test]
fn many_tasks_block_in_place_at_once() {
    let _bound = hang_bound();
    let runtime = multi(2);
    runtime.block_on(async {
        let barrier = std::sync::Arc::new(std::sync::Barrier::new(20));
        let tasks: Vec<_> = (0..20)
            .map(|i| {
                let barrier = barrier.clone();
                runtime::spawn(async move {
                    // All of them are inside at the same time, on two workers.
                    task::block_in_place(|| barrier.wait());
                    task::yield_now().await;
                    i
                })
            })
            .collect();
        for (i, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), i);
        }
    });
}

#[test]
fn a_panic_of_a_blocking_call_carries_its_payload() {
    for runtime in both(1) {
        runtime.block_on(async {
            for _ in 0..10 {
                let call = runtime::spawn_blocking(|| std::panic::panic_any(vec![1, 2, 3]));
                let error = call.await.unwrap_err();
                assert!(error.is_panic());
                let payload = error.into_panic();
                assert_eq!(payload.downcast_ref(), Some(&vec![1, 2, 3]));
            }
            assert_eq!(runtime::spawn_blocking(|| 1).await.unwrap(), 1);
        });
    }
}

/// All workers are blocked and a timer is overdue: the monitor can do nothing about it, and does not
/// try a thousand times a second.
#[cfg(target_os = "linux")]
#[test]
fn the_monitor_backs_off_where_nobody_can_be_set_to_the_rescue() {
    in_child!(
        "the_monitor_backs_off_where_nobody_can_be_set_to_the_rescue",
        || {
            let runtime = multi(2);
            let (releases, tasks): (Vec<_>, Vec<_>) = (0..2)
                .map(|_| {
                    let (release, block) = Block::new();
                    let (say, begun) = mpsc::channel();
                    let task = runtime.spawn(async move {
                        let mut sleep = Box::pin(runtime::time::sleep(Duration::from_millis(1)));
                        std::future::poll_fn(|cx| {
                            // Armed on this worker, which then blocks.
                            let _ = sleep.as_mut().poll(cx);
                            std::task::Poll::Ready(())
                        })
                        .await;
                        say.send(()).unwrap();
                        block.until_released();
                    });
                    begun.recv().unwrap();
                    (release, task)
                })
                .unzip();
            // It has found them stuck, and has tried.
            std::thread::sleep(Duration::from_millis(100));
            let before = context_switches();
            std::thread::sleep(Duration::from_millis(500));
            let during = context_switches() - before;
            assert!(during < 250, "{during} context switches in half a second");
            for release in releases {
                release.send(()).unwrap();
            }
            runtime.block_on(async {
                for task in tasks {
                    task.await.unwrap();
                }
            });
        },
    );
}
