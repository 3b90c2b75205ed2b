//! What a million tasks and a million timers take, by a counting allocator, and that all of it
//! comes back.

use runtime::runtime::Builder;
use runtime::sync::Notify;
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A million take a minute without optimisation.
const COUNT: usize = if cfg!(debug_assertions) {
    100_000
} else {
    1_000_000
};

/// Most bytes that one parked task may take, its share of the wait list included.
const MOST_PER_TASK: usize = 250;

struct Counting;

static BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all calls go to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        BYTES.fetch_add(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        BYTES.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn bytes() -> usize {
    BYTES.load(Relaxed)
}

/// Counts drops without memory of its own.
struct Mark;

static MARKS: AtomicUsize = AtomicUsize::new(0);

impl Drop for Mark {
    fn drop(&mut self) {
        MARKS.fetch_add(1, Relaxed);
    }
}

/// Waits until all tasks were polled once and the workers are idle.
fn settle(started: &AtomicUsize) {
    while started.load(Relaxed) < COUNT {
        std::thread::sleep(Duration::from_millis(1));
    }
}

static STARTED: AtomicUsize = AtomicUsize::new(0);

/// In one test, because the counters are the process's.
#[test]
fn a_million_tasks_and_timers_fit_and_are_given_back() {
    for workers in [2, 0] {
        for with_timer in [false, true] {
            million(workers, with_timer);
        }
    }
}

/// `workers == 0`: a current-thread runtime.
fn million(workers: usize, with_timer: bool) {
    MARKS.store(0, Relaxed);
    STARTED.store(0, Relaxed);
    let before = bytes();
    let begin = Instant::now();
    let runtime = match workers {
        0 => Builder::new_current_thread().enable_all().build().unwrap(),
        count => Builder::new_multi_thread()
            .worker_threads(count)
            .enable_all()
            .build()
            .unwrap(),
    };
    let empty = bytes();
    let notify = Arc::new(Notify::new());
    runtime.block_on(async {
        let notify = notify.clone();
        let spawner = runtime::spawn(async move {
            for i in 0..COUNT as u64 {
                let mark = Mark;
                match with_timer {
                    true => drop(runtime::spawn(async move {
                        let _mark = mark;
                        STARTED.fetch_add(1, Relaxed);
                        runtime::time::sleep(Duration::from_secs(3600 + i % 1000)).await;
                    })),
                    false => {
                        let notify = notify.clone();
                        drop(runtime::spawn(async move {
                            let _mark = mark;
                            STARTED.fetch_add(1, Relaxed);
                            notify.notified().await;
                        }));
                    }
                }
                if i % 1000 == 0 {
                    runtime::task::yield_now().await;
                }
            }
        });
        spawner.await.unwrap();
        while STARTED.load(Relaxed) < COUNT {
            runtime::task::yield_now().await;
        }
    });
    settle(&STARTED);
    let (full, spawned) = (bytes(), begin.elapsed());
    let begin = Instant::now();
    drop(runtime);
    let dropped = begin.elapsed();
    drop(notify);
    assert_eq!(MARKS.load(Relaxed), COUNT);
    let left = bytes() - before.min(bytes());
    let kind = if workers == 0 {
        "current-thread"
    } else {
        "multi-thread"
    };
    let what = if with_timer {
        "task with a timer"
    } else {
        "task"
    };
    let each = (full - empty) / COUNT;
    println!(
        "{kind}: {each} bytes per {what}; spawned in {spawned:?}, dropped in {dropped:?}, \
         {left} bytes left"
    );
    if !with_timer {
        assert!(each <= MOST_PER_TASK, "{each} bytes per task");
    }
    // Little that is allocated once for the process, and what crossbeam's collector still holds.
    assert!(left < 1 << 20, "{left} bytes left");
}
