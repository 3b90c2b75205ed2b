//! The whole runtime under random schedules: `RUSTFLAGS="--cfg shuttle" cargo test -p loom-tests
//! --profile model --test shuttle -- --nocapture`.
//!
//! Each body runs under many schedules (`RUNTIME_SHUTTLE_SCHEDULES` sets how many in all); a lost
//! wake-up shows as a deadlock, a lost or doubled task in the counters. On plain threads each
//! body runs a few times. Shuttle sees no memory order: that is loom's part, which has its own
//! models.
#![cfg(not(loom))]

use runtime::runtime::{Builder, Handle, Runtime};
use runtime::sync::{Notify, mpsc, oneshot};
use runtime::task::{JoinHandle, yield_now};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

#[cfg(shuttle)]
use shuttle::thread;
#[cfg(not(shuttle))]
use std::thread;

/// Schedules of one whole run, over all bodies.
const SCHEDULES: usize = 56_000;

fn schedules(share: usize) -> usize {
    let all = std::env::var("RUNTIME_SHUTTLE_SCHEDULES")
        .ok()
        .map_or(SCHEDULES, |text| {
            text.parse().expect("a number of schedules")
        });
    (all * share).div_ceil(100).max(1)
}

/// Runs `body` under `percent` of all schedules, one in eight of them by PCT.
#[cfg(shuttle)]
fn check(name: &str, percent: usize, body: impl Fn() + Send + Sync + 'static) {
    let count = schedules(percent);
    let pct = count.div_ceil(8);
    let body = Arc::new(body);
    let again = body.clone();
    let start = Instant::now();
    run(
        shuttle::scheduler::RandomScheduler::new(count - pct),
        move || body(),
    );
    run(shuttle::scheduler::PctScheduler::new(3, pct), move || {
        again()
    });
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "shuttle {name}: {} random and {pct} PCT schedules, {seconds:.1} s",
        count - pct
    );
}

#[cfg(shuttle)]
fn run(
    scheduler: impl shuttle::scheduler::Scheduler + 'static,
    body: impl Fn() + Send + Sync + 'static,
) {
    let mut config = shuttle::Config::new();
    config.stack_size = 0x2_0000;
    config.max_steps = shuttle::MaxSteps::FailAfter(200_000);
    shuttle::Runner::new(scheduler, config).run(body);
}

#[cfg(not(shuttle))]
fn check(name: &str, percent: usize, body: impl Fn() + Send + Sync + 'static) {
    let count = schedules(percent).min(20);
    let start = Instant::now();
    (0..count).for_each(|_| body());
    println!(
        "plain {name}: {count} runs, {:.1} s",
        start.elapsed().as_secs_f64()
    );
}

/// Futures made and dropped. Std atomics: they add no step.
#[derive(Clone, Default)]
struct Tally(Arc<(AtomicUsize, AtomicUsize)>);

struct Counted(Tally);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Tally {
    /// `future`, counted when it is made and when it is dropped.
    fn count<F: Future + Send + 'static>(
        &self,
        future: F,
    ) -> impl Future<Output = F::Output> + Send + 'static
    where
        F::Output: Send,
    {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(self.clone());
        async move {
            let _counted = counted;
            future.await
        }
    }

    fn check(&self) {
        let (made, dropped) = (&self.0.0, &self.0.1);
        assert_eq!(
            made.load(Ordering::Relaxed),
            dropped.load(Ordering::Relaxed)
        );
    }
}

/// Without a monitor: its time never comes here.
fn runtime(workers: usize) -> Runtime {
    runtime::model::scheduler::multi_thread(workers)
}

/// What keeps a worker busy in [`every_duty_is_served_under_every_load`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Load {
    Idle,
    /// One poll that lasts until the duty is served.
    Blocked,
    PingPong,
    Yielder,
}

/// What somebody waits for there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Duty {
    OutsideSpawn,
    /// The second of two tasks that the loaded one spawns.
    SiblingSpawn,
    /// A task that another thread wakes.
    OutsideWake,
}

#[cfg(shuttle)]
use shuttle::sync::mpsc as thread_mpsc;
#[cfg(not(shuttle))]
use std::sync::mpsc as thread_mpsc;

/// Runs a load until the duty is served, which sends a message.
async fn load(load: Load, duty: Duty, served: thread_mpsc::Sender<()>, done: Arc<AtomicUsize>) {
    let tell = {
        let done = done.clone();
        move || {
            done.store(1, Ordering::SeqCst);
            let _ = served.send(());
        }
    };
    if duty == Duty::SiblingSpawn {
        runtime::spawn(async {});
        runtime::spawn(async move { tell() });
    }
    let is_done = || done.load(Ordering::SeqCst) == 1;
    match load {
        Load::Idle => {}
        Load::Blocked => {
            while !is_done() {
                thread::yield_now();
            }
        }
        Load::Yielder => {
            while !is_done() {
                yield_now().await;
            }
        }
        Load::PingPong => {
            let (ping, mut pinged) = mpsc::unbounded_channel();
            let (pong, mut ponged) = mpsc::unbounded_channel();
            runtime::spawn(async move {
                while pinged.recv().await.is_some() && pong.send(()).is_ok() {}
            });
            while !is_done() && ping.send(()).is_ok() && ponged.recv().await.is_some() {}
        }
    }
}

/// One duty under one load: a duty that is not served is a deadlock, or more steps than allowed.
fn serve(workers: usize, source: bool, kind: Load, duty: Duty) {
    let runtime = runtime::model::scheduler::multi_thread_with(workers, source);
    let (served, is_served) = thread_mpsc::channel();
    let done = Arc::new(AtomicUsize::new(0));
    let tell = {
        let (served, done) = (served.clone(), done.clone());
        move || {
            done.store(1, Ordering::SeqCst);
            let _ = served.send(());
        }
    };
    let (wake, woken) = oneshot::channel::<()>();
    let mut tell = Some(tell);
    if duty == Duty::OutsideWake {
        let tell = tell.take().unwrap();
        runtime.spawn(async move {
            let _ = woken.await;
            tell();
        });
    }
    let loaded = runtime.spawn(load(kind, duty, served, done));
    match duty {
        Duty::OutsideWake => wake.send(()).unwrap(),
        Duty::OutsideSpawn => {
            let tell = tell.take().unwrap();
            drop(runtime.spawn(async move { tell() }));
        }
        Duty::SiblingSpawn => {}
    }
    is_served.recv().unwrap();
    runtime.block_on(loaded).unwrap();
}

/// Workers × a source or none × loads × duties, as far as they need no time.
#[test]
fn every_duty_is_served_under_every_load() {
    let start = Instant::now();
    let mut cells = Vec::new();
    for workers in [1, 2, 3] {
        for source in [false, true] {
            for load in [Load::Idle, Load::Blocked, Load::PingPong, Load::Yielder] {
                for duty in [Duty::OutsideSpawn, Duty::SiblingSpawn, Duty::OutsideWake] {
                    // Whose only thread blocks, serves nobody.
                    if load != Load::Blocked || workers > 1 {
                        cells.push((workers, source, load, duty));
                    }
                }
            }
        }
    }
    let share = schedules(20).div_ceil(cells.len());
    for (workers, source, load, duty) in cells.iter().copied() {
        run_cell(share, move || serve(workers, source, load, duty));
    }
    println!(
        "every_duty_is_served_under_every_load: {} cells, {share} schedules each, {:.1} s",
        cells.len(),
        start.elapsed().as_secs_f64()
    );
}

#[cfg(shuttle)]
fn run_cell(schedules: usize, body: impl Fn() + Send + Sync + 'static) {
    run(shuttle::scheduler::RandomScheduler::new(schedules), body);
}

#[cfg(not(shuttle))]
fn run_cell(schedules: usize, body: impl Fn() + Send + Sync + 'static) {
    (0..schedules.min(5)).for_each(|_| body());
}

fn spawn<F>(tally: &Tally, future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    runtime::spawn(tally.count(future))
}

/// Twenty tasks that spawn, yield, join, abort, and talk; all have ended before the runtime.
async fn twenty_tasks(tally: Tally) -> Outcome {
    let (sender, mut receiver) = mpsc::channel(1);
    let mut tasks = Vec::new();
    for value in 0..4_u32 {
        let (sender, inner) = (sender.clone(), tally.clone());
        // Each spawns one, yields, and sends: 8 tasks.
        tasks.push(spawn(&tally, async move {
            let child = spawn(&inner, async move {
                yield_now().await;
                value
            });
            yield_now().await;
            if let Ok(value) = child.await {
                let _ = sender.send(value).await;
            }
        }));
    }
    drop(sender);
    // A chain of oneshots: 4 tasks.
    let (first, mut link) = oneshot::channel();
    for _ in 0..4 {
        let (next, following) = oneshot::channel();
        let previous = std::mem::replace(&mut link, following);
        tasks.push(spawn(&tally, async move {
            if let Ok(value) = previous.await {
                let _ = next.send(value + 1_u32);
            }
        }));
    }
    // Waiters and those that wake them: 4 tasks.
    for _ in 0..2 {
        let waits = Arc::new(Notify::new());
        let wakes = waits.clone();
        tasks.push(spawn(&tally, async move { waits.notified().await }));
        tasks.push(spawn(&tally, async move { wakes.notify_one() }));
    }
    // Aborted before, while or after they run: 4 tasks.
    let aborted: Vec<_> = (0..4_u32)
        .map(|index| {
            let task = spawn(&tally, async move {
                if index % 2 == 0 {
                    yield_now().await;
                } else {
                    std::future::pending::<()>().await;
                }
            });
            task.abort();
            task
        })
        .collect();
    let _ = first.send(0);
    let mut sum = 0;
    while let Some(value) = receiver.recv().await {
        sum += value;
    }
    let last = link.await;
    let mut failed = 0;
    for task in tasks {
        failed += usize::from(task.await.is_err());
    }
    for task in aborted {
        let result = task.await;
        assert!(result.is_ok() || result.unwrap_err().is_cancelled());
    }
    Outcome {
        sum,
        last: last.ok(),
        failed,
    }
}

/// What came of the tasks; anything may, if the runtime is dropped meanwhile.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    sum: u32,
    last: Option<u32>,
    failed: usize,
}

impl Outcome {
    const ALL: Self = Self {
        sum: 6,
        last: Some(4),
        failed: 0,
    };
}

#[test]
fn four_workers_run_twenty_tasks() {
    check("four_workers_run_twenty_tasks", 40, || {
        let runtime = runtime(4);
        let tally = Tally::default();
        let tasks = runtime.spawn(tally.count(twenty_tasks(tally.clone())));
        assert_eq!(runtime.block_on(tasks).unwrap(), Outcome::ALL);
        drop(runtime);
        tally.check();
    });
}

/// Shutdown while tasks run, wake each other, and are spawned from outside and from tasks.
#[test]
fn the_runtime_is_dropped_while_tasks_run() {
    check("the_runtime_is_dropped_while_tasks_run", 20, || {
        let runtime = runtime(4);
        let tally = Tally::default();
        let outside = thread::spawn({
            let (handle, tally) = (runtime.handle().clone(), tally.clone());
            move || {
                let late = handle.spawn(tally.count(yield_now()));
                drop(handle.spawn(tally.count(std::future::pending::<()>())));
                drop(late);
            }
        });
        drop(runtime.spawn(tally.count(twenty_tasks(tally.clone()))));
        drop(runtime.spawn(tally.count(std::future::pending::<()>())));
        drop(runtime);
        outside.join().unwrap();
        tally.check();
    });
}

/// Blocking closures, from a task and from outside, and one that spawns.
#[test]
fn blocking_closures_beside_tasks() {
    check("blocking_closures_beside_tasks", 10, || {
        let runtime = runtime(2);
        let tally = Tally::default();
        let spawner = tally.clone();
        let from_outside =
            runtime.spawn_blocking(move || Handle::current().spawn(spawner.count(async { 2 })));
        let from_task = runtime
            .spawn(tally.count(async { runtime::task::spawn_blocking(|| 1).await.unwrap() }));
        let sum = runtime.block_on(async {
            from_task.await.unwrap() + from_outside.await.unwrap().await.unwrap()
        });
        assert_eq!(sum, 3);
        // One more, which may be cancelled.
        drop(runtime.spawn_blocking(|| ()));
        drop(runtime);
        tally.check();
    });
}

/// A core changes threads while others steal, wake and shut down.
#[test]
fn a_core_is_handed_over_by_block_in_place() {
    check("a_core_is_handed_over_by_block_in_place", 10, || {
        let runtime = runtime(2);
        let tally = Tally::default();
        let (sender, receiver) = oneshot::channel();
        let inner = tally.clone();
        let blocks = runtime.spawn(tally.count(async move {
            let other = spawn(&inner, async move {
                yield_now().await;
                sender.send(7).unwrap();
            });
            // Only another thread can run it now.
            let value = runtime::task::block_in_place(|| receiver.blocking_recv().unwrap());
            other.await.unwrap();
            value
        }));
        assert_eq!(runtime.block_on(blocks).unwrap(), 7);
        drop(runtime);
        tally.check();
    });
}

/// S4: the runtime is dropped while a task blocks in place, woken by another thread or by none but
/// the end: the last worker waits for it.
#[test]
fn the_runtime_is_dropped_while_a_task_blocks_in_place() {
    check(
        "the_runtime_is_dropped_while_a_task_blocks_in_place",
        10,
        || {
            let runtime = runtime(2);
            let tally = Tally::default();
            let (sender, receiver) = oneshot::channel::<()>();
            let (begun, begins) = thread_mpsc::channel();
            drop(runtime.spawn(tally.count(async move {
                let _ = begun.send(());
                runtime::task::block_in_place(|| receiver.blocking_recv()).unwrap();
            })));
            let ends = thread::spawn(move || {
                let _ = begins.recv();
                let _ = sender.send(());
            });
            drop(runtime);
            ends.join().unwrap();
            tally.check();
        },
    );
}

/// T1 to T3: tasks from the root, from another thread, and a root that yields.
#[test]
fn current_thread_runs_twenty_tasks_and_more_from_outside() {
    check(
        "current_thread_runs_twenty_tasks_and_more_from_outside",
        10,
        || {
            let runtime = Builder::new_current_thread().build().unwrap();
            let tally = Tally::default();
            let (sender, receiver) = oneshot::channel();
            let outside = thread::spawn({
                let (handle, tally) = (runtime.handle().clone(), tally.clone());
                move || {
                    let task = tally.count(async move { sender.send(5).unwrap() });
                    drop(handle.spawn(task));
                    drop(handle.spawn(tally.count(std::future::pending::<()>())));
                }
            });
            runtime.block_on(async {
                assert_eq!(twenty_tasks(tally.clone()).await, Outcome::ALL);
                assert_eq!(receiver.await.unwrap(), 5);
            });
            outside.join().unwrap();
            drop(runtime);
            tally.check();
        },
    );
}

/// T2: four threads in `block_on`, one of whose futures panics. Each waits for a task that
/// another one makes run, so a core that nobody takes is a deadlock.
#[test]
fn current_thread_passes_the_core_between_four_threads() {
    check(
        "current_thread_passes_the_core_between_four_threads",
        10,
        || {
            // One task between two polls of the root, so that a root may end before other tasks do.
            let runtime = Builder::new_current_thread().event_interval(1).build();
            let runtime = Arc::new(runtime.unwrap());
            let tally = Tally::default();
            let threads: Vec<_> = (0..4)
                .map(|index| {
                    let (runtime, tally) = (runtime.clone(), tally.clone());
                    thread::spawn(move || {
                        let (sender, receiver) = oneshot::channel();
                        let task = tally.count(async move {
                            yield_now().await;
                            sender.send(index).unwrap();
                        });
                        drop(runtime.spawn(task));
                        let root = async move {
                            assert_eq!(receiver.await.unwrap(), index);
                            if index == 3 {
                                // Without the panic hook, which would print the schedule.
                                resume_unwind(Box::new("planned"));
                            }
                        };
                        let ended = catch_unwind(AssertUnwindSafe(|| runtime.block_on(root)));
                        assert_eq!(ended.is_err(), index == 3);
                    })
                })
                .collect();
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            drop(runtime);
            tally.check();
        },
    );
}
