//! `block_in_place` where a worker's core changes threads, and where it must not.

use runtime::runtime::{Builder, Handle};
use runtime::task::block_in_place;
use std::sync::mpsc;
use std::time::Duration;

/// Generous: only a hang reaches it.
const BOUND: Duration = Duration::from_secs(60);

#[test]
fn tasks_on_the_substitute_thread_run_in_the_runtimes_context() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    let (sender, receiver) = mpsc::channel();
    let task = runtime.spawn(async move {
        let other = runtime::spawn(async move {
            let nested = Handle::try_current().map(|handle| handle.spawn(async { 7 }));
            sender.send(nested.is_ok()).unwrap();
            nested.unwrap().await.unwrap()
        });
        let had_context = block_in_place(|| receiver.recv_timeout(BOUND)).unwrap();
        assert!(had_context, "the substitute worker has no current runtime");
        other.await.unwrap()
    });
    assert_eq!(runtime.block_on(task).unwrap(), 7);
}

/// Calls `block_in_place` when it is dropped.
struct BlocksInDrop(mpsc::Sender<()>);

impl Drop for BlocksInDrop {
    fn drop(&mut self) {
        block_in_place(|| self.0.send(()).unwrap());
    }
}

/// The runtime is told to end by a panic, so that its pool still takes jobs, a substitute among
/// them, while the workers cancel their tasks.
#[test]
fn a_future_that_blocks_in_place_when_shutdown_drops_it_ends_no_worker_twice() {
    const TASKS: usize = 8;
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .unhandled_panic(runtime::runtime::UnhandledPanic::ShutdownRuntime)
        .build()
        .unwrap();
    let (dropped, drops) = mpsc::channel();
    let (start, started) = mpsc::channel();
    for _ in 0..TASKS {
        let (guard, start) = (BlocksInDrop(dropped.clone()), start.clone());
        drop(runtime.spawn(async move {
            let _guard = guard;
            start.send(()).unwrap();
            std::future::pending::<()>().await;
        }));
    }
    for _ in 0..TASKS {
        started.recv_timeout(BOUND).unwrap();
    }
    drop(runtime.spawn(async { panic!("ends the runtime") }));
    for _ in 0..TASKS {
        drops.recv_timeout(BOUND).unwrap();
    }
    let (ended, end) = mpsc::channel();
    let dropper = std::thread::spawn(move || {
        drop(runtime);
        ended.send(()).unwrap();
    });
    end.recv_timeout(BOUND).expect("the runtime ends");
    dropper.join().unwrap();
}

/// The pool may have one thread, and two of its jobs wait for what only the handed-over worker can
/// do: it goes on all the same, whatever thread is on its way for whom.
#[test]
fn a_worker_is_handed_over_before_blocking_jobs_that_wait() {
    for _ in 0..50 {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(1)
            .build()
            .unwrap();
        // A thread that sleeps, or is about to.
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        let (release, released) = mpsc::channel::<()>();
        let job = runtime.spawn_blocking(move || released.recv_timeout(BOUND));
        let behind = runtime.spawn_blocking(|| ());
        let task = runtime.spawn(async move {
            let (say, said) = mpsc::channel();
            let other = runtime::spawn(async move { say.send(()).unwrap() });
            block_in_place(|| said.recv_timeout(BOUND)).unwrap();
            other.await.unwrap();
            drop(release);
        });
        runtime.block_on(async {
            task.await.unwrap();
            // The end of the sender, not of time.
            assert_eq!(
                job.await.unwrap(),
                Err(mpsc::RecvTimeoutError::Disconnected)
            );
            behind.await.unwrap();
        });
    }
}

/// What the poll queued before it blocks is run meanwhile, by all workers there are.
#[test]
fn tasks_queued_before_block_in_place_are_shared() {
    let runtime = Builder::new_multi_thread()
        .worker_threads(3)
        .build()
        .unwrap();
    let task = runtime.spawn(async {
        let (say, said) = mpsc::channel();
        let barrier = std::sync::Arc::new(std::sync::Barrier::new(3));
        for _ in 0..3 {
            let (say, barrier) = (say.clone(), barrier.clone());
            // Each blocks its worker until all three run.
            runtime::spawn(async move {
                barrier.wait();
                say.send(()).unwrap();
            });
        }
        block_in_place(|| (0..3).try_for_each(|_| said.recv_timeout(BOUND))).unwrap();
    });
    runtime.block_on(task).unwrap();
}
