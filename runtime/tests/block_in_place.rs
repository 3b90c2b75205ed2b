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
