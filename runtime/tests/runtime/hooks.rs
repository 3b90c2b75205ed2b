//! Task hooks: what they are told, in which order, that they hold nothing up and break nothing.

use crate::support::*;
use runtime::runtime::{Builder, Handle, Runtime, TaskMeta};
use runtime::task::{Id, yield_now};
use std::collections::HashMap;
use std::panic::Location;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Spawn,
    Before,
    After,
    Terminate,
}

/// What the hooks were told, per task.
type Log = Arc<Mutex<HashMap<Id, Vec<Call>>>>;

fn logging(mut builder: Builder) -> (Runtime, Log) {
    let log = Log::default();
    let note = |call| {
        let log = log.clone();
        move |task: &TaskMeta<'_>| log.lock().unwrap().entry(task.id()).or_default().push(call)
    };
    let runtime = builder
        .enable_all()
        .on_task_spawn(note(Call::Spawn))
        .on_before_task_poll(note(Call::Before))
        .on_after_task_poll(note(Call::After))
        .on_task_terminate(note(Call::Terminate))
        .build()
        .unwrap();
    (runtime, log)
}

fn builders() -> [Builder; 3] {
    let workers = |count| {
        let mut builder = Builder::new_multi_thread();
        builder.worker_threads(count);
        builder
    };
    [Builder::new_current_thread(), workers(1), workers(2)]
}

#[test]
fn a_task_is_told_of_from_its_spawn_to_its_end() {
    let _bound = hang_bound();
    for builder in builders() {
        let (runtime, log) = logging(builder);
        let task = runtime.spawn(async {
            yield_now().await;
            yield_now().await;
        });
        let id = task.id();
        runtime.block_on(task).unwrap();
        // The last hook after a poll comes after the output.
        drop(runtime);
        use Call::*;
        let calls = log.lock().unwrap().remove(&id).unwrap();
        assert_eq!(
            calls,
            [
                Spawn, Before, After, Before, After, Before, Terminate, After
            ]
        );
    }
}

/// Whatever ends a task, it is told of once.
#[test]
fn every_spawn_has_its_end() {
    let _bound = hang_bound();
    for builder in builders() {
        let (runtime, log) = logging(builder);
        let handle = runtime.handle().clone();
        runtime.block_on(async {
            runtime::spawn(async {}).await.unwrap();
            let panicked = runtime::spawn(async { panic!("on purpose") });
            assert!(panicked.await.unwrap_err().is_panic());
            let aborted = runtime::spawn(std::future::pending::<()>());
            aborted.abort();
            assert!(aborted.await.unwrap_err().is_cancelled());
            let mut set = runtime::task::JoinSet::new();
            set.spawn(async {});
            set.build_task().name("named").spawn(async {}).unwrap();
            set.join_all().await;
            // Neither is a task of the runtime.
            runtime::task::spawn_blocking(|| ()).await.unwrap();
            drop(runtime::spawn(std::future::pending::<()>()));
        });
        drop(runtime);
        // Too late: it is dropped unrun.
        assert!(block_on(handle.spawn(async {})).unwrap_err().is_cancelled());
        let log = log.lock().unwrap();
        assert_eq!(log.len(), 7);
        for calls in log.values() {
            assert_eq!(calls[0], Call::Spawn);
            let ends = calls.iter().filter(|&&call| call == Call::Terminate);
            assert_eq!(ends.count(), 1, "{calls:?}");
        }
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

/// All ways to spawn name their caller's line.
#[test]
fn the_place_of_a_spawn_is_the_callers() {
    let _bound = hang_bound();
    for mut builder in builders() {
        let places = Arc::new(Mutex::new(Vec::<&'static Location<'static>>::new()));
        let seen = places.clone();
        let runtime = builder
            .on_task_spawn(move |task| seen.lock().unwrap().push(task.spawned_at()))
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let mut lines = vec![line!() + 1];
        drop(runtime.spawn(async {}));
        lines.push(line!() + 1);
        drop(handle.spawn(async {}));
        let inside = runtime.block_on(async {
            let mut lines = vec![line!() + 1];
            runtime::spawn(async {}).await.unwrap();
            let mut set = runtime::task::JoinSet::new();
            lines.push(line!() + 1);
            set.spawn(async {});
            lines.push(line!() + 1);
            set.spawn_on(async {}, &Handle::current());
            lines.push(line!() + 1);
            set.build_task().spawn(async {}).unwrap();
            let named = runtime::task::Builder::new();
            lines.push(line!() + 1);
            named.spawn(async {}).unwrap().await.unwrap();
            lines
        });
        lines.extend(inside);
        let places = places.lock().unwrap();
        assert!(places.iter().all(|place| place.file() == file!()));
        let found: Vec<_> = places.iter().map(|place| place.line()).collect();
        assert_eq!(found, lines);
    }
}

#[test]
fn local_tasks_have_hooks_too() {
    let spawns = Arc::new(AtomicUsize::new(0));
    let count = spawns.clone();
    let runtime = Builder::new_current_thread()
        .on_task_spawn(move |task| {
            assert_eq!(task.spawned_at().file(), file!());
            count.fetch_add(1, SeqCst);
        })
        .build_local(Default::default())
        .unwrap();
    drop(runtime.spawn_local(async {}));
    runtime.block_on(async { runtime::task::spawn_local(async {}).await.unwrap() });
    assert_eq!(spawns.load(SeqCst), 2);
}

/// Hooks hold no lock and no borrow of the runtime's: they may do whatever tasks may.
#[test]
fn hooks_may_use_the_runtime() {
    let _bound = hang_bound();
    for mut builder in builders() {
        let other = Builder::new_current_thread().build().unwrap();
        let elsewhere = other.handle().clone();
        let [begun, ended] = [(); 2].map(|()| Arc::new(AtomicUsize::new(0)));
        let counts = (begun.clone(), ended.clone());
        let hook = move |_: &TaskMeta<'_>| {
            counts.0.fetch_add(1, SeqCst);
            let _entered = elsewhere.enter();
            drop(elsewhere.spawn(async {}));
            drop(runtime::spawn(async {}));
            assert_eq!(Handle::current().id(), elsewhere.id());
            counts.1.fetch_add(1, SeqCst);
        };
        let runtime = builder
            .on_task_spawn(hook.clone())
            .on_before_task_poll(hook.clone())
            .on_after_task_poll(hook.clone())
            .on_task_terminate(hook)
            .build()
            .unwrap();
        for _ in 0..100 {
            runtime.block_on(runtime.spawn(yield_now())).unwrap();
        }
        runtime.block_on(async { runtime::spawn(async {}).await.unwrap() });
        drop(runtime);
        other.block_on(yield_now());
        assert!(begun.load(SeqCst) >= 100 * 6);
        assert_eq!(begun.load(SeqCst), ended.load(SeqCst), "a hook panicked");
    }
}

/// A hook that panics each time: tasks, wakes and shutdown go on.
#[test]
fn hooks_that_panic_break_nothing() {
    let _bound = hang_bound();
    for mut builder in builders() {
        let panics: [Arc<AtomicUsize>; 4] = Default::default();
        let hook = |number: usize| {
            let panics = panics[number].clone();
            move |_: &TaskMeta<'_>| {
                panics.fetch_add(1, SeqCst);
                panic!("hook {number}, on purpose")
            }
        };
        let runtime = builder
            .enable_all()
            .on_task_spawn(hook(0))
            .on_before_task_poll(hook(1))
            .on_after_task_poll(hook(2))
            .on_task_terminate(hook(3))
            .build()
            .unwrap();
        let sum = runtime.block_on(async {
            let tasks: Vec<_> = (0..50)
                .map(|i| {
                    runtime::spawn(async move {
                        yield_now().await;
                        runtime::time::sleep(Duration::from_micros(i)).await;
                        i
                    })
                })
                .collect();
            let mut sum = 0;
            for task in tasks {
                sum += task.await.unwrap();
            }
            drop(runtime::spawn(std::future::pending::<()>()));
            sum
        });
        assert_eq!(sum, 49 * 50 / 2);
        drop(runtime);
        let [spawns, before, after, ends] = panics.map(|panics| panics.load(SeqCst));
        assert_eq!((spawns, ends), (51, 51));
        assert!(
            before >= 50 * 2,
            "a yield, and then the end at least: {before}"
        );
        assert_eq!(before, after);
    }
}

#[test]
fn the_schedule_latency_is_known_around_polls_if_it_is_tracked() {
    let _bound = hang_bound();
    for track in [true, false] {
        for mut builder in builders() {
            let outside = Arc::new(Mutex::new(Vec::new()));
            let around = Arc::new(Mutex::new(Vec::new()));
            let note = |list: &Arc<Mutex<Vec<_>>>| {
                let list = list.clone();
                move |task: &TaskMeta<'_>| list.lock().unwrap().push(task.schedule_latency())
            };
            builder
                .on_task_spawn(note(&outside))
                .on_task_terminate(note(&outside))
                .on_before_task_poll(note(&around))
                .on_after_task_poll(note(&around));
            if track {
                builder.track_task_schedule_latency();
            }
            let runtime = builder.build().unwrap();
            runtime.block_on(runtime.spawn(yield_now())).unwrap();
            drop(runtime);
            assert_eq!(*outside.lock().unwrap(), [None, None]);
            let around = around.lock().unwrap();
            assert_eq!(around.len(), 4);
            assert!(around.iter().all(|latency| latency.is_some() == track));
            assert!(
                around.chunks(2).all(|poll| poll[0] == poll[1]),
                "one poll, one latency"
            );
        }
    }
}

/// On a current-thread runtime nothing runs before `block_on`.
#[test]
fn the_schedule_latency_counts_from_the_wake() {
    let latencies = Arc::new(Mutex::new(Vec::new()));
    let seen = latencies.clone();
    let runtime = Builder::new_current_thread()
        .track_task_schedule_latency()
        .on_before_task_poll(move |task| {
            seen.lock().unwrap().push(task.schedule_latency().unwrap())
        })
        .build()
        .unwrap();
    let task = runtime.spawn(yield_now());
    let waited = std::time::Instant::now();
    while waited.elapsed() < Duration::from_millis(20) {
        std::thread::yield_now();
    }
    runtime.block_on(task).unwrap();
    let latencies = latencies.lock().unwrap();
    assert_eq!(latencies.len(), 2);
    assert!(latencies[0] >= Duration::from_millis(20));
}

/// The hooks around a worker's wait are user code, which may spawn and wake: a worker does not fall
/// asleep over it, although nothing else happens.
#[test]
fn what_the_park_hook_makes_is_run() {
    let _bound = hang_bound();
    for (kind, mut builder) in builders().into_iter().enumerate() {
        // One in the slot; one more in the deque; one that another thread queues.
        for (own, foreign) in [(1, 0), (2, 0), (0, 1)].repeat(10) {
            let handle = Arc::new(Mutex::new(None::<Handle>));
            let (say, mut said) = runtime::sync::mpsc::unbounded_channel();
            let say = Mutex::new(Some(say));
            let in_hook = handle.clone();
            let runtime = builder
                .enable_all()
                .on_thread_park(move || {
                    let Some(handle) = in_hook.lock().unwrap().clone() else {
                        return;
                    };
                    let Some(say) = say.lock().unwrap().take() else {
                        return;
                    };
                    let spawn = || {
                        let say = say.clone();
                        handle.spawn(async move { say.send(()).unwrap() });
                    };
                    (0..own).for_each(|_| spawn());
                    for _ in 0..foreign {
                        std::thread::scope(|scope| scope.spawn(spawn).join().unwrap());
                    }
                })
                .build()
                .unwrap();
            *handle.lock().unwrap() = Some(runtime.handle().clone());
            // A worker gets up once, and parks again.
            drop(runtime.spawn(async {}));
            if kind == 0 {
                runtime.block_on(async { while said.recv().await.is_some() {} });
            } else {
                while said.blocking_recv().is_some() {}
            }
            *handle.lock().unwrap() = None;
            drop(runtime);
        }
    }
}
