//! The blocking pool: no job is lost, none is done twice, and shutdown ends.
//!
//! Time-outs are free choices: a thread ends the time of whoever is parked (`expire_idle`) at any
//! moment. Failed creations are enumerated: bit n of `failures` lets the n-th creation fail, and
//! each model runs with all patterns that it can tell apart.
//!
//! Every model ends with a waiting shutdown, so a job that nobody takes while its pool has
//! threads is not yet an error there; the models that forbid it wait for the job first.

use loom_tests::{Condvar, Mutex, model, model_within, thread};
use runtime::model::blocking::{Job, Pool, Refused};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What became of jobs. Std atomics on purpose: they add no step and order nothing.
#[derive(Clone, Default)]
struct Tally {
    run: Arc<AtomicUsize>,
    cancelled: Arc<AtomicUsize>,
}

impl Tally {
    fn job(&self) -> Job {
        let (run, cancelled) = (Arc::clone(&self.run), Arc::clone(&self.cancelled));
        Job::new(
            move || {
                run.fetch_add(1, Ordering::Relaxed);
            },
            move || {
                cancelled.fetch_add(1, Ordering::Relaxed);
            },
        )
    }

    fn run(&self) -> usize {
        self.run.load(Ordering::Relaxed)
    }

    fn cancelled(&self) -> usize {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// A signal that a model thread can wait for; loom reports a deadlock if it never comes.
#[cfg(loom)]
mod signal {
    pub(crate) use loom::sync::mpsc::{Receiver, Sender, channel};
}
#[cfg(not(loom))]
mod signal {
    pub(crate) use std::sync::mpsc::{Receiver, Sender, channel};
}
use signal::{Receiver, Sender, channel};

/// A job that reports when it has been run or cancelled, and the report's receiver.
fn reporting() -> (Job, Receiver<Done>) {
    let (sender, receiver) = channel();
    let other: Sender<Done> = sender.clone();
    let job = Job::new(
        move || sender.send(Done::Run).expect("the model waits"),
        move || other.send(Done::Cancelled).expect("the model waits"),
    );
    (job, receiver)
}

#[derive(Debug, PartialEq, Eq)]
enum Done {
    Run,
    Cancelled,
}

/// I2, I3, I4: without a shutdown each of two concurrent jobs is run, whatever the sleepers do.
#[test]
fn two_submitters_one_thread_expiring() {
    model(|| two_submitters(1, 0, true));
}

/// The same with two threads, where one claim must pass the help on to the other job.
#[test]
fn two_submitters_two_threads() {
    model(|| two_submitters(2, 0, false));
}

/// The same while sleepers time out.
#[test]
fn two_submitters_two_threads_expiring() {
    model_within(2, || two_submitters(2, 0, true));
}

/// I2 with failing creations: each job is run or its submitter or its handle hears of it.
#[test]
fn two_submitters_failing_threads() {
    for failures in 1..4 {
        model(move || two_submitters(1, failures, false));
    }
    for failures in 1..8 {
        model_within(2, move || two_submitters(2, failures, false));
    }
}

/// Two submitters; each waits until its job is done or refused.
fn two_submitters(max_threads: usize, failures: u32, expire: bool) {
    let pool = Pool::new(max_threads, failures);
    let submit = move |pool: &Pool| {
        let (job, done) = reporting();
        match pool.spawn(job) {
            Ok(()) => {
                let done = done.recv().expect("a job must not vanish");
                assert!(
                    done == Done::Run || failures != 0,
                    "cancelled without a reason"
                );
            }
            Err(Refused::NoThreads(_)) => assert!(failures != 0),
            Err(Refused::ShutDown(_)) => panic!("nobody shuts down"),
        }
    };
    let other = thread::spawn({
        let pool = pool.clone();
        move || {
            submit(&pool);
            if expire {
                pool.expire_idle();
            }
        }
    });
    submit(&pool);
    other.join().expect("the submitter");
    assert!(pool.shutdown(true));
    assert_eq!(pool.counts(), (0, 0, 0));
}

/// S1: a claim that races with the sleeper's time-out is honoured, by that thread or another.
#[test]
fn claim_races_with_time_out() {
    for failures in [0, 0b10] {
        model(move || {
            let pool = Pool::new(1, failures);
            let (job, done) = reporting();
            pool.spawn(job).expect("the first thread");
            assert_eq!(done.recv().expect("run"), Done::Run);
            // The thread now begins to park, is parked, or has ended.
            let clock = thread::spawn({
                let pool = pool.clone();
                move || pool.expire_idle()
            });
            let (job, done) = reporting();
            match pool.spawn(job) {
                Ok(()) => assert_eq!(done.recv().expect("run"), Done::Run),
                Err(refused) => {
                    assert!(matches!(refused, Refused::NoThreads(_)) && failures != 0);
                }
            }
            clock.join().expect("the clock");
            assert!(pool.shutdown(true));
        });
    }
}

/// I4: a job that waits for the next one gets its second thread, from the submitter or through
/// the chain.
#[test]
fn help_is_passed_on() {
    model(|| pair_of_jobs(&Pool::new(2, 0), 1));
}

/// The same a second time, from parked threads, so that the chain goes through unparks.
#[test]
fn help_is_passed_on_by_wakes() {
    model_within(2, || pair_of_jobs(&Pool::new(2, 0), 2));
}

/// In each round the first of two jobs waits for the second.
fn pair_of_jobs(pool: &Pool, rounds: usize) {
    for _ in 0..rounds {
        let (go, waits_for) = channel();
        let (done, both) = channel();
        let first = Job::new(
            move || {
                waits_for
                    .recv()
                    .expect("the second job runs beside the first");
                done.send(()).expect("the model waits");
            },
            || panic!("nobody shuts down"),
        );
        let second = Job::new(
            move || go.send(()).expect("the first job waits"),
            || panic!("nobody shuts down"),
        );
        pool.spawn(first).expect("a thread");
        pool.spawn(second).expect("a thread");
        both.recv().expect("both jobs run");
    }
    assert!(pool.shutdown(true));
}

/// I6: with the limit at one, an extra job is run although all that is on its way, or in the queue,
/// is for two ordinary ones that wait for it.
#[test]
fn an_extra_job_waits_for_no_ordinary_one() {
    model_within(2, || {
        let pool = Pool::new(1, 0);
        let (first, done) = reporting();
        pool.spawn(first).expect("a thread");
        assert_eq!(done.recv().expect("run"), Done::Run);
        // The thread is parked now, or is about to be.
        let (go_first, first_waits) = channel();
        let (go_second, second_waits) = channel();
        let ordinary = |waits_for: Receiver<()>| {
            Job::new(
                move || waits_for.recv().expect("the extra job runs beside it"),
                || panic!("nobody cancels"),
            )
        };
        let submitter = thread::spawn({
            let (pool, jobs) = (pool.clone(), [first_waits, second_waits].map(ordinary));
            move || jobs.map(|job| pool.spawn(job).expect("a thread"))
        });
        let extra = Job::new(
            move || {
                go_first.send(()).expect("an ordinary job waits");
                go_second.send(()).expect("an ordinary job waits");
            },
            || panic!("nobody cancels"),
        );
        pool.spawn(extra.extra()).expect("a thread");
        submitter.join().expect("the submitter");
        assert!(pool.shutdown(true));
    });
}

/// I2, I6: an extra job whose thread cannot be created comes back, and whoever relied on that
/// thread is run, or told.
#[test]
fn an_extra_job_without_a_thread_comes_back() {
    for failures in 1..8 {
        model_within(2, move || {
            let pool = Pool::new(1, failures);
            let submitter = thread::spawn({
                let pool = pool.clone();
                move || {
                    let (job, done) = reporting();
                    if pool.spawn(job).is_ok() {
                        done.recv().expect("a job must not vanish");
                    }
                }
            });
            let (job, done) = reporting();
            match pool.spawn(job.extra()) {
                Ok(()) => assert_eq!(done.recv().expect("run"), Done::Run),
                Err(refused) => assert!(matches!(refused, Refused::NoThreads(_))),
            }
            submitter.join().expect("the submitter");
            assert!(pool.shutdown(true));
            assert_eq!(pool.counts(), (0, 0, 0));
        });
    }
}

/// A job whose thread could not be created is run once the pool is reminded, although no thread
/// comes to look at the queue.
#[test]
fn a_job_is_tried_again_after_a_failed_creation() {
    model(|| {
        let pool = Pool::new(2, 0b10);
        let (go, waits_for) = channel();
        let first = Job::new(
            move || waits_for.recv().expect("the second job runs beside it"),
            || panic!("nobody cancels"),
        );
        pool.spawn(first).expect("a thread");
        let (second, done) = reporting();
        let clock = thread::spawn({
            let pool = pool.clone();
            move || {
                while !pool.remind() {
                    thread::yield_now();
                }
            }
        });
        pool.spawn(second).expect("queued");
        clock.join().expect("the clock");
        assert_eq!(done.recv().expect("run"), Done::Run);
        go.send(()).expect("the first job waits");
        assert!(pool.shutdown(true));
    });
}

/// P2: every job given to a closing pool is run, cancelled or refused, exactly once.
#[test]
fn shutdown_races_with_submitters() {
    for failures in 0..4 {
        model(move || {
            let pool = Pool::new(2, failures);
            let tally = Tally::default();
            let submitter = thread::spawn({
                let (pool, tally) = (pool.clone(), tally.clone());
                move || (0..2).filter(|_| pool.spawn(tally.job()).is_err()).count()
            });
            assert!(pool.shutdown(true));
            let late = pool.spawn(tally.job());
            assert!(matches!(late, Err(Refused::ShutDown(_))));
            let refused = submitter.join().expect("the submitter");
            assert_eq!(tally.run() + tally.cancelled() + refused, 2);
            assert!(tally.cancelled() == 0 || failures != 0, "accepted, so run");
            assert_eq!(pool.counts(), (0, 0, 0));
        });
    }
}

/// I4, P2 at a shutdown: of two accepted jobs the first waits for the second, which needs a
/// thread that is perhaps created only then.
#[test]
fn help_is_passed_on_at_shutdown() {
    model(|| {
        let pool = Pool::new(2, 0);
        let tally = Tally::default();
        let (go, waits_for) = channel();
        let first = Job::new(
            move || waits_for.recv().expect("the second job runs beside it"),
            || panic!("cancelled"),
        );
        let second = Job::new(
            move || go.send(()).expect("the first job waits"),
            || panic!("cancelled"),
        );
        pool.spawn(first).expect("a thread");
        pool.spawn(second).expect("a thread");
        pool.spawn(tally.job()).expect("a thread");
        assert!(pool.shutdown(true));
        assert_eq!((tally.run(), tally.cancelled()), (1, 0));
    });
}

/// P2: without a wait, a job for which a thread is on its way is run, and one behind a job that
/// does not end is cancelled.
#[test]
fn a_shutdown_without_time_cancels_what_has_no_thread() {
    model(|| {
        let pool = Pool::new(1, 0);
        let (release, released) = channel::<()>();
        let (cancelled, is_cancelled) = channel();
        let stuck = Job::new(
            move || released.recv().expect("the model releases it"),
            || panic!("cancelled, though a thread was created"),
        );
        pool.spawn(stuck).expect("a thread");
        let behind = Job::new(
            || panic!("run, though its thread was busy"),
            move || cancelled.send(()).expect("the model waits"),
        );
        pool.spawn(behind).expect("queued");
        assert!(!pool.shutdown(false));
        is_cancelled.recv().expect("a job must not vanish");
        release.send(()).expect("it waits");
        assert!(pool.shutdown(true));
    });
}

/// A mandatory job that was accepted is run, however the shutdown falls.
#[test]
fn mandatory_jobs_are_run_at_shutdown() {
    model(|| {
        let pool = Pool::new(1, 0);
        let tally = Tally::default();
        pool.spawn(tally.job()).expect("a thread");
        pool.spawn(tally.job().mandatory()).expect("a thread");
        let closer = thread::spawn({
            let pool = pool.clone();
            move || pool.shutdown(false)
        });
        closer.join().expect("the closer");
        assert!(pool.shutdown(true));
        assert_eq!(tally.run() + tally.cancelled(), 2);
        assert!(tally.run() >= 1);
    });
}

/// P3: a shutdown ends although such a job does not, and waits for the thread of another job,
/// however it falls: before the job, during or after it.
#[test]
fn shutdown_leaves_a_job_that_may_be_abandoned() {
    model(|| {
        let pool = Pool::new(2, 0);
        let tally = Tally::default();
        let gate = Arc::new((Mutex::new(false), Condvar::new()));
        let stuck = Job::new(
            {
                let gate = gate.clone();
                move || {
                    let mut is_open = gate.0.lock().unwrap();
                    while !*is_open {
                        is_open = gate.1.wait(is_open).unwrap();
                    }
                }
            },
            || (),
        );
        pool.spawn(stuck.abandonable()).expect("a thread");
        pool.spawn(tally.job()).expect("a thread");
        assert!(pool.shutdown(true), "it waits for ever, so it has ended");
        assert_eq!(tally.run() + tally.cancelled(), 1);
        assert!(pool.counts().0 <= 1, "the other thread is still there");
        *gate.0.lock().unwrap() = true;
        gate.1.notify_all();
    });
}

/// P3: the thread of such a job is counted again when it comes back while others shut down.
#[test]
fn a_thread_that_comes_back_during_shutdown_leaves() {
    model(|| {
        let pool = Pool::new(1, 0);
        let tally = Tally::default();
        pool.spawn(tally.job().abandonable()).expect("a thread");
        let closer = thread::spawn({
            let pool = pool.clone();
            move || pool.shutdown(true)
        });
        assert!(pool.shutdown(true));
        assert!(closer.join().expect("the closer"));
        assert!(tally.run() + tally.cancelled() <= 1);
    });
}
