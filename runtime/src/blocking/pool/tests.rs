//! Real threads: every job is accounted for, whatever fails.

use super::*;
use crate::blocking::start::{Body, OsThreads, SpawnThread};
use crate::loom::thread;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc as StdArc, Barrier};

/// Nothing here takes long; a test that waits this long hangs.
const HANG: Duration = Duration::from_secs(60);

type Act = Box<dyn FnOnce() + Send>;

struct TestJob {
    act: Act,
    tally: StdArc<Tally>,
    mandatory: bool,
    abandonable: bool,
    done: bool,
}

#[derive(Default)]
struct Tally {
    run: AtomicUsize,
    cancelled: AtomicUsize,
    /// Dropped without being run, cancelled or handed back.
    lost: AtomicUsize,
}

impl Tally {
    fn job(self: &StdArc<Self>, act: impl FnOnce() + Send + 'static) -> TestJob {
        TestJob {
            act: Box::new(act),
            tally: self.clone(),
            mandatory: false,
            abandonable: false,
            done: false,
        }
    }

    fn counts(&self) -> (usize, usize, usize) {
        (
            self.run.load(SeqCst),
            self.cancelled.load(SeqCst),
            self.lost.load(SeqCst),
        )
    }
}

impl Job for TestJob {
    fn run(mut self) {
        self.done = true;
        self.tally.run.fetch_add(1, SeqCst);
        mem::replace(&mut self.act, Box::new(|| ()))();
    }

    fn cancel(mut self) {
        self.done = true;
        self.tally.cancelled.fetch_add(1, SeqCst);
    }

    fn is_mandatory(&self) -> bool {
        self.mandatory
    }

    fn may_be_abandoned(&self) -> bool {
        self.abandonable
    }
}

impl Drop for TestJob {
    fn drop(&mut self) {
        if !self.done {
            self.tally.lost.fetch_add(1, SeqCst);
        }
    }
}

/// Hands a refused job back to the test, so that it does not count as lost.
fn refused(error: SpawnError<TestJob>) -> &'static str {
    let (mut job, why) = match error {
        SpawnError::ShutDown(job) => (job, "shut down"),
        SpawnError::NoThreads(job, _) => (job, "no threads"),
    };
    job.done = true;
    why
}

/// Fails while `fails` says so; the argument counts creations from zero.
struct Failing<F>(F, AtomicUsize);

impl<F: Fn(usize) -> bool + Send + Sync + 'static> SpawnThread for Failing<F> {
    fn spawn(
        &self,
        name: String,
        stack_size: Option<usize>,
        body: Body,
    ) -> io::Result<thread::JoinHandle<()>> {
        if (self.0)(self.1.fetch_add(1, SeqCst)) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        OsThreads.spawn(name, stack_size, body)
    }
}

fn failing(fails: impl Fn(usize) -> bool + Send + Sync + 'static) -> StdArc<dyn SpawnThread> {
    StdArc::new(Failing(fails, AtomicUsize::new(0)))
}

fn pool(max_threads: usize) -> Pool<TestJob> {
    Pool::new(Config {
        max_threads,
        ..Config::default()
    })
}

/// A job that reports that it runs, and then waits until the returned sender is dropped.
fn stuck(tally: &StdArc<Tally>) -> (TestJob, Receiver<()>, Sender<()>) {
    let (started, has_started) = channel();
    let (release, released) = channel::<()>();
    let job = tally.job(move || {
        started.send(()).expect("the test waits");
        let _ = released.recv();
    });
    (job, has_started, release)
}

#[test]
fn runs_every_job_and_joins() {
    let (pool, tally) = (pool(4), StdArc::new(Tally::default()));
    for _ in 0..10_000 {
        pool.spawn(tally.job(|| ())).expect("a thread");
    }
    while tally.counts().0 < 10_000 {
        thread::yield_now();
    }
    assert!((1..=4).contains(&pool.num_threads()));
    assert!(pool.shutdown(None));
    assert_eq!(tally.counts(), (10_000, 0, 0));
    assert_eq!(
        (pool.num_threads(), pool.num_idle(), pool.queue_depth()),
        (0, 0, 0)
    );
    assert_eq!(
        refused(pool.spawn(tally.job(|| ())).unwrap_err()),
        "shut down"
    );
    assert!(pool.shutdown(None), "again");
}

#[test]
fn jobs_that_wait_for_each_other_get_a_thread_each() {
    let (pool, tally) = (pool(64), StdArc::new(Tally::default()));
    let barrier = StdArc::new(Barrier::new(65));
    for _ in 0..3 {
        for _ in 0..64 {
            let barrier = barrier.clone();
            pool.spawn(tally.job(move || _ = barrier.wait()))
                .expect("a thread");
        }
        barrier.wait();
    }
    assert!(pool.num_threads() <= 64);
    assert!(pool.shutdown(None));
    assert_eq!(tally.counts(), (192, 0, 0));
}

#[test]
fn never_more_threads_than_allowed() {
    let (pool, tally) = (pool(2), StdArc::new(Tally::default()));
    let (now, most) = (
        StdArc::new(AtomicUsize::new(0)),
        StdArc::new(AtomicUsize::new(0)),
    );
    for _ in 0..500 {
        let (now, most) = (now.clone(), most.clone());
        pool.spawn(tally.job(move || {
            most.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
            thread::yield_now();
            now.fetch_sub(1, SeqCst);
        }))
        .expect("a thread");
    }
    while tally.counts().0 < 500 {
        thread::yield_now();
    }
    assert!(pool.shutdown(None));
    assert!(most.load(SeqCst) <= 2);
}

/// Threads expire all the time while jobs arrive one by one and in pairs.
#[test]
fn expiry_races_with_submission() {
    for keep_alive in [
        Duration::ZERO,
        Duration::from_micros(50),
        Duration::from_millis(1),
    ] {
        let pool = Pool::new(Config {
            max_threads: 3,
            keep_alive,
            ..Config::default()
        });
        let tally = StdArc::new(Tally::default());
        let (done, all) = channel();
        for round in 0..400 {
            let jobs = 1 + round % 2;
            for _ in 0..jobs {
                let done = done.clone();
                pool.spawn(tally.job(move || done.send(()).expect("the test waits")))
                    .expect("a thread");
            }
            for _ in 0..jobs {
                all.recv_timeout(HANG).expect("a job was orphaned");
            }
            if round % 3 == 0 {
                pool.expire_idle();
            }
        }
        assert!(pool.shutdown(None));
        assert_eq!(tally.counts(), (600, 0, 0));
    }
}

#[test]
fn idle_threads_expire() {
    let (pool, tally) = (pool(8), StdArc::new(Tally::default()));
    for _ in 0..8 {
        pool.spawn(tally.job(|| ())).expect("a thread");
    }
    while pool.num_threads() > 0 {
        pool.expire_idle();
        thread::yield_now();
    }
    assert_eq!(tally.counts(), (8, 0, 0));
    pool.spawn(tally.job(|| ())).expect("a new thread");
    while tally.counts().0 < 9 {
        thread::yield_now();
    }
    assert!(pool.shutdown(None));
}

#[test]
fn shutdown_leaves_a_stuck_job_after_its_time() {
    let (pool, tally) = (pool(1), StdArc::new(Tally::default()));
    let (job, started, release) = stuck(&tally);
    pool.spawn(job).expect("a thread");
    started.recv_timeout(HANG).expect("runs");
    for mandatory in [false, true, false, true] {
        let mut job = tally.job(|| ());
        job.mandatory = mandatory;
        pool.spawn(job).expect("queued");
    }
    assert!(!pool.shutdown(Some(Duration::from_millis(5))));
    assert_eq!(
        tally.counts(),
        (1, 2, 0),
        "cancelled at once, not when the thread is free"
    );
    assert_eq!(pool.queue_depth(), 2);
    assert!(!pool.shutdown(Some(Duration::ZERO)));
    drop(release);
    assert!(pool.shutdown(None));
    assert_eq!(tally.counts(), (3, 2, 0));
}

/// P2: what was accepted is run, also behind a job that runs, and with new threads if need be.
#[test]
fn shutdown_runs_what_was_accepted() {
    let (pool, tally) = (pool(2), StdArc::new(Tally::default()));
    let (job, started, release) = stuck(&tally);
    pool.spawn(job).expect("a thread");
    started.recv_timeout(HANG).expect("runs");
    let (first, other_runs) = channel::<()>();
    let (go, may_go) = channel::<()>();
    let waits = tally.job(move || {
        drop(release);
        first.send(()).unwrap();
        may_go.recv_timeout(HANG).expect("the next runs beside it");
    });
    pool.spawn(waits).expect("a thread");
    pool.spawn(tally.job(move || go.send(()).unwrap()))
        .expect("queued");
    for _ in 0..3 {
        pool.spawn(tally.job(|| ())).expect("queued");
    }
    pool.begin_shutdown();
    other_runs.recv_timeout(HANG).expect("runs");
    assert!(pool.shutdown(None));
    assert_eq!(tally.counts(), (6, 0, 0));
}

/// P2: whoever does not wait leaves a job to the thread that was created or woken for it.
#[test]
fn a_thread_on_its_way_does_its_job_after_the_time_of_the_shutdown() {
    for has_sleeper in [false, true] {
        for _ in 0..50 {
            let (pool, tally) = (pool(2), StdArc::new(Tally::default()));
            if has_sleeper {
                pool.spawn(tally.job(|| ())).expect("a thread");
                while pool.num_idle() == 0 {
                    std::thread::yield_now();
                }
            }
            pool.spawn(tally.job(|| ())).expect("a thread");
            pool.shutdown(Some(Duration::ZERO));
            assert!(pool.shutdown(None));
            assert_eq!(tally.counts(), (1 + usize::from(has_sleeper), 0, 0));
        }
    }
}

/// P2: when the time is over, jobs are cancelled once all threads are busy with others.
#[test]
fn jobs_beyond_the_threads_are_cancelled_after_the_time_of_the_shutdown() {
    for _ in 0..50 {
        let (pool, tally) = (pool(2), StdArc::new(Tally::default()));
        let (releases, started): (Vec<_>, Vec<_>) = (0..2)
            .map(|_| {
                let (job, started, release) = stuck(&tally);
                pool.spawn(job).expect("a thread");
                (release, started)
            })
            .unzip();
        for _ in 0..3 {
            pool.spawn(tally.job(|| ())).expect("queued");
        }
        assert!(!pool.shutdown(Some(Duration::ZERO)));
        for started in started {
            started.recv_timeout(HANG).expect("runs");
        }
        let start = Instant::now();
        while tally.counts() != (2, 3, 0) {
            assert!(start.elapsed() < HANG, "{:?}", tally.counts());
            std::thread::yield_now();
        }
        drop(releases);
        assert!(pool.shutdown(None));
        assert_eq!(tally.counts(), (2, 3, 0));
    }
}

/// P3: whoever shuts down waits for the other jobs only, and the thread ends when its job does.
#[test]
fn shutdown_does_not_wait_for_a_job_that_may_be_abandoned() {
    let tally = StdArc::new(Tally::default());
    let pool = pool(2);
    let (mut job, started, release) = stuck(&tally);
    job.abandonable = true;
    pool.spawn(job).unwrap();
    started.recv_timeout(HANG).unwrap();
    let (done, is_done) = channel();
    let other = tally.job(move || done.send(()).unwrap());
    pool.spawn(other).unwrap();
    is_done.recv_timeout(HANG).unwrap();
    assert!(pool.shutdown(None), "only the abandoned one is left");
    assert_eq!(pool.num_threads(), 1);
    assert_eq!(tally.counts(), (2, 0, 0));
    drop(release);
    let start = Instant::now();
    while pool.num_threads() > 0 {
        assert!(start.elapsed() < HANG, "the abandoned thread stays");
        std::thread::yield_now();
    }
    assert!(pool.shutdown(None));
}

/// P3: between such jobs, and after them, the thread counts as any other.
#[test]
fn a_thread_back_from_such_a_job_is_waited_for_again() {
    let tally = StdArc::new(Tally::default());
    let pool = pool(1);
    for _ in 0..3 {
        let (done, is_done) = channel();
        let mut job = tally.job(move || done.send(()).unwrap());
        job.abandonable = true;
        pool.spawn(job).unwrap();
        is_done.recv_timeout(HANG).unwrap();
    }
    let (job, started, release) = stuck(&tally);
    pool.spawn(job).unwrap();
    started.recv_timeout(HANG).unwrap();
    assert!(
        !pool.shutdown(Some(Duration::ZERO)),
        "this one is waited for"
    );
    drop(release);
    assert!(pool.shutdown(None));
    assert_eq!(tally.counts(), (4, 0, 0));
    assert_eq!(pool.num_threads(), 0);
}

/// P2: queued behind a stuck thread it is cancelled like any other job.
#[test]
fn a_queued_job_that_may_be_abandoned_is_cancelled() {
    let tally = StdArc::new(Tally::default());
    let pool = pool(1);
    let (job, started, release) = stuck(&tally);
    pool.spawn(job).unwrap();
    started.recv_timeout(HANG).unwrap();
    let mut queued = tally.job(|| panic!("it must not run"));
    queued.abandonable = true;
    pool.spawn(queued).unwrap();
    assert!(!pool.shutdown(Some(Duration::ZERO)));
    assert_eq!(tally.counts(), (1, 1, 0));
    drop(release);
    assert!(pool.shutdown(None));
}

/// P3: its thread is not the one that is left over when it shuts its own pool down.
#[test]
fn a_job_that_may_be_abandoned_waits_for_all_others_when_it_shuts_down() {
    let tally = StdArc::new(Tally::default());
    let pool = pool(2);
    let (job, started, release) = stuck(&tally);
    pool.spawn(job).unwrap();
    started.recv_timeout(HANG).unwrap();
    let (answer, answered) = channel();
    let own = pool.clone();
    let mut closer = tally.job(move || {
        let in_time = own.shutdown(Some(Duration::ZERO));
        drop(release);
        answer.send((in_time, own.shutdown(None))).unwrap();
    });
    closer.abandonable = true;
    pool.spawn(closer).unwrap();
    assert_eq!(answered.recv_timeout(HANG).unwrap(), (false, true));
    assert!(pool.shutdown(None));
}

#[test]
fn shutdown_on_a_thread_of_the_pool_waits_for_the_others() {
    let (pool, tally) = (pool(2), StdArc::new(Tally::default()));
    let (told, hears) = channel();
    let inside = pool.clone();
    pool.spawn(tally.job(move || {
        told.send(inside.shutdown(None)).expect("the test waits");
    }))
    .expect("a thread");
    assert!(hears.recv_timeout(HANG).expect("no deadlock with itself"));
    assert!(pool.shutdown(None));
}

#[test]
fn without_any_thread_the_job_comes_back() {
    let config = Config {
        spawner: failing(|turn| turn == 0),
        ..Config::default()
    };
    let (pool, tally) = (Pool::new(config), StdArc::new(Tally::default()));
    assert_eq!(
        refused(pool.spawn(tally.job(|| ())).unwrap_err()),
        "no threads"
    );
    assert_eq!((pool.num_threads(), pool.queue_depth()), (0, 0));
    pool.spawn(tally.job(|| ()))
        .expect("the second time it works");
    while tally.counts().0 < 1 {
        thread::yield_now();
    }
    assert!(pool.shutdown(None));
    assert_eq!(tally.counts(), (1, 0, 0));
}

#[test]
fn with_one_thread_jobs_wait_for_it() {
    let config = Config {
        spawner: failing(|turn| turn > 0),
        ..Config::default()
    };
    let (pool, tally) = (Pool::new(config), StdArc::new(Tally::default()));
    let (job, started, release) = stuck(&tally);
    pool.spawn(job).expect("a thread");
    started.recv_timeout(HANG).expect("runs");
    for _ in 0..10 {
        pool.spawn(tally.job(|| ()))
            .expect("queued for the thread there is");
    }
    assert_eq!((pool.num_threads(), pool.queue_depth()), (1, 10));
    drop(release);
    while tally.counts().0 < 11 {
        thread::yield_now();
    }
    assert!(pool.shutdown(None));
    assert_eq!(tally.counts(), (11, 0, 0));
}

#[test]
fn creations_that_fail_now_and_then_lose_nothing() {
    let tally = StdArc::new(Tally::default());
    let refusals = StdArc::new(AtomicUsize::new(0));
    for seed in 0..20 {
        let config = Config {
            max_threads: 3,
            keep_alive: Duration::ZERO,
            spawner: failing(move |turn| (turn + seed) % 3 != 0),
            ..Config::default()
        };
        let pool = Pool::new(config);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Err(error) = pool.spawn(tally.job(|| ())) {
                            assert_eq!(refused(error), "no threads");
                            refusals.fetch_add(1, SeqCst);
                        }
                    }
                });
            }
        });
        assert!(pool.shutdown(None));
    }
    let (run, cancelled, lost) = tally.counts();
    assert_eq!(lost, 0);
    assert_eq!(run + cancelled + refusals.load(SeqCst), 8000);
}

#[test]
fn panics_of_callbacks_and_jobs_do_not_take_the_thread() {
    let inside = StdArc::new(AtomicBool::new(false));
    let config = Config {
        max_threads: 1,
        on_start: Some(StdArc::new(|| panic!("on_start"))),
        on_stop: Some(StdArc::new(|| panic!("on_stop"))),
        around: {
            let inside = inside.clone();
            StdArc::new(move |life| {
                inside.store(true, SeqCst);
                life();
                inside.store(false, SeqCst);
                panic!("around");
            })
        },
        ..Config::default()
    };
    let (pool, tally) = (Pool::new(config), StdArc::new(Tally::default()));
    let (told, hears) = channel();
    pool.spawn(tally.job(|| panic!("job"))).expect("a thread");
    pool.spawn(tally.job(move || told.send(inside.load(SeqCst)).expect("the test waits")))
        .expect("a thread");
    assert!(hears.recv_timeout(HANG).expect("runs"), "inside `around`");
    assert!(pool.shutdown(None));
    assert_eq!(tally.counts(), (2, 0, 0));
}

#[test]
fn life_without_around_and_without_a_name() {
    let config = Config {
        around: StdArc::new(|_| ()),
        ..Config::default()
    };
    let (pool, tally) = (Pool::new(config), StdArc::new(Tally::default()));
    pool.spawn(tally.job(|| ())).expect("a thread");
    while tally.counts().0 < 1 {
        thread::yield_now();
    }
    assert!(pool.shutdown(None));
    let config = Config {
        thread_name: StdArc::new(|| panic!("name")),
        ..Config::default()
    };
    let pool = Pool::new(config);
    assert_eq!(
        refused(pool.spawn(tally.job(|| ())).unwrap_err()),
        "no threads"
    );
    assert!(pool.shutdown(None));
}

#[test]
fn threads_get_their_name_and_hooks_run_once_each() {
    let hooks = StdArc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
    let (started, stopped) = (hooks.clone(), hooks.clone());
    let config = Config {
        max_threads: 1,
        stack_size: Some(256 * 1024),
        thread_name: StdArc::new(|| "named".to_owned()),
        on_start: Some(StdArc::new(move || _ = started.0.fetch_add(1, SeqCst))),
        on_stop: Some(StdArc::new(move || _ = stopped.1.fetch_add(1, SeqCst))),
        ..Config::default()
    };
    let (pool, tally) = (Pool::new(config), StdArc::new(Tally::default()));
    let (told, hears) = channel();
    for _ in 0..2 {
        let told = told.clone();
        let tell = move || {
            let name = std::thread::current().name().map(str::to_owned);
            told.send(name).expect("the test waits");
        };
        pool.spawn(tally.job(tell)).expect("a thread");
        assert_eq!(
            hears.recv_timeout(HANG).expect("runs").as_deref(),
            Some("named")
        );
    }
    assert!(pool.shutdown(None));
    assert_eq!((hooks.0.load(SeqCst), hooks.1.load(SeqCst)), (1, 1));
}

/// Two submitters wait for each of their jobs, so threads spin; others end the time of whoever
/// is idle. Each job is run, and a shutdown finds whoever spins.
#[test]
fn jobs_in_quick_succession_are_run_whoever_spins() {
    for round in 0..20 {
        let (pool, tally) = (pool(3), StdArc::new(Tally::default()));
        let submitters: Vec<_> = (0..2)
            .map(|submitter| {
                let (pool, tally) = (pool.clone(), tally.clone());
                thread::Builder::new()
                    .spawn(move || {
                        let (done, is_done) = channel();
                        for number in 0..500_u32 {
                            let done = done.clone();
                            let job = tally.job(move || done.send(number).expect("it waits"));
                            pool.spawn(job).expect("a thread");
                            assert_eq!(is_done.recv_timeout(HANG), Ok(number));
                            if submitter == 0 && number % 64 == 0 {
                                pool.expire_idle();
                            }
                        }
                    })
                    .unwrap()
            })
            .collect();
        for submitter in submitters {
            submitter.join().unwrap();
        }
        assert!(pool.num_threads() <= 3);
        if round % 2 == 0 {
            assert!(pool.shutdown(None));
        } else {
            assert!(pool.shutdown(Some(HANG)));
        }
        assert_eq!(tally.counts(), (1_000, 0, 0));
    }
}
