//! Building runtimes: counts, names, hooks, the environment, many at once.

use crate::support::*;
use runtime::runtime::{Builder, RuntimeFlavor, UnhandledPanic};
use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

const WORKERS: &str = "RUNTIME_WORKER_THREADS";
const TOKIO_WORKERS: &str = "TOKIO_WORKER_THREADS";

/// In a child: says how many workers the environment gives, or panics.
#[test]
fn child_counts_workers() {
    if is_child() {
        let runtime = Builder::new_multi_thread().build().unwrap();
        println!("workers={}", runtime.metrics().num_workers());
    }
}

#[test]
fn the_environment_sets_the_number_of_workers() {
    let run = |value: &str| {
        let output = child!("child_counts_workers")
            .env(WORKERS, value)
            .output()
            .unwrap();
        (output.status.success(), texts(&output))
    };
    for (value, line) in [("3", "workers=3\n"), (" 5 ", "workers=5\n")] {
        let (passed, texts) = run(value);
        assert!(passed && texts.contains(line), "{value:?}: {texts}");
    }
    for (value, phrase) in [
        ("0", "at least 1"),
        ("many", "must be usize"),
        ("-1", "must be usize"),
    ] {
        let (passed, texts) = run(value);
        assert!(!passed, "{value:?}: {texts}");
        assert_contains(&texts, &[WORKERS, phrase]);
    }
}

/// It counts for more than ours if the package that stands in for tokio is built, and not at all
/// if not.
#[test]
fn the_environment_of_tokio_counts_under_its_name() {
    let output = child!("child_counts_workers")
        .env(WORKERS, "3")
        .env(TOKIO_WORKERS, "5")
        .output()
        .unwrap();
    let expected = match cfg!(feature = "tokio-names") {
        true => "workers=5\n",
        false => "workers=3\n",
    };
    assert_contains(&texts(&output), &[expected]);
}

#[test]
fn one_worker_runs_everything() {
    let _bound = hang_bound();
    let runtime = multi(1);
    let total = runtime.block_on(async {
        let tasks: Vec<_> = (0..100_u64)
            .map(|i| {
                runtime::spawn(async move {
                    runtime::time::sleep(Duration::from_micros(i)).await;
                    runtime::task::spawn_blocking(move || i).await.unwrap()
                })
            })
            .collect();
        let mut total = 0;
        for task in tasks {
            total += task.await.unwrap();
        }
        total
    });
    assert_eq!(total, 4950);
}

/// More workers than a word has bits: all of them run at the same time.
#[test]
fn eighty_workers_run_and_steal() {
    const COUNT: usize = 80;
    let _bound = hang_bound();
    let runtime = multi(COUNT);
    assert_eq!(runtime.metrics().num_workers(), COUNT);
    // One task spawns all of them, so all but one are stolen, and each holds its worker until
    // all are there.
    let threads = runtime.block_on(async {
        let spawner = runtime::spawn(async {
            let barrier = Arc::new(Barrier::new(COUNT - 1));
            let tasks: Vec<_> = (1..COUNT)
                .map(|_| {
                    let barrier = barrier.clone();
                    runtime::spawn(async move {
                        barrier.wait();
                        std::thread::current().id()
                    })
                })
                .collect();
            let mut threads = HashSet::new();
            for task in tasks {
                threads.insert(task.await.unwrap());
            }
            threads.len()
        });
        spawner.await.unwrap()
    });
    assert_eq!(threads, COUNT - 1);
}

#[test]
fn several_runtimes_live_side_by_side() {
    let _bound = hang_bound();
    let runtimes: Vec<_> = (0..4)
        .map(|i| if i % 2 == 0 { multi(2) } else { current() })
        .collect();
    std::thread::scope(|scope| {
        for runtime in &runtimes {
            let others = &runtimes;
            scope.spawn(move || {
                runtime.block_on(async {
                    // Tasks of one runtime wait for those of all others.
                    for other in others.iter().filter(|other| {
                        other.handle().runtime_flavor() == RuntimeFlavor::MultiThread
                    }) {
                        let sum = other.spawn(async {
                            runtime::time::sleep(Duration::from_millis(1)).await;
                            let task = runtime::spawn(async { 1 });
                            task.await.unwrap() + 1
                        });
                        assert_eq!(sum.await.unwrap(), 2);
                    }
                });
            });
        }
    });
}

/// One drives; when it leaves, another takes over.
#[test]
fn several_threads_block_on_one_current_thread_runtime() {
    let _bound = hang_bound();
    let runtime = current();
    let (release, released) = runtime::sync::oneshot::channel::<()>();
    let release = Mutex::new(Some(release));
    let released = Mutex::new(Some(released));
    let driver_is_in = Barrier::new(5);
    std::thread::scope(|scope| {
        // The first to come leaves first: the others lose who drives them.
        scope.spawn(|| {
            runtime.block_on(async {
                driver_is_in.wait();
                runtime::time::sleep(Duration::from_millis(5)).await;
            });
        });
        for i in 0..3_u64 {
            let (runtime, driver_is_in, release) = (&runtime, &driver_is_in, &release);
            scope.spawn(move || {
                driver_is_in.wait();
                runtime.block_on(async {
                    for _ in 0..20 {
                        runtime::time::sleep(Duration::from_micros(100 * i)).await;
                        let task = runtime::spawn(async move { i });
                        assert_eq!(task.await.unwrap(), i);
                        runtime::task::yield_now().await;
                    }
                    if i == 0 {
                        let release = release.lock().unwrap().take().unwrap();
                        release.send(()).unwrap();
                    }
                });
            });
        }
        // One that waits for another thread in `block_on`, through a handle: it never drives.
        scope.spawn(|| {
            driver_is_in.wait();
            let released = released.lock().unwrap().take().unwrap();
            runtime.handle().block_on(released).unwrap();
        });
    });
}

#[test]
fn a_handle_blocks_on_a_future_of_its_runtime() {
    let _bound = hang_bound();
    let runtime = multi(1);
    let handle = runtime.handle().clone();
    let thread = std::thread::spawn(move || {
        handle.block_on(async {
            runtime::time::sleep(Duration::from_millis(1)).await;
            let inside = runtime::spawn(async { runtime::task::try_id().is_some() });
            (inside.await.unwrap(), runtime::task::try_id().is_some())
        })
    });
    assert_eq!(thread.join().unwrap(), (true, false));
}

#[test]
fn block_on_passes_a_panic_on_and_can_be_called_again() {
    for runtime in both(1) {
        let text = panic_text(|| runtime.block_on(async { panic!("of the future") }));
        assert_eq!(text, "of the future");
        let text = panic_text(|| {
            runtime.block_on(async {
                runtime::task::yield_now().await;
                panic!("later")
            })
        });
        assert_eq!(text, "later");
        let task = runtime.spawn(async { 5 });
        assert_eq!(runtime.block_on(task).unwrap(), 5);
    }
}

#[test]
fn threads_have_the_name_and_the_stack_asked_for() {
    let counter = AtomicUsize::new(0);
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(8 << 20)
        .thread_name_fn(move || format!("mine-{}", counter.fetch_add(1, SeqCst)))
        .build()
        .unwrap();
    fn deep(left: usize) -> usize {
        let page = std::hint::black_box([1_u8; 4096]);
        if left == 0 {
            0
        } else {
            deep(left - 1) + usize::from(page[left % 4096])
        }
    }
    runtime.block_on(async {
        let work = || {
            assert_eq!(deep(1000), 1000);
            std::thread::current().name().unwrap().to_owned()
        };
        let worker = runtime::spawn(async move { work() });
        assert!(worker.await.unwrap().starts_with("mine-"));
        assert!(
            runtime::spawn_blocking(work)
                .await
                .unwrap()
                .starts_with("mine-")
        );
    });
}

#[test]
fn hooks_run_on_every_thread() {
    let _bound = hang_bound();
    let (starts, stops) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (started, stopped) = (starts.clone(), stops.clone());
    let runtime = Builder::new_multi_thread()
        .worker_threads(3)
        .on_thread_start(move || {
            started.fetch_add(1, SeqCst);
        })
        .on_thread_stop(move || {
            stopped.fetch_add(1, SeqCst);
        })
        .build()
        .unwrap();
    let job = runtime.spawn_blocking(|| {});
    runtime.block_on(job).unwrap();
    drop(runtime);
    assert_eq!((starts.load(SeqCst), stops.load(SeqCst)), (4, 4));
}

/// The panic hook reports it; the threads go on, none is missing.
#[test]
fn a_hook_that_panics_takes_no_thread_with_it() {
    let _bound = hang_bound();
    let mut multi = Builder::new_multi_thread();
    multi.worker_threads(2);
    for mut builder in [multi, Builder::new_current_thread()] {
        let panics: [Arc<AtomicUsize>; 4] = Default::default();
        let hook = |number: usize| {
            let panics = panics[number].clone();
            move || {
                panics.fetch_add(1, SeqCst);
                panic!("hook {number}, on purpose")
            }
        };
        let runtime = builder
            .enable_all()
            .on_thread_start(hook(0))
            .on_thread_stop(hook(1))
            .on_thread_park(hook(2))
            .on_thread_unpark(hook(3))
            .build()
            .unwrap();
        runtime.block_on(async {
            let tasks: Vec<_> = (0..2)
                .map(|_| {
                    runtime::spawn(async {
                        runtime::time::sleep(Duration::from_millis(2)).await;
                        runtime::spawn_blocking(|| 3).await.unwrap()
                    })
                })
                .collect();
            for task in tasks {
                assert_eq!(task.await.unwrap(), 3);
            }
        });
        drop(runtime);
        let panics = panics.map(|panics| panics.load(SeqCst));
        // Each thread that started has ended, and whoever parked went on.
        assert!(panics.iter().all(|&panics| panics > 0), "{panics:?}");
        assert_eq!(panics[0], panics[1], "starts and stops");
    }
}

#[test]
fn a_panic_while_threads_are_named_leaves_none_behind() {
    let _bound = hang_bound();
    let count = AtomicUsize::new(0);
    let text = panic_text(|| {
        Builder::new_multi_thread()
            .worker_threads(4)
            .thread_name_fn(move || match count.fetch_add(1, SeqCst) {
                2 => panic!("no more names"),
                _ => "named".into(),
            })
            .build()
    });
    assert_eq!(text, "no more names");
}

#[test]
fn an_unhandled_panic_ends_the_runtime_if_asked_to() {
    let _bound = hang_bound();
    let mut multi = Builder::new_multi_thread();
    multi.worker_threads(2);
    for mut builder in [multi, Builder::new_current_thread()] {
        let runtime = builder
            .unhandled_panic(UnhandledPanic::ShutdownRuntime)
            .build()
            .unwrap();
        let tally = Tally::default();
        let held = tally.one();
        let text = panic_text(|| {
            runtime.block_on(async move {
                runtime::spawn(async move {
                    let _held = held;
                    std::future::pending::<()>().await;
                });
                let _held = runtime::spawn(async { panic!("of a task") });
                std::future::pending::<()>().await;
            })
        });
        assert_contains(
            &text,
            &["a spawned task panicked", "shut down on unhandled panic"],
        );
        drop(runtime);
        tally.assert_balanced();
    }
}
