//! The scheduler: no task is forgotten, none runs twice, whoever sleeps is woken, shutdown ends.
//!
//! The models are the threads; everything they call is the runtime's own. A lost wake-up shows
//! as a deadlock. The invariants are those at the heads of `runtime/src/scheduler/*.rs`.

use loom_tests::{is_nightly, model, model_within, thread};
use runtime::model::scheduler::{Slot, Task, Worker, Workers, multi_thread};
use runtime::runtime::Builder;
use runtime::sync::oneshot;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

/// The bound for models with two workers: every night one more.
fn two_worker_bound() -> usize {
    if is_nightly() { 3 } else { 2 }
}

/// Runs a worker on a thread of its own until shutdown; `task` is called with each task.
fn start(worker: Worker, task: impl Fn(Task) + Send + 'static) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        worker.bind_thread();
        while let Some(found) = worker.next() {
            task(found);
        }
    })
}

/// P2: one worker, which sleeps, searches or falls asleep while a task comes from outside.
#[test]
fn a_task_from_outside_reaches_the_only_worker() {
    model(|| {
        let (workers, mut cores) = Workers::new(1, false);
        let worker = cores.pop().unwrap();
        let ended = workers.clone();
        let thread = start(worker, move |task| {
            task.run();
            ended.begin_shutdown();
        });
        workers.post(Task::new());
        thread.join().unwrap();
        workers.end();
    });
}

/// The flag of shutdown against a worker about to sleep.
#[test]
fn shutdown_ends_the_only_worker() {
    model(|| {
        let (workers, mut cores) = Workers::new(1, false);
        let thread = start(cores.pop().unwrap(), Task::run);
        workers.post(Task::new());
        workers.begin_shutdown();
        thread.join().unwrap();
        workers.end();
    });
}

/// P2 and P3 with two workers: whoever is woken finds the task, and shutdown wakes the other.
#[test]
fn a_task_from_outside_reaches_one_of_two_workers() {
    model_within(two_worker_bound(), || {
        let (workers, cores) = Workers::new(2, false);
        let threads: Vec<_> = cores
            .into_iter()
            .map(|worker| {
                let ended = workers.clone();
                start(worker, move |task| {
                    task.run();
                    ended.begin_shutdown();
                })
            })
            .collect();
        workers.post(Task::new());
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        workers.end();
    });
}

/// Shutdown by one thread while a task comes from another.
#[test]
fn shutdown_ends_two_workers_while_a_task_comes() {
    model_within(two_worker_bound(), || {
        let (workers, cores) = Workers::new(2, false);
        let threads: Vec<_> = cores
            .into_iter()
            .map(|worker| start(worker, Task::run))
            .collect();
        workers.post(Task::new());
        workers.begin_shutdown();
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        workers.end();
    });
}

/// A signal between tasks; loom reports a deadlock if it never comes.
#[cfg(loom)]
use loom::sync::mpsc::{Receiver, Sender, channel};
#[cfg(not(loom))]
use std::sync::mpsc::{Receiver, Sender, channel};

/// P2 with one worker in a long poll: its task waits for the other task, which the other worker
/// must find although it may have been refused the search, or was seen searching by the poster.
#[test]
fn a_worker_in_a_long_poll_strands_nothing_from_outside() {
    model_within(two_worker_bound(), || {
        let (workers, cores) = Workers::new(2, false);
        let (long, short) = (Task::new(), Task::new());
        let long_id = long.id();
        let (done, waits_for): (Sender<()>, Receiver<()>) = channel();
        let waits_for = Arc::new(std::sync::Mutex::new(Some(waits_for)));
        let threads: Vec<_> = cores
            .into_iter()
            .map(|worker| {
                let (done, waits_for, ended) = (done.clone(), waits_for.clone(), workers.clone());
                start(worker, move |task| {
                    if task.id() == long_id {
                        let receiver = waits_for.lock().unwrap().take();
                        receiver
                            .expect("run once")
                            .recv()
                            .expect("the other task runs");
                        ended.begin_shutdown();
                    } else {
                        done.send(()).expect("the long poll waits");
                    }
                    task.run();
                })
            })
            .collect();
        workers.post(long);
        workers.post(short);
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        workers.end();
    });
}

/// A push into the own empty slot wakes nobody; one that displaces wakes one sleeper, once.
#[test]
fn a_push_into_the_own_empty_slot_wakes_nobody() {
    model(|| {
        let (workers, mut cores) = Workers::new(2, false);
        let (owner, sleeper) = (cores.remove(0), cores.remove(0));
        sleeper.fall_asleep();
        owner.push(Task::new());
        assert_eq!(workers.searching(), 0, "the own slot wakes nobody");
        owner.push(Task::new());
        assert_eq!(workers.searching(), 1, "the displaced task wakes one");
        owner.push(Task::new());
        assert_eq!(workers.searching(), 1, "one search is under way");
        assert!(!sleeper.get_up(), "a waker took it off");
        (0..3).for_each(|_| owner.next().expect("a task").run());
        workers.end();
    });
}

/// Also a later push of one poll wakes a sleeper: the first one may have woken it, it has run that
/// task, and sleeps again.
#[test]
fn each_displacing_push_of_a_poll_finds_a_sleeper() {
    model(|| {
        let (workers, mut cores) = Workers::new(2, false);
        let (owner, sleeper) = (cores.remove(0), cores.remove(0));
        owner.push(Task::new());
        for _ in 0..3 {
            sleeper.fall_asleep();
            owner.push(Task::new());
            assert_eq!(workers.searching(), 1, "the displaced task wakes one");
            assert!(!sleeper.get_up(), "a waker took it off");
            sleeper.next().expect("the displaced task").run();
        }
        owner.next().expect("what is left in the slot").run();
        workers.end();
    });
}

/// A worker that takes several tasks from the injector at once shares them: those who queued them
/// saw it awake and woke nobody.
#[test]
fn a_batch_from_the_injector_finds_a_sleeper() {
    model(|| {
        let (workers, mut cores) = Workers::new(2, false);
        let (taker, sleeper) = (cores.remove(0), cores.remove(0));
        workers.post(Task::new());
        workers.post(Task::new());
        sleeper.fall_asleep();
        taker.next().expect("a task").run();
        // Queued by the taker or still in the injector: the sleeper is woken for it.
        assert_eq!(workers.searching(), taker.queued().min(1));
        let rest = taker.next().expect("the other task");
        rest.run();
        let _ = sleeper.get_up();
        workers.end();
    });
}

/// Q1: each task leaves the slot once, whoever takes it, and whole.
#[test]
fn each_task_leaves_the_slot_once() {
    model(|| {
        let slot = Arc::new(Slot::new());
        let thief = thread::spawn({
            let slot = slot.clone();
            move || slot.take().map(|task| (task.id(), task.run()).0)
        });
        let tasks = [Task::new(), Task::new()];
        let put: HashSet<_> = tasks.iter().map(Task::id).collect();
        let mut taken = Vec::new();
        for task in tasks {
            taken.extend(slot.put(task).map(|task| (task.id(), task.run()).0));
        }
        taken.extend(slot.take().map(|task| (task.id(), task.run()).0));
        taken.extend(thief.join().unwrap());
        assert_eq!(taken.len(), 2);
        assert_eq!(taken.into_iter().collect::<HashSet<_>>(), put);
    });
}

/// K1 and the driver guard: two workers wait, in the reactor or beside it; each is woken by its own
/// wake-up, whichever of the two has the driver guard, and whatever happens in the reactor.
#[test]
fn a_wake_reaches_a_worker_wherever_it_waits() {
    a_wake_reaches_both(false);
}

/// K1, for workers that wait awake for a moment first.
#[test]
fn a_wake_reaches_a_worker_that_lingers() {
    a_wake_reaches_both(true);
}

fn a_wake_reaches_both(lingering: bool) {
    for event in [false, true] {
        model_within(2, move || {
            let (workers, cores) = Workers::new(2, false);
            let woken = [flag(), flag()];
            let threads: Vec<_> = cores
                .into_iter()
                .zip(woken.clone())
                .map(|(worker, woken)| {
                    thread::spawn(move || {
                        worker.bind_thread();
                        if lingering {
                            worker.has_handed_a_job_over();
                        }
                        while woken.load(loom_tests::atomic::Ordering::Acquire) == 0 {
                            worker.wait();
                        }
                    })
                })
                .collect();
            if event {
                workers.event();
            }
            for (index, woken) in woken.iter().enumerate() {
                woken.store(1, loom_tests::atomic::Ordering::Release);
                workers.unpark(index);
            }
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
            workers.end();
        });
    }
}

type Flag = loom_tests::Arc<loom_tests::atomic::AtomicUsize>;

fn flag() -> Flag {
    loom_tests::Arc::new(loom_tests::atomic::AtomicUsize::new(0))
}

/// A timer's waker: wakes both workers.
struct WakesBoth {
    fired: Flag,
    workers: Workers,
}

impl Wake for WakesBoth {
    fn wake(self: Arc<Self>) {
        self.fired.store(1, loom_tests::atomic::Ordering::Release);
        self.workers.unpark(0);
        self.workers.unpark(1);
    }
}

/// D1: a worker that parks beside the reactor, with a timer on its own wheel, is waited for by
/// whoever is in the reactor, also if that one began to wait before.
#[test]
fn the_reactors_waiter_fires_the_timers_of_a_parked_worker() {
    model_within(2, || {
        let (workers, mut cores) = Workers::new(2, true);
        let fired = flag();
        let (armed, waits) = (cores.remove(0), cores.remove(0));
        let until_fired = |worker: Worker, fired: Flag| {
            move || {
                worker.bind_thread();
                while fired.load(loom_tests::atomic::Ordering::Acquire) == 0 {
                    worker.wait();
                }
            }
        };
        let waiter = thread::spawn(until_fired(waits, fired.clone()));
        let waker = Waker::from(Arc::new(WakesBoth {
            fired: fired.clone(),
            workers: workers.clone(),
        }));
        armed.arm_ms(5, waker);
        until_fired(armed, fired)();
        waiter.join().unwrap();
        workers.end();
    });
}

/// D3: a worker that goes to sleep while another one looks at the driver waits in the reactor in the
/// end: what happens there ends its wait.
#[test]
fn the_reactor_finds_a_waiter_after_a_look() {
    model_within(2, || {
        let (workers, mut cores) = Workers::with_source(2, false, true);
        let happened = flag();
        let (looks, sleeps) = (cores.remove(0), cores.remove(0));
        let sleeper = thread::spawn({
            let happened = happened.clone();
            move || {
                sleeps.bind_thread();
                while happened.load(loom_tests::atomic::Ordering::Acquire) == 0 {
                    sleeps.wait();
                }
            }
        });
        looks.poll_driver();
        happened.store(1, loom_tests::atomic::Ordering::Release);
        // Its word is not notified: only the reactor is.
        workers.event();
        sleeper.join().unwrap();
        workers.end();
    });
}

/// S4: the last worker waits for a task that another thread wakes.
#[test]
fn a_wake_reaches_the_last_worker_at_the_end() {
    model_within(2, || {
        let runtime = multi_thread(1);
        let tally = Tally::default();
        let (sender, receiver) = oneshot::channel();
        let future = tally.future();
        drop(runtime.spawn(async move {
            future.await;
            let _ = receiver.await;
        }));
        let wakes = thread::spawn(move || sender.send(()));
        drop(runtime);
        let _ = wakes.join().unwrap();
        tally.check(1);
    });
}

/// M1: the monitor goes to sleep while the last sleeping worker wakes up.
#[test]
fn a_worker_that_wakes_up_wakes_the_monitor() {
    model(|| {
        let (workers, mut cores) = Workers::new(1, false);
        let worker = cores.pop().unwrap();
        worker.fall_asleep();
        let monitor = thread::spawn({
            let workers = workers.clone();
            move || workers.sleep_as_monitor()
        });
        assert!(worker.get_up());
        monitor.join().unwrap();
        workers.end();
    });
}

/// M1: the same for a worker that finds a task in its last look and does not wait at all.
#[test]
fn a_worker_that_does_not_wait_after_all_wakes_the_monitor() {
    model(|| {
        let (workers, mut cores) = Workers::new(1, false);
        let worker = cores.pop().unwrap();
        workers.post(Task::new());
        let monitor = thread::spawn({
            let workers = workers.clone();
            move || workers.sleep_as_monitor()
        });
        worker.sleep();
        monitor.join().unwrap();
        worker.next().expect("the task").run();
        drop(worker);
        workers.end();
    });
}

/// T3: a task that another thread spawns while the holder of the core goes to wait.
#[test]
fn current_thread_runs_what_another_thread_spawns() {
    model_within(2, || {
        let runtime = Builder::new_current_thread().build().unwrap();
        let tally = Tally::default();
        let handle = runtime.handle().clone();
        let (sender, receiver) = oneshot::channel();
        let future = tally.future();
        let spawner = thread::spawn(move || {
            drop(handle.spawn(async move {
                future.await;
                sender.send(()).unwrap();
            }));
        });
        runtime.block_on(receiver).unwrap();
        spawner.join().unwrap();
        drop(runtime);
        tally.check(1);
    });
}

/// T2: two threads in `block_on`, each with a task to wait for: one runs both, or the core goes on.
#[test]
fn current_thread_hands_the_core_over() {
    model_within(2, || {
        let runtime = loom_tests::Arc::new(Builder::new_current_thread().build().unwrap());
        let tally = Tally::default();
        let run = {
            let tally = tally.clone();
            move |runtime: &runtime::runtime::Runtime| {
                runtime.block_on(async { runtime::spawn(tally.future()).await.unwrap() });
            }
        };
        let other = thread::spawn({
            let (runtime, run) = (runtime.clone(), run.clone());
            move || run(&runtime)
        });
        run(&runtime);
        other.join().unwrap();
        drop(runtime);
        tally.check(2);
    });
}

/// The whole: one worker, one task, joined by its spawner; then shutdown.
#[test]
fn one_worker_runs_a_task_and_ends() {
    model_within(2, || {
        let runtime = multi_thread(1);
        let tally = Tally::default();
        runtime.block_on(async { runtime::spawn(tally.future()).await.unwrap() });
        drop(runtime);
        tally.check(1);
    });
}

/// The same with two workers.
#[test]
fn two_workers_run_a_task_and_end() {
    model_within(if is_nightly() { 2 } else { 1 }, || {
        let runtime = multi_thread(2);
        let tally = Tally::default();
        runtime.block_on(async { runtime::spawn(tally.future()).await.unwrap() });
        drop(runtime);
        tally.check(1);
    });
}

/// The whole: shutdown while a task that never ends is somewhere between the queues.
#[test]
fn two_workers_end_with_a_pending_task() {
    model_within(if is_nightly() { 2 } else { 1 }, || {
        let runtime = multi_thread(2);
        let tally = Tally::default();
        let future = tally.future();
        let join = runtime.spawn(async move {
            future.await;
            std::future::pending::<()>().await;
        });
        drop(runtime);
        assert!(loom_tests::block_on(join).unwrap_err().is_cancelled());
        tally.check(1);
    });
}

/// Futures made and dropped. Std atomics: they add no step and order nothing.
#[derive(Clone, Default)]
struct Tally(Arc<(AtomicUsize, AtomicUsize)>);

struct Counted(Tally);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.1.fetch_add(1, Ordering::Relaxed);
    }
}

impl Tally {
    fn future(&self) -> impl Future<Output = ()> + Send + 'static {
        self.0.0.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(self.clone());
        async move { drop(counted) }
    }

    fn check(&self, made: usize) {
        assert_eq!(self.0.0.load(Ordering::Relaxed), made);
        assert_eq!(
            self.0.1.load(Ordering::Relaxed),
            made,
            "futures made and dropped differ"
        );
    }
}
